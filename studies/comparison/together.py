"""Several studies beside each other: how near each condition comes to the best one on every data set."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gan_core.stability import progress
from studies.comparison.comparison import Comparison
from studies.comparison.schema import table_of

TOGETHER: dict[str, str] = {
    "condition": "str",
    "study": "str",
    "data": "str",
    "rank": "int64",
    "distance": "float64",
    "progress": "float64",
    "ratio": "float64",
    "failure_rate": "float64",
    "members": "int64",
}
PROFILE: dict[str, str] = {"condition": "str", "ratio": "float64", "share": "float64", "studies": "int64"}
RATIOS = (1.0, 1.1, 1.25, 1.5, 2.0, 4.0)


def together(compared: Sequence[Comparison]) -> pd.DataFrame:
    """A row per condition and study in which it is confirmed; columns as in `TOGETHER`.

    data          what the study learns
    rank          among the study's own conditions, with its `distance`, empty where "failed"
    progress      how far towards real data that is: distances of different data have no common unit
    ratio         distance / the smallest distance of the study; empty where "failed", and beside a smallest one of 0
    failure_rate  of its `members`
    """
    rows = []
    for one in compared:
        ref, floor = one.results.lines.get("ref"), one.results.lines.get("floor")
        best = one.ranking["distance"].min()
        for row in one.ranking.itertuples():
            distance = np.array([row.distance])
            reached = np.nan if ref is None or floor is None else progress(distance, ref=ref, floor=floor)[0]
            rows.append(
                {
                    "condition": row.condition,
                    "study": one.results.study.name,
                    "data": one.results.study.data.kind,
                    "rank": row.rank,
                    "distance": row.distance,
                    "progress": reached,
                    "ratio": _ratio(row.distance, best),
                    "failure_rate": row.failure_rate,
                    "members": row.members,
                }
            )
    return table_of(rows, TOGETHER)


def profile(table: pd.DataFrame) -> pd.DataFrame:
    """The performance profile of the conditions that every study of `together` has; columns as in `PROFILE`.

    share  of the `studies` on which the condition's distance is at most `ratio` times the smallest of these conditions
           there, which is what the others are held against; where it failed it never is

    Source: Dolan & More 2002, doi:10.1007/s101070100263.
    """
    studies = table["study"].nunique()
    found = table.groupby("condition", sort=False)["study"].nunique()
    shared = table[table["condition"].isin(found.index[found == studies])]
    best = shared.groupby("study")["distance"].min()
    rows = []
    for condition, group in shared.groupby("condition", sort=False):
        ratios = [_ratio(row.distance, best[row.study]) for row in group.itertuples()]
        rows += [
            {"condition": condition, "ratio": ratio, "share": np.mean([one <= ratio for one in ratios])}
            for ratio in RATIOS
        ]
    return table_of(({**row, "studies": studies} for row in rows), PROFILE)


def _ratio(distance: float, best: float) -> float:
    """1 for the best one, also where it is at 0, which no other one is a multiple of."""
    if distance == best:
        return 1.0
    return distance / best if best else np.nan
