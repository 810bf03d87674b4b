"""Sliced Wasserstein distance: the mean of exact 1-D Wasserstein-1 distances along fixed directions."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.metric_description import Direction
from gan_core.metrics.any_metric import AnyMetric
from gan_core.metrics.samples import Fakes, RealSamples
from gan_core.training.randomness import EVALUATION_SEED

PLANE_DIRECTIONS = 32
"""Number of directions of the plane for `directions = "auto"`.

Over offsets of the directions the distance of a Gaussian then varies by less than over seeds of 512 random directions,
on each of the planar data sets.
"""
FEWEST_DIRECTIONS, MOST_DIRECTIONS = 192, 512
"""Smallest and largest number of directions of a space of three or more dimensions for `directions = "auto"`.

On 8 x 8 digits the distances vary over seeds of 192 orthogonal directions as over seeds of 512 independent ones.
"""


@dataclass(frozen=True, kw_only=True)
class SlicedWasserstein(AnyMetric):
    """Mean over fixed directions of the exact 1-D Wasserstein-1 distance between real samples and fakes.

    W1 = integral over q in [0, 1] of |F^-1(q) - G^-1(q)|: a finite sum over the steps of both quantile functions. The
    numbers of samples n and m may differ.

    Source: Rabin et al. 2012, "Wasserstein barycenter and its application to texture mixing", order 1.
    """

    name: ClassVar[str] = "sliced_wasserstein"
    copies: ClassVar[bool] = False
    unit: ClassVar[str] = "data"
    direction: ClassVar[Direction] = "lower"
    description: ClassVar[str] = (
        "sliced Wasserstein distance between fakes and the real samples of the split: mean over fixed "
        "directions of the exact 1-D Wasserstein-1 distance. Outcomes, search score and ranking use it, unless "
        "`evaluation.distance` names another metric. Compare with its value for real samples, which is not 0"
    )

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        directions, projections = directions_of(real), real.once(_projections)
        return torch.stack(
            [sliced_wasserstein(projections, sorted_projections(member, directions)) for member in fake.samples]
        )


def directions_of(real: RealSamples) -> Float[Tensor, "dim directions"]:
    """The directions of the settings for these data."""
    return real.once_for_data(_directions)


def _directions(real: RealSamples) -> Float[Tensor, "dim directions"]:
    return real.tensor(choose_directions(real.settings.directions, real.data.sample_shape.dim))


def _projections(real: RealSamples) -> Float[Tensor, "directions m"]:
    return sorted_projections(real.samples, directions_of(real))


@lru_cache(maxsize=16)
def _steps_on(n: int, m: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    fake_index, real_index, lengths = (torch.from_numpy(array).to(device) for array in quantile_steps(n, m))
    return fake_index, real_index, lengths


@lru_cache(maxsize=16)
def quantile_steps(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Intervals on which the quantile functions of n and of m sorted samples are both constant.

    Returns for each interval the index of the sample among the n, the index among the m, and its length; the lengths
    add up to 1.
    """
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)  # in units of 1 / (n m): exact integers
    starts = np.concatenate([[0], ends[:-1]])
    return starts // m, starts // n, (ends - starts) / (n * m)


def unit_directions(count: int, dim: int) -> Float[np.ndarray, "dim directions"]:
    """Unit vectors, uniform on the sphere, from a fixed random seed: the same for every study."""
    normal = np.random.default_rng([EVALUATION_SEED, 0]).standard_normal((count, dim))
    return (normal / np.linalg.norm(normal, axis=1, keepdims=True)).T


@lru_cache(maxsize=8)  # orthogonal directions of images take up to seconds
def choose_directions(count: int | Literal["auto"], dim: int) -> Float[np.ndarray, "dim directions"]:
    """Fixed directions: `count` independent ones, or as many as the dimension needs if `count` is "auto".

    "auto" gives 32 equally spaced directions of the plane, else between 192 and 512 (one for each dimension, if their
    number lies between these) that are orthogonal to each other in blocks as large as possible.
    """
    if count != "auto":
        return unit_directions(count, dim)
    if dim == 1:
        return np.ones((1, 1))
    if dim == 2:
        angles = np.pi * np.arange(PLANE_DIRECTIONS) / PLANE_DIRECTIONS
        return np.stack([np.cos(angles), np.sin(angles)])
    return _orthogonal_directions(min(max(dim, FEWEST_DIRECTIONS), MOST_DIRECTIONS), dim)


def _orthogonal_directions(count: int, dim: int) -> Float[np.ndarray, "dim directions"]:
    rng, blocks = np.random.default_rng([EVALUATION_SEED, 0]), []
    for first in range(0, count, dim):
        normal = rng.standard_normal((dim, min(dim, count - first)))
        blocks.append(np.linalg.qr(normal).Q)
    return np.concatenate(blocks, axis=1)


def sorted_projections(
    samples: Float[Tensor, "*seeds n dim"], directions: Float[Tensor, "dim directions"]
) -> Float[Tensor, "*seeds directions n"]:
    """Coordinates of the points along each direction, in ascending order."""
    projected = (samples @ directions).mT.contiguous()
    if projected.is_cuda:
        return projected.sort(-1).values
    return torch.from_numpy(np.sort(projected.numpy(), axis=-1))  # several times as fast as torch.sort


def sliced_wasserstein(
    real: Float[Tensor, "directions m"], fake: Float[Tensor, "*seeds directions n"]
) -> Float[Tensor, "*seeds"]:
    """Mean over directions of the exact 1-D Wasserstein-1 distance, from sorted projections; unit of the data.

    W1 = integral over q in [0, 1] of |F^-1(q) - G^-1(q)|: a finite sum over the steps of both quantile functions. The
    numbers of samples n and m may differ.

    Source: Rabin et al. 2012, "Wasserstein barycenter and its application to texture mixing", order 1.
    """
    n, m = fake.shape[-1], real.shape[-1]
    if n % m == 0:  # each real sample is paired with the same number of consecutive fakes, all steps have one length
        difference = (fake.unflatten(-1, (m, n // m)) - real[..., None]).abs_().flatten(-2)
        length = torch.full((n,), 1 / n, dtype=difference.dtype, device=fake.device)
    else:
        fake_index, real_index, steps = _steps_on(n, m, fake.device)
        # several times as fast as indexing in brackets
        difference = fake.index_select(-1, fake_index).sub_(real.index_select(-1, real_index)).abs_()
        length = steps.to(difference.dtype)
    return (difference @ length).mean(-1)
