"""Precision, coverage and memorisation of the samples of the first setting in the ranking, and their features."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from gan_core.metrics import FrechetDistance, KernelDistance
from studies.analysis.comparison import Comparison
from studies.analysis.late_quality import late_quality
from studies.reporting.guessing import accuracy_of_guessing
from studies.reporting.text.finding import Finding
from studies.tables.results import Results

MUCH = 0.2
"""Least memorisation above that of real samples from which a setting is said to repeat training samples."""


class Quality(NamedTuple):
    """Median of a metric over fresh seeds, and its values for other real samples and for samples of the Gaussian."""

    value: float
    real: float
    gaussian: float


@dataclass(frozen=True, kw_only=True)
class SampleQuality(Finding):
    """Precision and coverage of the setting found for a condition."""

    condition: str
    precision: Quality
    coverage: Quality


@dataclass(frozen=True, kw_only=True)
class MeasuredInFeatures(Finding):
    """The features in which samples are compared.

    accuracy  share of the validation images of which they name the class, None if unknown
    guessed   that of always naming the largest class, if they are hardly better, else None
    distance  the distance that decides if it is measured in them too, else None
    """

    features: str
    hash: str
    accuracy: float | None
    guessed: float | None
    distance: str | None


@dataclass(frozen=True, kw_only=True)
class RepeatsTrainingSamples(Finding):
    """The memorisation of the setting found for a condition, far above that of other real samples, `usual`."""

    condition: str
    memorisation: float
    usual: float


def sample_quality(comparison: Comparison) -> Iterator[Finding]:
    """Findings on the setting that ranks first: median precision and coverage of its samples, and their references.

    Further findings name the features, unless they are pixels, and a setting that repeats training samples. No
    finding if precision was not measured. A member with a nonfinite sample in the late window counts as 0.
    """
    best, results = comparison.ranking.iloc[0]["condition"], comparison.results
    late = late_quality(results)
    members = late[late["condition"] == best]
    real, gaussian = results.real_values, results.gaussian_values
    if members.empty or "precision" not in gaussian:
        return
    precision, coverage = (
        Quality(members[metric].fillna(0).median(), real[metric], gaussian[metric])
        for metric in ("precision", "coverage")
    )
    yield SampleQuality(condition=best, precision=precision, coverage=coverage)
    yield from _features(results)
    yield from _memorisation(results, best)


def _features(results: Results) -> Iterator[Finding]:
    features, distance = results.features, results.study.distance
    if features.get("name", "pixels") != "pixels":
        yield MeasuredInFeatures(
            features=features["name"],
            hash=features["hash"],
            accuracy=features.get("accuracy"),
            guessed=accuracy_of_guessing(results.data, features.get("accuracy")),
            distance=distance if distance in (FrechetDistance.name, KernelDistance.name) else None,
        )


def _memorisation_deviation(train: int, test: int) -> float:
    """Standard deviation of the memorisation of new samples, as far as it follows from the numbers of samples.

    With p = train / (train + test), each of the test samples is taken for one draw of the share p: sqrt(p (1 - p) /
    test) for the share, over 1 - p for the memorisation.
    """
    return math.sqrt(train / test / test)


def _memorisation(results: Results, best: str) -> Iterator[Finding]:
    curves = results.ranked(results.curves)
    values = curves[(curves["metric"] == "memorisation") & (curves["condition"] == best)]
    last = values[values["step"] == values["step"].max()]["value"]
    usual = results.real_values.get("memorisation", 0.0)
    chance = 2 * _memorisation_deviation(len(results.data.train), len(results.data.test))
    if not last.empty and last.median() > max(usual, 0.0) + max(MUCH, chance):
        yield RepeatsTrainingSamples(condition=best, memorisation=float(last.median()), usual=usual)
