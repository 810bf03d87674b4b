"""What explore found of one condition: independent draws of its knobs, and how far each seed came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from gan_core.presets import PRESETS
from studies.condition import Condition
from studies.space import Choice, Distribution, Grid, IntUniform, LogUniform, Uniform, Value


class Target(NamedTuple):
    """A distance that a configuration is to reach, and how far towards real data it lies."""

    tau: float
    progress: float


@dataclass(frozen=True, kw_only=True)
class Explored:
    """The explore trials of one condition that count.

    knobs           what was drawn, by dotted path
    configurations  their values, in the order of issue
    distances       late distance of every seed of every configuration, +inf where it failed
    planned         how many configurations the study gives the condition
    defaults        the authors' value of those knobs that have one within their range
    """

    condition: str
    knobs: Mapping[str, Distribution]
    configurations: Sequence[Mapping[str, Value]]
    distances: Float[np.ndarray, "configurations seeds"]
    planned: int
    defaults: Mapping[str, Value]

    def seeds_reaching(self, tau: float) -> Float[np.ndarray, "configurations"]:
        """The share of each configuration's seeds that are stable and end at a distance <= tau."""
        return (self.distances <= tau).mean(axis=1)

    def reaching(self, tau: float) -> Bool[np.ndarray, "configurations"]:
        """Which configurations reach tau: at least ceil(.8 S) of their S seeds do."""
        return (self.distances <= tau).sum(axis=1) >= seeds_that_must_reach(self.distances.shape[1])

    def values(self, knob: str) -> list[Value]:
        """What was drawn of one knob, in the order of issue."""
        return [configuration[knob] for configuration in self.configurations]

    @property
    def grids(self) -> list[str]:
        """The knobs whose values are listed and taken in turn: their configurations are no draws from a range."""
        return [path for path, knob in self.knobs.items() if isinstance(knob, Grid)]


def prefix(trials: pd.DataFrame, conditions: Sequence[str], planned: int) -> dict[str, int]:
    """How many explore trials of each condition count: those before the first that has not ended, in order of issue.

    Trials are issued round-robin: index 0 of every condition, then index 1. Of an interrupted study the later ones that
    ended are the fast ones, and failures are fast; so they do not count, nor does another condition's trial behind one
    that is missing.
    """
    explore = trials[(trials["phase"] == "explore") & trials["state"].isin(["finished", "failed"])]
    ended = set(zip(explore["condition"].astype("str"), explore["trial"], strict=True))
    counted = dict.fromkeys(conditions, 0)
    for index in range(planned):
        for condition in conditions:
            if (condition, index) not in ended:
                return counted
            counted[condition] += 1
    return counted


def seeds_that_must_reach(seeds: int) -> int:
    """ceil(.8 S), in whole numbers."""
    return -(-4 * seeds // 5)


def share_below(knob: Uniform | LogUniform | IntUniform, value: float) -> float:
    """The u at which a knob's quantile is this value; of an integer the middle of its piece of [0, 1]."""
    match knob:
        case LogUniform():
            return log(value / knob.low) / log(knob.high / knob.low)
        case IntUniform():
            return (value - knob.low + 0.5) / (knob.high - knob.low + 1)
        case _:
            return (value - knob.low) / (knob.high - knob.low)


def near_defaults(explored: Explored) -> Bool[np.ndarray, "configurations"] | None:
    """Which configurations lie in the half of each knob's range around its default, in the range's own scale.

    A default near a border has the half at that border. Choices and knobs without a default are left as drawn; None
    where no knob has one.
    """
    near = np.ones(len(explored.configurations), dtype=bool)
    found = False
    for path, knob in explored.knobs.items():
        if path in explored.defaults and not isinstance(knob, Choice | Grid):
            middle = np.clip(share_below(knob, float(explored.defaults[path])), 0.25, 0.75)
            shares = np.array([share_below(knob, float(value)) for value in explored.values(path)])
            near &= np.abs(shares - middle) <= 0.25
            found = True
    return near if found else None


def defaults_of(condition: Condition) -> dict[str, Value]:
    """The authors' value of each knob, where the condition's preset has one within the searched range.

    A learning rate of RMSProp is no default for Adam's: the kinds of the tables around the knob must be the preset's.
    """
    if condition.preset is None or condition.preset not in PRESETS:
        return {}
    found = {path: _default(PRESETS[condition.preset].table, condition.table, path) for path in condition.knobs}
    return {path: value for path, value in found.items() if value is not None and _holds(condition.knobs[path], value)}


def _default(preset: Mapping, own: Mapping, path: str) -> Value | None:
    *tables, last = path.split(".")
    for part in tables:
        if not (isinstance(preset.get(part), Mapping) and isinstance(own.get(part), Mapping)):
            return None
        preset, own = preset[part], own[part]
        if preset.get("kind", own.get("kind")) != own.get("kind"):
            return None
    return preset.get(last)


def _holds(knob: Distribution, value: Value) -> bool:
    if isinstance(knob, Choice | Grid):
        return value in knob.values
    return not isinstance(value, str) and knob.low <= value <= knob.high
