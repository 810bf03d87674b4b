"""Generators and critics, as frozen descriptions and pure functions of their parameters.

A description knows the shapes of its parameters, how one seed's are drawn, and what it computes from those of S
seeds at once: every tensor has a leading seed axis and every layer is one batched matrix product.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import leaky_relu

from gan_core.constraints import Parameters, gradient_by_autograd
from gan_core.fields import Count, check_fields
from gan_core.objectives import CriticForm, Critique

Output = Literal["match_data", "tanh", "linear"]
Activation = Literal["relu", "leaky_relu"]
LEAK = 0.2
"""The slope of the leaky ReLU below 0."""


@dataclass(frozen=True, kw_only=True)
class SampleSpace:
    """What a network must know of the data: how many coordinates a sample has, and whether they lie in [-1, 1]."""

    dim: int
    bounded: bool


class AnyGenerator(ABC):
    """The contract of every generator."""

    kind: str
    latent: int

    @abstractmethod
    def initial(self, space: SampleSpace, generator: torch.Generator) -> Parameters:
        """One seed's parameters before the first step."""

    @abstractmethod
    def generate(
        self, parameters: Parameters, z: Float[Tensor, "seeds batch latent"], space: SampleSpace
    ) -> Float[Tensor, "seeds batch dim"]:
        """The fakes that S generators make of their z."""


class AnyCritic(ABC):
    """The contract of every critic: it treats its samples one by one.

    form       whether it gives scores or energies
    has_code   whether its critique holds a code, as an autoencoder's does
    """

    kind: str
    form: CriticForm
    has_code: ClassVar[bool] = False

    @abstractmethod
    def initial(self, space: SampleSpace, generator: torch.Generator) -> Parameters:
        """One seed's parameters before the first step."""

    @abstractmethod
    def criticise(
        self, parameters: Parameters, points: Float[Tensor, "seeds batch dim"], space: SampleSpace
    ) -> Critique:
        """What S critics say about their batches."""

    @abstractmethod
    def gradient(
        self, parameters: Parameters, points: Float[Tensor, "seeds batch dim"], space: SampleSpace
    ) -> Float[Tensor, "seeds batch dim"]:
        """The gradient of each value with respect to its own point; differentiable where gradients are enabled."""


class AutogradCritic(AnyCritic):
    """A critic whose gradient is left to autograd; a penalty on it then differentiates twice."""

    def gradient(
        self, parameters: Parameters, points: Float[Tensor, "seeds batch dim"], space: SampleSpace
    ) -> Float[Tensor, "seeds batch dim"]:
        return gradient_by_autograd(lambda at: self.criticise(parameters, at, space).value, points)


class CriticAt:
    """A critic at given parameters, as a function of the point."""

    def __init__(self, critic: AnyCritic, parameters: Parameters, space: SampleSpace):
        self._critic, self._parameters, self._space = critic, parameters, space

    def criticise(self, points: Float[Tensor, "seeds batch dim"]) -> Critique:
        return self._critic.criticise(self._parameters, points, self._space)

    def value(self, points: Float[Tensor, "seeds batch dim"]) -> Float[Tensor, "seeds batch"]:
        return self.criticise(points).value

    def gradient(self, points: Float[Tensor, "seeds batch dim"]) -> Float[Tensor, "seeds batch dim"]:
        return self._critic.gradient(self._parameters, points, self._space)


@dataclass(frozen=True, kw_only=True)
class MLPGenerator(AnyGenerator):
    """Fully connected: z -> `depth` hidden layers of `width` with ReLU -> a sample.

    z is standard normal with `latent` coordinates. `output` is a tanh where the data lie in [-1, 1] ("match_data"),
    or what it says.
    """

    kind: Literal["mlp"] = "mlp"
    width: Count = 128
    depth: Count = 3
    latent: Count = 32
    output: Output = "match_data"

    def __post_init__(self) -> None:
        check_fields(self)

    def initial(self, space: SampleSpace, generator: torch.Generator) -> Parameters:
        return _dense_layers([self.latent, *[self.width] * self.depth, space.dim], generator)

    def generate(
        self, parameters: Parameters, z: Float[Tensor, "seeds batch latent"], space: SampleSpace
    ) -> Float[Tensor, "seeds batch dim"]:
        return _bound(_dense(parameters, z, "relu"), self.output, space)


