"""What is learned: real samples, split once into what trains and what judges."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge
from jaxtyping import Float

from gan_core.fields import check_fields
from gan_core.networks import SampleSpace

Split = Literal["search", "confirm"]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Real samples, flattened, in three parts that share no sample.

    train    what the game is played with
    search   what explore and exploit are measured against
    confirm  what the confirmed winners are measured against
    shape    one sample's own shape: (1, 8, 8) for an image, (2,) for a point
    bounded  whether every coordinate lies in [-1, 1]
    """

    name: str
    train: Float[np.ndarray, "train dim"]
    search: Float[np.ndarray, "search dim"]
    confirm: Float[np.ndarray, "confirm dim"]
    shape: tuple[int, ...]
    bounded: bool

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


IMAGES = 1797


@dataclass(frozen=True, kw_only=True)
class Digits(AnyData):
    """scikit-learn's handwritten digits: 1797 real images of 8x8 pixels, scaled to [-1, 1]; nothing is downloaded.

    They are ordered by writer, so they are split by a fixed permutation: `reference` images for the search, as many
    to confirm, the rest to train.

    Source: Alpaydin & Kaynak 1998, UCI "Optical Recognition of Handwritten Digits", test part.
    """

    kind: Literal["digits"] = "digits"
    reference: Annotated[int, Ge(50)] = 400

    def __post_init__(self) -> None:
        check_fields(self)
        if self.reference > 700:
            raise ValueError(f"reference: must be <= 700 of the {IMAGES} images, but is {self.reference}")

    @property
    def sizes(self) -> Sizes:
        return Sizes(train=IMAGES - 2 * self.reference, reference=self.reference)

    def load(self) -> Dataset:
        from sklearn.datasets import load_digits

        pixels = load_digits().data / 8 - 1
        shuffled = pixels[np.random.default_rng(0).permutation(len(pixels))].astype(np.float32)
        search, confirm, train = np.split(shuffled, [self.reference, 2 * self.reference])
        return Dataset(name="digits", train=train, search=search, confirm=confirm, shape=(1, 8, 8), bounded=True)


@dataclass(frozen=True, kw_only=True)
class Dirac(AnyData):
    """A point mass at 0: the real distribution of the two-parameter game.

    Source: Mescheder, Geiger & Nowozin 2018, arXiv:1801.04406, Definition 2.1.
    """

    kind: Literal["dirac"] = "dirac"

    @property
    def sizes(self) -> Sizes:
        return Sizes(train=1, reference=1)

    def load(self) -> Dataset:
        point = np.zeros((1, 1), np.float32)
        return Dataset(name="dirac", train=point, search=point, confirm=point, shape=(1,), bounded=False)


Data = Digits | Dirac
