"""What keeps the critic smooth: one contract for every constraint, then the closed forms of each."""

from inspect import isabstract
from itertools import product
from math import sqrt
from typing import get_args

import pytest
import torch
from games import (
    CONSTRAINTS,
    OBJECTIVES,
    SMALL_CRITICS,
    SMALL_MEASURES,
    Field,
    blob,
    drawn,
    kind_of,
    small_networks,
)
from torch.testing import assert_close

from gan_core.constraints import AnyConstraint, Constraint, GradientPenalty, WeightClipping, slope
from gan_core.networks import CriticAt, MLPCritic, SampleSpace
from gan_core.optimizers import SGD
from gan_core.training import Trainer, Training

every_constraint = pytest.mark.parametrize("constraint", CONSTRAINTS, ids=kind_of)
every_form = pytest.mark.parametrize("form", list(SMALL_CRITICS))
every_pair = pytest.mark.parametrize(
    ("objective", "constraint"),
    list(product(OBJECTIVES, CONSTRAINTS)),
    ids=[f"{kind_of(objective)}-{kind_of(constraint)}" for objective, constraint in product(OBJECTIVES, CONSTRAINTS)],
)
SPACE = SampleSpace(dim=3, bounded=False)
SEEDS, BATCH = 3, 6


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def uniform(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def streams(count):
    return [torch.Generator().manual_seed(seed) for seed in range(count)]


def field_of(critic, parameters):
    return CriticAt(critic, parameters, SPACE)


def penalised(constraint, critic, parameters, only=slice(None)):
    """The penalty of some of the seeds, as a critic step adds it: parameters mapped, each seed its own batch."""
    state = constraint.initial_state(parameters, streams(SEEDS))
    state = constraint.iterate(parameters, state)
    mapped = {name: value[only] for name, value in constraint.mapped(parameters, state).items()}
    real, fake = normal(SEEDS, BATCH, 3, seed=1), 2 * normal(SEEDS, BATCH, 3, seed=2) + 1
    noise = uniform(SEEDS, BATCH, constraint.noise_width(3), seed=3)
    return constraint.penalty(field_of(critic, mapped), real[only], fake[only], noise[only])


# --- what holds of every constraint besides its contract, which test_contracts.py holds it to


@every_constraint
@every_form
def test_penalty_is_one_finite_value_per_seed_or_nothing(constraint, form):
    critic = SMALL_CRITICS[form]
    penalty = penalised(constraint, critic, drawn(critic, SPACE, range(SEEDS)))
    if penalty is not None:
        assert penalty.shape == (SEEDS,)
        assert len(set(penalty.tolist())) == SEEDS or constraint.sides == "one"  # which may find nothing wrong
        assert (penalty >= 0).all()
        assert penalty.isfinite().all()


@every_constraint
@pytest.mark.parametrize("axes", [(), (2,), (2, 3)], ids=str)
def test_leading_axes_of_a_penalty_are_free(constraint, axes):
    real, fake = normal(*axes, BATCH, 3, seed=1), normal(*axes, BATCH, 3, seed=2)
    noise = uniform(*axes, BATCH, constraint.noise_width(3), seed=3)
    penalty = constraint.penalty(Field(lambda points: points.pow(3).sum(-1)), real, fake, noise)
    assert penalty is None or penalty.shape == axes


@every_constraint
@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_penalty_and_its_gradient_are_finite_where_scores_are_huge(constraint, scale):
    weight = (scale * normal(3, seed=5).float()).requires_grad_()
    real, fake = normal(SEEDS, BATCH, 3, seed=1).float(), normal(SEEDS, BATCH, 3, seed=2).float()
    noise = uniform(SEEDS, BATCH, constraint.noise_width(3), seed=3).float()
    penalty = constraint.penalty(Field(lambda points: points @ weight), real, fake, noise)
    if penalty is not None:
        (gradient,) = torch.autograd.grad(penalty.sum(), weight)
        assert penalty.isfinite().all()
        assert gradient.isfinite().all()


@every_constraint
def test_penalty_does_not_reach_the_generator_nor_the_real_samples(constraint):
    real, fake = normal(2, BATCH, 3, seed=1).requires_grad_(), normal(2, BATCH, 3, seed=2).requires_grad_()
    weight = normal(3).requires_grad_()
    noise = uniform(2, BATCH, constraint.noise_width(3))
    penalty = constraint.penalty(Field(lambda points: points.square() @ weight), real, fake, noise)
    if penalty is not None:
        to_real, to_fake, to_critic = torch.autograd.grad(penalty.sum(), (real, fake, weight), allow_unused=True)
        assert to_real is None
        assert to_fake is None
        assert to_critic.norm() > 0


@every_constraint
def test_constraint_acts_at_no_more_than_one_moment(constraint):
    parameters = drawn(MLPCritic(width=4, depth=2), SPACE, range(SEEDS))
    state = constraint.iterate(parameters, constraint.initial_state(parameters, streams(SEEDS)))
    maps = any(not torch.equal(v, parameters[n]) for n, v in constraint.mapped(parameters, state).items())
    adds = penalised(constraint, MLPCritic(width=4, depth=2), parameters) is not None
    moved = 3 * normal(SEEDS, 20)
    constraint.project_(moved)
    projects = not torch.equal(moved, 3 * normal(SEEDS, 20))
    assert maps + adds + projects == (0 if constraint.kind == "none" else 1)


@every_constraint
def test_constraints_are_finished_members_of_one_family(constraint):
    assert isinstance(constraint, AnyConstraint)
    assert not isabstract(type(constraint))


def test_kinds_are_unique_and_their_own_default():
    kinds = [kind().kind for kind in get_args(Constraint)]
    assert len(set(kinds)) == len(kinds)


# --- every objective with every constraint, through the trainer


def trainer_of(objective, constraint, seeds=(0, 1, 2), **training):
    return Trainer(
        objective=objective,
        constraint=constraint,
        networks=small_networks(objective.critic_form),
        training=Training(**{"batch": 8} | training),
        data=blob(),
        measures=SMALL_MEASURES,
        seeds=seeds,
    )


@every_pair
def test_every_pair_trains_both_players_with_finite_numbers(objective, constraint):
    trainer = trainer_of(objective, constraint, dtype="float64")
    before = trainer.generator.flat.clone(), trainer.critic.flat.clone()
    trainer.advance(3)
    assert trainer.nonfinite_turn.tolist() == [-1, -1, -1]
    assert (trainer.generator.flat != before[0]).any(1).all()
    assert (trainer.critic.flat != before[1]).any(1).all()
    assert all(len(set(values)) == 3 for name, values in trainer.measure().items() if name.endswith("loss"))


@every_pair
def test_every_pair_trains_a_seed_alone_as_it_does_among_others(objective, constraint):
    together = trainer_of(objective, constraint, (5, 6), dtype="float64")
    alone = trainer_of(objective, constraint, (6,), dtype="float64")
    together.advance(4)
    alone.advance(4)
    assert_close(together.generator.flat[1:], alone.generator.flat, rtol=0, atol=1e-12)
    assert_close(together.critic.flat[1:], alone.critic.flat, rtol=0, atol=1e-12)


# --- slope


def test_linear_critic_has_the_slope_of_its_weight():
    weights = torch.tensor([[3.0, 4.0, 0.0], [0.0, -0.5, 0.0]], dtype=torch.float64)
    slopes = slope(Field(lambda points: (points @ weights[:, :, None]).squeeze(-1)), normal(2, 5, 3))
    assert_close(slopes, torch.tensor([[5.0] * 5, [0.5] * 5], dtype=torch.float64), rtol=1e-14, atol=0)


def test_quadratic_critic_is_as_steep_as_its_point_is_far_away():
    points = normal(2, 5, 3)
    assert_close(slope(Field(lambda x: x.square().sum(-1) / 2), points), points.norm(dim=-1), rtol=1e-14, atol=0)


def test_slope_is_taken_where_gradients_are_off_and_leaves_no_graph():
    with torch.no_grad():
        slopes = slope(Field(lambda x: x.square().sum(-1)), normal(4, 3))
    assert not slopes.requires_grad
    assert_close(slopes, 2 * normal(4, 3).norm(dim=-1))


def test_slope_can_be_differentiated_where_gradients_are_on():
    weight = torch.tensor([3.0, 4.0], dtype=torch.float64, requires_grad=True)
    slopes = slope(Field(lambda x: x @ weight), normal(1, 2))
    (gradient,) = torch.autograd.grad(slopes.sum(), weight)
    assert_close(gradient, torch.tensor([0.6, 0.8], dtype=torch.float64), rtol=1e-14, atol=0)


# --- gradient penalty


@pytest.mark.parametrize("norm", [0.25, 0.9, 1.0, 1.5, 7.0])
@pytest.mark.parametrize("gp_weight", [10.0, 0.3])
def test_linear_critic_is_charged_for_the_distance_of_its_slope_from_one_on_both_sides(norm, gp_weight):
    weight = normal(7)
    weight = norm * weight / weight.norm()
    real, fake, noise = normal(2, BATCH, 7, seed=1), normal(2, BATCH, 7, seed=2), uniform(2, BATCH, 1)
    penalty = GradientPenalty(gp_weight=gp_weight).penalty(Field(lambda points: points @ weight), real, fake, noise)
    assert_close(penalty, torch.full((2,), gp_weight * (norm - 1) ** 2, dtype=torch.float64), rtol=1e-12, atol=1e-15)


def test_norm_runs_over_all_coordinates_of_one_sample():
    # each partial derivative is 1: a mean over coordinates, or a norm per coordinate, would find nothing to charge
    real, fake, noise = normal(2, BATCH, 9, seed=1), normal(2, BATCH, 9, seed=2), uniform(2, BATCH, 1)
    penalty = GradientPenalty(gp_weight=1.0).penalty(Field(lambda points: points.sum(-1)), real, fake, noise)
    assert penalty.tolist() == pytest.approx([4.0, 4.0], rel=1e-14)


def steep_at(points):
    """A critic whose slope at a point is that point's distance from the origin."""
    return points.square().sum(-1) / 2


def test_penalty_is_taken_at_eps_real_plus_the_rest_fake():
    real, fake, eps = normal(2, BATCH, 3, seed=1), normal(2, BATCH, 3, seed=2), uniform(2, BATCH, 1)
    points = eps * real + (1 - eps) * fake
    expected = 10 * (points.norm(dim=-1) - 1).square().mean(-1)
    assert_close(GradientPenalty().penalty(Field(steep_at), real, fake, eps), expected, rtol=1e-13, atol=0)


def test_every_sample_has_its_own_eps():
    """One eps per batch has the same mean, but 64 times the variance."""
    batches, batch = 2000, 64
    real, fake = torch.zeros(batches, batch, 1), torch.full((batches, batch, 1), 2.0)
    noise = uniform(batches, batch, GradientPenalty().noise_width(1), seed=4).float()
    penalty = GradientPenalty(gp_weight=1.0).penalty(Field(steep_at), real, fake, noise)
    # slope 2 (1 - eps) is uniform on [0, 2]: its squared distance from 1 has mean 1/3 and variance 1/5 - 1/9
    assert penalty.mean().item() == pytest.approx(1 / 3, rel=0.01)
    assert penalty.var().item() * batch == pytest.approx(1 / 5 - 1 / 9, rel=0.15)


def test_trainer_draws_an_eps_for_every_sample_of_every_critic_step():
    trainer = trainer_of(OBJECTIVES[0], GradientPenalty(), n_critic=2, batch=32)
    eps = torch.stack([trainer._draws.critic(step).noise for step in range(40)])
    assert eps.shape == (40, 3, 32, 1)
    assert len(eps.unique()) > 0.999 * eps.numel()
    assert eps.min() >= 0
    assert eps.max() < 1
    assert eps.mean().item() == pytest.approx(0.5, abs=0.02)
    assert eps.var().item() == pytest.approx(1 / 12, rel=0.05)


def test_penalty_of_a_critic_with_zero_weights_has_a_finite_gradient():
    critic = MLPCritic(width=4, depth=2)
    parameters = {n: torch.zeros_like(v).requires_grad_() for n, v in drawn(critic, SPACE).items()}
    penalty = GradientPenalty().penalty(
        field_of(critic, parameters), normal(2, 5, 3), normal(2, 5, 3), uniform(2, 5, 1)
    )
    assert penalty.tolist() == [10.0, 10.0]
    gradients = torch.autograd.grad(penalty.sum(), list(parameters.values()), materialize_grads=True)
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_penalty_of_a_critic_whose_units_are_dead_for_some_samples_has_a_finite_gradient():
    weight, out = normal(3, 4).requires_grad_(), normal(4, seed=1).requires_grad_()
    shift = torch.tensor([[[0.0], [-100.0], [0.0]]], dtype=torch.float64)
    real, fake, eps = normal(1, 3, 3, seed=1), normal(1, 3, 3, seed=2), uniform(1, 3, 1)
    critic = lambda points: (points @ weight + shift).relu() @ out  # noqa: E731
    assert (slope(Field(critic), torch.lerp(fake, real, eps)) == 0).tolist()[0][1]
    penalty = GradientPenalty().penalty(Field(critic), real, fake, eps)
    gradients = torch.autograd.grad(penalty.sum(), (weight, out))
    assert all(gradient.isfinite().all() and gradient.norm() > 0 for gradient in gradients)


def test_gradient_of_the_penalty_agrees_with_finite_differences():
    first, bias, out = normal(2, 3, 4, seed=1), normal(2, 1, 4, seed=2), normal(2, 4, 1, seed=3)
    real, fake, eps = normal(2, 5, 3, seed=4), normal(2, 5, 3, seed=5), uniform(2, 5, 1)

    def penalty(*parameters):
        weight, offset, last = parameters
        critic = lambda points: (torch.baddbmm(offset, points, weight).tanh() @ last).squeeze(-1)  # noqa: E731
        return GradientPenalty(gp_weight=3.0).penalty(Field(critic), real, fake, eps)

    inputs = tuple(parameter.requires_grad_() for parameter in (first, bias, out))
    assert torch.autograd.gradcheck(penalty, inputs, eps=1e-6, atol=1e-7, rtol=1e-5)


def test_gradient_of_a_networks_penalty_agrees_with_finite_differences():
    critic = MLPCritic(width=4, depth=2)
    parameters = drawn(critic, SPACE)
    names = [name for name in parameters if name.endswith("weight")]
    real, fake, eps = normal(2, 5, 3, seed=4), normal(2, 5, 3, seed=5), uniform(2, 5, 1)

    def penalty(*weights):
        return GradientPenalty().penalty(
            field_of(critic, parameters | dict(zip(names, weights, strict=True))), real, fake, eps
        )

    weights = tuple(parameters[name].clone().requires_grad_() for name in names)
    assert torch.autograd.gradcheck(penalty, weights, eps=1e-7, atol=1e-6, rtol=1e-5)


def test_default_penalty_is_that_of_the_paper():
    penalty = GradientPenalty()
    assert (penalty.location, penalty.target, penalty.sides, penalty.gp_weight) == ("between", 1, "two", 10.0)


def test_penalty_weight_must_not_be_negative():
    assert GradientPenalty(gp_weight=0.0).gp_weight == 0
    with pytest.raises(ValueError, match=r"^gp_weight: must be >= 0, but is -0.5$"):
        GradientPenalty(gp_weight=-0.5)


# --- weight clipping


def test_clipping_clamps_every_number_and_leaves_those_inside():
    parameters = torch.tensor([[-3.0, -0.25, 0.0], [0.5, 0.125, 9.0]])
    WeightClipping(clip_value=0.25).project_(parameters)
    assert parameters.tolist() == [[-0.25, -0.25, 0.0], [0.25, 0.125, 0.25]]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=kind_of)
