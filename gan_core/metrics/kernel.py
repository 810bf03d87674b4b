"""Kernel distance: unbiased squared maximum mean discrepancy of features under a cubic kernel."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.metric_description import Direction
from gan_core.metrics.any_metric import IMAGES, AnyMetric, Applicability
from gan_core.metrics.samples import Fakes, RealSamples

ROWS = 256
"""Number of samples whose kernels with all others are computed together: so few stay in the processor's cache."""


@dataclass(frozen=True, kw_only=True)
class KernelDistance(AnyMetric):
    """Unbiased squared maximum mean discrepancy between features of real samples and fakes, cubic kernel.

    mean k(x, x') + mean k(y, y') - 2 mean k(x, y),  k(x, y) = (<x, y>/d + 1)^3,  x != x' real, y != y' fake

    It is the KID over all samples at once, of standardised features: less the mean of the real samples, divided by the
    root of their mean variance over the d features. All features have one divisor: with one for each, a feature that
    hardly varies among real samples would outweigh all others. Without standardisation those with large
    values would outweigh the others. 0 on average for a perfect generator with any number of samples, so it can be
    negative. NaN if a feature is not finite.

    Source: Binkowski et al. 2018, arXiv:1801.01401, eq. 3 and 4.
    """

    name: ClassVar[str] = "kernel_distance"
    unit: ClassVar[str] = "squared kernel"
    direction: ClassVar[Direction] = "lower"
    description: ClassVar[str] = (
        "squared maximum mean discrepancy under a cubic kernel between the study's standardised features of fakes and "
        "of the split's real samples; 0 on average for a perfect generator, and sometimes negative; "
        'measured at the last evaluation alone, unless `evaluation.exact = "every"`'
    )
    applies_to: ClassVar[Applicability] = IMAGES
    costly: ClassVar[bool] = True

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        reference = real.once(_reference)
        values = [kernel_distance(reference, member) for member in fake.features(real)]
        return fake.finite_or_nan(torch.stack(values))


@dataclass(frozen=True, eq=False)
class KernelReference:
    """Standardised features of real samples, and the mean kernel between two different ones."""

    mean: Float[Tensor, "features"]
    scale: Float[Tensor, ""]
    standardised: Float[Tensor, "m features"]
    within: Float[Tensor, ""]

    @classmethod
    def of(cls, real: Float[Tensor, "m features"]) -> "KernelReference":
        """The reference made of features of real samples."""
        mean = real.double().mean(0)
        variance = real.double().var(0, correction=0).mean()
        scale = torch.where(variance > 0, variance, 1).sqrt()
        standardised = ((real - mean) / scale).to(real.dtype)
        return cls(mean, scale, standardised, _within(standardised))


def kernel_distance(reference: KernelReference, fake: Float[Tensor, "n features"]) -> Float[Tensor, ""]:
    """Unbiased squared maximum mean discrepancy between real samples and n fakes, from their features."""
    standardised = ((fake - reference.mean) / reference.scale).to(fake.dtype)
    between = _kernel_sum(reference.standardised, standardised) / (len(reference.standardised) * len(fake))
    return reference.within + _within(standardised) - 2 * between


def _reference(real: RealSamples) -> KernelReference:
    return KernelReference.of(real.features)


def _within(samples: Float[Tensor, "n features"]) -> Float[Tensor, ""]:
    """Mean kernel between two different samples."""
    count, dim = samples.shape
    itself = (samples.square().sum(1, dtype=torch.float64) / dim + 1).pow(3).sum()
    return (_kernel_sum(samples, samples) - itself) / (count * (count - 1))


def _kernel_sum(first: Float[Tensor, "m features"], second: Float[Tensor, "n features"]) -> Float[Tensor, ""]:
    total = torch.zeros((), dtype=torch.float64, device=first.device)
    for rows in first.split(ROWS):
        kernels = torch.addmm(rows.new_ones(()), rows, second.T, alpha=1 / first.shape[1]).pow_(3)
        total += kernels.sum(1).sum(dtype=torch.float64)  # ten times as fast as one sum in float64
    return total
