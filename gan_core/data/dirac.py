"""The point mass of the two-parameter game."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gan_core.data.dataset import AnyData, Dataset, Sizes


@dataclass(frozen=True, kw_only=True)
class Dirac(AnyData):
    """A point mass at 0: the real distribution of the two-parameter game.

    Source: Mescheder, Geiger & Nowozin 2018, arXiv:1801.04406, Definition 2.1.
    """

    kind: Literal["dirac"] = "dirac"

    @property
    def sizes(self) -> Sizes:
        return Sizes(train=1, reference=1)

    def load(self) -> Dataset:
        point = np.zeros((1, 1), np.float32)
        return Dataset(name="dirac", train=point, search=point, confirm=point, shape=(1,), bounded=False)
