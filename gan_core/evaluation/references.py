"""Reference values of the metrics, computed from the data alone: of real samples, a constant and a Gaussian.

They take seconds for thousands of samples and are the same for every trial on the same data, so they are cached on disk
(in the folder that the environment variable GAN_STUDY_CACHE names, else in the user's cache folder) and in the process.
Those of a user's metric are cached in the process alone, since its code may change.

Noise of `real` and `gaussian` for the sliced Wasserstein distance, as standard deviations in the unit of the data: over
the 20 pairs of sets of samples, and over ten draws of the directions (512 independent ones, or `directions = "auto"`).
The noise of the samples exceeds that of the directions on all data: fewer directions lose nothing, fewer samples would.

data       real, sets    real, 512  real, auto  gaussian, 512  gaussian, auto
ring       .012          .00015     .000006     .0007          .0005
grid       .044          .0007      .000014     .005           .0012
segments   .0036         .0002      .000003     .0006          .00001
two_moons  .009          .0005      .000002     .0019          .00002
digits     .004          .0003      .0002       .0008          .0008
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gan_core.data import PARTS, Dataset, Split, as_coordinates, evaluation_labels
from gan_core.data.dataset import BLOCK_NUMBERS, moments
from gan_core.features import PixelFeatures
from gan_core.metrics import SAMPLE_METRICS, AnyMetric, Fakes, RealSamples, SampleSettings
from gan_core.networks import DiracPair
from gan_core.training import EVALUATION_SEED

SPLITS = 20
"""Number of random splits in two over which the metrics of real samples against real samples are averaged."""
SPLITS_IN_FEATURES = 10
"""The same for images that are compared in other features than pixels, where a split of 2,000 takes a second.

Of 1,000 MNIST images, the standard deviation of the Frechet distance over the splits is 23 % of its mean in a
classifier's features and 3 % in random convolutions.
"""
Rows = Int[np.ndarray, "_"]
"""Numbers of real samples in all splits together."""
LARGEST_COVARIANCE = 2048
"""Largest dimension in which the covariance of the data is formed; at 3 x 64 x 64 pixels it would take 1.2 GB."""


@dataclass(frozen=True)
class ReferenceDistances:
    """Distances from real samples, in the unit of the data, to compare a member's distance with.

    real      distance of real samples from real samples: mean over 20 random pairs of disjoint sets of them (10 pairs
              in other features than pixels), with the numbers of samples of an evaluation if the data are large enough
    constant  distance of one constant sample, the mean of the data
    gaussian  distance of Gaussian samples with the mean and covariance of the data; None if the data have no spread

    If the metric defines `best` or `trivial`, its distance takes the place of `real` or `constant`.
    """

    real: float
    constant: float
    gaussian: float | None


@dataclass(frozen=True)
class ReferenceValues:
    """Values of one metric, from which nothing but the data was learned.

    real      value of real samples in place of fakes, mean over the splits; of a paired metric, of the targets; of a
              metric that compares with the training samples, of the other held-out split
    constant  value of one constant sample, the mean of the data, repeated
    gaussian  value of Gaussian samples with the mean and covariance of the data

    Metrics of conditional generators get the real samples' own labels, and for the constant and the Gaussian those of
    an evaluation.
    """

    real: float
    constant: float
    gaussian: float


def reference_values(metrics: Sequence[AnyMetric], real: RealSamples) -> dict[str, ReferenceValues]:
    """Reference values of each metric that applies to the data, by its name."""
    computed = _of_library([metric for metric in metrics if metric in SAMPLE_METRICS], real)
    own = tuple(metric for metric in metrics if metric not in SAMPLE_METRICS)
    if not own:
        return computed
    return computed | _of_user(own, real.data, real.split, real.settings, real.device, real.dtype)


def equilibrium_distances(pair: DiracPair) -> ReferenceDistances:
    """Reference distances of the Dirac pair: `real` is 0 and `constant` the norm of the initial parameters."""
    return ReferenceDistances(real=0.0, constant=math.hypot(pair.theta, pair.psi), gaussian=None)


def _of_library(metrics: Sequence[AnyMetric], real: RealSamples) -> dict[str, ReferenceValues]:
    names = [metric.name for metric in metrics]
    numbers = {name: getattr(real.settings, name) for name in _SETTINGS}
    if real.data.of_images:
        numbers |= real.feature_map.key
    key: dict[str, Any] = {"split": real.split, "metrics": names, "numbers": numbers, "splits": _splits(real)}
    if any(metric.conditional for metric in metrics):
        key["labels"] = real.data.labels_fingerprint  # the hash of the samples does not hold them

    def compute() -> dict[str, np.ndarray]:
        values = _computed(metrics, real)
        return {name: np.array([values[name].real, values[name].constant, values[name].gaussian]) for name in names}

    arrays = real.cache.arrays("reference_values", key, compute)
    return {name: ReferenceValues(*arrays[name].tolist()) for name in names}


@lru_cache(maxsize=8)
def _of_user(
    metrics: tuple[AnyMetric, ...],
    data: Dataset,
    split: Split,
    settings: SampleSettings,
    device: torch.device,
    dtype: torch.dtype,
) -> dict[str, ReferenceValues]:
    real = RealSamples(data, split, settings, device=device, dtype=dtype)
    return _computed(metrics, real)


_SETTINGS = ("samples", "directions", "cells", "exact_points", "resolution", "neighbours")
"""Settings that change the values of the library's metrics."""


