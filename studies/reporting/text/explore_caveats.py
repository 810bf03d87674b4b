"""Findings on what the explore trials of a study do not support."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from studies.analysis.comparison import Comparison
from studies.analysis.explore_trials import ExploreTrials
from studies.file.distributions import Choice, Grid
from studies.ledger.unfinished import END_NAMES, ENDED
from studies.reporting.text.finding import Finding, Names, Part
from studies.reporting.text.stopped_conditions import stopped

FEW_CONFIGURATIONS = 8


@dataclass(frozen=True, kw_only=True)
class IncompleteExplore(Finding):
    """Explore trials that are counted, of those planned, and the number of later ones that have ended."""

    counted: Part
    later: int


@dataclass(frozen=True, kw_only=True)
class NoShares(Finding):
    """There are no shares of settings that work; `reason` is what is missing."""

    reason: Literal["trials", "reference distances"]


@dataclass(frozen=True, kw_only=True)
class CellsNotDrawn(Finding):
    """The cells of a map are not drawn at random."""


@dataclass(frozen=True, kw_only=True)
class OneSeedInEachCell(Finding):
    """Each cell of a map was trained with one seed."""


@dataclass(frozen=True, kw_only=True)
class SettingsWithoutResult(Finding):
    """Number of explore settings of a condition with an end without a result, for each such end."""

    ends: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True, kw_only=True)
class LostTrials(Finding):
    """Trials that were lost and are missing."""

    trials: Names


@dataclass(frozen=True, kw_only=True)
class ExploitNotCounted(Finding):
    """Exploit trials do not count in the shares."""


@dataclass(frozen=True, kw_only=True)
class NothingSearched(Finding):
    """Conditions without a searched hyperparameter; empty if these are all of the study's."""

    conditions: Names


@dataclass(frozen=True, kw_only=True)
class ListedNotDrawn(Finding):
    """Hyperparameters whose values are listed in the study file.

    conditions  those that list them; empty if these are all of the study's
    some_drawn  True if other hyperparameters of theirs are drawn
    """

    hyperparameters: Names
    conditions: Names
    some_drawn: bool


@dataclass(frozen=True, kw_only=True)
class FewSettings(Finding):
    """Conditions of which fewer than `limit` settings were drawn; empty if these are all of the study's."""

    conditions: Names
    fewest: int
    limit: int = FEW_CONFIGURATIONS


@dataclass(frozen=True, kw_only=True)
class OneSeedForEachSetting(Finding):
    """Each setting was trained with one seed."""


@dataclass(frozen=True, kw_only=True)
class TargetNotReached(Finding):
    """The largest target distance that no setting reaches; `progress` is None if unknown."""

    tau: float
    progress: float | None


@dataclass(frozen=True, kw_only=True)
class OneCondition(Finding):
    """The study has one condition."""


def explore_caveats(comparison: Comparison) -> Iterator[Finding]:
    """Findings on explore trials that are missing, and on what the shares of settings that work depend on."""
    yield from _on_trials(comparison)
    yield from _on_shares(comparison)


def _on_trials(comparison: Comparison) -> Iterator[Finding]:
    explored, trials = comparison.explored, comparison.results.trials
    planned = sum(condition.planned for condition in explored)
    counted = sum(len(condition.configurations) for condition in explored)
    explore = trials[trials["phase"] == "explore"]
    if counted < planned:
        ended = int(explore["state"].isin(ENDED).sum())
        yield IncompleteExplore(counted=Part(counted, planned), later=max(ended - counted, 0))
    if comparison.maps:
        yield CellsNotDrawn()
        if comparison.results.study.seeds == 1:
            yield OneSeedInEachCell()
    elif not counted:
        yield NoShares(reason="trials")
    elif not comparison.targets:
        yield NoShares(reason="reference distances")
    ends = tuple(
        (count, condition.condition, name)
        for condition in explored
        for state, name in END_NAMES.items()
        if (count := int(((explore["state"] == state) & (explore["condition"] == condition.condition)).sum()))
    )
    if ends:
        yield SettingsWithoutResult(ends=ends)
    lost = tuple(trial.spec.name for trial in comparison.results.trial_records if trial.state == "lost")
    if lost:
        yield LostTrials(trials=lost)
    yield from stopped(comparison.results)
    if (trials["phase"] == "exploit").any():
        yield ExploitNotCounted()


def _on_shares(comparison: Comparison) -> Iterator[Finding]:
    explored = [trials for trials in comparison.explored if trials.configurations and comparison.targets]
    yield from _on_hyperparameters(comparison, explored)
    few = [trials for trials in explored if not trials.grids and len(trials.configurations) < FEW_CONFIGURATIONS]
    if few:
        fewest = min(len(trials.configurations) for trials in few)
        yield FewSettings(conditions=unless_all(_names(few), comparison), fewest=fewest)
    if explored and comparison.results.study.seeds == 1:
        yield OneSeedForEachSetting()
    missed = [
        target for target in comparison.targets if not any(trials.reaching(target.tau).any() for trials in explored)
    ]
    if explored and 0 < len(missed) < len(comparison.targets):
        tau, progress = max(missed)
        yield TargetNotReached(tau=tau, progress=None if np.isnan(progress) else progress)
    if len(explored) == len(comparison.explored) == 1:
        yield OneCondition()


def _on_hyperparameters(comparison: Comparison, explored: Iterable[ExploreTrials]) -> Iterator[Finding]:
    fixed = [condition for condition in explored if not condition.hyperparameters]
    if fixed:
        yield NothingSearched(conditions=unless_all(_names(fixed), comparison))
    by_drawn: dict[bool, list[ExploreTrials]] = {}
    for condition in explored:
        if condition.grids:
            drawn = any(not isinstance(values, Choice | Grid) for values in condition.hyperparameters.values())
            by_drawn.setdefault(drawn, []).append(condition)
    names = comparison.results.study.short_names
    for drawn, conditions in by_drawn.items():
        yield ListedNotDrawn(
            hyperparameters=tuple(dict.fromkeys(names[path] for each in conditions for path in each.grids)),
            conditions=unless_all(_names(conditions), comparison),
            some_drawn=drawn,
        )


def _names(explored: Iterable[ExploreTrials]) -> list[str]:
    return [condition.condition for condition in explored]


def unless_all(names: list[str], comparison: Comparison) -> Names:
    """The conditions that a finding is about; empty if these are all of the study's."""
    return () if len(names) == len(comparison.results.study.conditions) else tuple(names)
