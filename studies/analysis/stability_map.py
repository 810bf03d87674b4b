"""Stability maps: what became of the seeds of each cell, and the share of the map that is stable."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from gan_core.outcomes import OUTCOMES, late_steps, measured_median
from studies.analysis.explore_trials import preset_defaults
from studies.design import cell_order
from studies.file.condition import Condition
from studies.file.distributions import Value, as_number
from studies.file.map_axes import MapAxis, map_axes
from studies.ledger.trial_records import TrialRecord
from studies.ledger.unfinished import WITHOUT_RESULT
from studies.statistics.area_share import area_interval
from studies.tables.columns import table_of
from studies.tables.results import Results

STABLE_AREAS: dict[str, str] = {
    "condition": "str",
    "x": "str",
    "y": "str",
    "planned": "int64",
    "cells": "int64",
    "seeds": "int64",
    "stable_area": "float64",
    "stable_low": "float64",
    "stable_high": "float64",
    "commonest_failure": "str",
    "failure_share": "float64",
}
ENDS: tuple[str, ...] = (*OUTCOMES, *WITHOUT_RESULT)
"""Outcomes and ends without a result, in the order of the last axis of `StabilityMap.counts`."""
NOT_TRAINED = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class StabilityMap:
    """The cells of one condition's map; a map with one axis has a single cell along y.

    axes     the axes, x first
    seeds    number of seeds of each cell
    counts   number of seeds with each of `ENDS`; all 0 where no trial has ended
    counted  True for the cells that count: their trials come before the first that has not ended, see `prefix_lengths`
    authors  the authors' value of each hyperparameter on an axis that has one within its range, by dotted path
    """

    condition: str
    axes: tuple[MapAxis, ...]
    seeds: int
    counts: Int[np.ndarray, "x y ends"]
    counted: Bool[np.ndarray, "x y"]
    authors: Mapping[str, Value]

    @property
    def trained(self) -> Bool[np.ndarray, "x y"]:
        """True for the cells whose trial has ended."""
        return self.counts.sum(axis=-1) > 0

    @property
    def stable(self) -> Float[np.ndarray, "x y"]:
        """Share of each cell's seeds that are stable; NaN where no trial has ended."""
        return np.where(self.trained, self.counts[..., 0] / self.seeds, np.nan)

    @property
    def dominant(self) -> Int[np.ndarray, "x y"]:
        """Index in `ENDS` of the commonest outcome of each cell, in a tie the later one; `NOT_TRAINED` without any.

        In a tie `stable`, the first of all, loses to every failure.
        """
        last = self.counts.shape[-1] - 1
        return np.where(self.trained, last - self.counts[..., ::-1].argmax(axis=-1), NOT_TRAINED)

    @property
    def authors_setting(self) -> tuple[float, ...] | None:
        """The authors' value on each axis; None unless there is one for every axis."""
        values = tuple(as_number(self.authors[axis.paths[0]]) for axis in self.axes if axis.paths[0] in self.authors)
        return values if len(values) == len(self.axes) else None

    @property
    def authors_cell(self) -> tuple[int, int] | None:
        """The cell in which the authors' setting lies; None without `authors_setting`."""
        if self.authors_setting is None:
            return None
        cells = [axis.cell_of(value) for axis, value in zip(self.axes, self.authors_setting, strict=True)]
        return cells[0], cells[1] if len(cells) == 2 else 0


def stability_maps(results: Results, prefix_lengths: Mapping[str, int]) -> tuple[StabilityMap, ...]:
    """The map of each condition, in the study's order; none if explore draws at random.

    prefix_lengths  number of explore trials of each condition that count
    """
    members = results.ended_members
    explore = members[members["phase"] == "explore"]
    counts = explore.groupby(["condition", "trial", "outcome"], observed=True).size()
    maps = []
    for condition in results.study.conditions:
        if axes := map_axes(results.study.search, condition):
            own = counts.xs(condition.name) if condition.name in counts.index.levels[0] else counts.iloc[:0]
            maps.append(_map(condition, axes, own, results.study.seeds, prefix_lengths[condition.name]))
    return tuple(maps)


