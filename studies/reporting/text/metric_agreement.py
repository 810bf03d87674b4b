"""Sentences on whether the setting that ranks first does so under every metric, and is better than a Gaussian."""

from collections.abc import Iterator, Mapping

from studies.analysis.comparison import Comparison
from studies.analysis.metric_rankings import behind_gaussian, leaders
from studies.reporting.figures.wording import metric_label
from studies.reporting.text.phrases import found_for, join_words

OF_MOMENTS = "frechet_distance"
"""The metric that compares means and covariances alone, by which the Gaussian is as good as real data."""


def disagreement_clause(comparison: Comparison) -> str:
    """Which setting found is first under which metric, if that depends on the metric; else empty."""
    first = leaders(comparison.metric_rankings)
    if len(comparison.ranking) < 2 or not _differ(first):
        return ""
    by_setting: dict[str, list[str]] = {}
    for metric, names in first.items():
        by_setting.setdefault(found_for(names), []).append(metric_label(metric))
    parts = [f"{settings} is first by {join_words(metrics)}" for settings, metrics in by_setting.items()]
    return f"which setting found is best depends on the metric: {join_words(parts)}"


def agreement_sentences(comparison: Comparison) -> Iterator[str]:
    """Sentences on the metrics under which one setting is first, and on those under which the Gaussian is better."""
    rankings = comparison.metric_rankings
    first = leaders(rankings)
    if rankings.empty:
        return
    if len(first) > 1 and len(comparison.ranking) > 1 and not _differ(first):
        (names,) = {tuple(names) for names in first.values()}
        yield f"By each of {join_words([metric_label(metric) for metric in first])}, {found_for(names)} is first."
    behind = [metric_label(metric) for metric in first if metric != OF_MOMENTS and behind_gaussian(rankings, metric)]
    if behind:
        yield (
            f"By {join_words(behind)}, a Gaussian with the mean and covariance of the real data is better than every "
            "setting found, so a good value there does not show that samples look real."
        )


def _differ(first: Mapping[str, list[str]]) -> bool:
    return len({tuple(names) for names in first.values()}) > 1