def _computed(metrics: Sequence[AnyMetric], real: RealSamples) -> dict[str, ReferenceValues]:
    """Reference values of each metric by its name."""
    unpaired = [metric for metric in metrics if not metric.paired]
    of_training = [metric for metric in unpaired if metric.of_training]
    paired = [metric for metric in metrics if metric.paired]
    compared = [metric for metric in unpaired if not metric.of_training]
    conditional = any(metric.conditional for metric in metrics)
    of_real = [_of_split(compared, real, one, other, conditional) for one, other in _real_splits(real)]
    values = {metric.name: float(np.mean([split[metric.name] for split in of_real])) for metric in compared}
    values |= _measured(of_training, real, _unseen(real)) if of_training else {}
    if real.targets is not None:
        values |= _measured(paired, real, real.targets)
    constant, gaussian = _constant(real), _gaussian_samples(real)
    labels = _labels(real) if conditional else None
    of_constant = _measured([metric for metric in unpaired if not metric.copies], real, constant)
    repeated = constant.expand(real.settings.samples, -1)
    of_constant |= _measured([metric for metric in unpaired if metric.copies], real, repeated, labels)
    of_gaussian = _measured(unpaired, real, gaussian, labels)
    if real.targets is not None:
        of_constant |= _measured(paired, real, constant.expand_as(real.targets))
        of_gaussian |= _measured(paired, real, _gaussian_samples(real, len(real.targets)))
    return {name: ReferenceValues(values[name], of_constant[name], of_gaussian[name]) for name in values}


def _of_split(
    metrics: Sequence[AnyMetric], real: RealSamples, one: Rows, other: Rows, conditional: bool
) -> dict[str, float]:
    """Values of some real samples, given by their rows, in place of fakes, and others in place of the split's."""
    samples, others = (real.tensor(real.data.rows(rows)) for rows in (one, other))
    if not conditional:
        return _measured(metrics, real.replaced(samples), others)
    every = torch.from_numpy(np.concatenate([real.data.labels_of(part) for part in PARTS])).to(real.device)
    return _measured(metrics, real.replaced(samples, every[one]), others, every[other])


def _labels(real: RealSamples) -> Int[Tensor, "n"]:
    """Labels with which conditional generators are evaluated."""
    return torch.from_numpy(evaluation_labels(real.settings.samples, real.data, real.split)).to(real.device)


def _measured(
    metrics: Sequence[AnyMetric],
    real: RealSamples,
    samples: Float[Tensor, "n dim"],
    labels: Int[Tensor, "n"] | None = None,
) -> dict[str, float]:
    fake = Fakes(samples[None], labels)
    return {metric.name: float(metric.measure(real, fake)[0]) for metric in metrics}


def _unseen(real: RealSamples) -> Float[Tensor, "n dim"]:
    """Real samples of the other held-out split, of which neither training nor the metrics have seen any."""
    return real.tensor(real.data.held_out("test" if real.split == "validation" else "validation"))


def _constant(real: RealSamples) -> Float[Tensor, "one dim"]:
    return real.tensor(moments(real.data, *PARTS)[0][None])


def _gaussian_samples(real: RealSamples, count: int | None = None) -> Float[Tensor, "n dim"]:
    """Fixed samples of a Gaussian with the data's mean and covariance; without `count` as many as fakes."""
    rng, drawn = np.random.default_rng([EVALUATION_SEED, 2]), count or real.settings.samples
    data = real.data
    if data.sample_shape.dim > LARGEST_COVARIANCE or data.count * data.sample_shape.dim > BLOCK_NUMBERS:
        return real.tensor(_without_covariance(data, drawn, rng))
    samples = as_coordinates(data.every, np.float64)
    mean, covariance = samples.mean(0), np.atleast_2d(np.cov(samples.T))
    return real.tensor(rng.multivariate_normal(mean, covariance, drawn, method="eigh"))


def _without_covariance(data: Dataset, count: int, rng: np.random.Generator) -> Float[np.ndarray, "n dim"]:
    """Samples of a Gaussian with the mean and covariance of the n real samples X, whose covariance is not formed.

    mean + (X - mean)' g / sqrt(n - 1) with g standard normal in n dimensions, X in blocks, in float32
    """
    mean = moments(data, *PARTS)[0]
    drawn = np.zeros((count, len(mean)), np.float32)
    for block in data.blocks(*PARTS):
        centred = (block - mean).astype(np.float32)
        drawn += rng.standard_normal((count, len(block)), np.float32) @ centred
    return mean + drawn / np.sqrt(data.count - 1)


def _splits(real: RealSamples) -> int:
    pixels = not real.data.of_images or real.feature_map.name == PixelFeatures.kind
    return SPLITS if pixels else SPLITS_IN_FEATURES


def _real_splits(real: RealSamples) -> Iterator[tuple[Rows, Rows]]:
    """Rows of random pairs of disjoint sets of real samples: as many as are held out and, if there are, as fakes."""
    rng = np.random.default_rng([EVALUATION_SEED, 1])
    data, held_out = real.data, real.data.held_out(real.split)
    for _ in range(_splits(real)):
        rest, chosen = np.split(rng.permutation(data.count), [-len(held_out)])
        other = rest[: real.settings.samples]  # fewer if the data are too small: no sample is in both sets
        yield chosen, other
