"""What keeps the critic smooth.

A constraint acts at exactly one moment of the critic's step: it maps the parameters before the forward pass, adds a
term to the loss, or projects the parameters after the update. At the other two moments it does nothing.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from jaxtyping import Float
from torch import Tensor

from gan_core.fields import check_fields

Parameters = dict[str, Tensor]
State = dict[str, Tensor]
CriticValue = Callable[[Float[Tensor, "*seeds batch dim"]], Float[Tensor, "*seeds batch"]]


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
        critic: CriticValue,
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

    def penalty(self, critic: CriticValue, real: Tensor, fake: Tensor, noise: Tensor) -> None:
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
    clip_value: Annotated[float, Gt(0)] = 0.01

    def project_(self, parameters: Tensor) -> None:
        parameters.clamp_(-self.clip_value, self.clip_value)


@dataclass(frozen=True, kw_only=True)
class GradientPenalty(_MapsNothing, _ProjectsNothing):
    """Asks the critic for slope 1 on the lines between real samples and fakes.

    penalty  gp_weight * mean (norm(grad_x D(x^)) - 1)^2,   x^ = eps real + (1 - eps) fake

    eps ~ U[0, 1] is each sample's own; the norm runs over all coordinates of one sample; slopes below 1 are
    penalised like slopes above it (two-sided). The root's derivative at slope 0 is taken as 0.

    Source: Gulrajani et al. 2017, arXiv:1704.00028, eq. 3 and Algorithm 1.
    """

    kind: Literal["gradient_penalty"] = "gradient_penalty"
    location: Literal["between"] = "between"
    target: Literal[1] = 1
    sides: Literal["two"] = "two"
    gp_weight: Annotated[float, Ge(0)] = 10.0

    def noise_width(self, dim: int) -> int:
        return 1

    def penalty(
        self,
        critic: CriticValue,
        real: Float[Tensor, "*seeds batch dim"],
        fake: Float[Tensor, "*seeds batch dim"],
        noise: Float[Tensor, "*seeds batch noise"],
    ) -> Float[Tensor, "*seeds"]:
        points = torch.lerp(fake, real, noise)
        norm = slope(critic, points, differentiable=True)
        return self.gp_weight * (norm - self.target).square().mean(-1)


Constraint = Unconstrained | WeightClipping | GradientPenalty


def slope(
    critic: CriticValue, points: Float[Tensor, "*seeds batch dim"], *, differentiable: bool = False
) -> Float[Tensor, "*seeds batch"]:
    """The norm of the critic's gradient at each point; with `differentiable`, it can itself be differentiated.

    One sum over all samples gives each its own gradient, since a critic treats its samples one by one.
    """
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=differentiable)
        return torch.linalg.vector_norm(gradient, dim=-1)
