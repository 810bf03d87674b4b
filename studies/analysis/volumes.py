"""Stable volumes, the share of a condition's explore configurations that reach a distance, and their differences."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from studies.analysis.adjusted_tests import adjusted
from studies.analysis.explore_trials import ExploreTrials, Target, near_defaults
from studies.file.distribution_tables import written
from studies.statistics.intervals import mean_interval, newcombe, share_interval, wilson
from studies.statistics.permutation import LEVEL
from studies.statistics.power import sample_size_for_shares
from studies.tables.columns import table_of

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
    "p_value": "float64",
    "p_adjusted": "float64",
    "configurations": "int64",
    "decided": "bool",
    "needed": "Int64",
}
_NO_INTERVAL = (np.nan, np.nan)


def volumes(explored: Iterable[ExploreTrials], targets: Sequence[Target], *, seed: int) -> pd.DataFrame:
    """A row per condition with at least one configuration, and target; columns as in `VOLUMES`.

    tau, progress       the target distance, and its progress towards real data
    planned             number of explore configurations of each condition in the study file
    configurations      C: number of them that count: those before the first one, of any condition, that has not ended
    seeds               S: number of seeds of each configuration
    reached             m: number of configurations of which at least ceil(.8 S) seeds are stable and end at a distance
                        <= tau
    volume              V = m / C, with its Wilson interval `volume_low`, `volume_high`
    draws_per_success   1 / V; empty if V is 0
    seeds_share         U: mean share of seeds that reach tau, unbiased for any S, with its `share_interval`
    half_volume         V among the `half_configurations` configurations in the half of every range around the authors'
                        value, see `near_defaults`, with its Wilson interval `half_low`, `half_high`; empty if there
                        are none
    ranges              the distributions of the hyperparameters, as in the study file; V depends on them

    If a hyperparameter is a grid, V and U are shares of the listed points: their intervals, 1 / V and V of the half are
    empty.
    """
    rows = (_volume(trials, target, seed) for trials in explored for target in targets if trials.configurations)
    return table_of(rows, VOLUMES)


def _volume(explored: ExploreTrials, target: Target, seed: int) -> dict[str, Any]:
    reaching, shares = explored.reaching(target.tau), explored.seeds_reaching(target.tau)
    reached, drawn = int(reaching.sum()), not explored.grids
    near = near_defaults(explored) if drawn else None
    half = np.zeros(0, dtype=bool) if near is None else reaching[near]
    volume_low, volume_high = wilson(reached, len(reaching)) if drawn else _NO_INTERVAL
    share_low, share_high = share_interval(shares, seed=seed) if drawn else _NO_INTERVAL
    half_low, half_high = wilson(int(half.sum()), len(half)) if len(half) else _NO_INTERVAL
    return {
        "condition": explored.condition,
        "tau": target.tau,
        "progress": target.progress,
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
        "ranges": _ranges(explored),
    }


def _ranges(explored: ExploreTrials) -> str:
    """The distributions as in a study file: `lr = {log_uniform = [1e-05, 0.01]}, ...`."""
    return ", ".join(f"{path} = {written(law)}" for path, law in explored.hyperparameters.items())


def volume_differences(explored: Iterable[ExploreTrials], targets: Sequence[Target], *, seed: int) -> pd.DataFrame:
    """A row per target and pair of conditions without a grid; columns as in `VOLUME_DIFFERENCES`.

    difference      V of `condition` minus V of `other`, over the first `configurations` configurations of both
    low, high       its bootstrap interval over configurations; Newcombe's interval if that has width 0
    p_value         two-sided, from McNemar's exact test: of the configurations that reach tau in one condition alone,
                    half are expected in each
    p_adjusted      adjusted by Holm's method over all pairs and all targets, since the target that the text states is
                    chosen after the fact: if no volumes differ, the chance of any `decided` row is at most `LEVEL`
    decided         p_adjusted < `LEVEL`
    needed          number of configurations of each condition needed to detect the difference with a power of 80 % if
                    both volumes are as estimated, at the level of Holm's first step; empty if they are equal

    Draw i of a hyperparameter uses the same random number in every condition. Configurations with the same i are
    therefore compared and resampled together, and variance common to both conditions does not widen the interval.

    Source: McNemar 1947, doi:10.1007/BF02295996, exact; Holm 1979.
    """
    drawn = [trials for trials in explored if trials.configurations and not trials.grids]
    pairs = [(*pair, target) for pair in combinations(drawn, 2) for target in targets]
    rows = [_difference(*pair, comparisons=len(pairs), seed=seed) for pair in pairs]
    return table_of(adjusted(rows), VOLUME_DIFFERENCES)


def _difference(
    first: ExploreTrials, second: ExploreTrials, target: Target, *, comparisons: int, seed: int
) -> dict[str, Any]:
    n = min(len(first.configurations), len(second.configurations))
    reached, other_reached = (trials.reaching(target.tau)[:n].astype(np.float64) for trials in (first, second))
    difference = reached - other_reached
    low, high = mean_interval(difference, seed=seed)
    if low == high:
        low, high = newcombe((int(reached.sum()), n), (int(other_reached.sum()), n))
    return {
        "condition": first.condition,
        "other": second.condition,
        "tau": target.tau,
        "difference": difference.mean(),
        "low": low,
        "high": high,
        "p_value": _mcnemar(int((difference > 0).sum()), int((difference < 0).sum())),
        "configurations": n,
        "needed": sample_size_for_shares(
            reached.mean(), other_reached.mean(), confidence=1 - LEVEL / max(1, comparisons)
        ),
    }


def _mcnemar(first_alone: int, other_alone: int) -> float:
    from scipy.stats import binomtest

    discordant = first_alone + other_alone
    return float(binomtest(first_alone, discordant).pvalue) if discordant else 1.0
