"""Explore trials of one condition: independent draws of its hyperparameters, and the late distance of every seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from gan_core.presets import PRESETS
from studies.file.condition import Condition
from studies.file.distributions import (
    Choice,
    Distribution,
    Grid,
    IntLogUniform,
    IntUniform,
    LogUniform,
    Range,
    Uniform,
    Value,
    as_value,
)
from studies.ledger.unfinished import ENDED


class Target(NamedTuple):
    """A target distance that configurations are tested against.

    tau       the distance: a seed reaches tau if its outcome is `stable` and its late distance is <= tau
    progress  the same distance on the scale from the constant at the data's mean (0) to real data (1); NaN if unknown
    """

    tau: float
    progress: float


@dataclass(frozen=True, kw_only=True)
class ExploreTrials:
    """The explore trials of one condition that count, see `prefix_lengths`.

    hyperparameters  the distributions that were drawn from, by dotted path
    configurations   the values drawn for each trial, by dotted path; trial 0 first
    distances        late distance of every seed of every configuration, +inf for a failed seed
    scores           search score of every configuration; 0 if its training ended without a result
    planned          number of explore trials of each condition in the study file
    defaults         the authors' values of the hyperparameters, see `preset_defaults`
    """

    condition: str
    hyperparameters: Mapping[str, Distribution]
    configurations: Sequence[Mapping[str, Value]]
    distances: Float[np.ndarray, "configurations seeds"]
    scores: Float[np.ndarray, "configurations"]
    planned: int
    defaults: Mapping[str, Value]

    def seeds_reaching(self, tau: float) -> Float[np.ndarray, "configurations"]:
        """Share of each configuration's seeds that are stable and end at a distance <= tau."""
        return (self.distances <= tau).mean(axis=1)

    def reaching(self, tau: float) -> Bool[np.ndarray, "configurations"]:
        """True for each configuration that reaches tau: at least ceil(.8 S) of its S seeds reach it."""
        return (self.distances <= tau).sum(axis=1) >= seeds_that_must_reach(self.distances.shape[1])

    def values(self, hyperparameter: str) -> list[Value | None]:
        """The value of one hyperparameter in each configuration, None where it is not searched."""
        return [configuration.get(hyperparameter) for configuration in self.configurations]

    def searches(self, hyperparameter: str) -> Bool[np.ndarray, "configurations"]:
        """True for each configuration in which a hyperparameter is searched."""
        return np.array([hyperparameter in configuration for configuration in self.configurations], dtype=bool)

    def numbers(self, hyperparameter: str) -> Float[np.ndarray, "configurations"]:
        """The value of a hyperparameter with a range in each configuration, NaN where it is not searched."""
        return np.array(self.values(hyperparameter), dtype=np.float64)

    @property
    def grids(self) -> list[str]:
        """Dotted paths of the hyperparameters that are grids: their values are taken in turn from a list, not drawn."""
        return [path for path, hyperparameter in self.hyperparameters.items() if isinstance(hyperparameter, Grid)]


def prefix_lengths(trials: pd.DataFrame, conditions: Sequence[str], planned: int) -> dict[str, int]:
    """Number of explore trials of each condition that count: those before the first trial that has not ended.

    Trials are started round-robin: index 0 of every condition, then index 1. In an interrupted study the trials that
    ended are the fast ones, and failures are fast, so counting all that ended would bias the results. In this order,
    across all conditions, only the trials before the first one that has not ended count.
    """
    explore = trials[(trials["phase"] == "explore") & trials["state"].isin(ENDED)]
    ended = set(zip(explore["condition"].astype("str"), explore["trial"], strict=True))
    lengths = dict.fromkeys(conditions, 0)
    for index in range(planned):
        for condition in conditions:
            if (condition, index) not in ended:
                return lengths
            lengths[condition] += 1
    return lengths


def seeds_that_must_reach(seeds: int) -> int:
    """Number of a configuration's seeds that must reach tau: ceil(.8 seeds), computed in integers."""
    return -(-4 * seeds // 5)


def spacing(hyperparameter: Range) -> float:
    """Distance between two neighbouring values of a distribution; 0 if every number of the range is one."""
    match hyperparameter:
        case IntLogUniform():
            return 1
        case IntUniform():
            return hyperparameter.step or 1
        case Uniform():
            return hyperparameter.step or 0
        case _:
            return 0


def share_below(hyperparameter: Range, value: float) -> float:
    """Cumulative probability u of a value; for a value of a list, as an integer, the middle of its interval of u."""
    margin = spacing(hyperparameter) / 2
    low, high = hyperparameter.low - margin, hyperparameter.high + margin
    match hyperparameter:
        case LogUniform():
            return log(value / low) / log(high / low)
        case IntLogUniform():
            return log((value - margin) * (value + margin) / low**2) / 2 / log(high / low)
        case _:
            return (value - low) / (high - low)


def near_defaults(explored: ExploreTrials) -> Bool[np.ndarray, "configurations"] | None:
    """True for each configuration in the half of every hyperparameter's range around its default; None without default.

    The half holds the values whose u, see `share_below`, differs by at most 1/4 from that of the default. The default's
    u is first moved to at least 1/4 and at most 3/4, so that the half lies within the range. Choices, grids,
    hyperparameters without a default and those not searched in a configuration do not restrict it; None if no
    hyperparameter does.
    """
    near = np.ones(len(explored.configurations), dtype=bool)
    restricted = False
    for path, hyperparameter in explored.hyperparameters.items():
        if path in explored.defaults and not isinstance(hyperparameter, Choice | Grid):
            default: Any = explored.defaults[path]
            middle = np.clip(share_below(hyperparameter, float(default)), 0.25, 0.75)
            shares = np.array([share_below(hyperparameter, value) for value in explored.numbers(path)])
            near &= ~(np.abs(shares - middle) > 0.25)  # NaN where it is not searched, which restricts nothing
            restricted = True
    return near if restricted else None


def preset_defaults(condition: Condition) -> dict[str, Value]:
    """The authors' value of each hyperparameter for which the condition's preset has one within the searched range.

    The `kind` of every table around the hyperparameter must be the preset's: a learning rate of RMSProp is no default
    for Adam.
    """
    if condition.preset is None or condition.preset not in PRESETS:
        return {}
    preset = PRESETS[condition.preset].table
    values = {path: _preset_value(preset, condition.table, path) for path in condition.hyperparameters}
    return {
        path: value
        for path, value in values.items()
        if value is not None and _contains(condition.hyperparameters[path], value)
    }


def _preset_value(preset: Mapping, table: Mapping, path: str) -> Value | None:
    """The preset's value at a dotted path; None if there is no such value or a table on the path is of another kind."""
    *parents, name = path.split(".")
    for parent in parents:
        if not (isinstance(preset.get(parent), Mapping) and isinstance(table.get(parent), Mapping)):
            return None
        preset, table = preset[parent], table[parent]
        if preset.get("kind", table.get("kind")) != table.get("kind"):
            return None
    return as_value(preset.get(name))


def _contains(hyperparameter: Distribution, value: Any) -> bool:
    if isinstance(hyperparameter, Choice | Grid):
        return value in hyperparameter.values
    return isinstance(value, int | float) and hyperparameter.low <= value <= hyperparameter.high
