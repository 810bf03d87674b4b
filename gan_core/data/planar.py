"""Points of the plane from known distributions."""

from abc import abstractmethod
from dataclasses import dataclass
from itertools import product
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Le
from jaxtyping import Float

from gan_core.data.dataset import AnyData, Dataset, Modes, Sizes
from gan_core.fields import NonNegative, Positive, check_fields

DRAW_SEED = 20_170_126
"""Seed of the real points, the same for every study; each split has its own random stream."""

Points = Float[np.ndarray, "points 2"]


@dataclass(frozen=True, kw_only=True)
class PlanarData(AnyData):
    """Points of the plane: the base of all planar data.

    train     points in the training split
    held_out  points in each of validation and test split

    Each split is drawn from its own fixed random stream, so changing `train` changes neither validation nor test.
    Coordinates are those of the formulas: they are not scaled and not bounded.
    """

    kind: str
    small: ClassVar[bool] = True
    train: Annotated[int, Ge(50), Le(10_000_000)] = 10_000
    held_out: Annotated[int, Ge(50), Le(10_000_000)] = 2_500

    def __post_init__(self) -> None:
        check_fields(self)

    @abstractmethod
    def draw(self, count: int, rng: np.random.Generator) -> Points:
        """Draw `count` independent points."""

    @property
    @abstractmethod
    def known_modes(self) -> Modes | None:
        """The mixture of Gaussians that the points are drawn from, None for other distributions."""

    @property
    def sizes(self) -> Sizes:
        return Sizes(train=self.train, held_out=self.held_out)

    def load(self) -> Dataset:
        counts = {"train": self.train, "validation": self.held_out, "test": self.held_out}
        splits = {
            split: self.draw(count, np.random.default_rng([DRAW_SEED, stream])).astype(np.float32)
            for stream, (split, count) in enumerate(counts.items())
        }
        return Dataset(
            name=self.kind,
            train=splits["train"],
            validation=splits["validation"],
            test=splits["test"],
            shape=(2,),
            bounded=False,
            modes=self.known_modes,
        )


class _Mixture(PlanarData):
    """An equal mixture of isotropic Gaussians, given by `known_modes`."""

    @property
    @abstractmethod
    def known_modes(self) -> Modes: ...

    def draw(self, count: int, rng: np.random.Generator) -> Points:
        modes = self.known_modes
        mode = rng.integers(len(modes.centers), size=count)
        return modes.centers[mode] + modes.sigma * rng.standard_normal((count, 2))


class _Curve(PlanarData):
    """Points along a curve: data without known modes."""

    @property
    def known_modes(self) -> None:
        return None


@dataclass(frozen=True, kw_only=True)
class Ring(_Mixture):
    """Isotropic Gaussians of equal weight, equally spaced on a circle around 0.

    train     points in the training split
    held_out  points in each of validation and test split
    modes     number of Gaussians
    radius    radius of the circle
    sigma     standard deviation of each coordinate

    The angles are 2 pi k / modes with k < modes. Widely copied code uses `linspace(0, 2 pi, modes)` with both ends,
    which gives one mode less, and another twice the weight.

    Source: Lin et al. 2018, arXiv:1712.04086 (PacGAN), section 4.1; Metz et al. 2017 have radius 2 and sigma 0.02.
    """

    kind: Literal["ring"] = "ring"
    modes: Annotated[int, Ge(2), Le(10_000)] = 8
    radius: Positive = 1.0
    sigma: Positive = 0.01

    @property
    def known_modes(self) -> Modes:
        angle = 2 * np.pi * np.arange(self.modes) / self.modes
        return Modes(centers=self.radius * np.stack([np.cos(angle), np.sin(angle)], axis=1), sigma=self.sigma)


@dataclass(frozen=True, kw_only=True)
class Grid(_Mixture):
    """Isotropic Gaussians of equal weight on a square grid around 0.

    train     points in the training split
    held_out  points in each of validation and test split
    side      Gaussians along each side of the square
    spacing   distance between neighbouring means
    sigma     standard deviation of each coordinate

    Source: Lin et al. 2018, arXiv:1712.04086 (PacGAN), section 4.1: 25 modes on {-4, -2, 0, 2, 4}^2, sigma 0.05.
    """

    kind: Literal["grid"] = "grid"
    side: Annotated[int, Ge(2), Le(100)] = 5
    spacing: Positive = 2.0
    sigma: Positive = 0.05

    @property
    def known_modes(self) -> Modes:
        coordinates = self.spacing * (np.arange(self.side) - (self.side - 1) / 2)
        return Modes(centers=np.array(list(product(coordinates, coordinates))), sigma=self.sigma)


@dataclass(frozen=True, kw_only=True)
class TwoMoons(_Curve):
    """Two interleaved half circles of radius 1, plus Gaussian noise.

    (cos t, sin t) or (1 - cos t, 1/2 - sin t), each with probability 1/2, t uniform on [0, pi]

    train     points in the training split
    held_out  points in each of validation and test split
    noise     standard deviation of the noise in each coordinate

    Source: scikit-learn's make_moons (Pedregosa et al. 2011), which takes equal steps of t.
    """

    kind: Literal["two_moons"] = "two_moons"
    noise: NonNegative = 0.05

    def draw(self, count: int, rng: np.random.Generator) -> Points:
        t, lower = rng.uniform(0, np.pi, count), rng.integers(2, size=count).astype(bool)
        x = np.where(lower, 1 - np.cos(t), np.cos(t))
        y = np.where(lower, 0.5 - np.sin(t), np.sin(t))
        return np.stack([x, y], axis=1) + self.noise * rng.standard_normal((count, 2))


@dataclass(frozen=True, kw_only=True)
class SwissRoll(_Curve):
    """A spiral of one and a half turns, plus Gaussian noise.

    (t cos t, t sin t) / 7.5, t uniform on [3 pi/2, 9 pi/2]

    train     points in the training split
    held_out  points in each of validation and test split
    noise     standard deviation of the noise in each coordinate, after the division by 7.5

    Source: Gulrajani et al. 2017, arXiv:1704.00028, the authors' gan_toy.py: two of the three coordinates of
    scikit-learn's swiss roll with noise 0.25, all divided by 7.5.
    """

    kind: Literal["swiss_roll"] = "swiss_roll"
    noise: NonNegative = 0.033

    def draw(self, count: int, rng: np.random.Generator) -> Points:
        t = 1.5 * np.pi * (1 + 2 * rng.uniform(size=count))
        spiral = t[:, None] * np.stack([np.cos(t), np.sin(t)], axis=1) / 7.5
        return spiral + self.noise * rng.standard_normal((count, 2))


@dataclass(frozen=True, kw_only=True)
class Segments(_Curve):
    """Uniform points of the segment {0} x [0, 1].

    train     points in the training split
    held_out  points in each of validation and test split

    The Jensen-Shannon divergence from the uniform distribution on the parallel segment {theta} x [0, 1] is log 2 for
    every theta but 0, and the Wasserstein-1 distance from it is |theta|.

    Source: Arjovsky, Chintala & Bottou 2017, arXiv:1701.07875, Example 1.
    """

    kind: Literal["segments"] = "segments"

    def draw(self, count: int, rng: np.random.Generator) -> Points:
        return np.stack([np.zeros(count), rng.uniform(size=count)], axis=1)
