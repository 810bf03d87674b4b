"""What a study says: intervals, volumes, widths, budget curves, pairs, and the ranking with its robustness.

from studies.comparison import Comparison
Comparison(studies.results("first-study")).volumes
"""

from studies.comparison.comparison import Comparison
from studies.comparison.intervals import bootstrap_interval, interquartile_mean, interquartile_means, wilson
from studies.comparison.ranking import RANKING, rank
from studies.comparison.together import profile, together

__all__ = [
    "RANKING",
    "Comparison",
    "bootstrap_interval",
    "interquartile_mean",
    "interquartile_means",
    "profile",
    "rank",
    "together",
    "wilson",
]
