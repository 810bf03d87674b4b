"""Features that are the pixels of an image themselves."""

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
    covariance is near the data: use them only for images as small as 8 x 8.
    """

    kind: Literal["pixels"] = "pixels"

    def check(self, data: Dataset) -> None:
        dim = data.sample_shape.dim
        if data.of_images and dim > MOST_PIXELS:
            raise ValueError(
                f"features: must not be of kind pixels for images of more than {MOST_PIXELS} coordinates, but the data "
                f"have {dim}; random_conv has no such limit"
            )

    def map(self, data: Dataset, cache: ReferenceCache) -> FeatureMap:
        self.check(data)
        return FeatureMap(self.kind, self.hash(data), lambda samples: samples)
