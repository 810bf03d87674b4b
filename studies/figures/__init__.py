"""Figures of a study, each drawn from its results or from a table of its comparison.

Each function draws one figure in a theme and gives it back with a caption and its numbers in words; None where the data
cannot support it. `save` writes it; `svg` makes a figure in the theme "both" an element of a page in either.
"""

from studies.figures.course import causes, learning_curves, survival
from studies.figures.explored import knob_pairs, outcome_map
from studies.figures.inline import STYLE, letters, svg, variables
from studies.figures.live import draw_samples
from studies.figures.moments import course_of_samples
from studies.figures.plane import modes, plane
from studies.figures.quality import precision_coverage
from studies.figures.ranking import confirmed, ranking_picture
from studies.figures.sheets import sample_sheet, samples
from studies.figures.stability import chance_of_success, stable_volume, stable_widths
from studies.figures.style import THEMES, Drawn, ThemeName, save
from studies.figures.tuning import tuning

__all__ = [
    "STYLE",
    "THEMES",
    "Drawn",
    "ThemeName",
    "causes",
    "chance_of_success",
    "confirmed",
    "course_of_samples",
    "draw_samples",
    "knob_pairs",
    "learning_curves",
    "letters",
    "modes",
    "outcome_map",
    "plane",
    "precision_coverage",
    "ranking_picture",
    "sample_sheet",
    "samples",
    "save",
    "stable_volume",
    "stable_widths",
    "survival",
    "svg",
    "tuning",
    "variables",
]
