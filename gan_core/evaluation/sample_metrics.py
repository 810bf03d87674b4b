"""Metrics that compare generated samples with the real samples of one split, validation or test."""

from functools import cached_property, lru_cache

import numpy as np
import torch
from jaxtyping import Float, Real
from torch import Tensor

from gan_core.data import Dataset, Split
from gan_core.evaluation.evaluation_settings import EvaluationSettings
from gan_core.metrics.histogram import Box, jensen_shannon
from gan_core.metrics.modes import mode_metrics
from gan_core.metrics.neighbours import Balls, neighbour_metrics
from gan_core.metrics.occupancy import occupied_cells, spread
from gan_core.metrics.sliced import sliced_wasserstein, sorted_projections, unit_directions
from gan_core.metrics.transport import wasserstein_1


class SampleMetrics:
    """Metrics of fakes against the real samples of one split, on one device.

    Directions, sorted projections of the real samples, cells and balls are computed once, from the data and fixed
    random numbers: they are the same for every member.

    Errors: `ValueError` for images unless `settings.neighbours` is less than the number of real samples.
    """

    def __init__(
        self, data: Dataset, split: Split, settings: EvaluationSettings, *, device: torch.device, dtype: torch.dtype
    ):
        self.data, self.split, self.settings = data, split, settings
        self.device, self.dtype = device, dtype
        self._directions = self.tensor(unit_directions(settings.directions, data.sample_shape.dim))
        self._real = self.tensor(data.held_out(split))
        self._balls = self._balls_around(self._real)
        self._projections = sorted_projections(self._real, self._directions)
        self._variance = float(data.train.astype(np.float64).var(0).sum())

    def tensor(self, array: np.ndarray) -> Tensor:
        """The array on this device, in this floating-point type."""
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device, self.dtype)

    def _balls_around(self, real: Float[Tensor, "m dim"]) -> Balls | None:
        """Balls around real images, with pixels as features; None for data other than images."""
        return Balls.around(real, self.settings.neighbours) if self.data.of_images else None

    def measure(self, fake: Float[Tensor, "seeds n dim"]) -> dict[str, Real[Tensor, "seeds"]]:
        """Every metric that applies to these data, by name; no value of a fake raises an exception.

        sliced_wasserstein, cells, spread         always
        wasserstein_1, jensen_shannon             points of the plane
        modes_covered, high_quality, mode_kl      data with known modes
        precision, coverage                       images

        For a seed with a fake that is not finite, sliced_wasserstein and spread are NaN or infinite, cells has no
        meaning, and all others are NaN.
        """
        return {"sliced_wasserstein": self.distance(fake), **self._others(self._real, self._balls, fake)}

    def measure_between(self, real: Float[Tensor, "m dim"], fake: Float[Tensor, "n dim"]) -> dict[str, float]:
        """Every metric of `fake` against `real`, in place of the split's real samples."""
        projections = sorted_projections(real, self._directions)
        distance = sliced_wasserstein(projections, sorted_projections(fake, self._directions))
        others = self._others(real, self._balls_around(real), fake[None])
        return {"sliced_wasserstein": float(distance), **{name: float(values[0]) for name, values in others.items()}}

    def distance(self, fake: Float[Tensor, "*seeds n dim"]) -> Float[Tensor, "*seeds"]:
        """Sliced Wasserstein distance to the split's real samples, in the unit of the data."""
        return sliced_wasserstein(self._projections, sorted_projections(fake, self._directions))

    def _others(
        self, real: Float[Tensor, "m dim"], balls: Balls | None, fake: Float[Tensor, "seeds n dim"]
    ) -> dict[str, Real[Tensor, "seeds"]]:
        """Every metric but the sliced Wasserstein distance."""
        values: dict[str, Tensor] = {
            "cells": occupied_cells(fake, self.tensor(self.centers)),
            "spread": spread(fake, self._variance),
        }
        if self.data.planar:
            values["wasserstein_1"] = self._exact(real, fake)
            values["jensen_shannon"] = jensen_shannon(real, fake, self.box)
        if self.data.modes is not None:
            values |= mode_metrics(fake, self.data.modes)
        if balls is not None:
            values |= neighbour_metrics(balls, fake)
        return values

    def _exact(self, real: Float[Tensor, "m dim"], fake: Float[Tensor, "seeds n dim"]) -> Float[Tensor, "seeds"]:
        count = self.settings.exact_points
        first_real = real[:count].cpu().numpy()
        distances = [wasserstein_1(first_real, member[:count]) for member in fake.cpu().numpy()]
        return torch.tensor(distances, dtype=torch.float64)

    @cached_property
    def box(self) -> Box:
        """The smallest box that contains all real samples."""
        return Box.around(self.data.every, resolution=self.settings.resolution)

    @cached_property
    def centers(self) -> Float[np.ndarray, "cells dim"]:
        """Centers of the cells: the known modes, else k-means centers of the training data."""
        modes = self.data.modes
        return _k_means_centers(self.data, self.settings.cells) if modes is None else modes.centers

    @cached_property
    def real_cells(self) -> int:
        """Number of cells that the split's real samples occupy."""
        return int(occupied_cells(self._real[None], self.tensor(self.centers))[0])


def _k_means_centers(data: Dataset, cells: int) -> np.ndarray:
    return _fitted_centers(data.fingerprint, cells, data.train.astype(np.float32).tobytes(), data.train.shape[1])


@lru_cache(maxsize=4)
def _fitted_centers(fingerprint: str, cells: int, samples: bytes, dim: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    train = np.frombuffer(samples, np.float32).reshape(-1, dim)
    return KMeans(cells, n_init=4, random_state=0).fit(train).cluster_centers_.astype(np.float32)
