"""Columns of the tables and their types."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from gan_core.outcomes import OUTCOMES
from studies.ledger.unfinished import STATES

Schema = Mapping[str, str]
"""Type of every column by its name, in the order of the columns."""


def table_of(rows: Iterable[Mapping[str, Any]], schema: Schema) -> pd.DataFrame:
    """A table with exactly the columns and types of `schema`, also if there are no rows."""
    return pd.DataFrame(list(rows), columns=list(schema)).astype(dict(schema))


MEMBER_COLUMNS = {
    "outcome": pd.CategoricalDtype(OUTCOMES),
    "outcome_step": "Int64",
    "improving": "bool",
    "best_distance": "float64",
    "late_distance": "float64",
    "last_distance": "float64",
    "best": "float64",
    "late": "float64",
    "gap": "float64",
    "roughness": "float64",
}
"""Columns of the table of members after study, condition, phase, trial and seed."""
TRIAL_COLUMNS = {
    "distance": "float64",
    "late_distance": "float64",
    "failure_rate": "float64",
    "search_score": "float64",
    "state": pd.CategoricalDtype(STATES),
    "generator_steps": "Int64",
    "critic_steps": "Int64",
    "real_samples_seen": "Int64",
    "elapsed_seconds": "float64",
}
"""Columns of the table of trials after study, condition, phase, trial and the searched hyperparameters."""
