"""The distance that decides: exact Wasserstein-1 along many fixed directions."""

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

RULER_SEED = 20_140_610
"""Where the directions, the real-real splits and the evaluation z come from; the same for every study."""


@lru_cache(maxsize=16)
def quantile_steps(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the quantile functions of n and of m sorted samples are constant: (index in n, index in m, length)."""
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)  # in units of 1 / (n m): exact integers
    starts = np.concatenate([[0], ends[:-1]])
    return starts // m, starts // n, (ends - starts) / (n * m)


def unit_directions(count: int, dim: int) -> Float[np.ndarray, "dim directions"]:
    """Fixed directions, uniform on the sphere."""
    normal = np.random.default_rng([RULER_SEED, 0]).standard_normal((count, dim))
    return (normal / np.linalg.norm(normal, axis=1, keepdims=True)).T


def sorted_projections(
    points: Float[Tensor, "*seeds n dim"], directions: Float[Tensor, "dim directions"]
) -> Float[Tensor, "*seeds directions n"]:
    """Each direction's coordinates in ascending order."""
    projected = (points @ directions).mT.contiguous()
    if projected.is_cuda:
        return projected.sort(-1).values
    return torch.from_numpy(np.sort(projected.numpy(), axis=-1))  # numpy's vectorised sort: several times torch's


def sliced_wasserstein(
    real: Float[Tensor, "directions m"], fake: Float[Tensor, "*seeds directions n"]
) -> Float[Tensor, "*seeds"]:
    """Mean over directions of the exact 1-D Wasserstein-1 distance, from sorted projections of any two sizes.

    W1 = integral over q of |F^-1(q) - G^-1(q)|, a finite sum over the steps of both quantile functions.

    Source: Rabin et al. 2012, "Wasserstein barycenter and its application to texture mixing", order 1.
    """
    of_fake, of_real, length = (torch.from_numpy(a) for a in quantile_steps(fake.shape[-1], real.shape[-1]))
    device = fake.device
    gap = (fake[..., of_fake.to(device)] - real[..., of_real.to(device)]).abs_()
    return (gap @ length.to(device, gap.dtype)).mean(-1)
