"""Figures of a study."""

from studies.figures.live import draw_samples
from studies.figures.ranking import ranking_picture
from studies.figures.sheets import sample_sheet

__all__ = ["draw_samples", "ranking_picture", "sample_sheet"]
