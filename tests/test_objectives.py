"""Losses of critic and generator: claims about every objective, then closed forms and reference numbers of each."""

from dataclasses import fields, replace
from inspect import isabstract
from math import exp, log, log1p
from typing import get_args

import pytest
import torch
from small_gans import OBJECTIVES, critic_output, drawn, kind_of
from torch.testing import assert_close

from gan_core.networks import AutoencoderCritic
from gan_core.objectives import (
    AnyObjective,
    BoundaryEquilibrium,
    EnergyMargin,
    Hinge,
    LeastSquares,
    LossSensitive,
    Minimax,
    NonSaturating,
    Objective,
    Relativistic,
    Wasserstein,
    pull_away,
)
from gan_core.shapes import CriticOutput, SampleShape

pytestmark = pytest.mark.shapes

every_objective = pytest.mark.parametrize("objective", OBJECTIVES, ids=kind_of)
SEEDS, BATCH = 3, 6


def values(*shape, seed=0, low=0.1, high=0.9):
    """Scores at which every loss has a gradient: between LSGAN's targets, inside the margins."""
    uniform = torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (low + (high - low) * uniform).requires_grad_()


def batches(*axes, low=0.1, high=0.9):
    real, fake = values(*axes, BATCH, seed=1, low=low, high=high), values(*axes, BATCH, seed=2, low=low, high=high)
    return critic_output(real), critic_output(fake, samples=torch.linspace(1, 2, 3).double().expand(*fake.shape, 3))


def state_after_three_steps(objective, *axes):
    """State after three generator steps; BEGAN's balance is then above 0, its initial value and lower bound."""
    count = torch.Size(axes).numel()
    real, fake = batches(count)
    fake = replace(fake, value=fake.value / 10)  # BEGAN's balance then leaves 0
    state = {name: value.double() for name, value in objective.initial_state(count).items()}
    for _ in range(3):
        state = objective.next_state(real.detach(), fake.detach(), state)
    return {name: value.reshape((*axes, *value.shape[1:])) for name, value in state.items()}


def losses(objective, *axes):
    between_targets = objective == LeastSquares(fake_target=-1.0, generator_target=0.0)
    real, fake = batches(*axes, low=-0.9, high=-0.1) if between_targets else batches(*axes)
    state = state_after_three_steps(objective, *axes)
    critic, generator = objective.critic_loss(real, fake, state), objective.generator_loss(real, fake, state)
    return real, fake, critic, generator


def gradient_of(loss, *inputs):
    return torch.autograd.grad(loss.sum(), inputs, retain_graph=True, materialize_grads=True)


# --- every objective, besides its contract (test_contracts.py)


@every_objective
def test_critic_step_raises_real_scores_and_lowers_real_energies(objective):
    real, _, critic, _ = losses(objective, SEEDS)
    (gradient,) = gradient_of(critic, real.value)
    assert (gradient < 0).all() if objective.critic_form == "score" else (gradient > 0).all()


@every_objective
def test_critic_step_lowers_fake_scores_and_raises_fake_energies(objective):
    _, fake, critic, _ = losses(objective, SEEDS)
    (gradient,) = gradient_of(critic, fake.value)
    assert (gradient > 0).all() if objective.critic_form == "score" else (gradient < 0).all()


@every_objective
def test_generator_step_raises_fake_scores_and_lowers_fake_energies(objective):
    _, fake, _, generator = losses(objective, SEEDS)
    (gradient,) = gradient_of(generator, fake.value)
    assert (gradient < 0).all() if objective.critic_form == "score" else (gradient > 0).all()


@every_objective
def test_two_seed_axes_give_the_losses_of_one_seed_axis_in_the_same_order(objective):
    real, fake = batches(2, 3)
    flat_real, flat_fake = (
        CriticOutput(value=c.value.flatten(0, 1), samples=c.samples.flatten(0, 1), code=c.code.flatten(0, 1))
        for c in (real, fake)
    )
    grid, row = state_after_three_steps(objective, 2, 3), state_after_three_steps(objective, 6)
    for loss in ("critic_loss", "generator_loss"):
        two_axes = getattr(objective, loss)(real, fake, grid)
        one_axis = getattr(objective, loss)(flat_real, flat_fake, row)
        assert_close(two_axes.flatten(), one_axis, rtol=1e-15, atol=0)


