"""Real samples in three splits, and the abstract base class of data sets."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, Int, Num
from torch import Tensor

from gan_core.shapes import SampleShape

Split = Literal["validation", "test"]
Part = Literal["train", "validation", "test"]


@dataclass(frozen=True, kw_only=True)
class Modes:
    """An equal mixture of isotropic Gaussians: their means, and the standard deviation of each coordinate."""

    centers: Float[np.ndarray, "modes dim"]
    sigma: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Latent vectors, and the real sample that the fake of each should equal, as in a conditional task.

    latent  what fakes are generated from, in place of the evaluation's random latents
    target  real sample that belongs to each latent vector, flattened
    """

    latent: Float[np.ndarray, "pairs latent"]
    target: Float[np.ndarray, "pairs dim"]


@dataclass(frozen=True, kw_only=True, eq=False)  # the comparison of arrays has no single truth value
class Dataset:
    """Real samples, flattened, in three splits that share no sample.

    A split may be stored as uint8 and memory-mapped, as images are; `coordinates` scales stored samples to [-1, 1].

    train       samples that the networks are trained on
    validation  samples that explore and exploit trials are evaluated against
    test        samples that confirm trials are evaluated against
    shape       shape of one sample: (1, 8, 8) for an image, (2,) for a point of the plane
    bounded     True if every coordinate lies in [-1, 1]
    modes       the mixture that the samples were drawn from, None if it is unknown
    pairs       latent vectors with their real samples, by split, for paired metrics; empty if there are none
    labels      number of the class of each sample, by split; empty if there are no classes
    classes     names of the classes
    """

    name: str
    train: Num[np.ndarray, "train dim"]
    validation: Num[np.ndarray, "validation dim"]
    test: Num[np.ndarray, "test dim"]
    shape: tuple[int, ...]
    bounded: bool
    modes: Modes | None = None
    pairs: Mapping[Split, Pairs] = field(default_factory=dict)
    labels: Mapping[Part, Int[np.ndarray, "samples"]] = field(default_factory=dict)
    classes: tuple[str, ...] = ()

    @property
    def sample_shape(self) -> SampleShape:
        """The shape of one sample."""
        return SampleShape(shape=self.shape, bounded=self.bounded)

    @property
    def every(self) -> Float[np.ndarray, "all dim"]:
        """All real samples, from which reference distances are computed."""
        return np.concatenate([self.train, self.validation, self.test])

    @cached_property
    def varies(self) -> bool:
        """True if the training samples differ from each other, unlike those of the point mass `dirac`."""
        return bool(self.train.std(0).max() > 0)

    @property
    def planar(self) -> bool:
        """True if a sample is a point of the plane."""
        return self.shape == (2,)

    @property
    def of_images(self) -> bool:
        """True if a sample is an image: channels, height and width."""
        return len(self.shape) == 3

    def held_out(self, split: Split) -> Float[np.ndarray, "held_out dim"]:
        """Samples of the validation or the test split, with which metrics compare fakes."""
        return self.validation if split == "validation" else self.test

    @cached_property
    def fingerprint(self) -> str:
        """Hash of splits and pairs, 16 hexadecimal digits; independent of `name`, `shape`, `bounded` and `modes`."""
        digest = sha256()
        paired = [array for _, pairs in sorted(self.pairs.items()) for array in (pairs.latent, pairs.target)]
        for part in (self.train, self.validation, self.test, *paired):
            digest.update(repr((part.shape, part.dtype.str)).encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sizes of the splits.

    train     samples in the training split
    held_out  samples in each of validation and test split
    """

    train: int
    held_out: int

    @property
    def every(self) -> int:
        """Number of samples in the three splits together."""
        return self.train + 2 * self.held_out


class AnyData(ABC):
    """Abstract base class of data sets: an instance holds the settings, `load` returns the samples.

    distance   name of the metric that is the distance of a member on these data
    only_with  kind of the networks that these data need, None for any
    small      True if the samples are known, before they are loaded, to be points or images of at most 8 x 8 pixels
    """

    kind: str
    small: ClassVar[bool] = False
    distance: ClassVar[str] = "sliced_wasserstein"
    only_with: ClassVar[str | None] = None

    @property
    @abstractmethod
    def sizes(self) -> Sizes:
        """Sizes of the splits that `load` returns, known without loading them."""

    @abstractmethod
    def load(self) -> Dataset:
        """Load the samples; the same samples at every call."""


def coordinates(stored: Num[Tensor, "*any"], dtype: torch.dtype) -> Float[Tensor, "*any"]:
    """Coordinates of stored samples: uint8 from 0 to 255 is scaled to [-1, 1], other numbers keep their values."""
    values = stored.to(dtype)
    return values / 127.5 - 1 if stored.dtype == torch.uint8 else values
