"""Convolutional layers of one network, the grids that they work on, and the loop over S networks.

Every weight has its outputs along its first axis: kernels, those of transposed convolutions too, have the shape
(outputs, inputs, height, width), weights of fully connected layers (outputs, inputs). A layer with a `gain` is
normalised, and its bias follows the normalisation; gain and bias have one number per channel.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, gcd, prod
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import batch_norm, conv2d, conv_transpose2d, group_norm, leaky_relu, linear, pad

from gan_core.networks.dense import LEAK
from gan_core.shapes import Parameters, SampleShape

Initialisation = Literal["he", "dcgan"]
CriticNormalisation = Literal["none", "group", "layer"]
GeneratorNormalisation = Literal["none", "batch", "group", "layer"]
KERNEL = 4
"""Height and width of every kernel; its stride is 2 and its padding 1, so that it halves or doubles an image."""
COARSEST = 4
"""Largest height and width of the coarsest grid, as in DCGAN."""
GROUPS = 8
"""Groups of a group normalisation; fewer if the channels cannot be divided by it."""


@dataclass(frozen=True)
class Canvas:
    """The grid around an image whose sides can be halved by every layer.

    channels  channels of the image
    image     height and width of the image
    layers    number of layers that halve, at least 2; more until the coarsest grid has at most 4 x 4 points
    grid      height and width of the coarsest grid, the image's divided by 2^layers and rounded up

    The canvas is 2^layers times the coarsest grid, and the image lies in its middle: a generator makes the canvas and
    crops it, a critic pads its image with zeros. 32 x 32 pixels are their own canvas, as are 8 x 8 and 12 x 12; the
    canvas of 28 x 28 pixels is 32 x 32.
    """

    channels: int
    image: tuple[int, int]
    layers: int
    grid: tuple[int, int]

    @classmethod
    def around(cls, shape: SampleShape) -> "Canvas":
        """The canvas of samples of this shape. Errors: `ValueError` unless they are images."""
        if not shape.of_images:
            raise ValueError(
                f"convolutions need images of the shape (channels, height, width), but a sample has the shape "
                f"{shape.shape}"
            )
        channels, height, width = shape.shape
        layers = 2
        while max(height, width) > COARSEST * 2**layers:
            layers += 1
        grid = (ceil(height / 2**layers), ceil(width / 2**layers))
        return cls(channels, (height, width), layers, grid)

    @property
    def margins(self) -> tuple[int, int, int, int]:
        """Points of the canvas left of the image, right of it, above and below; an odd one is right or below."""
        (height, width), (rows, columns) = self.image, self.grid
        wide, high = columns * 2**self.layers - width, rows * 2**self.layers - height
        return (wide // 2, wide - wide // 2, high // 2, high - high // 2)

    def widths(self, base: int) -> list[int]:
        """Channels from the image to the coarsest grid: those of the image, `base`, then twice as many per layer."""
        return [self.channels, *(base * 2**layer for layer in range(self.layers))]

    def features(self, base: int) -> int:
        """Numbers on the coarsest grid."""
        return self.widths(base)[-1] * prod(self.grid)

    def padded(self, samples: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch channels rows columns"]:
        """The samples as images, with zeros around them."""
        images = samples.unflatten(-1, (self.channels, *self.image))
        return pad(images, self.margins) if any(self.margins) else images

    def cropped(self, canvases: Float[Tensor, "batch channels rows columns"]) -> Float[Tensor, "batch dim"]:
        """The images in the middle of the canvases, flattened."""
        (height, width), (left, _, top, _) = self.image, self.margins
        return canvases[..., top : top + height, left : left + width].flatten(1)


# -- initial parameters --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawing:
    """Rule by which the initial parameters of layers are drawn.

    he     weights uniform with mean 0 and variance 2 / inputs (in a last layer 1 / inputs), gains 1. The inputs are
           those of one output: a transposed convolution of stride 2 has a quarter of its kernel's
    dcgan  weights normal with standard deviation 0.02, gains normal with mean 1 and standard deviation 0.02

    Biases are 0.

    Source: He et al. 2015, arXiv:1502.01852, eq. 10; Radford et al. 2016, arXiv:1511.06434, section 4.
    """

    initialisation: Initialisation
    normalised: bool
    generator: torch.Generator

    def down(self, widths: list[int]) -> Parameters:
        """Convolutions between these channels; the first is not normalised, as in DCGAN."""
        layers: Parameters = {}
        for layer, (inputs, outputs) in enumerate(pairwise(widths)):
            weight = self._weight((outputs, inputs, KERNEL, KERNEL), inputs * KERNEL**2)
            layers |= self._layer(str(layer), weight, outputs, self.normalised and layer > 0)
        return layers

    def up(self, latent: int, widths: list[int], grid: tuple[int, int]) -> Parameters:
        """A fully connected layer onto the coarsest grid, then transposed convolutions between these channels."""
        weight = self._weight((widths[0] * prod(grid), latent), latent)
        layers = self._layer("0", weight, widths[0], self.normalised)
        for layer, (inputs, outputs) in enumerate(pairwise(widths), start=1):
            last = layer == len(widths) - 1
            weight = self._weight((outputs, inputs, KERNEL, KERNEL), inputs * KERNEL**2 // 4, last)
            layers |= self._layer(str(layer), weight, outputs, self.normalised and not last)
        return layers

    def head(self, inputs: int, outputs: int) -> Parameters:
        """A fully connected last layer."""
        return self._layer("head", self._weight((outputs, inputs), inputs, last=True), outputs, normalised=False)

    def _weight(self, shape: tuple[int, ...], inputs: int, last: bool = False) -> Tensor:
        if self.initialisation == "dcgan":
            return 0.02 * self._normal(shape)
        limit = (3 * (1 if last else 2) / inputs) ** 0.5
        return limit * (2 * torch.rand(shape, generator=self.generator, dtype=torch.float64) - 1)

    def _layer(self, name: str, weight: Tensor, channels: int, normalised: bool) -> Parameters:
        layer = {f"{name}.weight": weight, f"{name}.bias": torch.zeros(channels, dtype=torch.float64)}
        if normalised:
            spread = 0.02 * self._normal((channels,)) if self.initialisation == "dcgan" else 0
            layer[f"{name}.gain"] = torch.ones(channels, dtype=torch.float64) + spread
        return layer

    def _normal(self, shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=self.generator, dtype=torch.float64)


def check_critic_normalisation(normalisation: str) -> None:
    """Check the normalisation of a critic. Errors: `ValueError` for one that couples the samples of a batch."""
    if normalisation not in get_args(CriticNormalisation):
        raise ValueError(
            "normalisation: must be none, group or layer in a critic, whose output for a sample must not depend on "
            f"the rest of the batch, but is {normalisation}"
        )


# -- layers of one network -----------------------------------------------------------------------------------------


def for_each_member(
    network: Callable[[Parameters, Tensor], Tensor], parameters: Parameters, inputs: Float[Tensor, "seeds batch width"]
) -> Tensor:
    """Outputs of a network for S members, one after the other.

    A member's numbers then have the same bits alone and among others. On a processor this is as fast as grouped
    convolutions or `torch.vmap`, or up to a fifth faster; on GPUs it has not been measured.
    """
    values = [value.unbind() for value in parameters.values()]  # the gradients of S slices are one stack
    members = (dict(zip(parameters, member, strict=True)) for member in zip(*values, strict=True))
    outputs = [network(own, _aligned(x)) for own, x in zip(members, inputs.unbind(), strict=True)]
    return torch.stack([_aligned(output) for output in outputs])


VECTOR = 16
"""Numbers of float32 in the widest vector register, 64 bytes, to which PyTorch aligns the start of a tensor."""


def _aligned(slice_: Tensor) -> Tensor:
    """The slice, or a copy of one that starts within a register: kernels may round it in another order than a tensor.

    Its gradient, a slice of the stack's gradient, likewise.
    """
    return slice_ if slice_.numel() % VECTOR == 0 else _Copy.apply(slice_)


class _Copy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _Copy.apply(gradient)


def downsample(
    parameters: Parameters, canvases: Tensor, layers: int, normalisation: GeneratorNormalisation
) -> Float[Tensor, "batch features"]:
    """Flattened features on the coarsest grid: convolutions of stride 2, each followed by leaky ReLU."""
    x = canvases
    for layer in range(layers):
        x = conv2d(x, parameters[f"{layer}.weight"], _bias_at_once(parameters, layer), stride=2, padding=1)
        x = leaky_relu(_normalised(parameters, layer, x, normalisation), LEAK)
    return x.flatten(1)


def upsample(
    parameters: Parameters,
    code: Float[Tensor, "batch code"],
    canvas: Canvas,
    normalisation: GeneratorNormalisation,
    activation: Callable[[Tensor], Tensor],
) -> Float[Tensor, "batch channels rows columns"]:
    """Canvases: a fully connected layer onto the coarsest grid, then transposed convolutions of stride 2.

    The activation follows every layer but the last.
    """
    x = linear(code, parameters["0.weight"]).unflatten(-1, (-1, *canvas.grid))
    if (bias := _bias_at_once(parameters, 0)) is not None:
        x = x + bias[:, None, None]
    for layer in range(1, canvas.layers + 1):
        x = activation(_normalised(parameters, layer - 1, x, normalisation))
        kernel = parameters[f"{layer}.weight"].transpose(0, 1)  # torch's has the inputs first
        x = conv_transpose2d(x, kernel, _bias_at_once(parameters, layer), stride=2, padding=1)
    return x


def _bias_at_once(parameters: Parameters, layer: int) -> Tensor | None:
    """The bias of a layer without normalisation."""
    return None if f"{layer}.gain" in parameters else parameters[f"{layer}.bias"]


def _normalised(parameters: Parameters, layer: int, x: Tensor, normalisation: GeneratorNormalisation) -> Tensor:
    gain, bias = parameters.get(f"{layer}.gain"), parameters[f"{layer}.bias"]
    if gain is None:
        return x
    if normalisation == "batch":
        return batch_norm(x, None, None, gain, bias, training=True)
    groups = gcd(GROUPS, x.shape[1]) if normalisation == "group" else 1
    return group_norm(x, groups, gain, bias)
