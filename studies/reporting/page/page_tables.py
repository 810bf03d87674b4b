"""DataFrames as tables of text; the name of a column determines how its numbers are formatted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from studies.numbers import MISSING, format_distance, format_p, format_setting, format_share
from studies.reporting.page.page_text import TableDescription

_DISTANCES = ("distance", "tau")
_SHARES = ("share", "rate", "failure", "volume", "chance", "half_", "progress")
"""A column holds distances or shares if its name contains one of these strings."""
_SHARE_COLUMNS = ("low", "high", "difference", "importance")
"""Full names of further columns with shares: ends of intervals, differences and importances."""


@dataclass(frozen=True)
class Column:
    """A column of a page's table.

    text   True for words, False for numbers, which are aligned on the right
    wraps  True for texts that may take several lines
    """

    name: str
    text: bool
    wraps: bool = False

    @property
    def classes(self) -> str:
        """CSS classes of the column's cells."""
        return " ".join(name for name, applies in (("text", self.text), ("wraps", self.wraps)) if applies)


@dataclass(frozen=True)
class PageTable:
    """A table whose cells are text."""

    title: str
    caption: str
    columns: list[Column]
    rows: list[list[str]]


def format_table(table: pd.DataFrame, description: TableDescription) -> PageTable:
    """The table as text. `study`, hidden columns and empty columns are left out, but not empty columns of distances."""
    hidden = ("study", *description.hidden)
    shown = [name for name in table if name not in hidden and (_may_fail(name) or not table[name].isna().all())]
    columns = [Column(name if "." in name else name.replace("_", " "), not _is_number(table[name])) for name in shown]
    rows = [
        [format_cell(name, row[name], distances=description.distances) for name in shown]
        for row in table.to_dict("records")
    ]
    return PageTable(description.title, description.caption, columns, rows)


def format_cell(column: str, value: Any, *, distances: Sequence[str] = ()) -> str:
    """A value as text: shares in percent, a missing distance as "failed", any other missing value as a dash.

    distances  names of columns that hold distances whatever their names say
    """
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return format_distance(np.nan) if _may_fail(column) else MISSING
    if isinstance(value, float | np.floating):
        return format_distance(float(value)) if column in distances else _format_number(column, float(value))
    return str(value)


def _may_fail(column: str) -> bool:
    """True for a column of distances, in which a missing value means that members failed; not for interval ends."""
    return "distance" in column and not column.endswith(("_low", "_high"))


def _format_number(column: str, value: float) -> str:
    if any(part in column for part in _DISTANCES):
        return format_distance(value)
    if column in _SHARE_COLUMNS or any(part in column for part in _SHARES):
        return format_share(value)
    return format_p(value) if column.startswith("p_") else format_setting(value)


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
