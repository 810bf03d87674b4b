"""Optimizers with other numbers for each member, against torch's own for each member alone."""

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from gan_core.training import SGD, Adam, Halving, Linear, RMSProp, member_optimizers
from gan_core.training.member_optimizers import MemberOptimizers

pytestmark = pytest.mark.shapes

KINDS = {"adam": Adam, "rmsprop": RMSProp, "sgd": SGD}
TORCH = {"adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop, "sgd": torch.optim.SGD}
TORCHS_DEFAULTS: dict[str, dict[str, Any]] = {
    "adam": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8},
    "rmsprop": {"lr": 1e-2, "alpha": 0.99, "eps": 1e-8},
    "sgd": {"lr": 1e-3, "momentum": 0.0},
}
TORCHS_INPUTS: dict[str, list[dict[str, Any]]] = {
    "adam": [{}, {"lr": 0.01}],
    "rmsprop": [{}, {"lr": 1e-3}],
    "sgd": [{}, {"lr": 1e-2}, {"momentum": 0.9}],
}
"""Inputs of torch/testing/_internal/common_optimizers.py (2.13) whose hyperparameters this library has.

The others have weight decay, amsgrad, maximize, centered, dampening or nesterov.
"""
FURTHER_INPUTS: dict[str, list[dict[str, Any]]] = {
    "adam": [
        {"betas": (0.0, 0.9)},
        {"betas": (0.5, 0.0), "lr": 0.3},
        {"eps": 1e-2},
        {"betas": (0.95, 0.5), "eps": 1e-12, "lr": 1e-6},
    ],
    "rmsprop": [{"alpha": 0.5}, {"alpha": 0.01, "lr": 0.3}, {"eps": 1e-2}, {"alpha": 0.9999, "eps": 1e-12}],
    "sgd": [{"momentum": 0.5, "lr": 0.3}, {"momentum": 0.99, "lr": 1e-6}],
}
every_kind = pytest.mark.parametrize("kind", list(KINDS))


def inputs_of(kind):
    return [TORCHS_DEFAULTS[kind] | changes for changes in TORCHS_INPUTS[kind] + FURTHER_INPUTS[kind]]


