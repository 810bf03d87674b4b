"""Comparison of two kinds of constraint, for studies whose conditions differ in objective and constraint alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from studies.analysis.comparison import Comparison
from studies.file.condition import Condition
from studies.reporting.text.phrases import distance_in_words, goal, largest_p
from studies.tables.ranking import last_evaluations


@dataclass(frozen=True)
class _Design:
    """Two kinds of constraint under the same objectives.

    conditions  name of the condition, by objective and kind of constraint
    first       the kind whose settings found are decided to end closer for more objectives; if both kinds have equal
                numbers, the kind that has the smaller distance for more objectives
    second      the other kind
    """

    conditions: Mapping[str, Mapping[str, str]]
    first: str
    second: str


def constraint_clause(comparison: Comparison) -> str:
    """Clause that compares two kinds of constraint; empty unless both occur with equal objectives, all else equal."""
    design = _design(comparison)
    if design is None:
        return ""
    distances = comparison.ranking.set_index("condition")["distance"]
    numbers = [
        f"{' against '.join(distance_in_words(distances[pair[kind]]) for kind in (design.first, design.second))} "
        f"for {objective}"
        for objective, pair in design.conditions.items()
    ]
    return f"{_result(comparison, design)}: {', '.join(numbers)}{_costs(comparison, design)}"


def _design(comparison: Comparison) -> _Design | None:
    ranking = comparison.ranking
    groups = _groups(comparison)
    kinds = {frozenset(group) for group in groups.values()}
    if len(kinds) != 1 or len(pair_of_kinds := sorted(next(iter(kinds)))) != 2 or ranking["distance"].isna().all():
        return None
    distances = ranking.set_index("condition")["distance"].fillna(np.inf)
    wins = dict.fromkeys(pair_of_kinds, 0)
    for pair in groups.values():
        wins[min(pair, key=lambda kind: distances[pair[kind]])] += 1
    first, second = sorted(pair_of_kinds, key=lambda kind: (-_decided_for(comparison, groups, kind).sum(), -wins[kind]))
    return _Design(groups, first, second)


def _groups(comparison: Comparison) -> dict[str, dict[str, str]]:
    """Name of the condition by objective and kind of constraint; empty if more differs or one is not ranked."""
    conditions, ranked = comparison.results.study.conditions, set(comparison.ranking["condition"])
    groups: dict[str, dict[str, str]] = {}
    for condition in conditions:
        group = groups.setdefault(str(condition.table["objective"]["kind"]), {})
        kind = str(condition.table["constraint"]["kind"])
        if kind in group or condition.name not in ranked or not _otherwise_equal(condition, conditions[0]):
            return {}
        group[kind] = condition.name
    return groups


def _otherwise_equal(condition: Condition, other: Condition) -> bool:
    return condition.hyperparameters == other.hyperparameters and all(
        condition.table[part] == other.table[part] for part in ("networks", "training")
    )


def _result(comparison: Comparison, design: _Design) -> str:
    """Clause that says for how many objectives the settings found with each constraint end closer, or are undecided."""
    rows = _pairs(comparison, design.conditions)
    closer, farther = (
        int(_decided_for(comparison, design.conditions, kind).sum()) for kind in (design.first, design.second)
    )
    objectives = {1: "", 2: " for both objectives"}.get(len(rows), " for every objective")
    first, second = (f"with {_in_words(kind)}" for kind in (design.first, design.second))
    if not closer:
        return (
            f"whether the settings found {first} or those found {second} end closer to {goal(comparison)} is "
            f"undecided{objectives}"
        )
    opening = f"the settings found {first} end closer to {goal(comparison)} than those found {second}"
    if closer == len(rows):
        return f"{opening}{objectives} ({largest_p(rows)})"
    undecided = len(rows) - closer - farther
    return (
        f"{opening} for {closer} of {len(rows)} objectives{f', farther for {farther}' if farther else ''}"
        f"{f', and for {undecided} it is undecided' if undecided else ''}"
    )


def _pairs(comparison: Comparison, conditions: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """The row of the table of pairs for each objective; `conditions` is that of `_Design`."""
    pairs = comparison.pairs
    return pd.concat(
        pairs[pairs["condition"].isin(list(pair.values())) & pairs["other"].isin(list(pair.values()))]
        for pair in conditions.values()
    )


def _decided_for(comparison: Comparison, conditions: Mapping[str, Mapping[str, str]], kind: str) -> "pd.Series[bool]":
    """True for each of `_pairs` in which the setting found with this kind of constraint is decided to end closer."""
    rows, names = _pairs(comparison, conditions), {pair[kind] for pair in conditions.values()}
    return rows["decided"] & ((rows["effect"] > 0.5) == rows["condition"].isin(names))


def _in_words(kind: str) -> str:
    return "no constraint" if kind == "none" else kind.replace("_", " ")


# -- costs -------------------------------------------------------------------------------------------------------------


def _costs(comparison: Comparison, design: _Design) -> str:
    """Clause on final critic slopes and the ratio of training times; empty if either is unknown for one constraint."""
    slopes = [_critic_slope(comparison, design, kind) for kind in (design.first, design.second)]
    seconds = [_seconds(comparison, design, kind) for kind in (design.first, design.second)]
    if np.isnan(slopes).any() or min(seconds) <= 0:
        return ""
    return (
        f"; the median critic slope at the end is {slopes[0]:.2g} with {_in_words(design.first)} and {slopes[1]:.2g} "
        f"with {_in_words(design.second)}, and the training time of the former is {seconds[0] / seconds[1]:.2g} times "
        "that of the latter"
    )


def _critic_slope(comparison: Comparison, design: _Design, kind: str) -> float:
    """Median of the last critic slopes of the confirmed members with this kind of constraint."""
    curves, names = comparison.results.curves, [pair[kind] for pair in design.conditions.values()]
    slopes = comparison.results.ranked(curves[curves["metric"] == "critic_slope"])
    slopes = slopes[slopes["condition"].isin(names)]
    return float(last_evaluations(slopes)["value"].median())


def _seconds(comparison: Comparison, design: _Design, kind: str) -> float:
    """Total training time of the confirmed trials with this kind of constraint, in seconds."""
    trials, names = comparison.results.trials, [pair[kind] for pair in design.conditions.values()]
    return float(comparison.results.ranked(trials[trials["condition"].isin(names)])["elapsed_seconds"].sum())
