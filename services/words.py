"""A verdict as text, as Markdown, and as JSON."""

from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from services import display
from studies.comparison import Comparison, profile, together
from studies.report.page import cell
from studies.report.words import TABLES
from studies.verdict import short_knob, told, verdict

WIDTH = 160


def tell(compared: Sequence[Comparison], console: Console) -> None:
    """Each study's ranking, what works without tuning, and its verdict; of several what they say together."""
    for one in compared:
        display.ranking(one.results, console)
        for table in (_volumes(one), _widths(one)):
            if table.row_count:
                console.print(table)
        for topic in verdict(one):
            console.print(f"\n[bold]{topic.title}[/bold]")
            for sentence in topic.sentences:
                console.print(f"  {sentence}", markup=False, soft_wrap=not console.is_terminal)
        console.print()
    if len(compared) > 1:
        for title, frame in _together(compared).items():
            console.print(_table(frame, title))


def _volumes(compared: Comparison) -> Table:
    """The shares of settings that work, at the distance that the verdict is about."""
    rows = told(compared, compared.volumes)
    near = f"{rows['tau'].iloc[0]:.3f}" if len(rows) else ""
    table = Table(title=f"{compared.results.study.name}: settings drawn from the ranges that end stable within {near}")
    for name in ("condition", "settings", "of the ranges", "95 %", "seeds"):
        table.add_column(name, justify="left" if name == "condition" else "right")
    for row in rows.itertuples():
        between = f"{cell('volume', row.volume_low)} .. {cell('volume', row.volume_high)}"
        drawn = f"{row.reached} of {row.configurations}"
        table.add_row(row.condition, drawn, cell("volume", row.volume), between, cell("share", row.seeds_share))
    return table


def _widths(compared: Comparison) -> Table:
    """How far each knob may be turned, at the same distance."""
    table = Table(title=f"{compared.results.study.name}: how far a knob may be turned")
    for name in ("condition", "knob", "width", "95 %", "searched", "unit", "from", "to"):
        table.add_column(name, justify="left" if name in ("condition", "knob", "unit") else "right")
    for row in told(compared, compared.widths).itertuples():
        width = f"{'>= ' if row.border_low or row.border_high else ''}{row.width:.2g}"
        between = f"{row.width_low:.2g} .. {row.width_high:.2g}"
        ends = [cell("value", row.lowest), cell("value", row.highest)]
        table.add_row(row.condition, short_knob(row.knob), width, between, f"{row.stated:.2g}", row.unit, *ends)
    return table


def text(compared: Sequence[Comparison]) -> str:
    """What `tell` prints, for a file."""
    held = StringIO()
    tell(compared, Console(file=held, width=WIDTH, highlight=False))
    return held.getvalue()


def markdown(compared: Sequence[Comparison]) -> str:
    """The verdict with every table, for a page that somebody else writes."""
    parts = []
    for one in compared:
        parts.append(f"# {one.results.study.name}")
        for topic in verdict(one):
            parts += [f"## {topic.title}", "\n".join(f"* {sentence}" for sentence in topic.sentences)]
        for name, described in TABLES.items():
            if len(frame := _frame(one, name)):
                parts += [f"## {described.title}", described.caption, display.markdown(frame)]
    for title, frame in (_together(compared) if len(compared) > 1 else {}).items():
        parts += [f"# {title}", display.markdown(frame)]
    return "\n\n".join(parts)


def tables(
    compared: Sequence[Comparison], records: Callable[[pd.DataFrame], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Every study's verdict and tables as JSON can hold them."""
    return [
        {
            "study": one.results.study.name,
            "verdict": [{"title": topic.title, "sentences": list(topic.sentences)} for topic in verdict(one)],
            "tables": {name: records(_frame(one, name)) for name in TABLES},
        }
        for one in compared
    ]


def _frame(compared: Comparison, name: str) -> pd.DataFrame:
    """A table; the ranking with the configurations that won."""
    return compared.results.ranking if name == "ranking" else getattr(compared, name)


def _together(compared: Sequence[Comparison]) -> dict[str, pd.DataFrame]:
    joined = together(compared)
    shared = profile(joined)
    return {"together": joined} | ({"share of the studies within a ratio of the best": shared} if len(shared) else {})


def _table(frame: pd.DataFrame, title: str) -> Table:
    shown = [column for column in frame if not frame[column].isna().all()]
    table = Table(title=title)
    for column in shown:
        table.add_column(column.replace("_", " "), justify="left" if frame[column].dtype == "str" else "right")
    for row in frame.to_dict("records"):
        table.add_row(*(cell(column, row[column]) for column in shown))
    return table
