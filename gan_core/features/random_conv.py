"""Fixed random convolutional features."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Le
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from gan_core.data import Dataset
from gan_core.features.convolutions import Weights, convolved, drawn_convolutions, input_scale, typed
from gan_core.features.map import AnyFeatures, FeatureMap, hash_of_weights, images, in_blocks
from gan_core.fields import Whole
from gan_core.reference_cache import ReferenceCache

POOLED = 2
"""Number of rows and of columns to which the outputs of each layer are averaged."""


@dataclass(frozen=True, kw_only=True)
class RandomConvFeatures(AnyFeatures):
    """Outputs of three random convolutions of stride 2, averaged over the quarters of the image: 16 `width` features.

    width  channels of the first two layers; the third has twice as many
    seed   random seed of the weights

    They need no labels and no weights from elsewhere, and see blur, noise and copies. Of ten classes, one that is
    missing is hardly seen.

    Source: Naeem et al. 2020, arXiv:2002.09797, section 4.4, for random networks as features of images unlike ImageNet.
    """

    kind: Literal["random_conv"] = "random_conv"
    width: Annotated[int, Ge(4), Le(128)] = 32
    seed: Whole = 0

    def map(self, data: Dataset, cache: ReferenceCache) -> FeatureMap:
        self.check(data)
        channels = (data.shape[0], self.width, self.width, 2 * self.width)
        weights = drawn_convolutions(channels, torch.Generator().manual_seed(self.seed))
        centre, scale = input_scale(data)

        def extract(samples: Float[Tensor, "n dim"]) -> Float[Tensor, "n features"]:
            return _pooled(typed(weights, samples), (images(samples, data.shape) - centre) / scale)

        return FeatureMap(self.kind, self.hash(data), in_blocks(extract), weights=hash_of_weights(weights))


def _pooled(weights: Weights, pictures: Float[Tensor, "n channels height width"]) -> Float[Tensor, "n features"]:
    pooled = [functional.adaptive_avg_pool2d(output, POOLED) for output in convolved(weights, pictures)]
    return torch.cat([output.flatten(1) for output in pooled], 1)
