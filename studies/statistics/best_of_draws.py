"""Best of several random draws: its expected value, and a permutation test of two methods that are searched alike."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float

MOST_EXACT = 16
"""Largest number of draws of each method for which `search_test` tries every swap."""
RANDOM_SWAPS = 20_000
"""Number of random swaps that `search_test` tries if there are more than `MOST_EXACT` draws."""
_CELLS = 500_000
"""Number of values that are compared at once, which bounds the memory."""
_LEAST = 1e-18
"""Chances below this change no digit of a sum of scores near 1."""


def expected_best(values: Float[np.ndarray, "*groups draws"], n: int) -> Float[np.ndarray, "*groups"]:
    """Expected largest of n independent draws, from N >= n draws along the last axis.

        sum_i binomial(N - i, n - 1)/binomial(N, n) v_(i),   v_(1) >= v_(2) >= ... >= v_(N)

    This is the mean, over all subsets of n of the N draws, of the largest of a subset: an unbiased estimate.

    Errors: `ValueError` unless 1 <= n <= N.

    Source: Dodge et al. 2019, arXiv:1909.03004, without replacement; Tang et al. 2020, arXiv:2004.13705, on its bias.
    """
    weights = _weights(values.shape[-1], n)
    count = len(weights)
    largest = np.partition(values, -count, axis=-1)[..., -count:]
    return -np.sort(-largest, axis=-1) @ weights


def search_test(
    first: Float[np.ndarray, "draws"], second: Float[np.ndarray, "draws"], n: int, *, seed: int
) -> tuple[float, bool]:
    """Two-sided p-value of `expected_best` of n draws being equal for two methods, and True if the p-value is exact.

    first, second  value of each draw. Draw i of both methods belongs together: the hyperparameters that both have are
                   drawn with the same random numbers

    The statistic is the difference of the expected best, divided by its standard error from the jackknife. If the
    scores of both methods have the same law, the two values of a draw may be swapped. The exact p-value is the share of
    all swaps of some of the N draws at which the statistic is at least as far from 0 as the observed one. With more
    than `MOST_EXACT` draws, B = `RANDOM_SWAPS` random swaps are tried; if b of them are as extreme, the p-value is
    (b + 1)/(B + 1).

    The unit is the configuration, not the seed, so that the p-value covers the variation from search to search. The
    standard error keeps the error rate near its level, from some 32 draws on, where the values of two methods are
    spread differently and only their expected best is equal; without it up to a third of such pairs would be told
    apart. Hyperparameters that one method has alone are drawn in stratified blocks, which vary less than swapped
    values: the test then rejects too rarely. `docs/statistics.md` has measured rates and power.

    Errors: `ValueError` for a different number of draws, and unless 1 <= n < N.

    Source: studentised permutation tests, Janssen 1997, doi:10.1016/S0167-7152(97)00043-6; jackknife, Efron &
    Tibshirani 1993, An Introduction to the Bootstrap, chapter 11.
    """
    if first.shape != second.shape:
        raise ValueError(f"first and second: must have equally many draws, but have {len(first)} and {len(second)}")
    pair = np.stack([first, second])
    observed = abs(_statistics(pair[None], n)[0]) * (1 - 1e-9)  # rounding must not break ties
    exact = len(first) <= MOST_EXACT
    tried = extreme = 0
    for swaps in _swaps(len(first), seed, exact):
        swapped = np.where(swaps[:, None, :], pair[::-1], pair)
        extreme += int((np.abs(_statistics(swapped, n)) >= observed).sum())
        tried += len(swaps)
    return (extreme / tried if exact else (extreme + 1) / (tried + 1)), exact


def _statistics(pairs: Float[np.ndarray, "swaps 2 draws"], n: int) -> Float[np.ndarray, "swaps"]:
    """Difference of the expected best over its standard error; infinite without a standard error, 0 for 0 / 0."""
    best, variance = _best_and_variance(pairs, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = (best[:, 0] - best[:, 1]) / np.sqrt(variance.sum(axis=1))
    return np.nan_to_num(statistics, nan=0.0, posinf=np.inf, neginf=-np.inf)


def _best_and_variance(
    values: Float[np.ndarray, "*groups draws"], n: int
) -> tuple[Float[np.ndarray, "*groups"], Float[np.ndarray, "*groups"]]:
    """The expected best of n draws, and its variance from the jackknife: from the values without one draw each.

    Without the draw of rank r, those above it keep their rank and those below it move up by one. Draws that count
    nothing are left out of the sums; without one of them the value is that of the largest N - 1.
    """
    draws = values.shape[-1]
    weights, of_fewer = _weights(draws, n), _weights(draws - 1, n)
    count = max(len(weights), len(of_fewer))
    weights, of_fewer = (np.pad(each, (0, count - len(each))) for each in (weights, of_fewer))
    largest = -np.sort(-np.partition(values, -count, axis=-1)[..., -count:], axis=-1)
    above = np.cumsum(largest * of_fewer, axis=-1)
    below = np.cumsum((largest[..., 1:] * of_fewer[:-1])[..., ::-1], axis=-1)[..., ::-1]
    without = np.zeros_like(largest)
    without[..., 1:] += above[..., :-1]
    without[..., :-1] += below
    others, rest = draws - count, above[..., -1:]
    mean = (without.sum(axis=-1, keepdims=True) + others * rest) / draws
    squares = ((without - mean) ** 2).sum(axis=-1) + others * ((rest - mean) ** 2)[..., 0]
    return largest @ weights, (draws - 1) / draws * squares


def _weights(draws: int, n: int) -> Float[np.ndarray, "ranks"]:
    """Chance that each of the largest draws, the largest first, is the largest of n; chances below `_LEAST` left out.

    n/N for the largest of N draws; for each further one the chance before it times (N - n - j)/(N - 1 - j).
    """
    if not 1 <= n <= draws:
        raise ValueError(f"n: must satisfy 1 <= n <= {draws}, the number of draws, but is {n}")
    before = np.arange(draws - n)
    weights = n / draws * np.cumprod(np.concatenate([[1.0], (draws - n - before) / (draws - 1 - before)]))
    return weights[weights > _LEAST]


def _swaps(draws: int, seed: int, exact: bool) -> Iterator[Bool[np.ndarray, "block draws"]]:
    """Masks of the draws that are swapped: every one, or random ones, in blocks."""
    block = max(1, _CELLS // (2 * draws))
    if exact:
        numbers = np.arange(2**draws)
        for start in range(0, len(numbers), block):
            yield (numbers[start : start + block, None] >> np.arange(draws) & 1).astype(bool)
        return
    generator = np.random.default_rng(seed)
    for start in range(0, RANDOM_SWAPS, block):
        yield generator.random((min(block, RANDOM_SWAPS - start), draws)) < 0.5
