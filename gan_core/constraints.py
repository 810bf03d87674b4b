"""Constraints on the critic: weight clipping, gradient penalties, spectral normalisation.

A constraint acts at one of three points of a critic step, or at none: it maps the parameters before the forward pass,
adds a penalty to the loss, or projects the parameters after the update.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize, relu

from gan_core.fields import Count, NonNegative, Positive, check_fields
from gan_core.shapes import Parameters, State


@runtime_checkable
class CriticField(Protocol):
    """A critic at fixed parameters, as a function of its input."""

    def value(self, points: Float[Tensor, "*seeds batch dim"]) -> Float[Tensor, "*seeds batch"]:
        """Score or energy at each point."""

    def gradient(self, points: Float[Tensor, "*seeds batch dim"]) -> Float[Tensor, "*seeds batch dim"]:
        """Gradient of the value with respect to each point, differentiable with respect to the parameters."""


class AnyConstraint(ABC):
    """Abstract base class of every constraint, also of those that users write.

    special_values  values of hyperparameters at which the mathematics takes another branch, by name; see `AnyObjective`
    every           the penalty is computed at every `every`-th critic step
    """

    kind: str
    every: int = 1
    special_values: ClassVar[Mapping[str, float]] = {}

    def __post_init__(self) -> None:
        check_fields(self)

    @abstractmethod
    def initial_state(self, parameters: Parameters, generators: list[torch.Generator]) -> State:
        """State before the first critic step, each tensor with a leading seed axis; `{}` for a stateless constraint.

        `generators` holds one random number generator per seed.
        """

    @abstractmethod
    def next_state(self, parameters: Parameters, state: State) -> State:
        """State for the next critic step.

        Called once before each critic step (pre-training included), not before generator steps or evaluations.
        """

    @abstractmethod
    def map_parameters(self, parameters: Parameters, state: State) -> Parameters:
        """Parameters that the critic's forward pass uses in place of `parameters`."""

    @abstractmethod
    def noise_width(self, dim: int) -> int:
        """Number of uniform random numbers per sample that `points` needs, for samples of `dim` coordinates."""

    @abstractmethod
    def points(
        self,
        real: Float[Tensor, "*seeds batch dim"],
        fake: Float[Tensor, "*seeds batch dim"],
        noise: Float[Tensor, "*seeds batch noise"],
    ) -> Float[Tensor, "*seeds points dim"] | None:
        """Points at which the critic's gradient is penalised, None if the constraint has no penalty.

        `noise` is uniform on [0, 1), with `noise_width(dim)` numbers per sample.
        """

    @abstractmethod
    def cost(self, gradient: Float[Tensor, "*seeds points dim"]) -> Float[Tensor, "*seeds"]:
        """Term that is added to the critic's loss, from the critic's gradients at `points`."""

    def penalty(
        self,
        critic: CriticField,
        real: Float[Tensor, "*seeds batch dim"],
        fake: Float[Tensor, "*seeds batch dim"],
        noise: Float[Tensor, "*seeds batch noise"],
    ) -> Float[Tensor, "*seeds"] | None:
        """`cost` of the critic's gradients at `points`, None if the constraint has no penalty."""
        points = self.points(real, fake, noise)
        return None if points is None else self.cost(critic.gradient(points.detach()))

    def penalty_factor(self, critic_step: int) -> int:
        """Factor of the penalty in the critic's loss: `every` at the critic steps 0, every, 2 every, ..., else 0."""
        return 0 if critic_step % self.every else self.every

    @abstractmethod
    def project_(self, parameters: Tensor) -> None:
        """Project the flat parameters, in place, onto the set where the constraint holds."""


class _NoMap(AnyConstraint):
    def initial_state(self, parameters: Parameters, generators: list[torch.Generator]) -> State:
        return {}

    def next_state(self, parameters: Parameters, state: State) -> State:
        return state

    def map_parameters(self, parameters: Parameters, state: State) -> Parameters:
        return parameters


class _NoPenalty(AnyConstraint):
    def noise_width(self, dim: int) -> int:
        return 0

    def points(self, real: Tensor, fake: Tensor, noise: Tensor) -> None:
        return None

    def cost(self, gradient: Float[Tensor, "*seeds points dim"]) -> Float[Tensor, "*seeds"]:
        return gradient.new_zeros(gradient.shape[:-2])


class _NoProjection(AnyConstraint):
    def project_(self, parameters: Tensor) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class Unconstrained(_NoMap, _NoPenalty, _NoProjection):
    """No constraint: the slope of the critic is not limited."""

    kind: Literal["none"] = "none"


