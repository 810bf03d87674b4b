"""Sentences on whether the setting that ranks first does so under every metric, and is better than a Gaussian."""

from collections.abc import Iterator, Mapping

from studies.analysis.comparison import Comparison
from studies.analysis.metric_rankings import behind_gaussian, leaders
from studies.reporting.figures.wording import metric_label
from studies.reporting.text.phrases import found_for, join_words

OF_MOMENTS = "frechet_distance"
"""The metric that compares means and covariances alone: in pixels the Gaussian is as good as real data by it."""


def disagreement_clause(comparison: Comparison) -> str:
    """Which setting found is first under which metric, if none is first under all of them; else empty."""
    first = leaders(comparison.metric_rankings)
    if len(comparison.ranking) < 2 or not first or _common(first):
        return ""
    by_setting: dict[str, list[str]] = {}
    for metric, names in first.items():
        are = f"{found_for(names)} {'is' if len(names) == 1 else 'are'} first"
        by_setting.setdefault(are, []).append(metric_label(metric))
    parts = [f"{are} by {join_words(metrics)}" for are, metrics in by_setting.items()]
    return f"which setting found is first depends on the metric: {'; '.join(parts)}"


def agreement_sentences(comparison: Comparison) -> Iterator[str]:
    """Sentences on the setting that is first by every metric, and on the metrics by which none beats the Gaussian."""
    rankings = comparison.metric_rankings
    first = leaders(rankings)
    common = _common(first)
    if len(first) > 1 and len(comparison.ranking) > 1 and common:
        are = f"{found_for(common)} {'is' if len(common) == 1 else 'are'} first"
        yield f"By every metric that was compared ({', '.join(metric_label(metric) for metric in first)}), {are}."
    in_pixels = comparison.results.features.get("name", "pixels") == "pixels"
    told = [metric for metric in first if not (metric == OF_MOMENTS and in_pixels)]
    behind = [metric_label(metric) for metric in told if behind_gaussian(rankings, metric)]
    if behind:
        yield (
            f"By {join_words(behind)}, a Gaussian with the mean and covariance of the real data is at least as good as "
            "every setting found."
        )


def _common(first: Mapping[str, list[str]]) -> list[str]:
    """The settings that are first under every metric."""
    if not first:
        return []
    everywhere = set.intersection(*(set(names) for names in first.values()))
    return [name for name in next(iter(first.values())) if name in everywhere]
