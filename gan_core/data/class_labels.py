"""Classes of a data set, and labels of fakes in given or in the data's shares."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int


@dataclass(frozen=True, kw_only=True)
class Classes:
    """The classes that a conditional generator has been trained on.

    names   name of each class; its position is its label
    shares  share of each class in the training samples
    """

    names: tuple[str, ...]
    shares: tuple[float, ...]

    def labels(self, count: int, wanted: int | str | Sequence[int | str] | None = None) -> Int[np.ndarray, "count"]:
        """Labels of `count` fakes: one class for all, one for each, or, if none is wanted, in the training's shares.

        wanted  number or name of a class, or one for each fake

        Errors: `ValueError` for a class that there is not, and for another number of labels than `count`.
        """
        if wanted is None:
            return labels_in_shares(np.asarray(self.shares), count)
        if isinstance(wanted, int | str | np.integer):
            return np.full(count, self._number(wanted))
        if len(wanted) != count:
            raise ValueError(f"labels: must be one class, or one for each of {count} samples, but are {len(wanted)}")
        return np.array([self._number(one) for one in wanted], dtype=np.int64)

    def _number(self, wanted: int | str | np.integer) -> int:
        if isinstance(wanted, str):
            if wanted in self.names:
                return self.names.index(wanted)
            raise ValueError(f"labels: must be classes, {_listed(self.names)}, but one is {wanted}")
        if not 0 <= wanted < len(self.names):
            raise ValueError(f"labels: must lie in 0 .. {len(self.names) - 1}, but one is {wanted}")
        return int(wanted)


MOST_LISTED = 12
"""Largest number of classes that an error message names."""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_LISTED]) + (", ..." if len(names) > MOST_LISTED else "")


def shares_of(labels: Int[np.ndarray, "samples"], classes: int) -> np.ndarray:
    """Share of each class in the labels of some samples."""
    return np.bincount(labels, minlength=classes) / len(labels)


def labels_in_shares(shares: np.ndarray, count: int) -> Int[np.ndarray, "count"]:
    """`count` labels in which each class has its share, up to 1, in an order that depends on `count` alone.

    Shares are rounded by largest remainders, equal ones in favour of the first class. A class whose share is not 0 has
    at least one label, if `count` is at least the number of such classes.
    """
    quotas = shares * count
    counts = np.floor(quotas + 1e-9).astype(np.int64)
    missing = count - counts.sum()
    counts[np.argsort(counts - quotas, kind="stable")[:missing]] += 1
    for label in np.flatnonzero((counts == 0) & (shares > 0)):
        if counts.max() > 1:
            counts[counts.argmax()] -= 1
            counts[label] += 1
    return np.random.default_rng([LABEL_SEED, count]).permutation(np.repeat(np.arange(len(shares)), counts))


LABEL_SEED = 20_141_106
"""Seed of the order of labels."""


def nearest_center(points: np.ndarray, centers: np.ndarray) -> Int[np.ndarray, "points"]:
    """Number of the nearest center of each point, in blocks of bounded memory."""
    rows = max(1, math.ceil(2**22 / centers.size))
    blocks = (points[start : start + rows, None].astype(np.float64) for start in range(0, len(points), rows))
    return np.concatenate([np.square(block - centers).sum(-1).argmin(1) for block in blocks])
