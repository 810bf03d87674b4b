"""Sliced Wasserstein distance: exact in one dimension, closed forms in more, properties of a metric."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance
from torch.testing import assert_close

from gan_core.metrics import quantile_steps, sliced_wasserstein, sorted_projections, unit_directions

pytestmark = pytest.mark.shapes


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def distance(real, fake, directions):
    return sliced_wasserstein(sorted_projections(real, directions), sorted_projections(fake, directions))


def directions_in(dim, count=40):
    return torch.from_numpy(np.ascontiguousarray(unit_directions(count, dim)))


# --- the seed axis


def test_a_seed_alone_has_the_same_distance_as_among_others():
    real, directions = normal(50, 3), directions_in(3)
    fakes = normal(4, 64, 3, seed=1) * torch.tensor([0.01, 0.5, 1.0, 3.0])[:, None, None]
    together = sliced_wasserstein(sorted_projections(real, directions), sorted_projections(fakes, directions))
    assert together.shape == (4,)
    assert len(set(together.tolist())) == 4
    for seed in range(4):
        assert_close(distance(real, fakes[seed], directions), together[seed], rtol=1e-13, atol=0)


# --- exact values

numbers = st.floats(-100, 100, allow_subnormal=False)
samples = st.lists(numbers, min_size=1, max_size=12)


@settings(deadline=None, max_examples=150)
@given(real=samples, fake=samples)
def test_one_dimensional_distance_equals_scipys_for_any_two_sizes(real, fake):
    first, second = (torch.tensor(points, dtype=torch.float64).sort().values[None] for points in (real, fake))
    assert sliced_wasserstein(first, second).item() == pytest.approx(wasserstein_distance(real, fake), abs=1e-11)


@settings(deadline=None, max_examples=60)
@given(pairs=st.lists(st.tuples(numbers, numbers), min_size=1, max_size=12))
def test_for_equal_sizes_it_is_the_mean_difference_of_sorted_samples(pairs):
    real, fake = (torch.tensor(points, dtype=torch.float64).sort().values for points in zip(*pairs, strict=True))
    expected = (real - fake).abs().mean().item()
    assert sliced_wasserstein(real[None], fake[None]).item() == pytest.approx(expected, abs=1e-11)


@settings(deadline=None, max_examples=60)
@given(n=st.integers(1, 60), m=st.integers(1, 60))
def test_quantile_steps_cover_the_unit_interval_and_give_every_sample_its_weight(n, m):
    of_n, of_m, length = quantile_steps(n, m)
    assert (length > 0).all()
    assert np.bincount(of_n, length) == pytest.approx(np.full(n, 1 / n), rel=1e-12)
    assert np.bincount(of_m, length) == pytest.approx(np.full(m, 1 / m), rel=1e-12)


@pytest.mark.parametrize("dim", [1, 2, 5, 64])
def test_distance_to_a_translated_copy_is_the_mean_absolute_projection_of_the_shift(dim):
    directions, points, shift = directions_in(dim), normal(30, dim), normal(dim, seed=1)
    expected = (shift @ directions).abs().mean()
    assert_close(distance(points, points + shift, directions), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("n", "m"), [(40, 40), (40, 60), (37, 64), (1, 50)])
def test_distance_equals_pots_on_the_same_projections(n, m):
    ot = pytest.importorskip("ot")
    real, fake, directions = normal(m, 5), normal(n, 5, seed=1) * 1.5 + 0.3, directions_in(5)
    expected = ot.sliced_wasserstein_distance(real.numpy(), fake.numpy(), projections=directions.numpy(), p=1)
    assert distance(real, fake, directions).item() == pytest.approx(float(expected), rel=1e-12)


def test_distance_to_a_constant_is_the_mean_absolute_difference_of_projections():
    real, directions = normal(50, 3), directions_in(3)
    constant = torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64)
    expected = (real @ directions - constant @ directions).abs().mean()
    assert_close(distance(real, constant.expand(20, 3), directions), expected, rtol=1e-12, atol=0)


# --- properties of a metric between empirical distributions

seeds = st.integers(0, 2**31)
sizes = st.integers(1, 20)


@settings(deadline=None, max_examples=40)
@given(seed=seeds, n=sizes, m=sizes)
def test_distance_is_symmetric_positive_and_zero_for_equal_samples(seed, n, m):
    real, fake, directions = normal(m, 3, seed=seed), 2 * normal(n, 3, seed=seed + 1), directions_in(3)
    forward, backward = distance(real, fake, directions), distance(fake, real, directions)
    assert_close(forward, backward, rtol=1e-12, atol=1e-14)
    assert forward > 1e-3
    assert distance(real, real, directions) == 0


@settings(deadline=None, max_examples=40)
@given(seed=seeds, n=sizes, m=sizes, k=sizes)
def test_distance_satisfies_the_triangle_inequality(seed, n, m, k):
    first, middle, last = (normal(size, 3, seed=seed + i) + i for i, size in enumerate((n, m, k)))
    directions = directions_in(3)
    direct = distance(first, last, directions)
    assert direct <= distance(first, middle, directions) + distance(middle, last, directions) + 1e-12


@settings(deadline=None, max_examples=30)
@given(seed=seeds, repeats=st.integers(2, 4))
def test_distance_does_not_depend_on_order_and_repetition_of_the_samples(seed, repeats):
    real, fake, directions = normal(7, 3, seed=seed), normal(11, 3, seed=seed + 1), directions_in(3)
    order = torch.randperm(11, generator=torch.Generator().manual_seed(seed))
    expected = distance(real, fake, directions)
    assert_close(distance(real, fake[order], directions), expected, rtol=1e-12, atol=0)
    assert_close(distance(real, fake.repeat(repeats, 1), directions), expected, rtol=1e-11, atol=1e-13)


@settings(deadline=None, max_examples=30)
@given(seed=seeds, scale=st.floats(1e-3, 1e3))
def test_distance_scales_with_the_data(seed, scale):
    real, fake, directions = normal(7, 3, seed=seed), normal(11, 3, seed=seed + 1), directions_in(3)
    scaled = distance(scale * real, scale * fake, directions)
    assert_close(scaled, scale * distance(real, fake, directions), rtol=1e-11, atol=0)


def test_directions_are_fixed_unit_vectors_uniform_on_the_sphere():
    directions = unit_directions(4000, 3)
    assert np.array_equal(directions, unit_directions(4000, 3))
    assert np.linalg.norm(directions, axis=0) == pytest.approx(np.ones(4000), rel=1e-14)
    # uniform on the sphere: mean 0 and covariance 1/3 of the identity
    assert np.abs(directions.mean(1)).max() < 0.05
    assert np.abs(np.cov(directions) - np.eye(3) / 3).max() < 0.03