@every_objective
def test_losses_are_means_over_the_batch_and_not_sums(objective):
    real, fake = batches(SEEDS)
    if objective.reads_code:
        pytest.skip("the pull-away term is a mean over pairs of different samples")
    doubled = [
        CriticOutput(value=c.value.repeat(1, 2), samples=c.samples.repeat(1, 2, 1), code=None) for c in (real, fake)
    ]
    state = state_after_three_steps(objective, SEEDS)
    for loss in ("critic_loss", "generator_loss"):
        assert_close(getattr(objective, loss)(*doubled, state), getattr(objective, loss)(real, fake, state))


@every_objective
def test_objectives_are_concrete_subclasses_of_the_contract(objective):
    assert isinstance(objective, AnyObjective)
    assert not isabstract(type(objective))
    assert objective.critic_form in ("score", "energy")


@every_objective
def test_numeric_fields_must_be_finite(objective):
    for field in fields(objective):
        if isinstance(getattr(objective, field.name), float):
            with pytest.raises(ValueError, match=f"^{field.name}: must be a finite number, but is nan$"):
                replace(objective, **{field.name: float("nan")})


def test_kinds_are_unique():
    kinds = [kind().kind for kind in get_args(Objective)]
    assert len(set(kinds)) == len(kinds)


# --- minimax and non-saturating


@pytest.mark.parametrize("objective", [Minimax(), NonSaturating()], ids=kind_of)
def test_classification_loss_is_two_log_two_at_scores_of_zero(objective):
    output = critic_output(torch.zeros(1, 4, dtype=torch.float64))
    assert_close(objective.critic_loss(output, output, {}).item(), 2 * log(2), rtol=1e-15, atol=0)


P = torch.tensor([1, 2, 5], dtype=torch.float64) / 8
Q = torch.tensor([4, 3, 1], dtype=torch.float64) / 8


def on_three_points(table):
    """Outputs for batches of 8 in which three points have the frequencies P and Q; `table` holds the value at each."""
    real, fake = (table[torch.repeat_interleave(torch.arange(3), (8 * p).long())] for p in (P, Q))
    return critic_output(real), critic_output(fake)


@pytest.mark.parametrize("objective", [Minimax(), NonSaturating()], ids=kind_of)
def test_optimal_classifier_is_the_log_odds_and_its_loss_is_given_by_the_jensen_shannon_divergence(objective):
    best = (P / Q).log().requires_grad_()
    loss = objective.critic_loss(*on_three_points(best), {})
    middle = (P + Q) / 2
    divergence = ((P * (P / middle).log()).sum() + (Q * (Q / middle).log()).sum()) / 2
    assert_close(loss, 2 * log(2) - 2 * divergence, rtol=1e-14, atol=0)
    (gradient,) = gradient_of(loss, best)
    assert_close(gradient, torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-15)


def generator_slope(objective, score, dtype=torch.float32):
    """d loss / d D of one fake."""
    value = torch.tensor([score], dtype=dtype, requires_grad=True)
    (gradient,) = gradient_of(objective.generator_loss(None, critic_output(value), {}), value)
    return gradient.item()


def test_minimax_generator_gradient_vanishes_at_very_low_scores():
    assert generator_slope(Minimax(), -50.0) == pytest.approx(-1 / (1 + exp(50)), rel=1e-6)
    assert generator_slope(Minimax(), -50.0, torch.float64) == pytest.approx(-1 / (1 + exp(50)), rel=1e-14)


def test_non_saturating_generator_gradient_does_not_vanish_at_very_low_scores():
    assert generator_slope(NonSaturating(), -50.0) == pytest.approx(-1.0, rel=1e-7)


