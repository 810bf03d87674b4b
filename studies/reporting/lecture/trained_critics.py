"""Critics trained against the fakes of a generator that stays as it is."""

from collections.abc import Sequence

from gan_core.constraints import AnyConstraint
from gan_core.data import Dataset
from gan_core.networks import NetworkPair
from gan_core.objectives import AnyObjective
from gan_core.training import SGD, Adam, Linear, Member, Trainer, Training

STILL = SGD(lr=1e-30)
"""Optimizer of a generator that stays as it is: no parameter in float32 changes by such a step."""
STEPS_AT_ONCE = 20
"""Critic steps in an iteration; the generator's step, which changes nothing, costs time once in each."""


def trained_critics(
    constraints: Sequence[AnyConstraint],
    *,
    objective: AnyObjective,
    networks: NetworkPair,
    data: Dataset,
    steps: int,
    lr: float = 1e-3,
    batch: int = 64,
) -> Trainer:
    """The trainer of a pack with a critic for each constraint, after `steps` critic steps.

    constraints  differ in numbers alone
    steps        a multiple of `STEPS_AT_ONCE`
    lr           learning rate of Adam at the first step; it falls linearly to 0
    """
    iterations = steps // STEPS_AT_ONCE
    training = Training(
        batch=batch,
        n_critic=STEPS_AT_ONCE,
        critic_optimizer=Adam(lr=lr, betas=(0.0, 0.9), schedule=Linear(steps=iterations)),
        generator_optimizer=STILL,
    )
    members = [
        Member(objective=objective, constraint=constraint, training=training, seed=0) for constraint in constraints
    ]
    trainer = Trainer.of_pack(members, networks=networks, data=data)
    trainer.advance(iterations)
    return trainer
