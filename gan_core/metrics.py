"""How far the generated samples are from the real ones: one value per seed, for all seeds at once.

Everything that does not depend on the fakes (directions, sorted projections, cells, reference lines) is computed
once from the data and fixed random numbers, so every member is measured with the same ruler.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from jaxtyping import Float, Int
from torch import Tensor

from gan_core.data import Dataset, Split
from gan_core.fields import check_fields

RULER_SEED = 20_140_610
"""Where the directions, the real-real splits and the evaluation z come from; the same for every study."""


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What is measured: on how many fakes, along how many directions, over how many cells."""

    samples: Annotated[int, Ge(50)] = 800
    directions: Annotated[int, Ge(1)] = 512
    cells: Annotated[int, Ge(2)] = 20

    def __post_init__(self) -> None:
        check_fields(self)


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


@dataclass(frozen=True)
class Lines:
    """What stands beside every distance, computed from the data alone.

    floor     real against real, the same sizes as far as the data go, mean of 20 random splits
    ref       the constant at the data's mean
    gaussian  a Gaussian with the data's mean and covariance: a pixel distance does not see more than it
    """

    floor: float
    ref: float
    gaussian: float | None


class Ruler:
    """Measures fakes against one real reference, on one device."""

    def __init__(self, data: Dataset, split: Split, measures: Measures, *, device: torch.device, dtype: torch.dtype):
        self._data, self._split, self._measures = data, split, measures
        self._device, self._dtype = device, dtype
        self._directions = self._tensor(unit_directions(measures.directions, data.space.dim))
        self._reference = sorted_projections(self._tensor(data.reference(split)), self._directions)
        self._variance = float(data.train.astype(np.float64).var(0).sum())

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device, self._dtype)

    def distance(self, fake: Float[Tensor, "*seeds n dim"]) -> Float[Tensor, "*seeds"]:
        return sliced_wasserstein(self._reference, sorted_projections(fake, self._directions))

    def cells(self, fake: Float[Tensor, "seeds n dim"]) -> Int[Tensor, "seeds"]:
        """How many cells of the data the fakes occupy, each with at least n / (10 cells) of them."""
        centers = self._tensor(self.centers)
        nearest = torch.cdist(fake, centers.expand(len(fake), -1, -1)).argmin(-1)
        counts = torch.nn.functional.one_hot(nearest, len(centers)).sum(-2)
        return (counts >= fake.shape[-2] / (10 * len(centers))).sum(-1)

    def spread(self, fake: Float[Tensor, "seeds n dim"]) -> Float[Tensor, "seeds"]:
        """The root of the fakes' total variance over the real data's."""
        return (fake.var(-2, correction=0).sum(-1) / self._variance).sqrt()

    @cached_property
    def centers(self) -> Float[np.ndarray, "cells dim"]:
        """k-means centers of the training data: every one the seat of a cell."""
        return _centers(self._data, self._measures.cells)

    @cached_property
    def real_cells(self) -> int:
        """How many cells the reference itself occupies."""
        return int(self.cells(self._tensor(self._data.reference(self._split))[None])[0])

    @cached_property
    def lines(self) -> Lines:
        every, reference = self._data.every, self._data.reference(self._split)
        rng = np.random.default_rng([RULER_SEED, 1])
        splits = []
        for _ in range(20):
            order = rng.permutation(len(every))
            rest, real = np.split(order, [-len(reference)])
            fake = rest[: self._measures.samples]  # fewer where the data have no more: no sample on both sides
            projected = sorted_projections(self._tensor(every[real]), self._directions)
            splits.append(
                float(sliced_wasserstein(projected, sorted_projections(self._tensor(every[fake]), self._directions)))
            )
        mean, covariance = every.mean(0, dtype=np.float64), np.cov(every.T.astype(np.float64))
        gaussian = rng.multivariate_normal(mean, np.atleast_2d(covariance), self._measures.samples, method="eigh")
        constant = np.broadcast_to(mean, gaussian.shape)
        return Lines(
            floor=float(np.mean(splits)),
            ref=float(self.distance(self._tensor(constant))),
            gaussian=float(self.distance(self._tensor(gaussian))),
        )


@lru_cache(maxsize=4)
def _fitted_centers(fingerprint: str, cells: int, points: bytes, dim: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    train = np.frombuffer(points, np.float32).reshape(-1, dim)
    return KMeans(cells, n_init=4, random_state=0).fit(train).cluster_centers_.astype(np.float32)


def _centers(data: Dataset, cells: int) -> np.ndarray:
    return _fitted_centers(data.fingerprint, cells, data.train.astype(np.float32).tobytes(), data.train.shape[1])
