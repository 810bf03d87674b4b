"""Ranking of the conditions, from the members of their confirm trials."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from studies.statistics.intervals import bootstrap_interval, interquartile_mean, wilson
from studies.tables.columns import table_of

RANKING: dict[str, str] = {
    "rank": "Int64",
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
"""Columns of the ranking."""
STANDINGS: dict[str, str] = {
    name: RANKING[name] for name in ("rank", "condition", "trial", "distance", "failure_rate", "members")
}
"""Columns of the ranking without intervals."""

FIRST = 0
"""Index of the confirm trial that trains the setting found for a condition, and of an authors' trial."""


def rank(members: pd.DataFrame, *, seed: int, groups: int = 1) -> pd.DataFrame:
    """Ranking of the conditions, from confirm alone: a row per condition, best first, columns as in `RANKING`.

    Only the setting found counts, which the first confirm trial of each condition trains, so no configuration is chosen
    and evaluated on the same seeds; with up to `groups` groups of fresh seeds the members of all groups together. A
    condition has no row unless the first trial is finished: one that ended without a result says nothing about the
    condition's training. A member failed unless its outcome is `stable`.

    rank           1 for the best; empty without a distance: of such a condition no working setting was found
    distance       interquartile mean of the late distances, failed members as +inf; empty if it is +inf
    distance_low   ends of its bootstrap interval; an end at +inf is empty
    distance_high
    failure_rate   failed members / members, with its Wilson interval `failure_low`, `failure_high`

    Order: by distance, conditions without a distance last; ties by failure rate, then by name. The bootstrap uses the
    same seed for every condition, so a row depends on the other conditions only in its rank.

    Errors: `ValueError` for a stable member without a late distance.
    """
    ends = {condition: interval_ends(distances, seed) for condition, _, distances in of_settings_found(members, groups)}
    table = standings(members, groups)
    return table_of(({**row, **ends[row["condition"]]} for row in table.to_dict("records")), RANKING)


def standings(members: pd.DataFrame, groups: int = 1) -> pd.DataFrame:
    """The ranking without its intervals, whose bootstrap takes nearly all of the time."""
    rows = [
        {
            "rank": pd.NA,
            "condition": condition,
            "trial": trial,
            **point_estimates(distances),
        }
        for condition, trial, distances in of_settings_found(members, groups)
    ]
    table = table_of(rows, STANDINGS)
    table = table.sort_values(["distance", "failure_rate", "condition"], na_position="last", ignore_index=True)
    places = pd.Series(np.arange(1, len(table) + 1), dtype="Int64")
    return table.assign(rank=places.where(table["distance"].notna()))


def winners(frame: pd.DataFrame, phase: str = "confirm") -> pd.DataFrame:
    """Rows of a table of trials, members or curves that belong to the first trial of each condition in a phase."""
    return frame[(frame["phase"] == phase) & (frame["trial"] == FIRST)]


def ranked(frame: pd.DataFrame, groups: int) -> pd.DataFrame:
    """Rows of a table of trials, members or curves that enter the ranking: the settings found, on all fresh seeds.

    groups  largest number of groups of fresh seeds, each trained by a trial (`search.confirm.groups`)
    """
    return frame[(frame["phase"] == "confirm") & (frame["trial"] < FIRST + groups)]


def last_evaluations(curves: pd.DataFrame) -> pd.DataFrame:
    """Rows of a table of curves that belong to the last evaluation of each member, whatever their values."""
    members = ["condition", "phase", "trial", "seed"]
    return curves[curves["step"] == curves.groupby(members, observed=True)["step"].transform("max")]


def first_confirmed(
    members: pd.DataFrame, phase: str = "confirm"
) -> Iterator[tuple[str, Float[np.ndarray, "members"]]]:
    """Condition and distances (see `failed_as_infinity`) of each condition's first trial in a phase."""
    for condition, rows in winners(members, phase).groupby("condition", observed=True):
        yield str(condition), failed_as_infinity(rows)


def of_settings_found(members: pd.DataFrame, groups: int) -> Iterator[tuple[str, int, Float[np.ndarray, "members"]]]:
    """Condition, index of its first trial and distances of all fresh seeds of each setting found."""
    for condition, rows in ranked(members, groups).groupby("condition", observed=True):
        yield str(condition), int(rows["trial"].min()), failed_as_infinity(rows)


def groups_of_seeds(members: pd.DataFrame, groups: int) -> dict[str, list[Float[np.ndarray, "members"]]]:
    """Distances of the fresh seeds of each setting found, group by group, up to the first group without a result."""
    found: dict[str, list[Float[np.ndarray, "members"]]] = {}
    for (condition, trial), rows in ranked(members, groups).groupby(["condition", "trial"], observed=True):
        if trial == FIRST + len(found.get(str(condition), ())):
            found.setdefault(str(condition), []).append(failed_as_infinity(rows))
    return found


def median_index(members: pd.DataFrame) -> int:
    """Index of the row of median late distance, the nearer of two; a member without a distance ranks last."""
    late = members["late_distance"].to_numpy(np.float64)
    return int(np.argsort(late, kind="stable")[(len(late) - 1) // 2])


def failed_as_infinity(members: pd.DataFrame) -> Float[np.ndarray, "members"]:
    """The late distance of each member, +inf unless its outcome is `stable`."""
    distances = members["late_distance"].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(is_stable(members), distances, np.inf)


def is_stable(members: pd.DataFrame) -> Bool[np.ndarray, "members"]:
    """True for each member whose outcome is `stable`."""
    return (members["outcome"] == "stable").to_numpy(dtype=bool)


def point_estimates(distances: Float[np.ndarray, "members"]) -> dict[str, float]:
    """Distance, failure rate and number of members of one configuration, from distances that are +inf for failures."""
    return {
        "distance": _empty_if_failed(interquartile_mean(distances)),
        "failure_rate": np.isinf(distances).sum() / len(distances),
        "members": len(distances),
    }


def interval_ends(distances: Float[np.ndarray, "members"], seed: int) -> dict[str, float]:
    """Ends of the intervals of distance and failure rate, from the same distances; an end at +inf becomes NaN."""
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
