"""Points of the plane, drawn from distributions that are known exactly."""

from abc import abstractmethod
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge
from jaxtyping import Float

from gan_core.data.dataset import AnyData, Dataset, Modes, Sizes
from gan_core.fields import NonNegative, Positive, check_fields

DRAW_SEED = 20_170_126
"""Where the real points come from, the same for every study; each part has a stream of its own."""

Points = Float[np.ndarray, "points 2"]


@dataclass(frozen=True, kw_only=True)
class PlanarData(AnyData):
    """What is common to all: `train` points to train with, `reference` for the search and as many to confirm.

    Every part is drawn independently from its own fixed stream, so another `train` leaves the references as they are.
    Nothing is scaled: coordinates are those of the formulas, and generators are not bounded.
    """

    kind: str
    train: Annotated[int, Ge(50)] = 10_000
    reference: Annotated[int, Ge(50)] = 2_500

    def __post_init__(self) -> None:
        check_fields(self)

    @abstractmethod
    def draw(self, count: int, rng: np.random.Generator) -> Points:
        """That many independent points."""

    @property
    @abstractmethod
    def known_modes(self) -> Modes | None:
        """The mixture that `draw` draws from, if it is one."""

    @property
    def sizes(self) -> Sizes:
        return Sizes(train=self.train, reference=self.reference)

    def load(self) -> Dataset:
        counts = {"train": self.train, "search": self.reference, "confirm": self.reference}
        parts = {
            part: self.draw(count, np.random.default_rng([DRAW_SEED, stream])).astype(np.float32)
            for stream, (part, count) in enumerate(counts.items())
        }
        return Dataset(name=self.kind, **parts, shape=(2,), bounded=False, modes=self.known_modes)


class _Mixture(PlanarData):
    """An equal mixture of round Gaussians, whose modes say all."""

    @property
    @abstractmethod
    def known_modes(self) -> Modes: ...

    def draw(self, count: int, rng: np.random.Generator) -> Points:
        modes = self.known_modes
        mode = rng.integers(len(modes.centers), size=count)
        return modes.centers[mode] + modes.sigma * rng.standard_normal((count, 2))


class _Curve(PlanarData):
    """Points along a curve: no mixture."""

    @property
    def known_modes(self) -> None:
        return None


@dataclass(frozen=True, kw_only=True)
class Ring(_Mixture):
    """`modes` round Gaussians of standard deviation `sigma`, equally far apart on a circle of `radius` around 0.

    The angles are 2 pi k / modes with k < modes: widely copied code takes modes equal steps from 0 to 2 pi with both
    ends, and so has one mode less, that one twice as heavy.

    Source: Lin et al. 2018, arXiv:1712.04086 (PacGAN), section 4.1; Metz et al. 2017 have radius 2 and sigma .02.
    """

    kind: Literal["ring"] = "ring"
    modes: Annotated[int, Ge(2)] = 8
    radius: Positive = 1.0
    sigma: Positive = 0.01

    @property
    def known_modes(self) -> Modes:
        angle = 2 * np.pi * np.arange(self.modes) / self.modes
        return Modes(centers=self.radius * np.stack([np.cos(angle), np.sin(angle)], axis=1), sigma=self.sigma)


@dataclass(frozen=True, kw_only=True)
class Grid(_Mixture):
    """`side` x `side` round Gaussians of standard deviation `sigma`, `spacing` apart on a square around 0.

    Source: Lin et al. 2018, arXiv:1712.04086 (PacGAN), section 4.1: 25 modes on {-4, -2, 0, 2, 4}^2, sigma .05.
    """

    kind: Literal["grid"] = "grid"
    side: Annotated[int, Ge(2)] = 5
    spacing: Positive = 2.0
    sigma: Positive = 0.05

    @property
    def known_modes(self) -> Modes:
        along = self.spacing * (np.arange(self.side) - (self.side - 1) / 2)
        return Modes(centers=np.array(list(product(along, along))), sigma=self.sigma)


@dataclass(frozen=True, kw_only=True)
class TwoMoons(_Curve):
    """Two half circles of radius 1 that reach into each other, plus Gaussian `noise` in both coordinates.

    (cos t, sin t) or (1 - cos t, 1/2 - sin t), each half of the time, t uniform on [0, pi].

    Source: scikit-learn's make_moons, which takes equal steps of t.
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
    """A spiral of one and a half turns, (t cos t, t sin t) / 7.5 with t uniform on [3 pi/2, 9 pi/2], plus `noise`.

    Source: Gulrajani et al. 2017, arXiv:1704.00028, the authors' gan_toy.py: scikit-learn's roll seen from its side
    with noise .25, all divided by 7.5; `noise` is counted after the division.
    """

    kind: Literal["swiss_roll"] = "swiss_roll"
    noise: NonNegative = 0.033

    def draw(self, count: int, rng: np.random.Generator) -> Points:
        t = 1.5 * np.pi * (1 + 2 * rng.uniform(size=count))
        spiral = t[:, None] * np.stack([np.cos(t), np.sin(t)], axis=1) / 7.5
        return spiral + self.noise * rng.standard_normal((count, 2))


@dataclass(frozen=True, kw_only=True)
class Segments(_Curve):
    """Uniform on the segment {0} x [0, 1]: what a parallel segment at distance theta is held against.

    There Jensen-Shannon is log 2 for every theta but 0, Wasserstein-1 is |theta|.

    Source: Arjovsky, Chintala & Bottou 2017, arXiv:1701.07875, Example 1.
    """

    kind: Literal["segments"] = "segments"

    def draw(self, count: int, rng: np.random.Generator) -> Points:
        return np.stack([np.zeros(count), rng.uniform(size=count)], axis=1)
