"""Gradient penalties at every k-th critic step, against a plain loop over one GAN with torch's own optimizer."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from small_gans import PENALTIES, blob, kind_of, small_networks
from torch import Tensor
from torch.nn.functional import leaky_relu, softplus
from torch.testing import assert_close

from gan_core.citations import papers
from gan_core.constraints import GradientPenalty, SpectralNorm, Unconstrained, WeightClipping
from gan_core.objectives import EnergyMargin, NonSaturating
from gan_core.training import Adam, Member, RMSProp, Trainer, Training, structure

pytestmark = pytest.mark.shapes

DOUBLE: dict[str, Any] = {"batch": 8, "dtype": "float64"}
R1 = GradientPenalty(location="real", target=0, gp_weight=0.7)
WGAN_GP = GradientPenalty(location="between", target=1, gp_weight=3.0)


def trainer_of(constraint, objective=NonSaturating(), **training):  # noqa: B008
    return Trainer(
        objective=objective,
        constraint=constraint,
        networks=small_networks(objective.critic_form),
        training=Training(**DOUBLE | training),
        data=blob(),
        seeds=[5],
    )


class PlainLoop:
    """A non-saturating GAN with a lazy penalty in plain PyTorch, with the random numbers of a trainer."""

    def __init__(self, trainer, every, penalty):
        self.trainer, self.every, self.penalty = trainer, every, penalty
        self.data = torch.from_numpy(blob().train).double()
        self.generator, self.critic = (
            {name: value[0].clone().requires_grad_() for name, value in stacked.frozen.items()}
            for stacked in (trainer.generator, trainer.critic)
        )
        of = trainer.training
        self.of_generator, self.of_critic = (
            torch.optim.Adam(parameters.values(), lr=optimizer.lr, betas=optimizer.betas, eps=optimizer.eps)
            for parameters, optimizer in (
                (self.generator, of.generator_optimizer),
                (self.critic, of.critic_optimizer),
            )
        )
        self.critic_steps = 0

    def advance(self, iterations, n_critic):
        for step in range(iterations):
            for _ in range(n_critic):
                self.critic_step()
            fake = network(self.generator, self.trainer._draws.generator(step).z[0], torch.relu)
            descend(self.of_generator, softplus(-self.score(fake)).mean())

    def critic_step(self):
        draw = self.trainer._draws.critic(self.critic_steps)
        real, fake = self.data[draw.index[0]], network(self.generator, draw.z[0], torch.relu).detach()
        loss = softplus(-self.score(real)).mean() + softplus(self.score(fake)).mean()
        if self.critic_steps % self.every == 0:
            loss = loss + self.every * self.penalty(self.score, real, fake, draw.noise[0])
        descend(self.of_critic, loss)
        self.critic_steps += 1

    def score(self, samples):
        return network(self.critic, samples, lambda x: leaky_relu(x, 0.2)).squeeze(-1)


def network(parameters, x, activation):
    layers = len(parameters) // 2
    for layer in range(layers):
        x = x @ parameters[f"{layer}.weight"] + parameters[f"{layer}.bias"]
        x = activation(x) if layer < layers - 1 else x
    return x


def descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def gradients_at(score, points) -> Tensor:
    points = points.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(score(points).sum(), points, create_graph=True)
    return gradient


def plain_r1(score, real, fake, noise):
    return 0.7 * gradients_at(score, real).square().sum(1).mean()


def plain_wgan_gp(score, real, fake, noise):
    between = noise * real + (1 - noise) * fake
    return 3.0 * (gradients_at(score, between).norm(dim=1) - 1).square().mean()


@pytest.mark.parametrize("n_critic", [1, 3])
@pytest.mark.parametrize(("constraint", "penalty"), [(R1, plain_r1), (WGAN_GP, plain_wgan_gp)], ids=["r1", "wgan-gp"])
def test_a_penalty_at_every_fourth_critic_step_equals_a_plain_loop(constraint, penalty, n_critic):
    adam = Adam(lr=1e-3, betas=(0.0, 0.99))
    settings = {"n_critic": n_critic, "critic_optimizer": adam, "generator_optimizer": adam}
    trainer = trainer_of(replace(constraint, every=4), **settings)
    loop = PlainLoop(trainer_of(constraint, **settings), 4, penalty)
    trainer.advance(21)
    loop.advance(21, n_critic)
    for stacked, parameters in ((trainer.generator, loop.generator), (trainer.critic, loop.critic)):
        for name, value in parameters.items():
            assert_close(stacked.frozen[name][0], value.detach(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("constraint", PENALTIES, ids=kind_of)
def test_an_interval_of_one_step_changes_no_bit(constraint):
    usual, explicit = trainer_of(constraint, n_critic=2), trainer_of(replace(constraint, every=1), n_critic=2)
    usual.advance(5)
    explicit.advance(5)
    assert torch.equal(usual.critic.flat, explicit.critic.flat)
    assert torch.equal(usual.generator.flat, explicit.generator.flat)


@pytest.mark.parametrize(
    ("every", "steps"), [(1, [1, 1, 1, 1, 1, 1]), (4, [4, 0, 0, 0, 4, 0]), (5, [5, 0, 0, 0, 0, 5])]
)
def test_the_factor_of_the_penalty_is_1_on_average(every, steps):
    assert [GradientPenalty(every=every).penalty_factor(step) for step in range(6)] == steps
    factors = [GradientPenalty(every=every).penalty_factor(step) for step in range(4 * every)]
    assert sum(factors) == len(factors)


@pytest.mark.parametrize("constraint", [Unconstrained(), WeightClipping(), SpectralNorm()], ids=kind_of)
def test_other_constraints_have_a_factor_of_1_at_every_step(constraint):
    assert [constraint.penalty_factor(step) for step in range(3)] == [1, 1, 1]


def test_an_interval_beyond_the_training_leaves_the_penalty_of_the_first_step():
    lazy, once = trainer_of(replace(R1, every=1000)), trainer_of(replace(R1, gp_weight=700.0))
    lazy.advance(1)
    once.advance(1)
    assert_close(lazy.critic.flat, once.critic.flat, rtol=0, atol=1e-12)
    lazy.advance(4)
    free = trainer_of(Unconstrained())
    free.load(once.state())
    free.advance(4)
    assert_close(lazy.critic.flat, free.critic.flat, rtol=0, atol=1e-9)


def test_a_training_resumed_between_two_penalties_gives_the_same_bits():
    undisturbed, interrupted, resumed = (trainer_of(replace(R1, every=4), n_critic=3) for _ in range(3))
    undisturbed.advance(12)
    interrupted.advance(7)
    resumed.load(interrupted.state())
    resumed.advance(5)
    assert torch.equal(undisturbed.critic.flat, resumed.critic.flat)
    assert torch.equal(undisturbed.generator.flat, resumed.generator.flat)


def test_pre_training_counts_no_step_and_has_no_penalty():
    """The first critic step after it has the penalty, whatever its length."""
    lazy, free = (
        trainer_of(constraint, EnergyMargin(), pretrain_steps=3)
        for constraint in (replace(R1, every=4), Unconstrained())
    )
    lazy.advance(3)
    free.advance(3)
    assert torch.equal(lazy.critic.flat, free.critic.flat)
    lazy.advance(1)
    free.advance(1)
    assert not torch.equal(lazy.critic.flat, free.critic.flat)


@pytest.mark.parametrize("optimizer", [Adam(lr=1e-3), RMSProp(lr=1e-3)], ids=kind_of)
def test_a_pack_with_lazy_penalties_equals_its_trials_alone(optimizer):
    members = [
        Member(
            objective=NonSaturating(),
            constraint=replace(WGAN_GP, every=4, gp_weight=1.0 + share),
            training=Training(
                **DOUBLE,
                n_critic=3,
                critic_optimizer=replace(optimizer, lr=1e-3 / (1 + share)),
                generator_optimizer=optimizer,
            ),
            seed=share,
        )
        for share in range(3)
    ]
    pack = Trainer.of_pack(members, networks=small_networks("score"), data=blob())
    pack.advance(10)
    for slot, member in enumerate(members):
        alone = Trainer(
            objective=member.objective,
            constraint=member.constraint,
            networks=small_networks("score"),
            training=member.training,
            data=blob(),
            seeds=[member.seed],
        )
        alone.advance(10)
        assert_close(pack.critic.flat[slot], alone.critic.flat[0], rtol=0, atol=1e-9)
        assert_close(pack.generator.flat[slot], alone.generator.flat[0], rtol=0, atol=1e-9)


def test_members_of_a_pack_agree_in_the_interval():
    first, second = (
        Member(objective=NonSaturating(), constraint=replace(R1, every=every), training=Training(), seed=0)
        for every in (1, 4)
    )
    assert structure(first) != structure(second)
    with pytest.raises(ValueError, match=r"^constraint\.every: must be equal for all members of a pack, but is 1 "):
        Trainer.of_pack([first, second], networks=small_networks("score"), data=blob())


def test_health_counts_the_penalty_once():
    """The loss in `health()` holds the penalty once, its mean over steps, so that it does not depend on `every`."""
    lazy, usual = trainer_of(replace(R1, every=4)), trainer_of(R1)
    for name, value in usual.health().items():
        assert torch.equal(lazy.health()[name], value), name


@pytest.mark.parametrize("every", [0, -1])
def test_an_interval_below_one_step_is_refused(every):
    with pytest.raises(ValueError, match=f"^every: must be >= 1, but is {every}$"):
        GradientPenalty(every=every)


def test_the_paper_of_lazy_regularisation_is_cited_if_it_is_used():
    assert papers(replace(R1, every=16)) == (*papers(R1), "karras2020")