@dataclass(frozen=True, kw_only=True)
class WeightClipping(_NoMap, _NoPenalty):
    """Weight clipping: after each critic step every parameter of the critic, biases and gains included, is clamped.

    projection  w <- clip(w, -clip_value, clip_value)

    clip_value  largest absolute value of a parameter, in the unit of the parameters

    Source: Arjovsky et al. 2017, arXiv:1701.07875, Algorithm 1, line 7.
    """

    kind: Literal["weight_clipping"] = "weight_clipping"
    clip_value: Positive = 0.01

    def project_(self, parameters: Tensor) -> None:
        # not `clamp_`, which torch cannot map over a pack's members
        parameters.copy_(parameters.clamp(-self.clip_value, self.clip_value))


Location = Literal["between", "real", "fake", "real_and_fake", "around_real"]


@dataclass(frozen=True, kw_only=True)
class GradientPenalty(_NoMap, _NoProjection):
    """Gradient penalty: a term in the critic's loss for slopes that differ from a target at some points x^.

    penalty  gp_weight * mean phi(norm(grad_x D(x^)))

    target 1  phi(t) = (t - 1)^2 if `sides` is `two`, max(0, t - 1)^2 if it is `one`
    target 0  phi(t) = t^2, computed without a root. R1's gamma is 2 gp_weight

    between        x^ = eps real + (1 - eps) fake, eps ~ U[0, 1] for each sample: WGAN-GP
    real           x^ = real; with target 0: R1
    fake           x^ = fake; with target 0: R2
    real_and_fake  the sum of both means, each times gp_weight; with target 0: R3GAN
    around_real    x^ = real + alpha noise_scale std u, alpha ~ U[0, 1] for each sample, u ~ U[0, 1] for each
                   coordinate, std over all coordinates of the batch: DRAGAN as in its authors' notebook. If `noise`
                   is `gaussian`: x^ = real + noise_scale std n, n standard normal; the paper has no factor std

    location     where the slope is penalised: `between` real samples and fakes, at `real` samples, at `fake` samples,
                 at `real_and_fake` samples, or `around_real` samples
    target       slope at which the penalty is 0, in units of the critic's output per unit of the data
    sides        `two`: slopes on both sides of the target are penalised; `one`: only slopes above it, for target 1
    gp_weight    weight of the penalty in the critic's loss
    noise        distribution of the perturbation at location `around_real`
    noise_scale  size of the perturbation at location `around_real`, in standard deviations of the real batch
    every        the penalty is computed at every `every`-th critic step and counts `every` times there (lazy
                 regularisation), pre-training not counted

    With `every` = k the critic's loss holds k times the penalty at the critic steps 0, k, 2 k, ... and no penalty at
    the others, so that its mean over k steps keeps the weight gp_weight. Karras et al. compute the penalty in an
    optimizer step of its own, k + 1 steps in place of k, and for that replace Adam's lr by c lr and its betas by
    betas^c, c = k / (k + 1). Here the penalty is part of a critic step, k steps stay k steps, and lr and betas stay as
    they are.

    The norm is over all coordinates of one sample. Its derivative at slope 0 is taken as 0.

    Source: Gulrajani et al. 2017, arXiv:1704.00028, eq. 3; Petzka et al. 2018, arXiv:1709.08894, eq. 8 (one side);
    Mescheder et al. 2018, arXiv:1801.04406, eq. 9-10 (R1, R2); Kodali et al. 2017, arXiv:1705.07215, eq. 3 (DRAGAN);
    Karras et al. 2020, arXiv:1912.04958, appendix B (`every`).
    """

    kind: Literal["gradient_penalty"] = "gradient_penalty"
    location: Location = "between"
    target: Literal[0, 1] = 1
    sides: Literal["one", "two"] = "two"
    gp_weight: NonNegative = 10.0
    noise: Literal["uniform", "gaussian"] = "uniform"
    noise_scale: Positive = 0.5
    every: Count = 1

    def __post_init__(self) -> None:
        check_fields(self)
        if self.target == 0 and self.sides == "one":
            raise ValueError('sides: must be "two" at target 0, since no slope lies below 0, but is "one"')
        if self.location != "around_real":
            if self.noise != "uniform":
                raise ValueError(f'noise: must be "uniform" unless location is "around_real", but is "{self.noise}"')
            if self.noise_scale != 0.5:
                raise ValueError(
                    f'noise_scale: must be 0.5 unless location is "around_real", but is {self.noise_scale}'
                )

    def noise_width(self, dim: int) -> int:
        return {"between": 1, "around_real": dim + 1}.get(self.location, 0)

    def points(
        self,
        real: Float[Tensor, "*seeds batch dim"],
        fake: Float[Tensor, "*seeds batch dim"],
        noise: Float[Tensor, "*seeds batch noise"],
    ) -> Float[Tensor, "*seeds points dim"]:
        match self.location:
            case "between":
                return torch.lerp(fake, real, noise)
            case "real":
                return real
            case "fake":
                return fake
            case "real_and_fake":
                return torch.cat([real, fake], dim=-2)
            case "around_real":
                return self._perturbed(real, noise)

    def cost(self, gradient: Float[Tensor, "*seeds points dim"]) -> Float[Tensor, "*seeds"]:
        batches = 2 if self.location == "real_and_fake" else 1
        return self.gp_weight * self._phi(gradient).unflatten(-1, (batches, -1)).mean(-1).sum(-1)

    def _perturbed(self, real: Tensor, noise: Tensor) -> Tensor:
        scale = self.noise_scale * real.std((-2, -1), correction=0, keepdim=True)
        if self.noise == "uniform":
            return real + noise[..., :1] * scale * noise[..., 1:]
        tiny = torch.finfo(noise.dtype).eps / 4  # a uniform number may be 0, whose normal quantile is infinite
        return real + scale * torch.special.ndtri(noise[..., 1:].clamp(tiny, 1 - 2 * tiny))

    def _phi(self, gradient: Float[Tensor, "*seeds batch dim"]) -> Float[Tensor, "*seeds batch"]:
        if self.target == 0:
            return gradient.square().sum(-1)  # no root here: its derivative is infinite at slope 0
        excess = torch.linalg.vector_norm(gradient, dim=-1) - 1
        return (relu(excess) if self.sides == "one" else excess).square()


