"""Stable volumes: the share of a condition's configurations that reach a distance."""

import json
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from studies.comparison.explored import Explored, Target, near_defaults
from studies.comparison.intervals import mean_interval, newcombe, share_interval, wilson
from studies.comparison.power import configurations_needed
from studies.comparison.schema import table_of

VOLUMES: dict[str, str] = {
    "condition": "str",
    "tau": "float64",
    "progress": "float64",
    "planned": "int64",
    "configurations": "int64",
    "seeds": "int64",
    "reached": "int64",
    "volume": "float64",
    "volume_low": "float64",
    "volume_high": "float64",
    "draws_per_success": "float64",
    "seeds_share": "float64",
    "seeds_share_low": "float64",
    "seeds_share_high": "float64",
    "half_volume": "float64",
    "half_low": "float64",
    "half_high": "float64",
    "half_configurations": "int64",
    "ranges": "str",
}
VOLUME_DIFFERENCES: dict[str, str] = {
    "condition": "str",
    "other": "str",
    "tau": "float64",
    "difference": "float64",
    "low": "float64",
    "high": "float64",
    "configurations": "int64",
    "decided": "bool",
    "needed": "Int64",
}


def volumes(explored: Iterable[Explored], targets: Sequence[Target], *, seed: int) -> pd.DataFrame:
    """A row per condition with at least one configuration, and target; columns as in `VOLUMES`.

    tau, progress       the distance to reach, and how far towards real data it lies
    planned             configurations that the study gives the condition
    configurations      C: those that count
    seeds               S of each
    reached             m: of how many at least ceil(.8 S) seeds are stable and end at a distance <= tau
    volume              V = m / C, with its Wilson interval `volume_low`, `volume_high`
    draws_per_success   1 / V; empty where none reached
    seeds_share         U: mean share of seeds that reach tau, unbiased for any S, with its `share_interval`
    half_volume         V among the `half_configurations` that are `near_defaults`, with its Wilson interval `half_low`,
                        `half_high`; empty where there is none
    ranges              what the volume is a share of, as in the study file

    With a grid among the knobs V and U are shares of the listed points: their intervals, 1 / V and the half are empty.
    """
    rows = (_volume(one, target, seed) for one in explored for target in targets if one.configurations)
    return table_of(rows, VOLUMES)


def _volume(explored: Explored, target: Target, seed: int) -> dict[str, Any]:
    reaching, shares = explored.reaching(target.tau), explored.seeds_reaching(target.tau)
    reached, drawn = int(reaching.sum()), not explored.grids
    near = near_defaults(explored) if drawn else None
    half = np.zeros(0, dtype=bool) if near is None else reaching[near]
    nothing = (np.nan, np.nan)
    volume_low, volume_high = wilson(reached, len(reaching)) if drawn else nothing
    share_low, share_high = share_interval(shares, seed=seed) if drawn else nothing
    half_low, half_high = wilson(int(half.sum()), len(half)) if len(half) else nothing
    return {
        "condition": explored.condition,
        **target._asdict(),
        "planned": explored.planned,
        "configurations": len(reaching),
        "seeds": explored.distances.shape[1],
        "reached": reached,
        "volume": reached / len(reaching),
        "volume_low": volume_low,
        "volume_high": volume_high,
        "draws_per_success": len(reaching) / reached if reached and drawn else np.nan,
        "seeds_share": shares.mean(),
        "seeds_share_low": share_low,
        "seeds_share_high": share_high,
        "half_volume": half.mean() if len(half) else np.nan,
        "half_low": half_low,
        "half_high": half_high,
        "half_configurations": len(half),
        "ranges": ", ".join(f"{path} = {_written(knob.table())}" for path, knob in explored.knobs.items()),
    }


def _written(table: dict[str, Any]) -> str:
    ((key, content),) = table.items()
    return f"{{{key} = {json.dumps(content)}}}"


def volume_differences(explored: Iterable[Explored], targets: Sequence[Target], *, seed: int) -> pd.DataFrame:
    """A row per target and pair of conditions that have no grid; columns as in `VOLUME_DIFFERENCES`.

    difference      V of `condition` less V of `other`, over the first `configurations` of both
    low, high       its configuration bootstrap; Newcombe's interval where that is empty
    decided         whether the interval leaves 0 out
    needed          configurations of each that would decide it with a chance of 80 %, were both volumes what they look
                    like; empty where they look equal

    Draw i of a knob is the same number in every condition that has the knob: the conditions' configurations number i
    are resampled together, so what they have in common does not widen the interval.
    """
    drawn = [one for one in explored if one.configurations and not one.grids]
    rows = (_difference(one, other, target, seed) for one, other in combinations(drawn, 2) for target in targets)
    return table_of(rows, VOLUME_DIFFERENCES)


def _difference(one: Explored, other: Explored, target: Target, seed: int) -> dict[str, Any]:
    n = min(len(one.configurations), len(other.configurations))
    first, second = (each.reaching(target.tau)[:n].astype(np.float64) for each in (one, other))
    low, high = mean_interval(first - second, seed=seed)
    if low == high:
        low, high = newcombe((int(first.sum()), n), (int(second.sum()), n))
    return {
        "condition": one.condition,
        "other": other.condition,
        "tau": target.tau,
        "difference": (first - second).mean(),
        "low": low,
        "high": high,
        "configurations": n,
        "decided": low > 0 or high < 0,
        "needed": configurations_needed(first.mean(), second.mean()),
    }
