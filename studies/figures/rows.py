"""The rows of a study's tables that figures are made of."""

import pandas as pd

from studies.results import Results


def explored(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the explored configurations."""
    return frame[frame["phase"] == "explore"]


def of(frame: pd.DataFrame, condition: str) -> pd.DataFrame:
    """The rows of one condition."""
    return frame[frame["condition"] == condition]


def present(results: Results, frame: pd.DataFrame) -> list[str]:
    """The study's conditions that have rows there, in the study's order."""
    found = set(frame["condition"])
    return [condition.name for condition in results.study.conditions if condition.name in found]
