"""Stacks of strided convolutions as functions of their weights, drawn by a generator of their own."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from gan_core.data import Dataset

Weights = dict[str, Tensor]


def drawn_convolutions(channels: Sequence[int], generator: torch.Generator) -> Weights:
    """Weights of 3 x 3 convolutions between the given numbers of channels, He's normal initialisation, biases 0."""
    weights: Weights = {}
    for layer, (inputs, outputs) in enumerate(pairwise(channels)):
        normal = torch.randn(outputs, inputs, 3, 3, generator=generator, dtype=torch.float64)
        weights[f"conv_{layer}"] = (normal * (2 / (9 * inputs)) ** 0.5).float()
        weights[f"conv_bias_{layer}"] = torch.zeros(outputs)
    return weights


def drawn_linear(inputs: int, outputs: int, name: str, generator: torch.Generator) -> Weights:
    """Weights of a linear layer, He's normal initialisation, bias 0."""
    normal = torch.randn(outputs, inputs, generator=generator, dtype=torch.float64)
    return {name: (normal * (2 / inputs) ** 0.5).float(), f"{name}_bias": torch.zeros(outputs)}


def convolved(
    weights: Weights, images: Float[Tensor, "n channels height width"]
) -> list[Float[Tensor, "n outputs rows columns"]]:
    """Output of every layer: convolution with stride 2 and padding 1, then max(x, 0.1 x)."""
    outputs = [images]
    for layer in range(sum(name.startswith("conv_bias_") for name in weights)):
        convolution = functional.conv2d(
            outputs[-1], weights[f"conv_{layer}"], weights[f"conv_bias_{layer}"], stride=2, padding=1
        )
        outputs.append(functional.leaky_relu(convolution, 0.1))
    return outputs[1:]


def side_after(side: int, layers: int) -> int:
    """Height or width of an image after that many convolutions of stride 2."""
    for _ in range(layers):
        side = (side + 1) // 2
    return side


def input_scale(data: Dataset) -> tuple[float, float]:
    """Centre and scale that bring coordinates near [-1, 1]: 0 and 1 for bounded data, else mean and deviation."""
    if data.bounded:
        return 0.0, 1.0
    train = np.asarray(data.train, dtype=np.float64)
    return float(train.mean()), float(train.std()) or 1.0


def typed(weights: Weights, like: Tensor) -> Weights:
    """The weights on the device and in the floating-point type of another tensor."""
    return {name: value.to(like.device, like.dtype) for name, value in weights.items()}