@pytest.mark.parametrize("score", [-3.0, -0.4, 0.0, 1.7])
def test_generator_gradients_are_logistic_functions_of_the_score(score):
    odds = 1 / (1 + exp(-score))
    assert generator_slope(Minimax(), score, torch.float64) == pytest.approx(-odds, rel=1e-14)
    assert generator_slope(NonSaturating(), score, torch.float64) == pytest.approx(odds - 1, rel=1e-14)


def test_minimax_and_non_saturating_have_the_same_critic_loss():
    real, fake = batches(SEEDS)
    assert torch.equal(Minimax().critic_loss(real, fake, {}), NonSaturating().critic_loss(real, fake, {}))


# --- least squares


def test_least_squares_losses_are_those_computed_by_hand():
    real = critic_output(torch.tensor([2.0, 0.0]))
    fake = critic_output(torch.tensor([0.5, -1.0]))
    default = LeastSquares()
    # 1/2 mean(1, 1) + 1/2 mean(.25, 1); 1/2 mean(.25, 4)
    assert default.critic_loss(real, fake, {}).item() == pytest.approx(0.5 + 0.3125, rel=1e-7)
    assert default.generator_loss(None, fake, {}).item() == pytest.approx(1.0625, rel=1e-7)
    shifted = LeastSquares(fake_target=-2.0, real_target=3.0, generator_target=0.25)
    # 1/2 mean(1, 9) + 1/2 mean(6.25, 1); 1/2 mean(.0625, 1.5625)
    assert shifted.critic_loss(real, fake, {}).item() == pytest.approx(2.5 + 1.8125, rel=1e-7)
    assert shifted.generator_loss(None, fake, {}).item() == pytest.approx(0.40625, rel=1e-7)


TARGETS = [LeastSquares(), LeastSquares(fake_target=-1.0, real_target=1.0, generator_target=0.0)]


@pytest.mark.parametrize("objective", TARGETS, ids=["default", "pearson"])
def test_optimal_least_squares_critic_is_the_weighted_mean_of_its_targets(objective):
    best = ((objective.real_target * P + objective.fake_target * Q) / (P + Q)).requires_grad_()
    loss = objective.critic_loss(*on_three_points(best), {})
    (gradient,) = gradient_of(loss, best)
    assert_close(gradient, torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-15)
    # (b - a)^2 / 2 sum p q / (p + q), by inserting the minimum
    width = objective.real_target - objective.fake_target
    assert_close(loss, width**2 / 2 * (P * Q / (P + Q)).sum(), rtol=1e-14, atol=0)


def test_targets_minus_one_one_zero_give_the_chi_squared_divergence_at_the_optimal_critic():
    """Mao et al. 2017, eq. 6-8: 2 C(G) = chi^2(p + q || 2 q) where b - c = 1 and b - a = 2."""
    objective = TARGETS[1]
    best = (P - Q) / (P + Q)
    real, fake = on_three_points(best)
    doubled = 2 * (objective.generator_loss(None, real, {}) + objective.generator_loss(None, fake, {}))
    assert_close(doubled, ((2 * Q - (P + Q)).square() / (P + Q)).sum(), rtol=1e-14, atol=0)


def test_least_squares_refuses_equal_targets():
    with pytest.raises(ValueError, match=r"^real_target: must differ from fake_target, but both are 0.5$"):
        LeastSquares(fake_target=0.5, real_target=0.5)


# --- wasserstein


def test_wasserstein_loss_is_the_difference_of_means():
    real, fake = critic_output(torch.tensor([[1.0, 5.0]])), critic_output(torch.tensor([[2.0, -6.0]]))
    assert Wasserstein().critic_loss(real, fake, {}).item() == -5.0
    assert Wasserstein().generator_loss(None, fake, {}).item() == 2.0


def test_identity_critic_attains_the_earth_movers_distance_of_a_shift():
    points = torch.tensor([0.3, -1.0, 2.5, 0.9], dtype=torch.float64)
    loss = Wasserstein().critic_loss(critic_output(points + 1.75), critic_output(points), {})
    assert loss.item() == pytest.approx(-1.75, rel=1e-15)


# --- energy with a margin


