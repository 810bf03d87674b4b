"""What a study says: intervals, volumes, widths, budget curves, pairs, and the ranking with its robustness.

from studies.comparison import Comparison
Comparison(studies.results("first-study")).volumes
"""

from studies.comparison.comparison import Comparison
from studies.comparison.intervals import bootstrap_interval, interquartile_mean, wilson
from studies.comparison.ranking import RANKING, rank

__all__ = ["RANKING", "Comparison", "bootstrap_interval", "interquartile_mean", "rank", "wilson"]
