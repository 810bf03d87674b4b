"""Intervals of means over configurations and of differences of shares: coverage, corners, references."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.comparison.intervals import mean_interval, newcombe, share_interval, wilson

THIRDS = st.lists(st.integers(0, 3).map(lambda third: third / 3), min_size=1, max_size=20)


def test_it_is_drawn_as_configurations_are_resampled():
    """A test of how it is drawn: by counts of distinct values, and by taking configurations with replacement."""
    values = np.array([0, 0, 1 / 3, 2 / 3, 1, 1, 1, 1 / 3, 0, 2 / 3, 0.9, 0.8])
    chosen = np.random.default_rng(1).integers(0, len(values), (40_000, len(values)))
    tail = 0.01075  # Phi(sqrt(12/11) t_11(.025))
    expected = np.quantile(values[chosen].mean(axis=1), [tail, 1 - tail])
    np.testing.assert_allclose(mean_interval(values, seed=3, resamples=40_000), expected, atol=0.012)


@pytest.mark.parametrize("n", [12, 32])
def test_the_mean_share_of_seeds_is_covered_as_often_as_said(n):
    rng, simulations, hits = np.random.default_rng(n), 1000, 0
    for seed in range(simulations):
        shares = rng.binomial(3, rng.beta(0.5, 0.5, n)) / 3  # most configurations are good or bad
        low, high = share_interval(shares, seed=seed, resamples=1000)
        hits += low <= 0.5 <= high
    assert 0.93 < hits / simulations < 0.985  # three Monte-Carlo standard errors are .021


def test_differences_of_common_draws_are_covered_as_often_as_said():
    rng, simulations, hits = np.random.default_rng(0), 1000, 0
    for seed in range(simulations):
        u = rng.random(24)
        other = np.where(rng.random(24) < 0.5, u, rng.random(24))  # half of what decides is common
        low, high = mean_interval((u < 0.6) * 1.0 - (other < 0.3), seed=seed, resamples=1000)
        hits += low <= 0.3 <= high
    assert 0.93 < hits / simulations < 0.985


@pytest.mark.parametrize(("share", "inner", "outer"), [(0.0, 0, 0), (1.0, 9, 9), (1 / 3, 3, 3), (0.5, 4, 5)])
def test_equal_shares_have_wilsons_interval_of_as_many_draws(share, inner, outer):
    assert share_interval(np.full(9, share), seed=0) == (wilson(inner, 9)[0], wilson(outer, 9)[1])


@given(shares=THIRDS, seed=st.integers(0, 99))
def test_the_interval_of_a_share_lies_around_it_and_within_0_and_1(shares, seed):
    low, high = share_interval(np.array(shares), seed=seed, resamples=200)
    assert 0 <= low < high <= 1
    if len(shares) > 3:
        assert low <= np.mean(shares) + 1e-12
        assert high >= np.mean(shares) - 1e-12


def test_the_order_of_configurations_does_not_matter_and_the_seed_does():
    values = np.random.default_rng(0).random(15)
    assert mean_interval(values, seed=2) == mean_interval(values[::-1], seed=2)
    assert mean_interval(values, seed=2) != mean_interval(values, seed=3)


def test_no_configuration_has_no_interval():
    with pytest.raises(ValueError, match="values: must be one or more"):
        mean_interval(np.zeros(0), seed=0)


@pytest.mark.parametrize(
    ("share", "other", "low", "high"),
    [  # Newcombe 1998, table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_newcombes_interval_is_that_of_his_table(share, other, low, high):
    assert newcombe(share, other) == pytest.approx((low, high), abs=5.1e-5)
