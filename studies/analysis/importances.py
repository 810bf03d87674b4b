"""Importance of each hyperparameter of a condition for being among the best quarter of its random settings."""

from collections.abc import Iterable, Iterator
from math import ceil, log2
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from studies.analysis.explore_trials import ExploreTrials
from studies.file.distributions import (
    Choice,
    Distribution,
    Grid,
    IntLogUniform,
    IntUniform,
    LogUniform,
    Range,
    Uniform,
)
from studies.statistics.importance import importance
from studies.statistics.ped_anova import Cells
from studies.tables.columns import table_of

FEWEST_DRAWS = 20
"""Smallest number of random configurations of a condition with which importances are computed."""
MOST_CELLS = 50
"""Largest number of cells of a range, as in Optuna."""
IMPORTANCES: dict[str, str] = {
    "condition": "str",
    "hyperparameter": "str",
    "importance": "float64",
    "low": "float64",
    "high": "float64",
    "trials": "int64",
}


def importances(explored: Iterable[ExploreTrials], *, seed: int) -> pd.DataFrame:
    """A row per condition and hyperparameter, the most important of a condition first; columns as in `IMPORTANCES`.

    importance  share of the hyperparameter in the difference between the best quarter of the condition's random
                configurations, by search score, and all of them (PED-ANOVA, Watanabe et al. 2023, with the numbers of
                Optuna's `PedAnovaImportanceEvaluator(target_quantile=0.25)`); those of a condition add up to 1. If
                more than three quarters have the smallest score, which is mostly 0, the best are the others
    low, high   its 95 % interval, see `studies.statistics.importance`; `low` is 0 if chance alone explains the
                difference
    trials      number of random configurations in which the hyperparameter is searched

    Each hyperparameter is looked at by itself: one that matters at some values of another and does the opposite at
    others has a small importance. It depends on the ranges: a hyperparameter that is searched over a narrow one is less
    important. With 32 configurations an interval is .4 to .8 wide, and the order is rarely certain.

    Without a row: conditions with fewer than two hyperparameters, fewer than `FEWEST_DRAWS` configurations that count,
    or fewer than 5 whose score is above the smallest.
    """
    return table_of((row for trials in explored for row in _rows(trials, seed)), IMPORTANCES)


def _rows(explored: ExploreTrials, seed: int) -> Iterator[dict[str, Any]]:
    paths = list(explored.hyperparameters)
    if len(paths) < 2 or len(explored.configurations) < FEWEST_DRAWS:
        return
    computed = importance([cells(explored, path) for path in paths], explored.scores, seed=seed)
    if computed is None:
        return
    for number in np.argsort(-computed.share, kind="stable").tolist():
        yield {
            "condition": explored.condition,
            "hyperparameter": paths[number],
            "importance": computed.share[number],
            "low": computed.low[number],
            "high": computed.high[number],
            "trials": int(explored.searches(paths[number]).sum()),
        }


def cells(explored: ExploreTrials, path: str) -> Cells:
    """The values of a hyperparameter as numbers of cells, which divide its range as in Optuna.

    Listed values and integers in few steps have a cell each. Other ranges have `MOST_CELLS`, whose middles are equally
    spaced from end to end, on a logarithmic scale if the distribution has one.
    """
    hyperparameter, values = explored.hyperparameters[path], explored.values(path)
    if isinstance(hyperparameter, Choice | Grid):
        listed = [-1 if value is None else hyperparameter.values.index(value) for value in values]
        return Cells(numbers=np.array(listed), count=len(hyperparameter.values), ordered=False)
    low, high = (float(end) for end in hyperparameter.extremes())
    count = _cell_count(hyperparameter)
    numbers = explored.numbers(path)
    if _logarithmic(hyperparameter):
        low, high, numbers = np.log(low), np.log(high), np.log(numbers)
    return Cells(numbers=_nearest(numbers, low, high, count), count=count)


def _cell_count(hyperparameter: Range) -> int:
    low, high = (float(end) for end in hyperparameter.extremes())
    match hyperparameter:
        case IntLogUniform():
            return min(ceil(log2(high - low + 1)) + 1, MOST_CELLS)
        case IntUniform():
            return min(round((high - low) / (hyperparameter.step or 1)) + 1, MOST_CELLS)
        case Uniform(step=step) if step is not None:
            return min(round((high - low) / step) + 1, MOST_CELLS)
        case _:
            return MOST_CELLS


def _logarithmic(hyperparameter: Distribution) -> bool:
    return isinstance(hyperparameter, LogUniform | IntLogUniform)


def _nearest(numbers: np.ndarray, low: float, high: float, count: int) -> Int[np.ndarray, "configurations"]:
    """Number of the cell with the nearest middle, the lower one of two; -1 for NaN."""
    searched = np.isfinite(numbers)
    spacing = (high - low) / (count - 1)
    nearest = np.ceil((np.where(searched, numbers, low) - low) / spacing - 0.5)
    return np.where(searched, np.clip(nearest, 0, count - 1), -1).astype(np.int64)