def test_energy_margin_takes_the_hinge_of_each_sample_and_not_of_the_batch_mean():
    objective = EnergyMargin(margin=1.0)
    energies = torch.tensor([0.25, 0.75, 3.0, 4.0], dtype=torch.float64, requires_grad=True)
    assert energies.mean() > objective.margin
    real = critic_output(torch.tensor([0.125, 0.375, 0.0, 0.5], dtype=torch.float64))
    loss = objective.critic_loss(real, critic_output(energies), {})
    assert loss.item() == pytest.approx(0.25 + (0.75 + 0.25) / 4, rel=1e-15)
    (gradient,) = gradient_of(loss, energies)
    assert gradient.tolist() == [-0.25, -0.25, 0, 0]


def test_energy_margin_generator_loss_is_the_mean_energy():
    fake = critic_output(torch.tensor([[1.0, 2.0, 6.0], [0.5, 0.0, 1.0]], dtype=torch.float64))
    assert EnergyMargin().generator_loss(None, fake, {}).tolist() == [3.0, 0.5]


@pytest.mark.parametrize("margin", [0.0, -1.0])
def test_margin_must_be_positive(margin):
    with pytest.raises(ValueError, match=f"^margin: must be > 0, but is {margin}$"):
        EnergyMargin(margin=margin)


def test_pull_away_term_is_added_to_the_generator_loss_alone_times_its_weight():
    real, fake = batches(SEEDS)
    plain, pulled = EnergyMargin(), EnergyMargin(pull_away_weight=0.7)
    difference = pulled.generator_loss(None, fake, {}) - plain.generator_loss(None, fake, {})
    assert_close(difference, 0.7 * pull_away(fake.code), rtol=1e-13, atol=0)
    assert torch.equal(pulled.critic_loss(real, fake, {}), plain.critic_loss(real, fake, {}))


def test_only_energy_margin_with_a_pull_away_term_reads_codes():
    assert [objective.kind for objective in OBJECTIVES if objective.reads_code] == ["energy_margin"]
    assert not EnergyMargin().reads_code


def pulled(*codes):
    return pull_away(torch.tensor(codes, dtype=torch.float64)).item()


def test_pull_away_is_zero_for_orthogonal_codes():
    assert pulled([3.0, 0, 0], [0, -0.2, 0], [0, 0, 7.0]) == 0


def test_pull_away_is_one_for_identical_codes():
    assert pulled([1.0, 2.0], [1.0, 2.0], [1.0, 2.0]) == pytest.approx(1, rel=1e-14)


def test_pull_away_is_one_for_codes_that_differ_in_scale_and_sign_alone():
    assert pulled([1.0, 2.0], [10.0, 20.0], [-0.03, -0.06]) == pytest.approx(1, rel=1e-14)


def test_pull_away_of_three_codes_is_that_computed_by_hand():
    # squared cosines: 1/2 between first and second, 0 between first and third, 1/2 between second and third
    assert pulled([1.0, 0], [1.0, 1.0], [0, 2.0]) == pytest.approx(1 / 3, rel=1e-14)


def test_pull_away_of_a_code_at_zero_has_a_finite_gradient():
    code = torch.tensor([[0.0, 0.0], [1.0, 2.0], [1.0, -1.0]], requires_grad=True)
    (gradient,) = gradient_of(pull_away(code), code)
    assert gradient.isfinite().all()


# --- an autoencoder's energy


def linear_autoencoder(energy):
    """An autoencoder whose hidden units are all positive, so that Dec(Enc(x)) = x A + c exactly."""
    network = AutoencoderCritic(width=4, depth=1, code=2, energy=energy, output="linear")
    parameters = drawn(network, SampleShape(shape=(3,), bounded=False), (3,))
    parameters["encoder.0.bias"] += 10
    parameters["decoder.0.bias"] += 200
    matrix, offset = torch.eye(3, dtype=torch.float64), torch.zeros(1, 3, dtype=torch.float64)
    for half in ("encoder", "decoder"):
        for layer in ("0", "1"):
            weight, bias = (parameters[f"{half}.{layer}.{name}"][0] for name in ("weight", "bias"))
            matrix, offset = matrix @ weight, offset @ weight + bias
    return network, parameters, matrix, offset


