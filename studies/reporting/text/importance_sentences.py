"""Sentences about the most important hyperparameter of each condition."""

from collections.abc import Iterator, Mapping

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.numbers import format_share, format_shares
from studies.reporting.text.phrases import first_sentences


def importance_sentences(comparison: Comparison) -> Iterator[str]:
    """A sentence for each condition with a hyperparameter whose interval lies above those of all others."""
    names = comparison.results.study.short_names
    conditions = comparison.importances.groupby("condition", sort=False)
    sentences = (_most_important(str(condition), rows, names) for condition, rows in conditions)
    yield from first_sentences([sentence for sentence in sentences if sentence], "importances")


def _most_important(condition: str, rows: pd.DataFrame, names: Mapping[str, str]) -> str:
    """The sentence on one condition; empty unless one hyperparameter is clear of the others."""
    first, others = rows.iloc[0], rows.iloc[1:]
    if first["low"] <= others["high"].max():
        return ""
    return (
        f"{condition}: whether a random setting is among the best quarter depends most on "
        f"{names[first['hyperparameter']]} (importance {format_share(first['importance'])}, 95% interval "
        f"{format_shares(first['low'], first['high'])}; of no other more than {format_share(others['high'].max())})."
    )
