"""The union of features, and the features that a data set gets."""

from dataclasses import dataclass
from typing import Literal

from gan_core.data import Dataset
from gan_core.features.classifier import ClassifierFeatures, has_classes
from gan_core.features.file import FileFeatures
from gan_core.features.map import AnyFeatures, FeatureMap
from gan_core.features.pixels import PixelFeatures
from gan_core.features.random_conv import RandomConvFeatures
from gan_core.reference_cache import ReferenceCache

SMALL_SIDE = 8
"""Largest height and width of images whose pixels are their features by default."""


@dataclass(frozen=True, kw_only=True)
class AutoFeatures(AnyFeatures):
    """Features that fit the data: pixels of images of at most 8 x 8, else `classifier` with labels, else `random_conv`.

    A study on larger images records the kind that was chosen.
    """

    kind: Literal["auto"] = "auto"

    def check(self, data: Dataset) -> None:
        chosen(data).check(data)

    def map(self, data: Dataset, cache: ReferenceCache) -> FeatureMap:
        return chosen(data).map(data, cache)


Features = AutoFeatures | PixelFeatures | ClassifierFeatures | RandomConvFeatures | FileFeatures


def chosen(data: Dataset) -> Features:
    """The features that "auto" stands for."""
    if not data.of_images or max(data.shape[1:]) <= SMALL_SIDE:
        return PixelFeatures()
    return ClassifierFeatures() if has_classes(data) else RandomConvFeatures()


def resolved(features: Features, data: Dataset) -> Features:
    """The features, or those that "auto" stands for; checked against the data.

    Errors: `ValueError("features: ...")` if the data do not have these features.
    """
    found = chosen(data) if isinstance(features, AutoFeatures) else features
    found.check(data)
    return found


def features_hash(features: Features, data: Dataset) -> str:
    """Kind and hash of the features of a data set, empty for pixels.

    Errors: `ValueError` as `resolved`.
    """
    found = resolved(features, data)
    return "" if isinstance(found, PixelFeatures) else f"{found.kind} {found.hash(data)}"
