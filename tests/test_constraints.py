"""Constraints on the critic: claims about every constraint, then closed forms and reference numbers of each."""

from inspect import isabstract
from itertools import product
from math import sqrt
from statistics import NormalDist
from typing import get_args

import numpy as np
import pytest
import torch
from small_gans import (
    CONSTRAINTS,
    OBJECTIVES,
    PENALTIES,
    SMALL_CRITICS,
    added_by,
    blob,
    drawn,
    evaluate,
    kind_of,
    small_networks,
)
from torch.testing import assert_close

from gan_core.constraints import AnyConstraint, Constraint, GradientPenalty, Location, WeightClipping, slope
from gan_core.contracts.material import Field
from gan_core.networks import CriticAt, MLPCritic
from gan_core.shapes import SampleShape
from gan_core.training import SGD, Trainer, Training

pytestmark = pytest.mark.shapes

every_constraint = pytest.mark.parametrize("constraint", CONSTRAINTS, ids=kind_of)
every_form = pytest.mark.parametrize("form", list(SMALL_CRITICS))
PAIRED = [
    constraint
    for constraint in CONSTRAINTS
    if not isinstance(constraint, GradientPenalty) or (constraint.target == 1 and constraint.sides == "two")
]
"""Each kind, and a penalty at each location; target and sides do not interact with the objective."""
every_pair = pytest.mark.parametrize(
    ("objective", "constraint"),
    list(product(OBJECTIVES, PAIRED)),
    ids=[f"{kind_of(objective)}-{kind_of(constraint)}" for objective, constraint in product(OBJECTIVES, PAIRED)],
)
SHAPE = SampleShape(shape=(3,), bounded=False)
SEEDS, BATCH = 3, 6


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def uniform(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def streams(count):
    return [torch.Generator().manual_seed(seed) for seed in range(count)]


def field_of(critic, parameters):
    return CriticAt(critic, parameters, SHAPE)


def penalty_of(constraint, critic, parameters, only=slice(None)):
    """Penalty of the seeds `only` as in a critic step: with mapped parameters, and another batch for each seed."""
    state = constraint.initial_state(parameters, streams(SEEDS))
    state = constraint.next_state(parameters, state)
    mapped = {name: value[only] for name, value in constraint.map_parameters(parameters, state).items()}
    real, fake = normal(SEEDS, BATCH, 3, seed=1), 2 * normal(SEEDS, BATCH, 3, seed=2) + 1
    noise = uniform(SEEDS, BATCH, constraint.noise_width(3), seed=3)
    return constraint.penalty(field_of(critic, mapped), real[only], fake[only], noise[only])


# --- every constraint, besides its contract (test_contracts.py)


class Parabola:
    """norm(x)^2 / 2 with its gradient in closed form, which does not detach its points."""

    def value(self, points):
        return points.square().sum(-1) / 2

    def gradient(self, points):
        return points * 1.0


@pytest.mark.parametrize("penalty", PENALTIES, ids=kind_of)
def test_penalty_detaches_its_points_from_real_samples_and_fakes(penalty):
    real, fake = normal(2, BATCH, 3, seed=1).requires_grad_(), normal(2, BATCH, 3, seed=2).requires_grad_()
    value = added_by(penalty, Parabola(), real, fake, uniform(2, BATCH, penalty.noise_width(3)))
    assert not value.requires_grad


@every_constraint
def test_each_constraint_but_none_acts_at_exactly_one_point_of_a_critic_step(constraint):
    parameters = drawn(MLPCritic(width=4, depth=2), SHAPE, range(SEEDS))
    state = constraint.next_state(parameters, constraint.initial_state(parameters, streams(SEEDS)))
    maps = any(not torch.equal(v, parameters[n]) for n, v in constraint.map_parameters(parameters, state).items())
    adds = penalty_of(constraint, MLPCritic(width=4, depth=2), parameters) is not None
    moved = 3 * normal(SEEDS, 20)
    constraint.project_(moved)
    projects = not torch.equal(moved, 3 * normal(SEEDS, 20))
    assert maps + adds + projects == (0 if constraint.kind == "none" else 1)


@every_constraint
def test_constraints_are_concrete_subclasses_of_the_contract(constraint):
    assert isinstance(constraint, AnyConstraint)
    assert not isabstract(type(constraint))


def test_kinds_are_unique():
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
        seeds=seeds,
    )


