"""Methods of one description per member, called for all members at once."""

import pytest
import torch
from torch.testing import assert_close

from gan_core.constraints import GradientPenalty, WeightClipping
from gan_core.fields import numbers
from gan_core.objectives import BoundaryEquilibrium, EnergyMargin, LeastSquares, LossSensitive
from gan_core.shapes import CriticOutput
from gan_core.training.mapping import Mapped, MemberConstraints, MemberObjectives

pytestmark = pytest.mark.shapes

CPU, DOUBLE = torch.device("cpu"), torch.float64
as_many_members_as_samples = pytest.mark.parametrize("batch", [3, 7])
"""With as many members as samples, a number per member would be taken for one per sample by plain broadcasting."""


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def outputs(batch, members=3):
    """Outputs of each member's critic on real samples and on fakes."""
    return (
        CriticOutput(value=normal(members, batch, seed=seed), samples=normal(members, batch, 2, seed=seed + 1))
        for seed in (1, 3)
    )


@as_many_members_as_samples
def test_least_squares_has_each_members_own_targets(batch):
    real, fake = outputs(batch)
    losses = MemberObjectives([LeastSquares(real_target=target) for target in (1.0, 2.0, -3.0)], CPU, DOUBLE)
    for member, target in enumerate((1.0, 2.0, -3.0)):
        expected = (real.value[member] - target).square().mean() / 2 + fake.value[member].square().mean() / 2
        assert_close(losses.critic_loss(real, fake, {})[member], expected, rtol=1e-14, atol=0)


@as_many_members_as_samples
def test_a_margin_per_member_counts_for_its_own_fakes(batch):
    real, fake = outputs(batch)
    losses = MemberObjectives([EnergyMargin(margin=margin) for margin in (0.1, 1.0, 2.0)], CPU, DOUBLE)
    margins = torch.tensor([[0.1], [1.0], [2.0]], dtype=torch.float64)
    expected = real.value.mean(1) + (margins - fake.value).clamp(min=0).mean(1)
    assert_close(losses.critic_loss(real, fake, {}), expected, rtol=1e-14, atol=0)


def test_gradients_are_those_of_each_members_own_loss():
    real, fake = outputs(3)
    fake.value.requires_grad_()
    members = [LossSensitive(margin=0.5 * member, slope=-0.25 * member) for member in range(3)]
    together = MemberObjectives(members, CPU, DOUBLE).critic_loss(real, fake, {})
    (gradient,) = torch.autograd.grad(together.sum(), fake.value)
    for member, objective in enumerate(members):
        (alone,) = torch.autograd.grad(objective.critic_loss(real, fake, {})[member], fake.value)
        assert_close(gradient[member], alone[member], rtol=1e-14, atol=0)


def test_states_and_metrics_keep_their_names_and_each_members_numbers():
    real, fake = outputs(5)
    members = [BoundaryEquilibrium(gamma=0.1 + 0.4 * member, balance_rate=0.1) for member in range(3)]
    together = MemberObjectives(members, CPU, DOUBLE)
    state = {name: value.double() + 0.5 for name, value in together.initial_state(3).items()}
    assert state["balance"].shape == (3,)
    for method in ("next_state", "metrics"):
        result = getattr(together, method)(real, fake, state)
        for member, objective in enumerate(members):
            for name, value in getattr(objective, method)(real, fake, state).items():
                assert_close(result[name][member], value[member], rtol=1e-14, atol=0)


@as_many_members_as_samples
def test_a_penalty_has_each_members_own_weight_and_points(batch):
    real, fake, noise = normal(3, batch, 2, seed=1), normal(3, batch, 2, seed=2), normal(3, batch, 3, seed=3).sigmoid()
    members = [
        GradientPenalty(location="around_real", gp_weight=2.0**member, noise_scale=0.5 + member) for member in range(3)
    ]
    together = MemberConstraints(members, CPU, DOUBLE)
    points, gradient = together.points(real, fake, noise), normal(3, batch, 2, seed=4)
    assert points is not None
    for member, constraint in enumerate(members):
        assert_close(points[member], constraint.points(real, fake, noise)[member], rtol=1e-14, atol=0)
        assert_close(together.cost(gradient)[member], constraint.cost(gradient)[member], rtol=1e-14, atol=0)


def test_each_member_is_clipped_at_its_own_value_in_place():
    parameters = normal(3, 20)
    before = parameters.clone()
    MemberConstraints([WeightClipping(clip_value=value) for value in (0.1, 0.5, 1.0)], CPU, DOUBLE).project_(parameters)
    for member, value in enumerate((0.1, 0.5, 1.0)):
        assert torch.equal(parameters[member], before[member].clamp(-value, value))


def test_a_constraint_without_penalty_has_none_in_a_pack():
    clipping = MemberConstraints([WeightClipping(clip_value=value) for value in (0.1, 0.5)], CPU, DOUBLE)
    assert clipping.points(normal(2, 3, 2), normal(2, 3, 2), normal(2, 3, 0)) is None


def test_numbers_have_the_type_of_the_training():
    members = [EnergyMargin(margin=1.0), EnergyMargin(margin=2.0)]
    mapped = Mapped(members, list(numbers(members[0])), CPU, torch.float32)
    assert mapped.numbers["margin"].dtype == torch.float32
    assert mapped.numbers["margin"].tolist() == [1.0, 2.0]