@pytest.mark.parametrize(
    ("energy", "value", "outer"),
    [
        ("squared_error_mean", lambda e: e.square().mean(-1), lambda e: 2 * e / 3),
        ("squared_error_sum", lambda e: e.square().sum(-1), lambda e: 2 * e),
        ("absolute_error_mean", lambda e: e.abs().mean(-1), lambda e: e.sign() / 3),
        ("absolute_error_sum", lambda e: e.abs().sum(-1), lambda e: e.sign()),
        ("euclidean_norm", lambda e: e.norm(dim=-1), lambda e: e / e.norm(dim=-1, keepdim=True)),
    ],
)
def test_gradient_of_the_energy_passes_through_the_reconstruction_and_the_target(energy, value, outer):
    network, parameters, matrix, offset = linear_autoencoder(energy)
    points = torch.tensor([[[0.2, -0.7, 1.1], [1.5, 0.4, -0.3]]], dtype=torch.float64, requires_grad=True)
    output = network.call(parameters, points, SampleShape(shape=(3,), bounded=False))
    error = points @ matrix + offset - points
    assert_close(output.value, value(error), rtol=1e-12, atol=0)
    (gradient,) = gradient_of(EnergyMargin().generator_loss(None, output, {}), points)
    assert_close(gradient, outer(error) @ (matrix - torch.eye(3)).mT / 2, rtol=1e-11, atol=1e-13)


# --- hinge


def test_hinge_is_taken_per_sample_and_is_zero_beyond_one():
    real = critic_output(torch.tensor([2.0, 0.5, -1.0], dtype=torch.float64))
    fake = critic_output(torch.tensor([-3.0, -0.5, 1.0], dtype=torch.float64, requires_grad=True))
    # of the batch's means, 0.5 and -0.8333, the hinge would be 0.5 + 0.1667
    loss = Hinge().critic_loss(real, fake, {})
    assert loss.item() == pytest.approx((0 + 0.5 + 2) / 3 + (0 + 0.5 + 2) / 3, rel=1e-15)
    (gradient,) = gradient_of(loss, fake.value)
    assert gradient.tolist() == pytest.approx([0, 1 / 3, 1 / 3])
    assert Hinge().generator_loss(None, fake, {}).item() == pytest.approx((3 + 0.5 - 1) / 3)


# --- relativistic


def test_relativistic_pairs_are_formed_by_index():
    real = critic_output(torch.tensor([1.0, -2.0], dtype=torch.float64))
    fake = critic_output(torch.tensor([0.5, 3.0], dtype=torch.float64))
    assert Relativistic().critic_loss(real, fake, {}).item() == pytest.approx(
        (log(1 + exp(-0.5)) + log(1 + exp(5))) / 2, rel=1e-14
    )
    assert Relativistic().generator_loss(real, fake, {}).item() == pytest.approx(
        (log(1 + exp(0.5)) + log(1 + exp(-5))) / 2, rel=1e-14
    )


def test_relativistic_losses_do_not_change_by_a_constant_added_to_every_score():
    real, fake = batches(SEEDS)
    up = [replace(output, value=output.value + 7) for output in (real, fake)]
    for loss in ("critic_loss", "generator_loss"):
        assert_close(getattr(Relativistic(), loss)(*up, {}), getattr(Relativistic(), loss)(real, fake, {}))


def test_relativistic_generator_loss_is_the_critic_loss_with_real_and_fake_exchanged():
    real, fake = batches(SEEDS)
    assert_close(Relativistic().generator_loss(real, fake, {}), Relativistic().critic_loss(fake, real, {}))


# --- boundary equilibrium


def energies(*means):
    """Batches of two samples with these mean energies, a row per seed."""
    return critic_output(torch.tensor([[mean - 0.25, mean + 0.25] for mean in means], dtype=torch.float64))


