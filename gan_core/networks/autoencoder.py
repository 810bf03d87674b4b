"""Autoencoder critic: its reconstruction error is the energy."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.fields import Count, Depth, check_fields
from gan_core.networks.contracts import AutogradCritic
from gan_core.networks.dense import Output, bound, dense, dense_layers
from gan_core.shapes import CriticOutput, Parameters, SampleShape

Energy = Literal[
    "squared_error_mean", "squared_error_sum", "absolute_error_mean", "absolute_error_sum", "euclidean_norm"
]


@dataclass(frozen=True, kw_only=True)
class AutoencoderCritic(AutogradCritic):
    """Autoencoder whose reconstruction error is the energy: U(x) = error(Dec(Enc(x)) - x).

    width   units of each hidden layer of encoder and decoder
    depth   number of hidden layers of the encoder, and as many of the decoder
    code    number of coordinates of the code; the encoder's last layer has no activation
    energy  the error: mean or sum over the coordinates of the squared or the absolute error, or the Euclidean norm; the
            objective's margin is in the same unit
    output  activation of the output: `tanh`, `linear`, or `match_data`, which is tanh for data in [-1, 1], else linear

    Encoder and decoder are fully connected, with leaky ReLU (slope 0.2 below 0). On data in [-1, 1] the mean squared
    error is at most 4 with a tanh output, and unbounded with a linear one.

    Source: Zhao et al. 2017, arXiv:1609.03126, section 2.3.
    """

    kind: Literal["autoencoder"] = "autoencoder"
    width: Count = 128
    depth: Depth = 2
    code: Count = 16
    energy: Energy = "squared_error_mean"
    output: Output = "match_data"
    form = "energy"
    has_code: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_fields(self)

    def initial(self, shape: SampleShape, generator: torch.Generator) -> Parameters:
        hidden = [self.width] * self.depth
        encoder = dense_layers([shape.dim, *hidden, self.code], generator)
        decoder = dense_layers([self.code, *hidden, shape.unlabelled.dim], generator)
        return {f"encoder.{name}": value for name, value in encoder.items()} | {
            f"decoder.{name}": value for name, value in decoder.items()
        }

    def call(
        self, parameters: Parameters, samples: Float[Tensor, "seeds batch dim"], shape: SampleShape
    ) -> CriticOutput:
        code = dense(part(parameters, "encoder."), samples, "leaky_relu")
        reconstruction = bound(dense(part(parameters, "decoder."), code, "leaky_relu"), self.output, shape)
        # The target stays in the graph: detaching it would drop half of dU/dx for the generator.
        error = reconstruction - shape.without_labels(samples)
        return CriticOutput(value=energy_of(error, self.energy), samples=samples, code=code)


def part(parameters: Parameters, prefix: str) -> Parameters:
    """Parameters whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): value for name, value in parameters.items() if name.startswith(prefix)}


def energy_of(error: Float[Tensor, "seeds batch dim"], energy: Energy) -> Float[Tensor, "seeds batch"]:
    """Energy of each sample from the error of its reconstruction."""
    match energy:
        case "squared_error_mean":
            return error.square().mean(-1)
        case "squared_error_sum":
            return error.square().sum(-1)
        case "absolute_error_mean":
            return error.abs().mean(-1)
        case "absolute_error_sum":
            return error.abs().sum(-1)
        case "euclidean_norm":
            return torch.linalg.vector_norm(error, dim=-1)
