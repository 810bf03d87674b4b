"""Decoded images on disk: one memory-mapped uint8 array for all trials and processes of a machine.

    images/KEY/            images.npy, labels.npy, record.json: written under another name, then renamed
    images/KEY.lock        held by the process that decodes
    images/index/NAME.json KEY and notes of the files in one place, valid as long as their names, sizes and times of
                           change are the same

KEY is a hash of the content of the files, of the classes and of the settings; it does not depend on where the files
are. The images are sorted by the hash of their pixels. This is the fixed permutation that the splits are slices of: it
depends neither on the names nor on the order of the files, and copies of an image are neighbours, hence in one split
(but for those at its ends).
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO
from uuid import uuid4

import numpy as np
from jaxtyping import Int, UInt8

from gan_core.cache_folder import FOLDER_VARIABLE, cache_folder
from gan_core.data.decoding import describe, strict_decoding
from gan_core.data.image_source import UNREADABLE, ImageSource, PixelSettings

DECODING_VERSION = 2
"""Increased by hand with every change of the code that changes the pixels or the files of a store."""
THREADS = 8
"""Largest number of threads that decode; Pillow decodes outside of Python's global lock."""
_BLOCK = 512
"""Number of images that are decoded, hashed or written at once."""


@dataclass(frozen=True, kw_only=True)
class ImageRecord:
    """Description of a store.

    shape       channels, height and width of the images
    count       number of images
    content     hash of the array of all images
    classes     names of the classes; empty without classes
    broken      name and reason of each image that could not be decoded
    copies      number of images that are exact copies of others
    seconds     time that decoding took
    """

    shape: tuple[int, int, int]
    count: int
    content: str
    classes: tuple[str, ...]
    broken: tuple[tuple[str, str], ...]
    copies: int
    seconds: float


@dataclass(frozen=True)
class ImageStore:
    """A folder with decoded images and their record."""

    folder: Path
    record: ImageRecord

    def images(self) -> UInt8[np.ndarray, "images dim"]:
        """The flattened images, memory-mapped; what is written to the array stays in this process."""
        array: np.ndarray = np.load(self.folder / "images.npy", mmap_mode="c")
        return array.reshape(len(array), -1)

    def labels(self) -> Int[np.ndarray, "images"] | None:
        """Number of the class of each image; None without classes."""
        return np.load(self.folder / "labels.npy") if self.record.classes else None

    @property
    def bytes(self) -> int:
        """Size of the images on disk."""
        return (self.folder / "images.npy").stat().st_size


def stored_images(source: ImageSource, place: str, settings: PixelSettings) -> tuple[ImageStore, list[str]]:
    """The store of a source's images, decoded first unless they have been before, and the source's notes.

    place  path of the source with whatever else determines its images and classes

    Errors: `ValueError` for a source without a usable image, for files that change meanwhile, and for a cache that
    cannot be written.
    """
    root, described = cache_folder() / "images", {**asdict(settings), **_versions()}
    index = root / "index" / f"{_hash([place, described])}.json"
    if (known := _indexed(index, source.listing)) is not None and (store := _opened(root / known[0])) is not None:
        return store, known[1]
    source.open()
    hashes = _contents(source)
    key = _content_key(hashes, source.labels, described)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root, key):
            store = _opened(root / key) or _decoded(source, root, key, settings)
        notes = source.notes()
        if UNREADABLE not in hashes:  # such a file may be made readable without a change of its time
            _write_index(index, {"listing": source.listing, "key": key, "notes": notes})
    except OSError as error:
        raise ValueError(
            f"path: cannot store the decoded images in {root} ({error.strerror or error}); set "
            f"{FOLDER_VARIABLE} to another folder"
        ) from None
    return store, notes


def _versions() -> dict[str, Any]:
    return {"decoding": DECODING_VERSION, "pillow": version("pillow")}


def _hash(content: Any) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _contents(source: ImageSource) -> list[str]:
    """Hash of each image as it is in its file."""
    with ThreadPoolExecutor(_threads()) as pool:
        return list(pool.map(source.content, range(len(source))))


def _content_key(hashes: list[str], labels: list[str] | None, described: dict[str, Any]) -> str:
    """Hash of images, classes and settings; independent of names and order."""
    images = sorted(zip(hashes, labels or [""] * len(hashes), strict=True))
    return _hash([images, labels is not None, described])


def _threads() -> int:
    return min(THREADS, len(os.sched_getaffinity(0)))


# -- index and lock ---------------------------------------------------------------------------------------------------


def _indexed(index: Path, listing: str) -> tuple[str, list[str]] | None:
    """Key of the store of the files that are listed so, and the notes of their source; None if it is not known."""
    try:
        known = json.loads(index.read_bytes())
        return (known["key"], known["notes"]) if known["listing"] == listing else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_index(index: Path, content: dict[str, Any]) -> None:
    index.parent.mkdir(parents=True, exist_ok=True)
    written = index.with_name(f".{uuid4().hex}.tmp")
    written.write_text(json.dumps(content), encoding="utf-8")
    os.replace(written, index)


@contextmanager
def _locked(root: Path, key: str) -> Iterator[None]:
    """Context in which this process alone decodes the images of `key`; the system unlocks when a process is killed."""
    with (root / f"{key}.lock").open("wb") as file:
        with suppress(OSError):  # a file system without locks: both decode, the first to rename wins
            fcntl.flock(file, fcntl.LOCK_EX)
            for abandoned in root.glob(f".{key}-*.tmp"):
                shutil.rmtree(abandoned, ignore_errors=True)
        yield


