"""A box of the plane cut into cells: histograms, their divergence, and the points where pictures are drawn."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle of the plane, cut into `resolution` x `resolution` equal cells.

    low, high  its lower left and its upper right corner, which both belong to it
    """

    low: Float[np.ndarray, "2"]
    high: Float[np.ndarray, "2"]
    resolution: int

    @classmethod
    def around(cls, points: Float[np.ndarray, "points 2"], *, resolution: int, margin: float = 0.0) -> "Box":
        """The smallest box that holds all points, and `margin` times its longer side more at every side."""
        low, high = points.min(0).astype(np.float64), points.max(0).astype(np.float64)
        more = margin * (high - low).max()
        return cls(low=low - more, high=high + more, resolution=resolution)

    @property
    def centers(self) -> Float[np.ndarray, "cells 2"]:
        """The middle of every cell, row by row from below, each from left to right."""
        share = (np.arange(self.resolution) + 0.5) / self.resolution
        x, y = (self.low + share[:, None] * (self.high - self.low)).T
        return np.stack([np.tile(x, self.resolution), np.repeat(y, self.resolution)], axis=1)

    def density(self, points: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "rows columns"]:
        """Points per unit of area and over their number, cell by cell in the order of `centers`.

        Its integral is the share of the points in the box; those that are not finite are outside.
        """
        inside = points[np.isfinite(points).all(1)].astype(np.float64)
        sides = list(zip(self.low, self.high, strict=True))
        counts, _, _ = np.histogram2d(inside[:, 0], inside[:, 1], bins=self.resolution, range=sides)
        area = np.prod((self.high - self.low) / self.resolution)
        return counts.T / (len(points) * area)

    def shares(self, points: Float[Tensor, "*seeds n 2"]) -> Float[Tensor, "*seeds cells"]:
        """The share of the points in each cell; beyond each side lies a further row or column, of points outside.

        Where the box has no width, what is left and right of it still is outside.
        """
        points = points.double()
        low, high = (torch.from_numpy(corner).to(points.device) for corner in (self.low, self.high))
        width = torch.where(high > low, high - low, 1)
        place = ((points - low) / width * self.resolution).floor().clamp(0, self.resolution - 1).nan_to_num(0)
        place = torch.where(points < low, -1, torch.where(points > high, self.resolution, place)).long() + 1
        cell: Int[Tensor, "*seeds n"] = place[..., 0] * (self.resolution + 2) + place[..., 1]
        counts = torch.zeros((*cell.shape[:-1], (self.resolution + 2) ** 2), dtype=points.dtype, device=points.device)
        return counts.scatter_add_(-1, cell, torch.ones_like(cell, dtype=points.dtype)) / points.shape[-2]


def jensen_shannon(real: Float[Tensor, "m 2"], fake: Float[Tensor, "*seeds n 2"], box: Box) -> Float[Tensor, "*seeds"]:
    """Jensen-Shannon divergence in nats between the histograms of real and fake over the cells of a box.

    JS = H((p + q)/2) - (H(p) + H(q))/2, from 0 to log 2. Where the box is one around the real samples, fakes outside
    of it are disjoint from them at any distance. Samples of one distribution have about (cells in use - 1)
    (1/n + 1/m)/8 instead of 0, so it is to be read beside its floor. NaN for fakes that are not finite.

    Source: Lin 1991, "Divergence measures based on the Shannon entropy", eq. 4.1.
    """
    p, q = box.shares(real), box.shares(fake)
    # cell by cell, so that equal histograms give 0 exactly
    js = (torch.special.entr((p + q) / 2) - (torch.special.entr(p) + torch.special.entr(q)) / 2).sum(-1)
    return torch.where(fake.isfinite().flatten(-2).all(-1), js, torch.nan)
