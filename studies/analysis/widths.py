"""Stable widths: how much of a hyperparameter's range lets a condition reach a distance, in decades or units."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from studies.analysis.explore_trials import ExploreTrials, Target, spacing
from studies.file.distributions import Choice, Grid, IntLogUniform, LogUniform, Range
from studies.numbers import value_text
from studies.statistics.intervals import wilson
from studies.statistics.success_width import SampledRange, success_width, success_width_interval, touches_border
from studies.tables.columns import table_of

WIDTHS: dict[str, str] = {
    "condition": "str",
    "hyperparameter": "str",
    "tau": "float64",
    "unit": "str",
    "width": "float64",
    "width_low": "float64",
    "width_high": "float64",
    "stated": "float64",
    "lowest": "float64",
    "highest": "float64",
    "border_low": "bool",
    "border_high": "bool",
    "configurations": "int64",
}
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


def widths(explored: Iterable[ExploreTrials], targets: Sequence[Target], *, seed: int) -> pd.DataFrame:
    """A row per condition, hyperparameter with a range, and target; columns as in `WIDTHS`.

    unit            "decades" for a log-uniform hyperparameter and for a positive range of a decade or more, else
                    "units"
    width           width of the values at which a configuration reaches tau, averaged over the other hyperparameters:
                    the mean over draws of 1[reached] / (density per unit), at most `stated`
    width_low       95 % interval of `width`. If the density per unit is constant, `width` is V times `stated`, and the
    width_high      interval is V's Wilson interval times `stated`. Otherwise it is a bootstrap interval over
                    configurations; if all or none of them reach tau, it is the worst case
    stated          width of the whole range in the study file
    lowest          smallest and largest value that reached tau; empty if none did
    highest
    border_low      True if the values that reach tau may extend to the lower (upper) end of the range: the width is
    border_high     then a lower bound
    configurations  number of explore configurations that count, as in `volumes`, and search the hyperparameter: those
                    in which it has its value `otherwise` are left out

    The width does not depend on the range in the study file as long as no border is touched: a wider range has a
    smaller density. An integer k stands for the interval from k - 1/2 to k + 1/2, a value of a range with a step for
    the interval from half a step below to half a step above it. The estimators and their sources are in
    `studies.statistics.success_width`.
    """
    rows = (row for trials in explored if trials.configurations for row in _width_rows(trials, targets, seed))
    return table_of(rows, WIDTHS)


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


def in_decades(hyperparameter: Range) -> bool:
    """True if widths of this hyperparameter are in decades: log-uniform, or positive and a decade or more wide."""
    return isinstance(hyperparameter, LogUniform | IntLogUniform) or (
        hyperparameter.low > spacing(hyperparameter) / 2 and hyperparameter.high >= 10 * hyperparameter.low
    )


def sampled_range(hyperparameter: Range) -> SampledRange:
    """The range, density and unit of width of a hyperparameter."""
    between = spacing(hyperparameter)
    return SampledRange(
        low=hyperparameter.low - between / 2,
        high=hyperparameter.high + between / 2,
        spacing=between,
        log_density=isinstance(hyperparameter, LogUniform | IntLogUniform),
        in_decades=in_decades(hyperparameter),
    )


def _width_rows(explored: ExploreTrials, targets: Sequence[Target], seed: int) -> Iterator[dict[str, Any]]:
    for path, hyperparameter in explored.hyperparameters.items():
        if isinstance(hyperparameter, Choice | Grid):
            continue
        sampled = sampled_range(hyperparameter)
        searched = explored.searches(path)
        if not searched.any():
            continue
        values = explored.numbers(path)[searched]
        for target in targets:
            reaching = explored.reaching(target.tau)[searched]
            successes = values[reaching]
            low, high = success_width_interval(sampled, values, reaching, seed=seed)
            yield {
                "condition": explored.condition,
                "hyperparameter": path,
                "tau": target.tau,
                "unit": "decades" if sampled.in_decades else "units",
                "width": success_width(sampled, values, reaching),
                "width_low": low,
                "width_high": high,
                "stated": sampled.whole_width,
                "lowest": successes.min() if len(successes) else np.nan,
                "highest": successes.max() if len(successes) else np.nan,
                "border_low": touches_border(values, reaching),
                "border_high": touches_border(-values, reaching),
                "configurations": len(values),
            }


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
