"""Exact Wasserstein-1 and its transport plan: closed forms, optimality, finite results for any finite samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from gan_core.metrics import transport_plan, wasserstein_1

pytestmark = pytest.mark.shapes


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def segment(theta, count=400, seed=3):
    """Uniform samples of the segment {theta} x [0, 1]."""
    along = np.random.default_rng(seed).uniform(size=count)
    return np.stack([np.full(count, theta), along], axis=1)


numbers = st.floats(-100, 100, allow_subnormal=False)
samples = st.lists(numbers, min_size=1, max_size=12)


@settings(deadline=None, max_examples=60)
@given(pairs=st.lists(st.tuples(numbers, numbers), min_size=1, max_size=12))
def test_in_one_dimension_it_is_the_mean_difference_of_sorted_samples(pairs):
    real, fake = (np.array(points) for points in zip(*pairs, strict=True))
    expected = np.abs(np.sort(real) - np.sort(fake)).mean()
    assert wasserstein_1(real[:, None], fake[:, None]) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(real=samples, fake=samples)
def test_in_one_dimension_it_equals_scipys_for_any_two_sizes(real, fake):
    exact = wasserstein_1(np.array(real)[:, None], np.array(fake)[:, None])
    assert exact == pytest.approx(wasserstein_distance(real, fake), abs=1e-9)


@pytest.mark.parametrize("theta", [-2.0, -0.01, 0.3, 7.0])
def test_distance_to_a_translated_copy_is_the_length_of_the_shift(theta):
    """No plan costs less than to move each point by theta."""
    assert wasserstein_1(segment(0.0), segment(theta)) == pytest.approx(abs(theta), rel=1e-9)


def test_distance_between_samples_of_parallel_segments_is_close_to_that_of_the_segments():
    """sqrt(theta^2 + gap^2) >= theta, where two uniform samples of 400 have gaps of about 1/sqrt(400) at most."""
    exact = wasserstein_1(segment(0.0), segment(0.5, seed=4))
    assert 0.5 <= exact <= (0.5**2 + 0.1**2) ** 0.5


@pytest.mark.parametrize(("m", "n"), [(30, 30), (20, 45), (1, 9)])
def test_plan_moves_the_weight_of_every_sample_and_its_cost_is_the_distance(m, n):
    real, fake = normal(m, 2), normal(n, 2, seed=1) + 2
    plan = transport_plan(real, fake)
    assert (plan.mass > 0).all()
    assert np.bincount(plan.real, plan.mass, m) == pytest.approx(np.full(m, 1 / m), rel=1e-9)
    assert np.bincount(plan.fake, plan.mass, n) == pytest.approx(np.full(n, 1 / n), rel=1e-9)
    cost = np.linalg.norm(real[plan.real] - fake[plan.fake], axis=1) @ plan.mass
    assert plan.distance == pytest.approx(cost, rel=1e-12)


def test_plan_between_equally_many_samples_is_a_pairing_that_no_swap_makes_cheaper():
    real, fake = normal(40, 2), normal(40, 2, seed=1)
    plan = transport_plan(real, fake)
    assert sorted(plan.real) == sorted(plan.fake) == list(range(40))
    cost = np.linalg.norm(real[plan.real][:, None] - fake[plan.fake], axis=-1)
    kept = cost.diagonal()[:, None] + cost.diagonal()
    assert (kept <= cost + cost.T + 1e-12).all()


def test_plan_matches_every_sample_of_a_permuted_copy_with_itself():
    real = normal(50, 2)
    order = np.random.default_rng(5).permutation(50)
    plan = transport_plan(real, real[order])
    assert plan.distance == pytest.approx(0, abs=1e-12)
    assert (order[plan.fake] == plan.real).all()


def test_distance_is_symmetric_and_scales_with_the_data():
    real, fake = normal(30, 2), normal(20, 2, seed=1)
    exact = wasserstein_1(real, fake)
    assert wasserstein_1(fake, real) == pytest.approx(exact, rel=1e-9)
    for scale in (1e-6, 1e6):
        assert wasserstein_1(scale * real, scale * fake) == pytest.approx(scale * exact, rel=1e-9)


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_very_small_and_very_large_fakes_have_a_distance(size):
    fake = size * normal(30, 2)
    assert wasserstein_1(np.zeros((30, 2)), fake) == pytest.approx(np.linalg.norm(fake, axis=1).mean(), rel=1e-9)


# --- numerical failures


def test_plan_of_nonfinite_samples_raises_an_error():
    with pytest.raises(ValueError, match=r"^real, fake: must be finite, with finite distances between them"):
        transport_plan(normal(3, 2), np.array([[0.0, np.inf]]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_distance_to_nonfinite_fakes_is_nan(value):
    fake = normal(5, 2)
    fake[3, 1] = value
    assert np.isnan(wasserstein_1(normal(3, 2), fake))


@pytest.mark.parametrize("size", [1e155, 1e200, -1e200, 1e308])
def test_distance_to_finite_fakes_whose_squared_distances_overflow_is_nan(size):
    real, fake = normal(30, 2), size * (1 + normal(20, 2, seed=1) ** 2 / 100)
    fake = np.clip(fake, -1.7e308, 1.7e308)
    assert np.isfinite(fake).all()
    assert np.isnan(wasserstein_1(real, fake))
    with pytest.raises(ValueError, match=r"^real, fake: must be finite, with finite distances between them"):
        transport_plan(real, fake)


def test_distance_just_below_the_overflow_is_finite():
    fake = 1e153 * normal(20, 2)
    assert wasserstein_1(np.zeros((20, 2)), fake) == pytest.approx(np.linalg.norm(fake, axis=1).mean(), rel=1e-9)


def test_one_overflowing_fake_is_enough_for_nan():
    fake = normal(20, 2)
    fake[7] = 1e200
    assert np.isnan(wasserstein_1(normal(30, 2), fake))