@dataclass(frozen=True, kw_only=True)
class SpectralNorm(_NoPenalty, _NoProjection):
    """Spectral normalisation: every weight matrix of the critic is divided by its largest singular value at each use.

    mapped  W / sigma(W),  sigma(W) = u' W v

    Each seed and layer has its own u and v. They are updated by one power iteration per critic step, not in generator
    steps or evaluations, and by 15 before the first step. Gradients flow through sigma, with u and v as constants. A
    convolution's kernel (out, in, height, width), that of a transposed one too, is read as the matrix
    (out, in * height * width). Biases and the gains of normalisations are not changed.

    Source: Miyato et al. 2018, arXiv:1802.05957, eq. 8, 9 and Algorithm 1.
    """

    kind: Literal["spectral_norm"] = "spectral_norm"

    def initial_state(self, parameters: Parameters, generators: list[torch.Generator]) -> State:
        state: State = {}
        for name, matrix in _matrices(parameters).items():
            draws = [torch.randn(matrix.shape[1], generator=generator, dtype=torch.float64) for generator in generators]
            u = normalize(torch.stack(draws), dim=-1).to(matrix)
            state |= _power_iterations(name, matrix, u, count=15, one_by_one=_convolutional(parameters))
        return state

    def next_state(self, parameters: Parameters, state: State) -> State:
        updated: State = {}
        for name, matrix in _matrices(parameters).items():
            u, one_by_one = state[f"{name}.u"], _convolutional(parameters)
            updated |= _power_iterations(name, matrix, u, count=1, one_by_one=one_by_one)
        return updated

    def map_parameters(self, parameters: Parameters, state: State) -> Parameters:
        mapped = dict(parameters)
        for name, matrix in _matrices(parameters).items():
            u, v = state[f"{name}.u"], state[f"{name}.v"]
            sigma = _product("si,sij,sj->s", u, matrix, v, one_by_one=_convolutional(parameters))
            mapped[name] = parameters[name] / sigma.view(-1, *[1] * (parameters[name].dim() - 1))
        return mapped


def _matrices(parameters: Parameters) -> dict[str, Float[Tensor, "seeds rows columns"]]:
    """Each weight of the critic as one matrix per seed, by name; biases and gains are no matrices."""
    return {
        name: value.flatten(2)
        for name, value in parameters.items()
        if value.dim() >= 3 and name.rpartition(".")[2] not in ("bias", "gain")
    }


def _convolutional(parameters: Parameters) -> bool:
    """True for a critic with convolutions, whose members are computed one after the other, as in its layers."""
    return any(value.dim() == 5 for value in parameters.values())


def _power_iterations(name: str, matrix: Tensor, u: Tensor, count: int, one_by_one: bool) -> State:
    with torch.no_grad():
        for _ in range(count):
            v = normalize(_product("sij,si->sj", matrix, u, one_by_one=one_by_one), dim=-1)
            u = normalize(_product("sij,sj->si", matrix, v, one_by_one=one_by_one), dim=-1)
    return {f"{name}.u": u, f"{name}.v": v}


def _product(equation: str, *operands: Tensor, one_by_one: bool) -> Tensor:
    """`torch.einsum`, for one member after the other if `one_by_one`: its bits are then those of the member alone."""
    if not one_by_one:
        return torch.einsum(equation, *operands)
    members = zip(*(operand.split(1) for operand in operands), strict=True)
    return torch.cat([torch.einsum(equation, *member) for member in members])


Constraint = Unconstrained | WeightClipping | GradientPenalty | SpectralNorm
"""Every constraint in this library; study files, tests and documentation derive their lists from this union."""


def slope(critic: CriticField, points: Float[Tensor, "*seeds batch dim"]) -> Float[Tensor, "*seeds batch"]:
    """Norm of the critic's gradient with respect to the sample, at each point."""
    return torch.linalg.vector_norm(critic.gradient(points), dim=-1)
