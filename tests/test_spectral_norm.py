"""Spectral normalisation: division by sigma, its gradient, updates of u and v, slopes of trained critics."""

from typing import Any

import pytest
import torch
from small_gans import SMALL_CRITICS, blob, drawn, evaluate, small_networks
from torch.nn.utils import parametrizations
from torch.testing import assert_close

from gan_core.constraints import GradientPenalty, SpectralNorm, Unconstrained, slope
from gan_core.data import Dirac
from gan_core.networks import DiracPair, MLPCritic, MLPGenerator, NetworkPair
from gan_core.objectives import BoundaryEquilibrium, Hinge, Wasserstein
from gan_core.shapes import SampleShape
from gan_core.training import SGD, Adam, Trainer, Training
from gan_core.training.draws import BLOCK

pytestmark = pytest.mark.shapes

NORM = SpectralNorm()
SHAPE = SampleShape(shape=(3,), bounded=False)
every_form = pytest.mark.parametrize("form", list(SMALL_CRITICS))


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def state_of(parameters, steps):
    """u and v after the initial power iterations and `steps` critic steps."""
    (seeds,) = {len(value) for value in parameters.values()}
    state = NORM.initial_state(parameters, [torch.Generator().manual_seed(seed) for seed in range(seeds)])
    for _ in range(steps):
        state = NORM.next_state(parameters, state)
    return state


def largest(weight):
    """Largest singular value of each seed's weight; a kernel is the matrix (out, in * height * width)."""
    return torch.linalg.matrix_norm(weight.flatten(2), ord=2)


# --- division by sigma


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (1, 5), (5, 1), (3, 2, 3, 3)], ids=str)
def test_every_seeds_weight_is_divided_by_its_own_largest_singular_value(shape):
    weight = torch.arange(1, 4).double().view(3, *[1] * len(shape)) * normal(3, *shape)
    mapped = NORM.map_parameters({"0.weight": weight}, state_of({"0.weight": weight}, 300))["0.weight"]
    sigma = largest(weight)
    assert len(set(sigma.tolist())) == 3
    assert_close(mapped, weight / sigma.view(-1, *[1] * len(shape)), rtol=1e-9, atol=0)
    assert_close(largest(mapped), torch.ones(3, dtype=torch.float64), rtol=1e-9, atol=0)


def test_kernel_of_a_convolution_is_read_as_a_matrix_with_a_row_per_output():
    """A kernel read as another matrix has another largest singular value."""
    kernel = normal(1, 4, 3, 2, 2, seed=3)
    mapped = NORM.map_parameters({"c.weight": kernel}, state_of({"c.weight": kernel}, 300))["c.weight"]
    as_outputs, as_inputs = kernel[0].reshape(4, 12), kernel[0].transpose(0, 1).reshape(3, 16)
    norms = [torch.linalg.matrix_norm(matrix, ord=2) for matrix in (as_outputs, as_inputs)]
    assert abs(norms[0] - norms[1]) > 0.05
    assert_close(kernel[0] / mapped[0], norms[0].expand(4, 3, 2, 2), rtol=1e-9, atol=0)


@every_form
def test_all_weights_of_a_critic_are_normalised_and_no_bias_is(form):
    parameters = drawn(SMALL_CRITICS[form], SHAPE, range(3))
    mapped = NORM.map_parameters(parameters, state_of(parameters, 500))
    for name, value in mapped.items():
        if name.endswith("bias"):
            assert torch.equal(value, parameters[name]), name
        else:
            assert_close(largest(value), torch.ones(3, dtype=torch.float64), rtol=1e-6, atol=0, msg=name)


def test_power_iteration_converges_from_below_to_the_largest_singular_value():
    weight = {"0.weight": normal(2, 9, 7)}
    estimates = []
    for steps in (0, 1, 4, 16, 64, 400):
        mapped = NORM.map_parameters(weight, state_of(weight, steps))["0.weight"]
        estimates.append((weight["0.weight"] / mapped)[:, 0, 0])
    table = torch.stack(estimates)
    assert (table[1:] >= table[:-1] * (1 - 1e-12)).all()
    assert_close(table[-1], largest(weight["0.weight"]), rtol=1e-9, atol=0)


