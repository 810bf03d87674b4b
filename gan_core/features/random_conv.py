"""Fixed random convolutional features."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Le
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from gan_core.data import Dataset
from gan_core.features.convolutions import Weights, convolved, drawn_convolutions, input_scale, side_after, typed
from gan_core.features.map import AnyFeatures, FeatureMap, hash_of_weights, images, in_blocks
from gan_core.fields import Whole
from gan_core.reference_cache import ReferenceCache

POOLED = 2
"""Number of rows and of columns to which the last outputs are averaged."""
LAYERS = 4
"""Largest number of convolutions; images of fewer than 17 pixels have fewer, so that no output has one row alone."""


@dataclass(frozen=True, kw_only=True)
class RandomConvFeatures(AnyFeatures):
    """Outputs of four random convolutions of stride 2, averaged over the quarters of the image: 16 `width` features.

    width  a quarter of the channels of the last convolution; each convolution has twice as many as the one before
    seed   random seed of the weights

    They need no labels and no weights from elsewhere, and see blur, noise, shifts and copies. They hardly show that
    one of ten classes is missing. Fewer convolutions would respond to faint noise more than to anything else.

    Source: Naeem et al. 2020, arXiv:2002.09797, section 4.4, for random networks as features of images unlike ImageNet.
    """

    kind: Literal["random_conv"] = "random_conv"
    width: Annotated[int, Ge(4), Le(128)] = 32
    seed: Whole = 0

    def map(self, data: Dataset, cache: ReferenceCache) -> FeatureMap:
        self.check(data)
        weights = self._weights(data)
        centre, scale = input_scale(data)

        def extract(samples: Float[Tensor, "n dim"]) -> Float[Tensor, "n features"]:
            outputs = convolved(typed(weights, samples), (images(samples, data.shape) - centre) / scale)
            return functional.adaptive_avg_pool2d(outputs[-1], POOLED).flatten(1)

        return FeatureMap(self.kind, self.hash(data), in_blocks(extract), weights=hash_of_weights(weights))

    def _weights(self, data: Dataset) -> Weights:
        channels, height, width = data.shape
        layers = 1
        while layers < LAYERS and min(side_after(height, layers + 1), side_after(width, layers + 1)) >= POOLED:
            layers += 1
        widths = [4 * self.width // 2**step for step in reversed(range(layers))]
        return drawn_convolutions((channels, *widths), torch.Generator().manual_seed(self.seed))
