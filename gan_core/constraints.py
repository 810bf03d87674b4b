"""What keeps the critic smooth.

A constraint acts at exactly one moment of the critic's step: it maps the parameters before the forward pass, adds a
term to the loss, or projects the parameters after the update. At the other two moments it does nothing.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize, relu

from gan_core.fields import NonNegative, Positive, check_fields

Parameters = dict[str, Tensor]
State = dict[str, Tensor]


@runtime_checkable
class CriticField(Protocol):
    """The critic as a function of the point, at the parameters of the coming step."""

    def value(self, points: Float[Tensor, "*seeds batch dim"]) -> Float[Tensor, "*seeds batch"]:
        """Its score or energy at each point."""

    def gradient(self, points: Float[Tensor, "*seeds batch dim"]) -> Float[Tensor, "*seeds batch dim"]:
        """Its gradient with respect to each point, which can itself be differentiated by the parameters."""


class AnyConstraint(ABC):
    """The contract of every constraint, also of a user's own."""

    kind: str

    def __post_init__(self) -> None:
        check_fields(self)

    @abstractmethod
    def initial_state(self, parameters: Parameters, generators: list[torch.Generator]) -> State:
        """What the constraint carries from critic step to critic step, a row per seed; `{}` for most."""

    @abstractmethod
    def iterate(self, parameters: Parameters, state: State) -> State:
        """The state for the coming critic step; never called by generator steps and measurements."""

    @abstractmethod
    def mapped(self, parameters: Parameters, state: State) -> Parameters:
        """The parameters that the critic is evaluated with."""

    @abstractmethod
    def noise_width(self, dim: int) -> int:
        """How many uniform random numbers the penalty needs for each sample."""

    @abstractmethod
    def penalty(
        self,
        critic: CriticField,
        real: Float[Tensor, "*seeds batch dim"],
        fake: Float[Tensor, "*seeds batch dim"],
        noise: Float[Tensor, "*seeds batch noise"],
    ) -> Float[Tensor, "*seeds"] | None:
        """The term added to the critic's loss, or None."""

    @abstractmethod
    def project_(self, parameters: Tensor) -> None:
        """Move the flat parameters, in place, back to where the constraint holds."""


class _MapsNothing(AnyConstraint):
    def initial_state(self, parameters: Parameters, generators: list[torch.Generator]) -> State:
        return {}

    def iterate(self, parameters: Parameters, state: State) -> State:
        return state

    def mapped(self, parameters: Parameters, state: State) -> Parameters:
        return parameters


class _AddsNothing(AnyConstraint):
    def noise_width(self, dim: int) -> int:
        return 0

    def penalty(self, critic: CriticField, real: Tensor, fake: Tensor, noise: Tensor) -> None:
        return None


class _ProjectsNothing(AnyConstraint):
    def project_(self, parameters: Tensor) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class Unconstrained(_MapsNothing, _AddsNothing, _ProjectsNothing):
    """No constraint: the critic may be as steep as its objective makes it."""

    kind: Literal["none"] = "none"


@dataclass(frozen=True, kw_only=True)
class WeightClipping(_MapsNothing, _AddsNothing):
    """After every critic step each critic parameter, biases included, is clamped to [-clip_value, clip_value].

    Source: Arjovsky et al. 2017, arXiv:1701.07875, Algorithm 1, line 7.
    """

    kind: Literal["weight_clipping"] = "weight_clipping"
    clip_value: Positive = 0.01

    def project_(self, parameters: Tensor) -> None:
        parameters.clamp_(-self.clip_value, self.clip_value)


Location = Literal["between", "real", "fake", "real_and_fake", "around_real"]


