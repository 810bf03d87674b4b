"""Sentences on whether the setting that ranks first does so under every metric, and is better than a Gaussian."""

from collections.abc import Iterator, Mapping
from itertools import combinations, product

from studies.analysis.comparison import Comparison
from studies.analysis.metric_rankings import behind_gaussian, leaders
from studies.numbers import format_p
from studies.reporting.figures.wording import metric_label
from studies.reporting.text.phrases import found_for, join_words
from studies.statistics.permutation import LEVEL

OF_MOMENTS = "frechet_distance"
"""The metric that compares means and covariances alone: in pixels the Gaussian is as good as real data by it."""


def disagreement_clause(comparison: Comparison) -> str:
    """Which setting found is first under which metric, if none is first under all of them; else empty.

    The order depends on the metric if two settings are each decided to be better than the other under one of them;
    otherwise it may be due to chance.
    """
    first = leaders(comparison.metric_rankings)
    if len(comparison.ranking) < 2 or not first or _common(first):
        return ""
    by_setting: dict[str, list[str]] = {}
    for metric, names in first.items():
        are = f"{found_for(names)} {'is' if len(names) == 1 else 'are'} first"
        by_setting.setdefault(are, []).append(metric_label(metric))
    parts = [f"{are} by {join_words(metrics)}" for are, metrics in by_setting.items()]
    verb = "depends" if (reversed_pairs := _reversed_pairs(comparison, first)) else "may depend"
    tests = (
        _tests_remark(reversed_pairs)
        if reversed_pairs
        else "; whether their order differs between the metrics is undecided"
    )
    return f"which setting found is first {verb} on the metric: {'; '.join(parts)}{tests}"


def _reversed_pairs(comparison: Comparison, first: Mapping[str, list[str]]) -> list[tuple[str, str, float]]:
    """Pairs of settings that are first under a metric, each decided to be better than the other under its metric.

    With each pair the larger of the two adjusted p-values.
    """
    pairs: dict[tuple[str, str], float] = {}
    for metric, other_metric in combinations(first, 2):
        for one, other in product(first[metric], first[other_metric]):
            p_value = max(_p_ahead(comparison, metric, one, other), _p_ahead(comparison, other_metric, other, one))
            if one != other and p_value < LEVEL:
                pair = (other, one) if (other, one) in pairs else (one, other)
                pairs[pair] = min(p_value, pairs.get(pair, 1.0))
    return [(one, other, p_value) for (one, other), p_value in pairs.items()]


def _p_ahead(comparison: Comparison, metric: str, ahead: str, behind: str) -> float:
    """Adjusted p-value of a pair under a metric if `ahead` is the better one there, else 1."""
    tests = comparison.metric_pairs
    tests = comparison.pairs if metric == comparison.results.study.distance else tests[tests["metric"] == metric]
    for name, other, sign in ((ahead, behind, 1), (behind, ahead, -1)):
        row = tests[(tests["condition"] == name) & (tests["other"] == other)]
        if not row.empty and sign * (row["effect"].iloc[0] - 0.5) > 0 and row["p_adjusted"].notna().iloc[0]:
            return float(row["p_adjusted"].iloc[0])
    return 1.0


def _tests_remark(pairs: list[tuple[str, str, float]]) -> str:
    largest = format_p(max(p_value for *_, p_value in pairs))
    if len(pairs) == 1:
        return f" (each is better than the other by its own metric: p <= {largest})"
    named = join_words([f"{one} and {other}" for one, other, _ in pairs], last="or")
    return f" (of {named} each is better than the other by its own metric: p <= {largest})"


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