def test_initial_state_is_the_result_of_fifteen_power_iterations():
    weight = normal(1, 5, 4)
    u = torch.randn(5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for _ in range(15):
        v = weight[0].T @ u / (weight[0].T @ u).norm()
        u = weight[0] @ v / (weight[0] @ v).norm()
    state = state_of({"0.weight": weight}, 0)
    assert_close(state["0.weight.u"][0], u, rtol=0, atol=1e-13)
    assert_close(state["0.weight.v"][0], v, rtol=0, atol=1e-13)


# --- the gradient


def test_gradient_passes_through_sigma_with_u_and_v_constant():
    parameters = {"0.weight": normal(2, 5, 3), "1.weight": normal(2, 3, 2, 2, seed=1)}
    state = state_of(parameters, 0)  # not converged: the gradient would differ if u depended on W
    names = list(parameters)

    def map_parameters(*weights):
        return tuple(NORM.map_parameters(dict(zip(names, weights, strict=True)), state).values())

    weights = tuple(parameters[name].requires_grad_() for name in names)
    assert torch.autograd.gradcheck(map_parameters, weights, eps=1e-6, atol=1e-8, rtol=1e-6)


@every_form
def test_gradient_of_any_loss_is_orthogonal_to_every_normalised_weight(form):
    """The loss does not depend on the norm of the weight, as it would with a constant sigma."""
    critic = SMALL_CRITICS[form]
    parameters = {name: value.requires_grad_() for name, value in drawn(critic, SHAPE, range(3)).items()}
    mapped = NORM.map_parameters(parameters, state_of({n: v.detach() for n, v in parameters.items()}, 1))
    output = critic.call(mapped, normal(3, 7, 3, seed=5), SHAPE)
    for name, weight in parameters.items():
        if name.endswith("weight"):
            (gradient,) = torch.autograd.grad(output.value.square().sum(), weight, retain_graph=True)
            overlap = (gradient * weight).flatten(1).sum(1)
            assert (gradient.flatten(1).norm(dim=1) > 1e-6).all(), name
            assert_close(overlap, torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-11, msg=name)


# --- comparison with torch


def torch_layer(weight, v):
    """A linear layer with torch's spectral_norm, started at `v`, the singular vector of the inputs."""
    linear: Any = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
    linear.weight.data.copy_(weight)
    parametrizations.spectral_norm(linear, n_power_iterations=1, eps=1e-12)
    linear.parametrizations.weight[0]._v.copy_(v)
    return linear


def test_critic_step_gives_the_numbers_of_torchs_spectral_norm():
    """torch stores weights as (out, in) and starts at v, we as (in, out) and u: both are vectors of the inputs."""
    weight, outer = normal(2, 6, 4), normal(2, 6, 4, seed=7)
    state = state_of({"0.weight": weight}, 0)
    modules = [torch_layer(weight[seed].T, state["0.weight.u"][seed]) for seed in range(2)]
    learning = weight.clone().requires_grad_()
    for _ in range(4):
        state = NORM.next_state({"0.weight": weight}, state)
        mapped = NORM.map_parameters({"0.weight": learning}, state)["0.weight"]
        (gradient,) = torch.autograd.grad((mapped * outer).sum(), learning)
        for seed, module in enumerate(modules):
            expected = module.train().weight  # one power iteration per access in training mode
            (expected_gradient,) = torch.autograd.grad(
                (expected * outer[seed].T).sum(), module.parametrizations.weight.original
            )
            assert_close(mapped[seed].T, expected, rtol=1e-12, atol=1e-14)
            assert_close(gradient[seed].T, expected_gradient, rtol=1e-11, atol=1e-13)


def test_converged_convolution_is_that_of_torchs_spectral_norm():
    kernel = normal(1, 4, 3, 2, 2)
    convolution = torch.nn.Conv2d(3, 4, 2, bias=False, dtype=torch.float64)
    convolution.weight.data.copy_(kernel[0])
    parametrizations.spectral_norm(convolution, n_power_iterations=300)
    mapped = NORM.map_parameters({"c.weight": kernel}, state_of({"c.weight": kernel}, 300))["c.weight"]
    assert_close(mapped[0], convolution.weight, rtol=1e-9, atol=1e-12)


# --- updates of u and v


def trainer_of(objective, seeds=(0, 1), constraint=NORM, **training):
    return Trainer(
        objective=objective,
        constraint=constraint,
        networks=small_networks(objective.critic_form),
        training=Training(batch=8, dtype="float64", **training),
        data=blob(),
        seeds=seeds,
    )


def slopes_of(trainer, points):
    """Slopes of each seed's critic at its points."""
    with torch.no_grad():
        return slope(trainer.critic_now(), points)


STILL = SGD(lr=1e-300)


@pytest.mark.parametrize("order", ["critic_first", "alternating", "simultaneous"])
@pytest.mark.parametrize(("objective", "pretrain_steps"), [(Hinge(), 0), (BoundaryEquilibrium(), 4)])
def test_u_and_v_are_updated_once_per_critic_step_and_neither_in_generator_steps_nor_in_evaluations(
    order, objective, pretrain_steps
):
    training = {"n_critic": 2, "update_order": order, "pretrain_steps": pretrain_steps}
    trainer = trainer_of(objective, critic_optimizer=STILL, **training)
    weights = {name: value.clone() for name, value in trainer.critic.frozen.items() if name.endswith("weight")}
    expected = dict(trainer.constraint_state)
    for _ in range(pretrain_steps + 2 * 3):
        expected = NORM.next_state(weights, expected)
    for _ in range(pretrain_steps + 3):
        evaluate(trainer)
        trainer.critic_values(normal(4, 3).numpy())
        slopes_of(trainer, normal(2, 4, 3))
        trainer.generate(5)
        trainer.advance(1)
    evaluate(trainer)
    assert all(torch.equal(trainer.critic.frozen[name], value) for name, value in weights.items())
    for name, value in trainer.constraint_state.items():
        assert_close(value, expected[name], rtol=0, atol=1e-14, msg=name)
    once_more = NORM.next_state(weights, expected)
    assert max((once_more[name] - value).abs().max().item() for name, value in expected.items()) > 1e-9


def test_evaluation_leaves_u_and_v_unchanged():
    trainer = trainer_of(Hinge())
    trainer.advance(2)
    before = {name: value.clone() for name, value in trainer.constraint_state.items()}
    evaluate(trainer)
    assert all(torch.equal(value, before[name]) for name, value in trainer.constraint_state.items())


def test_u_and_v_of_a_seed_do_not_depend_on_the_other_seeds():
    together, alone = trainer_of(Hinge(), (5, 6)), trainer_of(Hinge(), (6,))
    for name, value in together.constraint_state.items():
        assert value.shape[1] == 1 or not (value[0] == value[1]).any(), name
    for trainer in (together, alone):
        trainer.advance(BLOCK + 2)
    for name, value in alone.constraint_state.items():
        assert_close(together.constraint_state[name][1:], value, rtol=0, atol=1e-9, msg=name)


def test_generator_gradient_is_that_of_the_normalised_critic():
    """The critic is divided by sigma, with the u and v of the last critic step."""
    trainer = trainer_of(Wasserstein(), (3,), critic_optimizer=STILL, generator_optimizer=SGD(lr=0.5))
    before, z = trainer.generator.flat.clone(), trainer._draws.generator(0).z
    trainer.advance(1)
    mapped = NORM.map_parameters(trainer.critic.frozen, trainer.constraint_state)
    parameters = {n: v.clone().requires_grad_() for n, v in trainer.generator.views(before).items()}
    fake = trainer.networks.generator.generate(parameters, z, trainer.shape)
    loss = -trainer.networks.critic.call(mapped, fake, trainer.shape).value.mean()
    gradients = torch.autograd.grad(loss, list(parameters.values()))
    moved = before - 0.5 * torch.cat([gradient.flatten(1) for gradient in gradients], 1)
    assert_close(trainer.generator.flat, moved, rtol=0, atol=1e-13)


@pytest.mark.parametrize("psi", [-2.5, 0.3])
def test_critic_of_the_dirac_pair_becomes_the_sign_of_psi(psi):
    trainer = Trainer(
        objective=Wasserstein(),
        constraint=NORM,
        networks=DiracPair(psi=psi),
        training=Training(batch=1, critic_optimizer=SGD(lr=0.1), generator_optimizer=SGD(lr=0.1), dtype="float64"),
        data=Dirac().load(),
        seeds=[0],
    )
    sign = 1 if psi > 0 else -1
    assert NORM.map_parameters(trainer.critic.frozen, trainer.constraint_state)["psi"].item() == sign
    assert evaluate(trainer, Dirac().load())["critic_slope"].item() == 1
    trainer.advance(5)
    # the score is sign(psi) theta: psi has no gradient, and theta moves by lr per step in the direction of the sign
    assert trainer.critic.flat.item() == psi
    assert trainer.generator.flat.item() == pytest.approx(1 + 0.5 * sign, rel=1e-14)


# --- slopes of trained critics


def trained_slopes(constraint, iterations=40):
    """Slopes between real samples and fakes, and far from both, of critics trained against a fixed generator."""
    trainer = Trainer(
        objective=Wasserstein(),
        constraint=constraint,
        networks=NetworkPair(generator=MLPGenerator(width=16, depth=1, latent=4), critic=MLPCritic(width=16, depth=2)),
        training=Training(
            batch=32,
            n_critic=3,
            critic_optimizer=Adam(lr=3e-3, betas=(0.0, 0.9)),
            generator_optimizer=STILL,
            dtype="float64",
        ),
        data=blob(),
        seeds=(0, 1, 2),
    )
    trainer.advance(iterations)
    real, fake = torch.from_numpy(blob().train[:200]).double(), trainer.generate(200)
    between = torch.lerp(fake, real, torch.rand(200, 1, generator=torch.Generator().manual_seed(1)).double())
    everywhere = 5 * normal(3, 500, 3)
    return slopes_of(trainer, between), slopes_of(trainer, everywhere)


def test_no_slope_under_spectral_normalisation_is_above_one():
    between, everywhere = trained_slopes(NORM)
    # u was iterated before the last step of Adam changed the weights
    assert torch.maximum(between.max(), everywhere.max()) <= 1 + 1e-3
    assert between.max() > 0.3


def test_slopes_under_the_two_sided_penalty_are_near_one_between_real_and_fake():
    between, _ = trained_slopes(GradientPenalty(), iterations=80)
    assert between.mean(1).tolist() == pytest.approx([1, 1, 1], abs=0.15)
    assert (between.std(1) < 0.3).all()


def test_slopes_without_a_constraint_keep_growing():
    between, _ = trained_slopes(Unconstrained())
    later, _ = trained_slopes(Unconstrained(), iterations=80)
    assert (between.mean(1) > 5).all()
    assert (later.mean(1) > 2 * between.mean(1)).all()
