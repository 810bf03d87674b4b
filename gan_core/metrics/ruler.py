"""The ruler: everything that is measured of fakes, against one real reference.

Everything that does not depend on the fakes (directions, sorted projections, cells, reference lines) is computed
once from the data and fixed random numbers, so every member is measured with the same ruler.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from jaxtyping import Float, Int, Real
from torch import Tensor

from gan_core.data import Dataset, Split
from gan_core.fields import check_fields
from gan_core.metrics.box import Box, jensen_shannon
from gan_core.metrics.modes import mode_measures
from gan_core.metrics.neighbours import Balls, neighbour_measures
from gan_core.metrics.sliced import RULER_SEED, sliced_wasserstein, sorted_projections, unit_directions
from gan_core.metrics.transport import wasserstein_1

SPLITS = 20
"""How many random real-real splits a floor is the mean of."""


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What is measured: on how many fakes, along how many directions, over how many cells and neighbours.

    samples       fakes of each member
    directions    of the sliced Wasserstein distance
    cells         k-means cells, where no modes are known
    exact_points  how many fakes and as many real samples the exact Wasserstein distance takes (2-D data)
    resolution    cells along each side of the box in which Jensen-Shannon counts (2-D data)
    neighbours    how many of a real sample's nearest others lie in its ball (images); Naeem et al. 2020 take 5
    """

    samples: Annotated[int, Ge(50)] = 800
    directions: Annotated[int, Ge(1)] = 512
    cells: Annotated[int, Ge(2)] = 20
    exact_points: Annotated[int, Ge(2)] = 512
    resolution: Annotated[int, Ge(2)] = 50
    neighbours: Annotated[int, Ge(1)] = 5

    def __post_init__(self) -> None:
        check_fields(self)


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
        self._points = self._tensor(data.reference(split))
        self._balls = self._balls_around(self._points)
        self._reference = sorted_projections(self._points, self._directions)
        self._variance = float(data.train.astype(np.float64).var(0).sum())

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device, self._dtype)

    def _balls_around(self, real: Float[Tensor, "m dim"]) -> Balls | None:
        """Of images, whose pixels are their features; near in other coordinates says nothing that is not measured."""
        return Balls.around(real, self._measures.neighbours) if self._data.of_images else None

    def measure(self, fake: Float[Tensor, "seeds n dim"]) -> dict[str, Real[Tensor, "seeds"]]:
        """Every measure that there is for these data, by its name.

        sliced_wasserstein, cells, spread         always
        wasserstein_1, jensen_shannon             of points of the plane
        modes_covered, high_quality, mode_kl      where the modes are known
        precision, coverage                       of images

        All but `cells` are NaN for a seed with a fake that is not finite.
        """
        return {
            "sliced_wasserstein": self.distance(fake),
            **self._measured_beside(self._points, self._balls, fake),
        }

    def distance(self, fake: Float[Tensor, "*seeds n dim"]) -> Float[Tensor, "*seeds"]:
        return sliced_wasserstein(self._reference, sorted_projections(fake, self._directions))

    def _measured_beside(
        self, real: Float[Tensor, "m dim"], balls: Balls | None, fake: Float[Tensor, "seeds n dim"]
    ) -> dict[str, Real[Tensor, "seeds"]]:
        """What is measured beside the distance that decides."""
        measured: dict[str, Tensor] = {"cells": self.cells(fake), "spread": self.spread(fake)}
        if self._data.planar:
            measured["wasserstein_1"] = self._exact(real, fake)
            measured["jensen_shannon"] = jensen_shannon(real, fake, self.box)
        if self._data.modes is not None:
            measured |= mode_measures(fake, self._data.modes)
        if balls is not None:
            measured |= neighbour_measures(balls, fake)
        return measured

    def _exact(self, real: Float[Tensor, "m dim"], fake: Float[Tensor, "seeds n dim"]) -> Float[Tensor, "seeds"]:
        count = self._measures.exact_points
        some = real[:count].cpu().numpy()
        return torch.tensor([wasserstein_1(some, one[:count]) for one in fake.cpu().numpy()], dtype=torch.float64)

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
    def box(self) -> Box:
        """The smallest box that holds all real samples: a point outside of it is none that they could be."""
        return Box.around(self._data.every, resolution=self._measures.resolution)

    @cached_property
    def centers(self) -> Float[np.ndarray, "cells dim"]:
        """Every one the seat of a cell: the known modes, else k-means centers of the training data."""
        modes = self._data.modes
        return _centers(self._data, self._measures.cells) if modes is None else modes.centers

    @cached_property
    def real_cells(self) -> int:
        """How many cells the reference itself occupies."""
        return int(self.cells(self._points[None])[0])

    @property
    def lines(self) -> Lines:
        return _lines(self._data, self._split, self._measures, self._device, self._dtype)

    @property
    def floors(self) -> dict[str, float]:
        """What real samples get where fakes should stand, by the measures' names: means over the splits of `lines`."""
        return dict(_floors(self._data, self._split, self._measures, self._device, self._dtype))

    @property
    def gaussians(self) -> dict[str, float]:
        """What the Gaussian of `lines` gets where fakes should stand, by the measures' names."""
        return dict(_gaussians(self._data, self._split, self._measures, self._device, self._dtype))

    def _draw_lines(self) -> Lines:
        splits = []
        for real, fake in self._splits():
            projected = sorted_projections(real, self._directions)
            splits.append(float(sliced_wasserstein(projected, sorted_projections(fake, self._directions))))
        constant = self._data.every.mean(0, dtype=np.float64, keepdims=True)
        return Lines(
            floor=float(np.mean(splits)),
            ref=float(self.distance(self._tensor(constant))),
            gaussian=float(self.distance(self._gaussian())),
        )

    def _measure_floors(self) -> dict[str, float]:
        found = [self._measured_beside(real, self._balls_around(real), fake[None]) for real, fake in self._splits()]
        means = {name: float(np.mean([float(measured[name][0]) for measured in found])) for name in found[0]}
        return {"sliced_wasserstein": self.lines.floor, **means}

    def _measure_gaussians(self) -> dict[str, float]:
        return {name: float(values[0]) for name, values in self.measure(self._gaussian()[None]).items()}

    def _gaussian(self) -> Float[Tensor, "n dim"]:
        """As many samples as there are fakes of a Gaussian with the data's mean and covariance, always the same."""
        every = self._data.every.astype(np.float64)
        mean, covariance = every.mean(0), np.atleast_2d(np.cov(every.T))
        rng = np.random.default_rng([RULER_SEED, 2])
        return self._tensor(rng.multivariate_normal(mean, covariance, self._measures.samples, method="eigh"))

    def _splits(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Real samples twice without one in common: as many as the reference, and as many as there are fakes."""
        rng = np.random.default_rng([RULER_SEED, 1])
        every, reference = self._data.every, self._data.reference(self._split)
        for _ in range(SPLITS):
            rest, real = np.split(rng.permutation(len(every)), [-len(reference)])
            fake = rest[: self._measures.samples]  # fewer where the data have no more: no sample on both sides
            yield self._tensor(every[real]), self._tensor(every[fake])


# Seconds for thousands of samples, and the same for every trial that a process plays on the same data set.


@lru_cache(maxsize=8)
def _lines(data: Dataset, split: Split, measures: Measures, device: torch.device, dtype: torch.dtype) -> Lines:
    return Ruler(data, split, measures, device=device, dtype=dtype)._draw_lines()


@lru_cache(maxsize=8)
def _floors(
    data: Dataset, split: Split, measures: Measures, device: torch.device, dtype: torch.dtype
) -> dict[str, float]:
    return Ruler(data, split, measures, device=device, dtype=dtype)._measure_floors()


@lru_cache(maxsize=8)
def _gaussians(
    data: Dataset, split: Split, measures: Measures, device: torch.device, dtype: torch.dtype
) -> dict[str, float]:
    return Ruler(data, split, measures, device=device, dtype=dtype)._measure_gaussians()


@lru_cache(maxsize=4)
def _fitted_centers(fingerprint: str, cells: int, points: bytes, dim: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    train = np.frombuffer(points, np.float32).reshape(-1, dim)
    return KMeans(cells, n_init=4, random_state=0).fit(train).cluster_centers_.astype(np.float32)


def _centers(data: Dataset, cells: int) -> np.ndarray:
    return _fitted_centers(data.fingerprint, cells, data.train.astype(np.float32).tobytes(), data.train.shape[1])
