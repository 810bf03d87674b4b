"""Convolutional autoencoder critic of images: its reconstruction error is the energy."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import leaky_relu, linear

from gan_core.fields import Count, check_fields
from gan_core.networks.autoencoder import Energy, energy_of, part
from gan_core.networks.contracts import AutogradCritic
from gan_core.networks.convolution import (
    Canvas,
    CriticNormalisation,
    Drawing,
    Initialisation,
    check_critic_normalisation,
    downsample,
    for_each_member,
    upsample,
)
from gan_core.networks.dense import LEAK, Output, bound
from gan_core.shapes import CriticOutput, Parameters, SampleShape


@dataclass(frozen=True, kw_only=True)
class ConvAutoencoderCritic(AutogradCritic):
    """Convolutional autoencoder of images whose reconstruction error is the energy: U(x) = error(Dec(Enc(x)) - x).

    base            channels of the encoder's first layer and of the decoder's last hidden layer
    code            number of coordinates of the code; the encoder's last layer has no activation
    energy          the error: mean or sum over the coordinates of the squared or the absolute error, or the Euclidean
                    norm; the objective's margin is in the same unit
    normalisation   `none`, `group` or `layer`, as in the critic `conv`
    initialisation  `he` keeps the mean square of the signal, `dcgan` is normal with standard deviation 0.02
    output          activation of the output: `tanh`, `linear`, or `match_data`, which is tanh for data in [-1, 1], else
                    linear

    The encoder has the layers of the critic `conv`, the decoder those of the generator `conv`, both with leaky ReLU
    (slope 0.2 below 0). On data in [-1, 1] the mean squared error is at most 4 with a tanh output, and unbounded with
    a linear one.

    Source: Zhao et al. 2017, arXiv:1609.03126, section 2.3; layers from Radford et al. 2016, arXiv:1511.06434.
    """

    kind: Literal["conv_autoencoder"] = "conv_autoencoder"
    base: Count = 32
    code: Count = 16
    energy: Energy = "squared_error_mean"
    normalisation: CriticNormalisation = "none"
    initialisation: Initialisation = "he"
    output: Output = "match_data"
    form = "energy"
    has_code: ClassVar[bool] = True
    only_images: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_fields(self)
        check_critic_normalisation(self.normalisation)

    def initial(self, shape: SampleShape, generator: torch.Generator) -> Parameters:
        canvas = Canvas.around(shape)
        drawing, widths = (
            Drawing(self.initialisation, self.normalisation != "none", generator),
            canvas.widths(self.base),
        )
        encoder = drawing.down(widths) | drawing.head(canvas.features(self.base), self.code)
        decoder = drawing.up(self.code, Canvas.around(shape.unlabelled).widths(self.base)[::-1], canvas.grid)
        return {f"encoder.{name}": value for name, value in encoder.items()} | {
            f"decoder.{name}": value for name, value in decoder.items()
        }

    def call(
        self, parameters: Parameters, samples: Float[Tensor, "seeds batch dim"], shape: SampleShape
    ) -> CriticOutput:
        canvas, decoded_canvas = Canvas.around(shape), Canvas.around(shape.unlabelled)

        def encode(encoder: Parameters, samples: Tensor) -> Tensor:
            features = downsample(encoder, canvas.padded(samples), canvas.layers, self.normalisation)
            return linear(features, encoder["head.weight"], encoder["head.bias"])

        def decode(decoder: Parameters, code: Tensor) -> Tensor:
            activation = partial(leaky_relu, negative_slope=LEAK)
            return decoded_canvas.cropped(upsample(decoder, code, decoded_canvas, self.normalisation, activation))

        code = for_each_member(encode, part(parameters, "encoder."), samples)
        decoded = for_each_member(decode, part(parameters, "decoder."), code)
        # The target stays in the graph: detaching it would drop half of dU/dx for the generator.
        error = bound(decoded, self.output, shape) - shape.without_labels(samples)
        return CriticOutput(value=energy_of(error, self.energy), samples=samples, code=code)
