"""Tests of pairs: the statistic, its permutations, ties and failures, how often nothing is called something."""

from itertools import combinations
from math import comb, inf, sqrt
from time import process_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from studies.comparison.pairs import PAIRS, RANDOM_SPLITS, brunner_munzel, effect, holm, pairs, permutation_test
from studies.comparison.power import configurations_needed, pair_power, seeds_needed

TENTHS = st.lists(st.integers(0, 9).map(lambda tenth: tenth / 10), min_size=3, max_size=8)


def scipys(one, other):
    """NaN or infinite where nothing varies."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return stats.brunnermunzel(one, other, distribution="normal").statistic


# --- the statistic


@given(one=TENTHS, other=TENTHS)
def test_the_statistic_is_scipys(one, other):
    one, other = np.array(one), np.array(other)
    expected = scipys(one, other)
    if np.isfinite(expected):
        assert brunner_munzel(one, other) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert brunner_munzel(other, one) == -brunner_munzel(one, other)


def test_the_statistic_of_published_pain_scores_is_the_published_one():
    """Brunner & Munzel 2000, table 1, pain scores after shoulder surgery: statistic 3.1375."""
    treated = np.array([1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 1, 1])
    untreated = np.array([3, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4])
    assert brunner_munzel(treated, untreated) == pytest.approx(3.1375, abs=5e-5)


@pytest.mark.parametrize(
    ("one", "other", "sign"), [([1, 2], [3, 4, 5], 1), ([3, inf], [1, 2], -1), ([1, 1], [inf] * 2, 1)]
)
def test_the_statistic_is_infinite_at_complete_separation(one, other, sign):
    assert brunner_munzel(np.array(one), np.array(other)) == sign * inf


def test_the_statistic_is_0_where_all_are_tied():
    assert brunner_munzel(np.full(4, inf), np.full(3, inf)) == 0


def test_the_effect_counts_ties_half_and_failures_last():
    # 1 is nearer than all three; 2 ties with one and is nearer than two; a failure ties with the failure
    assert effect(np.array([1, 2, inf]), np.array([2, 3, inf])) == pytest.approx((3 + 2.5 + 0.5) / 9)
    assert effect(np.array([2, 3, inf]), np.array([1, 2, inf])) == pytest.approx(1 - 6 / 9)


# --- permutations


@pytest.mark.parametrize(("n", "m"), [(2, 2), (5, 5), (4, 7), (8, 8)])
def test_at_complete_separation_p_is_the_smallest_that_there_is(n, m):
    near, far = np.arange(n) / 10, 5 + np.arange(m)
    assert permutation_test(near, far, seed=0) == (2 / comb(n + m, n), True)
    assert permutation_test(far, near, seed=0) == (2 / comb(n + m, n), True)


def test_failures_of_all_against_none_are_complete_separation():
    assert permutation_test(np.full(5, inf), np.arange(5.0), seed=0) == (2 / comb(10, 5), True)


@pytest.mark.parametrize("lost", [np.full(5, inf), np.full(5, 0.25)])
def test_where_all_are_tied_nothing_differs(lost):
    assert permutation_test(lost, lost, seed=0) == (1, True)


@pytest.mark.parametrize("seed", range(8))
def test_every_split_is_tried(seed):
    """By the loop that one would write, with scipy's statistic."""
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 8, 4).astype(float), rng.integers(2, 10, 5).astype(float)
    pool = np.concatenate([one, other])
    found = []
    for chosen in combinations(range(9), 4):
        first = np.isin(np.arange(9), chosen)
        found.append(abs(scipys(pool[first], pool[~first])))
    found = np.nan_to_num(found, nan=0.0, posinf=inf)
    observed = abs(brunner_munzel(one, other))
    p_value, exact = permutation_test(one, other, seed=0)
    assert exact
    assert p_value == pytest.approx(np.mean(found >= observed - 1e-9))


def test_random_splits_come_near_the_exact_p_value(monkeypatch):
    rng = np.random.default_rng(0)
    one, other = rng.normal(0, 1, 8), rng.normal(1, 2, 8)
    exact, _ = permutation_test(one, other, seed=0)
    monkeypatch.setattr("studies.comparison.pairs.MOST_SPLITS", 100)
    near, tried = permutation_test(one, other, seed=0)
    assert not tried
    assert near == pytest.approx(exact, abs=4 * sqrt(exact / RANDOM_SPLITS))
    assert near == permutation_test(one, other, seed=0)[0] != permutation_test(one, other, seed=1)[0]


def test_a_random_p_value_is_never_0():
    p_value, exact = permutation_test(np.arange(20.0), 50 + np.arange(20.0), seed=0)
    assert (p_value, exact) == (1 / (RANDOM_SPLITS + 1), False)


