"""The two-parameter game through the ordinary trainer: exact recursions and what theory says of their limits.

Source: Mescheder, Geiger & Nowozin 2018, arXiv:1801.04406, sections 2 and 3; their psi is minus ours.
"""

from math import exp, hypot, log, pi, sqrt

import numpy as np
import pytest
import torch

from gan_core.constraints import GradientPenalty, Unconstrained, WeightClipping
from gan_core.data import Dirac
from gan_core.networks import DiracPair
from gan_core.objectives import LeastSquares, Minimax, NonSaturating, Wasserstein
from gan_core.optimizers import SGD
from gan_core.training import Trainer, Training

ORDERS = ["critic_first", "alternating", "simultaneous"]


def dirac(objective, order, h, *, theta=1.0, psi=-1.0, constraint=None, n_critic=1, dtype="float64", seeds=(0,)):
    """The game, played with plain descent of step h."""
    return Trainer(
        objective=objective,
        constraint=constraint or Unconstrained(),
        networks=DiracPair(theta=theta, psi=psi),
        training=Training(
            batch=1,
            n_critic=n_critic,
            update_order=order,
            critic_optimizer=SGD(lr=h),
            generator_optimizer=SGD(lr=h),
            dtype=dtype,
        ),
        data=Dirac().load(),
        seeds=seeds,
    )


def path(trainer, steps):
    """(theta, psi) at the start and after every step."""
    points = [(trainer.generator.flat.item(), trainer.critic.flat.item())]
    for _ in range(steps):
        trainer.advance(1)
        points.append((trainer.generator.flat.item(), trainer.critic.flat.item()))
    return np.array(points)


def distances(points):
    return np.hypot(points[:, 0], points[:, 1])


# --- the game written by hand


def logistic(t):
    return 1 / (1 + exp(-t))


# d critic loss / d psi and d generator loss / d theta, with D(real) = 0 and D(fake) = psi theta
SLOPES = {
    "minimax": (lambda t, p: t * logistic(p * t), lambda t, p: -p * logistic(p * t)),
    "non_saturating": (lambda t, p: t * logistic(p * t), lambda t, p: -p * logistic(-p * t)),
    "least_squares": (lambda t, p: t * (p * t), lambda t, p: p * (p * t - 1)),
    "wasserstein": (lambda t, p: t, lambda t, p: -p),
}
GAMES = [Minimax(), NonSaturating(), LeastSquares(), Wasserstein()]


def by_hand(kind, order, h, steps, n_critic, *, gp_weight=0.0, clip_value=None):
    of_critic, of_generator = SLOPES[kind]
    theta, psi = 1.0, -1.0
    points = [(theta, psi)]

    def critic_steps(theta, psi):
        for _ in range(n_critic):
            slope = of_critic(theta, psi) + 2 * gp_weight * (psi - (psi > 0) + (psi < 0))
            psi -= h * slope
            if clip_value is not None:
                psi = min(max(psi, -clip_value), clip_value)
        return psi

    for _ in range(steps):
        if order == "critic_first":
            psi = critic_steps(theta, psi)
            theta = theta - h * of_generator(theta, psi)
        elif order == "alternating":
            theta = theta - h * of_generator(theta, psi)
            psi = critic_steps(theta, psi)
        else:
            theta, psi = theta - h * of_generator(theta, psi), critic_steps(theta, psi)
        points.append((theta, psi))
    return np.array(points)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("objective", GAMES, ids=lambda o: o.kind)
