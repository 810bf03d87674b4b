"""Comparison of two kinds of constraint, for studies whose conditions differ in objective and constraint alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from studies.analysis.comparison import Comparison
from studies.file.condition import Condition
from studies.reporting.text.finding import Finding, LargestP, largest_p
from studies.reporting.text.target_distance import goal
from studies.tables.ranking import last_evaluations


class Costs(NamedTuple):
    """Final critic slopes with both constraints, and the training time with the first in units of the second's."""

    slopes: tuple[float, float]
    time_ratio: float


@dataclass(frozen=True, kw_only=True)
class ConstraintEffect(Finding):
    """Two kinds of constraint compared under the same objectives.

    first, second    kinds; the settings found with the first end closer for at least as many objectives
    objectives       number of objectives
    closer, farther  number of objectives for which the settings found with the first are decided to end closer, farther
    p                largest p-value of the objectives
    distances        objective, distance with the first and with the second; NaN if too many seeds failed
    costs            None if unknown for one constraint
    """

    first: str
    second: str
    goal: str
    objectives: int
    closer: int
    farther: int
    p: LargestP
    distances: tuple[tuple[str, float, float], ...]
    costs: Costs | None


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


def constraint_effect(comparison: Comparison) -> Iterator[Finding]:
    """Comparison of two kinds of constraint; none unless both occur with equal objectives, all else equal."""
    design = _design(comparison)
    if design is None:
        return
    distances = comparison.ranking.set_index("condition")["distance"]
    rows = _pairs(comparison, design.conditions)
    closer, farther = (
        int(_decided_for(comparison, design.conditions, kind).sum()) for kind in (design.first, design.second)
    )
    yield ConstraintEffect(
        first=design.first,
        second=design.second,
        goal=goal(comparison),
        objectives=len(rows),
        closer=closer,
        farther=farther,
        p=largest_p(rows, comparison.pairs),
        distances=tuple(
            (objective, distances[pair[design.first]], distances[pair[design.second]])
            for objective, pair in design.conditions.items()
        ),
        costs=_costs(comparison, design),
    )


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
    if any(condition.own_loop for condition in conditions):
        return {}
    for condition in conditions:
        group = groups.setdefault(condition.kind("objective"), {})
        kind = condition.kind("constraint")
        if kind in group or condition.name not in ranked or not _otherwise_equal(condition, conditions[0]):
            return {}
        group[kind] = condition.name
    return groups


def _otherwise_equal(condition: Condition, other: Condition) -> bool:
    return condition.hyperparameters == other.hyperparameters and all(
        condition.table[part] == other.table[part] for part in ("networks", "training")
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


# -- costs -------------------------------------------------------------------------------------------------------------


def _costs(comparison: Comparison, design: _Design) -> Costs | None:
    """Final critic slopes and the ratio of training times; None if either is unknown for one constraint."""
    first, second = (_critic_slope(comparison, design, kind) for kind in (design.first, design.second))
    seconds = [_seconds(comparison, design, kind) for kind in (design.first, design.second)]
    if np.isnan([first, second]).any() or min(seconds) <= 0:
        return None
    return Costs((first, second), seconds[0] / seconds[1])


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
