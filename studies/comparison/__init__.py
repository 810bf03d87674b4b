"""What a study says: intervals, volumes, widths, budget curves, and the ranking."""

from studies.comparison.intervals import bootstrap_interval, interquartile_mean, wilson
from studies.comparison.ranking import RANKING, rank

__all__ = ["RANKING", "bootstrap_interval", "interquartile_mean", "rank", "wilson"]
