"""Description of every metric: unit, direction, and the data or objective that it applies to.

The names are those in `Evaluator.evaluate`, in the table `curves` of a study and in MLflow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

AVERAGE = "_of_average"
"""Suffix of a metric of the averaged generator (`training.generator_average`)."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """Description of one metric.

    unit         unit of the value; "data" is the unit of the samples' coordinates
    direction    "lower" if a lower value is better, "higher" if a higher value is; "neither" if the metric
                 does not measure quality
    applies_to   data or objective for which the metric is computed
    description  definition, and how to read the value
    """

    unit: str
    direction: Literal["lower", "higher", "neither"]
    applies_to: str
    description: str

    @property
    def of_samples(self) -> bool:
        """True if `SampleMetrics` computes the metric, from samples without the networks."""
        return self.applies_to in (_SPREAD, _PLANE, _MODES, _IMAGES)


_ALL, _SPREAD, _PLANE, _MODES = "all data", "data with spread", "points of the plane", "known modes"
_IMAGES = "images"
_BALANCED = "`boundary_equilibrium`"

METRICS: Mapping[str, Metric] = {
    "sliced_wasserstein": Metric(
        unit="data",
        direction="lower",
        applies_to=_SPREAD,
        description="sliced Wasserstein distance between fakes and the real samples of the split: mean over fixed "
        "directions of the exact 1-D Wasserstein-1 distance. Outcomes, search score and ranking use it. Compare with "
        "its value for real samples, which is not 0",
    ),
    "distance_to_equilibrium": Metric(
        unit="parameters",
        direction="lower",
        applies_to="`dirac`",
        description="norm of (theta, psi), 0 at the equilibrium. Outcomes, search score and ranking use it for the "
        "Dirac pair",
    ),
    "cells": Metric(
        unit="count",
        direction="higher",
        applies_to=_SPREAD,
        description="number of cells (known modes, else k-means cells of the training data) with at least "
        "n / (10 cells) of the n fakes; at best the number that real samples occupy",
    ),
    "spread": Metric(
        unit="ratio",
        direction="neither",
        applies_to=_SPREAD,
        description="root of the ratio of total variances, fakes over training data: 1 for the same spread, 0 for a "
        "single point",
    ),
    "wasserstein_1": Metric(
        unit="data",
        direction="lower",
        applies_to=_PLANE,
        description="exact Wasserstein-1 distance between `exact_points` fakes and as many real samples",
    ),
    "jensen_shannon": Metric(
        unit="nats",
        direction="lower",
        applies_to=_PLANE,
        description="Jensen-Shannon divergence between histograms over the smallest box around the real data; log 2 = "
        "0.693 if the supports do not overlap, at any distance",
    ),
    "modes_covered": Metric(
        unit="count",
        direction="higher",
        applies_to=_MODES,
        description="number of the K modes that are nearest to at least n / (10 K) of the n fakes, counting fakes of "
        "high quality only",
    ),
    "high_quality": Metric(
        unit="share",
        direction="higher",
        applies_to=_MODES,
        description="share of the fakes within 3 sigma of their nearest mode; 0.98889 for a perfect sampler",
    ),
    "mode_kl": Metric(
        unit="nats",
        direction="lower",
        applies_to=_MODES,
        description="KL(fakes || true weights) over the nearest modes, minus its mean for a perfect sampler: 0 on "
        "average for a perfect sampler, and sometimes negative",
    ),
    "precision": Metric(
        unit="share",
        direction="higher",
        applies_to=_IMAGES,
        description="share of the fakes that are no farther, in pixels, from some real sample than the "
        "`neighbours`-th nearest other real sample is; does not measure variety",
    ),
    "coverage": Metric(
        unit="share",
        direction="higher",
        applies_to=_IMAGES,
        description="share of the real samples with a fake that is no farther, in pixels, than their `neighbours`-th "
        "nearest other real sample; compare with its value for real samples, which is below 1",
    ),
    "critic_loss": Metric(
        unit="objective's",
        direction="neither",
        applies_to=_ALL,
        description="loss of the critic, penalty of the constraint included; not comparable between objectives",
    ),
    "generator_loss": Metric(
        unit="objective's",
        direction="neither",
        applies_to=_ALL,
        description="loss of the generator; not comparable between objectives",
    ),
    "critic_on_real": Metric(
        unit="critic's",
        direction="neither",
        applies_to=_ALL,
        description="mean score (high on real) or energy (low on real) of real samples",
    ),
    "critic_on_fake": Metric(
        unit="critic's",
        direction="neither",
        applies_to=_ALL,
        description="mean score or energy of fakes; the critic separates real from fake by the difference to "
        "`critic_on_real`",
    ),
    "critic_slope": Metric(
        unit="critic's / data",
        direction="neither",
        applies_to=_ALL,
        description="mean norm of the critic's gradient with respect to the sample, at points between real and fake",
    ),
    "critic_gradient_norm": Metric(
        unit="loss / parameters",
        direction="neither",
        applies_to=_ALL,
        description="norm of the gradient of the critic's loss with respect to its parameters",
    ),
    "generator_gradient_norm": Metric(
        unit="loss / parameters",
        direction="neither",
        applies_to=_ALL,
        description="norm of the gradient of the generator's loss with respect to its parameters; near 0 the generator "
        "does not learn",
    ),
    "balance": Metric(
        unit="ratio",
        direction="neither",
        applies_to=_BALANCED,
        description="k, weight of the fakes in the critic's loss, between 0 and 1",
    ),
    "convergence": Metric(
        unit="energy",
        direction="lower",
        applies_to=_BALANCED,
        description="M = U(real) + |gamma U(real) - U(fake)|",
    ),
}
"""Description of every metric, by name."""
