"""Permutation test of Brunner and Munzel's statistic for two groups, effect size, and Holm's correction."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, combinations
from math import comb

import numpy as np
from jaxtyping import Bool, Float, Int, Real

MOST_SPLITS = 200_000
"""Largest number of splits of the pooled values into two groups for which `permutation_test` tries every split."""
RANDOM_SPLITS = 20_000
"""Number of random splits that `permutation_test` tries if there are more than `MOST_SPLITS`."""
LEVEL = 0.05
"""Significance level."""
CELLS = 400_000
"""Number of mask elements processed at once: this many fit in the processor's cache; with more the time doubles."""


def effect(first: Real[np.ndarray, "n"], second: Real[np.ndarray, "m"]) -> float:
    """Share of the n m pairs of values in which the value of `first` is the smaller one; a tie counts half.

    It estimates P(X < Y) + P(X = Y)/2; infinities tie with each other.
    """
    return float(is_larger(second[:, None], first).mean())


def brunner_munzel(first: Real[np.ndarray, "n"], second: Real[np.ndarray, "m"]) -> float:
    """Brunner and Munzel's statistic: positive if the values of `first` tend to be smaller than those of `second`.

    Infinite if the groups do not overlap, since the estimated variance is then 0; 0 if all values are tied.

    Source: Brunner & Munzel 2000, doi:10.1002/(SICI)1521-4036(200001)42:1<17::AID-BIMJ17>3.0.CO;2-U.
    """
    larger, in_first = _pooled(first, second)
    return float(split_statistics(larger, in_first[None])[0])


def permutation_test(first: Real[np.ndarray, "n"], second: Real[np.ndarray, "m"], *, seed: int) -> tuple[float, bool]:
    """Two-sided p-value of `brunner_munzel` from permutations, and True if the p-value is exact.

    The exact p-value is the share of all splits of the n + m values into groups of n and m whose statistic is at least
    as far from 0 as the observed one. For groups that do not overlap it is 2/binomial(n + m, n) unless there are ties.
    If there are more than `MOST_SPLITS` splits, B = `RANDOM_SPLITS` random ones are tried; if b of them are as extreme,
    the p-value is (b + 1)/(B + 1).

    The result is (NaN, False) if a group has fewer than two values, since its variance is unknown.

    Source: Neubert & Brunner 2007, doi:10.1016/j.csda.2006.05.024.
    """
    n, m = len(first), len(second)
    if min(n, m) < 2:
        return np.nan, False
    larger, in_first = _pooled(first, second)
    observed = abs(split_statistics(larger, in_first[None])[0]) * (1 - 1e-9)  # rounding must not break ties
    if comb(n + m, n) <= MOST_SPLITS:
        _, sizes = np.unique(np.concatenate([first, second]), return_counts=True)
        statistics = _exact_distribution(n, tuple(sizes.tolist()))
        return (len(statistics) - int(np.searchsorted(statistics, observed))) / len(statistics), True
    splits = _random_splits(n, m, seed)
    extreme = sum(int((np.abs(split_statistics(larger, masks)) >= observed).sum()) for masks in _masks(splits, n + m))
    return (extreme + 1) / (len(splits) + 1), False


@lru_cache(maxsize=32)
def _exact_distribution(n: int, sizes: tuple[int, ...]) -> Float[np.ndarray, "splits"]:
    """Absolute statistics of all splits of a pool, of which n values are in the first group, in increasing order.

    They depend on the values only through their order. Pairs of groups of equal sizes without ties share them.

    sizes  numbers of equal values, from the smallest value to the largest
    """
    pool = np.repeat(np.arange(len(sizes)), sizes)
    larger, _ = _pooled(pool[:n], pool[n:])
    masks = _masks(_all_splits(n, len(pool) - n), len(pool))
    return np.sort(np.concatenate([np.abs(split_statistics(larger, block)) for block in masks]))


def holm(p_values: Float[np.ndarray, "tests"]) -> Float[np.ndarray, "tests"]:
    """P-values adjusted for the number of tests by Holm's method; NaN stands for no test and stays NaN.

    The k-th smallest of t p-values becomes the maximum of (t - i + 1) p_(i) over i <= k, at most 1.

    Source: Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure.
    """
    adjusted = np.full(len(p_values), np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    steps = p_values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def is_larger(first: Real[np.ndarray, "..."], second: Real[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """1 where `first` is the larger one, 1/2 where both are equal, infinities included, else 0."""
    return (first > second) + 0.5 * (first == second)


def _pooled(
    first: Real[np.ndarray, "n"], second: Real[np.ndarray, "m"]
) -> tuple[Float[np.ndarray, "pool pool"], Bool[np.ndarray, "pool"]]:
    """Matrix of `is_larger(value i, value j)` over the values of both groups, and a mask: True for those of `first`."""
    pool = np.concatenate([first, second])
    return is_larger(pool[:, None], pool), np.arange(len(pool)) < len(first)


def split_statistics(
    larger: Float[np.ndarray, "pool pool"], in_first: Bool[np.ndarray, "splits pool"]
) -> Float[np.ndarray, "splits"]:
    """Brunner and Munzel's statistic of every split of the pool.

    The placement of a value is the number of values of the other group below it: its rank in the pool less its rank in
    its own group. Sums of placements and of their squares are multiples of 1/4, so a variance of 0 is exactly 0.
    """
    n, m = int(in_first[0].sum()), int((~in_first[0]).sum())
    mask = in_first.astype(np.float64)
    above_first = mask @ larger.T
    placements = mask * (larger.sum(axis=1) - above_first)
    other_placements = above_first - mask * above_first
    total = other_placements.sum(axis=1)
    variance = (n * _squared_length(placements) - placements.sum(axis=1) ** 2) / (n - 1)
    other_variance = (m * _squared_length(other_placements) - total**2) / (m - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(
            (total - n * m / 2) / np.sqrt(variance + other_variance), nan=0.0, posinf=np.inf, neginf=-np.inf
        )


def _squared_length(rows: Float[np.ndarray, "splits pool"]) -> Float[np.ndarray, "splits"]:
    return np.einsum("ij,ij->i", rows, rows)


def _masks(splits: Int[np.ndarray, "splits n"], pool: int) -> Iterator[Bool[np.ndarray, "block pool"]]:
    """Boolean masks of the first group of each split, in blocks of about `CELLS` elements."""
    size = max(1, CELLS // pool)
    for start in range(0, len(splits), size):
        block = splits[start : start + size]
        mask = np.zeros((len(block), pool), dtype=bool)
        np.put_along_axis(mask, block.astype(np.int64), True, axis=1)
        yield mask


@lru_cache(maxsize=4)
def _all_splits(n: int, m: int) -> Int[np.ndarray, "splits n"]:
    indices = chain.from_iterable(combinations(range(n + m), n))
    return np.fromiter(indices, dtype=np.int32, count=n * comb(n + m, n)).reshape(-1, n)


@lru_cache(maxsize=4)
def _random_splits(n: int, m: int, seed: int) -> Int[np.ndarray, "splits n"]:
    pool = np.tile(np.arange(n + m, dtype=np.int32), (RANDOM_SPLITS, 1))
    return np.random.default_rng(seed).permuted(pool, axis=1)[:, :n]


def smallest_permutation_p(n: int, m: int) -> float:
    """Smallest p-value that a two-sided permutation test of n and m values can have: 2 / binomial(n + m, n)."""
    return 2 / comb(n + m, n)
