"""Outcomes of the members of finished trials, under a study's rules.

Outcomes are computed from the curves whenever they are needed and never stored, since a study may change its rules.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from gan_core.outcomes import (
    OUTCOMES,
    MemberCurves,
    MemberOutcomes,
    OutcomeRules,
    classify,
    measured_median,
    search_score,
    with_late_values,
)
from studies.ledger.curves import Curves
from studies.ledger.entries import Entry, Facts
from studies.statistics.intervals import interquartile_means

COSTS = ("generator_steps", "critic_steps", "real_samples_seen", "elapsed_seconds")
"""Keys of the facts that say what a finished trial cost: steps, real samples, seconds."""

FinishedCurves = tuple[Facts, Curves]
"""Facts and curves of a finished trial."""


def classify_members(
    trials: Sequence[FinishedCurves], rules: OutcomeRules, own: Sequence[FinishedCurves] | None = None
) -> MemberOutcomes:
    """Outcomes of the members of many trials: those of the first trial in the order of its seeds, then the others'.

    own  facts and curves of the same trials under their study's own evaluation, if `trials` are those of a further one;
         the outcomes then are those of `own`, except for trials that were evaluated again at every step
    """
    own = trials if own is None else own
    groups: dict[tuple[Any, ...], list[int]] = {}
    for index, (trial, own_trial) in enumerate(zip(trials, own, strict=True)):
        groups.setdefault((is_whole(*trial), _columns(*trial), _columns(*own_trial)), []).append(index)
    sizes = np.array([len(curves.seeds) for _, curves in trials], dtype=np.int64)
    order = np.concatenate(
        [np.empty(0, np.int64), *(members_of(sizes, np.array(indices)) for indices in groups.values())]
    )
    parts = []
    for (whole, *_), indices in groups.items():
        curves = member_curves([trials[index] for index in indices])
        if whole:
            parts.append(classify(curves, rules))
        else:
            outcomes = classify(member_curves([own[index] for index in indices]), rules)
            parts.append(with_late_values(outcomes, curves, rules))
    return MemberOutcomes.concatenate(parts).take(np.argsort(order))


def member_curves(trials: Sequence[FinishedCurves]) -> MemberCurves:
    """The curves from which outcomes are computed, of the members of trials with equally many evaluations.

    The trials have the same metrics among those that the rules use.
    """
    facts, all_curves = zip(*trials, strict=True)
    sizes = [len(curves.seeds) for curves in all_curves]

    def values(metric: str) -> Any:
        rows = [curves.of(metric) for curves in all_curves]
        return None if rows[0] is None else np.concatenate(rows)

    def reference(*keys: str) -> Any:
        return np.repeat([_value(fact, keys) for fact in facts], sizes)

    has_modes = _has_modes(*trials[0])
    nonfinite = [-1 if step is None else step for fact in facts for step in fact["nonfinite_step"]]
    return MemberCurves(
        step=np.repeat([curves.steps for curves in all_curves], sizes, axis=0),
        distance=np.concatenate([distances_of(fact, curves) for fact, curves in trials]),
        constant=reference("reference_distances", "constant"),
        real=reference("reference_distances", "real"),
        cells=values("cells"),
        real_cells=None if facts[0]["real_cells"] is None else reference("real_cells"),
        spread=values("spread"),
        modes_covered=values("modes_covered") if has_modes else None,
        known_modes=reference("known_modes") if has_modes else None,
        nonfinite_step=np.array(nonfinite, dtype=np.int64),
    )


def distances_of(facts: Facts, curves: Curves) -> Float[np.ndarray, "seeds steps"]:
    """Distances of a trial's members: the metric that decides or, if higher is better, its best value less the metric.

    NaN at evaluations that did not measure it.
    """
    values = curves.of(facts["distance"])
    assert values is not None
    return values if facts["highest"] is None else facts["highest"] - values


def is_whole(facts: Facts, curves: Curves) -> bool:
    """True if the metric that decides was measured at every evaluation."""
    return bool(curves.measured[curves.metrics.index(facts["distance"])].all())


def _columns(facts: Facts, curves: Curves) -> tuple[int, ...]:
    """Number of evaluations, and which of the columns of `MemberCurves` that may be None a trial has."""
    optional = (curves.of("cells"), curves.of("spread"), facts["real_cells"])
    return len(curves.steps), _has_modes(facts, curves), *(column is not None for column in optional)


def _has_modes(facts: Facts, curves: Curves) -> bool:
    return facts["known_modes"] is not None and curves.of("modes_covered") is not None


def _value(facts: Facts, keys: Sequence[str]) -> float:
    value: Any = facts
    for key in keys:
        value = value[key]
    return value


def members_of(sizes: Int[np.ndarray, "trials"], trials: Int[np.ndarray, "some_trials"]) -> Int[np.ndarray, "members"]:
    """Rows of the members of the given trials, if trial i has `sizes[i]` rows that follow those of trial i - 1."""
    sizes, first = sizes[trials], (np.cumsum(sizes) - sizes)[trials]
    return np.repeat(first - (np.cumsum(sizes) - sizes), sizes) + np.arange(sizes.sum())


def score(entry: Entry, rules: OutcomeRules) -> tuple[float, float, Float[np.ndarray, "members"]]:
    """Search score of a finished trial, larger is better, its failure rate, and its members' late distances.

    The distance of a failed member is +inf.
    """
    members = classify_members([(entry.facts, entry.curves)], rules)
    return (
        float(search_score(members.outcome, members.late)),
        1 - float(members.stable.mean()),
        stable_distances(members),
    )


def stable_distances(members: MemberOutcomes) -> Float[np.ndarray, "members"]:
    """The late distance of each member, +inf for a failed one."""
    return np.where(members.stable, members.late_distance, np.inf)


def trial_results(facts: Sequence[Facts], members: MemberOutcomes) -> dict[str, np.ndarray]:
    """Distance, failure rate, late distance, search score and costs of finished trials; one element for each trial.

    facts    of each trial
    members  of all trials, in the order of the trials

    `distance` is NaN for a trial that has none; costs that are unknown are None.
    """
    sizes = np.array([len(fact["seeds"]) for fact in facts], dtype=np.int64)
    distance = _of_each_trial(sizes, interquartile_means, stable_distances(members))
    return {
        "distance": np.where(np.isfinite(distance), distance, np.nan),
        "failure_rate": 1 - _of_each_trial(sizes, lambda stable: stable.sum(axis=-1), members.stable) / sizes,
        "late_distance": _of_each_trial(sizes, _finite_median, members.late_distance),
        "search_score": _of_each_trial(sizes, search_score, members.outcome, members.late),
        **{name: np.array([fact[name] for fact in facts]) for name in COSTS},
    }


def _of_each_trial(
    sizes: Int[np.ndarray, "trials"],
    function: Callable[..., Float[np.ndarray, "some_trials"]],
    *columns: Shaped[np.ndarray, "members"],
) -> Float[np.ndarray, "trials"]:
    """Values of a function of columns (trials, members), which is called once for each number of members."""
    values = np.full(len(sizes), np.nan)
    for size in np.unique(sizes):
        trials = np.flatnonzero(sizes == size)
        rows = members_of(sizes, trials).reshape(len(trials), size)
        values[trials] = function(*(column[rows] for column in columns))
    return values


def _finite_median(values: Float[np.ndarray, "*trials members"]) -> Float[np.ndarray, "*trials"]:
    """Median of the finite values of each row; NaN if none is finite."""
    return measured_median(np.where(np.isfinite(values), values, np.nan))


def late_distance(members: MemberOutcomes) -> float:
    """Median of the finite late distances of the members, whatever their outcomes; NaN if none is finite."""
    return float(_finite_median(members.late_distance))


def outcome_counts(members: MemberOutcomes) -> dict[str, int]:
    """Number of members with each outcome, in the order of `OUTCOMES`."""
    return dict(zip(OUTCOMES, np.bincount(members.outcome, minlength=len(OUTCOMES)).tolist(), strict=True))


def member_columns(members: MemberOutcomes) -> dict[str, Any]:
    """Columns of the table of members, with the types of `MEMBER_COLUMNS`."""
    import pandas as pd

    missing = members.outcome_step < 0
    return {
        "outcome": pd.Categorical.from_codes(members.outcome, OUTCOMES),
        "outcome_step": pd.arrays.IntegerArray(np.where(missing, 1, members.outcome_step), missing),
        "improving": members.improving,
        "best_distance": members.best_distance,
        "late_distance": members.late_distance,
        "last_distance": members.last_distance,
        "best": members.best,
        "late": members.late,
        "gap": members.gap,
        "roughness": members.roughness,
    }
