"""Group-sequential permutation tests: pairs of conditions get further groups of seeds until they are decided.

A study that stops as soon as a test is significant finds differences too often where there are none: a test at the
level .05 that is repeated after each of 4 groups is significant at least once in 12 to 13 % of equal pairs. Here each
stage spends a share of the level, fixed in advance by `spent_share`.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import comb

import numpy as np
from jaxtyping import Bool, Float, Real

from studies.statistics.permutation import CELLS, LEVEL, RANDOM_SPLITS, holm, is_larger, split_statistics

Groups = Sequence[Real[np.ndarray, "members"]]
"""Late distances of a condition's members, one array for each group of seeds; +inf for a failed member."""
SPENDING_POWER = 1.5
"""Exponent of `spent_share`: with 4 groups the first one spends 1/8 of the level.

Smaller exponents stop earlier and miss more differences, larger ones stop later (figures in docs/statistics.md)."""
MORE_SEEDS = 1.1
"""Number of seeds that the test in several stages may need at most, over that of a single test of the same power."""


@dataclass(frozen=True)
class PairTest:
    """The test of a pair of conditions by the groups so far.

    stage       number of groups that it rests on: those that both conditions have, up to the stage that decided it
    p_value     sequential p-value after that stage, see `sequential_p_values`
    p_adjusted  adjusted by Holm's method over all pairs
    decided     p_adjusted < `LEVEL`
    all_failed  True if every member of both failed
    """

    first: str
    second: str
    stage: int
    p_value: float
    p_adjusted: float
    decided: bool
    all_failed: bool


def pair_tests(groups: Mapping[str, Groups], *, stages: int, seed: int, splits: int = RANDOM_SPLITS) -> list[PairTest]:
    """The test of every pair of conditions, stage by stage; a pair that is decided is not tested again.

    After each stage, Holm's method adjusts the sequential p-values of all pairs: a pair that is decided leaves its
    share of the level to the others. A sequential p-value is valid whenever the pair stops, and it and its adjusted
    value only fall, so the chance that a pair of conditions with equal distributions is ever decided is at most
    `LEVEL`, whichever other conditions differ.

    Source: Maurer & Bretz 2013, doi:10.1080/19466315.2013.807748, for closed tests of group-sequential hypotheses;
    Tamhane et al. 2021, doi:10.1002/sim.9128, for Holm's method.
    """
    names = list(combinations(groups, 2))
    followed = [
        sequential_p_values(groups[first], groups[second], stages=stages, seed=seed, splits=splits)
        for first, second in names
    ]
    stage_of, decided = np.zeros(len(names), dtype=np.int64), np.zeros(len(names), dtype=bool)
    p_values = np.ones(len(names))
    for stage in range(1, stages + 1):
        for pair in np.flatnonzero(~decided):
            if (p_value := next(followed[pair], None)) is not None:
                stage_of[pair], p_values[pair] = stage, p_value
        decided |= holm(p_values) < LEVEL
    failed = [
        all(np.isinf(group).all() for name in pair for group in groups[name][:stage])
        for pair, stage in zip(names, stage_of.tolist(), strict=True)
    ]
    columns = (stage_of.tolist(), p_values.tolist(), holm(p_values).tolist(), decided.tolist(), failed)
    return [PairTest(*pair, *values) for pair, *values in zip(names, *columns, strict=True)]


def spent_share(stage: int, stages: int) -> float:
    """Share of the level that stages 1 to `stage` of `stages` spend: (stage / stages)^`SPENDING_POWER`.

    Source: Kim & DeMets 1987, doi:10.1093/biomet/74.1.149.
    """
    return float((stage / stages) ** SPENDING_POWER)


def smallest_p_value(members: int, stage: int, stages: int) -> float:
    """Smallest sequential p-value after `stage` of `stages` stages, each with a group of `members` per condition.

    Of the binomial(2 members, members)^k splits of k groups, the two that separate the conditions completely are the
    last that stage k ceases to reject.
    """
    return min(
        2 / comb(2 * members, members) ** past / (spent_share(past, stages) - spent_share(past - 1, stages))
        for past in range(1, stage + 1)
    )


