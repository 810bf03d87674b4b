"""What became of the members of each condition, phase by phase."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from gan_core.stability import OUTCOMES
from studies.comparison.intervals import share_interval, wilson
from studies.comparison.schema import table_of

OUTCOME_SHARES: dict[str, str] = {
    "condition": "str",
    "phase": "str",
    "outcome": "str",
    "members": "int64",
    "share": "float64",
    "low": "float64",
    "high": "float64",
    "improving": "int64",
}
GIVEN_UP = "given up"
"""What members are said to be that have no outcome: their trial ended without a result."""


def outcomes(members: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """A row per condition, phase and outcome, those that nobody came to included; columns as in `OUTCOME_SHARES`.

    outcome     one of `OUTCOMES`; "given up" besides, where trials ended without a result
    members     how many came to it
    share       of the members of this condition in this phase
    low, high   explore: its configuration bootstrap, since the members of one configuration are not independent;
                confirm and authors, where one configuration is looked at: Wilson's interval; exploit: empty, its
                configurations follow from each other's results
    improving   how many of them still improved at the end: such failures say "budget too short", not "unstable"
    """
    groups = members.groupby(["condition", "phase"], observed=True, sort=False)
    rows = (row for (condition, phase), group in groups for row in _rows(str(condition), str(phase), group, seed))
    return table_of(rows, OUTCOME_SHARES)


def _rows(condition: str, phase: str, members: pd.DataFrame, seed: int) -> Iterator[dict[str, Any]]:
    found = members["outcome"].astype("object").fillna(GIVEN_UP)
    for outcome in (*OUTCOMES, GIVEN_UP):
        here = found == outcome
        if outcome == GIVEN_UP and not here.any():
            continue
        low, high = _interval(phase, here.groupby(members["trial"]).mean().to_numpy(), int(here.sum()), len(here), seed)
        yield {
            "condition": condition,
            "phase": phase,
            "outcome": outcome,
            "members": int(here.sum()),
            "share": here.mean(),
            "low": low,
            "high": high,
            "improving": int((here & members["improving"]).sum()),
        }


def _interval(phase: str, shares: np.ndarray, members: int, of: int, seed: int) -> tuple[float, float]:
    if phase == "explore":
        return share_interval(shares, seed=seed)
    return (np.nan, np.nan) if phase == "exploit" else wilson(members, of)
