"""Fully connected generator and critic."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.fields import Count, Depth, check_fields
from gan_core.networks.contracts import AnyCritic, AnyGenerator
from gan_core.networks.dense import LEAK, Output, affine, bound, dense, dense_layers
from gan_core.shapes import CriticForm, CriticOutput, Parameters, SampleShape


@dataclass(frozen=True, kw_only=True)
class MLPGenerator(AnyGenerator):
    """Fully connected generator with ReLU.

    width   units of each hidden layer
    depth   number of hidden layers
    latent  coordinates of z, which is standard normal
    output  activation of the output: `tanh`, `linear`, or `match_data`, which is tanh for data in [-1, 1], else linear
    """

    kind: Literal["mlp"] = "mlp"
    width: Count = 128
    depth: Depth = 3
    latent: Count = 32
    output: Output = "match_data"

    def __post_init__(self) -> None:
        check_fields(self)

    def initial(self, shape: SampleShape, generator: torch.Generator) -> Parameters:
        return dense_layers([self.latent, *[self.width] * self.depth, shape.dim], generator)

    def generate(
        self, parameters: Parameters, z: Float[Tensor, "seeds batch latent"], shape: SampleShape
    ) -> Float[Tensor, "seeds batch dim"]:
        return bound(dense(parameters, z, "relu"), self.output, shape)


@dataclass(frozen=True, kw_only=True)
class MLPCritic(AnyCritic):
    """Fully connected critic with leaky ReLU (slope 0.2 below 0) and one output.

    width   units of each hidden layer
    depth   number of hidden layers
    form    meaning of the output: `score`, high on real samples, or `energy`, low on real samples
    output  activation of the output: `linear`, or `relu` as in the code of the loss-sensitive GAN's author
    """

    kind: Literal["mlp"] = "mlp"
    width: Count = 128
    depth: Depth = 3
    form: CriticForm = "score"
    output: Literal["linear", "relu"] = "linear"

    def __post_init__(self) -> None:
        check_fields(self)

    def initial(self, shape: SampleShape, generator: torch.Generator) -> Parameters:
        return dense_layers([shape.dim, *[self.width] * self.depth, 1], generator)

    def call(
        self, parameters: Parameters, samples: Float[Tensor, "seeds batch dim"], shape: SampleShape
    ) -> CriticOutput:
        value = dense(parameters, samples, "leaky_relu").squeeze(-1)
        return CriticOutput(value=value.relu() if self.output == "relu" else value, samples=samples)

    def gradient(
        self, parameters: Parameters, samples: Float[Tensor, "seeds batch dim"], shape: SampleShape
    ) -> Float[Tensor, "seeds batch dim"]:
        """Gradient of each value with respect to its own sample, by the chain rule.

        The network is piecewise linear, so the slopes of its activations are treated as constants. A gradient penalty
        then differentiates once, where autograd would differentiate twice.
        """
        slopes = self._activation_slopes(parameters, samples)
        gradient = parameters[f"{self.depth}.weight"].mT * slopes[self.depth]
        for layer in reversed(range(self.depth)):
            gradient = gradient.mul_(slopes[layer]) @ parameters[f"{layer}.weight"].mT
        return gradient

    def _activation_slopes(self, parameters: Parameters, samples: Tensor) -> list[Tensor]:
        """Derivative of each layer's activation at its input, the output layer last."""
        slopes = []
        with torch.no_grad():
            x, ones = samples, samples.new_ones((*samples.shape[:-1], self.width))
            for layer in range(self.depth):
                x = torch.baddbmm(parameters[f"{layer}.bias"], x, parameters[f"{layer}.weight"])
                # masks are slow on a processor, which guesses their branches
                slopes.append(torch.ops.aten.leaky_relu_backward(ones, x, LEAK, False))
                x.mul_(slopes[-1])
            if self.output == "linear":
                return [*slopes, torch.ones_like(x[..., :1])]
            value = affine(parameters[f"{self.depth}.weight"], parameters[f"{self.depth}.bias"], x)
            return [*slopes, (value > 0).to(x)]