def sequential_p_values(
    first: Groups, second: Groups, *, stages: int, seed: int, splits: int = RANDOM_SPLITS
) -> Iterator[float]:
    """Sequential p-value after each stage for which both conditions have a group, one after the other.

    The sequential p-value after stage k is the smallest level at which the test would have rejected at one of the
    stages 1 to k. So it never rises, and if the distributions are equal, the chance that it ever falls to a or below is
    at most a, for every a and whatever decides when to stop.

    The statistic of stage k is the absolute value of `brunner_munzel` over all groups so far. The members of each group
    are permuted between the two conditions, jointly for all groups. At the level a, stage k rejects the splits with the
    largest statistics among those that no earlier stage rejects, as many as are at most the share
    a (`spent_share(k)` - `spent_share(k - 1)`) of all. A larger level rejects all that a smaller one does, so for each
    split there is a smallest level. The observed split is one of `splits` + 1, the others are random; those of a stage
    depend on `seed` and its number alone, so later groups do not change it.

    stages  number of stages after which the test ends

    Source: Lan & DeMets 1983, doi:10.1093/biomet/70.3.659, for boundaries from spent error; Mathieu et al. 2023,
    arXiv:2306.10882, for joint permutations of groups, there of means.
    """
    levels = np.full(splits + 1, np.inf)
    pool: Float[np.ndarray, "pool"] = np.empty(0)
    in_first: Bool[np.ndarray, "splits pool"] = np.empty((splits + 1, 0), dtype=bool)
    for stage, (group, other) in enumerate(zip(first, second, strict=False), start=1):
        pool = np.concatenate([pool, group, other])
        in_first = np.concatenate([in_first, _splits_of_group(len(group), len(other), splits, (seed, stage))], axis=1)
        matrix = is_larger(pool[:, None], pool)
        blocks = np.array_split(in_first, -(-in_first.size // CELLS))
        statistics = np.abs(np.concatenate([split_statistics(matrix, block) for block in blocks]))
        share = spent_share(stage, stages) - spent_share(stage - 1, stages)
        levels = np.minimum(levels, _exit_levels(statistics, levels, share))
        yield min(1.0, float(levels[0]))


def _splits_of_group(n: int, m: int, splits: int, seed: tuple[int, int]) -> Bool[np.ndarray, "splits_and_1 group"]:
    """Masks of the first condition's members among n + m: the observed split, then random ones."""
    observed = np.arange(n + m) < n
    random = np.random.default_rng(seed).permuted(np.tile(observed, (splits, 1)), axis=1)
    return np.concatenate([observed[None], random])


def _exit_levels(
    statistics: Float[np.ndarray, "splits"], earlier: Float[np.ndarray, "splits"], share: float
) -> Float[np.ndarray, "splits"]:
    """Smallest level at which this stage rejects each split; +inf if it is above 1.

    earlier  smallest level at which an earlier stage rejects each split

    A stage that rejects all statistics >= t spends the splits with such a statistic whose `earlier` level is above the
    level a: these must be at most a share n of the n splits.
    """
    order = np.argsort(-statistics, kind="stable")
    ranked, earlier_levels = statistics[order], earlier[order].tolist()
    # rounding must not break ties
    starts = np.flatnonzero(np.append(True, ranked[1:] < ranked[:-1] * (1 - 1e-9))).tolist()
    levels, allowance = np.full(len(statistics), np.inf), share * len(statistics)
    unspent: list[float] = []
    level = 0.0
    for start, end in pairwise([*starts, len(order)]):
        for earlier_level in earlier_levels[start:end]:
            if earlier_level > level:
                heapq.heappush(unspent, earlier_level)
        while len(unspent) > level * allowance:
            needed = len(unspent) / allowance
            if unspent[0] > needed:
                level = needed
                break
            level = heapq.heappop(unspent)
            while unspent and unspent[0] <= level:
                heapq.heappop(unspent)
        if level > 1:
            break
        levels[order[start:end]] = level
    return levels
