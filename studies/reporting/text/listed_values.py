"""Clause on the listed values of a hyperparameter at which training works, and on the outcomes at the others."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool

from studies.analysis.comparison import Comparison
from studies.analysis.explore_trials import ExploreTrials, seeds_that_must_reach
from studies.file.distributions import Value
from studies.numbers import format_distance, value_text
from studies.reporting.text.phrases import MAX_NAMES, failed_count, join_words
from studies.reporting.text.stable_settings import MAX_VALUES, volumes_at_target, within_target

Mask = Bool[np.ndarray, "configurations"]
_OUTCOME_WORDS = {"stable": "stable but farther away", "error": "an error", "timed out": "running out of time"}
_MOST_FREQUENT = "the most frequent outcome is"


def clause_of_one_condition(comparison: Comparison, explored: ExploreTrials) -> str:
    """Clause on the values at which the only condition works, the best of them, and the outcomes at the others."""
    volumes = volumes_at_target(comparison)
    tau, within = float(volumes["tau"].iloc[0]), within_target(comparison, volumes)
    works = _works(explored, tau)
    opening = f"{explored.condition} is stable and ends {within} at"
    if not works.any():
        outcomes = _outcomes(comparison, explored, tau, ~works)
        return f"{opening} none of {_all_values(comparison, explored)}; {_MOST_FREQUENT} {outcomes}"
    best = _best(comparison, explored, works)
    if not works.all():
        values = f"{_name(comparison, explored)} = {_listed(explored, works)}{best}, of {_span(explored)}"
        return f"{opening} {values}; {_MOST_FREQUENT} {_outcomes_elsewhere(comparison, explored, tau, works)}"
    every = f"{opening} {_every(explored)} {_all_values(comparison, explored)}{best}"
    closer = [target.tau for target in comparison.targets if 0 < _works(explored, target.tau).sum() < len(works)]
    if not closer:
        return every
    values = _listed(explored, _works(explored, max(closer)))
    return f"{every}, and within {format_distance(max(closer))} only at {values}"


def clause_of_conditions(comparison: Comparison, explored: Sequence[ExploreTrials]) -> str:
    """Clause on the values at which each of several conditions works."""
    volumes = volumes_at_target(comparison)
    tau, within = float(volumes["tau"].iloc[0]), within_target(comparison, volumes)
    works = {condition.condition: _works(condition, tau) for condition in explored}
    same_values = len({_all_values(comparison, condition) for condition in explored}) == 1
    values = _all_values(comparison, explored[0]) if same_values else "the listed values"
    if not any(mask.any() for mask in works.values()):
        outcomes = [
            f"{_outcomes(comparison, condition, tau, ~works[condition.condition])} for {condition.condition}"
            for condition in explored
        ]
        return f"none of {values} is stable and ends {within}; {_MOST_FREQUENT} {join_words(outcomes, most=MAX_NAMES)}"
    by_values: dict[str, list[str]] = {}
    for condition in explored:
        text = _working_values(comparison, condition, works[condition.condition], of_all=not same_values)
        by_values.setdefault(text, []).append(condition.condition)
    parts = [f"{text} for {join_words(names, most=MAX_NAMES)}" for text, names in by_values.items()]
    return f"of {values}, the following are stable and end {within}: {'; '.join(parts)}"


def _working_values(comparison: Comparison, explored: ExploreTrials, works: Mask, *, of_all: bool) -> str:
    """Text of the values that work; if `of_all`, also of all values that were tried."""
    best = _best(comparison, explored, works) if works.any() else ""
    if works.any() and (len(works) == 1 or not works.all()):
        values = f"{_name(comparison, explored)} = {_listed(explored, works)}{best}"
        return f"{values}, of {_span(explored)}," if of_all else values
    if of_all:
        return f"{_every(explored) if works.any() else 'none of'} {_all_values(comparison, explored)}{best}"
    return f"{'none' if not works.any() else 'both' if len(works) == 2 else 'all'}{best}"


def _works(explored: ExploreTrials, tau: float) -> Mask:
    """True for each configuration whose value works: at least ceil(.8 S) of the S seeds with this value reach tau."""
    values, close = explored.values(_path(explored)), explored.distances <= tau
    by_value = {value: close[[other == value for other in values]] for value in values}
    enough = [by_value[value].sum() >= seeds_that_must_reach(by_value[value].size) for value in values]
    return np.array(enough, dtype=bool)


def _best(comparison: Comparison, explored: ExploreTrials, works: Mask) -> str:
    """Remark on the confirmed value, in brackets: too many fresh seeds failed at it, or it is the best of several."""
    ranking = comparison.results.ranking
    confirmed = ranking[ranking["condition"] == explored.condition]
    if confirmed.empty:
        return ""
    row = confirmed.iloc[0]
    value = _value_text(row[_path(explored)])
    if np.isnan(row["distance"]):
        return f" (but {failed_count(row)} fresh seeds failed at {value})"
    return f" (best: {value})" if len(_texts(explored, works)) > 1 else ""


# -- outcomes ----------------------------------------------------------------------------------------------------------


def _outcomes_elsewhere(comparison: Comparison, explored: ExploreTrials, tau: float, works: Mask) -> str:
    """The most frequent outcomes at values that do not work: below the working values, above and between them."""
    values = explored.values(_path(explored))
    if not _ordered(values):
        others = "the other values" if len(_texts(explored, ~works)) > 1 else "the other value"
        return f"{_outcomes(comparison, explored, tau, ~works)} at {others}"
    numbers = np.array(values, dtype=np.float64)
    low, high = numbers[works].min(), numbers[works].max()
    masks = {"smaller": numbers < low, "larger": numbers > high}
    outcomes = {side: _outcomes(comparison, explored, tau, mask) for side, mask in masks.items() if mask.any()}
    counts = {side: len(np.unique(numbers[mask])) for side, mask in masks.items()}
    if len(outcomes) == 2 and min(counts.values()) > 1 and len(set(outcomes.values())) == 1:
        parts = [f"{outcomes['smaller']} at smaller and larger values"]
    else:
        sides = {side: f"{side} values" if counts[side] > 1 else f"the {side} value" for side in outcomes}
        parts = [f"{outcome} at {sides[side]}" for side, outcome in outcomes.items()]
    between = ~works & (numbers > low) & (numbers < high)
    if between.any():
        parts.append(f"{_outcomes(comparison, explored, tau, between)} at {_listed(explored, between)}")
    return join_words(parts)


def _outcomes(comparison: Comparison, explored: ExploreTrials, tau: float, mask: Mask) -> str:
    """The most frequent outcome at each value in `mask`, each outcome named once, as in "stalled or collapsed"."""
    members = comparison.results.ended_members
    members = members[(members["condition"] == explored.condition) & (members["phase"] == "explore")]
    outcomes = members["outcome"].astype("object")
    trials: dict[Value | None, list[int]] = {}
    for trial in np.flatnonzero(mask):
        trials.setdefault(explored.values(_path(explored))[trial], []).append(int(trial))
    most_frequent: Counter[str] = Counter()
    for indices in trials.values():
        counts = Counter(outcomes[members["trial"].isin(indices)])
        counts["stable"] -= int((explored.distances[indices] <= tau).sum())
        most_frequent[counts.most_common(1)[0][0]] += 1
    return join_words([_OUTCOME_WORDS.get(outcome, outcome) for outcome, _ in most_frequent.most_common()], "or")


# -- values ------------------------------------------------------------------------------------------------------------


def _path(explored: ExploreTrials) -> str:
    return next(iter(explored.hyperparameters))


def _name(comparison: Comparison, explored: ExploreTrials) -> str:
    return comparison.results.study.short_names[_path(explored)]


def _value_text(value: object) -> str:
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return f"{value:g}" if is_number else value_text(value)


def _texts(explored: ExploreTrials, mask: Mask) -> list[str]:
    """The values in `mask` as text, each once, the smallest first."""
    values = {value for value, chosen in zip(explored.values(_path(explored)), mask, strict=True) if chosen}
    return [_value_text(value) for value in sorted(values, key=_sort_key)]


def _sort_key(value: Value | None) -> tuple[bool, Any]:
    """Sort key of a hyperparameter's value: numbers by size, then everything else by its text."""
    return (False, value) if isinstance(value, int | float) else (True, value_text(value))


