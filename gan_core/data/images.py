"""Images of one's own: folders of files, arrays, IDX files."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Le

from gan_core.data.dataset import AnyData, Augmentation, Dataset, Part, Sizes
from gan_core.data.decoding import Background, Channels, Crop
from gan_core.data.image_arrays import ImageArray, Layout
from gan_core.data.image_files import ImageFolder
from gan_core.data.image_source import ImageSource, PixelSettings, chosen
from gan_core.data.image_store import ImageStore, named_images, stored_images
from gan_core.fields import Whole, check_fields

FEWEST = 10
"""Smallest number of images of a study."""
SIDES = 64
"""Number of images whose sides are looked at to find out how large those of a folder or an array are."""
AUTO_HELD_OUT = 1000
"""Largest number of images in each held-out split for `held_out = "auto"`."""


@dataclass(frozen=True, kw_only=True)
class Images(AnyData):
    """Images of your own: a folder of image files, an array, or MNIST's IDX files.

    path        a folder, with a folder for each class or without; a .npy or .npz file (images, and labels `y` if there
                are classes); or an IDX file of images, with its labels file beside it, compressed with gzip or not. A
                relative path begins at the folder of the study file
    size        height and width to which every image is resized
    channels    `rgb`, `grey`, or `auto`: grey if every image is grey, else rgb
    crop        `center`: the largest centred square of each image; `none`: the whole image, squeezed into a square
    background  colour behind transparent pixels
    labels      `folders`: the folders, `y` of an .npz file or the labels file are classes; `none`: there are no classes
    layout      order of the axes of an array with channels; `auto` finds out
    limit       number of images that are used, chosen by a fixed permutation; `all`: every image
    held_out    images in each of validation and test split; `auto`: a fifth of all, at most 1000
    broken      largest number of files that may be unreadable; they are named and left out
    flips       true: in training batches each image is mirrored left to right with probability 1/2
    dequantise  true: grey level v of 0 to 255 becomes (v + u) / 128 - 1 in training batches, with u uniform in [0, 1);
                otherwise v / 127.5 - 1

    Each image is decoded once, into a memory-mapped array of 8-bit numbers in the cache on this machine. Files are
    turned upright as their EXIF data say; of an animation the first frame is used; 16-bit levels are divided by 257;
    transparent pixels show the background; Pillow's bicubic filter resizes. The images are ordered by the hash of their
    pixels and then split, so the splits depend neither on names nor on the order of files. Labels are used in
    evaluations alone, not in training.
    """

    kind: Literal["images"] = "images"
    path: str
    size: Annotated[int, Ge(4), Le(256)] = 32
    channels: Channels = "auto"
    crop: Crop = "center"
    background: Background = "white"
    labels: Literal["folders", "none"] = "folders"
    layout: Layout = "auto"
    limit: Annotated[int, Ge(10)] | Literal["all"] = "all"
    held_out: Annotated[int, Ge(2)] | Literal["auto"] = "auto"
    broken: Whole = 0
    flips: bool = False
    dequantise: bool = False
    unaddressed: ClassVar[tuple[str, ...]] = ("path", "labels", "layout", "broken")

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.path:
            raise ValueError("path: must name a folder or a file, but is empty")

    @property
    def sizes(self) -> Sizes:
        return self._sizes(self._stored()[0])

    def load(self) -> Dataset:
        store, notes = self._stored()
        augmentation = Augmentation(flips=self.flips, dequantise=self.dequantise)
        notes = [*notes, *_store_notes(store)]
        return split_images(store, self._sizes(store), Path(self.path).name, augmentation, notes)

    def portable(self) -> tuple[str, bytes]:
        """Name and content of one file from which the same images are loaded, without those that were left out."""
        store, _ = self._stored()
        images = store.images().reshape(-1, *store.record.shape)
        arrays = {"x": images if self.layout == "channels_first" else images.transpose(0, 2, 3, 1)}
        if (labels := store.labels()) is not None:
            arrays["y"] = np.array(store.record.classes)[labels]
        buffer = BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # its stubs take **kwds for allow_pickle
        return "images.npz", buffer.getvalue()

    def own_side(self) -> int:
        """Median of the shorter sides of some of the images as they are in their files, in pixels.

        Errors: `ValueError` for a path that holds no images, or none that can be read.
        """
        source, sides = self._source(), []
        source.open()
        for index in chosen(len(source), SIDES):
            with suppress(Exception):  # a broken image, which `load` names
                sides.append(source.side(int(index)))
        if not sides:
            raise ValueError(f"path: must hold images that can be read, but {self.path} holds none")
        return int(np.median(sides))

    def _source(self) -> ImageSource:
        path, labelled = Path(self.path), self.labels == "folders"
        limit = None if self.limit == "all" else self.limit
        try:
            if path.is_dir():
                return ImageFolder(path, labelled=labelled, limit=limit)
            if path.is_file():
                return ImageArray(path, labelled=labelled, limit=limit, layout=self.layout)
            exists = path.exists()
        except OSError as error:
            raise ValueError(f"path: cannot be read: {error.filename or self.path} ({error.strerror})") from None
        but = "is neither" if exists else "does not exist"
        raise ValueError(f"path: must be a folder of images or a file, but {self.path} {but}")

    def unreadable(self) -> tuple[int, int]:
        """Number of files that cannot be read as images, and of those that can; all are decoded, as for `load`.

        Errors: `ValueError` if there is no image that can be read.
        """
        store, _ = self._decoded()
        return len(store.record.broken), store.record.count

    def _stored(self) -> tuple[ImageStore, list[str]]:
        """The decoded images in the cache, and sentences for the user about how their files were read."""
        store, notes = self._decoded()
        self._check(store)
        return store, notes

    def _decoded(self) -> tuple[ImageStore, list[str]]:
        source = self._source()
        settings = PixelSettings(size=self.size, channels=self.channels, crop=self.crop, background=self.background)
        place = f"{Path(self.path).absolute()}\0{self.labels}\0{self.layout}\0{self.limit}"
        return stored_images(source, place, settings)

    def _check(self, store: ImageStore) -> None:
        record = store.record
        if len(record.broken) > self.broken:
            raise ValueError(
                f"broken: must be >= {len(record.broken)}, the number of files that cannot be read, but is "
                f"{self.broken}; raise it, or repair or remove {named_images(record.broken)}"
            )
        if record.count < FEWEST:
            raise ValueError(f"path: must hold at least {FEWEST} images, but {self.path} holds {record.count}")
        if record.copies == record.count - 1:
            raise ValueError(
                f"path: must hold images that differ, but all {record.count} in {self.path} have the same pixels"
            )

    def _sizes(self, store: ImageStore) -> Sizes:
        count = store.record.count
        held_out = min(AUTO_HELD_OUT, count // 5) if self.held_out == "auto" else self.held_out
        if 2 * held_out >= count:
            raise ValueError(f"held_out: must be <= {(count - 1) // 2} of the {count} images, but is {held_out}")
        return Sizes(train=count - 2 * held_out, held_out=held_out)


def split_images(
    store: ImageStore, sizes: Sizes, name: str, augmentation: Augmentation, notes: Sequence[str]
) -> Dataset:
    """The images of a store in three splits, which are slices of its order."""
    record, images, labels = store.record, store.images(), store.labels()
    parts = _slices(sizes)
    described = repr((record.content, sizes.train, sizes.held_out))
    return Dataset(
        name=name,
        train=images[parts["train"]],
        validation=images[parts["validation"]],
        test=images[parts["test"]],
        shape=record.shape,
        bounded=True,
        labels={} if labels is None else {part: labels[rows] for part, rows in parts.items()},
        classes=record.classes,
        augmentation=augmentation,
        recorded_fingerprint=sha256(described.encode()).hexdigest()[:16],
        notes=tuple(notes),
    )


def _slices(sizes: Sizes) -> dict[Part, slice]:
    first, second = sizes.train, sizes.train + sizes.held_out
    return {"train": slice(0, first), "validation": slice(first, second), "test": slice(second, sizes.every)}


def _store_notes(store: ImageStore) -> list[str]:
    record, notes = store.record, []
    if record.broken:
        notes.append(f"left out, since they cannot be read: {named_images(record.broken, most=20)}")
    if record.copies:
        notes.append(f"{record.copies} images are exact copies of others")
    if record.classes and (labels := store.labels()) is not None:
        counts = Counter(labels.tolist())
        few = [name for i, name in enumerate(record.classes) if counts[i] < FEWEST]
        if few:
            notes.append(f"classes with fewer than {FEWEST} images: {', '.join(few[:10])}")
    place = f"{store.bytes / 1e6:.3g} MB in {store.folder}, shared by all trials on this machine"
    notes.append(f"decoding took {record.seconds:.3g} s; {place}")
    return notes
