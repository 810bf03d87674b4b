"""Findings about the settings tried in explore: how many of them work, by condition."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from studies.analysis.comparison import Comparison
from studies.analysis.explore_trials import ExploreTrials, seeds_that_must_reach
from studies.numbers import format_distance
from studies.reporting.text.decided_pairs import decided_groups, number_needed
from studies.reporting.text.explore_caveats import FEW_CONFIGURATIONS
from studies.reporting.text.finding import Finding, Interval, LargestP, Names, Part, first_findings, largest_p
from studies.reporting.text.target_distance import goal, rows_at_target, volumes_at_target
from studies.statistics.permutation import LEVEL

Kind = Literal["listed", "drawn", "repeated"]


class WorkingSettings(NamedTuple):
    """Settings that work of each of some conditions; `interval` is that of their share, None for listed settings."""

    settings: Part
    conditions: Names
    interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class WorkingRule(Finding):
    """The rule by which a setting works: `needed` of its seeds are stable and end within `tau` of the goal.

    progress  the share of the way from a constant to real data, None if unknown or without meaning
    """

    seeds: int
    needed: int
    tau: float
    goal: str
    progress: float | None


@dataclass(frozen=True, kw_only=True)
class TargetsTried(Finding):
    """The target distances; `progress` are their shares of the way from a constant to real data, empty if unknown."""

    targets: tuple[float, ...]
    progress: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class TargetUsed(Finding):
    """The target distance used: the smallest that settings of two conditions reach, or the largest of all."""

    tau: float
    is_reached_by_two: bool


@dataclass(frozen=True, kw_only=True)
class TargetChosenAfterwards(Finding):
    """The target distance was chosen from the results."""


@dataclass(frozen=True, kw_only=True)
class SharesOfSettings(Finding):
    """The settings that work, by condition; `kind` says how the settings came about."""

    kind: Kind
    shares: tuple[WorkingSettings, ...]


@dataclass(frozen=True, kw_only=True)
class LargerShare(Finding):
    """The shares of `larger` are decided to be larger than those of `smaller`."""

    larger: Names
    smaller: Names
    p: LargestP


@dataclass(frozen=True, kw_only=True)
class ShareDecisionRule(Finding):
    """The rule by which a difference between two shares is decided."""

    level: float = LEVEL


@dataclass(frozen=True, kw_only=True)
class UndecidedShares(Finding):
    """The number of undecided differences of all; `p` is the largest p-value of all differences."""

    undecided: Part
    p: LargestP


def searched_conditions(comparison: Comparison) -> list[ExploreTrials]:
    """The explore trials of each condition that searches a hyperparameter and has explore trials that count."""
    return [condition for condition in comparison.explored if condition.hyperparameters and condition.configurations]


def working_settings(volumes: pd.DataFrame) -> tuple[WorkingSettings, ...]:
    """The settings that work, in the order of `volumes`, conditions with equal numbers together."""
    counts = []
    for _, rows in volumes.groupby(["reached", "configurations"], sort=False):
        row = rows.iloc[0]
        counts.append(WorkingSettings(settings_that_work(row), tuple(rows["condition"]), interval_of_share(row)))
    return tuple(counts)


def settings_that_work(row: "pd.Series") -> Part:
    """Number of working settings of a condition, of its explore settings."""
    return Part(int(row["reached"]), int(row["configurations"]))


def interval_of_share(row: "pd.Series") -> Interval | None:
    """Interval of the share of settings that work; None if the settings were listed in the study file."""
    return None if np.isnan(row["volume_low"]) else (float(row["volume_low"]), float(row["volume_high"]))


# -- share of settings that work ---------------------------------------------------------------------------------------


def share_findings(comparison: Comparison) -> Iterator[Finding]:
    """The rule by which a setting works, the shares that work, and their decided and undecided differences."""
    volumes = volumes_at_target(comparison)
    if volumes.empty:
        return
    yield working_rule(comparison, volumes)
    yield from _choice_of_target(comparison, volumes)
    kinds = {condition.condition: _kind(condition) for condition in comparison.explored}
    for kind, rows in volumes.groupby(volumes["condition"].map(kinds), sort=False):
        yield SharesOfSettings(kind=kind, shares=working_settings(rows))
    yield from _differences(comparison, volumes)


def _kind(explored: ExploreTrials) -> Kind:
    return "listed" if explored.grids else "drawn" if explored.hyperparameters else "repeated"


def working_rule(comparison: Comparison, volumes: pd.DataFrame) -> WorkingRule:
    """The rule by which a setting works at the target distance of these volumes."""
    first = volumes.iloc[0]
    seeds, is_way = int(first["seeds"]), goal(comparison) != "the equilibrium"
    return WorkingRule(
        seeds=seeds,
        needed=seeds_that_must_reach(seeds),
        tau=float(first["tau"]),
        goal=goal(comparison),
        progress=float(first["progress"]) if is_way and not np.isnan(first["progress"]) else None,
    )


def _choice_of_target(comparison: Comparison, volumes: pd.DataFrame) -> Iterator[Finding]:
    """Findings on the choice of the target distance, if there are several that differ as they are printed."""
    targets = list({format_distance(target.tau): target for target in comparison.targets}.values())
    if len(targets) == 1 or len(volumes) == 1:
        return
    is_way = goal(comparison) != "the equilibrium" and not any(np.isnan(target.progress) for target in targets)
    yield TargetsTried(
        targets=tuple(target.tau for target in targets),
        progress=tuple(target.progress for target in targets) if is_way else (),
    )
    yield TargetUsed(tau=float(volumes["tau"].iloc[0]), is_reached_by_two=bool((volumes["reached"] > 0).sum() > 1))
    yield TargetChosenAfterwards()


def _differences(comparison: Comparison, volumes: pd.DataFrame) -> Iterator[Finding]:
    differences = rows_at_target(comparison, comparison.volume_differences)
    if differences.empty:
        return
    groups = decided_groups(differences, differences["difference"] > 0, volumes["condition"].tolist())
    decided = (
        LargerShare(larger=tuple(larger), smaller=tuple(smaller), p=largest_p(rows, comparison.volume_differences))
        for larger, smaller, rows in groups
    )
    yield from first_findings(decided, "volume_differences")
    undecided = differences[~differences["decided"]]
    if len(differences) > 1:
        yield ShareDecisionRule()
    if undecided.empty:
        return
    p = largest_p(differences, comparison.volume_differences)
    yield UndecidedShares(undecided=Part(len(undecided), len(differences)), p=p)
    if differences["configurations"].min() >= FEW_CONFIGURATIONS:
        yield from number_needed(undecided, "random settings")
