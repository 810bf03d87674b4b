"""A table for a paper, and the cells that several tables share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from studies.numbers import format_p
from studies.reporting.paper.latex_text import Tex, code, fixed, scientific

NOTHING = Tex("--")
"""Cell without a value."""
TESTS = {"$p$": "r", "Adjusted $p$": "r", "Decided": "l"}
"""Headings of the cells of `tested`, with their alignments."""
Row = Mapping[str, str]


@dataclass(frozen=True)
class PaperTable:
    """A table for a paper; every text is LaTeX source.

    name     of the file and the label
    caption  the meaning of the columns
    columns  headings, and "l" or "r" for the alignment of each column
    rows     cells by heading
    """

    name: str
    caption: str
    columns: dict[str, str]
    rows: Sequence[Row]


def two_conditions(row: dict[str, Any]) -> Row:
    """The cells of the two conditions that a row compares."""
    return {"Condition": code(row["condition"]), "Other": code(row["other"])}


def tested(row: dict[str, Any]) -> Row:
    """The cells of a test: p-value, adjusted p-value, and if it is decided."""
    return {
        "$p$": _p(row["p_value"]),
        "Adjusted $p$": _p(row["p_adjusted"]),
        "Decided": Tex("yes" if row["decided"] else "no"),
    }


def _p(p_value: float) -> Tex:
    return NOTHING if pd.isna(p_value) else scientific(format_p(p_value))


def effect_cell(effect: float) -> Tex:
    """The cell of an effect, a chance."""
    return NOTHING if pd.isna(effect) else fixed(effect, 2)
