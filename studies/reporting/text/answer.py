"""The answer of a study: its result, then the numbers that support it."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from studies.analysis.comparison import Comparison
from studies.numbers import format_distance, format_interval, format_shares
from studies.reporting.text.fresh_seeds import further_seeds_sentences
from studies.reporting.text.headline import headline, other_findings
from studies.reporting.text.metric_agreement import agreement_sentences
from studies.reporting.text.mode_coverage import coverage_interval
from studies.reporting.text.phrases import (
    MAX_NAMES,
    budget_in_words,
    capitalize,
    decided_with_first,
    failed_count,
    found_for,
    goal,
    interval_in_words,
    join_words,
    late_evaluations,
)
from studies.reporting.text.sample_quality import quality_sentences
from studies.reporting.text.without_result import ends_without_result
from studies.tables.columns import END_NAMES


def answer(comparison: Comparison) -> tuple[str, ...]:
    """Sentences of the verdict's first topic: the result of the study, then the numbers that support it."""
    return tuple(_sentences(comparison))


def _sentences(comparison: Comparison) -> Iterator[str]:
    yield from headline(comparison)
    yield from _unconfirmed(comparison)
    yield from further_seeds_sentences(comparison)
    yield from coverage_interval(comparison)
    yield from other_findings(comparison)
    ranking = comparison.ranking
    if len(ranking) and ranking["distance"].notna().any():
        yield _smallest_distance(comparison)
        yield from _reference_distances(comparison)
        yield _failed_seeds(comparison)
        yield from quality_sentences(comparison)
        yield from agreement_sentences(comparison)
    if len(ranking) or comparison.targets:
        yield _budget(comparison)


def _unconfirmed(comparison: Comparison) -> Iterator[str]:
    ranking, study = comparison.ranking, comparison.results.study
    if not study.search.confirm.best:
        yield "There is no ranking, because the study has no confirm phase (search.confirm.best = 0)."
        return
    ends = ends_without_result(comparison)
    known = {*ranking["condition"], *ends}
    pending = [condition.name for condition in study.conditions if condition.name not in known]
    if pending and len(pending) < len(study.conditions):
        yield f"Not confirmed yet, and therefore not in the ranking: {join_words(pending, most=MAX_NAMES)}."
    if ends:
        named = [f"{condition} ({END_NAMES[end.state]})" for condition, end in ends.items()]
        yield (
            f"Not confirmed, because training on fresh seeds ended without a result, and therefore not in the ranking: "
            f"{join_words(named, most=MAX_NAMES)}."
        )


def _smallest_distance(comparison: Comparison) -> str:
    """Sentence on the smallest distance in the ranking, with its interval and the settings that have it."""
    ranking = comparison.ranking
    best, tied = ranking.iloc[0], _tied(ranking)
    distance = format_distance(best["distance"])
    if len(tied) > 1:
        opening = f"{capitalize(found_for(tied))} have the same distance from {goal(comparison)}, {distance}"
    elif len(ranking) == 1 or len(decided_with_first(comparison)[0]):
        opening = f"{capitalize(found_for(tied))} ends at a distance of {distance} from {goal(comparison)}"
    else:
        opening = f"On these seeds {found_for(tied)} has the smallest distance from {goal(comparison)}, {distance}"
    if best["members"] == 1:
        return f"{opening}, with one fresh seed, which is too few for an interval."
    interval = interval_in_words(best["distance_low"], best["distance_high"])
    return f"{opening} ({interval}{_with_references(comparison)})."


def _with_references(comparison: Comparison) -> str:
    """The interval that also holds the variation with the real samples, if the first one has two ends."""
    if not np.isfinite(comparison.ranking.iloc[0]["distance_high"]) or comparison.first_with_references is None:
        return ""
    return f" over fresh seeds, {format_interval(*comparison.first_with_references)} over other real samples as well"


def _tied(ranking: pd.DataFrame) -> list[str]:
    """The conditions with the smallest distance."""
    return ranking.loc[ranking["distance"] == ranking["distance"].iloc[0], "condition"].tolist()


def _failed_seeds(comparison: Comparison) -> str:
    """Sentence on the failed seeds of the first setting of the ranking, with the interval of its failure rate."""
    best = comparison.ranking.iloc[0]
    tied = _tied(comparison.ranking[comparison.ranking["failure_rate"] == best["failure_rate"]])
    each = "each of " if len(tied) > 1 else ""
    return (
        f"{failed_count(best)} fresh seeds of {each}{found_for(tied)} failed (95% interval of the failure rate "
        f"{format_shares(best['failure_low'], best['failure_high'])})."
    )


def _reference_distances(comparison: Comparison) -> Iterator[str]:
    """Sentences that compare the smallest distance with the Gaussian, and state that of other real samples."""
    references = comparison.results.reference_distances
    real, gaussian = references.get("real"), references.get("gaussian")
    if gaussian is not None:
        yield _against_gaussian(comparison.ranking.iloc[0], gaussian, goal(comparison))
    if real:
        yield f"Other real samples have a distance of {format_distance(real)} from {goal(comparison)}."


def _against_gaussian(best: pd.Series, gaussian: float, goal_name: str) -> str:
    """Sentence that says if the Gaussian's distance is below, above or within the interval of the smallest distance."""
    samples, distance = "samples of a Gaussian with the mean and covariance of the real data", format_distance(gaussian)
    if best["members"] == 1:
        return f"{capitalize(samples)} have a distance of {distance} from {goal_name}."
    if best["distance_low"] > gaussian:
        return f"This is farther from {goal_name} than {samples} (distance {distance}, below the interval)."
    if best["distance_high"] < gaussian:
        return f"This is closer to {goal_name} than {samples} (distance {distance}, above the interval)."
    return f"This cannot be told apart from {samples} (distance {distance}, within the interval)."


def _budget(comparison: Comparison) -> str:
    """The budget of every GAN, and the definition of its distance."""
    study = comparison.results.study
    evaluations = study.evaluation.measurements
    late = late_evaluations(study.outcomes, evaluations)
    return (
        f"Every GAN had a budget of {budget_in_words(study)}; its distance is its late distance, the median over the "
        f"last {late} of its {evaluations} evaluations."
    )