def _opened(folder: Path) -> ImageStore | None:
    """The store in a folder, None if there is none or if a file is missing or incomplete."""
    try:
        table = json.loads((folder / "record.json").read_bytes())
        if any((folder / name).stat().st_size != size for name, size in table.pop("bytes").items()):
            return None
        lists = {name: tuple(table[name]) for name in ("shape", "classes")}
        broken = tuple((name, reason) for name, reason in table["broken"])
        return ImageStore(folder, ImageRecord(**{**table, **lists, "broken": broken}))
    except (OSError, ValueError, KeyError, TypeError):
        return None


# -- decoding ---------------------------------------------------------------------------------------------------------


def _decoded(source: ImageSource, root: Path, key: str, settings: PixelSettings) -> ImageStore:
    """Decode all images into a store."""
    started = monotonic()
    folder = root / f".{key}-{uuid4().hex}.tmp"
    folder.mkdir()
    try:
        kept, broken, grey = _decode(source, folder / "raw", settings)
        channels = 1 if grey else 3
        raw = np.memmap(folder / "raw", np.uint8, "r", shape=(len(kept), _stored_channels(settings), settings.size**2))
        classes, labels = _classes(source.labels, kept)
        hashes = [sha256(image[:channels].tobytes()).digest() for image in raw]
        order = sorted(range(len(kept)), key=lambda i: (hashes[i], labels[i]))
        shape = (channels, settings.size, settings.size)
        content = _write_images(folder / "images.npy", raw, order, shape)
        del raw
        (folder / "raw").unlink()
        if classes:
            np.save(folder / "labels.npy", np.array([labels[i] for i in order], np.int64))
        record = ImageRecord(
            shape=shape,
            count=len(kept),
            content=content,
            classes=classes,
            broken=tuple(broken),
            copies=len(hashes) - len(set(hashes)),
            seconds=round(monotonic() - started, 2),
        )
        _write_record(folder, record)
        return _renamed(folder, root / key)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stored_channels(settings: PixelSettings) -> int:
    return 1 if settings.channels == "grey" else 3


def _decode(source: ImageSource, path: Path, settings: PixelSettings) -> tuple[list[int], list[tuple[str, str]], bool]:
    """Write the pixels of all images that can be decoded; their numbers, the broken ones, and True if all are grey.

    Errors: `ValueError` if none can be decoded.
    """
    kept, broken, grey = list[int](), list[tuple[str, str]](), settings.channels != "rgb"

    def decode(index: int) -> np.ndarray | str:
        try:
            return source.pixels(index, settings)
        except Exception as error:
            return describe(error)

    with path.open("wb") as file, strict_decoding(), ThreadPoolExecutor(_threads()) as pool:
        for start in range(0, len(source), _BLOCK):
            block = range(start, min(start + _BLOCK, len(source)))
            for index, image in zip(block, pool.map(decode, block), strict=True):
                if isinstance(image, str):
                    broken.append((_printable(source.name(index)), image))
                    continue
                kept.append(index)
                grey = grey and (len(image) == 1 or bool((image[0] == image[1:]).all()))
                file.write(image.tobytes())
    if not kept:
        raise ValueError(f"path: must hold images, but none of {len(source)} can be read: {named_images(broken)}")
    return kept, broken, grey


def _classes(labels: list[str] | None, kept: Sequence[int]) -> tuple[tuple[str, ...], list[int]]:
    """Names of the classes, and the number of the class of each image that is kept; zeros without classes."""
    if labels is None:
        return (), [0] * len(kept)
    names = {labels[i] for i in kept}
    numbers = all(name.isdecimal() for name in names)
    ordered = sorted(names, key=(lambda name: (int(name), name)) if numbers else (lambda name: (0, name)))
    number = {name: i for i, name in enumerate(ordered)}
    return tuple(_printable(name) for name in ordered), [number[labels[i]] for i in kept]


def _write_images(
    path: Path, raw: UInt8[np.ndarray, "images channels pixels"], order: list[int], shape: tuple[int, int, int]
) -> str:
    """Write the images in this order as an .npy file, and return the hash of the array."""
    digest = sha256(repr((len(order), shape)).encode())
    with path.open("wb") as file:
        _write_header(file, (len(order), *shape))
        for start in range(0, len(order), _BLOCK):
            content = raw[order[start : start + _BLOCK], : shape[0]].tobytes()
            digest.update(content)
            file.write(content)
        _to_disk(file)
    return digest.hexdigest()


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def _write_record(folder: Path, record: ImageRecord) -> None:
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    with (folder / "record.json").open("wb") as file:
        file.write(json.dumps({**asdict(record), "bytes": sizes}).encode())
        _to_disk(file)


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _renamed(folder: Path, target: Path) -> ImageStore:
    """The store at `target`: the folder under its name, or what another process has written there meanwhile."""
    if _opened(target) is None:
        shutil.rmtree(target, ignore_errors=True)  # not whole, as after a damage of the disk
    with suppress(FileExistsError, OSError):
        os.rename(folder, target)
    store = _opened(target)
    if store is None:
        raise OSError(f"{target} cannot be written")
    return store


def named_images(broken: Sequence[tuple[str, str]], most: int = 5) -> str:
    """The first broken images with their reasons, as part of a sentence."""
    named = ", ".join(f"{name} ({reason})" for name, reason in broken[:most])
    return named + (f" and {len(broken) - most} more" if len(broken) > most else "")


def _printable(name: str) -> str:
    """A name whose bytes that are no text are replaced."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text if text.isprintable() else json.dumps(text)
