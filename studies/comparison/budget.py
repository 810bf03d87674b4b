"""What a search of so many draws is worth."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from studies.comparison.explored import Explored, Target
from studies.comparison.intervals import wilson
from studies.comparison.schema import table_of

CHANCES: dict[str, str] = {
    "condition": "str",
    "tau": "float64",
    "n": "int64",
    "chance": "float64",
    "chance_low": "float64",
    "chance_high": "float64",
}


def chances(explored: Iterable[Explored], targets: Sequence[Target]) -> pd.DataFrame:
    """The chance that the best of n draws reaches tau, for every n up to C/2; columns as in `CHANCES`.

    chance       1 - C(C-m, n)/C(C, n): the share of all choices of n configurations among the C that hold one of the m
    chance_low   what both ends of V's Wilson interval would give: 1 - (1-V)^n
    chance_high

    Beyond C/2 the choices overlap too much to say anything. Nothing for a condition with a grid, whose configurations
    are no draws.

    Source: Dodge et al. 2019, arXiv:1909.03004, without replacement: unbiased (Tang et al. 2020, arXiv:2004.13705).
    """
    drawn = (one for one in explored if not one.grids)
    return table_of((row for one in drawn for target in targets for row in _curve(one, target)), CHANCES)


def chance_of_success(reached: int, configurations: int) -> Float[np.ndarray, "budgets"]:
    """`1 - C(C-m, n)/C(C, n)` for n = 1 .. C/2."""
    taken = np.arange(configurations // 2)
    return 1 - np.cumprod(np.maximum(configurations - reached - taken, 0) / (configurations - taken))


def _curve(explored: Explored, target: Target) -> Iterator[dict[str, Any]]:
    reaching = explored.reaching(target.tau)
    curve = chance_of_success(int(reaching.sum()), len(reaching))
    low, high = wilson(int(reaching.sum()), len(reaching)) if len(reaching) else (np.nan, np.nan)
    for n, chance in enumerate(curve, start=1):
        yield {
            "condition": explored.condition,
            "tau": target.tau,
            "n": n,
            "chance": chance,
            "chance_low": 1 - (1 - low) ** n,
            "chance_high": 1 - (1 - high) ** n,
        }
