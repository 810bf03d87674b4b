"""Outcomes of the members of a finished trial, under a study's rules.

Outcomes are computed from a trial's curves whenever they are needed and never stored, since a study may change its
rules.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float

from gan_core.outcomes import OUTCOMES, MemberCurve, MemberOutcome, OutcomeRules, classify_all, search_score
from studies.ledger.curves import TrialCurves
from studies.ledger.entries import Entry, Facts
from studies.statistics.intervals import interquartile_means

DISTANCES = ("sliced_wasserstein", "distance_to_equilibrium")
"""Names of the distance metrics that outcomes are computed from; a trial has one of them."""
COSTS = ("generator_steps", "critic_steps", "real_samples_seen", "elapsed_seconds")
"""Keys of the values in a finished trial's `facts.json` that say what it cost: steps, real samples, seconds."""


def classify_members(facts: Facts, curves: TrialCurves, rules: OutcomeRules) -> dict[int, MemberOutcome]:
    """Outcome of each member of a trial, by seed."""
    members = member_curves(facts, curves)
    return dict(zip(members, classify_all(list(members.values()), rules), strict=True))


def member_curves(facts: Facts, curves: TrialCurves) -> dict[int, MemberCurve]:
    """The curve from which each member's outcome is computed, by seed."""
    distance = distance_values(facts, curves)
    cells, spread = curves.values("cells"), curves.values("spread")
    nonfinite = dict(zip(facts["seeds"], facts["nonfinite_step"], strict=True))
    rows = {int(seed): row for row, seed in enumerate(curves.seeds)}
    return {
        seed: MemberCurve(
            step=curves.index.steps,
            distance=distance[rows[seed]],
            constant=facts["reference_distances"]["constant"],
            real=facts["reference_distances"]["real"],
            cells=None if cells is None else cells[rows[seed]],
            real_cells=facts["real_cells"],
            spread=None if spread is None else spread[rows[seed]],
            nonfinite_step=nonfinite[seed],
        )
        for seed in facts["seeds"]
    }


def distance_values(facts: Facts, curves: TrialCurves) -> Float[np.ndarray, "seeds steps"]:
    """Distance of each member at each step: value of the deciding metric, or its best attainable value minus that."""
    deciding = facts.get("distance", {"metric": None, "highest": None})
    names = DISTANCES if deciding["metric"] is None else (deciding["metric"],)
    distance = next(values for name in names if (values := curves.values(name)) is not None)
    return distance if deciding["highest"] is None else deciding["highest"] - distance


def score(entry: Entry, rules: OutcomeRules) -> float:
    """Search score of a trial that ended: larger is better, 0 for a failed trial."""
    if not entry.finished:
        return 0.0
    return search_score(list(classify_members(entry.facts(), entry.curves(), rules).values()))


def trial_result(facts: Facts, members: Sequence[MemberOutcome]) -> dict[str, float]:
    """Distances, failure rate, search score and costs of a finished trial; `distance` is NaN if it has none."""
    return trial_results([(facts, members)])[0]


def trial_results(trials: Sequence[tuple[Facts, Sequence[MemberOutcome]]]) -> list[dict[str, float]]:
    """The `trial_result` of each of many finished trials, computed together."""
    distances = interquartile_means(
        [
            [member.late_distance if member.outcome == "stable" else np.inf for member in members]
            for _, members in trials
        ]
    )
    return [
        {
            "distance": distance if np.isfinite(distance) else np.nan,
            "failure_rate": 1 - sum(member.outcome == "stable" for member in members) / len(members),
            "late_distance": late_distance(members),
            "search_score": search_score(members),
            **{name: facts[name] for name in COSTS},
        }
        for distance, (facts, members) in zip(distances, trials, strict=True)
    ]


def late_distance(members: Sequence[MemberOutcome]) -> float:
    """Median of the finite late distances of the members, whatever their outcomes; NaN if none is finite."""
    finite = [member.late_distance for member in members if np.isfinite(member.late_distance)]
    return float(np.median(finite)) if finite else np.nan


def outcome_counts(members: Iterable[MemberOutcome]) -> dict[str, int]:
    """Number of members with each outcome, in the order of `OUTCOMES`."""
    outcomes = [member.outcome for member in members]
    return {outcome: outcomes.count(outcome) for outcome in OUTCOMES}