def test_one_member_cannot_be_tested():
    table = pairs({"a": np.array([1.0]), "b": np.arange(5.0), "c": np.arange(5.0) + 9}, seed=0)
    assert table["p_value"].isna().tolist() == [True, True, False]
    assert table["p_adjusted"].isna().tolist() == [True, True, False]
    assert table["decided"].tolist() == [False, False, True]
    assert table["p_adjusted"].iloc[2] == table["p_value"].iloc[2]  # the only one that was tested


# --- many pairs


def test_holms_adjustment():
    adjusted = holm(np.array([0.01, np.nan, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(adjusted, [0.03, np.nan, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.5, 0.6])), [1, 1])
    assert holm(np.zeros(0)).shape == (0,)


def members(rng, conditions, seeds, failing=0.0, shift=0.0):
    """Distances in steps of .1, so that some tie."""
    drawn = np.round(rng.normal(3, 1, (conditions, seeds)) + shift * np.arange(conditions)[:, None], 1)
    drawn[rng.random(drawn.shape) < failing] = inf
    return {f"c{number}": row for number, row in enumerate(drawn)}


@pytest.mark.parametrize("failing", [0.0, 0.4])
def test_where_nothing_differs_something_is_decided_in_one_study_of_twenty_at_most(failing):
    rng, simulations = np.random.default_rng(0), 200
    wrong = [pairs(members(rng, 3, 6, failing), seed=0)["decided"].any() for _ in range(simulations)]
    assert np.mean(wrong) < 0.05 + 3 * sqrt(0.05 * 0.95 / simulations)


def test_a_single_pair_is_wrong_as_often_as_said():
    rng, simulations = np.random.default_rng(0), 400
    wrong = []
    for _ in range(simulations):
        one, other = members(rng, 2, 6).values()
        wrong.append(permutation_test(one, other, seed=0)[0] < 0.05)
    assert np.mean(wrong) == pytest.approx(0.05, abs=3 * sqrt(0.05 * 0.95 / simulations))


def test_five_conditions_of_ten_seeds_take_seconds():
    started = process_time()
    table = pairs(members(np.random.default_rng(0), 5, 10, shift=1.5), seed=0)
    assert process_time() - started < 20
    assert len(table) == 10
    assert table["exact"].all()
    assert table.dtypes.astype(str).to_dict() == PAIRS
    assert table.loc[(table["condition"] == "c0") & (table["other"] == "c4"), "decided"].all()


def test_one_condition_has_no_pair():
    table = pairs({"a": np.arange(4.0)}, seed=0)
    assert table.empty
    assert table.dtypes.astype(str).to_dict() == PAIRS


# --- how many more


@pytest.mark.parametrize(("volume", "other", "needed"), [(0.5, 0.25, 58), (0.8, 0.4, 23), (0.4, 0.8, 23)])
def test_configurations_needed_are_those_that_objectives_7_lists(volume, other, needed):
    assert configurations_needed(volume, other) == needed


def test_no_number_of_configurations_tells_equal_volumes_apart():
    assert configurations_needed(0.0, 0.0) is None


@pytest.mark.parametrize(("seeds", "power"), [(5, 0.0), (10, 0.83), (20, 1.0)])
def test_power_of_five_conditions_two_deviations_apart_is_that_of_objectives_7(seeds, power):
    gap = stats.norm.cdf(2 / sqrt(2))
    assert pair_power(gap, seeds, comparisons=10) == pytest.approx(power, abs=0.06)


def test_power_is_that_of_the_permutation_test():
    rng, simulations = np.random.default_rng(0), 200
    apart = sqrt(2) * stats.norm.ppf(0.85)
    found = [
        permutation_test(rng.normal(0, 1, 7), rng.normal(apart, 1, 7), seed=0)[0] < 0.05 for _ in range(simulations)
    ]
    assert pair_power(0.85, 7, comparisons=1) == pytest.approx(np.mean(found), abs=0.09)


def test_seeds_needed_are_the_fewest_whose_power_suffices():
    needed = seeds_needed(0.9, comparisons=10)
    assert pair_power(0.9, needed, comparisons=10) >= 0.8 > pair_power(0.9, needed - 1, comparisons=10)
    assert seeds_needed(0.1, comparisons=10) == needed
    assert seeds_needed(1.0, comparisons=10) == 6  # 2/C(12, 6) < .005 < 2/C(10, 5)
    assert seeds_needed(0.5, comparisons=10) is None


def test_small_effects_need_what_noethers_formula_says():
    # (1.96 + .8416)^2 / (6 * .05^2)
    assert seeds_needed(0.55, comparisons=1) == 524
    assert seeds_needed(0.68, comparisons=1) == pytest.approx(41, abs=4)  # as the formula says
