"""Findings about the most important hyperparameter of each condition."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.reporting.text.finding import Finding, Interval, first_findings


@dataclass(frozen=True, kw_only=True)
class MostImportant(Finding):
    """The hyperparameter of a condition whose importance has an interval above those of all others.

    highest_other  the largest upper end of these
    """

    condition: str
    hyperparameter: str
    importance: float
    interval: Interval
    highest_other: float


def importance_findings(comparison: Comparison) -> Iterator[Finding]:
    """A finding for each condition with a hyperparameter whose interval lies above those of all others."""
    names = comparison.results.study.short_names
    conditions = comparison.importances.groupby("condition", sort=False)
    most = (_most_important(str(condition), rows, names) for condition, rows in conditions)
    yield from first_findings((finding for finding in most if finding), "importances")


def _most_important(condition: str, rows: pd.DataFrame, names: Mapping[str, str]) -> MostImportant | None:
    """The finding on one condition; None unless one hyperparameter is clear of the others."""
    first, others = rows.iloc[0], rows.iloc[1:]
    if first["low"] <= others["high"].max():
        return None
    return MostImportant(
        condition=condition,
        hyperparameter=names[first["hyperparameter"]],
        importance=float(first["importance"]),
        interval=(float(first["low"]), float(first["high"])),
        highest_other=float(others["high"].max()),
    )
