"""Which conditions' confirmed members differ: permutation tests for every pair."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain, combinations
from math import comb

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Real

from studies.comparison.power import seeds_needed
from studies.comparison.schema import table_of

PAIRS: dict[str, str] = {
    "condition": "str",
    "other": "str",
    "effect": "float64",
    "p_value": "float64",
    "p_adjusted": "float64",
    "exact": "bool",
    "members": "int64",
    "other_members": "int64",
    "decided": "bool",
    "needed": "Int64",
}
MOST_SPLITS = 200_000
"""Up to so many ways to split the members of a pair all are tried."""
RANDOM_SPLITS = 20_000
LEVEL = 0.05
_CELLS = 400_000
"""Numbers that are looked at together: as many as a cache holds; more take twice as long."""


def pairs(distances: Mapping[str, Real[np.ndarray, "members"]], *, seed: int) -> pd.DataFrame:
    """A row per pair of conditions; columns as in `PAIRS`. `distances` are those of the members, +inf where failed.

    effect         the chance that a member of `condition` ends nearer than one of `other`, plus half that of a tie;
                   failed members tie with each other and are farther than all others
    p_value        two-sided, from `permutation_test`; empty with fewer than two members in either condition
    p_adjusted     Holm's: over all pairs the chance of any wrong `decided` is at most `LEVEL` if nothing differs
    exact          whether all splits of the members were tried
    members        of either condition
    other_members
    decided        p_adjusted < `LEVEL`
    needed         confirm seeds of each condition that would decide the pair with a chance of 80 %, see
                   `power.seeds_needed`; empty where the effect is exactly a half

    Source: Brunner & Munzel 2000 (doi:10.1002/(SICI)1521-4036(200001)42:1<17::AID-BIMJ17>3.0.CO;2-U) for the
    statistic, Neubert & Brunner 2007 (doi:10.1016/j.csda.2006.05.024) for its permutation; Holm 1979.
    """
    couples = list(combinations(distances, 2))
    tests = [permutation_test(distances[one], distances[other], seed=seed) for one, other in couples]
    adjusted = holm(np.array([p_value for p_value, _ in tests]))
    rows = []
    for (one, other), (p_value, exact), p_adjusted in zip(couples, tests, adjusted, strict=True):
        chance = effect(distances[one], distances[other])
        rows.append(
            {
                "condition": one,
                "other": other,
                "effect": chance,
                "p_value": p_value,
                "p_adjusted": p_adjusted,
                "exact": exact,
                "members": len(distances[one]),
                "other_members": len(distances[other]),
                "decided": p_adjusted < LEVEL,
                "needed": seeds_needed(chance, comparisons=len(couples)),
            }
        )
    return table_of(rows, PAIRS)


def effect(distances: Real[np.ndarray, "members"], other: Real[np.ndarray, "other_members"]) -> float:
    """P(a distance < one of `other`) + P(they are equal)/2 among these members."""
    return float(_farther(other[:, None], distances).mean())


def brunner_munzel(distances: Real[np.ndarray, "members"], other: Real[np.ndarray, "other_members"]) -> float:
    """Brunner & Munzel's statistic: positive where `distances` are the smaller ones.

    Infinite at complete separation, where nothing varies; 0 where every member is tied with every other.
    """
    farther, first = _pooled(distances, other)
    return float(_statistics(farther, first[None])[0])


def permutation_test(
    distances: Real[np.ndarray, "members"], other: Real[np.ndarray, "other_members"], *, seed: int
) -> tuple[float, bool]:
    """How rarely a split of the members into two such groups has a statistic at least this far from 0, either side.

    The second value says whether all splits were tried. Else `RANDOM_SPLITS` of them were, and the observed one counts
    as one more: (b + 1)/(B + 1). At complete separation p is 2/C(n + m, n) unless there are ties.

    With fewer than two members in either group nothing varies: NaN.
    """
    n, m = len(distances), len(other)
    if min(n, m) < 2:
        return np.nan, False
    farther, first = _pooled(distances, other)
    exact = comb(n + m, n) <= MOST_SPLITS
    observed = abs(_statistics(farther, first[None])[0]) * (1 - 1e-9)  # equal but for rounding is equal
    splits = _all_splits(n, m) if exact else _random_splits(n, m, seed)
    extreme = sum(int((np.abs(_statistics(farther, some)) >= observed).sum()) for some in _masks(splits, n + m))
    return (extreme / len(splits) if exact else (extreme + 1) / (len(splits) + 1)), exact


def holm(p_values: Float[np.ndarray, "tests"]) -> Float[np.ndarray, "tests"]:
    """The p-values adjusted for their number; NaN is no test and stays NaN."""
    adjusted = np.full(len(p_values), np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    steps = p_values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def _farther(one: Real[np.ndarray, "..."], other: Real[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """1 where a distance is larger than the other, a half where they are tied; infinities are tied too."""
    return (one > other) + 0.5 * (one == other)


def _pooled(
    distances: Real[np.ndarray, "members"], other: Real[np.ndarray, "other_members"]
) -> tuple[Float[np.ndarray, "pool pool"], Bool[np.ndarray, "pool"]]:
    pool = np.concatenate([distances, other])
    return _farther(pool[:, None], pool), np.arange(len(pool)) < len(distances)


def _statistics(
    farther: Float[np.ndarray, "pool pool"], first: Bool[np.ndarray, "splits pool"]
) -> Float[np.ndarray, "splits"]:
    """The statistic of every split of the pool.

    A member's placement is how many of the other group it is farther than: its rank in the pool less that in its own
    group. Sums of placements and of their squares are multiples of 1/4, so a variance of 0 is exactly 0.
    """
    n, m = int(first[0].sum()), int((~first[0]).sum())
    mask = first.astype(np.float64)
    than_first = mask @ farther.T
    of_first = mask * (farther.sum(axis=1) - than_first)
    of_other = than_first - mask * than_first
    total = of_other.sum(axis=1)
    spread = (n * _squared_length(of_first) - of_first.sum(axis=1) ** 2) / (n - 1)
    other_spread = (m * _squared_length(of_other) - total**2) / (m - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(
            (total - n * m / 2) / np.sqrt(spread + other_spread), nan=0.0, posinf=np.inf, neginf=-np.inf
        )


def _squared_length(rows: Float[np.ndarray, "splits pool"]) -> Float[np.ndarray, "splits"]:
    return np.einsum("ij,ij->i", rows, rows)


def _masks(splits: Int[np.ndarray, "splits first"], pool: int) -> Iterator[Bool[np.ndarray, "some pool"]]:
    size = max(1, _CELLS // pool)
    for start in range(0, len(splits), size):
        some = splits[start : start + size]
        mask = np.zeros((len(some), pool), dtype=bool)
        np.put_along_axis(mask, some.astype(np.int64), True, axis=1)
        yield mask


@lru_cache(maxsize=4)
def _all_splits(n: int, m: int) -> Int[np.ndarray, "splits first"]:
    chosen = chain.from_iterable(combinations(range(n + m), n))
    return np.fromiter(chosen, dtype=np.int32, count=n * comb(n + m, n)).reshape(-1, n)


@lru_cache(maxsize=4)
def _random_splits(n: int, m: int, seed: int) -> Int[np.ndarray, "splits first"]:
    pool = np.tile(np.arange(n + m, dtype=np.int32), (RANDOM_SPLITS, 1))
    return np.random.default_rng(seed).permuted(pool, axis=1)[:, :n]