def test_critic_is_clipped_after_its_step_biases_included_and_the_generator_never(objective):
    trainer = trainer_of(
        objective, WeightClipping(clip_value=0.02), critic_optimizer=SGD(lr=50.0), generator_optimizer=SGD(lr=1e-3)
    )
    border = torch.tensor(0.02).item()
    assert trainer.critic.flat.abs().max() > border
    trainer.advance(1)
    for name, value in trainer.critic.frozen.items():
        assert value.abs().max().item() <= border, name
    assert any((v.abs() == border).any() for n, v in trainer.critic.frozen.items() if n.endswith("bias"))
    assert trainer.generator.flat.abs().max() > border


def test_clipped_linear_critic_is_at_most_as_steep_as_its_box():
    weight = 5 * normal(1, 9)
    WeightClipping(clip_value=0.1).project_(weight)
    assert slope(Field(lambda points: points @ weight[0]), normal(4, 9)).max().item() <= 0.1 * sqrt(9) + 1e-15


def test_default_clip_is_that_of_the_paper():
    assert WeightClipping().clip_value == 0.01


@pytest.mark.parametrize("clip_value", [0.0, -0.01])
def test_clip_value_must_be_positive(clip_value):
    with pytest.raises(ValueError, match=f"^clip_value: must be > 0, but is {clip_value}$"):
        WeightClipping(clip_value=clip_value)
