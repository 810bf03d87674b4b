"""Findings on the settings that rank first under each metric, and on those metrics by which a Gaussian is as good."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.analysis.metric_rankings import OF_TWO, behind_gaussian, leaders
from studies.reporting.text.finding import Finding, Names
from studies.reporting.wording import metric_label
from studies.statistics.permutation import LEVEL

OF_MOMENTS = "frechet_distance"
"""The metric that compares means and covariances alone: in pixels the Gaussian is as good as real data by it."""


@dataclass(frozen=True, kw_only=True)
class DisagreeingMetrics(Finding):
    """The settings found that are first under each metric, none of them under all.

    leaders   conditions and the metrics under which their settings are first
    reversed  pairs of settings of which each is decided to be better than the other under a metric
    p         largest adjusted p-value of these; None without such a pair: the differences may be due to chance
    """

    leaders: tuple[tuple[Names, Names], ...]
    reversed: tuple[tuple[str, str], ...]
    p: float | None


@dataclass(frozen=True, kw_only=True)
class AgreeingMetrics(Finding):
    """The conditions whose settings found are first under every metric.

    undecided  those of the metrics by which a setting that is not first is not decided to be worse
    """

    conditions: Names
    metrics: Names
    undecided: Names


@dataclass(frozen=True, kw_only=True)
class GaussianAsGood(Finding):
    """The metrics by which no setting found is better than a Gaussian."""

    metrics: Names


def disagreeing_metrics(comparison: Comparison) -> Iterator[Finding]:
    """Metrics that rank different settings found first, with the setting that each ranks first; nothing if all agree.

    The order depends on the metric if two settings are each decided to be better than the other under one of them;
    otherwise it may be due to chance.
    """
    first = leaders(comparison.metric_rankings)
    if len(comparison.ranking) < 2 or not first or _common(first):
        return
    metrics: dict[Names, list[str]] = {}
    for metric, names in first.items():
        metrics.setdefault(tuple(names), []).append(metric)
    pairs = _reversed_pairs(comparison, first)
    yield DisagreeingMetrics(
        leaders=tuple((names, tuple(own)) for names, own in metrics.items()),
        reversed=tuple((one, other) for one, other, _ in pairs),
        p=max((p_value for *_, p_value in pairs), default=None),
    )


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


def agreeing_metrics(comparison: Comparison) -> Iterator[Finding]:
    """The setting that is first by every metric."""
    first = leaders(comparison.metric_rankings)
    common = _common(first)
    if len(first) > 1 and len(comparison.ranking) > 1 and common:
        others = [name for name in comparison.ranking["condition"] if name not in common]
        undecided = [
            metric
            for metric in first
            if any(_p_ahead(comparison, metric, ahead, other) >= LEVEL for ahead in common for other in others)
        ]
        yield AgreeingMetrics(conditions=tuple(common), metrics=tuple(first), undecided=tuple(undecided))


def gaussian_as_good(comparison: Comparison) -> Iterator[GaussianAsGood]:
    """A finding that names the metrics by which samples of a Gaussian are as good as those of every setting found.

    The Gaussian has the mean and the covariance of the real data. Nothing if every metric ranks some setting above it.
    """
    rankings = comparison.metric_rankings
    in_pixels = comparison.results.features.get("name", "pixels") == "pixels"
    told = [metric for metric in leaders(rankings) if not (metric == OF_MOMENTS and in_pixels)]
    behind = tuple(metric for metric in told if behind_gaussian(rankings, metric))
    if behind:
        yield GaussianAsGood(metrics=behind)


def measures_in_words(rankings: pd.DataFrame) -> str:
    """Sentences on the measures of a table `metric_rankings`: which are harmonic means, and which value is better."""
    larger = rankings.loc[rankings["larger"], "metric"].unique().tolist()
    sentences = [
        f"{_capital(metric)}: their harmonic mean, larger is better."
        if metric in OF_TWO
        else f"{_capital(metric_label(metric))}: larger is better."
        for metric in larger
    ]
    return " ".join(
        [*sentences, "Of the others a smaller value is better." if larger else "A smaller value is better."]
    )


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _common(first: Mapping[str, list[str]]) -> list[str]:
    """The settings that are first under every metric."""
    if not first:
        return []
    everywhere = set.intersection(*(set(names) for names in first.values()))
    return [name for name in next(iter(first.values())) if name in everywhere]
