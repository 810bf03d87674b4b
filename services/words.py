"""A verdict as text, as Markdown, and as JSON."""

from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services import display
from studies.comparison import Comparison, profile, together
from studies.report.page import cell
from studies.report.words import TABLES
from studies.sentences import knob_name
from studies.verdict import Topic, several, told, verdict
from studies.verdict.phrases import distance, goal

WIDTH = 160
TOGETHER = "The studies together"
PROFILE = "Performance profile: share of the studies within so many times the smallest distance"

Records = Callable[[pd.DataFrame], list[dict[str, Any]]]


def tell(compared: Sequence[Comparison], console: Console) -> None:
    """Each study's ranking, what works without tuning, and its verdict; of several what they say together."""
    for one in compared:
        display.ranking(one.results, console)
        for table in (_volumes(one), _widths(one)):
            if table.row_count:
                console.print(table)
        for topic in verdict(one):
            _topic(topic, console)
        console.print()
    if len(compared) > 1:
        for title, frame in _together(compared).items():
            console.print(_table(frame, title))
        _topic(Topic(TOGETHER, several(compared)), console)


def _topic(topic: Topic, console: Console) -> None:
    console.print(f"\n[bold]{topic.title}[/bold]")
    for sentence in topic.sentences:
        console.print(f"  {sentence}", markup=False, soft_wrap=not console.is_terminal)


def _volumes(compared: Comparison) -> Table:
    """The shares of settings that work, at the distance that the verdict is about."""
    rows, name = told(compared, compared.volumes), compared.results.study.name
    near = distance(rows["tau"].iloc[0]) if len(rows) else ""
    table = Table(title=escape(f"{name}: settings that end stable within {near} of {goal(compared)}"))
    for column in ("condition", "settings", "share", "95 %", "seeds"):
        table.add_column(column, justify="left" if column == "condition" else "right")
    for row in rows.itertuples():
        between = f"{cell('volume', row.volume_low)} .. {cell('volume', row.volume_high)}"
        tried = f"{row.reached} of {row.configurations}"
        listed = pd.isna(row.volume_low)
        table.add_row(
            row.condition,
            tried,
            cell("volume", row.volume),
            "listed" if listed else between,
            cell("share", row.seeds_share),
        )
    return table


def _widths(compared: Comparison) -> Table:
    """How far each knob may be turned, at the same distance."""
    table = Table(title=escape(f"{compared.results.study.name}: how far a knob may be turned"))
    for name in ("condition", "knob", "width", "95 %", "searched", "unit", "successes from", "to"):
        table.add_column(name, justify="left" if name in ("condition", "knob", "unit") else "right")
    for row in told(compared, compared.widths).itertuples():
        width = f"{'>= ' if row.border_low or row.border_high else ''}{row.width:.2g}"
        between = f"{row.width_low:.2g} .. {row.width_high:.2g}"
        ends = [cell("value", row.lowest), cell("value", row.highest)]
        table.add_row(row.condition, knob_name(row.knob), width, between, f"{row.stated:.2g}", row.unit, *ends)
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
            parts += [f"## {topic.title}", _bullets(topic.sentences)]
        for name, described in TABLES.items():
            if len(frame := _frame(one, name)):
                parts += [f"## {described.title}", described.caption, display.markdown(frame)]
    if len(compared) > 1:
        parts += [f"# {TOGETHER}", _bullets(several(compared))]
        for title, frame in _together(compared).items():
            parts += [f"## {title}", display.markdown(frame)]
    return "\n\n".join(parts)


def _bullets(sentences: Sequence[str]) -> str:
    return "\n".join(f"* {sentence}" for sentence in sentences)


def content(compared: Sequence[Comparison], records: Records) -> dict[str, Any]:
    """Every study's verdict and tables as JSON can hold them, and what the studies say together."""
    joined = together(compared)
    return {
        "studies": [
            {
                "study": one.results.study.name,
                "data": one.results.study.data.kind,
                "lines": one.results.lines,
                "verdict": [{"title": topic.title, "sentences": list(topic.sentences)} for topic in verdict(one)],
                "tables": {name: records(_frame(one, name)) for name in TABLES},
            }
            for one in compared
        ],
        "together": {
            "sentences": list(several(compared)) if len(compared) > 1 else [],
            "tables": {"together": records(joined), "profile": records(profile(joined))},
        },
    }


def _frame(compared: Comparison, name: str) -> pd.DataFrame:
    """A table; the ranking with the configurations that won."""
    return compared.results.ranking if name == "ranking" else getattr(compared, name)


def _wide(shared: pd.DataFrame) -> pd.DataFrame:
    """A row per condition and a column per ratio."""
    wide = shared.pivot(index="condition", columns="ratio", values="share").reindex(shared["condition"].unique())
    return wide.set_axis([f"share within {ratio:g}" for ratio in wide.columns], axis=1).reset_index()


def _together(compared: Sequence[Comparison]) -> dict[str, pd.DataFrame]:
    joined = together(compared)
    tables = {"Ranks and ratios": joined, PROFILE: _wide(profile(joined))}
    return {title: frame for title, frame in tables.items() if len(frame)}


def _table(frame: pd.DataFrame, title: str) -> Table:
    shown = [column for column in frame if not frame[column].isna().all()]
    table = Table(title=escape(title))
    for column in shown:
        table.add_column(column.replace("_", " "), justify="left" if frame[column].dtype == "str" else "right")
    for row in frame.to_dict("records"):
        table.add_row(*(cell(column, row[column]) for column in shown))
    return table
