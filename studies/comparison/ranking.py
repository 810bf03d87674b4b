"""The headline ranking: what the confirmed members say about the conditions."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from studies.comparison.intervals import bootstrap_interval, interquartile_mean, wilson
from studies.comparison.schema import table_of

RANKING: dict[str, str] = {
    "rank": "int64",
    "condition": "str",
    "trial": "int64",
    "distance": "float64",
    "distance_low": "float64",
    "distance_high": "float64",
    "failure_rate": "float64",
    "failure_low": "float64",
    "failure_high": "float64",
    "members": "int64",
}
STANDINGS: dict[str, str] = {
    name: RANKING[name] for name in ("rank", "condition", "trial", "distance", "failure_rate", "members")
}

FIRST = 0
"""The number of the trial that confirms the configuration ranked first."""


def rank(members: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """The headline ranking, from confirm alone: a row per condition, the best first, columns as in `RANKING`.

    Of each condition only the first confirm trial counts: the configuration ranked first before confirm, so that
    nothing is chosen and judged on the same noise. Before it has ended the condition is not confirmed, whatever else
    has. A member fails unless its outcome is `stable`; one of a trial that was given up has no outcome, and failed.

    distance       interquartile mean of the late distances, failed members ranked as +inf; empty where "failed"
    distance_low   ends of its bootstrap interval; an empty upper end reaches into "failed", an empty lower end too
    distance_high  (then no resample in the lower tail succeeded)
    failure_rate   failed / members, with its Wilson interval `failure_low`, `failure_high`

    Order: distance; failed conditions last; ties by failure rate, then by name. Every condition is resampled from the
    same seed: its row does not depend on which others there are.

    Errors: `ValueError` for a stable member without a late distance.
    """
    ends = {condition: intervals(distances, seed) for condition, _, distances in first_confirmed(members)}
    table = standings(members)
    return table_of(({**row, **ends[row["condition"]]} for row in table.to_dict("records")), RANKING)


def standings(members: pd.DataFrame) -> pd.DataFrame:
    """The ranking without its intervals, which take nearly all of its time."""
    rows = [
        {
            "rank": 0,
            "condition": condition,
            "trial": trial,
            **middle(distances),
        }
        for condition, trial, distances in first_confirmed(members)
    ]
    table = table_of(rows, STANDINGS)
    table = table.sort_values(["distance", "failure_rate", "condition"], na_position="last", ignore_index=True)
    return table.assign(rank=np.arange(1, len(table) + 1, dtype=np.int64))


def winners(frame: pd.DataFrame, phase: str = "confirm") -> pd.DataFrame:
    """The rows of each condition's first confirmed configuration, of trials, members or curves."""
    return frame[(frame["phase"] == phase) & (frame["trial"] == FIRST)]


def first_confirmed(
    members: pd.DataFrame, phase: str = "confirm"
) -> Iterator[tuple[str, int, Float[np.ndarray, "members"]]]:
    """Each condition that is confirmed, the confirm trial that counts, and its members' `failed_as_infinity`.

    Or the same of the authors' arm, where that is the phase.
    """
    for condition, group in winners(members, phase).groupby("condition", observed=True):
        yield str(condition), int(group["trial"].iloc[0]), failed_as_infinity(group)


def failed_as_infinity(members: pd.DataFrame) -> Float[np.ndarray, "members"]:
    """The late distance of each member, +inf unless its outcome is `stable`."""
    distances = members["late_distance"].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(is_stable(members), distances, np.inf)


def is_stable(members: pd.DataFrame) -> Bool[np.ndarray, "members"]:
    """Which of them are stable; a missing outcome is not."""
    return (members["outcome"] == "stable").to_numpy(dtype=bool, na_value=False)


def middle(distances: Float[np.ndarray, "members"]) -> dict[str, float]:
    """Distance, failure rate and number of a configuration's members."""
    return {
        "distance": _empty_if_failed(interquartile_mean(distances)),
        "failure_rate": np.isinf(distances).sum() / len(distances),
        "members": len(distances),
    }


def intervals(distances: Float[np.ndarray, "members"], seed: int) -> dict[str, float]:
    """The ends of the intervals of the first two."""
    low, high = bootstrap_interval(distances, seed=seed)
    failure_low, failure_high = wilson(int(np.isinf(distances).sum()), len(distances))
    return {
        "distance_low": _empty_if_failed(low),
        "distance_high": _empty_if_failed(high),
        "failure_low": failure_low,
        "failure_high": failure_high,
    }


def _empty_if_failed(distance: float) -> float:
    return np.nan if np.isinf(distance) else distance
