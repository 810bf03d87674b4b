"""Selection of rows from a study's tables, by phase or condition."""

import pandas as pd

from studies.tables.results import Results


def explore_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of explore trials."""
    return table[table["phase"] == "explore"]


def condition_rows(table: pd.DataFrame, condition: str) -> pd.DataFrame:
    """The rows of one condition."""
    return table[table["condition"] == condition]


def conditions_in(table: pd.DataFrame, results: Results) -> list[str]:
    """The conditions that have rows in the table, in the study's order."""
    names = set(table["condition"])
    return [condition.name for condition in results.study.conditions if condition.name in names]
