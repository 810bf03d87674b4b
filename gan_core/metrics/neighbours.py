"""Precision, recall, density and coverage: metrics from distances between single fakes and single real samples.

The sliced Wasserstein distance does not replace them: a Gaussian with the mean and covariance of handwritten digits is
nearer to the digits than most GANs, while its samples do not look like digits.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gan_core.metric_description import Direction
from gan_core.metrics.any_metric import IMAGES, AnyMetric, Applicability
from gan_core.metrics.samples import Fakes, RealSamples

ROWS = 1024
"""Number of samples whose distances to all others are computed in one matrix product; limits the memory needed."""
CACHED_ROWS = 256
"""The same where the matrix is used once: so small, it stays in the processor's cache."""


@dataclass(frozen=True, kw_only=True)
class Precision(AnyMetric):
    """Quality: share of the fakes that lie in the ball of at least one real sample; NaN with a nonfinite fake.

    The ball of a real sample reaches to its k-th nearest other real sample, surface included. Distances are
    those of the study's features. Read it together with `coverage`: one good fake repeated has precision 1 and coverage
    near 0.

    Source: Kynkaanniemi et al. 2019, arXiv:1904.06991, with 3 neighbours.
    """

    name: ClassVar[str] = "precision"
    unit: ClassVar[str] = "share"
    direction: ClassVar[Direction] = "higher"
    description: ClassVar[str] = (
        "share of the fakes that are no farther, in the study's features, from some real sample than its "
        "`neighbours`-th nearest other real sample is; does not measure variety"
    )
    applies_to: ClassVar[Applicability] = IMAGES

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        return fake.once(_neighbour_metrics, real)[self.name]


@dataclass(frozen=True, kw_only=True)
class Coverage(AnyMetric):
    """Variety: share of the real samples whose ball contains at least one fake; NaN with a nonfinite fake.

    The ball of a real sample reaches to its k-th nearest other real sample. Compare with the value of real samples,
    which is below 1 too: if n fakes and m real samples have the same distribution, the expected share of real samples
    that are not covered is (m-1)...(m-k) / ((n+m-1)...(n+m-k)), for any distribution.

    Source: Naeem et al. 2020, arXiv:2002.09797, with 5 neighbours; their code leaves a ball's surface out.
    """

    name: ClassVar[str] = "coverage"
    unit: ClassVar[str] = "share"
    direction: ClassVar[Direction] = "higher"
    description: ClassVar[str] = (
        "share of the real samples with a fake that is no farther, in the study's features, than their "
        "`neighbours`-th nearest other real sample; compare with its value for real samples, which is below 1"
    )
    applies_to: ClassVar[Applicability] = IMAGES

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        return fake.once(_neighbour_metrics, real)[self.name]


@dataclass(frozen=True, kw_only=True)
class Density(AnyMetric):
    """Quality: mean number of balls of real samples that hold a fake, divided by k; NaN with a nonfinite fake.

    The ball of a real sample reaches to its k-th nearest other real sample. Near 1 for real samples, more where fakes
    crowd the densest part of the data. A real sample far from all others, whose ball is large, matters less than in
    `precision`.

    Source: Naeem et al. 2020, arXiv:2002.09797, with 5 neighbours; their code leaves a ball's surface out.
    """

    name: ClassVar[str] = "density"
    unit: ClassVar[str] = "ratio"
    direction: ClassVar[Direction] = "higher"
    description: ClassVar[str] = (
        "mean number of real samples, divided by `neighbours`, whose `neighbours`-th nearest other real sample is no "
        "nearer, in the study's features, than the fake; above 1 if fakes crowd where real samples are dense"
    )
    applies_to: ClassVar[Applicability] = IMAGES

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        return fake.once(_neighbour_metrics, real)[self.name]


@dataclass(frozen=True, kw_only=True)
class Recall(AnyMetric):
    """Variety: share of the real samples that lie in the ball of at least one fake; NaN with a nonfinite fake.

    The ball of a fake reaches to its k-th nearest other fake. 0 for copies of fewer than k + 1 samples; one stray fake
    far from the others has a large ball, which `coverage` does not have.

    Source: Kynkaanniemi et al. 2019, arXiv:1904.06991, with 3 neighbours.
    """

    name: ClassVar[str] = "recall"
    unit: ClassVar[str] = "share"
    direction: ClassVar[Direction] = "higher"
    description: ClassVar[str] = (
        "share of the real samples that are no farther, in the study's features, from some fake than its "
        "`neighbours`-th nearest other fake is; measures variety"
    )
    applies_to: ClassVar[Applicability] = IMAGES

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        shares = torch.stack([_recall(real, member) for member in fake.features(real)])
        return torch.where(fake.features(real).isfinite().flatten(-2).all(-1), fake.finite_or_nan(shares), torch.nan)