@every_pair
def test_every_objective_with_every_constraint_changes_both_networks_with_finite_numbers(objective, constraint):
    trainer = trainer_of(objective, constraint, dtype="float64")
    before = trainer.generator.flat.clone(), trainer.critic.flat.clone()
    trainer.advance(3)
    assert trainer.nonfinite_iteration.tolist() == [-1, -1, -1]
    assert (trainer.generator.flat != before[0]).any(1).all()
    assert (trainer.critic.flat != before[1]).any(1).all()
    assert all(len(set(values)) == 3 for name, values in evaluate(trainer).items() if name.endswith("loss"))


@every_pair
def test_every_objective_with_every_constraint_trains_a_seed_alone_as_together_with_others(objective, constraint):
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


def test_slope_of_a_quadratic_critic_is_the_norm_of_its_point():
    points = normal(2, 5, 3)
    assert_close(slope(Field(lambda x: x.square().sum(-1) / 2), points), points.norm(dim=-1), rtol=1e-14, atol=0)


def test_slope_is_computed_under_no_grad_and_has_no_graph():
    with torch.no_grad():
        slopes = slope(Field(lambda x: x.square().sum(-1)), normal(4, 3))
    assert not slopes.requires_grad
    assert_close(slopes, 2 * normal(4, 3).norm(dim=-1))


def test_slope_is_differentiable_where_gradients_are_enabled():
    weight = torch.tensor([3.0, 4.0], dtype=torch.float64, requires_grad=True)
    slopes = slope(Field(lambda x: x @ weight), normal(1, 2))
    (gradient,) = torch.autograd.grad(slopes.sum(), weight)
    assert_close(gradient, torch.tensor([0.6, 0.8], dtype=torch.float64), rtol=1e-14, atol=0)


# --- gradient penalty


@pytest.mark.parametrize("norm", [0.25, 0.9, 1.0, 1.5, 7.0])
@pytest.mark.parametrize("gp_weight", [10.0, 0.3])
def test_two_sided_penalty_of_a_linear_critic_is_the_squared_distance_of_its_slope_from_one(norm, gp_weight):
    weight = normal(7)
    weight = norm * weight / weight.norm()
    real, fake, noise = normal(2, BATCH, 7, seed=1), normal(2, BATCH, 7, seed=2), uniform(2, BATCH, 1)
    penalty = added_by(GradientPenalty(gp_weight=gp_weight), Field(lambda points: points @ weight), real, fake, noise)
    assert_close(penalty, torch.full((2,), gp_weight * (norm - 1) ** 2, dtype=torch.float64), rtol=1e-12, atol=1e-15)


def test_norm_is_over_all_coordinates_of_one_sample():
    # each partial derivative is 1: with a mean over coordinates, or a norm per coordinate, the penalty would be 0
    real, fake, noise = normal(2, BATCH, 9, seed=1), normal(2, BATCH, 9, seed=2), uniform(2, BATCH, 1)
    penalty = added_by(GradientPenalty(gp_weight=1.0), Field(lambda points: points.sum(-1)), real, fake, noise)
    assert penalty.tolist() == pytest.approx([4.0, 4.0], rel=1e-14)


def half_square(points):
    """norm(x)^2 / 2, whose slope at a point is the norm of the point."""
    return points.square().sum(-1) / 2


def test_penalty_between_is_taken_at_eps_real_plus_one_minus_eps_fake():
    real, fake, eps = normal(2, BATCH, 3, seed=1), normal(2, BATCH, 3, seed=2), uniform(2, BATCH, 1)
    points = eps * real + (1 - eps) * fake
    expected = 10 * (points.norm(dim=-1) - 1).square().mean(-1)
    assert_close(added_by(GradientPenalty(), Field(half_square), real, fake, eps), expected, rtol=1e-13, atol=0)


