"""The answer of a study: its result, then the numbers that support it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from gan_core.outcomes import OutcomeRules
from studies.analysis.comparison import Comparison
from studies.file.budget import Budget
from studies.ledger.unfinished import END_NAMES
from studies.reporting.text.decided_pairs import decided_with_first
from studies.reporting.text.finding import Finding, Interval, Names, Part, failed_seeds
from studies.reporting.text.fresh_seeds import further_seeds
from studies.reporting.text.headline import headline
from studies.reporting.text.metric_agreement import agreeing_metrics
from studies.reporting.text.mode_coverage import coverage_interval
from studies.reporting.text.sample_quality import sample_quality
from studies.reporting.text.target_distance import goal
from studies.reporting.text.without_result import ends_without_result


@dataclass(frozen=True, kw_only=True)
class NoConfirmPhase(Finding):
    """The study has no confirm phase."""


@dataclass(frozen=True, kw_only=True)
class NotConfirmedYet(Finding):
    """Conditions that are still to be confirmed."""

    conditions: Names


@dataclass(frozen=True, kw_only=True)
class EndedWithoutResult(Finding):
    """Conditions whose training on fresh seeds ended without a result, with the name of the end."""

    ends: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class SmallestDistance(Finding):
    """The smallest distance in the ranking, and the conditions whose settings found have it.

    is_chance        True if no pair with the first of the ranking is decided for it
    interval         None for one fresh seed; without an upper end (NaN) if too many seeds failed
    with_references  interval that also holds the variation with the real samples, None if unknown
    """

    conditions: Names
    distance: float
    goal: str
    is_chance: bool
    interval: Interval | None
    with_references: Interval | None


@dataclass(frozen=True, kw_only=True)
class AgainstGaussian(Finding):
    """Distance of samples of a Gaussian, and its position to the interval of the smallest one, None without that."""

    distance: float
    goal: str
    position: Literal["below", "within", "above", None]


@dataclass(frozen=True, kw_only=True)
class DistanceOfRealSamples(Finding):
    """Distance of other real samples."""

    distance: float
    goal: str


@dataclass(frozen=True, kw_only=True)
class FailedFreshSeeds(Finding):
    """Failed fresh seeds of each setting found with the smallest distance, and the interval of the failure rate."""

    conditions: Names
    failed: Part
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class BudgetOfEach(Finding):
    """The budget of every GAN, and the number of its last evaluations that make its late distance."""

    budget: Budget
    late: int
    evaluations: int


def answer(comparison: Comparison) -> Iterator[Finding]:
    """Findings of the verdict's first topic: the result of the study, then the numbers that support it."""
    first, others = headline(comparison)
    yield from first
    yield from _unconfirmed(comparison)
    yield from further_seeds(comparison)
    yield from coverage_interval(comparison)
    yield from others
    ranking = comparison.ranking
    if len(ranking) and ranking["distance"].notna().any():
        yield _smallest_distance(comparison)
        yield from _reference_distances(comparison)
        yield _failed_fresh_seeds(comparison)
        yield from sample_quality(comparison)
        yield from agreeing_metrics(comparison)
    if len(ranking) or comparison.targets:
        study = comparison.results.study
        evaluations = study.evaluation.measurements
        late = late_evaluations(study.outcomes, evaluations)
        yield BudgetOfEach(budget=study.budget, late=late, evaluations=evaluations)


def late_evaluations(rules: OutcomeRules, evaluations: int) -> int:
    """Number of evaluations in the late window, of `evaluations` after step 0."""
    return max(math.ceil(round(rules.late_share * evaluations, 9)), rules.least)


def _unconfirmed(comparison: Comparison) -> Iterator[Finding]:
    ranking, study = comparison.ranking, comparison.results.study
    if not study.search.confirm.best:
        yield NoConfirmPhase()
        return
    ends = ends_without_result(comparison)
    known = {*ranking["condition"], *ends}
    pending = tuple(condition.name for condition in study.conditions if condition.name not in known)
    if pending and len(pending) < len(study.conditions):
        yield NotConfirmedYet(conditions=pending)
    if ends:
        yield EndedWithoutResult(ends=tuple((condition, END_NAMES[end.state]) for condition, end in ends.items()))


def _smallest_distance(comparison: Comparison) -> Finding:
    ranking = comparison.ranking
    best = ranking.iloc[0]
    has_upper_end = best["members"] > 1 and np.isfinite(best["distance_high"])
    return SmallestDistance(
        conditions=_tied(ranking),
        distance=float(best["distance"]),
        goal=goal(comparison),
        is_chance=len(ranking) > 1 and decided_with_first(comparison)[0].empty,
        interval=None if best["members"] == 1 else (float(best["distance_low"]), float(best["distance_high"])),
        with_references=comparison.first_with_references if has_upper_end else None,
    )


def _tied(ranking: pd.DataFrame) -> Names:
    """The conditions with the smallest distance."""
    return tuple(ranking.loc[ranking["distance"] == ranking["distance"].iloc[0], "condition"])


def _failed_fresh_seeds(comparison: Comparison) -> Finding:
    best = comparison.ranking.iloc[0]
    return FailedFreshSeeds(
        conditions=_tied(comparison.ranking[comparison.ranking["failure_rate"] == best["failure_rate"]]),
        failed=failed_seeds(best),
        interval=(float(best["failure_low"]), float(best["failure_high"])),
    )


def _reference_distances(comparison: Comparison) -> Iterator[Finding]:
    """The smallest distance against that of the Gaussian, and the distance of other real samples."""
    references = comparison.results.reference_distances
    real, gaussian = references.get("real"), references.get("gaussian")
    if gaussian is not None:
        position = _position(gaussian, comparison.ranking.iloc[0])
        yield AgainstGaussian(distance=gaussian, goal=goal(comparison), position=position)
    if real:
        yield DistanceOfRealSamples(distance=real, goal=goal(comparison))


def _position(distance: float, best: pd.Series) -> Literal["below", "within", "above", None]:
    """The position of a distance to the interval of the smallest one; None for one fresh seed."""
    if best["members"] == 1:
        return None
    return "below" if best["distance_low"] > distance else "above" if best["distance_high"] < distance else "within"
