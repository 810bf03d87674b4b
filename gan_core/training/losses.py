"""Losses of S critics and S generators as functions of their parameters."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.constraints import AnyConstraint
from gan_core.networks import CriticAt, Networks
from gan_core.objectives import AnyObjective
from gan_core.shapes import CriticOutput, Parameters, SampleShape, State
from gan_core.training.mapping import MemberObjectives


@dataclass(frozen=True, kw_only=True)
class CriticLoss:
    """Loss of each critic, penalty included, and the critic's outputs that it was computed from.

    loss  loss of each seed's critic
    real  critic's output on the real samples
    fake  critic's output on the fakes
    """

    loss: Float[Tensor, "seeds"]
    real: CriticOutput
    fake: CriticOutput


@dataclass(frozen=True, kw_only=True)
class GeneratorLoss:
    """Loss of each generator, and the critic's outputs that it was computed from.

    loss  loss of each seed's generator
    real  critic's output on the real samples; None if none were given
    fake  critic's output on the fakes
    """

    loss: Float[Tensor, "seeds"]
    real: CriticOutput | None
    fake: CriticOutput


@dataclass(frozen=True, kw_only=True)
class Losses:
    """Losses of an objective under a constraint for one pair of networks, as functions of their parameters."""

    objective: AnyObjective | MemberObjectives
    constraint: AnyConstraint
    networks: Networks
    shape: SampleShape

    def critic_at(
        self,
        parameters: Parameters,
        constraint_state: State,
        labels: Float[Tensor, "seeds batch classes"] | None = None,
    ) -> CriticAt:
        """Critics with these parameters, after the constraint has mapped them.

        labels  one-hot labels of the batches that conditional critics rate, real and fake alike
        """
        mapped = self.constraint.map_parameters(parameters, constraint_state)
        return CriticAt(self.networks.critic, mapped, self.shape, labels)

    def generate(
        self, parameters: Parameters, z: Float[Tensor, "seeds batch latent"]
    ) -> Float[Tensor, "seeds batch dim"]:
        """Fakes of the generators with these parameters; z holds the labels of conditional ones too."""
        return self.networks.generator.generate(parameters, z, self.shape)

    def critic(
        self,
        critic: CriticAt,
        real: Float[Tensor, "seeds batch dim"],
        fake: Float[Tensor, "seeds batch dim"],
        noise: Float[Tensor, "seeds batch noise"],
        state: State,
        *,
        penalty_factor: int = 1,
    ) -> CriticLoss:
        """Loss of each critic on a batch; one call of the critic rates real samples and fakes together.

        penalty_factor  factor of the constraint's penalty; 0: it is not computed
        """
        on_real, on_fake = critic.call(torch.cat([real, fake], dim=-2)).halves()
        loss = self._one_per_seed("critic_loss", self.objective.critic_loss(on_real, on_fake, state), on_fake)
        penalty = self.constraint.penalty(critic, real, fake, noise) if penalty_factor else None
        if penalty is not None:
            loss = loss + (penalty if penalty_factor == 1 else penalty_factor * penalty)
        return CriticLoss(loss=loss, real=on_real, fake=on_fake)

    def generator(
        self,
        critic: CriticAt,
        parameters: Parameters,
        z: Float[Tensor, "seeds batch latent"],
        real: Float[Tensor, "seeds batch dim"] | None,
        state: State,
    ) -> GeneratorLoss:
        """Loss of the generators with these parameters."""
        on_fake = critic.call(self.generate(parameters, z))
        on_real = None if real is None else critic.call(real)
        loss = self._one_per_seed("generator_loss", self.objective.generator_loss(on_real, on_fake, state), on_fake)
        return GeneratorLoss(loss=loss, real=on_real, fake=on_fake)

    def _one_per_seed(self, method: str, loss: Tensor, fake: CriticOutput) -> Tensor:
        """The loss, after a check that it is reduced over the batch axis alone.

        Errors: `ValueError` if it is not.
        """
        expected = fake.value.shape[:-1]
        if loss.shape != expected:
            name = getattr(self.objective, "kind", type(self.objective).__name__)
            raise ValueError(
                f"{name}.{method} must return a loss for each seed, of the shape {tuple(expected)}, but returned the "
                f"shape {tuple(loss.shape)}"
            )
        return loss
