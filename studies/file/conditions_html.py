"""The conditions of a study as an HTML table, for notebooks."""

from collections.abc import Sequence
from html import escape

from studies.file.condition import LOOP, Condition
from studies.file.distribution_tables import range_text

COLUMNS = ("condition", "objective", "constraint", "searched hyperparameters")


def conditions_html(caption: str, conditions: Sequence[Condition]) -> str:
    """HTML of a caption and a table with one row for each condition.

    The columns are name, objective, constraint, and the range of each searched hyperparameter.
    """
    rows = "".join(f"<tr>{''.join(map(_cell, _cells(condition)))}</tr>" for condition in conditions)
    headings = "".join(f'<th style="text-align: left">{heading}</th>' for heading in COLUMNS)
    table = f"<table><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<p>{escape(caption)}</p><div style="overflow-x: auto">{table}</div>'


def _cells(condition: Condition) -> tuple[list[str], ...]:
    """Lines of each cell."""
    kinds = [[condition.kind(part)] for part in ("objective", "constraint")]
    if condition.own_loop:
        kinds = [[condition.kind(LOOP)], []]
    searched = [f"{path}: {range_text(law)}" for path, law in condition.hyperparameters.items()]
    return [condition.name], *kinds, searched


def _cell(lines: Sequence[str]) -> str:
    return f'<td style="text-align: left">{"<br>".join(map(escape, lines))}</td>'
