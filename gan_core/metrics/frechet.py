"""Frechet distance between Gaussians fitted to features of real samples and of fakes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.metric_description import Direction
from gan_core.metrics.any_metric import IMAGES, AnyMetric, Applicability
from gan_core.metrics.samples import Fakes, RealSamples


@dataclass(frozen=True, kw_only=True)
class FrechetDistance(AnyMetric):
    """Frechet distance between Gaussians with the means m and covariances S of the features of real samples and fakes.

    |m_real - m_fake|^2 + tr S_real + tr S_fake - 2 tr (R S_fake R)^(1/2), where R R = S_real

    In the features of an Inception network it is the FID. It falls as the number of samples grows: compare values of
    equal `samples` alone, and with the value of real samples. There may be fewer fakes than features. Only means and
    covariances of the features matter. NaN if a feature is not finite.

    Source: Heusel et al. 2017, arXiv:1706.08500, eq. 6; Dowson & Landau 1982 for Gaussians.
    """

    name: ClassVar[str] = "frechet_distance"
    unit: ClassVar[str] = "squared features"
    direction: ClassVar[Direction] = "lower"
    description: ClassVar[str] = (
        "Frechet distance between Gaussians fitted to the study's features of fakes and of the split's real samples. "
        "Outcomes, search score and ranking of images use it unless the features are pixels. Compare with its value "
        "for real samples, which is not 0"
    )
    applies_to: ClassVar[Applicability] = IMAGES

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        mean, root = real.once(_moments)
        values = [frechet_distance(mean, root, member) for member in fake.features(real)]
        return fake.finite_or_nan(torch.stack(values))


Moments = tuple[Float[Tensor, "features"], Float[Tensor, "features features"]]
"""Mean, and symmetric root of the covariance."""


def moments(features: Float[Tensor, "n features"]) -> Moments:
    """Mean of features and symmetric root of their covariance, in float64."""
    mean, covariance = _mean_and_covariance(features)
    values, vectors = torch.linalg.eigh(covariance)
    return mean, (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def frechet_distance(
    mean: Float[Tensor, "features"], root: Float[Tensor, "features features"], fake: Float[Tensor, "n features"]
) -> Float[Tensor, ""]:
    """Frechet distance of n fakes from real samples whose features have this mean and this root of the covariance."""
    fake_mean, covariance = _mean_and_covariance(fake)
    product = root @ covariance @ root
    if not product.isfinite().all():
        return product.new_tensor(torch.nan)
    # eigenvalues of a singular product may be negative by rounding
    overlap = torch.linalg.eigvalsh((product + product.T) / 2).clamp(min=0).sqrt().sum()
    distance = (mean - fake_mean).square().sum() + root.square().sum() + covariance.diagonal().sum() - 2 * overlap
    return distance.clamp(min=0)


def _mean_and_covariance(features: Float[Tensor, "n features"]) -> Moments:
    features = features.double()
    mean = features.mean(0)
    centred = features - mean
    return mean, centred.T @ centred / (len(features) - 1)


def _moments(real: RealSamples) -> Moments:
    if not real.of_split:
        return moments(real.features)

    def compute() -> dict[str, np.ndarray]:
        mean, root = moments(real.features)
        return {"mean": mean.cpu().numpy(), "root": root.cpu().numpy()}

    arrays = real.cache.arrays("moments", {"split": real.split, **real.feature_map.key}, compute)
    return torch.from_numpy(arrays["mean"]).to(real.device), torch.from_numpy(arrays["root"]).to(real.device)
