"""Power of a rank test, and sample sizes at which a difference is found with a given power."""

from functools import lru_cache
from itertools import count
from math import ceil, comb, sqrt

import numpy as np

from studies.statistics.permutation import smallest_permutation_p

SIMULATIONS = 1000
"""Number of simulated pairs of groups for each group size."""
MOST_SIMULATED = 64
"""Largest group size that is simulated; only small effects need larger groups, and for those a formula is accurate."""


def sample_size_for_shares(first: float, second: float, *, power: float = 0.8, confidence: float = 0.95) -> int | None:
    """Number of draws per group needed to detect the difference between two shares with this power.

    It follows from the normal approximation of the test of two independent shares, p1 = `first` and p2 = `second`. None
    if the shares are equal. If the groups have draws in common, a slightly smaller number suffices.

        n = (z_a sqrt(2 p (1-p)) + z_b sqrt(p1 (1-p1) + p2 (1-p2)))^2 / (p1 - p2)^2,  p = (p1 + p2)/2

    with the standard normal quantiles z_a at 1 - (1 - confidence)/2 and z_b at `power`.

    Source: Fleiss, Levin & Paik 2003, Statistical Methods for Rates and Proportions, chapter 4.
    """
    from scipy.stats import norm

    if first == second:
        return None
    mean = (first + second) / 2
    null_term = norm.isf((1 - confidence) / 2) * sqrt(2 * mean * (1 - mean))
    power_term = norm.ppf(power) * sqrt(first * (1 - first) + second * (1 - second))
    return ceil(((null_term + power_term) / (first - second)) ** 2)


def sample_size_for_effect(effect: float, *, comparisons: int, power: float = 0.8, level: float = 0.05) -> int | None:
    """Number of values per group needed to detect an effect with this power, in one of `comparisons` tests.

    `effect` is P(X < Y) for a value X of one group and Y of the other. The significance level is that of Holm's first
    step, level / comparisons. The result is the smallest number up to `MOST_SIMULATED` whose `rank_test_power`
    suffices, or else that of Noether's formula, which is accurate for small effects. None for an effect of 1/2.

        n = (z_a + z_b)^2 / (6 (effect - 1/2)^2)

    with the standard normal quantiles z_a at 1 - level / (2 comparisons) and z_b at `power`.

    Source: Noether 1987, doi:10.1080/01621459.1987.10478478.
    """
    from scipy.stats import norm

    effect = round(max(effect, 1 - effect), 3)  # few distinct effects, so the cached simulations are reused
    if effect == 0.5:
        return None
    z = norm.isf(level / comparisons / 2) + norm.ppf(power)
    by_formula = ceil((z / (effect - 0.5)) ** 2 / 6)
    if by_formula > 2 * MOST_SIMULATED:
        return by_formula
    low, high = 1, MOST_SIMULATED + 1
    while high - low > 1:
        middle = (low + high) // 2
        sufficient = rank_test_power(effect, middle, comparisons=comparisons, level=level) >= power
        low, high = (low, middle) if sufficient else (middle, high)
    return high if high <= MOST_SIMULATED else max(by_formula, high)


def fewest_deciding_seeds(conditions: int, level: float = 0.05) -> int:
    """Smallest number n of fresh seeds with which a pair of so many conditions can be decided; 1 for one condition.

    `smallest_permutation_p` times the number of pairs (Holm) must be below the level.
    """
    pairs = comb(conditions, 2)
    return next(n for n in count(1) if pairs * smallest_permutation_p(n, n) < level)


@lru_cache(maxsize=1024)
def rank_test_power(effect: float, n: int, *, comparisons: int, level: float = 0.05) -> float:
    """Probability that a rank test of two groups of n values with this effect is significant at level / comparisons.

    The result is the share of `SIMULATIONS` pairs of normal groups whose p-value is below that level. The groups have
    equal variances, and means whose difference gives P(X < Y) = `effect`. The p-value is that of Mann and Whitney's
    statistic in its normal approximation. The result is at most .1 below the power of `permutation_test` (.80 against
    .84 for n = 10, 10 comparisons and means two standard deviations apart); Student's approximation of Brunner and
    Munzel's statistic would be up to .2 above that power. The result is 0 if the smallest p-value of any permutation
    test, 2/binomial(2n, n), is not below the level.
    """
    from scipy.stats import norm

    if smallest_permutation_p(n, n) >= level / comparisons:
        return 0.0
    if effect in (0.0, 1.0):
        return 1.0
    rng = np.random.default_rng(0)
    first = rng.normal(0, 1, (SIMULATIONS, n, 1))
    second = rng.normal(sqrt(2) * norm.ppf(effect), 1, (SIMULATIONS, 1, n))
    smaller = (second > first).sum(axis=(1, 2))
    p_values = 2 * norm.sf(np.abs(smaller - n**2 / 2) / sqrt(n**2 * (2 * n + 1) / 12))
    return float((p_values < level / comparisons).mean())
