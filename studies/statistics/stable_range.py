"""End of a range of values within which seeds succeed, from seeds that were trained at some of the values."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

HALF = 0.5
"""A value belongs to the stable range if the chance that a seed succeeds there is at least this."""
TEST_LEVEL = 0.025
"""Level of each of the two binomial tests whose acceptance forms the interval of an end."""


class RangeEnd(NamedTuple):
    """End of a stable range, as the number of values that belong to it, counted from its inside.

    inside     estimate
    low, high  ends of its interval
    """

    inside: int
    low: int
    high: int


def range_end(successes: Int[np.ndarray, "values"], seeds: int) -> RangeEnd:
    """Number of the first values at which a seed succeeds with a chance of at least 1/2, with its interval.

    successes  number of the `seeds` that succeed at each value, in order from the inside of the range outwards

    The chance is assumed not to rise outwards. Estimate: the values at which its monotone maximum-likelihood estimate
    (isotonic regression) is at least 1/2. A larger number belongs to the interval unless the seeds at the values
    between succeed too rarely for a chance of 1/2, a smaller one unless they succeed too often, each by a one-sided
    binomial test at `TEST_LEVEL`. With 3 seeds per value an end that all seeds agree on is known to one value on each
    side. Coverage over 8 and 16 values with 1, 3 and 5 seeds, sharp ends and ones over which the chance falls from .9
    to .1 within 9 values: at least .99 for one end (2000 simulations each, `docs/statistics.md`).

    Source: isotonic regression, Barlow et al. 1972, Statistical Inference under Order Restrictions.
    """
    from scipy.optimize import isotonic_regression

    if not len(successes):
        return RangeEnd(0, 0, 0)
    chances = isotonic_regression(successes / seeds, increasing=False).x
    count = int((chances >= HALF - 1e-9).sum())
    return RangeEnd(count, _inwards(successes, seeds, count), _outwards(successes, seeds, count))


def _outwards(successes: Int[np.ndarray, "values"], seeds: int, count: int) -> int:
    from scipy.stats import binom

    accepted = count
    for end in range(count + 1, len(successes) + 1):
        between = successes[count:end]
        if binom.cdf(between.sum(), seeds * len(between), HALF) < TEST_LEVEL:
            break
        accepted = end
    return accepted


def _inwards(successes: Int[np.ndarray, "values"], seeds: int, count: int) -> int:
    from scipy.stats import binom

    accepted = count
    for end in range(count - 1, -1, -1):
        between = successes[end:count]
        if binom.sf(between.sum() - 1, seeds * len(between), HALF) < TEST_LEVEL:
            break
        accepted = end
    return accepted
