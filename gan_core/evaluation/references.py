"""Reference values of the metrics, computed from the data alone: of real samples, a constant and a Gaussian.

They take seconds for thousands of samples and are the same for every trial on the same data, so they are cached in the
process.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.data import Dataset, Split
from gan_core.evaluation.evaluation_settings import EvaluationSettings
from gan_core.evaluation.sample_metrics import SampleMetrics
from gan_core.training.randomness import EVALUATION_SEED

SPLITS = 20
"""Number of random splits in two over which the metrics of real samples against real samples are averaged."""


@dataclass(frozen=True)
class ReferenceDistances:
    """Distances from real samples, in the unit of the data, to compare a member's distance with.

    real      distance of real samples from real samples: mean over 20 random splits, with the numbers of samples of an
              evaluation if the data are large enough
    constant  distance of one constant sample, the mean of the data
    gaussian  distance of Gaussian samples with the mean and covariance of the data; None if the data have no spread
    """

    real: float
    constant: float
    gaussian: float | None


@dataclass(frozen=True)
class References:
    """Reference values of one data set, split and evaluation settings.

    distances        reference values of the sliced Wasserstein distance
    real_values      every sample metric of real samples in place of fakes, mean over the 20 splits of `distances.real`
    gaussian_values  every sample metric of the Gaussian samples of `distances.gaussian`
    """

    distances: ReferenceDistances
    real_values: dict[str, float]
    gaussian_values: dict[str, float]


@lru_cache(maxsize=8)
def compute_references(
    data: Dataset, split: Split, settings: EvaluationSettings, device: torch.device, dtype: torch.dtype
) -> References:
    """Reference values of the data, for one split and one set of evaluation settings; cached."""
    metrics = SampleMetrics(data, split, settings, device=device, dtype=dtype)
    by_split = [metrics.measure_between(real, other) for real, other in _real_splits(metrics)]
    real_values = {name: float(np.mean([values[name] for values in by_split])) for name in by_split[0]}
    gaussian = _gaussian_samples(metrics)
    constant = data.every.mean(0, dtype=np.float64, keepdims=True)
    return References(
        distances=ReferenceDistances(
            real=real_values["sliced_wasserstein"],
            constant=float(metrics.distance(metrics.tensor(constant))),
            gaussian=float(metrics.distance(gaussian)),
        ),
        real_values=real_values,
        gaussian_values={name: float(values[0]) for name, values in metrics.measure(gaussian[None]).items()},
    )


def _gaussian_samples(metrics: SampleMetrics) -> Float[Tensor, "n dim"]:
    """Fixed samples of a Gaussian with the data's mean and covariance, as many as an evaluation has fakes."""
    samples = metrics.data.every.astype(np.float64)
    mean, covariance = samples.mean(0), np.atleast_2d(np.cov(samples.T))
    rng = np.random.default_rng([EVALUATION_SEED, 2])
    return metrics.tensor(rng.multivariate_normal(mean, covariance, metrics.settings.samples, method="eigh"))


def _real_splits(metrics: SampleMetrics) -> Iterator[tuple[Tensor, Tensor]]:
    """20 random pairs of disjoint sets of real samples, as many as are held out and, if the rest suffices, as fakes."""
    rng = np.random.default_rng([EVALUATION_SEED, 1])
    samples, held_out = metrics.data.every, metrics.data.held_out(metrics.split)
    for _ in range(SPLITS):
        rest, real = np.split(rng.permutation(len(samples)), [-len(held_out)])
        other = rest[: metrics.settings.samples]  # fewer if the data are too small: no sample is in both sets
        yield metrics.tensor(samples[real]), metrics.tensor(samples[other])
