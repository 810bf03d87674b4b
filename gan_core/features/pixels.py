"""Pixels as features."""

from dataclasses import dataclass
from typing import Literal

from gan_core.data import Dataset
from gan_core.features.map import AnyFeatures, FeatureMap
from gan_core.reference_cache import ReferenceCache

MOST_PIXELS = 2048
"""Largest number of coordinates of an image whose pixels are features: metrics form a covariance of the features."""


@dataclass(frozen=True, kw_only=True)
class PixelFeatures(AnyFeatures):
    """The pixels themselves, of images of at most 2048 coordinates.

    Distances between pixels measure a shift by one pixel more than a wrong shape, and a Gaussian of the data's mean and
    covariance is near the data: choose them for images as small as 8 x 8 alone.
    """

    kind: Literal["pixels"] = "pixels"

    def check(self, data: Dataset) -> None:
        dim = data.sample_shape.dim
        if data.of_images and dim > MOST_PIXELS:
            raise ValueError(
                f"features: must be of another kind than pixels for images of more than {MOST_PIXELS} coordinates, "
                f"such as random_conv, but the data have {dim}"
            )

    def map(self, data: Dataset, cache: ReferenceCache) -> FeatureMap:
        self.check(data)
        return FeatureMap(self.kind, self.hash(data), lambda samples: samples)
