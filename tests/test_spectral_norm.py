"""Weights divided by their largest singular value: what is divided, what is differentiated, and who moves u and v."""

import pytest
import torch
from games import SMALL_CRITICS, SMALL_MEASURES, blob, drawn, small_networks
from torch.nn.utils import parametrizations
from torch.testing import assert_close

from gan_core.constraints import GradientPenalty, SpectralNorm, Unconstrained
from gan_core.data import Dirac
from gan_core.draws import BLOCK
from gan_core.networks import DiracPair, MLPCritic, MLPGenerator, NetworkPair, SampleSpace
from gan_core.objectives import BoundaryEquilibrium, Hinge, Wasserstein
from gan_core.optimizers import SGD, Adam
from gan_core.training import Trainer, Training

NORM = SpectralNorm()
SPACE = SampleSpace(dim=3, bounded=False)
every_form = pytest.mark.parametrize("form", list(SMALL_CRITICS))


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def state_of(parameters, steps):
    """u and v after the steps before the game and so many of it."""
    (seeds,) = {len(value) for value in parameters.values()}
    state = NORM.initial_state(parameters, [torch.Generator().manual_seed(seed) for seed in range(seeds)])
    for _ in range(steps):
        state = NORM.iterate(parameters, state)
    return state


def largest(weight):
    """The largest singular value of every seed's weight, a kernel taken as (out, in * height * width)."""
    return torch.linalg.matrix_norm(weight.flatten(2), ord=2)


# --- what is divided, and by what


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (1, 5), (5, 1), (3, 2, 3, 3)], ids=str)
def test_every_seeds_weight_is_divided_by_its_own_largest_singular_value(shape):
    weight = torch.arange(1, 4).double().view(3, *[1] * len(shape)) * normal(3, *shape)
    mapped = NORM.mapped({"0.weight": weight}, state_of({"0.weight": weight}, 300))["0.weight"]
    sigma = largest(weight)
    assert len(set(sigma.tolist())) == 3
    assert_close(mapped, weight / sigma.view(-1, *[1] * len(shape)), rtol=1e-9, atol=0)
    assert_close(largest(mapped), torch.ones(3, dtype=torch.float64), rtol=1e-9, atol=0)


def test_kernel_of_a_convolution_is_a_matrix_of_its_outputs():
    """Of the other matrices that a kernel can be read as, each has another norm."""
    kernel = normal(1, 4, 3, 2, 2, seed=3)
    mapped = NORM.mapped({"c.weight": kernel}, state_of({"c.weight": kernel}, 300))["c.weight"]
    as_outputs, as_inputs = kernel[0].reshape(4, 12), kernel[0].transpose(0, 1).reshape(3, 16)
    norms = [torch.linalg.matrix_norm(matrix, ord=2) for matrix in (as_outputs, as_inputs)]
    assert abs(norms[0] - norms[1]) > 0.05
    assert_close(kernel[0] / mapped[0], norms[0].expand(4, 3, 2, 2), rtol=1e-9, atol=0)


@every_form
def test_all_weights_of_a_critic_are_normalised_and_no_bias_is(form):
    parameters = drawn(SMALL_CRITICS[form], SPACE, range(3))
    mapped = NORM.mapped(parameters, state_of(parameters, 500))
    for name, value in mapped.items():
        if name.endswith("bias"):
            assert torch.equal(value, parameters[name]), name
        else:
            assert_close(largest(value), torch.ones(3, dtype=torch.float64), rtol=1e-6, atol=0, msg=name)


def test_iteration_converges_from_below_to_the_largest_singular_value():
    weight = {"0.weight": normal(2, 9, 7)}
    estimates = []
    for steps in (0, 1, 4, 16, 64, 400):
        mapped = NORM.mapped(weight, state_of(weight, steps))["0.weight"]
        estimates.append((weight["0.weight"] / mapped)[:, 0, 0])
    table = torch.stack(estimates)
    assert (table[1:] >= table[:-1] * (1 - 1e-12)).all()
    assert_close(table[-1], largest(weight["0.weight"]), rtol=1e-9, atol=0)


