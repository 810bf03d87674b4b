"""Importance of hyperparameters as shares of their sum, with intervals."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Real

from studies.statistics.ped_anova import Cells, best_weights, divergences
from studies.statistics.permutation import LEVEL, holm

QUANTILE = 0.25
"""Share of the configurations that are the best ones."""
FEWEST_BEST = 5
"""Smallest number of best configurations with which importances are computed; Optuna's documentation names it."""
RESAMPLES = 200
"""Number of bootstrap resamples, and smallest number of permutations; their coverage was simulated with it."""


class Importance(NamedTuple):
    """Share of each hyperparameter in the sum of the importances, and its 95 % interval."""

    share: Float[np.ndarray, "hyperparameters"]
    low: Float[np.ndarray, "hyperparameters"]
    high: Float[np.ndarray, "hyperparameters"]


def importance(
    hyperparameters: list[Cells], scores: Real[np.ndarray, "configurations"], *, seed: int
) -> Importance | None:
    """Importance of each hyperparameter for being among the best quarter of the configurations.

    share  its `divergences`, divided by the sum over all hyperparameters
    low    2.5 % quantile of the shares in resamples of whole configurations. 0 unless the divergence is larger than
           with the scores permuted among the configurations, which is tested at the level .05 with Holm's correction
           for the number of hyperparameters: estimates of a divergence are never 0, also where there is none
    high   97.5 % quantile of the same shares; 1 if `low` of every other hyperparameter is 0

    None with fewer than `FEWEST_BEST` best configurations, and if all scores are equal. The coverage of the shares that
    100,000 independent draws have is .92 to 1.00 (`tests/test_importance.py`, `docs/statistics.md`).
    """
    generator, count = np.random.default_rng(seed), len(scores)
    once = np.ones((1, count), dtype=np.int64)
    best = best_weights(scores, QUANTILE, once)
    if best.sum() < FEWEST_BEST:
        return None
    observed = divergences(hyperparameters, once, best)
    weights = generator.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    resampled = _shares(divergences(hyperparameters, weights, best_weights(scores, QUANTILE, weights)))
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    permutations = max(RESAMPLES, 40 * len(hyperparameters))  # the smallest p-value is small enough after correction
    permuted = generator.permuted(best.repeat(permutations, axis=0), axis=1)
    by_chance = divergences(hyperparameters, once.repeat(permutations, axis=0), permuted)
    extreme = (by_chance >= observed * (1 - 1e-9)).sum(axis=0)  # rounding must not break ties
    low[holm((extreme + 1) / (permutations + 1)) >= LEVEL] = 0
    others = (low > 0).sum() - (low > 0)
    high[others == 0] = 1
    return Importance(_shares(observed)[0], low, high)


def _shares(values: Float[np.ndarray, "resamples hyperparameters"]) -> Float[np.ndarray, "resamples hyperparameters"]:
    """Each row divided by its sum; equal shares where it is 0."""
    total = values.sum(axis=1, keepdims=True)
    return np.where(total > 0, values / np.where(total > 0, total, 1), 1 / values.shape[1])
