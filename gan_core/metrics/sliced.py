"""Sliced Wasserstein distance: the mean of exact 1-D Wasserstein-1 distances along fixed directions."""

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.training.randomness import EVALUATION_SEED


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
    steps, device = quantile_steps(fake.shape[-1], real.shape[-1]), fake.device
    fake_index, real_index, length = (torch.from_numpy(array) for array in steps)
    difference = (fake[..., fake_index.to(device)] - real[..., real_index.to(device)]).abs_()
    return (difference @ length.to(device, difference.dtype)).mean(-1)