def _recall(real: RealSamples, fake: Float[Tensor, "n features"]) -> Float[Tensor, ""]:
    neighbours = real.settings.neighbours
    balls = Balls(centers=fake, squared_radii=squared_radii(fake, neighbours), neighbours=neighbours)
    inside = [balls.contain(rows).view(torch.uint8).amax(1) for rows in real.features.split(ROWS)]
    return torch.cat(inside).double().mean()


def _neighbour_metrics(real: RealSamples, fake: Fakes) -> dict[str, Float[Tensor, "members"]]:
    values = neighbour_metrics(real.once(_balls), fake.features(real))
    return {name: fake.finite_or_nan(value) for name, value in values.items()}


def _balls(real: RealSamples) -> "Balls":
    neighbours = real.settings.neighbours
    if not real.of_split:
        return Balls.around(real.features, neighbours)
    radii = real.cache.arrays(
        "balls",
        {"split": real.split, "neighbours": neighbours, **real.feature_map.key},
        lambda: {"squared": Balls.around(real.features, neighbours).squared_radii.cpu().numpy()},
    )
    squared = torch.from_numpy(radii["squared"]).to(real.device)
    return Balls(centers=real.features.double(), squared_radii=squared, neighbours=neighbours)


@dataclass(frozen=True, eq=False)
class Balls:
    """Balls around real samples; the radius of each is the distance to its k-th nearest other real sample.

    centers        features of the real samples
    squared_radii  squared Euclidean radius of each ball
    neighbours     k
    """

    centers: Float[Tensor, "m dim"]
    squared_radii: Float[Tensor, "m"]
    neighbours: int

    @classmethod
    def around(cls, real: Float[Tensor, "m dim"], neighbours: int) -> "Balls":
        """The balls around `real` that reach to the `neighbours`-th nearest other sample.

        Errors: `ValueError` unless `neighbours` is less than the number of real samples.
        """
        if neighbours >= len(real):
            raise ValueError(f"neighbours: must be < {len(real)}, the number of real samples, but is {neighbours}")
        real = real.double()
        return cls(real, squared_radii(real, neighbours), neighbours)

    def contain(self, points: Float[Tensor, "n dim"]) -> Bool[Tensor, "n m"]:
        """True where a point lies in a ball, its surface included."""
        # |f|^2 - 2 <f, c> <= r^2 - |c|^2 takes one matrix product; an overflow gives inf or NaN, never below the bound
        minus_twice = self._minus_twice.to(points.dtype)
        return torch.addmm(points.square().sum(1)[:, None], points, minus_twice) <= self._bound.to(points.dtype)

    @cached_property
    def _minus_twice(self) -> Float[Tensor, "dim m"]:
        return -2 * self.centers.T

    @cached_property
    def _bound(self) -> Float[Tensor, "m"]:
        return self.squared_radii - self.centers.square().sum(1)


def squared_radii(points: Float[Tensor, "n dim"], neighbours: int) -> Float[Tensor, "n"]:
    """Squared distance of each point to its k-th nearest other point, in the points' floating-point type."""
    squares = points.square().sum(1)
    radii = []
    for rows in points.split(CACHED_ROWS):
        less_own_square = torch.addmm(squares, rows, points.T, alpha=-2)
        # one more, since each point is among its own neighbours
        radii.append(less_own_square.topk(neighbours + 1, largest=False).values[:, -1])
    return torch.cat(radii) + squares


def neighbour_metrics(balls: Balls, fake: Float[Tensor, "seeds n dim"]) -> dict[str, Float[Tensor, "seeds"]]:
    """The metrics `precision`, `density` and `coverage` of each seed's fakes; NaN for a seed with a nonfinite fake."""
    shares = torch.stack([torch.stack(_shares(balls, member)) for member in fake])
    shares = torch.where(fake.isfinite().flatten(-2).all(-1)[:, None], shares, torch.nan)
    return {"precision": shares[:, 0], "density": shares[:, 1], "coverage": shares[:, 2]}


def _shares(balls: Balls, fake: Float[Tensor, "n dim"]) -> tuple[Tensor, Tensor, Tensor]:
    # as bytes: their maximum is computed several times faster than `any` of booleans
    inside = [balls.contain(rows).view(torch.uint8) for rows in fake.split(ROWS)]
    precise = torch.cat([block.amax(1) for block in inside])
    covered = torch.stack([block.amax(0) for block in inside]).amax(0)
    held = torch.stack([block.sum() for block in inside]).sum().double()
    return precise.double().mean(), held / (balls.neighbours * len(fake)), covered.double().mean()