@dataclass(frozen=True, kw_only=True)
class MLPCritic(AnyCritic):
    """Fully connected: a sample -> `depth` hidden layers of `width` with leaky ReLU (0.2) -> one number.

    The number is a score (`form` score, high on real samples) or an energy (low on them), linear or, as the authors of
    the loss-sensitive GAN have it, ended in a ReLU.
    """

    kind: Literal["mlp"] = "mlp"
    width: Count = 128
    depth: Count = 3
    form: CriticForm = "score"
    output: Literal["linear", "relu"] = "linear"

    def __post_init__(self) -> None:
        check_fields(self)

    def initial(self, space: SampleSpace, generator: torch.Generator) -> Parameters:
        return _dense_layers([space.dim, *[self.width] * self.depth, 1], generator)

    def criticise(
        self, parameters: Parameters, points: Float[Tensor, "seeds batch dim"], space: SampleSpace
    ) -> Critique:
        value = _dense(parameters, points, "leaky_relu").squeeze(-1)
        return Critique(value=value.relu() if self.output == "relu" else value, points=points)

    def gradient(
        self, parameters: Parameters, points: Float[Tensor, "seeds batch dim"], space: SampleSpace
    ) -> Float[Tensor, "seeds batch dim"]:
        """The chain rule written out.

        Between its kinks the network is linear, so that the slopes of the activations are constants: whoever
        differentiates this differentiates once what autograd would differentiate twice.
        """
        slopes = self._activation_slopes(parameters, points)
        gradient = parameters[f"{self.depth}.weight"].mT * slopes[self.depth]
        for layer in reversed(range(self.depth)):
            gradient = (gradient * slopes[layer]) @ parameters[f"{layer}.weight"].mT
        return gradient

    def _activation_slopes(self, parameters: Parameters, points: Tensor) -> list[Tensor]:
        """The derivative of each layer's activation at its input."""
        slopes = []
        with torch.no_grad():
            x = points
            for layer in range(self.depth):
                x = torch.baddbmm(parameters[f"{layer}.bias"], x, parameters[f"{layer}.weight"])
                slopes.append(torch.full_like(x, LEAK).masked_fill_(x > 0, 1.0))
                x = x * slopes[-1]
            if self.output == "linear":
                return [*slopes, torch.ones_like(x[..., :1])]
            value = torch.baddbmm(parameters[f"{self.depth}.bias"], x, parameters[f"{self.depth}.weight"])
            return [*slopes, (value > 0).to(x)]


Energy = Literal[
    "squared_error_mean", "squared_error_sum", "absolute_error_mean", "absolute_error_sum", "euclidean_norm"
]


@dataclass(frozen=True, kw_only=True)
class AutoencoderCritic(AutogradCritic):
    """An autoencoder whose reconstruction error is the energy: U(x) = error(Dec(Enc(x)), x).

    Encoder and decoder are fully connected with `depth` hidden layers of `width` each and a linear code of `code`
    numbers between them. `energy` says which error, and so in which unit a margin is: the mean or the sum over the
    coordinates of the squared or the absolute error, or the Euclidean norm. A mean squared error on data in [-1, 1]
    is at most 4 with a tanh output and unbounded with a linear one.

    Source: Zhao et al. 2017, arXiv:1609.03126, section 2.3.
    """

    kind: Literal["autoencoder"] = "autoencoder"
    width: Count = 128
    depth: Count = 2
    code: Count = 16
    energy: Energy = "squared_error_mean"
    output: Output = "match_data"
    form = "energy"
    has_code: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_fields(self)

    def initial(self, space: SampleSpace, generator: torch.Generator) -> Parameters:
        hidden = [self.width] * self.depth
        encoder = _dense_layers([space.dim, *hidden, self.code], generator)
        decoder = _dense_layers([self.code, *hidden, space.dim], generator)
        return {f"encoder.{name}": value for name, value in encoder.items()} | {
            f"decoder.{name}": value for name, value in decoder.items()
        }

    def criticise(
        self, parameters: Parameters, points: Float[Tensor, "seeds batch dim"], space: SampleSpace
    ) -> Critique:
        code = _dense(_part(parameters, "encoder."), points, "leaky_relu")
        copy = _bound(_dense(_part(parameters, "decoder."), code, "leaky_relu"), self.output, space)
        # The target stays in the graph: detaching it would drop half of dU/dx for the generator.
        return Critique(value=_energy(copy - points, self.energy), points=points, code=code)


@dataclass(frozen=True, kw_only=True)
class SegmentGenerator(AnyGenerator):
    """The segment {theta} x [0, 1], uniformly: z -> (theta, Phi(z)), where theta is the only parameter.

    Phi is the standard normal's distribution function, so that Phi(z) is uniform. It makes points of the plane, and
    on data `segments` it is parallel to the real segment at distance theta; the field is where theta starts.

    Source: Arjovsky, Chintala & Bottou 2017, arXiv:1701.07875, Example 1; there z is uniform itself.
    """

    kind: Literal["segment"] = "segment"
    theta: float = 1.0
    latent: Literal[1] = 1

    def __post_init__(self) -> None:
        check_fields(self)

    def initial(self, space: SampleSpace, generator: torch.Generator) -> Parameters:
        return {"theta": torch.full((1, 1), self.theta, dtype=torch.float64)}

    def generate(
        self, parameters: Parameters, z: Float[Tensor, "seeds batch latent"], space: SampleSpace
    ) -> Float[Tensor, "seeds batch dim"]:
        along = torch.special.ndtr(z)
        return torch.cat([parameters["theta"].expand_as(along), along], dim=-1)


