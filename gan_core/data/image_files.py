"""Image files of a folder, listed without opening them."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from gan_core.data.decoding import SUFFIXES, Pixels, decode_file
from gan_core.data.image_source import ImageSource, PixelSettings, chosen, file_hash, listing_hash

IGNORED_FOLDERS = ("__MACOSX",)
"""Folders that archives of macOS hold besides the files themselves."""


@dataclass(frozen=True)
class _Found:
    """An image file: its name relative to the folder, size in bytes and time of its last change in nanoseconds."""

    name: str
    size: int
    changed: int


class ImageFolder(ImageSource):
    """The image files below a folder, in the order of their names.

    labelled  True: the folders in `root` are classes, if there are any
    limit     number of images chosen by a fixed permutation; None: all

    Hidden files, pipes, and files without the suffix of an image format are left out.

    Errors: `ValueError` for a folder without images, and for images beside folders of classes.
    """

    def __init__(self, root: Path, *, labelled: bool, limit: int | None):
        self._root = root
        found, other = _walk(root)
        if not found:
            raise ValueError(f"path: must hold images ({_some_suffixes()}), but {root} holds {_described(other)}")
        self._ignored, self._labelled = other, labelled and any("/" in file.name for file in found)
        if self._labelled and (beside := [file.name for file in found if "/" not in file.name]):
            raise ValueError(
                f"path: must hold all images in folders of classes, or all outside of folders, but {root} holds "
                f'{len(beside)} of {len(found)} outside, such as {beside[0]}; labels = "none" uses all without classes'
            )
        self._files = [found[i] for i in chosen(len(found), limit)]
        self._found = len(found)
        self.listing = listing_hash([(file.name, file.size, file.changed) for file in found])

    def open(self) -> None:
        pass

    def __len__(self) -> int:
        return len(self._files)

    @property
    def labels(self) -> list[str] | None:
        return [file.name.partition("/")[0] for file in self._files] if self._labelled else None

    def name(self, index: int) -> str:
        return self._files[index].name

    def content(self, index: int) -> str:
        return file_hash(self._root / self._files[index].name)

    def pixels(self, index: int, settings: PixelSettings) -> Pixels:
        path = self._root / self._files[index].name
        return decode_file(
            path,
            size=settings.size,
            channels=settings.channels,
            crop=settings.crop,
            background=settings.background,
        )

    def side(self, index: int) -> int:
        from PIL import Image

        with Image.open(self._root / self._files[index].name) as image:
            return min(image.size)

    def notes(self) -> list[str]:
        lines = []
        if self._ignored:
            lines.append(f"left out, since they are not image files: {_described(self._ignored)}")
        if self._labelled and len(set(self.labels or ())) == 1:
            only = self._files[0].name.partition("/")[0]
            lines.append(
                f"all images are in the folder {only}, which is taken for the only class; if its subfolders are the "
                "classes, set path to it"
            )
        if len(self._files) < self._found:
            lines.append(f"limit: {len(self._files)} of {self._found} images, chosen by a fixed permutation")
        return lines


def _walk(root: Path) -> tuple[list[_Found], "Counter[str]"]:
    """The image files below a folder by name, and the numbers of other files by suffix."""
    found, other, visited, waiting = [], Counter[str](), set(), [("", root)]
    while waiting:
        prefix, folder = waiting.pop()
        itself = folder.stat()
        if (itself.st_dev, itself.st_ino) in visited:  # a link to a folder above it
            continue
        visited.add((itself.st_dev, itself.st_ino))
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in IGNORED_FOLDERS:
                    continue
                name, suffix = f"{prefix}{entry.name}", Path(entry.name).suffix.lower()
                status = _status(entry)
                if status is not None and S_ISDIR(status.st_mode):
                    waiting.append((f"{name}/", folder / entry.name))
                elif suffix not in SUFFIXES:
                    other[suffix or "without a suffix"] += 1
                elif status is None:  # a broken link is a broken image
                    found.append(_Found(name, -1, -1))
                elif S_ISREG(status.st_mode):
                    found.append(_Found(name, status.st_size, status.st_mtime_ns))
                else:  # reading from a pipe may never end
                    other[f"{suffix} that are pipes or devices"] += 1
    return sorted(found, key=lambda file: file.name), other


def _status(entry: "os.DirEntry[str]") -> os.stat_result | None:
    try:
        return entry.stat()
    except OSError:
        return None


def _described(other: "Counter[str]") -> str:
    if not other:
        return "no file"
    return ", ".join(f"{count} {suffix}" for suffix, count in other.most_common(6))


def _some_suffixes() -> str:
    return ", ".join((".png", ".jpg", ".webp", ".gif", ".bmp", ".tif"))
