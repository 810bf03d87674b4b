"""Comparison of several studies, by the ratio of each distance to the smallest distance in the same study."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from gan_core.outcomes import progress
from studies.analysis.comparison import Comparison
from studies.tables.columns import table_of

CROSS_STUDY_RANKING: dict[str, str] = {
    "condition": "str",
    "study": "str",
    "data": "str",
    "rank": "Int64",
    "distance": "float64",
    "progress": "float64",
    "ratio": "float64",
    "failure_rate": "float64",
    "members": "int64",
}
PROFILE: dict[str, str] = {"condition": "str", "ratio": "float64", "share": "float64", "studies": "int64"}
RATIOS = (1.0, 1.1, 1.25, 1.5, 2.0, 4.0)
"""Ratios to the smallest distance at which a performance profile is computed."""


def cross_study_ranking(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """A row per condition and study in which it is confirmed; columns as in `CROSS_STUDY_RANKING`.

    data          kind of the study's data
    rank          rank of the condition in the study
    distance      distance of its confirm trial; empty if the trial has none
    progress      the distance on the scale from the constant (0) to real data (1): distances on different data have no
                  common unit
    ratio         distance / smallest distance of the study; empty without a distance. If the smallest one is 0, the
                  ratio is 1 for that distance and empty for all others
    failure_rate  share of the `members` of its confirm trial that failed
    """
    rows = []
    for comparison in comparisons:
        study, ranking = comparison.results.study, comparison.ranking
        for row in ranking.itertuples():
            rows.append(
                {
                    "condition": row.condition,
                    "study": study.name,
                    "data": study.data.kind,
                    "rank": row.rank,
                    "distance": row.distance,
                    "progress": _progress(row.distance, comparison.results.reference_distances),
                    "ratio": _ratio(row.distance, ranking["distance"].min()),
                    "failure_rate": row.failure_rate,
                    "members": row.members,
                }
            )
    return table_of(rows, CROSS_STUDY_RANKING)


def performance_profile(table: pd.DataFrame) -> pd.DataFrame:
    """Performance profile of the conditions that occur in every study of a `cross_study_ranking`.

    Columns as in `PROFILE`:

    share  share of the `studies` in which the condition's distance is at most `ratio` times the smallest distance of
           these conditions in that study; a condition without a distance in a study does not count there

    Source: Dolan & More 2002, doi:10.1007/s101070100263.
    """
    studies = table["study"].nunique()
    studies_of = table.groupby("condition", sort=False)["study"].nunique()
    shared = table[table["condition"].isin(studies_of.index[studies_of == studies])]
    best = shared.groupby("study")["distance"].min()
    rows = []
    for condition, group in shared.groupby("condition", sort=False):
        ratios = np.array([_ratio(row.distance, best[row.study]) for row in group.itertuples()])
        rows += [
            {"condition": condition, "ratio": ratio, "share": np.mean(ratios <= ratio), "studies": studies}
            for ratio in RATIOS
        ]
    return table_of(rows, PROFILE)


def _progress(distance: float, references: Mapping[str, float | None]) -> float:
    """Progress of a distance between these reference distances; NaN if they are not known."""
    constant, real = references.get("constant"), references.get("real")
    if constant is None or real is None:
        return np.nan
    return float(progress(np.array([distance]), constant=constant, real=real)[0])


def _ratio(distance: float, best: float) -> float:
    """distance / best; if `best` is 0, the ratio is 1 for a distance of 0 and else NaN."""
    if distance == best:
        return 1.0
    return distance / best if best else np.nan
