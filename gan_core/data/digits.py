"""Handwritten digits."""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from jaxtyping import Float, Int

from gan_core.data.dataset import AnyData, Dataset, Sizes
from gan_core.fields import check_fields

IMAGES = 1797
"""Number of images in the data set."""


@dataclass(frozen=True, kw_only=True)
class Digits(AnyData):
    """scikit-learn's handwritten digits: 1797 images of 8 x 8 pixels, scaled to [-1, 1]; nothing is downloaded.

    held_out  images in each of validation and test split, at most 700; the others are the training split

    The images are ordered by writer, so they are split by a fixed permutation.

    Source: Alpaydin & Kaynak 1998, UCI "Optical Recognition of Handwritten Digits", test part.
    """

    kind: Literal["digits"] = "digits"
    small: ClassVar[bool] = True
    held_out: Annotated[int, Ge(50)] = 400

    def __post_init__(self) -> None:
        check_fields(self)
        if self.held_out > 700:
            raise ValueError(f"held_out: must be <= 700 of the {IMAGES} images, but is {self.held_out}")

    @property
    def sizes(self) -> Sizes:
        return Sizes(train=IMAGES - 2 * self.held_out, held_out=self.held_out)

    def load(self) -> Dataset:
        pixels, classes = _digits()
        order, ends = np.random.default_rng(0).permutation(IMAGES), [self.held_out, 2 * self.held_out]
        validation, test, train = np.split((pixels / 8 - 1)[order].astype(np.float32), ends)
        validation_labels, test_labels, train_labels = np.split(classes[order], ends)
        return Dataset(
            name="digits",
            train=train,
            validation=validation,
            test=test,
            shape=(1, 8, 8),
            bounded=True,
            labels={"train": train_labels, "validation": validation_labels, "test": test_labels},
            classes=tuple("0123456789"),
        )


@cache
def _digits() -> tuple[Float[np.ndarray, "images 64"], Int[np.ndarray, "images"]]:
    """Pixels from 0 to 16 and classes, as `sklearn.datasets.load_digits` returns them; its import takes a second."""
    package = find_spec("sklearn")
    assert package is not None, "scikit-learn is a dependency"
    assert package.submodule_search_locations is not None, "scikit-learn is a package"
    file = Path(package.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    numbers = np.loadtxt(file, delimiter=",")
    return numbers[:, :-1], numbers[:, -1].astype(int)
