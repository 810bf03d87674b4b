"""Real samples in three parts, and what a description of data must say about them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Literal

import numpy as np
from jaxtyping import Float

from gan_core.networks import SampleSpace

Split = Literal["search", "confirm"]


@dataclass(frozen=True, kw_only=True)
class Modes:
    """The truth of an equal mixture of round Gaussians: where each sits, and the standard deviation of all."""

    centers: Float[np.ndarray, "modes dim"]
    sigma: float


@dataclass(frozen=True, kw_only=True, eq=False)  # arrays have no truth value: a data set equals itself alone
class Dataset:
    """Real samples, flattened, in three parts that share no sample.

    train    what the game is played with
    search   what explore and exploit are measured against
    confirm  what the confirmed winners are measured against
    shape    one sample's own shape: (1, 8, 8) for an image, (2,) for a point of the plane
    bounded  whether every coordinate lies in [-1, 1]
    modes    the mixture that the samples were drawn from, where it is known
    """

    name: str
    train: Float[np.ndarray, "train dim"]
    search: Float[np.ndarray, "search dim"]
    confirm: Float[np.ndarray, "confirm dim"]
    shape: tuple[int, ...]
    bounded: bool
    modes: Modes | None = None

    @property
    def space(self) -> SampleSpace:
        return SampleSpace(dim=self.train.shape[1], bounded=self.bounded)

    @property
    def every(self) -> Float[np.ndarray, "all dim"]:
        """All real samples: what floor and reference lines are computed from."""
        return np.concatenate([self.train, self.search, self.confirm])

    @property
    def varies(self) -> bool:
        """Whether the real samples differ at all; a point mass has no floor, no cells and no spread."""
        return bool(self.train.std(0).max() > 0)

    @property
    def planar(self) -> bool:
        """Whether a sample is a point of the plane."""
        return self.shape == (2,)

    @property
    def of_images(self) -> bool:
        """Whether a sample is an image: channels, height and width."""
        return len(self.shape) == 3

    def reference(self, split: Split) -> Float[np.ndarray, "reference dim"]:
        return self.search if split == "search" else self.confirm

    @cached_property
    def fingerprint(self) -> str:
        """The hash of every number in it."""
        digest = sha256()
        for part in (self.train, self.search, self.confirm):
            digest.update(repr((part.shape, part.dtype.str)).encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How many samples the parts hold: `train` to train with, `reference` for the search and as many to confirm."""

    train: int
    reference: int

    @property
    def every(self) -> int:
        return self.train + 2 * self.reference


class AnyData(ABC):
    """The contract of every description of data."""

    kind: str

    @property
    @abstractmethod
    def sizes(self) -> Sizes:
        """How many samples `load` gives, known without loading them."""

    @abstractmethod
    def load(self) -> Dataset:
        """The samples, the same every time."""