def _map(
    condition: Condition, axes: tuple[MapAxis, ...], counts: "pd.Series[int]", seeds: int, prefix: int
) -> StabilityMap:
    shape = tuple(axis.cells for axis in axes)
    order = cell_order(shape)
    by_cell, counted = np.zeros((*shape, len(ENDS)), dtype=np.int64), np.zeros(shape, dtype=bool)
    for (trial, outcome), count in counts.items():
        by_cell[(*order[trial], ENDS.index(outcome))] = count
    for cell in order[:prefix]:
        counted[cell] = True
    if len(shape) == 1:
        by_cell, counted = by_cell[:, None], counted[:, None]
    return StabilityMap(
        condition=condition.name,
        axes=axes,
        seeds=seeds,
        counts=by_cell,
        counted=counted,
        authors=preset_defaults(condition),
    )


def late_values(results: Results, condition: str, metric: str) -> Float[np.ndarray, "x y"] | None:
    """Late value of a metric in each cell: the median over the seeds of their medians over the late window.

    NaN where no trial has finished or no value is a number; None for a metric that no finished trial has.
    """

    def late_value(trial: TrialRecord) -> float | None:
        measured = trial.curves.of(metric)
        if measured is None:
            return None
        late = np.isin(trial.curves.steps, late_steps(trial.curves.steps, results.study.outcomes))
        return float(measured_median(measured_median(measured[:, late])))

    return cell_values(results, condition, late_value)


def cell_values(
    results: Results, condition: str, value_of: Callable[[TrialRecord], float | None]
) -> Float[np.ndarray, "x y"] | None:
    """A number for each cell of a condition's map, NaN where no trial has finished.

    value_of  the number of a finished trial; None if it has none

    None if no finished trial has a number.
    """
    axes = map_axes(results.study.search, results.study.condition(condition))
    shape = tuple(axis.cells for axis in axes)
    values, order, has_value = np.full(shape, np.nan), cell_order(shape), False
    for trial in results.trial_records:
        if trial.finished and (trial.spec.condition, trial.spec.phase) == (condition, "explore"):
            value = value_of(trial)
            if value is not None:
                values[order[trial.spec.index]], has_value = value, True
    return values.reshape(shape[0], -1) if has_value else None


def stable_areas(maps: Iterable[StabilityMap]) -> pd.DataFrame:
    """A row per condition with at least one cell that counts; columns as in `STABLE_AREAS`.

    x, y               hyperparameters along the axes; several with the same value are joined by "="
    planned            number of cells of the map
    cells              number of them that count: of an interrupted study those before the first trial of any condition
                       that has not ended, which are spread evenly over the map
    seeds              number of seeds of each cell
    stable_area        mean share of the cells' seeds that are stable. The cells lie at equally spaced quantiles of the
                       ranges, so that this estimates the share of settings from these ranges that are stable
    stable_low         its 95 % interval for other seeds on the same cells, see `area_interval`
    stable_high
    commonest_failure  the outcome of most seeds that are not stable; empty if all are
    failure_share      share of all seeds with this outcome
    """
    return table_of((_area(of_condition) for of_condition in maps if of_condition.counted.any()), STABLE_AREAS)


def _area(of_condition: StabilityMap) -> dict[str, Any]:
    shares = np.where(of_condition.counted, of_condition.stable, np.nan)
    low, high = area_interval(shares)
    ends = of_condition.counts[of_condition.counted].sum(axis=0)
    failure = 1 + int(ends[1:].argmax())
    names = ["=".join(axis.paths) for axis in of_condition.axes]
    return {
        "condition": of_condition.condition,
        "x": names[0],
        "y": names[1] if len(names) == 2 else "",
        "planned": of_condition.counted.size,
        "cells": int(of_condition.counted.sum()),
        "seeds": of_condition.seeds,
        "stable_area": float(np.nanmean(shares)),
        "stable_low": low,
        "stable_high": high,
        "commonest_failure": ENDS[failure] if ends[failure] else "",
        "failure_share": ends[failure] / ends.sum(),
    }
