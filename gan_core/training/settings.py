"""Training settings: batch, update order, numbers of steps, optimizers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from gan_core.data import PARTS, Dataset
from gan_core.fields import Count, Fraction, StepsInIteration, StepsOrNone, check_fields
from gan_core.networks import AnyCritic, Networks
from gan_core.objectives import AnyObjective
from gan_core.training.optimizers import Adam, Optimizer

UpdateOrder = Literal["critic_first", "alternating", "simultaneous"]


@dataclass(frozen=True, kw_only=True)
class Training:
    """Settings of the training loop.

    One iteration is a pre-training step, or `n_critic` critic steps and one generator step.

    batch                number of real samples, and of fakes, in each step
    n_critic             critic steps per generator step
    warmup_steps         number of first generator steps with `warmup_n_critic` critic steps instead of `n_critic`
    warmup_n_critic      critic steps per generator step during the warm-up
    warmup_every         generator steps whose number is a multiple of this have `warmup_n_critic` critic steps too;
                         0: none. The authors of WGAN use warmup_steps 25, warmup_n_critic 100, warmup_every 500
    pretrain_steps       pre-training steps: critic steps on the mean energy of real samples alone, before the first
                         generator step; needs an autoencoder critic
    update_order         `critic_first`: critic steps, then the generator step. `alternating`: the generator step first.
                         `simultaneous`: the generator's gradient is computed before the critic steps, and applied after
                         them
    generator_average    decay per generator step of an exponential moving average of the generator's parameters, which
                         is evaluated too; 0: no average
    dtype                floating-point type of parameters and samples
    critic_optimizer     optimizer of the critic, with its learning rate
    generator_optimizer  optimizer of the generator, with its learning rate

    The decay of the average is at most (1 + step) / (10 + step), as in TensorFlow's ExponentialMovingAverage: the
    initial parameters lose their weight quickly.

    Errors: `ValueError` for a number outside the bounds in its annotation.

    Source: warm-up from the code of Arjovsky et al. 2017, main.py.
    """

    batch: Count = 64
    n_critic: StepsInIteration = 1
    warmup_steps: StepsOrNone = 0
    warmup_n_critic: StepsInIteration = 100
    warmup_every: StepsOrNone = 0
    pretrain_steps: StepsOrNone = 0
    update_order: UpdateOrder = "critic_first"
    generator_average: Fraction = 0.0
    dtype: Literal["float32", "float64"] = "float32"
    special_values: ClassVar[Mapping[str, float]] = {"generator_average": 0.0}
    critic_optimizer: Optimizer = Adam()
    generator_optimizer: Optimizer = Adam()

    def __post_init__(self) -> None:
        check_fields(self)

    def average_weight(self, generator_step: int) -> float:
        """Weight of the generator's new parameters in their moving average, at this generator step."""
        return 1 - min(self.generator_average, (1 + generator_step) / (10 + generator_step))

    def critic_steps_at(self, generator_step: int) -> int:
        """Critic steps in the iteration of generator step number `generator_step`, counted from 0."""
        warm = generator_step < self.warmup_steps or (self.warmup_every > 0 and generator_step % self.warmup_every == 0)
        return self.warmup_n_critic if warm else self.n_critic

    def critic_steps_before(self, generator_step: int) -> int:
        """Critic steps in the iterations of all earlier generator steps; pre-training is not counted."""
        warm = cold = min(generator_step, self.warmup_steps)
        if self.warmup_every:
            warm += math.ceil(generator_step / self.warmup_every) - math.ceil(cold / self.warmup_every)
        return warm * self.warmup_n_critic + (generator_step - warm) * self.n_critic

    def generator_steps(self, iterations: int) -> int:
        """Generator steps in the first `iterations` iterations, which begin with pre-training."""
        return max(0, iterations - self.pretrain_steps)

    def critic_steps(self, iterations: int) -> int:
        """Critic steps in the first `iterations` iterations, pre-training included."""
        return min(iterations, self.pretrain_steps) + self.critic_steps_before(self.generator_steps(iterations))


def check_compatible(objective: AnyObjective, networks: Networks, training: Training) -> None:
    """Check that objective, networks and training settings can be combined.

    Errors: `ValueError` that opens with the path of the wrong setting (`networks.critic: ...`).
    """
    critic = networks.critic
    if critic.form != objective.critic_form:
        raise ValueError(
            f"networks.critic: {_name(critic)} outputs {_OUTPUTS[critic.form]}, but objective {_name(objective)} needs "
            f"{_OUTPUTS[objective.critic_form]}; {_remedy(objective, critic)}"
        )
    if objective.reads_code and not critic.has_code:
        raise ValueError(
            f"networks.critic: must be an autoencoder, since objective {_name(objective)} needs its codes, but kind is "
            f'"{_name(critic)}"'
        )
    if objective.reads_code and training.batch == 1:
        raise ValueError("training.batch: must be >= 2, since codes are compared in pairs, but is 1")
    if training.pretrain_steps and not critic.has_code:
        raise ValueError(
            "training.pretrain_steps: must be 0 unless the critic is an autoencoder, whose energy of real samples "
            f'has a minimum, but is {training.pretrain_steps} with kind "{_name(critic)}"'
        )


def check_conditional(networks: Networks, data: Dataset) -> None:
    """Check that conditional networks fit the data's classes; any others fit all data.

    Errors: `ValueError` that opens with the path of the wrong setting (`networks.classes: ...`).
    """
    classes, known = networks.generator.label_width, data.condition_classes
    if not classes:
        return
    if known is None:
        raise ValueError(
            f"networks.classes: must be 0, since {data.name} has neither classes nor modes, but is {classes}"
        )
    if classes != len(known.names):
        of_data = f"the number of {'classes' if data.labels else 'modes'} of {data.name}"
        raise ValueError(f"networks.classes: must be 0 or {len(known.names)}, {of_data}, but is {classes}")
    if any(part not in data.labels for part in PARTS if data.labels):
        raise ValueError(f"networks.classes: must be 0, since a split of {data.name} has no labels, but is {classes}")
    if not all(known.shares):
        missing = known.names[known.shares.index(0.0)]
        raise ValueError(f"networks.classes: must be 0, since no training sample has the class {missing}")
    if networks.generator.couples_fakes(data.sample_shape):
        raise ValueError(
            "networks.generator: must not have batch normalisation with networks.classes, since fakes of one class "
            'would be normalised otherwise than those of all; use normalisation = "group" or "layer"'
        )


_OUTPUTS = {"score": "scores", "energy": "energies"}


def _name(description: AnyObjective | AnyCritic) -> str:
    """The kind, or the class name of a user's class without a kind."""
    return getattr(description, "kind", type(description).__name__)


def _remedy(objective: AnyObjective, critic: AnyCritic) -> str:
    if critic.only_on is not None:
        return "choose an objective that needs scores"
    plain, autoencoder = ("conv", "conv_autoencoder") if critic.only_images else ("mlp", "autoencoder")
    if objective.critic_form == "score":
        return f'use kind = "{plain}" with form = "score"'
    return f'use kind = "{autoencoder}", or "{plain}" with form = "energy"'
