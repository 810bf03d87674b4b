"""Intervals: closed forms, published numbers, and coverage on simulated data."""

from math import inf, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from studies.statistics.intervals import (
    bootstrap_interval,
    interquartile_mean,
    interquartile_means,
    mean_interval,
    newcombe,
    share_interval,
    wilson,
)

THIRDS = st.lists(st.integers(0, 3).map(lambda third: third / 3), min_size=1, max_size=20)

# --- Wilson's interval


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [
        (0, 8, 0.00, 0.32),
        (4, 8, 0.22, 0.78),
        (0, 16, 0.00, 0.19),
        (8, 16, 0.28, 0.72),
        (0, 32, 0.00, 0.11),
        (16, 32, 0.34, 0.66),
        (0, 64, 0.00, 0.06),
        (32, 64, 0.38, 0.62),
        (0, 5, 0.00, 0.43),
        (0, 10, 0.00, 0.28),
        (0, 20, 0.00, 0.16),
    ],
)
def test_wilson_gives_the_ends_that_objectives_7_lists(count, n, low, high):
    assert wilson(count, n) == pytest.approx((low, high), abs=0.005001)


def test_wilson_solves_its_own_equation():
    # the ends are where (p - share)^2 = z^2 p (1 - p)/n
    low, high = wilson(3, 11, confidence=0.9)
    assert low < 3 / 11 < high
    for end in (low, high):
        assert abs(end - 3 / 11) == pytest.approx(1.6448536269514722 * sqrt(end * (1 - end) / 11), rel=1e-9)


def test_wilson_has_a_width_at_0_and_n_and_is_symmetric():
    assert wilson(0, 7)[0] == 0
    assert wilson(7, 7)[1] == 1
    assert wilson(7, 7)[0] == pytest.approx(1 - wilson(0, 7)[1], rel=1e-12)
    assert 0.3 < wilson(0, 7)[1] < 0.4


@pytest.mark.parametrize(("count", "n"), [(0, 0), (-1, 4), (5, 4)])
def test_wilson_refuses_counts_outside_0_to_n(count, n):
    with pytest.raises(ValueError, match="0 <= count <= n"):
        wilson(count, n)


@pytest.mark.parametrize("n", [5, 10, 20])
def test_wilson_has_its_nominal_coverage_on_average(n):
    rate = np.linspace(0.0005, 0.9995, 1000)[:, None]
    low, high = np.array([wilson(count, n) for count in range(n + 1)]).T
    coverage = (binom.pmf(np.arange(n + 1), n, rate) * ((low <= rate) & (rate <= high))).sum(1)
    assert 0.94 < coverage.mean() < 0.96


# --- the interquartile mean


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ([7.0], 7.0),
        ([1.0, 2.0, 6.0], 3.0),  # below four nothing is cut
        ([9.0, 1.0, 2.0, 4.0], 3.0),
        ([1.0, 2.0, 3.0, 7.0, 50.0], 4.0),  # one cut at each end
        ([-90.0, 0.0, 1.0, 2.0, 4.0, 5.0, 60.0, 70.0], 3.0),
        (list(range(10)), 4.5),  # two cut at each end
        ([0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 14.0, 90.0, 90.0], 5.0),  # 11: still two
    ],
)
def test_interquartile_mean_cuts_a_quarter_at_each_end_rounded_down(values, mean):
    assert interquartile_mean(np.array(values)) == pytest.approx(mean, rel=1e-14)


@pytest.mark.parametrize(
    ("n", "failures", "mean"),
    [(3, 1, inf), (4, 1, 2.5), (4, 2, inf), (7, 1, 4.0), (7, 2, inf), (8, 2, 4.5), (8, 3, inf)],
)
def test_interquartile_mean_is_infinite_if_a_failure_lies_in_the_middle_half(n, failures, mean):
    values = np.arange(1.0, n + 1)
    values[n - failures :] = inf
    assert interquartile_mean(values) == mean


def test_interquartile_means_of_groups_equal_those_of_each_group_exactly():
    rng = np.random.default_rng(0)
    for size in range(1, 30):
        groups = rng.exponential(size=(7, size))
        groups[3, 0] = inf
        assert interquartile_means(groups).tolist() == [interquartile_mean(values) for values in groups]


@pytest.mark.parametrize("values", [[], [1.0, nan], [1.0, -inf]])
def test_no_values_and_values_without_a_rank_are_refused(values):
    with pytest.raises(ValueError, match="values: must be one or more numbers"):
        interquartile_mean(np.array(values))
    with pytest.raises(ValueError, match="values: must be one or more numbers"):
        bootstrap_interval(np.array(values), seed=0)


# --- the bootstrap


def test_bootstrap_is_reproducible_and_depends_on_its_seed():
    values = np.random.default_rng(1).normal(3, 1, 12)
    assert bootstrap_interval(values, seed=4) == bootstrap_interval(values, seed=4)
    assert bootstrap_interval(values, seed=4) != bootstrap_interval(values, seed=5)


def test_bootstrap_does_not_depend_on_the_order_of_values():
    values = np.array([0.3, inf, 0.1, 0.7, 0.2, 0.9])
    assert bootstrap_interval(values, seed=4) == bootstrap_interval(values[::-1], seed=4)


def test_bootstrap_of_two_values_has_the_exact_ends():
    # four equally likely resamples: (1, 1), (1, 5) twice, (5, 5); a quarter lies below .25
    assert bootstrap_interval(np.array([1.0, 5.0]), seed=0) == (1.0, 5.0)
    assert bootstrap_interval(np.array([1.0, 5.0]), seed=0, confidence=0.4) == (3.0, 3.0)


