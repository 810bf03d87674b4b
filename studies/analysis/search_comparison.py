"""The conditions as methods under search: how good the best of n random settings of each is expected to be.

The unit is the configuration: explore draws configurations at random, whatever the results, so another search would
find another best one, and the comparison covers that variation. A comparison of the settings found does not.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from studies.analysis.adjusted_tests import adjusted
from studies.analysis.explore_trials import ExploreTrials
from studies.statistics.best_of_draws import expected_best, search_test
from studies.tables.columns import table_of

FEWEST_DRAWS = 16
"""Smallest number of random configurations of each condition with which methods under search are compared."""
TESTED_SHARE = 4
"""Methods are compared at n = C / `TESTED_SHARE` of C draws: at a larger n the best depends on too few of them."""
MOST_SIMULATED = 128
"""Largest number of configurations for which a band of a tuning curve is simulated, which takes two seconds."""
TUNING_CURVES: dict[str, str] = {
    "condition": "str",
    "n": "int64",
    "score": "float64",
    "score_low": "float64",
    "score_high": "float64",
    "configurations": "int64",
}
SEARCH_PAIRS: dict[str, str] = {
    "condition": "str",
    "other": "str",
    "n": "int64",
    "score": "float64",
    "other_score": "float64",
    "difference": "float64",
    "p_value": "float64",
    "p_adjusted": "float64",
    "exact": "bool",
    "configurations": "int64",
    "decided": "bool",
}


def comparable_methods(explored: Iterable[ExploreTrials]) -> list[ExploreTrials]:
    """The conditions that can be compared as methods under search.

    Each has at least one hyperparameter, none of them a grid, and `FEWEST_DRAWS` configurations that count.
    """
    return [
        trials
        for trials in explored
        if trials.hyperparameters and not trials.grids and len(trials.configurations) >= FEWEST_DRAWS
    ]


def tuning_curves(explored: Iterable[ExploreTrials], *, highest: float) -> pd.DataFrame:
    """Expected search score of the best of n random configurations, for n = 1 .. C/2; columns as in `TUNING_CURVES`.

    A row per method of `comparable_methods` and n; C is its number of `configurations` that count.

    score       mean over all subsets of n of the C configurations of the best search score in a subset
    score_low   ends of its band: with a confidence of 95 % the whole curve of the method lies within its band. Empty
    score_high  if `highest`, the largest score that there can be, is unknown

    Source: Lourie et al. 2023, arXiv:2311.09480, with the equal-tailed bands of the package opda for the distribution
    function of the scores, from which those of the curve follow. They hold for independent draws of a continuous score;
    equal scores and draws in stratified blocks make them wider than needed (`docs/statistics.md`).
    """
    rows = (row for trials in comparable_methods(explored) for row in _curve(trials, highest))
    return table_of(rows, TUNING_CURVES)


def _curve(explored: ExploreTrials, highest: float) -> Iterable[dict[str, Any]]:
    count = len(explored.configurations)
    numbers = np.arange(1, count // 2 + 1)
    low, high = _band(explored.scores, numbers, highest)
    for n, lower, upper in zip(numbers.tolist(), low, high, strict=True):
        score = float(expected_best(explored.scores, n))
        yield {
            "condition": explored.condition,
            "n": n,
            "score": score,
            "score_low": lower,
            "score_high": upper,
            "configurations": count,
        }


def _band(
    scores: Float[np.ndarray, "configurations"], numbers: np.ndarray, highest: float
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the band: the expected best of n draws from the distributions at the ends of the band of the scores'."""
    if np.isnan(highest):
        nothing = np.full(len(numbers), np.nan)
        return nothing, nothing
    ordered = np.concatenate([[0.0], np.sort(scores), [max(highest, float(scores.max()))]])
    low, high = (
        np.array([np.diff(shares**n, prepend=0.0) @ ordered for n in numbers])
        for shares in reversed(distribution_band(len(scores)))
    )
    return low, high


@lru_cache
def distribution_band(count: int) -> tuple[Float[np.ndarray, "ends"], Float[np.ndarray, "ends"]]:
    """Simultaneous 95 % band of a distribution function from `count` draws: its lower and its upper end.

    The ends have a value at the smallest score that there can be, at each draw in increasing order, and at the largest
    score that there can be. Equal-tailed bands of Learned-Miller and DeStefano, which are simulated once for each
    `count`; above `MOST_SIMULATED`, the band of Kolmogorov and Smirnov, which is wider at both ends.
    """
    from opda.nonparametric import EmpiricalDistribution

    draws = np.arange(1.0, count + 1)
    lower, _, upper = EmpiricalDistribution.confidence_bands(
        draws,
        confidence=0.95,
        a=0.0,
        b=count + 1.0,
        generator=np.random.default_rng(0),
        method="ld_equal_tailed" if count <= MOST_SIMULATED else "ks",
        n_jobs=1,
    )
    at = np.arange(0.0, count + 2)
    return np.asarray(lower.cdf(at)), np.asarray(upper.cdf(at))


def search_pairs(explored: Iterable[ExploreTrials], *, seed: int) -> pd.DataFrame:
    """A row per pair of methods of `comparable_methods`; columns as in `SEARCH_PAIRS`.

    n                   number of random configurations that each method gets: a quarter of those that both have drawn
    score, other_score  expected search score of the best of n, of `condition` and of `other`
    difference          score - other_score
    p_value             two-sided, from `search_test` over the first `configurations` configurations of both
    p_adjusted          adjusted by Holm's method over all pairs: if no two methods differ, the chance of any `decided`
                        pair is at most `LEVEL`
    exact               True if every swap was tried
    decided             p_adjusted < `LEVEL`
    """
    names = list(combinations(comparable_methods(explored), 2))
    rows = [_pair(first, second, seed) for first, second in names]
    return table_of(adjusted(rows), SEARCH_PAIRS)


def _pair(first: ExploreTrials, second: ExploreTrials, seed: int) -> dict[str, Any]:
    count = min(len(first.configurations), len(second.configurations))
    scores, others = first.scores[:count], second.scores[:count]
    n = count // TESTED_SHARE
    p_value, exact = search_test(scores, others, n, seed=seed)
    score, other_score = float(expected_best(scores, n)), float(expected_best(others, n))
    return {
        "condition": first.condition,
        "other": second.condition,
        "n": n,
        "score": score,
        "other_score": other_score,
        "difference": score - other_score,
        "p_value": p_value,
        "exact": exact,
        "configurations": count,
    }


def ranked_methods(pairs: pd.DataFrame) -> Sequence[str]:
    """The conditions of the table of pairs, those with the largest expected score first."""
    first = pairs.set_index("condition")["score"].to_dict()
    scores = {**pairs.set_index("other")["other_score"].to_dict(), **first}
    return sorted(scores, key=lambda name: (-scores[name], name))
