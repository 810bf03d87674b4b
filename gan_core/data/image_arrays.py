"""Images in one array: NumPy's .npy and .npz files, and MNIST's IDX files."""

import gzip
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8

from gan_core.data.decoding import Pixels, decode_array
from gan_core.data.image_source import ImageSource, PixelSettings, chosen, listing_hash

Layout = Literal["auto", "channels_first", "channels_last"]
LABEL_NAMES = ("y", "labels", "label", "targets")
"""Names of the labels in an .npz file."""
_IDX_TYPES: Mapping[int, str] = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_ROWS = 1024


class ImageArray(ImageSource):
    """The images of an array file, in their order.

    labelled  True: labels in the file, or in the labels file beside it, are classes
    limit     number of images chosen by a fixed permutation; None: all

    Errors: `ValueError` for a file that does not hold one array of images, or numbers of an unknown range.
    """

    def __init__(self, path: Path, *, labelled: bool, limit: int | None, layout: Layout):
        files = [path, *([found] if (found := _labels_file(path)) is not None and labelled else [])]
        status = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        self.listing = listing_hash(status)
        self._path, self._layout, self._limit = path, layout, limit
        self._wants_labels, self._labels_path = labelled, found
        self._images: np.ndarray | None = None
        self._labels: list[str] | None = None
        self._notes: list[str] = []

    def open(self) -> None:
        array, labels = self._read()
        self._images, layout = _channels_last(array, self._layout, self._path)
        self._range = _Range.of(self._images, self._path)
        self._notes.append(f"an array of shape {array.shape} and type {array.dtype}, {layout}, {self._range.text}")
        count = len(self._images)
        self._index = chosen(count, self._limit)
        if len(self._index) < count:
            self._notes.append(f"limit: {len(self._index)} of {count} images, chosen by a fixed permutation")
        if self._wants_labels and labels is not None:
            if labels.shape != (count,):
                raise ValueError(
                    f"path: must have one label for each of its {count} images, but labels have the shape "
                    f"{labels.shape} in {self._path}"
                )
            self._labels = [_label(value) for value in labels[self._index].tolist()]

    def _read(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The images, in any layout, and their labels; None without labels."""
        array, labels = (_read_idx if _is_idx(self._path) else _read_numpy)(self._path)
        if self._wants_labels and self._labels_path is not None:
            labels = _idx(self._labels_path)
        return array, labels

    def __len__(self) -> int:
        return len(self._index)

    @property
    def labels(self) -> list[str] | None:
        return self._labels

    def name(self, index: int) -> str:
        return f"image {self._index[index]}"

    def content(self, index: int) -> str:
        image = self._eight_bit(index)
        return sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()

    def pixels(self, index: int, settings: PixelSettings) -> Pixels:
        return decode_array(
            self._eight_bit(index),
            size=settings.size,
            channels=settings.channels,
            crop=settings.crop,
            background=settings.background,
        )

    def _eight_bit(self, index: int) -> UInt8[np.ndarray, "height width bands"]:
        assert self._images is not None
        return self._range.eight_bit(self._images[self._index[index]])

    def side(self, index: int) -> int:
        return min(self._eight_bit(index).shape[:2])

    def notes(self) -> list[str]:
        return self._notes


def _label(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


# -- shape and range --------------------------------------------------------------------------------------------------


def _channels_last(array: np.ndarray, layout: Layout, path: Path) -> tuple[np.ndarray, str]:
    """The array as (images, height, width, channels), and a few words about its order."""
    shape = array.shape
    must = "path: must hold an array of (images, height, width), with or without an axis of channels"
    if len(shape) == 2:
        side = math.isqrt(shape[1])
        example = f"({side}, {side})" if side * side == shape[1] else "(height, width)"
        raise ValueError(f"{must}, but {path} holds flattened images of shape {shape}: reshape each to {example}")
    if len(shape) not in (3, 4) or min(shape) == 0:
        raise ValueError(f"{must}, but that of {path} has the shape {shape}")
    if len(shape) == 3:
        if shape[2] > 4 * max(shape[:2]):
            raise ValueError(f"{must}, but in {path} of shape {shape} the last axis seems to number the images")
        return array[..., None], "grey"
    first, last = shape[1] <= 4, shape[3] <= 4
    if layout == "auto":
        if first == last:
            reason = "axes 1 and 3 may be the channels" if first else "neither axis 1 nor axis 3 has 1 to 4 channels"
            if not first and shape[2] <= 4:
                reason = "the last axis seems to number the images"
            raise ValueError(
                f"{must}, but in {path} of shape {shape} {reason}"
                + ('; set layout = "channels_first" or "channels_last"' if first else "")
            )
        layout = "channels_first" if first else "channels_last"
    elif not (first if layout == "channels_first" else last):
        other = "channels_last" if layout == "channels_first" else "channels_first"
        raise ValueError(f'layout: must be "{other}" or "auto" for the shape {shape} of {path}, but is "{layout}"')
    return (array.transpose(0, 2, 3, 1) if layout == "channels_first" else array), layout.replace("_", " ")


@dataclass(frozen=True)
class _Range:
    """The range of an array's numbers, from which they are scaled to 0 to 255: (number - low) scale."""

    low: float
    scale: float
    text: str

    @classmethod
    def of(cls, array: np.ndarray, path: Path) -> "_Range":
        """The range that the least and the largest number of an array imply.

        Errors: `ValueError` for numbers that are not finite, and for those of an unknown range.
        """
        if array.dtype == np.bool_:
            return cls(0.0, 255.0, "false and true")
        if array.dtype.kind not in "iuf":
            raise ValueError(f"path: must hold an array of numbers, but that of {path} is {array.dtype}")
        low, high = _extremes(array, path)
        whole = array.dtype.kind in "iu"
        if whole and low >= 0 and high <= 1:
            return cls(0.0, 255.0, "0 and 1")
        if low >= 0 and high <= 1 and not whole:
            return cls(0.0, 255.0, "numbers in [0, 1]")
        if low >= -1 and high <= 1 and not whole:
            return cls(-1.0, 127.5, "numbers in [-1, 1]")
        if low >= 0 and high <= 255 and high > 1:
            return cls(0.0, 1.0, "numbers in [0, 255]")
        if whole and low >= 0 and high <= 65535 and array.dtype.itemsize == 2:
            return cls(0.0, 1 / 257, "16-bit numbers, divided by 257")
        must = "path: must hold numbers in [0, 1], [-1, 1] or [0, 255], or 16-bit whole numbers"
        raise ValueError(f"{must}, but {path} holds {array.dtype} from {low:g} to {high:g}")

    def eight_bit(self, image: np.ndarray) -> UInt8[np.ndarray, "height width bands"]:
        """An image of this range with whole numbers from 0 to 255."""
        if image.dtype == np.uint8 and self.scale == 1:
            return image
        return np.rint((image.astype(np.float64) - self.low) * self.scale).clip(0, 255).astype(np.uint8)


def _extremes(array: np.ndarray, path: Path) -> tuple[float, float]:
    low, high = math.inf, -math.inf
    for start in range(0, len(array), _ROWS):
        block = array[start : start + _ROWS]
        finite = np.isfinite(block).all(tuple(range(1, block.ndim)))
        if not finite.all():
            number = start + int(np.argmin(finite))
            raise ValueError(f"path: must hold finite numbers, but image {number} of {path} has NaN or infinite ones")
        low, high = min(low, float(block.min())), max(high, float(block.max()))
    return low, high


# -- files ------------------------------------------------------------------------------------------------------------


def _read_numpy(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """The images of an .npy or .npz file, and the labels of an .npz file."""
    try:
        with path.open("rb") as file:
            if file.read(2) != b"PK":  # no archive
                return np.load(path, mmap_mode="r", allow_pickle=False), None
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())[:120]
        raise ValueError(f"path: must be a NumPy file without pickled objects, but {path} is not ({reason})") from None
    images = [name for name, array in arrays.items() if array.ndim >= 3] or [
        name for name, array in arrays.items() if array.ndim == 2
    ]
    if len(images) != 1:
        held = ", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or "none"
        raise ValueError(f"path: must hold one array of images, and optionally labels y, but {path} holds {held}")
    labels = next((arrays[name] for name in LABEL_NAMES if name in arrays), None)
    return arrays[images[0]], labels


def _is_idx(path: Path) -> bool:
    return not path.name.endswith((".npy", ".npz"))


def _read_idx(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    array = _idx(path)
    if array.ndim not in (3, 4):
        raise ValueError(f"path: must be an IDX file of images, but {path} holds an array of shape {array.shape}")
    return array, None


def _idx(path: Path) -> np.ndarray:
    """The array of an IDX file, compressed with gzip or not.

    Source: the format as described on Y. LeCun's page of MNIST.
    """
    try:
        with path.open("rb") as file:
            content = file.read()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"path: must be a file that can be read, but {path} is damaged ({error})") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_TYPES:
        raise ValueError(
            f"path: must be a folder of images, a .npy or .npz file, or an IDX file, but {path} is none of these"
        )
    dimensions, start = content[3], 4 + 4 * content[3]
    shape = tuple(int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions))
    dtype = np.dtype(_IDX_TYPES[content[2]])
    expected = math.prod(shape) * dtype.itemsize
    if len(content) - start != expected:
        raise ValueError(
            f"path: must hold {expected} bytes of numbers for its shape {shape}, but {path} holds "
            f"{max(0, len(content) - start)}"
        )
    return np.frombuffer(content, dtype, offset=start).reshape(shape)


def _labels_file(path: Path) -> Path | None:
    """The IDX file of labels beside one of images, None if there is none."""
    if not _is_idx(path) or "images" not in path.name:
        return None
    name = path.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    return next((path.with_name(other) for other in (name, f"{name}.gz") if path.with_name(other).is_file()), None)