def _ordered(values: Sequence[Value | None]) -> bool:
    """True for numbers, which can be smaller and larger."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _listed(explored: ExploreTrials, mask: Mask) -> str:
    return join_words(_texts(explored, mask), most=MAX_VALUES)


def _all_texts(explored: ExploreTrials) -> list[str]:
    return _texts(explored, np.ones(len(explored.configurations), dtype=bool))


def _all_values(comparison: Comparison, explored: ExploreTrials) -> str:
    """All listed values with the hyperparameter's name, as in "7 values of clip_value from 0.0001 to 1"."""
    texts = _all_texts(explored)
    if len(texts) <= 2 or not _ordered(explored.values(_path(explored))):
        return f"{_name(comparison, explored)} = {join_words(texts, most=MAX_VALUES)}"
    return f"{len(texts)} values of {_name(comparison, explored)} from {texts[0]} to {texts[-1]}"


def _span(explored: ExploreTrials) -> str:
    """All listed values without the hyperparameter's name, as in "7 values from 0.0001 to 1"."""
    texts = _all_texts(explored)
    if not _ordered(explored.values(_path(explored))):
        return join_words(texts, most=MAX_VALUES)
    return f"{len(texts)} values from {texts[0]} to {texts[-1]}"


def _every(explored: ExploreTrials) -> str:
    count = len(set(explored.values(_path(explored))))
    return "all" if count > 2 else "both of" if count == 2 else "the only one of"
