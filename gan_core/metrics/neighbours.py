"""Whether fakes look like real samples, and whether real samples have fakes that look like them.

The distance that decides does not see that: a Gaussian with the data's mean and covariance is nearer to handwritten
digits than most GANs. These two measures ask of each sample alone what lies near it.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

ROWS = 1024
"""How many samples are held against all others at once, which bounds the memory."""


@dataclass(frozen=True, eq=False)
class Balls:
    """Around each real sample the ball that reaches to its k-th nearest other one.

    What is near depends on the features that are given here. Images of 8x8 pixels are their own features; of larger
    ones it is what an extractor makes of them, the same for real and fake.
    """

    centers: Float[Tensor, "m dim"]
    squared_radii: Float[Tensor, "m"]

    @classmethod
    def around(cls, real: Float[Tensor, "m dim"], neighbours: int) -> "Balls":
        """The balls of so many `neighbours`.

        Errors: `ValueError` where there are not so many others.
        """
        if neighbours >= len(real):
            raise ValueError(f"neighbours: must be < {len(real)}, the real samples they are of, but is {neighbours}")
        real = real.double()
        squares = real.square().sum(1)
        radii = []
        for some, square in zip(real.split(ROWS), squares.split(ROWS), strict=True):
            squared = squares + square[:, None] - 2 * some @ real.T
            # one more, since each sample is among its own neighbours
            radii.append(squared.topk(neighbours + 1, largest=False).values[:, -1])
        return cls(real, torch.cat(radii))

    def hold(self, points: Float[Tensor, "n dim"]) -> Bool[Tensor, "n m"]:
        """Whether each point lies in each ball, its surface included."""
        # |f|^2 - 2 <f, c> <= r^2 - |c|^2 takes one matrix product; where it overflows, inf and NaN are not below
        bound = (self.squared_radii - self.centers.square().sum(1)).to(points.dtype)
        minus_twice = -2 * self.centers.T.to(points.dtype)
        return torch.addmm(points.square().sum(1)[:, None], points, minus_twice) <= bound


def neighbour_measures(balls: Balls, fake: Float[Tensor, "seeds n dim"]) -> dict[str, Float[Tensor, "seeds"]]:
    """Quality and variety apart, each a share; NaN for fakes that are not finite.

    precision  of the fakes that lie in the ball of at least one real sample
    coverage   of the real samples in whose ball lies at least one fake

    A real sample's ball reaches to its k-th nearest other one, surface included; images of 8x8 pixels are their own
    features, so near means near in pixels.

    They are read together, since each alone is easily deceived (one good fake repeated is precise), and beside their
    floors, since real samples do not reach 1 either: n fakes of the reals' own distribution leave on average
    (m-1)...(m-k) / ((n+m-1)...(n+m-k)) of m real samples uncovered at k neighbours, whatever the distribution.

    Source: Kynkaanniemi et al. 2019, arXiv:1904.06991 (precision, with 3 neighbours); Naeem et al. 2020,
    arXiv:2002.09797 (coverage, with 5; their code leaves a ball's surface out).
    """
    shares = torch.stack([torch.stack(_shares(balls, one)) for one in fake])
    shares = torch.where(fake.isfinite().flatten(-2).all(-1)[:, None], shares, torch.nan)
    return {"precision": shares[:, 0], "coverage": shares[:, 1]}


def _shares(balls: Balls, fake: Float[Tensor, "n dim"]) -> tuple[Tensor, Tensor]:
    # as bytes, whose largest is found several times faster than whether any holds
    inside = [balls.hold(some).view(torch.uint8) for some in fake.split(ROWS)]
    precise = torch.cat([held.amax(1) for held in inside])
    covered = torch.stack([held.amax(0) for held in inside]).amax(0)
    return precise.double().mean(), covered.double().mean()
