"""Optimizers and schedules: by hand, against torch's own and seed by seed; factors of the learning rate."""

from dataclasses import FrozenInstanceError, fields
from math import sqrt
from typing import get_args

import pytest
import torch
from small_gans import kind_of
from torch.testing import assert_close

from gan_core.constraints import Unconstrained
from gan_core.data import Dirac
from gan_core.networks import DiracPair
from gan_core.objectives import Wasserstein
from gan_core.training import (
    SGD,
    Adam,
    Constant,
    Cosine,
    Halving,
    Linear,
    Optimizer,
    RMSProp,
    Schedule,
    Trainer,
    Training,
)
from gan_core.training.member_optimizers import MemberOptimizers

pytestmark = pytest.mark.shapes

OPTIMIZERS = [kind() for kind in get_args(Optimizer)]
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=kind_of)


def stepped(optimizer, gradients, start):
    """The parameters after one step along each gradient."""
    parameters, optimizers = start.clone(), MemberOptimizers((optimizer,) * len(start))
    built = optimizers.build(parameters)
    for step, gradient in enumerate(gradients):
        built.step(gradient, optimizers.learning_rate(step))
    return parameters


def normal(*shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@every_optimizer
def test_a_seed_alone_takes_the_same_steps_as_among_others(optimizer):
    start, gradients = normal(3, 40, seed=0), normal(5, 3, 40, seed=1)
    together = stepped(optimizer, gradients, start)
    alone = stepped(optimizer, gradients[:, 1:2], start[1:2])
    assert_close(together[1:2], alone, rtol=1e-13, atol=0)


@every_optimizer
def test_nan_in_the_gradient_of_one_seed_does_not_reach_the_others(optimizer):
    start, gradients = normal(3, 40, seed=0), normal(5, 3, 40, seed=1)
    poisoned = gradients.clone()
    poisoned[2, 1] = torch.nan
    expected, actual = stepped(optimizer, gradients, start), stepped(optimizer, poisoned, start)
    assert torch.equal(expected[[0, 2]], actual[[0, 2]])
    assert actual[1].isnan().all()


@every_optimizer
def test_steps_go_against_the_gradient(optimizer):
    start, gradient = normal(2, 40, seed=0), normal(2, 40, seed=1)
    assert ((stepped(optimizer, [gradient], start) - start) * gradient < 0).all()


@every_optimizer
def test_optimizers_are_frozen(optimizer):
    with pytest.raises(FrozenInstanceError):
        optimizer.lr = 1.0


@every_optimizer
@pytest.mark.parametrize("lr", [0.0, -1e-3])
def test_learning_rate_must_be_positive(optimizer, lr):
    with pytest.raises(ValueError, match=f"^lr: must be > 0, but is {lr}$"):
        type(optimizer)(lr=lr)


def test_kinds_of_optimizers_are_unique():
    assert len({optimizer.kind for optimizer in OPTIMIZERS}) == len(OPTIMIZERS)


def test_a_step_of_sgd_is_lr_times_the_gradient():
    start, gradients = normal(2, 4, seed=0), normal(3, 2, 4, seed=1)
    assert_close(stepped(SGD(lr=0.3), gradients, start), start - 0.3 * gradients.sum(0), rtol=1e-14, atol=1e-15)


def test_momentum_adds_the_previous_gradients():
    start, gradients = normal(2, 4, seed=0), normal(2, 2, 4, seed=1)
    expected = start - 0.3 * gradients[0] - 0.3 * (0.9 * gradients[0] + gradients[1])
    assert_close(stepped(SGD(lr=0.3, momentum=0.9), gradients, start), expected, rtol=1e-14, atol=1e-15)


def test_two_steps_of_adam_follow_its_formula():
    start, (first, second) = normal(2, 4, seed=0), normal(2, 2, 4, seed=1)
    lr, (beta1, beta2), eps = 0.3, (0.5, 0.75), 1e-3
    expected = start - lr * first / (first.abs() + eps)
    mean = (beta1 * (1 - beta1) * first + (1 - beta1) * second) / (1 - beta1**2)
    square = (beta2 * (1 - beta2) * first**2 + (1 - beta2) * second**2) / (1 - beta2**2)
    expected -= lr * mean / (square.sqrt() + eps)
    actual = stepped(Adam(lr=lr, betas=(beta1, beta2), eps=eps), [first, second], start)
    assert_close(actual, expected, rtol=1e-12, atol=1e-14)


def test_first_step_of_rmsprop_is_the_sign_of_the_gradient_times_a_constant():
    start, gradient = normal(2, 4, seed=0), normal(2, 4, seed=1)
    step = stepped(RMSProp(lr=0.3, alpha=0.75, eps=1e-12), [gradient], start) - start
    assert_close(step, -0.3 / sqrt(0.25) * gradient.sign(), rtol=1e-9, atol=0)


def test_defaults_are_those_of_the_authors():
    assert (Adam().lr, Adam().betas) == (2e-4, (0.5, 0.999))  # DCGAN
    assert (RMSProp().lr, RMSProp().alpha) == (5e-5, 0.99)  # WGAN
    assert SGD().momentum == 0


@pytest.mark.parametrize("betas", [(1.0, 0.9), (0.5, 1.0), (-0.1, 0.9), (0.5, float("nan"))])
def test_betas_must_lie_in_the_half_open_unit_interval(betas):
    with pytest.raises(ValueError, match=r"^betas: must lie in \[0, 1\), but one is "):
        Adam(betas=betas)


@pytest.mark.parametrize(("field", "value"), [("alpha", 0.0), ("alpha", 1.0), ("eps", 0.0)])
def test_rmsprops_smoothing_must_lie_between_zero_and_one(field, value):
    with pytest.raises(ValueError, match=f"^{field}: must be [<>] [01], but is {value}$"):
        RMSProp(**{field: value})


def test_momentum_must_be_below_one():
    with pytest.raises(ValueError, match=r"^momentum: must be < 1, but is 1.0$"):
        SGD(momentum=1.0)


# --- schedules


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        (Constant(), {0: 1, 1: 1, 10**6: 1}),
        (Linear(steps=10), {0: 1, 1: 0.9, 5: 0.5, 9: 0.1, 10: 0, 11: 0, 1000: 0}),
        (Linear(steps=8, start=4, final=0.25), {0: 1, 3: 1, 4: 1, 6: 0.8125, 8: 0.625, 12: 0.25, 13: 0.25, 99: 0.25}),
        (Linear(steps=4, final=3.0), {0: 1, 2: 2, 4: 3, 5: 3}),  # up
        (Cosine(steps=10), {0: 1, 5: 0.5, 10: 0, 11: 0, 1000: 0}),
        (Cosine(steps=6, start=2, final=0.2), {0: 1, 2: 1, 4: 0.8, 5: 0.6, 6: 0.4, 8: 0.2, 9: 0.2}),
        (Halving(every=3), {0: 1, 2: 1, 3: 0.5, 5: 0.5, 6: 0.25, 30: 2**-10}),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_schedules_have_their_factor_at_the_start_in_the_middle_at_the_end_and_after(schedule, factors):
    for step, factor in factors.items():
        assert schedule.factor(step) == pytest.approx(factor, abs=1e-15), step


def test_every_schedule_starts_at_one():
    for kind in get_args(Schedule):
        required = {"steps": 7, "every": 7}
        schedule = kind(**{field.name: required[field.name] for field in fields(kind) if field.name in required})
        assert schedule.factor(0) == 1


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (Linear, {"steps": 0}, "steps: must be >= 1, but is 0"),
        (Cosine, {"steps": 5, "start": -1}, "start: must be >= 0, but is -1"),
        (Linear, {"steps": 5, "final": -0.5}, "final: must be >= 0, but is -0.5"),
        (Halving, {"every": 0}, "every: must be >= 1, but is 0"),
    ],
)
def test_schedules_out_of_bounds_raise_an_error(kind, settings, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        kind(**settings)


def dirac_trainer(critic_optimizer, generator_optimizer, n_critic=2):
    """Wasserstein on the Dirac pair."""
    return Trainer(
        objective=Wasserstein(),
        constraint=Unconstrained(),
        networks=DiracPair(),
        training=Training(
            batch=1,
            n_critic=n_critic,
            critic_optimizer=critic_optimizer,
            generator_optimizer=generator_optimizer,
            dtype="float64",
        ),
        data=Dirac().load(),
        seeds=[0],
    )


def test_learning_rates_follow_the_number_of_generator_steps_also_across_a_resume():
    """For both networks: psi -= lr theta twice, then theta += lr psi."""
    critic_optimizer = SGD(lr=0.1, schedule=Halving(every=3))
    generator_optimizer = SGD(lr=0.3, schedule=Linear(steps=5, final=0.1))
    trainer = dirac_trainer(critic_optimizer, generator_optimizer)
    theta, psi = 1.0, -1.0
    for generator_step in range(9):
        trainer.advance(1)
        psi -= 2 * 0.1 * 0.5 ** (generator_step // 3) * theta
        theta += 0.3 * max(0.1, 1 - 0.9 * generator_step / 5) * psi
        actual = trainer.generator.flat.item(), trainer.critic.flat.item()
        assert actual == pytest.approx((theta, psi), rel=1e-13), generator_step
        state, trainer = trainer.state(), dirac_trainer(critic_optimizer, generator_optimizer)
        trainer.load(state)


def test_a_learning_rate_of_zero_leaves_the_parameters_unchanged():
    trainer = dirac_trainer(SGD(lr=0.1), Adam(lr=0.1, schedule=Cosine(steps=4)))
    trainer.advance(4)
    theta, psi = trainer.generator.flat.clone(), trainer.critic.flat.clone()
    trainer.advance(3)
    assert torch.equal(trainer.generator.flat, theta)
    assert not torch.equal(trainer.critic.flat, psi)
