r"""Tables as LaTeX with the lines of booktabs, for a document with `\usepackage{booktabs}`."""

from typing import Any

import pandas as pd

from studies.reporting.paper.latex_text import Tex, escape, number
from studies.reporting.paper.methods_text import label
from studies.reporting.paper.paper_table import NOTHING, PaperTable

MOST_ROWS = 40
"""Largest number of rows of a table on one page; a longer one is a `longtable`, which needs the package longtable."""


def latex_table(table: PaperTable, study: str) -> str:
    """A floating table with caption and label."""
    frame = pd.DataFrame([[row[heading] for heading in table.columns] for row in table.rows], dtype="object")
    frame.columns = pd.Index(list(table.columns), dtype="object")
    return _rendered(frame, "".join(table.columns.values()), table.caption, label(study, table.name))


def latex_frame(frame: pd.DataFrame, name: str, study: str) -> str:
    """A table of `Results` or `Comparison` by its name: three significant digits, empty columns are left out."""
    shown = frame.drop(columns="study", errors="ignore").dropna(axis="columns", how="all")
    cells = pd.DataFrame(
        {escape(heading): [_cell(value) for value in shown[heading]] for heading in shown}, dtype="object"
    )
    aligned = "".join("r" if _is_number(shown[heading]) else "l" for heading in shown)
    return _rendered(cells, aligned, f"Table of {name}.", label(study, name))


def _rendered(cells: pd.DataFrame, aligned: str, caption: str, labelled: str) -> str:
    if len(cells) > MOST_ROWS:
        layout = {"environment": "longtable", "position": "c"}
    else:
        layout = {"position": "htbp", "position_float": "centering"}
    styled = cells.style.hide(axis="index")
    return str(styled.to_latex(hrules=True, column_format=aligned, caption=caption, label=labelled, **layout))


def _cell(value: Any) -> Tex:
    if pd.isna(value):
        return NOTHING
    return escape(value) if isinstance(value, str) else number(value.item() if hasattr(value, "item") else value)


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