def test_bootstrap_ends_are_values_that_a_resample_took():
    low, high = bootstrap_interval(np.array([0.0, 3.0]), seed=0, resamples=7)
    assert {low, high} <= {0.0, 1.5, 3.0}


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ([2.5], (2.5, 2.5)),
        ([inf], (inf, inf)),
        ([inf] * 6, (inf, inf)),
        ([1.25] * 6, (1.25, 1.25)),
        ([1, inf], (1, inf)),
    ],
)
def test_degenerate_values_give_sensible_ends(values, ends):
    assert bootstrap_interval(np.array(values, dtype=float), seed=0) == ends


def test_rare_failures_make_only_the_upper_end_infinite():
    values = np.array([1.0, 2.0, 3.0, 4.0, inf])
    low, high = bootstrap_interval(values, seed=0)
    assert 1 < low < interquartile_mean(values) == 3
    assert high == inf


def test_a_higher_confidence_gives_a_wider_interval():
    values = np.random.default_rng(2).normal(3, 1, 20)
    narrow = bootstrap_interval(values, seed=0, confidence=0.8)
    wide = bootstrap_interval(values, seed=0, confidence=0.99)
    assert wide[0] < narrow[0] < interquartile_mean(values) < narrow[1] < wide[1]


def coverage(truth, draw, simulations=600):
    rng = np.random.default_rng(0)
    ends = [bootstrap_interval(draw(rng), seed=seed, resamples=1000) for seed in range(simulations)]
    return np.mean([low <= truth <= high for low, high in ends])


def test_bootstrap_covers_the_interquartile_mean_of_normal_values():
    # three Monte-Carlo standard errors are .027
    assert 0.92 < coverage(3.0, lambda rng: rng.normal(3, 1, 20)) < 0.98


def test_bootstrap_covers_the_interquartile_mean_if_a_tenth_of_the_values_fail():
    # quantile u of all values is u/.9, so the mean over .25 < u < .75 is .5/.9
    def draw(rng):
        return np.where(rng.random(20) < 0.1, inf, rng.random(20))

    assert 0.91 < coverage(0.5 / 0.9, draw) < 0.98


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.floats(-1e30, 1e30) | st.just(inf), min_size=1, max_size=12), seed=st.integers(0, 2**32))
def test_bootstrap_ends_are_ordered_and_within_the_values(values, seed):
    low, high = bootstrap_interval(np.array(values), seed=seed, resamples=200)
    slack = 1e-12 * max(abs(value) for value in values if value < inf) if min(values) < inf else 0
    assert min(values) - slack <= low <= high <= max(values) + slack


# --- means, shares and differences


def test_resampling_by_counts_has_the_distribution_of_draws_with_replacement():
    values = np.array([0, 0, 1 / 3, 2 / 3, 1, 1, 1, 1 / 3, 0, 2 / 3, 0.9, 0.8])
    chosen = np.random.default_rng(1).integers(0, len(values), (40_000, len(values)))
    tail = 0.01075  # Phi(sqrt(12/11) t_11(.025))
    expected = np.quantile(values[chosen].mean(axis=1), [tail, 1 - tail])
    np.testing.assert_allclose(mean_interval(values, seed=3, resamples=40_000), expected, atol=0.012)


@pytest.mark.parametrize("n", [12, 32])
def test_the_interval_of_a_mean_share_has_its_nominal_coverage(n):
    rng, simulations, hits = np.random.default_rng(n), 1000, 0
    for seed in range(simulations):
        shares = rng.binomial(3, rng.beta(0.5, 0.5, n)) / 3  # most shares are near 0 or 1
        low, high = share_interval(shares, seed=seed, resamples=1000)
        hits += low <= 0.5 <= high
    assert 0.93 < hits / simulations < 0.985  # three Monte-Carlo standard errors are .021


def test_the_interval_of_a_difference_of_common_draws_has_its_nominal_coverage():
    rng, simulations, hits = np.random.default_rng(0), 1000, 0
    for seed in range(simulations):
        u = rng.random(24)
        other = np.where(rng.random(24) < 0.5, u, rng.random(24))  # half of the deciding draws are common
        low, high = mean_interval((u < 0.6) * 1.0 - (other < 0.3), seed=seed, resamples=1000)
        hits += low <= 0.3 <= high
    assert 0.93 < hits / simulations < 0.985


@pytest.mark.parametrize(("share", "inner", "outer"), [(0.0, 0, 0), (1.0, 9, 9), (1 / 3, 3, 3), (0.5, 4, 5)])
def test_equal_shares_have_the_wilson_interval_of_n_draws(share, inner, outer):
    assert share_interval(np.full(9, share), seed=0) == (wilson(inner, 9)[0], wilson(outer, 9)[1])


@given(shares=THIRDS, seed=st.integers(0, 99))
def test_the_interval_of_a_mean_share_contains_it_and_lies_within_0_and_1(shares, seed):
    low, high = share_interval(np.array(shares), seed=seed, resamples=200)
    assert 0 <= low < high <= 1
    if len(shares) > 3:
        assert low <= np.mean(shares) + 1e-12
        assert high >= np.mean(shares) - 1e-12


def test_the_interval_of_a_mean_depends_on_the_seed_but_not_on_the_order_of_values():
    values = np.random.default_rng(0).random(15)
    assert mean_interval(values, seed=2) == mean_interval(values[::-1], seed=2)
    assert mean_interval(values, seed=2) != mean_interval(values, seed=3)


def test_a_mean_of_no_values_is_refused():
    with pytest.raises(ValueError, match="values: must hold at least one number"):
        mean_interval(np.zeros(0), seed=0)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [  # Newcombe 1998, table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_newcombes_interval_agrees_with_his_published_table(first, second, low, high):
    assert newcombe(first, second) == pytest.approx((low, high), abs=5.1e-5)
