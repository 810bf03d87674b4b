"""Histograms over a box of the plane, and the Jensen-Shannon divergence between them."""

from math import log

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from gan_core.metrics import Box, jensen_shannon

pytestmark = pytest.mark.shapes


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def segment(theta, count=400, seed=3):
    """Uniform samples of the segment {theta} x [0, 1]."""
    along = np.random.default_rng(seed).uniform(size=count)
    return np.stack([np.full(count, theta), along], axis=1)


# --- Jensen-Shannon divergence


def js(real, fake, resolution=50):
    """Divergence of the histograms over the smallest box around the real samples."""
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    box = Box.around(real, resolution=resolution)
    return jensen_shannon(torch.from_numpy(real), torch.from_numpy(fake), box).item()


@pytest.mark.parametrize("theta", [-3.0, -1e-6, 1e-30, 0.01, 1.0, 1e30])
def test_divergence_of_disjoint_segments_is_log_2_at_any_distance(theta):
    assert js(segment(0.0), segment(theta)) == pytest.approx(log(2), rel=1e-12)


def test_divergence_of_two_samples_of_one_distribution_is_that_of_finite_samples():
    """About (cells - 1)(1/n + 1/m)/8 = 49 (2/2500)/8 = .0049: a chi^2 of 49, hence within 4 sqrt(2/49) = 81 %."""
    assert js(segment(0.0, 2500), segment(0.0, 2500, seed=4)) == pytest.approx(0.0049, rel=0.81)


def test_divergence_of_the_same_samples_in_another_order_is_zero():
    real = normal(300, 2)
    assert js(real, real[::-1].copy()) == 0


def test_divergence_where_half_of_the_fakes_are_elsewhere_has_its_closed_form():
    """p = (1, 0) and q = (1/2, 1/2) over real cells and the rest: JS = H(3/4, 1/4) - H(1/2, 1/2)/2."""
    real, fake = [[0.0, 0.0], [0.1, 0.1]], [[0.0, 0.0], [0.1, 0.1], [9.0, 0.05], [9.0, 0.05]]
    expected = -(0.75 * log(0.75) + 0.25 * log(0.25)) - log(2) / 2
    assert js(real, fake, resolution=2) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("side", [(-9.0, 0.5), (9.0, 0.5), (0.5, -9.0), (0.5, 9.0), (-9.0, 9.0), (np.inf, 0.5)])
def test_fakes_beyond_any_side_of_the_box_share_no_cell_with_real_samples(side):
    real = np.random.default_rng(0).uniform(size=(500, 2))
    fake = np.tile(side, (100, 1))
    box = Box.around(real, resolution=10)
    p, q = (box.shares(torch.from_numpy(points)) for points in (real, fake))
    assert p.sum().item() == pytest.approx(1, rel=1e-12)
    assert q.sum().item() == pytest.approx(1, rel=1e-12)
    assert (p * q).sum().item() == 0
    if np.isfinite(fake).all():
        assert js(real, fake) == pytest.approx(log(2), rel=1e-12)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**31), shift=st.floats(0, 3), resolution=st.integers(2, 30))
def test_divergence_lies_between_zero_and_log_2_and_is_symmetric_over_one_box(seed, shift, resolution):
    real, fake = (torch.from_numpy(normal(50, 2, seed=seed + i) + i * shift) for i in range(2))
    box = Box.around(real.numpy(), resolution=resolution)
    forward, backward = jensen_shannon(real, fake, box), jensen_shannon(fake, real, box)
    assert 0 <= forward <= log(2) + 1e-12
    assert forward.item() == pytest.approx(backward.item(), rel=1e-12)


# --- the box


def test_all_points_lie_in_the_cells_of_the_box_around_them():
    points = normal(200, 2)
    box = Box.around(points, resolution=7)
    shares = box.shares(torch.from_numpy(points)).reshape(9, 9)
    assert shares[1:-1, 1:-1].sum().item() == pytest.approx(1, rel=1e-12)
    assert (points.min(0) == box.low).all()
    assert (points.max(0) == box.high).all()


def test_margin_is_a_multiple_of_the_longer_side_and_added_on_every_side():
    box = Box.around(np.array([[0.0, 1.0], [0.0, 3.0]]), resolution=4, margin=0.5)
    assert box.low.tolist() == [-1, 0]
    assert box.high.tolist() == [1, 4]


def test_density_and_centers_have_the_same_order_row_by_row_from_below():
    box = Box(low=np.array([0.0, 0.0]), high=np.array([4.0, 8.0]), resolution=4)
    assert box.centers[:5].tolist() == [[0.5, 1], [1.5, 1], [2.5, 1], [3.5, 1], [0.5, 3]]
    for cell in (0, 3, 6, 15):
        density = box.density(box.centers[cell : cell + 1])
        assert np.flatnonzero(density).tolist() == [cell]
        assert density.flat[cell] == pytest.approx(1 / 2)  # a cell is 1 wide and 2 high


def test_integral_of_the_density_is_the_share_of_points_in_the_box():
    box = Box(low=np.array([-1.0, -1.0]), high=np.array([1.0, 2.0]), resolution=30)
    points = np.concatenate([np.random.default_rng(0).uniform(-1, 1, (60, 2)), np.full((20, 2), 5.0)])
    points = np.concatenate([points, np.full((20, 2), np.nan)]).astype(np.float32)
    assert box.density(points).sum() * 6 / 900 == pytest.approx(0.6, rel=1e-12)


def test_density_of_many_points_is_that_of_their_distribution():
    """Pearson's chi^2 of 100 cells has mean 100 and deviation sqrt(200), whatever the density is."""
    box = Box(low=np.array([-1.0, -1.0]), high=np.array([1.0, 1.0]), resolution=10)
    side = np.diff(norm.cdf(np.linspace(-1, 1, 11)))
    expected = np.outer(side, side) * 1_000_000
    counts = box.density(normal(1_000_000, 2)) * 0.2**2 * 1_000_000
    assert ((counts - expected) ** 2 / expected).sum() == pytest.approx(100, abs=4 * 200**0.5)
