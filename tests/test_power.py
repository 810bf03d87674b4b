"""Power of the rank test and sample sizes: published numbers, and agreement with the permutation test."""

from math import sqrt

import numpy as np
import pytest
from scipy import stats

from studies.statistics.permutation import permutation_test
from studies.statistics.power import rank_test_power, sample_size_for_effect, sample_size_for_shares


@pytest.mark.parametrize(("first", "second", "size"), [(0.5, 0.25, 58), (0.8, 0.4, 23), (0.4, 0.8, 23)])
def test_sample_sizes_for_shares_are_those_that_objectives_7_lists(first, second, size):
    assert sample_size_for_shares(first, second) == size


def test_equal_shares_have_no_sample_size():
    assert sample_size_for_shares(0.0, 0.0) is None


@pytest.mark.parametrize(("n", "power"), [(5, 0.0), (10, 0.83), (20, 1.0)])
def test_power_at_two_standard_deviations_and_ten_tests_is_that_of_objectives_7(n, power):
    effect = stats.norm.cdf(2 / sqrt(2))
    assert rank_test_power(effect, n, comparisons=10) == pytest.approx(power, abs=0.06)


def test_power_agrees_with_the_permutation_test():
    rng, simulations = np.random.default_rng(0), 200
    distance = sqrt(2) * stats.norm.ppf(0.85)
    decided = [
        permutation_test(rng.normal(0, 1, 7), rng.normal(distance, 1, 7), seed=0)[0] < 0.05 for _ in range(simulations)
    ]
    assert rank_test_power(0.85, 7, comparisons=1) == pytest.approx(np.mean(decided), abs=0.09)


def test_the_sample_size_for_an_effect_is_the_smallest_with_sufficient_power():
    size = sample_size_for_effect(0.9, comparisons=10)
    assert size is not None
    assert rank_test_power(0.9, size, comparisons=10) >= 0.8 > rank_test_power(0.9, size - 1, comparisons=10)
    assert sample_size_for_effect(0.1, comparisons=10) == size
    assert sample_size_for_effect(1.0, comparisons=10) == 6  # 2/C(12, 6) < .005 < 2/C(10, 5)
    assert sample_size_for_effect(0.5, comparisons=10) is None


def test_small_effects_have_the_sample_size_of_noethers_formula():
    # (1.96 + .8416)^2 / (6 * .05^2)
    assert sample_size_for_effect(0.55, comparisons=1) == 524
    assert sample_size_for_effect(0.68, comparisons=1) == pytest.approx(41, abs=4)  # by the formula