@pytest.mark.parametrize("n_critic", [1, 5])
def test_trainer_plays_the_game_that_is_written_by_hand(objective, order, n_critic):
    played = path(dirac(objective, order, 0.05, n_critic=n_critic), 40)
    assert played == pytest.approx(by_hand(objective.kind, order, 0.05, 40, n_critic), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("order", ORDERS)
def test_trainer_plays_the_penalised_game_that_is_written_by_hand(order):
    played = path(dirac(Wasserstein(), order, 0.05, constraint=GradientPenalty(gp_weight=0.7), n_critic=2), 60)
    expected = by_hand("wasserstein", order, 0.05, 60, 2, gp_weight=0.7)
    assert played == pytest.approx(expected, rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("order", ORDERS)
def test_trainer_plays_the_clipped_game_that_is_written_by_hand(order):
    played = path(dirac(Wasserstein(), order, 0.3, constraint=WeightClipping(clip_value=0.5)), 60)
    expected = by_hand("wasserstein", order, 0.3, 60, 1, clip_value=0.5)
    assert played == pytest.approx(expected, rel=1e-12, abs=1e-14)


# --- Wasserstein without a constraint


@pytest.mark.parametrize("h", [0.01, 0.1, 0.5, 1.0])
def test_simultaneous_steps_multiply_the_distance_by_exactly_root_one_plus_h_squared(h):
    radius = distances(path(dirac(Wasserstein(), "simultaneous", h, theta=0.8, psi=-1.3), 50))
    assert radius[1:] / radius[:-1] == pytest.approx(np.full(50, sqrt(1 + h**2)), rel=1e-12)


@pytest.mark.parametrize("h", [0.1, 0.7, 1.5, 1.9])
@pytest.mark.parametrize(("order", "sign"), [("alternating", 1), ("critic_first", -1)])
def test_alternating_steps_below_two_stay_on_their_ellipse(h, order, sign):
    """theta^2 + psi^2 +- h theta psi is conserved, and an ellipse while h < 2."""
    points = path(dirac(Wasserstein(), order, h), 300)
    theta, psi = points.T
    form = theta**2 + psi**2 + sign * h * theta * psi
    assert form == pytest.approx(np.full(301, form[0]), rel=1e-11)
    # between the ellipse's axes, whose squares are form / (1 +- h/2)
    assert distances(points).max() <= sqrt(form[0] / (1 - h / 2)) * (1 + 1e-9)
    assert distances(points).min() >= sqrt(form[0] / (1 + h / 2)) * (1 - 1e-9)


@pytest.mark.parametrize("order", ["alternating", "critic_first"])
def test_alternating_steps_above_two_diverge_at_the_larger_eigenvalue(order):
    h = 2.1
    radius = distances(path(dirac(Wasserstein(), order, h), 200))
    trace = 2 - h**2  # of a matrix with determinant 1
    largest = (-trace + sqrt(trace**2 - 4)) / 2
    assert largest > 1
    assert radius[101:] / radius[100:-1] == pytest.approx(np.full(100, largest), rel=1e-9)


def test_simultaneous_steps_grow_until_the_member_is_nonfinite_and_nothing_is_raised():
    trainer = dirac(Wasserstein(), "simultaneous", 1e3, dtype="float32")
    trainer.advance(30)
    # after n rounds theta and psi are near 1000^n: the loss psi theta of round 8 passes 3.4e38
    assert trainer.nonfinite_turn.item() == 8


# --- minimax


@pytest.mark.parametrize("h", [0.05, 0.3])
def test_minimax_grows_near_the_equilibrium_by_root_one_plus_h_squared_over_four(h):
    """The eigenvalues there are +- i f'(0) = +- i/2."""
    radius = distances(path(dirac(Minimax(), "simultaneous", h, theta=1e-7, psi=-2e-7), 50))
    assert radius[1:] / radius[:-1] == pytest.approx(np.full(50, sqrt(1 + h**2 / 4)), rel=1e-6)


@pytest.mark.parametrize("order", ORDERS)
def test_minimax_does_not_converge(order):
    radius = distances(path(dirac(Minimax(), order, 0.4), 400))
    assert radius[-200:].min() > 0.5 * radius[0]


def test_minimax_turns_around_the_equilibrium_instead_of_approaching_it():
    points = path(dirac(Minimax(), "alternating", 0.2), 400)
    angle = np.unwrap(np.arctan2(points[:, 1], points[:, 0]))
    # an eigenvalue of i/2 turns by h/2 a step close by, more slowly farther out
    turns = abs(angle[-1] - angle[0]) / (2 * np.pi)
    assert 0.5 < turns / (400 * 0.2 / 2 / (2 * np.pi)) < 1.05


# --- constrained, and still not convergent


@pytest.mark.parametrize("order", ORDERS)
def test_clipping_holds_psi_in_its_box_and_the_game_does_not_converge(order):
    points = path(dirac(Wasserstein(), order, 0.2, constraint=WeightClipping(clip_value=0.25)), 400)
    theta, psi = points[1:].T
    assert np.abs(psi).max() == 0.25
    assert np.abs(theta[-200:]).max() > 0.1
    assert distances(points)[-200:].min() > 0.1


@pytest.mark.parametrize("order", ORDERS)
def test_wgan_gp_does_not_converge(order):
    points = path(dirac(Wasserstein(), order, 0.1, constraint=GradientPenalty(gp_weight=1.0)), 500)
    assert distances(points)[-250:].min() > 0.3
    assert distances(points)[-250:].max() < 5


# --- the update at the equilibrium, linearised through the trainer


def jacobian(objective, order, h, *, constraint=None, n_critic=1, e=1e-5):
    """d (theta, psi after a round) / d (theta, psi before) at (0, 0), by central differences of one played round."""
    trainer = dirac(objective, order, h, constraint=constraint, n_critic=n_critic, seeds=range(4))
    trainer.generator.flat.copy_(torch.tensor([[e], [-e], [0], [0]], dtype=torch.float64))
    trainer.critic.flat.copy_(torch.tensor([[0], [0], [e], [-e]], dtype=torch.float64))
    trainer.advance(1)
    after = torch.cat([trainer.generator.flat, trainer.critic.flat], dim=1).numpy()
    return np.stack([after[0] - after[1], after[2] - after[3]], axis=1) / (2 * e)


def linear_update(a, g, order, h, n_critic):
    """The same by theory: theta' = a psi and psi' = -a theta - g psi, in steps of h; a is f'(0), g is gamma."""
    generator = np.array([[1, h * a], [0, 1]])
    critic = np.linalg.matrix_power(np.array([[1, 0], [-h * a, 1 - h * g]]), n_critic)
    orders = {"critic_first": generator @ critic, "alternating": critic @ generator}
    return orders.get(order, np.stack([generator[0], critic[1]]))


def radius(matrix):
    """The spectral radius: by how much a round shrinks or stretches what is near the equilibrium."""
    return np.abs(np.linalg.eigvals(matrix)).max()


def r1(gamma):
    return GradientPenalty(location="real", target=0, gp_weight=gamma / 2)


def r2(gamma):
    return GradientPenalty(location="fake", target=0, gp_weight=gamma / 2)


SLOPE_AT_ZERO = {"minimax": 0.5, "non_saturating": 0.5, "wasserstein": 1.0}  # f'(0)
ROTATING = [Minimax(), NonSaturating(), Wasserstein()]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("n_critic", [1, 5])
@pytest.mark.parametrize("objective", ROTATING, ids=lambda o: o.kind)
@pytest.mark.parametrize(
    ("constraint", "gamma"),
    [
        (None, 0),
        (r1(0.6), 0.6),
        (r2(1.7), 1.7),
        # the sum of both expectations, each times gp_weight: R3GAN
        (GradientPenalty(location="real_and_fake", target=0, gp_weight=0.3), 1.2),
    ],
    ids=["none", "r1", "r2", "both"],
)
def test_a_round_near_the_equilibrium_is_the_linear_map_of_theory(objective, order, n_critic, constraint, gamma):
    played = jacobian(objective, order, 0.3, constraint=constraint, n_critic=n_critic)
    expected = linear_update(SLOPE_AT_ZERO[objective.kind], gamma, order, 0.3, n_critic)
    assert played == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("objective", ROTATING, ids=lambda o: o.kind)
@pytest.mark.parametrize("h", [0.01, 0.4])
def test_unpenalised_eigenvalues_are_purely_imaginary_and_simultaneous_steps_leave_the_equilibrium(objective, h):
    matrix = jacobian(objective, "simultaneous", h)
    a = SLOPE_AT_ZERO[objective.kind]
    continuous = (np.linalg.eigvals(matrix) - 1) / h
    assert sorted(continuous, key=np.imag) == pytest.approx([-1j * a, 1j * a], abs=1e-7)
    assert radius(matrix) == pytest.approx(sqrt(1 + (h * a) ** 2), rel=1e-9)


@pytest.mark.parametrize("objective", [Minimax(), NonSaturating()], ids=lambda o: o.kind)
@pytest.mark.parametrize("penalty", [r1, r2])
@pytest.mark.parametrize("gamma", [0.2, 0.9, 1.1, 3.0])
def test_eigenvalues_of_r1_and_r2_are_those_of_the_paper(objective, penalty, gamma):
    """-gamma/2 +- sqrt(gamma^2/4 - 1/4), section 4.1: oscillating below gamma 1, creeping above."""
    h = 0.1
    played = (np.linalg.eigvals(jacobian(objective, "simultaneous", h, constraint=penalty(gamma))) - 1) / h
    root = np.emath.sqrt(gamma**2 / 4 - 1 / 4)
    for expected in (-gamma / 2 - root, -gamma / 2 + root):
        assert np.abs(played - expected).min() < 1e-6
    assert (np.abs(played.imag) > 0.1).all() == (gamma < 1)


def test_fastest_decay_of_r1_is_at_the_critical_gamma_of_one():
    decay = {gamma: radius(jacobian(Minimax(), "simultaneous", 0.05, constraint=r1(gamma))) for gamma in (0.7, 1, 1.3)}
    assert decay[1] == pytest.approx(1 - 0.05 / 2, abs=1e-5)  # a double root, so differences count by their root
    assert min(decay.values()) == decay[1]


@pytest.mark.parametrize("objective", ROTATING, ids=lambda o: o.kind)
@pytest.mark.parametrize("order", ["alternating", "critic_first"])
@pytest.mark.parametrize("n_critic", [1, 5])
def test_alternating_steps_keep_their_modulus_up_to_the_step_of_the_paper(objective, order, n_critic):
    """Section 3.2: |eigenvalue| is 1 while sqrt(n_g n_c) h f'(0) <= 2, and above 1 from there on."""
    limit = 2 / (sqrt(n_critic) * SLOPE_AT_ZERO[objective.kind])
    for share in (0.1, 0.5, 0.99):
        moduli = np.abs(np.linalg.eigvals(jacobian(objective, order, share * limit, n_critic=n_critic)))
        assert moduli == pytest.approx([1, 1], abs=1e-6)
    assert radius(jacobian(objective, order, 1.02 * limit, n_critic=n_critic)) > 1.1


def test_simultaneous_r1_converges_up_to_its_own_step_and_no_further():
    """|1 + h lambda|^2 = 1 - h gamma + h^2 / 4 for complex eigenvalues: below 1 while h < 4 gamma."""
    for gamma in (0.1, 0.4):
        for share in (0.9, 1.1):
            h = share * 4 * gamma
            played = radius(jacobian(Minimax(), "simultaneous", h, constraint=r1(gamma)))
            assert played == pytest.approx(sqrt(1 - h * gamma + h**2 / 4), rel=1e-8)
            assert (played < 1) == (share < 1)


# --- who converges, from theta = 1 and psi = -1

CONTESTANTS = {
    "gan": (Minimax(), None),
    "nsgan": (NonSaturating(), None),
    "wgan": (Wasserstein(), WeightClipping(clip_value=0.5)),
    "wgan-gp": (Wasserstein(), GradientPenalty(gp_weight=0.5)),
    "gan-r1": (Minimax(), r1(1.0)),
    "nsgan-r1": (NonSaturating(), r1(1.0)),
    "gan-r2": (Minimax(), r2(1.0)),
}


@pytest.mark.parametrize("name", CONTESTANTS)
@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
@pytest.mark.parametrize("n_critic", [1, 5])
def test_zero_centred_penalties_converge_at_their_spectral_radius_and_nobody_else_does(name, order, n_critic):
    objective, constraint = CONTESTANTS[name]
    away = distances(path(dirac(objective, order, 0.5, constraint=constraint, n_critic=n_critic), 40))
    if name.endswith(("r1", "r2")):
        rate = (away[40] / away[20]) ** (1 / 20)
        local = radius(jacobian(objective, order, 0.5, constraint=constraint, n_critic=n_critic))
        assert local < 0.9
        assert rate == pytest.approx(local, abs=0.03)
        assert away[-1] < 0.02
    else:
        assert away[-15:].min() > 0.15


# --- non-saturating: neither away nor at a rate


def test_simultaneous_non_saturating_steps_end_on_a_cycle_of_radius_root_two_h():
    h = 0.3
    away = distances(path(dirac(NonSaturating(), "simultaneous", h), 300))
    period = round(4 * pi / h)
    assert away[-period:].mean() == pytest.approx(sqrt(2 * h), rel=0.02)
    assert away[-period:].max() / away[-period:].min() < 1.06


@pytest.mark.parametrize("order", ["alternating", "critic_first"])
def test_alternating_non_saturating_steps_approach_like_the_root_of_eight_over_time(order):
    """1 / distance^2 grows by 1/8 a unit of time, so that the rate itself goes to 1."""
    h, steps = 0.5, 250
    inverse = 1 / distances(path(dirac(NonSaturating(), order, h), steps)) ** 2
    period = round(2 * pi / h)  # half a turn, over which an ellipse is averaged
    early, late = inverse[60 : 60 + period].mean(), inverse[-period:].mean()
    growth = (late - early) / (h * (steps + 1 - period - 60))
    assert growth == pytest.approx(1 / 8, rel=0.05)
    assert radius(jacobian(NonSaturating(), order, h)) == pytest.approx(1, abs=1e-9)


# --- what is measured


def test_measured_distance_is_the_norm_of_theta_and_psi_from_step_zero():
    trainer = dirac(NonSaturating(), "simultaneous", 0.2, theta=0.3, psi=-0.4)
    assert trainer.measure()["distance_to_equilibrium"].tolist() == pytest.approx([0.5], rel=1e-15)
    trainer.advance(7)
    expected = hypot(trainer.generator.flat.item(), trainer.critic.flat.item())
    assert trainer.measure()["distance_to_equilibrium"].tolist() == pytest.approx([expected], rel=1e-15)


def test_reference_of_the_pair_is_where_it_started_and_its_floor_is_the_equilibrium():
    trainer = dirac(NonSaturating(), "simultaneous", 0.2, theta=3.0, psi=-4.0)
    trainer.advance(5)
    lines = trainer.reference_lines()
    assert (lines.floor, lines.ref, lines.gaussian) == (0, 5, None)
    assert trainer.real_cells is None


def test_point_masses_have_no_cells_and_no_spread():
    assert not {"cells", "spread", "sliced_wasserstein"} & set(dirac(Minimax(), "alternating", 0.1).measure())


def test_losses_of_the_pair_are_those_of_its_two_numbers():
    measured = dirac(NonSaturating(), "alternating", 0.1, theta=0.5, psi=-2.0).measure()
    assert measured["critic_loss"].item() == pytest.approx(log(2) + log(1 + exp(-1)), rel=1e-14)
    assert measured["generator_loss"].item() == pytest.approx(log(1 + exp(1)), rel=1e-14)
    assert measured["critic_slope"].item() == 2
    assert measured["critic_gradient_norm"].item() == pytest.approx(0.5 * logistic(-1), rel=1e-14)
    assert measured["generator_gradient_norm"].item() == pytest.approx(2 * logistic(1), rel=1e-14)
