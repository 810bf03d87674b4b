"""The expected best of n draws, and the permutation test of two methods under search."""

from itertools import combinations, product
from math import comb

import numpy as np
import pytest

from studies.statistics import best_of_draws
from studies.statistics.best_of_draws import expected_best, search_test


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_the_expected_best_is_the_mean_over_all_subsets(n: int) -> None:
    values = np.array([0.3, 0.0, 0.9, 0.9, 0.2, 0.0, 0.5])
    subsets = [max(subset) for subset in combinations(values, n)]
    np.testing.assert_allclose(expected_best(values, n), np.mean(subsets), rtol=1e-12)


def test_the_expected_best_of_uniform_draws_is_n_over_n_plus_one() -> None:
    draws = np.random.default_rng(0).random((20_000, 12))
    np.testing.assert_allclose(expected_best(draws, 5).mean(), 5 / 6, atol=0.003)


def test_the_expected_best_of_many_draws_does_not_overflow() -> None:
    values = np.linspace(0, 1, 20_001)
    np.testing.assert_allclose(expected_best(values, 10_000), 1, atol=1e-3)
    assert expected_best(values, 20_001) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("n", [0, 4])
def test_more_draws_than_there_are_cannot_be_asked_for(n: int) -> None:
    with pytest.raises(ValueError, match=rf"^n: must satisfy 1 <= n <= 3, the number of draws, but is {n}$"):
        expected_best(np.zeros(3), n)


def test_the_exact_p_value_counts_every_swap() -> None:
    first, second, n = np.array([0.9, 0.2, 0.8, 0.0, 0.7]), np.array([0.5, 0.3, 0.1, 0.0, 0.6]), 2

    def best(values: np.ndarray) -> float:
        return float(np.mean([max(subset) for subset in combinations(values, n)]))

    def jackknife(values: np.ndarray) -> float:
        without = [best(np.delete(values, number)) for number in range(len(values))]
        return float((len(values) - 1) * np.var(without))

    def difference(swaps: tuple[bool, ...]) -> float:
        a, b = np.where(swaps, second, first), np.where(swaps, first, second)
        return (best(a) - best(b)) / np.sqrt(jackknife(a) + jackknife(b))

    observed = abs(difference((False,) * 5))
    extreme = [abs(difference(swaps)) >= observed - 1e-12 for swaps in product([False, True], repeat=5)]
    p_value, exact = search_test(first, second, n, seed=0)
    assert exact
    assert p_value == np.mean(extreme)


def test_random_swaps_estimate_the_exact_p_value(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(3)
    first, second = generator.random(16), generator.random(16) * 0.9
    p_value, exact = search_test(first, second, 4, seed=0)
    assert exact
    monkeypatch.setattr(best_of_draws, "MOST_EXACT", 15)
    estimate, exact = search_test(first, second, 4, seed=0)
    assert not exact
    assert estimate == pytest.approx(p_value, abs=0.02)


def test_equal_methods_have_a_p_value_of_one() -> None:
    values = np.random.default_rng(0).random(32)
    assert search_test(values, values, 16, seed=0) == (1.0, False)


def test_draws_that_count_nothing_change_neither_the_best_nor_its_variance() -> None:
    """The reference sums over all of 400 draws, though at n = 100 only the largest have a weight that counts."""
    values, n = np.random.default_rng(0).random(400), 100

    def best(numbers: np.ndarray, subset: int) -> float:
        ranked = -np.sort(-numbers)
        chances = np.array([comb(len(numbers) - i, subset - 1) for i in range(1, len(numbers) + 1)], dtype=object)
        return float((chances / comb(len(numbers), subset)).astype(float) @ ranked)

    without = np.array([best(np.delete(values, number), n) for number in range(400)])
    expected, variance = best_of_draws._best_and_variance(values, n)
    assert float(expected) == pytest.approx(best(values, n), rel=1e-12)
    assert float(variance) == pytest.approx(399 * np.var(without), rel=1e-9)


def test_methods_with_different_numbers_of_draws_are_refused() -> None:
    with pytest.raises(ValueError, match="must have equally many draws, but have 3 and 4"):
        search_test(np.zeros(3), np.zeros(4), 2, seed=0)
