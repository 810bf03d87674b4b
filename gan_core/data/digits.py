"""Handwritten digits."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge

from gan_core.data.dataset import AnyData, Dataset, Sizes
from gan_core.fields import check_fields

IMAGES = 1797


@dataclass(frozen=True, kw_only=True)
class Digits(AnyData):
    """scikit-learn's handwritten digits: 1797 real images of 8x8 pixels, scaled to [-1, 1]; nothing is downloaded.

    They are ordered by writer, so they are split by a fixed permutation: `reference` images for the search, as many
    to confirm, the rest to train.

    Source: Alpaydin & Kaynak 1998, UCI "Optical Recognition of Handwritten Digits", test part.
    """

    kind: Literal["digits"] = "digits"
    reference: Annotated[int, Ge(50)] = 400

    def __post_init__(self) -> None:
        check_fields(self)
        if self.reference > 700:
            raise ValueError(f"reference: must be <= 700 of the {IMAGES} images, but is {self.reference}")

    @property
    def sizes(self) -> Sizes:
        return Sizes(train=IMAGES - 2 * self.reference, reference=self.reference)

    def load(self) -> Dataset:
        from sklearn.datasets import load_digits

        pixels = load_digits().data / 8 - 1
        shuffled = pixels[np.random.default_rng(0).permutation(len(pixels))].astype(np.float32)
        search, confirm, train = np.split(shuffled, [self.reference, 2 * self.reference])
        return Dataset(name="digits", train=train, search=search, confirm=confirm, shape=(1, 8, 8), bounded=True)