def test_every_sample_has_its_own_eps():
    """One eps per batch would give the same mean, but 64 times the variance."""
    batches, batch = 2000, 64
    real, fake = torch.zeros(batches, batch, 1), torch.full((batches, batch, 1), 2.0)
    noise = uniform(batches, batch, GradientPenalty().noise_width(1), seed=4).float()
    penalty = added_by(GradientPenalty(gp_weight=1.0), Field(half_square), real, fake, noise)
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
    parameters = {n: torch.zeros_like(v).requires_grad_() for n, v in drawn(critic, SHAPE).items()}
    penalty = added_by(
        GradientPenalty(), field_of(critic, parameters), normal(2, 5, 3), normal(2, 5, 3), uniform(2, 5, 1)
    )
    assert penalty.tolist() == [10.0, 10.0]
    gradients = torch.autograd.grad(penalty.sum(), list(parameters.values()), materialize_grads=True)
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_penalty_has_a_finite_gradient_where_all_units_are_inactive_for_a_sample():
    weight, out = normal(3, 4).requires_grad_(), normal(4, seed=1).requires_grad_()
    shift = torch.tensor([[[0.0], [-100.0], [0.0]]], dtype=torch.float64)
    real, fake, eps = normal(1, 3, 3, seed=1), normal(1, 3, 3, seed=2), uniform(1, 3, 1)
    critic = lambda points: (points @ weight + shift).relu() @ out  # noqa: E731
    assert (slope(Field(critic), torch.lerp(fake, real, eps)) == 0).tolist()[0][1]
    penalty = added_by(GradientPenalty(), Field(critic), real, fake, eps)
    gradients = torch.autograd.grad(penalty.sum(), (weight, out))
    assert all(gradient.isfinite().all() and gradient.norm() > 0 for gradient in gradients)


def test_gradient_of_the_penalty_agrees_with_finite_differences():
    first, bias, out = normal(2, 3, 4, seed=1), normal(2, 1, 4, seed=2), normal(2, 4, 1, seed=3)
    real, fake, eps = normal(2, 5, 3, seed=4), normal(2, 5, 3, seed=5), uniform(2, 5, 1)

    def penalty(*parameters):
        weight, offset, last = parameters
        critic = lambda points: (torch.baddbmm(offset, points, weight).tanh() @ last).squeeze(-1)  # noqa: E731
        return added_by(GradientPenalty(gp_weight=3.0), Field(critic), real, fake, eps)

    inputs = tuple(parameter.requires_grad_() for parameter in (first, bias, out))
    assert torch.autograd.gradcheck(penalty, inputs, eps=1e-6, atol=1e-7, rtol=1e-5)


def test_gradient_of_the_penalty_of_an_mlp_agrees_with_finite_differences():
    critic = MLPCritic(width=4, depth=2)
    parameters = drawn(critic, SHAPE)
    names = [name for name in parameters if name.endswith("weight")]
    real, fake, eps = normal(2, 5, 3, seed=4), normal(2, 5, 3, seed=5), uniform(2, 5, 1)

    def penalty(*weights):
        return added_by(
            GradientPenalty(), field_of(critic, parameters | dict(zip(names, weights, strict=True))), real, fake, eps
        )

    weights = tuple(parameters[name].clone().requires_grad_() for name in names)
    assert torch.autograd.gradcheck(penalty, weights, eps=1e-7, atol=1e-6, rtol=1e-5)


def test_default_penalty_is_that_of_the_paper():
    penalty = GradientPenalty()
    assert (penalty.location, penalty.target, penalty.sides, penalty.gp_weight) == ("between", 1, "two", 10.0)
    assert (penalty.noise, penalty.noise_scale) == ("uniform", 0.5)  # DRAGAN's authors' notebook


def test_penalty_weight_must_not_be_negative():
    assert GradientPenalty(gp_weight=0.0).gp_weight == 0
    with pytest.raises(ValueError, match=r"^gp_weight: must be >= 0, but is -0.5$"):
        GradientPenalty(gp_weight=-0.5)


# --- every location, target and side


every_penalty = pytest.mark.parametrize("penalty", PENALTIES, ids=kind_of)
every_location = pytest.mark.parametrize("location", get_args(Location))


