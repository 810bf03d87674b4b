"""Share of the configurations that reach a distance at each listed value of a hyperparameter."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from studies.analysis.explore_trials import ExploreTrials, Target
from studies.file.distributions import Choice, Grid
from studies.numbers import value_text
from studies.statistics.intervals import wilson
from studies.tables.columns import table_of

SHARES: dict[str, str] = {
    "condition": "str",
    "hyperparameter": "str",
    "value": "str",
    "tau": "float64",
    "reached": "int64",
    "configurations": "int64",
    "share": "float64",
    "low": "float64",
    "high": "float64",
}


def shares(explored: Iterable[ExploreTrials], targets: Sequence[Target]) -> pd.DataFrame:
    """A row per condition, hyperparameter with listed values (choice or grid), value, and target.

    Columns as in `SHARES`:

    value           as text, since some values are numbers, some names and some lists
    reached         how many of the `configurations` with that value reached tau
    share           reached / configurations, with its Wilson interval `low`, `high`. The interval is empty if another
                    hyperparameter is a grid, whose values are not drawn at random; share and interval are empty if no
                    configuration has the value
    """
    return table_of(
        (row for trials in explored if trials.configurations for row in _share_rows(trials, targets)), SHARES
    )


def _share_rows(explored: ExploreTrials, targets: Sequence[Target]) -> Iterator[dict[str, Any]]:
    for path, hyperparameter in explored.hyperparameters.items():
        if not isinstance(hyperparameter, Choice | Grid):
            continue
        drawn = not set(explored.grids) - {path}
        for value in hyperparameter.values:
            has_value = np.array([drawn_value == value for drawn_value in explored.values(path)])
            for target in targets:
                n, reached = int(has_value.sum()), int(explored.reaching(target.tau)[has_value].sum())
                low, high = wilson(reached, n) if n and drawn else (np.nan, np.nan)
                yield {
                    "condition": explored.condition,
                    "hyperparameter": path,
                    "value": value_text(value),
                    "tau": target.tau,
                    "reached": reached,
                    "configurations": n,
                    "share": reached / n if n else np.nan,
                    "low": low,
                    "high": high,
                }
