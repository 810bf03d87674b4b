"""Data of the Dirac pair: a point mass."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from gan_core.data.dataset import AnyData, Dataset, Sizes


@dataclass(frozen=True, kw_only=True)
class Dirac(AnyData):
    """A point mass at 0: the real distribution of the Dirac GAN.

    Source: Mescheder, Geiger & Nowozin 2018, arXiv:1801.04406, Definition 2.1.
    """

    kind: Literal["dirac"] = "dirac"
    small: ClassVar[bool] = True
    distance: ClassVar[str] = "distance_to_equilibrium"
    only_with: ClassVar[str] = "dirac"

    @property
    def sizes(self) -> Sizes:
        return Sizes(train=1, held_out=1)

    def load(self) -> Dataset:
        point = np.zeros((1, 1), np.float32)
        return Dataset(name="dirac", train=point, validation=point, test=point, shape=(1,), bounded=False)
