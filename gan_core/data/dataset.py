"""Real samples in three splits, and the abstract base class of data sets."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, Int, Num
from torch import Tensor

from gan_core.data.class_labels import Classes, labels_in_shares, nearest_center, shares_of
from gan_core.shapes import SampleShape

Split = Literal["validation", "test"]
Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
BLOCK_NUMBERS = 2**22
"""Largest number of coordinates that `Dataset.blocks` converts at once: 32 MiB in float64."""


@dataclass(frozen=True, kw_only=True)
class Modes:
    """An equal mixture of isotropic Gaussians: their means, and the standard deviation of each coordinate."""

    centers: Float[np.ndarray, "modes dim"]
    sigma: float


@dataclass(frozen=True, kw_only=True)
class Units:
    """The linear map from the coordinates of samples to the numbers of their file: offset + scale * coordinate.

    columns  name of each coordinate; empty if they have none
    offset   one number for each coordinate, or one for all; `scale` likewise
    """

    columns: tuple[str, ...]
    offset: tuple[float, ...]
    scale: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Latent vectors, and the real sample that the fake of each should equal, as in a conditional task.

    Pairs of the validation and the test split are for paired metrics, those of the training split for users' loops.

    latent  what fakes are generated from, in place of the evaluation's random latents: of a user's loop its input, as
            the flattened sketch of a photo or the features of a sound
    target  real sample that belongs to each latent vector, flattened
    """

    latent: Float[np.ndarray, "pairs latent"]
    target: Float[np.ndarray, "pairs dim"]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes of the real samples of training batches; evaluations use the samples as they are.

    flips       True: each image of a batch is mirrored left to right with probability 1/2
    dequantise  True: grey level v of 0 to 255 becomes (v + u) / 128 - 1 with u uniform in [0, 1), for samples stored as
                uint8
    """

    flips: bool = False
    dequantise: bool = False


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
    augmentation  random changes of the samples of training batches
    recorded_fingerprint  hash of the samples, if it is known without reading them
    notes       sentences about how the samples were read, for whoever checks a study
    """

    name: str
    train: Num[np.ndarray, "train dim"]
    validation: Num[np.ndarray, "validation dim"]
    test: Num[np.ndarray, "test dim"]
    shape: tuple[int, ...]
    bounded: bool
    modes: Modes | None = None
    pairs: Mapping[Part, Pairs] = field(default_factory=dict)
    labels: Mapping[Part, Int[np.ndarray, "samples"]] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    augmentation: Augmentation = Augmentation()
    recorded_fingerprint: str = ""
    notes: tuple[str, ...] = ()

    @property
    def sample_shape(self) -> SampleShape:
        """The shape of one sample."""
        return SampleShape(shape=self.shape, bounded=self.bounded)

    @property
    def count(self) -> int:
        """Number of samples in the three splits together."""
        return len(self.train) + len(self.validation) + len(self.test)

    @property
    def every(self) -> Num[np.ndarray, "all dim"]:
        """All real samples as they are stored, in one new array; `rows` and `blocks` take less memory."""
        return np.concatenate([self.train, self.validation, self.test])

    def rows(self, index: Int[np.ndarray, "rows"]) -> Num[np.ndarray, "rows dim"]:
        """Stored samples by their number in `every`, which is not formed."""
        result = np.empty((len(index), self.train.shape[1]), self.train.dtype)
        first = 0
        for part in (self.train, self.validation, self.test):
            inside = (first <= index) & (index < first + len(part))
            result[inside] = part[index[inside] - first]
            first += len(part)
        return result

    def blocks(self, *parts: Part) -> Iterator[Float[np.ndarray, "rows dim"]]:
        """The coordinates of the samples of some splits in float64, in blocks of bounded memory.

        Splits of at most `BLOCK_NUMBERS` coordinates together are one block.
        """
        stored = [getattr(self, part) for part in parts]
        if sum(array.size for array in stored) <= BLOCK_NUMBERS:
            yield as_coordinates(np.concatenate(stored), np.float64)
            return
        rows = max(1, BLOCK_NUMBERS // stored[0].shape[1])
        for array in stored:
            for start in range(0, len(array), rows):
                yield as_coordinates(array[start : start + rows], np.float64)

    def first(self, part: Part, count: int | None = None) -> Float[np.ndarray, "first dim"]:
        """Coordinates of the first `count` samples of a split, or of all; fewer if the split has fewer."""
        return as_coordinates(getattr(self, part)[:count], np.float32)

    @cached_property
    def varies(self) -> bool:
        """True if the training samples differ from each other, unlike those of the point mass `dirac`."""
        rows = max(1, BLOCK_NUMBERS // self.train.shape[1])
        blocks = (self.train[start : start + rows] for start in range(0, len(self.train), rows))
        return any(bool((block != self.train[:1]).any()) for block in blocks)

    @cached_property
    def condition_classes(self) -> Classes | None:
        """The classes on which a GAN can be conditioned: those of the labels, else the known modes; None without both.

        They have their shares of the training samples.
        """
        if self.labels:
            names = self.classes
        elif self.modes is not None:
            names = tuple(f"mode {number}" for number in range(len(self.modes.centers)))
        else:
            return None
        return Classes(names=names, shares=tuple(shares_of(self.labels_of("train"), len(names)).tolist()))

    def labels_of(self, part: Part) -> Int[np.ndarray, "samples"]:
        """Label of each sample of a split: the number of its class, else that of the nearest known mode.

        Errors: `ValueError` for data without classes of this split and without known modes.
        """
        if part in self.labels:
            return np.asarray(self.labels[part], dtype=np.int64)
        if self.labels or self.modes is None:
            raise ValueError(f"labels: must hold the classes of the split {part}, but {self.name} has none")
        return nearest_center(getattr(self, part), self.modes.centers)

    @property
    def planar(self) -> bool:
        """True if a sample is a point of the plane."""
        return self.shape == (2,)

    @property
    def of_images(self) -> bool:
        """True if a sample is an image: channels, height and width."""
        return self.sample_shape.of_images

    def held_out(self, split: Split) -> Num[np.ndarray, "held_out dim"]:
        """Stored samples of the validation or the test split, with which metrics compare fakes."""
        return self.validation if split == "validation" else self.test

    @cached_property
    def fingerprint(self) -> str:
        """Hash of splits and pairs, 16 hexadecimal digits; independent of `name`, `shape`, `bounded` and `modes`."""
        if self.recorded_fingerprint:
            return self.recorded_fingerprint
        digest = sha256()
        paired = [array for _, pairs in sorted(self.pairs.items()) for array in (pairs.latent, pairs.target)]
        for part in (self.train, self.validation, self.test, *paired):
            digest.update(repr((part.shape, part.dtype.str)).encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def labels_fingerprint(self) -> str:
        """Hash of the labels and the names of the classes, 16 hexadecimal digits; empty if there are no classes."""
        if not self.labels:
            return ""
        digest = sha256(repr(self.classes).encode())
        for part, labels in sorted(self.labels.items()):
            digest.update(part.encode() + np.ascontiguousarray(labels, np.int64).tobytes())
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
    unaddressed  fields that are no part of a trial's address, since the hash of the samples says what follows from them
    """

    kind: str
    small: ClassVar[bool] = False
    distance: ClassVar[str] = "sliced_wasserstein"
    only_with: ClassVar[str | None] = None
    unaddressed: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def sizes(self) -> Sizes:
        """Sizes of the splits that `load` returns; those of files are counted, which may take as long as `load`."""

    @abstractmethod
    def load(self) -> Dataset:
        """Load the samples; the same samples at every call."""


def coordinates(stored: Num[Tensor, "*any"], dtype: torch.dtype) -> Float[Tensor, "*any"]:
    """Coordinates of stored samples: uint8 from 0 to 255 is scaled to [-1, 1], other numbers keep their values."""
    values = stored.to(dtype)
    return values / 127.5 - 1 if stored.dtype == torch.uint8 else values


def as_coordinates(stored: Num[np.ndarray, "*any"], dtype: type[np.floating[Any]]) -> Float[np.ndarray, "*any"]:
    """Coordinates of stored samples as a numpy array, see `coordinates`."""
    values = stored.astype(dtype)
    return values / dtype(127.5) - dtype(1) if stored.dtype == np.uint8 else values


def moments(data: Dataset, *parts: Part) -> tuple[Float[np.ndarray, "dim"], Float[np.ndarray, "dim"]]:
    """Mean and variance of each coordinate over the samples of some splits, in bounded memory."""
    count = sum(len(getattr(data, part)) for part in parts)
    mean = _average(((block, len(block)) for block in data.blocks(*parts)), count)
    variance = _average(((np.square(block - mean), len(block)) for block in data.blocks(*parts)), count)
    return mean, variance


def _average(blocks: Iterator[tuple[Float[np.ndarray, "rows dim"], int]], count: int) -> Float[np.ndarray, "dim"]:
    # of a single block exactly its mean
    means = [block.mean(0) * (rows / count) for block, rows in blocks]
    return np.sum(means, axis=0) if len(means) > 1 else means[0]


def evaluation_labels(count: int, data: Dataset, split: Split) -> Int[np.ndarray, "count"]:
    """Labels with which conditional generators are evaluated, in the shares of the split; the same for every member.

    Errors: `ValueError` for data without classes.
    """
    if data.condition_classes is None:
        raise ValueError(f"data: must have classes for a conditional generator, but {data.name} has none")
    return labels_in_shares(shares_of(data.labels_of(split), len(data.condition_classes.names)), count)
