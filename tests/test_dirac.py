"""The Dirac pair in the ordinary trainer: exact recursions, eigenvalues at the equilibrium, limits known from theory.

Source: Mescheder, Geiger & Nowozin 2018, arXiv:1801.04406, sections 2 and 3; their psi is minus ours.
"""

from math import exp, hypot, log, pi, sqrt

import numpy as np
import pytest
import torch
from small_gans import evaluate

from gan_core.constraints import GradientPenalty, Unconstrained, WeightClipping
from gan_core.data import Dirac
from gan_core.evaluation import Evaluator, equilibrium_distances
from gan_core.networks import DiracPair
from gan_core.objectives import LeastSquares, Minimax, NonSaturating, Wasserstein
from gan_core.training import SGD, Trainer, Training

ORDERS = ["critic_first", "alternating", "simultaneous"]


def dirac_trainer(
    objective, order, h, *, theta=1.0, psi=-1.0, constraint=None, n_critic=1, dtype="float64", seeds=(0,)
):
    """A trainer of the Dirac pair with SGD of learning rate h for both parameters."""
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


def trajectory(trainer, steps):
    """(theta, psi) at the start and after every iteration, (iterations + 1, 2)."""
    points = [(trainer.generator.flat.item(), trainer.critic.flat.item())]
    for _ in range(steps):
        trainer.advance(1)
        points.append((trainer.generator.flat.item(), trainer.critic.flat.item()))
    return np.array(points)


def distances(points):
    return np.hypot(points[:, 0], points[:, 1])


# --- recursions written by hand


def logistic(t):
    return 1 / (1 + exp(-t))


# d critic loss / d psi and d generator loss / d theta, with D(real) = 0 and D(fake) = psi theta
GRADIENTS = {
    "minimax": (lambda t, p: t * logistic(p * t), lambda t, p: -p * logistic(p * t)),
    "non_saturating": (lambda t, p: t * logistic(p * t), lambda t, p: -p * logistic(-p * t)),
    "least_squares": (lambda t, p: t * (p * t), lambda t, p: p * (p * t - 1)),
    "wasserstein": (lambda t, p: t, lambda t, p: -p),
}
OBJECTIVES = [Minimax(), NonSaturating(), LeastSquares(), Wasserstein()]


