"""Health metrics of a training: losses, critic slope and gradient norms on one fixed batch."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.constraints import slope
from gan_core.metric_description import MetricDescription
from gan_core.networks import DiracPair, with_labels
from gan_core.shapes import State
from gan_core.training.draws import CriticDraw
from gan_core.training.losses import Losses
from gan_core.training.randomness import EVALUATION_SEED, stream
from gan_core.training.stacked import StackedParameters

HEALTH_BATCH = 128
"""Number of samples in the fixed batch."""
HEALTH_METRICS = (
    MetricDescription(
        name="critic_loss",
        unit="objective's",
        direction="neither",
        applies_to="all data",
        description="loss of the critic, penalty of the constraint included (with `every`: counted once, its mean over "
        "steps); not comparable between objectives",
    ),
    MetricDescription(
        name="generator_loss",
        unit="objective's",
        direction="neither",
        applies_to="all data",
        description="loss of the generator; not comparable between objectives",
    ),
    MetricDescription(
        name="critic_on_real",
        unit="critic's",
        direction="neither",
        applies_to="all data",
        description="mean score (high on real) or energy (low on real) of real samples",
    ),
    MetricDescription(
        name="critic_on_fake",
        unit="critic's",
        direction="neither",
        applies_to="all data",
        description="mean score or energy of fakes; the critic separates real from fake by the difference to "
        "`critic_on_real`",
    ),
    MetricDescription(
        name="critic_slope",
        unit="critic's / data",
        direction="neither",
        applies_to="all data",
        description="mean norm of the critic's gradient with respect to the sample, at points between real and fake",
    ),
    MetricDescription(
        name="critic_gradient_norm",
        unit="loss / parameters",
        direction="neither",
        applies_to="all data",
        description="norm of the gradient of the critic's loss with respect to its parameters",
    ),
    MetricDescription(
        name="generator_gradient_norm",
        unit="loss / parameters",
        direction="neither",
        applies_to="all data",
        description="norm of the gradient of the generator's loss with respect to its parameters; near 0 the generator "
        "does not learn",
    ),
    MetricDescription(
        name="distance_to_equilibrium",
        unit="parameters",
        direction="lower",
        applies_to="`dirac`",
        description="norm of (theta, psi), 0 at the equilibrium. Outcomes, search score and ranking use it for the "
        "Dirac pair",
    ),
)
"""Metrics of the training that do not belong to one objective."""


@dataclass(frozen=True)
class HealthBatch(CriticDraw):
    """Random numbers of the batch on which health metrics are computed, the same for every seed and every trial.

    between  weight of the real sample in the point between real and fake at which the critic's slope is computed
    """

    between: Float[Tensor, "seeds batch one"]

    @classmethod
    def draw(
        cls, *, size: int, latent: int, noise: int, real: int, for_all_seeds: Callable[[Tensor], Tensor]
    ) -> "HealthBatch":
        """Draw the random numbers of the batch.

        size           number of samples
        latent         coordinates of z
        noise          uniform numbers per sample that the constraint's penalty needs
        real           number of training samples, from which the batch's real samples are chosen
        for_all_seeds  moves a tensor to the device and repeats it along a seed axis
        """
        generator = stream(EVALUATION_SEED, "evaluation")
        return cls(
            z=for_all_seeds(torch.randn((size, latent), generator=generator)),
            index=for_all_seeds(torch.randint(real, (size,), generator=generator)),
            between=for_all_seeds(torch.rand((size, 1), generator=generator)),
            noise=for_all_seeds(torch.rand((size, noise), generator=generator)),
        )


def health_metrics(
    losses: Losses,
    batch: HealthBatch,
    real: Float[Tensor, "seeds batch dim"],
    *,
    labels: Float[Tensor, "seeds batch classes"] | None = None,
    generator: StackedParameters,
    critic: StackedParameters,
    objective_state: State,
    constraint_state: State,
) -> dict[str, Float[Tensor, "seeds"]]:
    """Losses, outputs on real and fake, gradient norms, critic slope, and the objective's own metrics.

    The Dirac pair also has its distance to the equilibrium. All others are computed on the fixed batch, so sampling
    adds no noise to the comparison of trials and steps; they can be computed before the first iteration too.
    `HEALTH_METRICS` describes each.

    labels  one-hot labels of the batch's real samples and fakes, for conditional networks
    """
    z = with_labels(batch.z, labels)
    with torch.no_grad():
        fake = losses.generate(generator.frozen, z)
    learning = losses.critic_at(critic.learning, constraint_state, labels)
    frozen = losses.critic_at(critic.frozen, constraint_state, labels)
    critic_loss = losses.critic(learning, real, fake, batch.noise, objective_state)
    generator_loss = losses.generator(frozen, generator.learning, z, real, objective_state)
    with torch.no_grad():
        critic_slope = slope(frozen, torch.lerp(fake, real, batch.between))
    return {
        "critic_loss": critic_loss.loss,
        "generator_loss": generator_loss.loss,
        "critic_on_real": critic_loss.real.value.mean(-1),
        "critic_on_fake": critic_loss.fake.value.mean(-1),
        "critic_gradient_norm": torch.linalg.vector_norm(critic.gradient(critic_loss.loss), dim=1),
        "generator_gradient_norm": torch.linalg.vector_norm(generator.gradient(generator_loss.loss), dim=1),
        "critic_slope": critic_slope.mean(-1),
        **(_distance_to_equilibrium(generator, critic) if isinstance(losses.networks, DiracPair) else {}),
        **losses.objective.metrics(critic_loss.real, critic_loss.fake, objective_state),
    }


def _distance_to_equilibrium(generator: StackedParameters, critic: StackedParameters) -> dict[str, Tensor]:
    parameters = torch.cat([generator.flat, critic.flat], dim=1)
    return {"distance_to_equilibrium": torch.linalg.vector_norm(parameters, dim=1)}