@dataclass(frozen=True, kw_only=True)
class DiracGenerator(AnyGenerator):
    """A point mass at theta, its only parameter, whatever z is."""

    kind: Literal["dirac"] = "dirac"
    theta: float = 1.0
    latent: int = 1

    def initial(self, space: SampleSpace, generator: torch.Generator) -> Parameters:
        return {"theta": torch.full((1, 1), self.theta, dtype=torch.float64)}

    def generate(
        self, parameters: Parameters, z: Float[Tensor, "seeds batch latent"], space: SampleSpace
    ) -> Float[Tensor, "seeds batch dim"]:
        return parameters["theta"].expand(-1, z.shape[-2], -1)


@dataclass(frozen=True, kw_only=True)
class DiracCritic(AutogradCritic):
    """The linear critic psi * x without a bias."""

    kind: Literal["dirac"] = "dirac"
    psi: float = -1.0
    form = "score"

    def initial(self, space: SampleSpace, generator: torch.Generator) -> Parameters:
        return {"psi": torch.full((1, 1), self.psi, dtype=torch.float64)}

    def criticise(
        self, parameters: Parameters, points: Float[Tensor, "seeds batch dim"], space: SampleSpace
    ) -> Critique:
        return Critique(value=(points @ parameters["psi"]).squeeze(-1), points=points)


Generator = MLPGenerator | SegmentGenerator
Critic = MLPCritic | AutoencoderCritic


@dataclass(frozen=True, kw_only=True)
class NetworkPair:
    """A generator and a critic, each described on its own."""

    kind: Literal["pair"] = "pair"
    generator: Generator | AnyGenerator
    critic: Critic | AnyCritic


@dataclass(frozen=True, kw_only=True)
class DiracPair:
    """The two-parameter game of theory: real is a point mass at 0, the fake one at theta, the critic is psi * x.

    Source: Mescheder, Geiger & Nowozin 2018, arXiv:1801.04406, section 2; there psi has the opposite sign.
    """

    kind: Literal["dirac"] = "dirac"
    theta: float = 1.0
    psi: float = -1.0

    def __post_init__(self) -> None:
        check_fields(self)
        if self.theta == 0 and self.psi == 0:
            raise ValueError("theta: must differ from 0 where psi is 0, since the game would start at its equilibrium")

    @property
    def generator(self) -> DiracGenerator:
        return DiracGenerator(theta=self.theta)

    @property
    def critic(self) -> DiracCritic:
        return DiracCritic(psi=self.psi)


Networks = NetworkPair | DiracPair


def try_network(network: AnyGenerator | AnyCritic, space: SampleSpace) -> None:
    """Draw one seed's parameters and call the network on two samples.

    Errors: `ValueError` where it gives something else than one sample a z, or one value a sample; and whatever the
    network raises itself.
    """
    generator = torch.Generator().manual_seed(0)
    parameters = {name: value[None] for name, value in network.initial(space, generator).items()}
    if isinstance(network, AnyGenerator):
        z = torch.randn((1, 2, network.latent), generator=generator, dtype=torch.float64)
        found, shape = network.generate(parameters, z, space), [1, 2, space.dim]
    else:
        points = torch.randn((1, 2, space.dim), generator=generator, dtype=torch.float64)
        found, shape = network.criticise(parameters, points, space).value, [1, 2]
    if list(found.shape) != shape:
        raise ValueError(f"it must give the shape {shape} for one seed and two samples, but gives {list(found.shape)}")


def _dense_layers(widths: list[int], generator: torch.Generator) -> Parameters:
    """Weights uniform with variance 2 / inputs, 1 / inputs in the last layer; biases 0.

    The signal keeps its variance through the rectified layers, so that an untrained generator's samples differ from
    each other; torch.nn.Linear's own draw shrinks it sixfold a layer, and unconstrained games then start collapsed.

    Source: He et al. 2015, arXiv:1502.01852, eq. 10.
    """
    parameters = {}
    for layer, (inputs, outputs) in enumerate(pairwise(widths)):
        gain = 2 if layer < len(widths) - 2 else 1
        limit = (3 * gain / inputs) ** 0.5
        uniform = torch.rand((inputs, outputs), generator=generator, dtype=torch.float64)
        parameters[f"{layer}.weight"] = limit * (2 * uniform - 1)
        parameters[f"{layer}.bias"] = torch.zeros((1, outputs), dtype=torch.float64)
    return parameters


def _dense(parameters: Parameters, x: Float[Tensor, "seeds batch inputs"], activation: Activation) -> Tensor:
    layers = len(parameters) // 2
    for layer in range(layers):
        x = torch.baddbmm(parameters[f"{layer}.bias"], x, parameters[f"{layer}.weight"])
        if layer < layers - 1:
            x = x.relu() if activation == "relu" else leaky_relu(x, LEAK)
    return x


def _part(parameters: Parameters, prefix: str) -> Parameters:
    return {name.removeprefix(prefix): value for name, value in parameters.items() if name.startswith(prefix)}


def _bound(x: Tensor, output: Output, space: SampleSpace) -> Tensor:
    tanh = output == "tanh" or (output == "match_data" and space.bounded)
    return x.tanh() if tanh else x


def _energy(error: Float[Tensor, "seeds batch dim"], energy: Energy) -> Float[Tensor, "seeds batch"]:
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
