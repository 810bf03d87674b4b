"""The interface of sources of images: a folder of files, an array, an IDX file."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from gan_core.data.decoding import Background, Channels, Crop, Pixels

UNREADABLE = "unreadable"
"""The content of a file that cannot be read."""
_CHOICE = 20_261_126
"""Seed of the choice of `limit` images."""


@dataclass(frozen=True, kw_only=True)
class PixelSettings:
    """Settings that determine the pixels of an image; `Images` explains each."""

    size: int
    channels: Channels
    crop: Crop
    background: Background


class ImageSource(ABC):
    """Images that can be decoded one by one.

    listing  hash of names, sizes and times of the files, known without reading them
    """

    listing: str

    @abstractmethod
    def open(self) -> None:
        """Read what all further methods need, which may take long.

        Errors: `ValueError` for a file that holds something else.
        """

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def labels(self) -> list[str] | None:
        """Name of the class of each image; None without classes."""

    @abstractmethod
    def name(self, index: int) -> str:
        """Name of an image in messages."""

    @abstractmethod
    def content(self, index: int) -> str:
        """Hash of an image as it is in its file."""

    @abstractmethod
    def pixels(self, index: int, settings: PixelSettings) -> Pixels:
        """The pixels of an image.

        Errors: any exception for a broken image.
        """

    @abstractmethod
    def side(self, index: int) -> int:
        """The smaller of width and height of an image in its file, in pixels, before it is cropped or resized.

        Errors: any exception for a broken image.
        """

    @abstractmethod
    def notes(self) -> list[str]:
        """Sentences about how the source was read."""


def chosen(count: int, limit: int | None) -> np.ndarray:
    """Ascending numbers of `limit` of `count` images, chosen by a fixed permutation; of all images without a limit."""
    if limit is None or limit >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(_CHOICE).permutation(count)[:limit])


def listing_hash(files: Iterable[tuple[str, int, int]]) -> str:
    """Hash of files, given as (name, size, time of the last change in nanoseconds)."""
    digest = sha256()
    for name, size, changed in files:
        digest.update(f"{name}\0{size}\0{changed}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """Hash of a file's content; `UNREADABLE` for a file that cannot be read."""
    digest = sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    except OSError:
        return UNREADABLE
    return digest.hexdigest()