def phi(penalty, slopes):
    """phi of the slopes, in numpy."""
    if penalty.target == 0:
        return slopes**2
    return np.maximum(0, slopes - 1) ** 2 if penalty.sides == "one" else (slopes - 1) ** 2


@every_penalty
@pytest.mark.parametrize("norm", [0.25, 1.0, 1.5, 7.0])
def test_penalty_of_a_linear_critic_is_phi_of_its_slope_at_every_location(penalty, norm):
    weight = normal(7)
    weight = norm * weight / weight.norm()
    real, fake = normal(2, BATCH, 7, seed=1), normal(2, BATCH, 7, seed=2)
    noise = uniform(2, BATCH, penalty.noise_width(7))
    value = added_by(penalty, Field(lambda points: points @ weight), real, fake, noise)
    means = 2 if penalty.location == "real_and_fake" else 1  # the sum of both means, not their mean
    assert value.tolist() == pytest.approx([10 * means * phi(penalty, norm)] * 2, rel=1e-12, abs=1e-24)


def points_by_hand(penalty, real, fake, noise):
    """Points x^ of each batch over which a mean is taken, from the formulas in the docstring of GradientPenalty."""
    if penalty.location == "between":
        return [noise * real + (1 - noise) * fake]
    if penalty.location != "around_real":
        return {"real": [real], "fake": [fake], "real_and_fake": [real, fake]}[penalty.location]
    # one standard deviation per seed, over samples and coordinates, without Bessel's correction
    deviation = np.sqrt(((real - real.mean((1, 2), keepdims=True)) ** 2).mean((1, 2), keepdims=True))
    alpha, u = noise[..., :1], noise[..., 1:]
    if penalty.noise == "gaussian":
        return [real + penalty.noise_scale * deviation * np.vectorize(NormalDist().inv_cdf)(u)]
    return [real + alpha * penalty.noise_scale * deviation * u]


@pytest.mark.parametrize(
    "penalty",
    [
        *PENALTIES,
        GradientPenalty(location="around_real", noise_scale=0.3, gp_weight=2.0),
        GradientPenalty(location="around_real", noise="gaussian", noise_scale=1.5, target=0),
    ],
    ids=kind_of,
)
def test_penalty_is_taken_at_the_points_of_its_location(penalty):
    spread = torch.tensor([0.2, 1.0, 3.0]).double()[:, None, None]  # each seed's batch has its own deviation
    real, fake = spread * normal(3, BATCH, 4, seed=1) + 0.3, normal(3, BATCH, 4, seed=2) - 1
    noise = uniform(3, BATCH, penalty.noise_width(4), seed=3)
    value = added_by(penalty, Field(half_square), real, fake, noise)
    batches = points_by_hand(penalty, *(tensor.numpy() for tensor in (real, fake, noise)))
    means = [phi(penalty, np.linalg.norm(points, axis=-1)).mean(-1) for points in batches]
    assert value.detach().numpy() == pytest.approx(penalty.gp_weight * sum(means), rel=1e-12)


def test_penalty_on_real_and_fake_is_the_sum_of_both():
    critic = MLPCritic(width=8, depth=2)
    field = field_of(critic, drawn(critic, SHAPE, range(SEEDS)))
    real, fake, noise = normal(SEEDS, BATCH, 3, seed=1), normal(SEEDS, BATCH, 3, seed=2), uniform(SEEDS, BATCH, 0)
    both, of_real, of_fake = (
        added_by(GradientPenalty(location=location, target=0), field, real, fake, noise)
        for location in ("real_and_fake", "real", "fake")
    )
    assert_close(both, of_real + of_fake, rtol=1e-12, atol=0)
    assert (of_real != of_fake).all()


@pytest.mark.parametrize("gamma", [1.0, 10.0])
def test_gamma_of_the_r1_paper_is_twice_the_weight(gamma):
    """Mescheder et al. 2018, eq. 9: gamma / 2 E norm(grad D(x))^2 over real samples."""
    real, fake = normal(2, BATCH, 3, seed=1), normal(2, BATCH, 3, seed=2)
    of_paper = gamma / 2 * real.square().sum(-1).mean(-1)  # the gradient of norm(x)^2 / 2 is x
    penalty = GradientPenalty(location="real", target=0, gp_weight=gamma / 2)
    assert_close(added_by(penalty, Field(half_square), real, fake, uniform(2, BATCH, 0)), of_paper, rtol=1e-13, atol=0)


