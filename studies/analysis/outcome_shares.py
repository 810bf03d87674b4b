"""Share of each outcome among the members of a condition, phase by phase."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from gan_core.outcomes import OUTCOMES
from studies.ledger.unfinished import WITHOUT_RESULT
from studies.statistics.intervals import share_interval, wilson
from studies.tables.columns import table_of

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


def outcomes(members: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """A row per condition, phase and outcome, also for outcomes without members; columns as in `OUTCOME_SHARES`.

    outcome     one of `OUTCOMES` or, for members of explore and exploit trials that ended without a result because of
                their configuration, "out of memory", "timed out" or "error"; these have no row without members
    members     number of members with this outcome
    share       share of the members of this condition and phase that have this outcome
    low, high   explore: the bootstrap interval over configurations, since members of one configuration are dependent;
                confirm and authors, which have one configuration: Wilson's interval; exploit: empty, since its
                configurations depend on each other's results
    improving   number of these members whose progress still rose at the end; if such a member failed, the budget may
                have been too short
    """
    groups = members.groupby(["condition", "phase"], observed=True, sort=False)
    rows = (row for (condition, phase), group in groups for row in _rows(str(condition), str(phase), group, seed))
    return table_of(rows, OUTCOME_SHARES)


def _rows(condition: str, phase: str, members: pd.DataFrame, seed: int) -> Iterator[dict[str, Any]]:
    observed = members["outcome"].astype("object")
    for outcome in (*OUTCOMES, *WITHOUT_RESULT):
        has_outcome = observed == outcome
        if outcome in WITHOUT_RESULT and not has_outcome.any():
            continue
        count, shares = int(has_outcome.sum()), has_outcome.groupby(members["trial"]).mean().to_numpy()
        low, high = _interval(phase, shares, count, len(members), seed)
        yield {
            "condition": condition,
            "phase": phase,
            "outcome": outcome,
            "members": count,
            "share": has_outcome.mean(),
            "low": low,
            "high": high,
            "improving": int((has_outcome & members["improving"]).sum()),
        }


def _interval(
    phase: str, shares: Float[np.ndarray, "configurations"], count: int, members: int, seed: int
) -> tuple[float, float]:
    if phase == "explore":
        return share_interval(shares, seed=seed)
    return (np.nan, np.nan) if phase == "exploit" else wilson(count, members)
