"""Chance of success against the number of configurations drawn."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from studies.analysis.explore_trials import ExploreTrials, Target
from studies.statistics.intervals import wilson
from studies.statistics.success_chance import chance_of_success
from studies.tables.columns import table_of

CHANCES: dict[str, str] = {
    "condition": "str",
    "tau": "float64",
    "n": "int64",
    "chance": "float64",
    "chance_low": "float64",
    "chance_high": "float64",
}


def chances(explored: Iterable[ExploreTrials], targets: Sequence[Target]) -> pd.DataFrame:
    """Chance that the best of n random configurations reaches tau, for n = 1 .. C/2; columns as in `CHANCES`.

    C is the number of explore configurations that count, m the number of those that reach tau, V = m/C the volume.

    chance       1 - binomial(C - m, n)/binomial(C, n): the share of all subsets of n of the C configurations that
                 contain one of the m
    chance_low   1 - (1 - V)^n at the ends of V's Wilson interval
    chance_high

    Beyond C/2 the subsets overlap too much for an estimate. A condition with a grid has no rows, since its
    configurations are not drawn at random.

    Source: Dodge et al. 2019, arXiv:1909.03004, without replacement: unbiased (Tang et al. 2020, arXiv:2004.13705).
    """
    drawn = (trials for trials in explored if trials.configurations and not trials.grids)
    return table_of((row for trials in drawn for target in targets for row in _rows(trials, target)), CHANCES)


def _rows(explored: ExploreTrials, target: Target) -> Iterator[dict[str, Any]]:
    reaching = explored.reaching(target.tau)
    reached, configurations = int(reaching.sum()), len(reaching)
    low, high = wilson(reached, configurations)
    for n, chance in enumerate(chance_of_success(reached, configurations), start=1):
        yield {
            "condition": explored.condition,
            "tau": target.tau,
            "n": n,
            "chance": chance,
            "chance_low": 1 - (1 - low) ** n,
            "chance_high": 1 - (1 - high) ** n,
        }