@dataclass(frozen=True, kw_only=True)
class GradientPenalty(_MapsNothing, _ProjectsNothing):
    """Adds to the critic's loss what its slope does wrong at some points x^.

    penalty  gp_weight * mean phi(norm(grad_x D(x^)))

    target 1   phi(t) = (t - 1)^2, or max(0, t - 1)^2 with `sides` one: only slopes above 1 are wrong
    target 0   phi(t) = t^2; taken without a root. R1's gamma is 2 gp_weight

    location
      between        x^ = eps real + (1 - eps) fake, eps ~ U[0, 1] each sample's own: WGAN-GP
      real           x^ = real: the penalty moved into the data; with target 0 it is R1
      fake           x^ = fake; with target 0 it is R2
      real_and_fake  the sum of both means, each times gp_weight: R3GAN
      around_real    x^ = real + alpha noise_scale std u, alpha ~ U[0, 1] each sample's own, u ~ U[0, 1] each
                     coordinate's, std of the whole batch: DRAGAN by its authors' notebook; with `noise` gaussian
                     x^ = real + noise_scale std n, n standard normal: as in its paper, whose scale is absolute

    The norm runs over all coordinates of one sample, and its derivative at slope 0 is taken as 0.

    Source: Gulrajani et al. 2017, arXiv:1704.00028, eq. 3; Petzka et al. 2018, arXiv:1709.08894, eq. 8 (one side);
    Mescheder et al. 2018, arXiv:1801.04406, eq. 9-10 (R1, R2); Kodali et al. 2017, arXiv:1705.07215, eq. 3 (DRAGAN).
    """

    kind: Literal["gradient_penalty"] = "gradient_penalty"
    location: Location = "between"
    target: Literal[0, 1] = 1
    sides: Literal["one", "two"] = "two"
    gp_weight: NonNegative = 10.0
    noise: Literal["uniform", "gaussian"] = "uniform"
    noise_scale: Positive = 0.5

    def __post_init__(self) -> None:
        check_fields(self)
        if self.target == 0 and self.sides == "one":
            raise ValueError('sides: must be "two" at target 0, since no slope lies below 0, but is "one"')
        if self.location != "around_real":
            for field, default in (("noise", "uniform"), ("noise_scale", 0.5)):
                if getattr(self, field) != default:
                    raise ValueError(
                        f'{field}: acts at location "around_real" alone, but location is "{self.location}"'
                    )

    def noise_width(self, dim: int) -> int:
        return {"between": 1, "around_real": dim + 1}.get(self.location, 0)

    def penalty(
        self,
        critic: CriticField,
        real: Float[Tensor, "*seeds batch dim"],
        fake: Float[Tensor, "*seeds batch dim"],
        noise: Float[Tensor, "*seeds batch noise"],
    ) -> Float[Tensor, "*seeds"]:
        match self.location:
            case "between":
                points = torch.lerp(fake, real, noise)
            case "real":
                points = real
            case "fake":
                points = fake
            case "real_and_fake":
                points = torch.cat([real, fake], dim=-2)
            case "around_real":
                points = self._perturbed(real, noise)
        wrong = self._wrong(critic.gradient(points.detach()))
        means = wrong.unflatten(-1, (-1, real.shape[-2])).mean(-1).sum(-1)  # of each of the batches in `points`
        return self.gp_weight * means

    def _perturbed(self, real: Tensor, noise: Tensor) -> Tensor:
        scale = self.noise_scale * real.std((-2, -1), correction=0, keepdim=True)
        if self.noise == "uniform":
            return real + noise[..., :1] * scale * noise[..., 1:]
        tiny = torch.finfo(noise.dtype).eps / 4  # uniform numbers may be 0, whose normal quantile is infinite
        return real + scale * torch.special.ndtri(noise[..., 1:].clamp(tiny, 1 - 2 * tiny))

    def _wrong(self, gradient: Float[Tensor, "*seeds batch dim"]) -> Float[Tensor, "*seeds batch"]:
        if self.target == 0:
            return gradient.square().sum(-1)  # no root here: its derivative is infinite at slope 0
        excess = torch.linalg.vector_norm(gradient, dim=-1) - 1
        return (relu(excess) if self.sides == "one" else excess).square()


@dataclass(frozen=True, kw_only=True)
class SpectralNorm(_AddsNothing, _ProjectsNothing):
    """Every weight of the critic is divided by its largest singular value before it is used.

    mapped  W / sigma(W),  sigma(W) = u' W v

    u and v belong to one seed and one layer. They go on by one power iteration a critic step, never in generator steps
    and measurements, and count as constants when sigma is differentiated, which itself is not constant. Before the
    game they are iterated 15 times. A kernel of a convolution is taken as the matrix (out, in * height * width);
    biases stay as they are.

    Source: Miyato et al. 2018, arXiv:1802.05957, eq. 8, 9 and Algorithm 1.
    """

    kind: Literal["spectral_norm"] = "spectral_norm"

    def initial_state(self, parameters: Parameters, generators: list[torch.Generator]) -> State:
        state: State = {}
        for name, matrix in _matrices(parameters).items():
            start = [torch.randn(matrix.shape[1], generator=generator, dtype=torch.float64) for generator in generators]
            u = normalize(torch.stack(start), dim=-1).to(matrix)
            state |= _iterated(name, matrix, u, times=15)
        return state

    def iterate(self, parameters: Parameters, state: State) -> State:
        moved: State = {}
        for name, matrix in _matrices(parameters).items():
            moved |= _iterated(name, matrix, state[f"{name}.u"], times=1)
        return moved

    def mapped(self, parameters: Parameters, state: State) -> Parameters:
        mapped = dict(parameters)
        for name, matrix in _matrices(parameters).items():
            sigma = torch.einsum("si,sij,sj->s", state[f"{name}.u"], matrix, state[f"{name}.v"])
            mapped[name] = parameters[name] / sigma.view(-1, *[1] * (parameters[name].dim() - 1))
        return mapped


def _matrices(parameters: Parameters) -> dict[str, Float[Tensor, "seeds rows columns"]]:
    """Each weight of the critic as one matrix per seed."""
    return {
        name: value.flatten(2)
        for name, value in parameters.items()
        if value.dim() >= 3 and name.rpartition(".")[2] != "bias"
    }


def _iterated(name: str, matrix: Tensor, u: Tensor, times: int) -> State:
    with torch.no_grad():
        for _ in range(times):
            v = normalize(torch.einsum("sij,si->sj", matrix, u), dim=-1)
            u = normalize(torch.einsum("sij,sj->si", matrix, v), dim=-1)
    return {f"{name}.u": u, f"{name}.v": v}


Constraint = Unconstrained | WeightClipping | GradientPenalty | SpectralNorm


def gradient_by_autograd(
    value: Callable[[Float[Tensor, "*seeds batch dim"]], Float[Tensor, "*seeds batch"]],
    points: Float[Tensor, "*seeds batch dim"],
) -> Float[Tensor, "*seeds batch dim"]:
    """The gradient of each value with respect to its own point; differentiable where gradients are enabled.

    One sum over all samples gives each its own gradient, since a critic treats its samples one by one.
    """
    differentiable = torch.is_grad_enabled()
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        return torch.autograd.grad(value(points).sum(), points, create_graph=differentiable)[0]


def slope(critic: CriticField, points: Float[Tensor, "*seeds batch dim"]) -> Float[Tensor, "*seeds batch"]:
    """The norm of the critic's gradient at each point."""
    return torch.linalg.vector_norm(critic.gradient(points), dim=-1)
