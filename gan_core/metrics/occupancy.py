"""Occupied cells and spread of fakes: the two metrics that define a collapse."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gan_core.data import Dataset
from gan_core.data.dataset import moments
from gan_core.metric_description import Direction
from gan_core.metrics.any_metric import AnyMetric
from gan_core.metrics.samples import Fakes, RealSamples

CLUSTERED_NUMBERS = 2**24
"""Largest number of coordinates of the training samples from which k-means computes the cells: 64 MiB."""
FEWEST_PER_CELL = 50
"""Samples per cell that k-means gets even if they have more coordinates."""


@dataclass(frozen=True, kw_only=True)
class Cells(AnyMetric):
    """Number of cells with at least n / (10 cells) of the n fakes; a fake belongs to the cell of its nearest center.

    The centers are the known modes, else k-means centers of the training data. Without meaning for a member with a fake
    that is not finite.
    """

    name: ClassVar[str] = "cells"
    unit: ClassVar[str] = "count"
    direction: ClassVar[Direction] = "higher"
    description: ClassVar[str] = (
        "number of cells (known modes, else k-means cells of the training data) with at least "
        "n / (10 cells) of the n fakes; at best the number that real samples occupy"
    )

    def measure(self, real: RealSamples, fake: Fakes) -> Int[Tensor, "members"]:
        return occupied_cells(fake.samples, real.once_for_data(_centers))


@dataclass(frozen=True, kw_only=True)
class Spread(AnyMetric):
    """Root of the ratio of total variances, fakes over training data: 1 for the same spread, 0 for a single point."""

    name: ClassVar[str] = "spread"
    unit: ClassVar[str] = "ratio"
    direction: ClassVar[Direction] = "neither"
    description: ClassVar[str] = (
        "root of the ratio of total variances, fakes over training data: 1 for the same spread, 0 for a single point"
    )

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        return spread(fake.samples, real.once_for_data(_training_variance))


def cell_centers(real: RealSamples) -> Float[np.ndarray, "cells dim"]:
    """Centers of the cells: the known modes, else k-means centers of the training data."""
    if real.data.modes is not None:
        return real.data.modes.centers
    cells = real.settings.cells
    return real.cache.arrays(
        "k_means", {"cells": cells}, lambda: {"centers": _k_means_centers(_clustered(real.data, cells), cells)}
    )["centers"]


def _centers(real: RealSamples) -> Float[Tensor, "cells dim"]:
    return real.tensor(cell_centers(real))


def _clustered(data: Dataset, cells: int) -> Float[np.ndarray, "samples dim"]:
    """The training samples that are clustered: all, or of large images the first, whose order is random."""
    return data.first("train", max(FEWEST_PER_CELL * cells, CLUSTERED_NUMBERS // data.train.shape[1]))


def _k_means_centers(train: np.ndarray, cells: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    return KMeans(cells, n_init=4, random_state=0).fit(train.astype(np.float32)).cluster_centers_.astype(np.float32)


def _training_variance(real: RealSamples) -> float:
    def compute() -> dict[str, np.ndarray]:
        return {"variance": np.asarray(moments(real.data, "train")[1].sum())}

    return float(real.cache.arrays("training_variance", {}, compute)["variance"])


def real_cells(real: RealSamples) -> int:
    """Number of cells that the split's real samples occupy."""
    return int(occupied_cells(real.samples[None], real.once_for_data(_centers))[0])


def occupied_cells(fake: Float[Tensor, "seeds n dim"], centers: Float[Tensor, "cells dim"]) -> Int[Tensor, "seeds"]:
    """Number of cells with at least n / (10 cells) of the n fakes; a fake belongs to the cell of its nearest center."""
    nearest = torch.cdist(fake, centers.expand(len(fake), -1, -1)).argmin(-1)
    counts = torch.zeros((len(fake), len(centers)), dtype=torch.int64, device=fake.device)
    counts.scatter_add_(-1, nearest, torch.ones_like(nearest))
    return (counts >= fake.shape[-2] / (10 * len(centers))).sum(-1)


def spread(fake: Float[Tensor, "seeds n dim"], real_variance: float) -> Float[Tensor, "seeds"]:
    """Root of the ratio of total variances, fakes over training data (`real_variance`); 0 for a single point."""
    return (fake.var(-2, correction=0).sum(-1) / real_variance).sqrt()
