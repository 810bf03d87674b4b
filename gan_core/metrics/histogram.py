"""Histograms over a box of the plane, and the Jensen-Shannon divergence between them."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gan_core.data import as_coordinates
from gan_core.metric_description import Direction
from gan_core.metrics.any_metric import PLANAR, AnyMetric, Applicability
from gan_core.metrics.samples import Fakes, RealSamples


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle of the plane, divided into `resolution` x `resolution` equal cells.

    low         lower left corner, which belongs to the box
    high        upper right corner, which belongs to the box
    resolution  number of cells along each side
    """

    low: Float[np.ndarray, "2"]
    high: Float[np.ndarray, "2"]
    resolution: int

    @classmethod
    def around(cls, points: Float[np.ndarray, "points 2"], *, resolution: int, margin: float = 0.0) -> "Box":
        """The smallest box that contains all points, extended on every side by `margin` times its longer side."""
        low, high = points.min(0).astype(np.float64), points.max(0).astype(np.float64)
        extension = margin * (high - low).max()
        return cls(low=low - extension, high=high + extension, resolution=resolution)

    @property
    def centers(self) -> Float[np.ndarray, "cells 2"]:
        """Centers of all cells, row by row from below, each row from left to right."""
        fractions = (np.arange(self.resolution) + 0.5) / self.resolution
        x, y = (self.low + fractions[:, None] * (self.high - self.low)).T
        return np.stack([np.tile(x, self.resolution), np.repeat(y, self.resolution)], axis=1)

    def density(self, points: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "rows columns"]:
        """Density of the points in each cell, per unit of area, in the order of `centers`.

        Its integral is the share of the points inside the box; points that are not finite count as outside.
        """
        inside = points[np.isfinite(points).all(1)].astype(np.float64)
        sides = list(zip(self.low, self.high, strict=True))
        counts, _, _ = np.histogram2d(inside[:, 0], inside[:, 1], bins=self.resolution, range=sides)
        area = np.prod((self.high - self.low) / self.resolution)
        return counts.T / (len(points) * area)

    def shares(self, points: Float[Tensor, "*seeds n 2"]) -> Float[Tensor, "*seeds cells"]:
        """Share of the points in each cell; one more row or column on each side holds the points outside the box.

        The box may have width 0: points to its left and right are then outside. `cells` is (resolution + 2) squared.
        """
        points = points.double()
        low, high = (torch.from_numpy(corner).to(points.device) for corner in (self.low, self.high))
        width = torch.where(high > low, high - low, 1)
        index = ((points - low) / width * self.resolution).floor().clamp(0, self.resolution - 1).nan_to_num(0)
        index = torch.where(points < low, -1, torch.where(points > high, self.resolution, index)).long() + 1
        cell: Int[Tensor, "*seeds n"] = index[..., 0] * (self.resolution + 2) + index[..., 1]
        counts = torch.zeros((*cell.shape[:-1], (self.resolution + 2) ** 2), dtype=points.dtype, device=points.device)
        return counts.scatter_add_(-1, cell, torch.ones_like(cell, dtype=points.dtype)) / points.shape[-2]


@dataclass(frozen=True, kw_only=True)
class JensenShannon(AnyMetric):
    """Jensen-Shannon divergence in nats between the histograms of real samples and fakes over the cells of a box.

    JS = H((p + q)/2) - (H(p) + H(q))/2, from 0 to log 2; NaN for a member with a nonfinite fake.

    The box is the smallest one that contains all real samples, so fakes outside share no cell with them, however near
    they are. Two samples of one distribution have about (cells in use - 1)(1/n + 1/m)/8 instead of 0: compare with the
    value of real samples.

    Source: Lin 1991, "Divergence measures based on the Shannon entropy", eq. 4.1.
    """

    name: ClassVar[str] = "jensen_shannon"
    unit: ClassVar[str] = "nats"
    direction: ClassVar[Direction] = "lower"
    description: ClassVar[str] = (
        "Jensen-Shannon divergence between histograms over the smallest box around the real data; log 2 = "
        "0.693 if the supports do not overlap, at any distance"
    )
    applies_to: ClassVar[Applicability] = PLANAR

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        shares = real.once_for_data(_box).shares(fake.samples)
        return fake.finite_or_nan(divergence(real.once(_real_shares), shares))


def _box(real: RealSamples) -> Box:
    return Box.around(as_coordinates(real.data.every, np.float32), resolution=real.settings.resolution)


def _real_shares(real: RealSamples) -> Float[Tensor, "cells"]:
    return real.once_for_data(_box).shares(real.samples)


def divergence(p: Float[Tensor, "cells"], q: Float[Tensor, "*seeds cells"]) -> Float[Tensor, "*seeds"]:
    """Jensen-Shannon divergence in nats of two distributions over the same cells."""
    # a sum over differences in each cell, so that equal histograms give exactly 0
    entropy = torch.special.entr
    return (entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2).sum(-1)


def jensen_shannon(real: Float[Tensor, "m 2"], fake: Float[Tensor, "*seeds n 2"], box: Box) -> Float[Tensor, "*seeds"]:
    """Jensen-Shannon divergence between the histograms of real samples and fakes over the cells of any box.

    NaN for a seed with a nonfinite fake.
    """
    js = divergence(box.shares(real), box.shares(fake))
    return torch.where(fake.isfinite().flatten(-2).all(-1), js, torch.nan)
