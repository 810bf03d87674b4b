"""Chance that at least one of n draws succeeds, estimated from more draws than n."""

import numpy as np
from jaxtyping import Float


def chance_of_success(successes: int, draws: int) -> Float[np.ndarray, "budgets"]:
    """Chance that at least one of n draws succeeds, for n = 1 .. floor(N/2), from N = `draws` with m = `successes`.

        1 - binomial(N - m, n)/binomial(N, n)

    This is the share of all subsets of n of the N draws that contain a success, an unbiased estimate for independent
    draws.

    Source: Dodge et al. 2019, arXiv:1909.03004, without replacement; Tang et al. 2020, arXiv:2004.13705, on its bias.
    """
    drawn_before = np.arange(draws // 2)
    return 1 - np.cumprod(np.maximum(draws - successes - drawn_before, 0) / (draws - drawn_before))