def test_fifteen_iterations_are_done_before_the_game():
    weight = normal(1, 5, 4)
    u = torch.randn(5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for _ in range(15):
        v = weight[0].T @ u / (weight[0].T @ u).norm()
        u = weight[0] @ v / (weight[0] @ v).norm()
    state = state_of({"0.weight": weight}, 0)
    assert_close(state["0.weight.u"][0], u, rtol=0, atol=1e-13)
    assert_close(state["0.weight.v"][0], v, rtol=0, atol=1e-13)


# --- what is differentiated


def test_gradient_flows_through_sigma_while_u_and_v_are_constants():
    parameters = {"0.weight": normal(2, 5, 3), "1.weight": normal(2, 3, 2, 2, seed=1)}
    state = state_of(parameters, 0)  # not converged, so that a u that moved with W would show
    names = list(parameters)

    def mapped(*weights):
        return tuple(NORM.mapped(dict(zip(names, weights, strict=True)), state).values())

    weights = tuple(parameters[name].requires_grad_() for name in names)
    assert torch.autograd.gradcheck(mapped, weights, eps=1e-6, atol=1e-8, rtol=1e-6)


@every_form
def test_gradient_of_any_loss_is_orthogonal_to_every_normalised_weight(form):
    """The loss does not see the weight's length; were sigma constant, it would."""
    critic = SMALL_CRITICS[form]
    parameters = {name: value.requires_grad_() for name, value in drawn(critic, SPACE, range(3)).items()}
    mapped = NORM.mapped(parameters, state_of({n: v.detach() for n, v in parameters.items()}, 1))
    said = critic.criticise(mapped, normal(3, 7, 3, seed=5), SPACE)
    for name, weight in parameters.items():
        if name.endswith("weight"):
            (gradient,) = torch.autograd.grad(said.value.square().sum(), weight, retain_graph=True)
            overlap = (gradient * weight).flatten(1).sum(1)
            assert (gradient.flatten(1).norm(dim=1) > 1e-6).all(), name
            assert_close(overlap, torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-11, msg=name)


# --- against another implementation


def theirs(weight, v):
    """torch's own parametrisation, started from the vector on the side of the inputs."""
    linear = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
    linear.weight.data.copy_(weight)
    parametrizations.spectral_norm(linear, n_power_iterations=1, eps=1e-12)
    linear.parametrizations.weight[0]._v.copy_(v)
    return linear


def test_critic_step_is_that_of_torchs_own_parametrisation():
    """torch keeps weights as (out, in) and begins with v, we as (in, out) with u: both are the side of the inputs."""
    weight, outer = normal(2, 6, 4), normal(2, 6, 4, seed=7)
    state = state_of({"0.weight": weight}, 0)
    modules = [theirs(weight[seed].T, state["0.weight.u"][seed]) for seed in range(2)]
    learning = weight.clone().requires_grad_()
    for _ in range(4):
        state = NORM.iterate({"0.weight": weight}, state)
        mapped = NORM.mapped({"0.weight": learning}, state)["0.weight"]
        (gradient,) = torch.autograd.grad((mapped * outer).sum(), learning)
        for seed, module in enumerate(modules):
            expected = module.train().weight  # one iteration a look in training mode
            (of_theirs,) = torch.autograd.grad(
                (expected * outer[seed].T).sum(), module.parametrizations.weight.original
            )
            assert_close(mapped[seed].T, expected, rtol=1e-12, atol=1e-14)
            assert_close(gradient[seed].T, of_theirs, rtol=1e-11, atol=1e-13)


def test_converged_convolution_is_that_of_torchs_own_parametrisation():
    kernel = normal(1, 4, 3, 2, 2)
    convolution = torch.nn.Conv2d(3, 4, 2, bias=False, dtype=torch.float64)
    convolution.weight.data.copy_(kernel[0])
    parametrizations.spectral_norm(convolution, n_power_iterations=300)
    mapped = NORM.mapped({"c.weight": kernel}, state_of({"c.weight": kernel}, 300))["c.weight"]
    assert_close(mapped[0], convolution.weight, rtol=1e-9, atol=1e-12)


# --- who moves u and v


def trainer_of(objective, seeds=(0, 1), constraint=NORM, **training):
    return Trainer(
        objective=objective,
        constraint=constraint,
        networks=small_networks(objective.critic_form),
        training=Training(**{"batch": 8, "dtype": "float64"} | training),
        data=blob(),
        measures=SMALL_MEASURES,
        seeds=seeds,
    )


STILL = SGD(lr=1e-300)


@pytest.mark.parametrize("order", ["critic_first", "alternating", "simultaneous"])
@pytest.mark.parametrize(("objective", "pretrain_steps"), [(Hinge(), 0), (BoundaryEquilibrium(), 4)])
def test_u_and_v_go_on_once_a_critic_step_and_never_for_the_generator_or_a_look(order, objective, pretrain_steps):
    training = {"n_critic": 2, "update_order": order, "pretrain_steps": pretrain_steps}
    trainer = trainer_of(objective, critic_optimizer=STILL, **training)
    weights = {name: value.clone() for name, value in trainer.critic.frozen.items() if name.endswith("weight")}
    expected = dict(trainer.constraint_state)
    for _ in range(pretrain_steps + 2 * 3):
        expected = NORM.iterate(weights, expected)
    for _ in range(pretrain_steps + 3):
        trainer.measure()
        trainer.critic_slope(normal(2, 4, 3))
        trainer.samples(5)
        trainer.advance(1)
    trainer.measure()
    assert all(torch.equal(trainer.critic.frozen[name], value) for name, value in weights.items())
    for name, value in trainer.constraint_state.items():
        assert_close(value, expected[name], rtol=0, atol=1e-14, msg=name)
    once_more = NORM.iterate(weights, expected)
    assert max((once_more[name] - value).abs().max().item() for name, value in expected.items()) > 1e-9


def test_measuring_leaves_u_and_v_bit_for_bit():
    trainer = trainer_of(Hinge())
    trainer.advance(2)
    before = {name: value.clone() for name, value in trainer.constraint_state.items()}
    trainer.measure()
    assert all(torch.equal(value, before[name]) for name, value in trainer.constraint_state.items())


def test_a_seed_has_its_own_u_and_v_and_they_know_no_other_seed():
    together, alone = trainer_of(Hinge(), (5, 6)), trainer_of(Hinge(), (6,))
    for name, value in together.constraint_state.items():
        assert value.shape[1] == 1 or not (value[0] == value[1]).any(), name
    for trainer in (together, alone):
        trainer.advance(BLOCK + 2)
    for name, value in alone.constraint_state.items():
        assert_close(together.constraint_state[name][1:], value, rtol=0, atol=1e-9, msg=name)


def test_generator_sees_the_normalised_critic():
    """Its gradient is that of the critic divided by sigma, with the u and v of the last critic step."""
    trainer = trainer_of(Wasserstein(), (3,), critic_optimizer=STILL, generator_optimizer=SGD(lr=0.5))
    before, z = trainer.generator.flat.clone(), trainer._draws.generator(0).z
    trainer.advance(1)
    mapped = NORM.mapped(trainer.critic.frozen, trainer.constraint_state)
    parameters = {n: v.clone().requires_grad_() for n, v in trainer.generator.views(before).items()}
    fake = trainer.networks.generator.generate(parameters, z, trainer.space)
    loss = -trainer.networks.critic.criticise(mapped, fake, trainer.space).value.mean()
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
    assert NORM.mapped(trainer.critic.frozen, trainer.constraint_state)["psi"].item() == sign
    assert trainer.measure()["critic_slope"].item() == 1
    trainer.advance(5)
    # a score of sign(psi) theta: psi has no gradient, and theta runs up the sign at full speed
    assert trainer.critic.flat.item() == psi
    assert trainer.generator.flat.item() == pytest.approx(1 + 0.5 * sign, rel=1e-14)


# --- how steep trained critics are


def trained_slopes(constraint, rounds=40):
    """Slopes between real samples and fakes, and far outside, of critics trained hard against fakes that stay."""
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
        measures=SMALL_MEASURES,
        seeds=(0, 1, 2),
    )
    trainer.advance(rounds)
    real, fake = torch.from_numpy(blob().train[:200]).double(), trainer.samples(200)
    between = torch.lerp(fake, real, torch.rand(200, 1, generator=torch.Generator().manual_seed(1)).double())
    everywhere = 5 * normal(3, 500, 3)
    return trainer.critic_slope(between), trainer.critic_slope(everywhere)


def test_no_slope_under_spectral_normalisation_is_above_one():
    between, everywhere = trained_slopes(NORM)
    # u lags one step of Adam behind the weights that it normalises
    assert torch.maximum(between.max(), everywhere.max()) <= 1 + 1e-3
    assert between.max() > 0.3


def test_slopes_under_the_two_sided_penalty_are_near_one_where_it_looks():
    between, _ = trained_slopes(GradientPenalty(), rounds=80)
    assert between.mean(1).tolist() == pytest.approx([1, 1, 1], abs=0.15)
    assert (between.std(1) < 0.3).all()


def test_slopes_without_a_constraint_leave_every_bound():
    between, _ = trained_slopes(Unconstrained())
    later, _ = trained_slopes(Unconstrained(), rounds=80)
    assert (between.mean(1) > 5).all()
    assert (later.mean(1) > 2 * between.mean(1)).all()