def test_balance_starts_at_zero_and_changes_by_balance_rate_times_the_imbalance():
    objective = BoundaryEquilibrium(gamma=0.5, balance_rate=0.1)
    initial = objective.initial_state(2)
    assert initial["balance"].tolist() == [0, 0]
    later = objective.next_state(energies(2.0, 4.0), energies(0.5, 0.3), {"balance": initial["balance"].double()})
    assert later["balance"].tolist() == pytest.approx([0.1 * (1 - 0.5), 0.1 * (2 - 0.3)], rel=1e-14)


def test_balance_stays_between_zero_and_one():
    objective = BoundaryEquilibrium(gamma=0.5, balance_rate=1.0)
    state = {"balance": torch.tensor([0.9, 0.1], dtype=torch.float64)}
    assert objective.next_state(energies(4.0, 1.0), energies(1.0, 4.0), state)["balance"].tolist() == [1, 0]


def test_boundary_equilibrium_weights_fakes_with_the_balance_of_each_seed():
    real, fake, state = energies(2.0, 3.0), energies(0.5, 1.5), {"balance": torch.tensor([0.25, 1.0]).double()}
    loss = BoundaryEquilibrium().critic_loss(real, fake, state)
    assert loss.tolist() == pytest.approx([2 - 0.125, 3 - 1.5], rel=1e-15)


def test_convergence_is_the_energy_of_real_samples_plus_the_absolute_imbalance():
    state = {"balance": torch.tensor([0.25, 1.0]).double()}
    metrics = BoundaryEquilibrium(gamma=0.5).metrics(energies(2.0, 3.0), energies(0.5, 1.9), state)
    assert metrics["balance"].tolist() == [0.25, 1.0]
    assert metrics["convergence"].tolist() == pytest.approx([2 + 0.5, 3 + 0.4], rel=1e-14)


# --- loss-sensitive


def test_loss_sensitive_margin_is_proportional_to_the_distance_of_a_pair():
    """The margin of a fake at its real sample is 0; that of a distant fake is margin x distance."""
    real = critic_output(torch.zeros(2).double(), samples=torch.zeros(2, 3).double())
    points = torch.tensor([[0.0, 0, 0], [1.0, -2.0, 3.0]]).double()
    fake = critic_output(torch.zeros(2, requires_grad=True).double(), samples=points)
    loss = LossSensitive(margin=0.5).critic_loss(real, fake, {})
    # absolute differences are summed over the coordinates, then averaged over the pairs
    assert loss.item() == pytest.approx(0.5 * 6 / 2, rel=1e-15)


def test_loss_sensitive_has_no_gradient_for_a_pair_beyond_its_margin():
    points = torch.tensor([[1.0], [1.0]]).double()
    fake = critic_output(torch.tensor([0.9, 1.2], dtype=torch.float64, requires_grad=True), samples=points)
    real = critic_output(torch.zeros(2).double(), samples=torch.zeros(2, 1).double())
    (gradient,) = gradient_of(LossSensitive(margin=1.0).critic_loss(real, fake, {}), fake.value)
    assert gradient.tolist() == [-0.5, 0]


@pytest.mark.parametrize("slope", [1.0, 0.5, 0.0, -1.0, -3.0])
def test_slope_scales_the_loss_of_a_pair_beyond_its_margin(slope):
    points = torch.zeros(2, 1).double()
    real, fake = (critic_output(torch.tensor(v).double(), samples=points) for v in ([0.0, 3.0], [2.0, 1.0]))
    loss = LossSensitive(slope=slope).critic_loss(real, fake, {})
    assert loss.item() == pytest.approx((-2 * slope + 2) / 2, rel=1e-15)


def test_slope_one_has_the_gradient_of_the_wasserstein_critic_loss():
    real, fake = batches(SEEDS)
    generalised = gradient_of(LossSensitive(slope=1.0, margin=3.0).critic_loss(real, fake, {}), real.value, fake.value)
    of_scores = gradient_of(Wasserstein().critic_loss(real, fake, {}), real.value, fake.value)
    for gradient, score in zip(generalised, of_scores, strict=True):
        assert_close(gradient, -score)  # an energy has the opposite sign of a score


