"""Convolutional generator and critic of images."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, linear, relu

from gan_core.fields import Count, check_fields
from gan_core.networks.contracts import AnyCritic, AnyGenerator, gradient_by_autograd
from gan_core.networks.convolution import (
    Canvas,
    CriticNormalisation,
    Drawing,
    GeneratorNormalisation,
    Initialisation,
    check_critic_normalisation,
    downsample,
    for_each_member,
    upsample,
)
from gan_core.networks.dense import LEAK, Output, bound
from gan_core.shapes import CriticForm, CriticOutput, Parameters, SampleShape


@dataclass(frozen=True, kw_only=True)
class ConvGenerator(AnyGenerator):
    """Convolutional generator of images, as in DCGAN: transposed 4 x 4 convolutions of stride 2 with ReLU.

    base            channels of the last hidden layer; every earlier one has twice as many as the next
    latent          coordinates of z, which is standard normal
    normalisation   of every hidden layer: `none`, `batch` (over the batch, as in DCGAN), `group` (in 8 groups of
                    channels, fewer if the channels cannot be divided by 8), or `layer` (over all channels of an image)
    initialisation  `he` keeps the mean square of the signal, `dcgan` is normal with standard deviation 0.02
    output          activation of the output: `tanh`, `linear`, or `match_data`, which is tanh for data in [-1, 1], else
                    linear

    A fully connected layer makes a grid of at most 4 x 4 points, which at least two layers double. Images whose sides
    cannot be halved that often, such as 28 x 28, are cut from the middle of the next larger grid. `batch`
    uses the mean and variance of the z that are generated together: a training batch, or a chunk of an evaluation.

    Source: Radford et al. 2016, arXiv:1511.06434, section 3.
    """

    kind: Literal["conv"] = "conv"
    base: Count = 32
    latent: Count = 64
    normalisation: GeneratorNormalisation = "batch"
    initialisation: Initialisation = "he"
    output: Output = "match_data"
    only_images: ClassVar[bool] = True
    chunk: ClassVar[int | None] = 128

    def __post_init__(self) -> None:
        check_fields(self)

    def couples_fakes(self, shape: SampleShape) -> bool:
        return self.normalisation == "batch"

    def initial(self, shape: SampleShape, generator: torch.Generator) -> Parameters:
        canvas = Canvas.around(shape)
        drawing = Drawing(self.initialisation, self.normalisation != "none", generator)
        return drawing.up(self.latent, canvas.widths(self.base)[::-1], canvas.grid)

    def generate(
        self, parameters: Parameters, z: Float[Tensor, "seeds batch latent"], shape: SampleShape
    ) -> Float[Tensor, "seeds batch dim"]:
        canvas = Canvas.around(shape)

        def of_one(member: Parameters, z: Tensor) -> Tensor:
            return canvas.cropped(upsample(member, z, canvas, self.normalisation, relu))

        return bound(for_each_member(of_one, parameters, z), self.output, shape)


@dataclass(frozen=True, kw_only=True)
class ConvCritic(AnyCritic):
    """Convolutional critic of images, as in DCGAN: 4 x 4 convolutions of stride 2 with leaky ReLU (slope 0.2 below 0).

    base            channels of the first layer; every later one has twice as many as the one before
    form            meaning of the output: `score`, high on real samples, or `energy`, low on real samples
    normalisation   of every hidden layer but the first: `none`, `group` (in 8 groups of channels, fewer if the channels
                    cannot be divided by 8), or `layer` (over all channels of an image); batch normalisation would make
                    the output for a sample depend on the rest of the batch
    initialisation  `he` keeps the mean square of the signal, `dcgan` is normal with standard deviation 0.02

    At least two layers halve the image, until its grid has at most 4 x 4 points; a fully connected layer makes the
    output from it. Images whose sides cannot be halved that often, such as 28 x 28, are padded with zeros.

    Source: Radford et al. 2016, arXiv:1511.06434, section 3.
    """

    kind: Literal["conv"] = "conv"
    base: Count = 32
    form: CriticForm = "score"
    normalisation: CriticNormalisation = "none"
    initialisation: Initialisation = "he"
    only_images: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_fields(self)
        check_critic_normalisation(self.normalisation)

    def initial(self, shape: SampleShape, generator: torch.Generator) -> Parameters:
        canvas = Canvas.around(shape)
        drawing = Drawing(self.initialisation, self.normalisation != "none", generator)
        return drawing.down(canvas.widths(self.base)) | drawing.head(canvas.features(self.base), 1)

    def call(
        self, parameters: Parameters, samples: Float[Tensor, "seeds batch dim"], shape: SampleShape
    ) -> CriticOutput:
        canvas = Canvas.around(shape)

        def of_one(member: Parameters, samples: Tensor) -> Tensor:
            features = downsample(member, canvas.padded(samples), canvas.layers, self.normalisation)
            return linear(features, member["head.weight"], member["head.bias"]).squeeze(-1)

        return CriticOutput(value=for_each_member(of_one, parameters, samples), samples=samples)

    def gradient(
        self, parameters: Parameters, samples: Float[Tensor, "seeds batch dim"], shape: SampleShape
    ) -> Float[Tensor, "seeds batch dim"]:
        """Gradient of each value with respect to its own sample; without normalisation by the chain rule.

        The network is then piecewise linear, so the slopes of its activations are treated as constants. A gradient
        penalty differentiates once, where autograd would differentiate twice.
        """
        if self.normalisation != "none":
            return gradient_by_autograd(lambda points: self.call(parameters, points, shape).value, samples)
        canvas = Canvas.around(shape)

        def of_one(member: Parameters, samples: Tensor) -> Tensor:
            slopes = _activation_slopes(member, canvas.padded(samples), canvas.layers)
            gradient = member["head.weight"].view(slopes[-1].shape[1:]) * slopes[-1]
            for layer in reversed(range(canvas.layers)):
                gradient = conv_transpose2d(gradient, member[f"{layer}.weight"], stride=2, padding=1)
                if layer > 0:
                    gradient = gradient * slopes[layer - 1]
            return canvas.cropped(gradient)

        return for_each_member(of_one, parameters, samples)


def _activation_slopes(member: Parameters, canvases: Tensor, layers: int) -> list[Tensor]:
    """Derivative of each layer's activation at its input."""
    slopes, x = [], canvases
    with torch.no_grad():
        for layer in range(layers):
            x = conv2d(x, member[f"{layer}.weight"], member[f"{layer}.bias"], stride=2, padding=1)
            slopes.append(torch.full_like(x, LEAK).masked_fill_(x > 0, 1.0))
            x = leaky_relu(x, LEAK)
    return slopes