def normal(*shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def stepped(built, members, parameters, gradients):
    """The parameters after each step of optimizers for them, the first step with the learning rate of step 0."""
    path = []
    for gradient in gradients:
        built.step(gradient, MemberOptimizers(tuple(members)).learning_rate(0))
        path.append(parameters.clone())
    return torch.stack(path)


def stepped_by_torch(optimizer, parameters, gradients):
    """The parameters after each step of one torch optimizer."""
    path = []
    for gradient in gradients:
        parameters.grad = gradient.clone()
        optimizer.step()
        path.append(parameters.clone())
    return torch.stack(path)


def stepped_together(kind, inputs, gradients, start):
    """The parameters of all members after each step, (steps, members, parameters)."""
    return stepped_members([KINDS[kind](**settings) for settings in inputs], gradients, start)


def stepped_members(members, gradients, start):
    parameters = start.clone()
    return stepped(MemberOptimizers(tuple(members)).build(parameters), members, parameters, gradients)


def stepped_alone(kind, inputs, gradients, start):
    """The same with one of torch's optimizers per member."""
    paths = []
    for member, settings in enumerate(inputs):
        parameters = start[member].clone()
        paths.append(stepped_by_torch(TORCH[kind]([parameters], **settings), parameters, gradients[:, member]))
    return torch.stack(paths, dim=1)


def varied_gradients(members, steps=30, parameters=40):
    """Gradients of sizes between 1e-6 and 1e6, some of them 0."""
    gradients = normal(steps, members, parameters, seed=1) * 10 ** normal(1, members, parameters, seed=2).mul(2)
    gradients[:, :, ::7] = 0
    gradients[steps // 2] = 0
    return gradients


@every_kind
def test_every_member_takes_the_steps_of_torchs_optimizer_with_its_numbers(kind):
    inputs = inputs_of(kind)
    gradients, start = varied_gradients(len(inputs)), normal(len(inputs), 40, seed=0)
    expected = stepped_alone(kind, inputs, gradients, start)
    assert_close(stepped_together(kind, inputs, gradients, start), expected, rtol=1e-12, atol=1e-12)


@every_kind
def test_as_many_members_as_parameters_keep_their_own_numbers(kind):
    inputs = inputs_of(kind)
    count = len(inputs)
    gradients, start = varied_gradients(count, parameters=count), normal(count, count, seed=0)
    expected = stepped_alone(kind, inputs, gradients, start)
    assert_close(stepped_together(kind, inputs, gradients, start), expected, rtol=1e-12, atol=1e-12)


@every_kind
def test_a_gradient_whose_square_overflows_has_torchs_effect(kind):
    """Adam and RMSProp then stand still for ever: their average of squares is infinite."""
    inputs = inputs_of(kind)[:2]
    gradients, start = normal(6, 2, 40, seed=1).float(), normal(2, 40, seed=0).float()
    gradients[2, :, :5] = 1e25
    together = stepped_together(kind, inputs, gradients, start)
    expected = stepped_alone(kind, inputs, gradients, start)
    assert torch.equal(together.isfinite(), expected.isfinite())
    if kind != "sgd":
        assert torch.equal(together[2:, :, :5], expected[2:, :, :5])


@every_kind
def test_nan_in_the_gradient_of_one_member_does_not_reach_the_others(kind):
    inputs = inputs_of(kind)[:3]
    gradients, start = varied_gradients(len(inputs)), normal(len(inputs), 40, seed=0)
    poisoned = gradients.clone()
    poisoned[2, 1] = torch.nan
    expected, actual = (stepped_together(kind, inputs, batch, start) for batch in (gradients, poisoned))
    others = [member for member in range(len(inputs)) if member != 1]
    assert torch.equal(expected[:, others], actual[:, others])
    assert actual[2:, 1].isnan().all()


def test_adams_formula_and_torchs_kernel_take_the_same_steps():
    """The formula is for accelerators, the kernel for processors."""
    inputs = inputs_of("adam")
    gradients, start = varied_gradients(len(inputs)), normal(len(inputs), 40, seed=0)
    parameters, members = start.clone(), [Adam(**one) for one in inputs]
    by_formula = stepped(member_optimizers._Adam(parameters, members), members, parameters, gradients)
    assert_close(by_formula, stepped_alone("adam", inputs, gradients, start), rtol=1e-12, atol=1e-12)
    assert_close(by_formula, stepped_together("adam", inputs, gradients, start), rtol=1e-12, atol=1e-12)


def test_adams_formula_stands_still_where_the_square_of_a_gradient_overflows():
    members, start = [Adam(lr=0.1), Adam(lr=0.2)], normal(2, 40, seed=0).float()
    gradients = normal(6, 2, 40, seed=1).float()
    gradients[2, :, :5] = 1e25
    parameters = start.clone()
    path = stepped(member_optimizers._Adam(parameters, members), members, parameters, gradients)
    assert path.isfinite().all()
    assert torch.equal(path[2, :, :5], path[1, :, :5])
    assert torch.equal(path[5, :, :5], path[1, :, :5])


def test_a_member_has_the_bits_of_torchs_fused_adam():
    members = [Adam(lr=1e-3 * (1 + member), betas=(0.1 * member, 0.9)) for member in range(5)]
    start, gradients = normal(5, 64, seed=0).float(), normal(9, 5, 64, seed=1).float()
    path = stepped_members(members, gradients, start)
    for row, member in enumerate(members):
        alone = start[row].clone()
        torchs = torch.optim.Adam([alone], lr=member.lr, betas=member.betas, eps=member.eps, fused=True)
        assert torch.equal(stepped_by_torch(torchs, alone, gradients[:, row]), path[:, row])


def test_learning_rates_follow_each_members_own_schedule():
    members = (SGD(lr=0.3), SGD(lr=0.2, schedule=Linear(steps=10)), SGD(lr=0.1, schedule=Halving(every=2)))
    rates = MemberOptimizers(members).learning_rate(5)
    assert rates.shape == (3, 1)
    assert rates.flatten().tolist() == [0.3, 0.1, 0.025]


def test_constant_learning_rates_are_those_of_each_member_at_every_step():
    optimizers = MemberOptimizers((SGD(lr=0.3), SGD(lr=0.3), SGD(lr=0.1)))
    assert [optimizers.learning_rate(step).flatten().tolist() for step in (0, 7)] == 2 * [[0.3, 0.3, 0.1]]


def test_neighbours_with_equal_numbers_form_a_run():
    members = (SGD(lr=0.3), SGD(lr=0.3), SGD(lr=0.1), SGD(lr=0.3))
    runs = member_optimizers.runs_of_equals(members)
    assert runs == [(SGD(lr=0.3), 2), (SGD(lr=0.1), 1), (SGD(lr=0.3), 1)]


def test_equal_neighbours_that_share_a_call_keep_the_bits_of_each_alone():
    members = [Adam(lr=1e-3), Adam(lr=1e-3), Adam(lr=2e-3), Adam(lr=1e-3, schedule=Halving(every=2))]
    start, gradients = normal(4, 64, seed=0).float(), normal(9, 4, 64, seed=1).float()
    path = stepped_members(members, gradients, start)
    for row, member in enumerate(members):
        alone = slice(row, row + 1)
        assert torch.equal(stepped_members([member], gradients[:, alone], start[alone]), path[:, alone])


@every_kind
def test_optimizers_with_a_loaded_state_take_the_same_steps(kind):
    members = [KINDS[kind](**settings) for settings in inputs_of(kind)]
    gradients, start = varied_gradients(len(members), steps=6), normal(len(members), 40, seed=0)
    parameters = start.clone()
    built = MemberOptimizers(tuple(members)).build(parameters)
    stepped(built, members, parameters, gradients[:3])
    state, resumed = built.state(), parameters.clone()
    expected = stepped(built, members, parameters, gradients[3:])
    loaded = MemberOptimizers(tuple(members)).build(resumed)
    loaded.load(state)
    assert torch.equal(stepped(loaded, members, resumed, gradients[3:]), expected)


def test_making_and_stepping_optimizers_imports_no_compiler():
    program = """if True:
        import sys, torch
        from gan_core.training import SGD, Adam, RMSProp
        from gan_core.training.member_optimizers import MemberOptimizers
        for member in (Adam(), RMSProp(), SGD()):
            optimizers = MemberOptimizers((member, member))
            optimizers.build(torch.zeros(2, 64)).step(torch.ones(2, 64), optimizers.learning_rate(0))
        assert "torch._dynamo" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", program], check=True)