@every_location
def test_penalty_towards_zero_has_gradient_zero_at_slope_zero(location):
    penalty = GradientPenalty(location=location, target=0)
    weight = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    noise = uniform(2, BATCH, penalty.noise_width(3))
    value = added_by(penalty, Field(lambda x: x @ weight), normal(2, BATCH, 3), normal(2, BATCH, 3, seed=1), noise)
    (gradient,) = torch.autograd.grad(value.sum(), weight)
    assert value.tolist() == [0, 0]
    assert gradient.tolist() == [0, 0, 0]


def test_penalty_towards_zero_has_the_gradient_of_a_square():
    weight = normal(3).requires_grad_()
    penalty = GradientPenalty(location="real", target=0, gp_weight=3.0)
    value = added_by(penalty, Field(lambda x: x @ weight), normal(BATCH, 3), normal(BATCH, 3), uniform(BATCH, 0))
    (gradient,) = torch.autograd.grad(value, weight)
    assert_close(gradient, 6 * weight.detach(), rtol=1e-13, atol=0)


@pytest.mark.parametrize("noise_value", [0.0, 1.0])
def test_gaussian_noise_is_finite_at_the_ends_of_the_uniform_numbers(noise_value):
    penalty = GradientPenalty(location="around_real", noise="gaussian")
    for dtype in (torch.float32, torch.float64):
        noise = torch.full((2, BATCH, penalty.noise_width(3)), noise_value, dtype=dtype)
        real = normal(2, BATCH, 3).to(dtype)
        assert added_by(penalty, Field(half_square), real, real, noise).isfinite().all()


def test_sides_are_two_at_target_zero():
    sentence = r'^sides: must be "two" at target 0, since no slope lies below 0, but is "one"$'
    with pytest.raises(ValueError, match=sentence):
        GradientPenalty(target=0, sides="one")


@pytest.mark.parametrize("location", [location for location in get_args(Location) if location != "around_real"])
@pytest.mark.parametrize(
    ("settings", "must", "given"),
    [
        ({"noise": "gaussian"}, 'noise: must be "uniform"', '"gaussian"'),
        ({"noise_scale": 0.25}, "noise_scale: must be 0.5", "0.25"),
    ],
    ids=["noise", "noise_scale"],
)
def test_noise_is_refused_where_it_would_have_no_effect(location, settings, must, given):
    with pytest.raises(ValueError, match=f'^{must} unless location is "around_real", but is {given}$'):
        GradientPenalty(location=location, **settings)


@every_location
def test_noise_width_is_the_number_of_random_numbers_that_the_location_needs(location):
    width = {"between": 1, "around_real": 6}.get(location, 0)
    assert GradientPenalty(location=location).noise_width(5) == width


# --- comparison with other implementations
# TF-GAN's numbers are those in its tests: tensorflow/gan, tensorflow_gan/python/losses/losses_impl_test.py. Those of
# POSTECH-CVLab/PyTorch-StudioGAN and torchgan/torchgan are their formulas, evaluated in numpy.


def test_penalty_is_the_number_in_the_tests_of_tfgan():
    """GradientPenaltyTest: the penalty of the sum of four outputs 2 x is 9, one-sided or two-sided."""
    real, fake = torch.tensor([[-12.3, 23.2, 16.3, -43.2]]), torch.tensor([[3.1, 2.3, -12.3, 32.1]])
    for sides in ("one", "two"):
        penalty = GradientPenalty(gp_weight=1.0, sides=sides)
        value = added_by(penalty, Field(lambda points: (2 * points).sum(-1)), real, fake, torch.tensor([[0.7]]))
        assert value.item() == pytest.approx(9.0, abs=1e-5)


STUDIO_REAL = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
STUDIO_FAKE = np.array([[-0.5, 0.5, 1.0], [2.0, -1.25, 0.0]])


def studio_penalty(penalty, noise):
    real, fake, noise = (torch.from_numpy(array) for array in (STUDIO_REAL, STUDIO_FAKE, noise))
    return added_by(penalty, Field(half_square), real, fake, noise).item()


