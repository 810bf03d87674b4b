"""Handwritten digits."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge

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
        from sklearn.datasets import load_digits

        digits = load_digits()
        order, ends = np.random.default_rng(0).permutation(IMAGES), [self.held_out, 2 * self.held_out]
        validation, test, train = np.split((digits.data / 8 - 1)[order].astype(np.float32), ends)
        validation_labels, test_labels, train_labels = np.split(digits.target[order], ends)
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
