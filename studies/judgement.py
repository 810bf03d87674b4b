"""A finished trial's curves -> what became of its members, under a study's thresholds.

Judged when it is read, never stored: the thresholds belong to the study, the measurements to the trial.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from gan_core.stability import OUTCOMES, Curve, Thresholds, Verdict, judge_all, search_score
from studies.comparison import interquartile_means
from studies.course import Course
from studies.ledger import Entry, Facts

DISTANCES = ("sliced_wasserstein", "distance_to_equilibrium")
"""The metric that decides: whichever of these a trial measured."""


def verdicts(facts: Facts, course: Course, thresholds: Thresholds) -> dict[int, Verdict]:
    """The verdict on each member of one trial, by its seed."""
    members = member_curves(facts, course)
    return dict(zip(members, judge_all(list(members.values()), thresholds), strict=True))


def member_curves(facts: Facts, course: Course) -> dict[int, Curve]:
    """What each member is judged by, by its seed."""
    distance = next(values for metric in DISTANCES if (values := course.measured(metric)) is not None)
    cells, spread = course.measured("cells"), course.measured("spread")
    nonfinite = dict(zip(facts["seeds"], facts["nonfinite_step"], strict=True))
    places = {int(seed): place for place, seed in enumerate(course.seeds)}
    return {
        seed: Curve(
            step=course.layout.steps,
            distance=distance[places[seed]],
            ref=facts["lines"]["ref"],
            floor=facts["lines"]["floor"],
            cells=None if cells is None else cells[places[seed]],
            real_cells=facts["real_cells"],
            spread=None if spread is None else spread[places[seed]],
            nonfinite_step=nonfinite[seed],
        )
        for seed in facts["seeds"]
    }


def score(entry: Entry, thresholds: Thresholds) -> float:
    """The search score of a trial that ended: larger is better, 0 where it was given up."""
    if not entry.finished:
        return 0.0
    return search_score(list(verdicts(entry.facts(), entry.course(), thresholds).values()))


def ending(facts: Facts, judged: Sequence[Verdict]) -> dict[str, float]:
    """What a finished trial came to and what it cost; the distance is NaN where it "failed"."""
    return endings([(facts, judged)])[0]


def endings(trials: Sequence[tuple[Facts, Sequence[Verdict]]]) -> list[dict[str, float]]:
    """What each of many finished trials came to, and what it cost."""
    distances = interquartile_means(
        [[one.late_distance if one.outcome == "stable" else np.inf for one in judged] for _, judged in trials]
    )
    costs = ("generator_steps", "critic_steps", "real_samples_seen", "elapsed_seconds")
    return [
        {
            "distance": distance if np.isfinite(distance) else np.nan,
            "failure_rate": 1 - sum(one.outcome == "stable" for one in judged) / len(judged),
            "search_score": search_score(judged),
            **{name: facts[name] for name in costs},
        }
        for distance, (facts, judged) in zip(distances, trials, strict=True)
    ]


def outcome_counts(judged: Iterable[Verdict]) -> dict[str, int]:
    """How many members came to each outcome, in the order of `OUTCOMES`."""
    outcomes = [verdict.outcome for verdict in judged]
    return {outcome: outcomes.count(outcome) for outcome in OUTCOMES}
