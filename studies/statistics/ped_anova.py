"""PED-ANOVA: how much the best configurations differ from all of them in one hyperparameter."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Real

TINY = 1e-12
"""Added to every density, as in Optuna."""
FEWEST_SEARCHED = 2
"""Smallest number of configurations with a hyperparameter for which its importance is computed, as in Optuna."""


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The values of one hyperparameter, each as the number of its cell.

    numbers  cell of the value of each configuration, from 0; -1 where the hyperparameter is not searched
    count    number of cells
    ordered  False for listed values, which have no neighbours
    """

    numbers: Int[np.ndarray, "configurations"]
    count: int
    ordered: bool = True


def best_weights(
    scores: Real[np.ndarray, "configurations"], quantile: float, weights: Int[np.ndarray, "resamples configurations"]
) -> Int[np.ndarray, "resamples configurations"]:
    """The weights of the best configurations of each resample, 0 for the others.

    The ceil(quantile n) configurations with the largest scores are the best, with all whose scores are equal to the
    last of them; those with the smallest score never are, so that there are none if all scores are equal.

    weights  how often each configuration is counted, a row for each resample
    """
    _, level = np.unique(-scores, return_inverse=True)
    order = np.argsort(level, kind="stable")
    reached = np.cumsum(weights[:, order], axis=1)
    needed = np.ceil(quantile * reached[:, -1:])
    last = level[order][np.argmax(reached >= needed, axis=1)]
    worst = np.max(np.where(weights > 0, level, 0), axis=1)
    return weights * (level <= np.minimum(last, worst - 1)[:, None])


def divergences(
    hyperparameters: list[Cells],
    weights: Int[np.ndarray, "resamples configurations"],
    best: Int[np.ndarray, "resamples configurations"],
) -> Float[np.ndarray, "resamples hyperparameters"]:
    """Importance of each hyperparameter for being among the best configurations, before division by the sum.

        (a^2 / b) sum_x p(x) (p_best(x) / p(x) - 1)^2

    p and p_best are Parzen estimates of the density over the cells x, of all configurations and of the best ones; a and
    b are the shares of the best configurations and of all that have the hyperparameter. 0 if there are no best ones.

    weights, best  weights of all configurations and of the best ones, see `best_weights`

    Source: Watanabe et al. 2023, arXiv:2304.10255, with the factor a^2 / b of arXiv:2601.20800 for hyperparameters that
    are not always searched; Optuna's `PedAnovaImportanceEvaluator`, without its factor that all hyperparameters share.
    """
    return np.stack([_divergence(cells, weights, best) for cells in hyperparameters], axis=1)


def _divergence(
    cells: Cells,
    weights: Int[np.ndarray, "resamples configurations"],
    best: Int[np.ndarray, "resamples configurations"],
) -> Float[np.ndarray, "resamples"]:
    of_all, of_best = _counts(cells, weights), _counts(cells, best)
    density = _ordered_density if cells.ordered else _listed_density
    p, p_best = density(of_all) + TINY, density(of_best) + TINY
    pearson = (p * (p_best / p - 1) ** 2).sum(axis=1)
    n, n_best = of_all.sum(axis=1), of_best.sum(axis=1)
    is_known = (n >= FEWEST_SEARCHED) & (n_best > 0) & (cells.count > 1)
    share, share_of_best = n / weights.sum(axis=1), n_best / np.maximum(best.sum(axis=1), 1)
    return np.where(is_known, share_of_best**2 / np.where(is_known, share, 1) * pearson, 0.0)


def _counts(cells: Cells, weights: Int[np.ndarray, "resamples configurations"]) -> Float[np.ndarray, "resamples cells"]:
    """Weight of the configurations in each cell."""
    searched = np.flatnonzero(cells.numbers >= 0)
    order = searched[np.argsort(cells.numbers[searched], kind="stable")]
    present, starts = np.unique(cells.numbers[order], return_index=True)
    counts = np.zeros((len(weights), cells.count))
    if len(present):
        counts[:, present] = np.add.reduceat(weights[:, order], starts, axis=1)
    return counts


def _ordered_density(counts: Float[np.ndarray, "resamples cells"]) -> Float[np.ndarray, "resamples cells"]:
    """Density over cells: normal kernels cut off at both ends, and a wide one at the middle with the weight of one."""
    from scipy.special import ndtr

    size = counts.shape[1]
    x = np.arange(size)
    edges = np.arange(-size, size + 1) - 0.5  # of cells, relative to the middle of a kernel
    below = ndtr(edges / _bandwidth(counts)[:, None])
    inside = below[:, 2 * size - x] - below[:, size - x]  # mass of a kernel at x between both ends
    on_cell = np.diff(below, axis=1)[:, size + x - x[:, None]]
    wide = np.diff(ndtr((np.arange(size + 1) - size / 2) / size))
    mass = np.einsum("rk,rkx->rx", counts / inside, on_cell) + wide / wide.sum()
    return mass / (counts.sum(axis=1, keepdims=True) + 1)


def _bandwidth(counts: Float[np.ndarray, "resamples cells"]) -> Float[np.ndarray, "resamples"]:
    """Standard deviation of the kernels in cells: 1.059 min(IQR / 1.34, sd) n^(-1/5), at least .5 / 1.64.

    Source: Scott 1992, Multivariate Density Estimation, with the quartiles of Optuna.
    """
    x = np.arange(counts.shape[1])
    n = np.maximum(counts.sum(axis=1), 1)
    mean = counts @ x / n
    deviation = np.sqrt((counts * (x - mean[:, None]) ** 2).sum(axis=1) / np.maximum(1, n - 1))
    reached = np.cumsum(counts, axis=1)
    first = np.argmax(reached >= np.maximum(n // 4, 1)[:, None], axis=1)
    third = np.argmax(reached > (n * 3 // 4)[:, None], axis=1)
    return np.maximum(1.059 * np.minimum((third - first) / 1.34, deviation) * n**-0.2, 0.5 / 1.64)


def _listed_density(counts: Float[np.ndarray, "resamples values"]) -> Float[np.ndarray, "resamples values"]:
    """Probability of each listed value, with one more observation that is spread over all values.

    A kernel at a value has the weight 1 there and 1 / (values that occur + 1) at every value.
    """
    values = counts.shape[1]
    spread = 1 / ((counts > 0).sum(axis=1, keepdims=True) + 1)
    n = counts.sum(axis=1, keepdims=True)
    return ((counts + n * spread) / (1 + values * spread) + 1 / values) / (n + 1)