def by_hand(kind, order, h, steps, n_critic, *, gp_weight=0.0, clip_value=None):
    of_critic, of_generator = GRADIENTS[kind]
    theta, psi = 1.0, -1.0
    points = [(theta, psi)]

    def critic_steps(theta, psi):
        for _ in range(n_critic):
            gradient = of_critic(theta, psi) + 2 * gp_weight * (psi - (psi > 0) + (psi < 0))
            psi -= h * gradient
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
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.kind)
@pytest.mark.parametrize("n_critic", [1, 5])
def test_trainer_follows_the_recursion_written_by_hand(objective, order, n_critic):
    actual = trajectory(dirac_trainer(objective, order, 0.05, n_critic=n_critic), 40)
    assert actual == pytest.approx(by_hand(objective.kind, order, 0.05, 40, n_critic), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("order", ORDERS)
def test_trainer_follows_the_recursion_with_a_gradient_penalty(order):
    actual = trajectory(
        dirac_trainer(Wasserstein(), order, 0.05, constraint=GradientPenalty(gp_weight=0.7), n_critic=2), 60
    )
    expected = by_hand("wasserstein", order, 0.05, 60, 2, gp_weight=0.7)
    assert actual == pytest.approx(expected, rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("order", ORDERS)
def test_trainer_follows_the_recursion_with_weight_clipping(order):
    actual = trajectory(dirac_trainer(Wasserstein(), order, 0.3, constraint=WeightClipping(clip_value=0.5)), 60)
    expected = by_hand("wasserstein", order, 0.3, 60, 1, clip_value=0.5)
    assert actual == pytest.approx(expected, rel=1e-12, abs=1e-14)


# --- Wasserstein without a constraint


@pytest.mark.parametrize("h", [0.01, 0.1, 0.5, 1.0])
def test_simultaneous_steps_multiply_the_distance_by_exactly_root_one_plus_h_squared(h):
    radius = distances(trajectory(dirac_trainer(Wasserstein(), "simultaneous", h, theta=0.8, psi=-1.3), 50))
    assert radius[1:] / radius[:-1] == pytest.approx(np.full(50, sqrt(1 + h**2)), rel=1e-12)


@pytest.mark.parametrize("h", [0.1, 0.7, 1.5, 1.9])
@pytest.mark.parametrize(("order", "sign"), [("alternating", 1), ("critic_first", -1)])
def test_alternating_steps_with_h_below_two_stay_on_an_ellipse(h, order, sign):
    """theta^2 + psi^2 +- h theta psi is conserved, and an ellipse while h < 2."""
    points = trajectory(dirac_trainer(Wasserstein(), order, h), 300)
    theta, psi = points.T
    form = theta**2 + psi**2 + sign * h * theta * psi
    assert form == pytest.approx(np.full(301, form[0]), rel=1e-11)
    # between the ellipse's axes, whose squares are form / (1 +- h/2)
    assert distances(points).max() <= sqrt(form[0] / (1 - h / 2)) * (1 + 1e-9)
    assert distances(points).min() >= sqrt(form[0] / (1 + h / 2)) * (1 - 1e-9)


@pytest.mark.parametrize("order", ["alternating", "critic_first"])
def test_alternating_steps_with_h_above_two_diverge_at_the_larger_eigenvalue(order):
    h = 2.1
    radius = distances(trajectory(dirac_trainer(Wasserstein(), order, h), 200))
    trace = 2 - h**2  # of a matrix with determinant 1
    largest = (-trace + sqrt(trace**2 - 4)) / 2
    assert largest > 1
    assert radius[101:] / radius[100:-1] == pytest.approx(np.full(100, largest), rel=1e-9)


def test_simultaneous_steps_grow_until_the_member_is_nonfinite_without_an_exception():
    trainer = dirac_trainer(Wasserstein(), "simultaneous", 1e3, dtype="float32")
    trainer.advance(30)
    # after n iterations theta and psi are near 1000^n: the loss psi theta of iteration 8 exceeds 3.4e38
    assert trainer.nonfinite_iteration.item() == 8


# --- minimax


@pytest.mark.parametrize("h", [0.05, 0.3])
def test_minimax_grows_near_the_equilibrium_by_root_one_plus_h_squared_over_four(h):
    """The eigenvalues there are +- i f'(0) = +- i/2."""
    radius = distances(trajectory(dirac_trainer(Minimax(), "simultaneous", h, theta=1e-7, psi=-2e-7), 50))
    assert radius[1:] / radius[:-1] == pytest.approx(np.full(50, sqrt(1 + h**2 / 4)), rel=1e-6)


@pytest.mark.parametrize("order", ORDERS)
def test_minimax_does_not_converge(order):
    radius = distances(trajectory(dirac_trainer(Minimax(), order, 0.4), 400))
    assert radius[-200:].min() > 0.5 * radius[0]


def test_minimax_revolves_around_the_equilibrium_without_approaching_it():
    points = trajectory(dirac_trainer(Minimax(), "alternating", 0.2), 400)
    angle = np.unwrap(np.arctan2(points[:, 1], points[:, 0]))
    # an eigenvalue of i/2 gives an angle of h/2 per iteration near the equilibrium, less farther out
    revolutions = abs(angle[-1] - angle[0]) / (2 * np.pi)
    assert 0.5 < revolutions / (400 * 0.2 / 2 / (2 * np.pi)) < 1.05


# --- constraints without convergence


@pytest.mark.parametrize("order", ORDERS)
def test_clipping_bounds_psi_and_does_not_converge(order):
    points = trajectory(dirac_trainer(Wasserstein(), order, 0.2, constraint=WeightClipping(clip_value=0.25)), 400)
    theta, psi = points[1:].T
    assert np.abs(psi).max() == 0.25
    assert np.abs(theta[-200:]).max() > 0.1
    assert distances(points)[-200:].min() > 0.1


@pytest.mark.parametrize("order", ORDERS)
def test_wgan_gp_does_not_converge(order):
    points = trajectory(dirac_trainer(Wasserstein(), order, 0.1, constraint=GradientPenalty(gp_weight=1.0)), 500)
    assert distances(points)[-250:].min() > 0.3
    assert distances(points)[-250:].max() < 5


# --- the update at the equilibrium, linearised numerically


def jacobian(objective, order, h, *, constraint=None, n_critic=1, e=1e-5):
    """d (theta, psi after an iteration) / d (theta, psi before it) at (0, 0), by central differences."""
    trainer = dirac_trainer(objective, order, h, constraint=constraint, n_critic=n_critic, seeds=range(4))
    trainer.generator.flat.copy_(torch.tensor([[e], [-e], [0], [0]], dtype=torch.float64))
    trainer.critic.flat.copy_(torch.tensor([[0], [0], [e], [-e]], dtype=torch.float64))
    trainer.advance(1)
    after = torch.cat([trainer.generator.flat, trainer.critic.flat], dim=1).numpy()
    return np.stack([after[0] - after[1], after[2] - after[3]], axis=1) / (2 * e)


def linear_update(a, g, order, h, n_critic):
    """The same from theory: theta' = a psi and psi' = -a theta - g psi, in steps of h; a is f'(0), g is gamma."""
    generator = np.array([[1, h * a], [0, 1]])
    critic = np.linalg.matrix_power(np.array([[1, 0], [-h * a, 1 - h * g]]), n_critic)
    orders = {"critic_first": generator @ critic, "alternating": critic @ generator}
    return orders.get(order, np.stack([generator[0], critic[1]]))


def spectral_radius(matrix):
    """Largest modulus of the eigenvalues: the asymptotic factor per iteration near the equilibrium."""
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
def test_an_iteration_near_the_equilibrium_is_the_linear_map_of_theory(objective, order, n_critic, constraint, gamma):
    actual = jacobian(objective, order, 0.3, constraint=constraint, n_critic=n_critic)
    expected = linear_update(SLOPE_AT_ZERO[objective.kind], gamma, order, 0.3, n_critic)
    assert actual == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("objective", ROTATING, ids=lambda o: o.kind)
@pytest.mark.parametrize("h", [0.01, 0.4])
def test_unpenalised_eigenvalues_are_purely_imaginary_and_simultaneous_steps_leave_the_equilibrium(objective, h):
    matrix = jacobian(objective, "simultaneous", h)
    a = SLOPE_AT_ZERO[objective.kind]
    continuous = (np.linalg.eigvals(matrix) - 1) / h
    assert sorted(continuous, key=np.imag) == pytest.approx([-1j * a, 1j * a], abs=1e-7)
    assert spectral_radius(matrix) == pytest.approx(sqrt(1 + (h * a) ** 2), rel=1e-9)


@pytest.mark.parametrize("objective", [Minimax(), NonSaturating()], ids=lambda o: o.kind)
@pytest.mark.parametrize("penalty", [r1, r2])
@pytest.mark.parametrize("gamma", [0.2, 0.9, 1.1, 3.0])
def test_eigenvalues_of_r1_and_r2_are_those_of_the_paper(objective, penalty, gamma):
    """-gamma/2 +- sqrt(gamma^2/4 - 1/4), section 4.1: oscillation below gamma = 1, none above."""
    h = 0.1
    actual = (np.linalg.eigvals(jacobian(objective, "simultaneous", h, constraint=penalty(gamma))) - 1) / h
    root = np.emath.sqrt(gamma**2 / 4 - 1 / 4)
    for expected in (-gamma / 2 - root, -gamma / 2 + root):
        assert np.abs(actual - expected).min() < 1e-6
    assert (np.abs(actual.imag) > 0.1).all() == (gamma < 1)


def test_fastest_decay_of_r1_is_at_the_critical_gamma_of_one():
    decay = {
        gamma: spectral_radius(jacobian(Minimax(), "simultaneous", 0.05, constraint=r1(gamma)))
        for gamma in (0.7, 1, 1.3)
    }
    assert decay[1] == pytest.approx(1 - 0.05 / 2, abs=1e-5)  # a double eigenvalue: errors enter by their square root
    assert min(decay.values()) == decay[1]


@pytest.mark.parametrize("objective", ROTATING, ids=lambda o: o.kind)
@pytest.mark.parametrize("order", ["alternating", "critic_first"])
@pytest.mark.parametrize("n_critic", [1, 5])
def test_eigenvalues_of_alternating_steps_have_modulus_one_up_to_the_step_size_of_the_paper(objective, order, n_critic):
    """Section 3.2: |eigenvalue| is 1 while sqrt(n_g n_c) h f'(0) <= 2, and above 1 from there on."""
    limit = 2 / (sqrt(n_critic) * SLOPE_AT_ZERO[objective.kind])
    for share in (0.1, 0.5, 0.99):
        moduli = np.abs(np.linalg.eigvals(jacobian(objective, order, share * limit, n_critic=n_critic)))
        assert moduli == pytest.approx([1, 1], abs=1e-6)
    assert spectral_radius(jacobian(objective, order, 1.02 * limit, n_critic=n_critic)) > 1.1


def test_simultaneous_r1_converges_for_step_sizes_below_four_gamma_only():
    """|1 + h lambda|^2 = 1 - h gamma + h^2 / 4 for complex eigenvalues: below 1 while h < 4 gamma."""
    for gamma in (0.1, 0.4):
        for share in (0.9, 1.1):
            h = share * 4 * gamma
            actual = spectral_radius(jacobian(Minimax(), "simultaneous", h, constraint=r1(gamma)))
            assert actual == pytest.approx(sqrt(1 - h * gamma + h**2 / 4), rel=1e-8)
            assert (actual < 1) == (share < 1)


# --- convergence from theta = 1 and psi = -1

METHODS = {
    "gan": (Minimax(), None),
    "nsgan": (NonSaturating(), None),
    "wgan": (Wasserstein(), WeightClipping(clip_value=0.5)),
    "wgan-gp": (Wasserstein(), GradientPenalty(gp_weight=0.5)),
    "gan-r1": (Minimax(), r1(1.0)),
    "nsgan-r1": (NonSaturating(), r1(1.0)),
    "gan-r2": (Minimax(), r2(1.0)),
}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
@pytest.mark.parametrize("n_critic", [1, 5])
def test_only_zero_centred_penalties_converge_and_at_the_rate_of_their_spectral_radius(name, order, n_critic):
    objective, constraint = METHODS[name]
    distance = distances(trajectory(dirac_trainer(objective, order, 0.5, constraint=constraint, n_critic=n_critic), 40))
    if name.endswith(("r1", "r2")):
        rate = (distance[40] / distance[20]) ** (1 / 20)
        local = spectral_radius(jacobian(objective, order, 0.5, constraint=constraint, n_critic=n_critic))
        assert local < 0.9
        assert rate == pytest.approx(local, abs=0.03)
        assert distance[-1] < 0.02
    else:
        assert distance[-15:].min() > 0.15


# --- non-saturating: a limit cycle, or convergence slower than any rate


def test_simultaneous_non_saturating_steps_approach_a_cycle_of_radius_root_two_h():
    h = 0.3
    distance = distances(trajectory(dirac_trainer(NonSaturating(), "simultaneous", h), 300))
    period = round(4 * pi / h)
    assert distance[-period:].mean() == pytest.approx(sqrt(2 * h), rel=0.02)
    assert distance[-period:].max() / distance[-period:].min() < 1.06


@pytest.mark.parametrize("order", ["alternating", "critic_first"])
def test_alternating_non_saturating_steps_decay_like_the_root_of_eight_over_time(order):
    """1 / distance^2 grows by 1/8 per unit of time h x iterations, so the rate per iteration goes to 1."""
    h, steps = 0.5, 250
    inverse = 1 / distances(trajectory(dirac_trainer(NonSaturating(), order, h), steps)) ** 2
    period = round(2 * pi / h)  # half a revolution, over which an ellipse is averaged
    early, late = inverse[60 : 60 + period].mean(), inverse[-period:].mean()
    growth = (late - early) / (h * (steps + 1 - period - 60))
    assert growth == pytest.approx(1 / 8, rel=0.05)
    assert spectral_radius(jacobian(NonSaturating(), order, h)) == pytest.approx(1, abs=1e-9)


# --- evaluation


def evaluator(trainer):
    return Evaluator(trainer.networks.generator, Dirac().load(), dtype="float64")


def values_of(trainer):
    return evaluate(trainer, Dirac().load())


def test_distance_to_the_equilibrium_is_the_norm_of_theta_and_psi_from_step_zero():
    trainer = dirac_trainer(NonSaturating(), "simultaneous", 0.2, theta=0.3, psi=-0.4)
    assert values_of(trainer)["distance_to_equilibrium"].tolist() == pytest.approx([0.5], rel=1e-15)
    trainer.advance(7)
    expected = hypot(trainer.generator.flat.item(), trainer.critic.flat.item())
    assert values_of(trainer)["distance_to_equilibrium"].tolist() == pytest.approx([expected], rel=1e-15)


def test_reference_distances_are_the_initial_distance_and_zero_at_the_equilibrium():
    trainer = dirac_trainer(NonSaturating(), "simultaneous", 0.2, theta=3.0, psi=-4.0)
    trainer.advance(5)
    assert evaluator(trainer).reference_distances is None
    distances = equilibrium_distances(trainer.networks)
    assert (distances.real, distances.constant, distances.gaussian) == (0, 5, None)


def test_point_masses_have_no_sample_metrics_and_no_reference_values():
    trainer = dirac_trainer(Minimax(), "alternating", 0.1)
    assert not {"cells", "spread", "sliced_wasserstein"} & set(values_of(trainer))
    assert evaluator(trainer).real_cells is None
    assert evaluator(trainer).real_values == evaluator(trainer).gaussian_values == {}


def test_health_metrics_of_the_pair_have_their_closed_forms():
    values = values_of(dirac_trainer(NonSaturating(), "alternating", 0.1, theta=0.5, psi=-2.0))
    assert values["critic_loss"].item() == pytest.approx(log(2) + log(1 + exp(-1)), rel=1e-14)
    assert values["generator_loss"].item() == pytest.approx(log(1 + exp(1)), rel=1e-14)
    assert values["critic_slope"].item() == 2
    assert values["critic_gradient_norm"].item() == pytest.approx(0.5 * logistic(-1), rel=1e-14)
    assert values["generator_gradient_norm"].item() == pytest.approx(2 * logistic(1), rel=1e-14)
