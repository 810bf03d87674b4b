"""The settings tried in explore that work, as one finding: how many random settings, or which listed values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.analysis.explore_trials import seeds_that_must_reach
from studies.reporting.text.finding import Finding, Interval, LargestP, Names, Part, largest_p
from studies.reporting.text.listed_values import values_of_conditions, values_of_one_condition
from studies.reporting.text.stable_settings import (
    WorkingSettings,
    interval_of_share,
    searched_conditions,
    settings_that_work,
    working_settings,
)
from studies.reporting.text.target_distance import goal, rows_at_target, volumes_at_target


class LargestShare(NamedTuple):
    """The conditions with the largest share of settings that work, of `compared` conditions.

    is_decided  True if their differences from all others are decided
    p           largest adjusted p-value of these differences; None if all shares are equal
    """

    leading: Names
    compared: int
    is_decided: bool
    p: LargestP | None


@dataclass(frozen=True, kw_only=True)
class NoSettingWorks(Finding):
    """No setting that was tried works: `needed` is the number of its seeds that must be stable and near enough."""

    tau: float
    goal: str
    needed: Part


@dataclass(frozen=True, kw_only=True)
class SettingsOfOnlyCondition(Finding):
    """Number of settings that work of the only condition; the interval of their share is None if they were listed."""

    condition: str
    settings: Part
    interval: Interval | None
    tau: float
    goal: str


@dataclass(frozen=True, kw_only=True)
class SettingsOfConditions(Finding):
    """Number of settings that work of each condition, the largest share first.

    are_drawn  True if no condition has listed values
    largest    None if the shares cannot be tested, or if there is nothing to compare
    """

    settings: tuple[WorkingSettings, ...]
    are_drawn: bool
    tau: float
    goal: str
    largest: LargestShare | None


def tried_settings(comparison: Comparison) -> Iterator[Finding]:
    """The tried settings that work; none if no hyperparameter is searched or no target distance is known."""
    volumes = volumes_at_target(comparison)
    searched = {condition.condition: condition for condition in searched_conditions(comparison)}
    volumes = volumes[volumes["condition"].isin(list(searched))]
    if volumes.empty:
        return
    is_single, tau = len(comparison.explored) == 1, float(volumes["tau"].iloc[0])
    if all(len(condition.hyperparameters) == len(condition.grids) == 1 for condition in searched.values()):
        listed = [searched[name] for name in volumes["condition"]]
        if is_single:
            yield values_of_one_condition(comparison, listed[0], tau)
        else:
            yield values_of_conditions(comparison, listed, tau)
    elif not volumes["reached"].any():
        seeds = comparison.results.study.seeds
        yield NoSettingWorks(tau=tau, goal=goal(comparison), needed=Part(seeds_that_must_reach(seeds), seeds))
    elif is_single:
        row = volumes.iloc[0]
        yield SettingsOfOnlyCondition(
            condition=row["condition"],
            settings=settings_that_work(row),
            interval=interval_of_share(row),
            tau=tau,
            goal=goal(comparison),
        )
    else:
        yield _of_conditions(comparison, volumes, tau)


def _of_conditions(comparison: Comparison, volumes: pd.DataFrame, tau: float) -> Finding:
    """The number of working settings of each condition, and the largest share."""
    drawn = not any(condition.grids for condition in searched_conditions(comparison))
    settings = working_settings(volumes)
    return SettingsOfConditions(
        settings=settings,
        are_drawn=drawn,
        tau=tau,
        goal=goal(comparison),
        largest=_largest(comparison, volumes) if drawn and len(settings) > 1 else None,
    )


def _largest(comparison: Comparison, volumes: pd.DataFrame) -> LargestShare:
    """The largest share: it is decided if its differences from all others are."""
    leading = volumes.loc[volumes["volume"] == volumes["volume"].iloc[0], "condition"].tolist()
    if len(leading) == len(volumes):
        return LargestShare(tuple(leading), len(volumes), is_decided=False, p=None)
    differences = comparison.volume_differences
    against = _against_others(rows_at_target(comparison, differences), leading)
    p = largest_p(against, differences)
    return LargestShare(tuple(leading), len(volumes), bool(against["decided"].all()), p)


def _against_others(differences: pd.DataFrame, leading: Sequence[str]) -> pd.DataFrame:
    """The differences between a leading condition and another one."""
    first, second = (differences[column].isin(leading) for column in ("condition", "other"))
    return differences[first ^ second]
