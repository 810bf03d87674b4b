"""The permutation test: statistic, exact and random splits, ties, failures, false positives; Holm's correction."""

from itertools import combinations
from math import comb, inf, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from studies.statistics.permutation import RANDOM_SPLITS, brunner_munzel, effect, holm, permutation_test

TENTHS = st.lists(st.integers(0, 9).map(lambda tenth: tenth / 10), min_size=3, max_size=8)


def scipy_statistic(first, second):
    """Scipy's statistic: NaN or infinite if no placement varies."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return stats.brunnermunzel(first, second, distribution="normal").statistic


# --- the statistic


@given(first=TENTHS, second=TENTHS)
def test_the_statistic_agrees_with_scipy(first, second):
    first, second = np.array(first), np.array(second)
    expected = scipy_statistic(first, second)
    if np.isfinite(expected):
        assert brunner_munzel(first, second) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert brunner_munzel(second, first) == -brunner_munzel(first, second)


def test_the_statistic_of_published_pain_scores_agrees_with_the_paper():
    """Brunner & Munzel 2000, table 1, pain scores after shoulder surgery: statistic 3.1375."""
    treated = np.array([1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 1, 1])
    untreated = np.array([3, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4])
    assert brunner_munzel(treated, untreated) == pytest.approx(3.1375, abs=5e-5)


@pytest.mark.parametrize(
    ("first", "second", "sign"), [([1, 2], [3, 4, 5], 1), ([3, inf], [1, 2], -1), ([1, 1], [inf] * 2, 1)]
)
def test_the_statistic_is_infinite_at_complete_separation(first, second, sign):
    assert brunner_munzel(np.array(first), np.array(second)) == sign * inf


def test_the_statistic_is_0_if_all_values_are_tied():
    assert brunner_munzel(np.full(4, inf), np.full(3, inf)) == 0


def test_the_effect_counts_ties_half_and_failures_last():
    # 1 is smaller than all three; 2 ties with first and is smaller than two; a failure ties with the failure
    assert effect(np.array([1, 2, inf]), np.array([2, 3, inf])) == pytest.approx((3 + 2.5 + 0.5) / 9)
    assert effect(np.array([2, 3, inf]), np.array([1, 2, inf])) == pytest.approx(1 - 6 / 9)


# --- permutations


@pytest.mark.parametrize(("n", "m"), [(2, 2), (5, 5), (4, 7), (8, 8)])
def test_at_complete_separation_p_is_the_smallest_possible(n, m):
    near, far = np.arange(n) / 10, 5 + np.arange(m)
    assert permutation_test(near, far, seed=0) == (2 / comb(n + m, n), True)
    assert permutation_test(far, near, seed=0) == (2 / comb(n + m, n), True)


def test_failures_only_against_no_failures_are_complete_separation():
    assert permutation_test(np.full(5, inf), np.arange(5.0), seed=0) == (2 / comb(10, 5), True)


@pytest.mark.parametrize("values", [np.full(5, inf), np.full(5, 0.25)])
def test_p_is_1_if_all_values_are_tied(values):
    assert permutation_test(values, values, seed=0) == (1, True)


@pytest.mark.parametrize("seed", range(8))
def test_the_p_value_equals_that_of_a_loop_over_all_splits_with_scipys_statistic(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 8, 4).astype(float), rng.integers(2, 10, 5).astype(float)
    pool = np.concatenate([first, second])
    statistics = []
    for indices in combinations(range(9), 4):
        in_first = np.isin(np.arange(9), indices)
        statistics.append(abs(scipy_statistic(pool[in_first], pool[~in_first])))
    statistics = np.nan_to_num(statistics, nan=0.0, posinf=inf)
    observed = abs(brunner_munzel(first, second))
    p_value, exact = permutation_test(first, second, seed=0)
    assert exact
    assert p_value == pytest.approx(np.mean(statistics >= observed - 1e-9))


def test_random_splits_approximate_the_exact_p_value(monkeypatch):
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, 8), rng.normal(1, 2, 8)
    exact, _ = permutation_test(first, second, seed=0)
    monkeypatch.setattr("studies.statistics.permutation.MOST_SPLITS", 100)
    approximate, tried_all = permutation_test(first, second, seed=0)
    assert not tried_all
    assert approximate == pytest.approx(exact, abs=4 * sqrt(exact / RANDOM_SPLITS))
    assert approximate == permutation_test(first, second, seed=0)[0] != permutation_test(first, second, seed=1)[0]


def test_a_p_value_from_random_splits_is_never_0():
    p_value, exact = permutation_test(np.arange(20.0), 50 + np.arange(20.0), seed=0)
    assert (p_value, exact) == (1 / (RANDOM_SPLITS + 1), False)


def test_equal_groups_are_told_apart_as_often_as_the_level_states():
    rng, simulations = np.random.default_rng(0), 400
    false_positives = []
    for _ in range(simulations):
        first, second = np.round(rng.normal(3, 1, (2, 6)), 1)  # in steps of .1, so that some tie
        false_positives.append(permutation_test(first, second, seed=0)[0] < 0.05)
    assert np.mean(false_positives) == pytest.approx(0.05, abs=3 * sqrt(0.05 * 0.95 / simulations))


# --- several tests


def test_holms_adjustment_equals_its_definition_and_skips_missing_tests():
    adjusted = holm(np.array([0.01, np.nan, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(adjusted, [0.03, np.nan, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.5, 0.6])), [1, 1])
    assert holm(np.zeros(0)).shape == (0,)