def test_penalty_between_is_that_of_studiogan():
    """src/utils/losses.py, cal_grad_penalty, with alpha .25 and .75 and the critic norm(x)^2 / 2."""
    assert studio_penalty(GradientPenalty(gp_weight=1.0), np.array([[0.25], [0.75]])) == pytest.approx(
        0.301633, abs=1e-5
    )


def test_penalty_around_real_is_that_of_studiogan_except_for_bessels_correction():
    """src/utils/losses.py, cal_dra_penalty: real + alpha 0.5 std(real) u, with torch's std. The notebook of DRAGAN's
    authors (kodalinaveen3/DRAGAN) has numpy's, without Bessel's correction: a factor sqrt(6 / 5) for six numbers.
    """
    noise = np.array([[0.5, 0.1, 0.9, 0.4], [1.0, 0.3, 0.6, 0.8]])
    numpy_std = GradientPenalty(location="around_real", gp_weight=1.0)
    torch_std = GradientPenalty(location="around_real", gp_weight=1.0, noise_scale=0.5 * sqrt(6 / 5))
    assert studio_penalty(torch_std, noise) == pytest.approx(1.174497, abs=1e-5)
    assert studio_penalty(numpy_std, noise) == pytest.approx(1.156873, abs=1e-5)


def test_r1_is_that_of_studiogan():
    """src/utils/losses.py, cal_r1_reg: 1/2 E norm(grad D(x))^2, before its weight."""
    r1 = GradientPenalty(location="real", target=0, gp_weight=0.5)
    assert studio_penalty(r1, np.empty((2, 0))) == pytest.approx(2.031250, abs=1e-5)


def test_penalty_is_not_that_of_torchgan_which_takes_one_norm_over_the_whole_batch():
    """torchgan/losses/functional.py, wasserstein_gradient_penalty: n slopes of 1 have the norm sqrt n."""
    batch = 9
    torchgan = (sqrt(batch * 1.0**2) - 1) ** 2
    assert torchgan == 4
    real, fake, noise = normal(batch, 3), normal(batch, 3, seed=1), uniform(batch, 1)
    assert added_by(GradientPenalty(), Field(lambda x: x[..., 0]), real, fake, noise).item() == 0


# --- weight clipping


def test_clipping_clamps_numbers_outside_the_interval_and_keeps_those_inside():
    parameters = torch.tensor([[-3.0, -0.25, 0.0], [0.5, 0.125, 9.0]])
    WeightClipping(clip_value=0.25).project_(parameters)
    assert parameters.tolist() == [[-0.25, -0.25, 0.0], [0.25, 0.125, 0.25]]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=kind_of)
def test_critic_is_clipped_after_its_step_with_its_biases_and_the_generator_is_not(objective):
    trainer = trainer_of(
        objective, WeightClipping(clip_value=0.02), critic_optimizer=SGD(lr=50.0), generator_optimizer=SGD(lr=1e-3)
    )
    bound = torch.tensor(0.02).item()
    assert trainer.critic.flat.abs().max() > bound
    trainer.advance(1)
    for name, value in trainer.critic.frozen.items():
        assert value.abs().max().item() <= bound, name
    assert any((v.abs() == bound).any() for n, v in trainer.critic.frozen.items() if n.endswith("bias"))
    assert trainer.generator.flat.abs().max() > bound


def test_slope_of_a_clipped_linear_critic_is_at_most_clip_value_times_root_dim():
    weight = 5 * normal(1, 9)
    WeightClipping(clip_value=0.1).project_(weight)
    assert slope(Field(lambda points: points @ weight[0]), normal(4, 9)).max().item() <= 0.1 * sqrt(9) + 1e-15


def test_default_clip_is_that_of_the_paper():
    assert WeightClipping().clip_value == 0.01


@pytest.mark.parametrize("clip_value", [0.0, -0.01])
def test_clip_value_must_be_positive(clip_value):
    with pytest.raises(ValueError, match=f"^clip_value: must be > 0, but is {clip_value}$"):
        WeightClipping(clip_value=clip_value)