def test_slope_minus_one_gives_the_absolute_value():
    real, fake = batches(SEEDS)
    loss = LossSensitive(slope=-1.0, margin=0.01).critic_loss(real, fake, {})
    distance = (real.samples - fake.samples).abs().sum(-1)
    assert_close(loss, (0.01 * distance + real.value - fake.value).abs().mean(-1))


def test_real_weight_adds_the_energy_of_real_samples():
    real, fake = batches(SEEDS)
    without, with_it = (LossSensitive(real_weight=weight).critic_loss(real, fake, {}) for weight in (0.0, 0.7))
    assert_close(with_it - without, 0.7 * real.value.mean(-1))


def test_slope_is_at_most_one():
    with pytest.raises(ValueError, match=r"^slope: must be <= 1, but is 1.5$"):
        LossSensitive(slope=1.5)


# --- defaults


@pytest.mark.parametrize(
    ("objective", "settings"),
    [
        (LeastSquares(), {"fake_target": 0.0, "real_target": 1.0, "generator_target": 1.0}),
        (EnergyMargin(), {"margin": 10.0, "pull_away_weight": 0.0}),  # Zhao et al. 2017, MNIST
        (BoundaryEquilibrium(), {"gamma": 0.5, "balance_rate": 1e-3}),  # Berthelot et al. 2017
        # Qi 2017, and 0 for the real weight in the author's code
        (LossSensitive(), {"margin": 2e-4, "difference": "absolute_sum", "slope": 0.0, "real_weight": 0.0}),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_defaults_are_the_values_of_the_authors(objective, settings):
    defaults = {field.name: getattr(objective, field.name) for field in fields(objective) if field.name != "kind"}
    assert defaults == settings


# --- comparison with other implementations
# TF-GAN's numbers are those in its tests: tensorflow/gan, tensorflow_gan/python/losses/losses_impl_test.py.
# The others' numbers are their formulas, evaluated in numpy at the same scores: torchgan/torchgan,
# torchgan/losses/functional.py, and POSTECH-CVLab/PyTorch-StudioGAN, src/utils/losses.py.

TFGAN_REAL, TFGAN_FAKE = [-5.0, 1.4, 12.5, 2.7], [10.0, 4.4, -5.5, 3.6]
SMOOTHING = 0.125 * 2.9  # TF-GAN smooths labels by 0.25 by default, which adds 0.125 x mean real score
CONSTANT = log1p(exp(-1))  # its minimax generator loss keeps the term of real scores, which are all 1


def tfgan_losses(objective, dtype=torch.float64):
    real, fake = (critic_output(torch.tensor(scores, dtype=dtype)) for scores in (TFGAN_REAL, TFGAN_FAKE))
    state = objective.initial_state(1)
    return objective.critic_loss(real, fake, state).item(), objective.generator_loss(real, fake, state).item()


@pytest.mark.parametrize(
    ("objective", "critic", "generator"),
    [
        (Minimax(), 6.19637 - SMOOTHING, -4.82408 + CONSTANT),  # minimax_*_loss
        (NonSaturating(), 6.19637 - SMOOTHING, 1.38582),  # modified_*_loss
        (LeastSquares(), 41.73375, 17.69625),  # least_squares_*_loss
        (Wasserstein(), 0.22500, -3.12500),  # wasserstein_*_loss
        (Hinge(), 6.75, -3.125),  # wasserstein_hinge_*_loss
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_losses_are_the_numbers_in_the_tests_of_tfgan(objective, critic, generator):
    assert tfgan_losses(objective) == pytest.approx((critic, generator), abs=1e-5)
    assert tfgan_losses(objective, torch.float32) == pytest.approx((critic, generator), abs=1e-5)


@pytest.mark.parametrize(
    ("objective", "critic", "generator"),
    [
        # torchgan: minimax_discriminator_loss; minimax_generator_loss without and with `nonsaturating`
        (Minimax(), 5.833866, -4.510821),
        (NonSaturating(), 5.833866, 1.385821),
        # torchgan: least_squares_*_loss with a, b, c = -1, 1, 0; with 0, 1, 1 it is StudioGAN's d_ls and g_ls too
        (LeastSquares(fake_target=-1.0, real_target=1.0, generator_target=0.0), 45.358750, 20.321250),
        (LeastSquares(), 41.733750, 17.696250),
        # StudioGAN: d_wasserstein, g_wasserstein, d_hinge, g_hinge; torchgan: wasserstein_*_loss
        (Wasserstein(), 0.225000, -3.125000),
        (Hinge(), 6.750000, -3.125000),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_losses_are_those_of_the_formulas_of_torchgan_and_studiogan(objective, critic, generator):
    assert tfgan_losses(objective) == pytest.approx((critic, generator), abs=1e-5)


def test_energy_losses_are_those_of_torchgan():
    """torchgan, functional.py: energy_based_discriminator_loss and boundary_equilibrium_discriminator_loss."""
    real, fake = (torch.tensor(energy).double() for energy in ([0.5, 1.25, 3.0, 0.25], [1.5, 0.75, 4.0, 2.5]))
    of_real, of_fake = critic_output(real), critic_output(fake)
    # mean of 0.5 + 0.5, 1.25 + 1.25, 3 + 0, 0.25 + 0
    assert EnergyMargin(margin=2.0).critic_loss(of_real, of_fake, {}).item() == pytest.approx(1.6875, abs=1e-12)
    state = {"balance": torch.tensor(0.3, dtype=torch.float64)}
    objective = BoundaryEquilibrium(gamma=0.75, balance_rate=0.1)
    assert objective.critic_loss(of_real, of_fake, state).item() == pytest.approx(1.25 - 0.3 * 2.1875, abs=1e-12)
    # boundaryequilibrium.py, update_k: 0.3 + 0.1 (0.75 * 1.25 - 2.1875); its convergence measure is 1.25 + |-1.25|
    assert objective.next_state(of_real, of_fake, state)["balance"].item() == pytest.approx(0.175, abs=1e-12)
    assert objective.metrics(of_real, of_fake, state)["convergence"].item() == pytest.approx(2.5, abs=1e-12)


# --- errors in other implementations


def test_classification_loss_is_not_that_of_studiogan_which_uses_one_minus_the_score_of_a_fake():
    """src/utils/losses.py, d_vanilla: log sigmoid(1 - D(fake)), which would be log sigmoid(-D(fake))."""
    critic, generator = tfgan_losses(NonSaturating())
    assert critic - 5.099570 == pytest.approx(0.734296, abs=1e-5)
    assert generator == pytest.approx(1.385821, abs=1e-5)  # g_vanilla is right


def test_energy_margin_loss_is_not_that_of_pytorch_gan_which_takes_the_hinge_of_the_batch_mean():
    """eriklindernoren/PyTorch-GAN, implementations/ebgan/ebgan.py: max(0, margin - mean U(fake))."""
    real = critic_output(torch.zeros(4).double())
    fake = critic_output(torch.tensor([1.5, 0.75, 4.0, 2.5]).double())
    pytorch_gan = max(0.0, 2.0 - 2.1875)
    assert pytorch_gan == 0
    assert EnergyMargin(margin=2.0).critic_loss(real, fake, {}).item() == pytest.approx((0.5 + 1.25) / 4, abs=1e-12)


def test_pull_away_squares_each_cosine_and_omits_the_diagonal_unlike_pytorch_gan_and_torchgan():
    """PyTorch-GAN, ebgan.py, pullaway_loss: no square, so opposite codes cancel. torchgan, functional.py,
    energy_based_pulling_away_term: codes are normalised across the batch, and the diagonal is included.
    """
    codes = [3.0, 4.0], [-3.0, -4.0]
    cosine = -1.0
    pytorch_gan = (2 + 2 * cosine - 2) / 2
    column = 0.5**0.5  # every column of the batch, divided by its norm, is (1, -1) / sqrt 2
    torchgan = (2 * (2 * column**2) ** 2 + 2 * (-2 * column**2) ** 2) / 2
    assert (pytorch_gan, torchgan) == pytest.approx((-1.0, 2.0), rel=1e-12)
    assert pulled(*codes) == pytest.approx(1, rel=1e-14)
