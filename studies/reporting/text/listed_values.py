"""Findings on the listed values of a hyperparameter at which training works, and on the outcomes at the others."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from studies.analysis.comparison import Comparison
from studies.analysis.explore_trials import ExploreTrials, seeds_that_must_reach
from studies.file.distributions import Value
from studies.numbers import value_text
from studies.reporting.text.finding import Finding, Names, Part, failed_seeds
from studies.reporting.text.target_distance import goal

Values = tuple[Value, ...]
"""Different values of a hyperparameter, numbers by size, then everything else by its text."""
Side = Literal["smaller", "larger", "smaller and larger", "between", "other"]


class ListedValues(NamedTuple):
    """The listed values of a hyperparameter, and those that work."""

    hyperparameter: str
    every: Values
    works: Values

    @property
    def are_numbers(self) -> bool:
        """True if the values can be smaller and larger."""
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.every)


class ConfirmedValue(NamedTuple):
    """The value of the setting found; `failed` are its failed fresh seeds if too many failed for a distance."""

    value: Value
    failed: Part | None


class OutcomesAt(NamedTuple):
    """The most frequent outcome at each of some values that do not work, each outcome once.

    side  position of these values in relation to those that work; "other" for values that are no numbers
    """

    outcomes: Names
    side: Side
    values: Values


@dataclass(frozen=True, kw_only=True)
class ValueThatWorks(Finding):
    """The listed values at which the only condition works.

    confirmed  the value of the setting found if it failed, or if it is the best of several; else None
    outcomes   those at values that do not work
    closer     if all values work: a smaller target distance, and the values at which it is reached
    """

    condition: str
    tau: float
    goal: str
    listed: ListedValues
    confirmed: ConfirmedValue | None
    outcomes: tuple[OutcomesAt, ...]
    closer: tuple[float, Values] | None


@dataclass(frozen=True, kw_only=True)
class NoValueWorks(Finding):
    """The listed values at none of which the only condition works, with the most frequent outcomes."""

    condition: str
    tau: float
    goal: str
    listed: ListedValues
    outcomes: Names


@dataclass(frozen=True, kw_only=True)
class ValuesOfConditions(Finding):
    """The listed values at which several conditions work, equal ones together.

    common  the listed values if all conditions have the same, else None
    """

    tau: float
    goal: str
    common: ListedValues | None
    conditions: tuple[tuple[ListedValues, ConfirmedValue | None, Names], ...]


@dataclass(frozen=True, kw_only=True)
class NoValueOfConditionsWorks(Finding):
    """None of the listed values works for any condition; `outcomes` are the most frequent ones for each."""

    tau: float
    goal: str
    common: ListedValues | None
    outcomes: tuple[tuple[Names, str], ...]


def values_of_one_condition(comparison: Comparison, explored: ExploreTrials, tau: float) -> Finding:
    """The values at which the only condition works, the best of them, and the outcomes at the others."""
    listed = _listed(comparison, explored, tau)
    if not listed.works:
        return NoValueWorks(
            condition=explored.condition,
            tau=tau,
            goal=goal(comparison),
            listed=listed,
            outcomes=_outcomes(comparison, explored, tau, listed.every),
        )
    is_all = listed.works == listed.every
    return ValueThatWorks(
        condition=explored.condition,
        tau=tau,
        goal=goal(comparison),
        listed=listed,
        confirmed=_confirmed(comparison, explored, listed),
        outcomes=() if is_all else tuple(_outcomes_elsewhere(comparison, explored, tau, listed)),
        closer=_closer(comparison, explored, listed) if is_all else None,
    )


def values_of_conditions(comparison: Comparison, explored: Sequence[ExploreTrials], tau: float) -> Finding:
    """The values at which each of several conditions works."""
    listed = {each.condition: _listed(comparison, each, tau) for each in explored}
    first = next(iter(listed.values()))
    common = first if len({(each.hyperparameter, each.every) for each in listed.values()}) == 1 else None
    if not any(each.works for each in listed.values()):
        values = {name: each.every for name, each in listed.items()}
        outcomes = ((_outcomes(comparison, each, tau, values[each.condition]), each.condition) for each in explored)
        return NoValueOfConditionsWorks(tau=tau, goal=goal(comparison), common=common, outcomes=tuple(outcomes))
    groups: dict[tuple[ListedValues, ConfirmedValue | None], list[str]] = {}
    for each in explored:
        own = listed[each.condition]
        groups.setdefault((own, _confirmed(comparison, each, own)), []).append(each.condition)
    conditions = ((own, confirmed, tuple(names)) for (own, confirmed), names in groups.items())
    return ValuesOfConditions(tau=tau, goal=goal(comparison), common=common, conditions=tuple(conditions))


def _closer(comparison: Comparison, explored: ExploreTrials, listed: ListedValues) -> tuple[float, Values] | None:
    """The largest target distance that only some values reach, with these values; None without one."""
    reached = {target.tau: _works(explored, target.tau) for target in comparison.targets}
    by_some = [tau for tau, values in reached.items() if 0 < len(values) < len(listed.every)]
    return (max(by_some), reached[max(by_some)]) if by_some else None


def _confirmed(comparison: Comparison, explored: ExploreTrials, listed: ListedValues) -> ConfirmedValue | None:
    """The confirmed value if too many fresh seeds failed at it, or if it is the best of several that work."""
    ranking = comparison.results.ranking
    confirmed = ranking[ranking["condition"] == explored.condition]
    if confirmed.empty or not listed.works:
        return None
    row = confirmed.iloc[0]
    value = row[_path(explored)]
    value = value.item() if isinstance(value, np.generic) else value
    if np.isnan(row["distance"]):
        return ConfirmedValue(value, failed_seeds(row))
    return ConfirmedValue(value, None) if len(listed.works) > 1 else None


# -- outcomes ----------------------------------------------------------------------------------------------------------


def _outcomes_elsewhere(
    comparison: Comparison, explored: ExploreTrials, tau: float, listed: ListedValues
) -> Iterator[OutcomesAt]:
    """The most frequent outcomes at values that do not work: below the working values, above and between them."""
    works: tuple[Any, ...] = listed.works
    others = tuple(value for value in listed.every if value not in works)
    if not listed.are_numbers:
        yield OutcomesAt(_outcomes(comparison, explored, tau, others), "other", others)
        return
    sides: dict[Side, Values] = {"smaller": (), "larger": (), "between": ()}
    for value in others:
        side: Side = "smaller" if works[0] > value else "larger" if works[-1] < value else "between"
        sides[side] += (value,)
    found = [
        OutcomesAt(_outcomes(comparison, explored, tau, values), side, values)
        for side, values in sides.items()
        if values
    ]
    smaller, larger = sides["smaller"], sides["larger"]
    if min(len(smaller), len(larger)) > 1 and found[0].outcomes == found[1].outcomes:
        found[:2] = [OutcomesAt(found[0].outcomes, "smaller and larger", smaller + larger)]
    yield from found


def _outcomes(comparison: Comparison, explored: ExploreTrials, tau: float, values: Values) -> Names:
    """The most frequent outcome at each of these values, each outcome once, the most frequent of them first."""
    members = comparison.results.ended_members
    members = members[(members["condition"] == explored.condition) & (members["phase"] == "explore")]
    outcomes = members["outcome"].astype("object")
    trials: dict[Value | None, list[int]] = {}
    for trial, value in enumerate(explored.values(_path(explored))):
        if value in values:
            trials.setdefault(value, []).append(trial)
    most_frequent: Counter[str] = Counter()
    for indices in trials.values():
        counts = Counter(outcomes[members["trial"].isin(indices)])
        counts["stable"] -= int((explored.distances[indices] <= tau).sum())
        most_frequent[counts.most_common(1)[0][0]] += 1
    return tuple(outcome for outcome, _ in most_frequent.most_common())


# -- values ------------------------------------------------------------------------------------------------------------


def _path(explored: ExploreTrials) -> str:
    return next(iter(explored.hyperparameters))


def _listed(comparison: Comparison, explored: ExploreTrials, tau: float) -> ListedValues:
    return ListedValues(
        comparison.results.study.short_names[_path(explored)],
        every=_in_order(explored.values(_path(explored))),
        works=_works(explored, tau),
    )


def _works(explored: ExploreTrials, tau: float) -> Values:
    """The values that work: at least ceil(.8 S) of the S seeds that were trained with a value reach tau."""
    values, close = explored.values(_path(explored)), explored.distances <= tau
    by_value = {value: close[[other == value for other in values]] for value in values}
    return _in_order([v for v, seeds in by_value.items() if seeds.sum() >= seeds_that_must_reach(seeds.size)])


def _in_order(values: Sequence[Value | None]) -> Values:
    return tuple(sorted({value for value in values if value is not None}, key=_sort_key))


def _sort_key(value: Value) -> tuple[bool, Any]:
    """Sort key of a hyperparameter's value: numbers by size, then everything else by its text."""
    return (False, value) if isinstance(value, int | float) else (True, value_text(value))
