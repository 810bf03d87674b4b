"""Summaries of the evaluations of a trial: quartiles of every metric over the trial's members."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from studies.design import TrialSpec
from studies.file.budget import Budget
from studies.file.condition import step_counts
from studies.file.validation import build
from studies.ledger.curves import Curves
from studies.ledger.entries import Facts

Quartiles = tuple[float, float, float]
"""25 % quantile, median, 75 % quantile."""


@dataclass(frozen=True)
class EvaluationSummary:
    """One evaluation of a trial, summarised over its members.

    step       step in the budget's unit
    seconds    seconds from the trial's start to this evaluation, without interruptions; None if not recorded
    quartiles  of each metric, over the members with a finite value; metrics without any finite value are left out
    finite     number of members with a finite distance
    """

    step: int
    seconds: float | None
    quartiles: Mapping[str, Quartiles]
    finite: int


def summarize(
    step: int, seconds: float | None, values: Mapping[str, Sequence[float]], distance: str
) -> EvaluationSummary:
    """The summary of one evaluation from the values of every member, by metric; `distance` is the metric that decides.

    The quartiles of the distance come first.
    """
    finite = {name: [value for value in members if math.isfinite(value)] for name, members in values.items()}
    quartiles = {
        name: _quartiles(members)
        for name, members in sorted(finite.items(), key=lambda item: item[0] != distance)
        if members
    }
    return EvaluationSummary(step, seconds, quartiles, len(finite.get(distance, ())))


def trial_summaries(facts: Facts, curves: Curves) -> list[EvaluationSummary]:
    """One summary for each evaluation of a finished trial."""
    steps = curves.steps.tolist()
    seconds = facts.get("measured_seconds", [None] * len(steps))
    return [
        summarize(
            step, elapsed, dict(zip(curves.metrics, curves.values[..., i].tolist(), strict=True)), facts["distance"]
        )
        for i, (step, elapsed) in enumerate(zip(steps, seconds, strict=True))
    ]


def checkpoint_summaries(spec: TrialSpec, checkpoint: Mapping[str, Any], distance: str) -> list[EvaluationSummary]:
    """One summary for each evaluation of an interrupted trial, up to its last checkpoint.

    distance  as in `summarize`
    """
    training = step_counts(spec.identity)
    budget = build(Budget, spec.identity["budget"], ("budget",))
    measurements = spec.evaluation["settings"]["measurements"]
    steps = [
        budget.elapsed_steps(training, iterations)
        for iterations in budget.evaluation_iterations(training, measurements)
    ]
    # not strict: the checkpoint holds only the evaluations that were made
    evaluations = zip(steps, checkpoint["measured_seconds"], checkpoint["trials"][spec.key]["measured"], strict=False)
    return [summarize(step, seconds, values, distance) for step, seconds, values in evaluations]


def _quartiles(members: Sequence[float]) -> Quartiles:
    low, middle, high = np.quantile(members, [0.25, 0.5, 0.75])
    return float(low), float(middle), float(high)
