"""What tuning buys: each preset at its authors' settings against the setting that was found for it."""

import numpy as np
import pandas as pd

from studies.comparison.pairs import LEVEL, effect, holm, permutation_test
from studies.comparison.ranking import first_confirmed, rank
from studies.comparison.schema import table_of

TUNING: dict[str, str] = {
    "condition": "str",
    "authors": "float64",
    "authors_low": "float64",
    "authors_high": "float64",
    "authors_failure_rate": "float64",
    "explored": "float64",
    "confirmed": "float64",
    "confirmed_low": "float64",
    "confirmed_high": "float64",
    "confirmed_failure_rate": "float64",
    "members": "int64",
    "effect": "float64",
    "p_value": "float64",
    "p_adjusted": "float64",
    "decided": "bool",
}


def tuning(members: pd.DataFrame, trials: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """A row per ranked condition whose preset was trained at its authors' settings; columns as in `TUNING`.

    authors     interquartile mean at the authors' settings, its interval and failure rate, as in the ranking
    explored    median over the configurations that explore drew, those that "failed" as +inf; empty where that fails
    confirmed   the same as `authors` at the setting that was found, from the ranking
    members     of either arm, which share their seeds
    effect      the chance that a member of the setting found ends nearer than one of the authors', half of a tie's
    p_value     of `permutation_test`; `p_adjusted` by Holm over these conditions; `decided` below `LEVEL`
    """
    arm = members[members["phase"] == "authors"].astype({"phase": "str"}).assign(phase="confirm")
    authors, found = rank(arm, seed=seed).set_index("condition"), rank(members, seed=seed).set_index("condition")
    distances = {name: values for name, _, values in first_confirmed(members)}
    of_authors = {name: values for name, _, values in first_confirmed(arm)}
    names = [name for name in found.index if name in authors.index]
    tests = [permutation_test(distances[name], of_authors[name], seed=seed)[0] for name in names]
    adjusted = holm(np.array(tests, dtype=np.float64))
    rows = []
    for name, p_value, p_adjusted in zip(names, tests, adjusted, strict=True):
        rows.append(
            {
                "condition": name,
                **_arm("authors", authors.loc[name]),
                "explored": _median_explored(trials, name),
                **_arm("confirmed", found.loc[name]),
                "members": found.loc[name, "members"],
                "effect": effect(distances[name], of_authors[name]),
                "p_value": p_value,
                "p_adjusted": p_adjusted,
                "decided": p_adjusted < LEVEL,
            }
        )
    return table_of(rows, TUNING)


def _arm(name: str, row: pd.Series) -> dict[str, float]:
    return {
        name: row["distance"],
        f"{name}_low": row["distance_low"],
        f"{name}_high": row["distance_high"],
        f"{name}_failure_rate": row["failure_rate"],
    }


def _median_explored(trials: pd.DataFrame, condition: str) -> float:
    explore = trials[
        (trials["condition"] == condition) & (trials["phase"] == "explore") & (trials["state"] != "running")
    ]
    median = np.median(explore["distance"].fillna(np.inf)) if len(explore) else np.nan
    return float(median) if np.isfinite(median) else np.nan
