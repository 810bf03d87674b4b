"""What turning the knobs gained: the authors' setting, a random one, the one that was found."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from studies.figures.course import LINES
from studies.figures.rows import explored, of, present
from studies.figures.style import (
    THEMES,
    WIDTH,
    Drawn,
    Theme,
    ThemeName,
    blank,
    drawn,
    dress,
    legend,
    log_axis,
    shortened,
    told,
)
from studies.results import Results
from studies.sentences import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AUTHORS = "authors"
"""The phase of the authors' own settings, in a study that trains them."""
_MARKS = {"authors' setting": "s", "median explored": "o", "confirmed winner": "D"}
_ROW = 0.34


def tuning(results: Results, theme: ThemeName = "light") -> Drawn | None:
    """Each condition's distance from setting to setting; right of the axis what "failed".

    None unless a condition has two of them.
    """
    look, table = THEMES[theme], _table(results)
    shown = [column for column in _MARKS if table[column].notna().any()]
    table = table[shown]
    if table.empty or len(shown) < 2:
        return None
    finite = table.to_numpy()[np.isfinite(table.to_numpy())]
    lines = {name: value for name, value in results.lines.items() if value is not None and value > 0}
    every = [*finite[finite > 0], *lines.values()] or [1.0]
    low, high = 0.85 * min(every), 1.18 * max(every)
    failed = {column: high * (high / low) ** share for column, share in zip(_MARKS, (0.02, 0.06, 0.1), strict=True)}
    figure = blank(look, width=WIDTH, height=1.25 + _ROW * len(table))
    axis = figure.subplots()
    dress(axis, look)
    log_axis(axis.xaxis, low, high * (high / low) ** 0.12)
    axis.axvspan(high, high * (high / low) ** 0.12, color=look.faint, alpha=0.5, lw=0)
    axis.annotate(
        "failed",
        (failed["median explored"], 1),
        (0, 3),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="center",
        fontsize=7.5,
        color=look.muted,
    )
    for place, (_, row) in enumerate(table.iterrows()):
        _draw_row(axis, look, place, row.where(np.isfinite(row) | row.isna(), pd.Series(failed)))
    for name, value in lines.items():
        axis.axvline(value, color=look.muted, lw=0.9, ls=LINES[name][1], zorder=1)
    axis.set_yticks(range(len(table)), [_counts(results, str(name)) for name in table.index])
    axis.set_ylim(len(table) - 0.5, -0.5)
    axis.set_xlabel("distance (lower is better)")
    legend(figure, look, _handles(look, shown, lines))
    return drawn(
        figure,
        "tuning",
        f"Distance of each condition at {_joined(shown)}; in the shade what failed. The confirmed winner is measured "
        f"with fresh seeds on a reference of its own.",
        "; ".join(f"{name}: {_in_words(row)}" for name, row in table.iterrows()),
    )


def _table(results: Results) -> pd.DataFrame:
    """A row per condition: its distances, +inf where "failed", empty where there is none."""
    finished = results.trials[results.trials["state"] != "running"]
    distances = finished.assign(distance=finished["distance"].fillna(np.inf))
    ranking = results.ranking.set_index("condition")["distance"].fillna(np.inf)
    authors = distances[distances["phase"] == AUTHORS]
    names = present(results, explored(distances))
    rows = {
        name: {
            "authors' setting": of(authors, name)["distance"].min(),
            "median explored": float(np.median(of(explored(distances), name)["distance"])),
            "confirmed winner": ranking.get(name, np.nan),
        }
        for name in names
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(_MARKS))


def _draw_row(axis: "Axes", theme: Theme, place: int, row: "pd.Series[float]") -> None:
    axis.plot(row.dropna(), [place] * row.count(), "-", color=theme.muted, lw=1)
    for column, value in row.items():
        won = column == "confirmed winner"
        style: dict[str, Any] = {"mfc": theme.main if won else theme.background}
        style["mec"] = theme.main if won else theme.ink
        axis.plot([value], [place], _MARKS[str(column)], ms=6, zorder=3, **style)


def _counts(results: Results, condition: str) -> str:
    configurations = len(of(explored(results.trials), condition))
    members = results.ranking.set_index("condition")["members"]
    seeds = f", {counted(int(members[condition]), 'seed')}" if condition in members else ""
    return f"{shortened(condition, 20)} ({configurations} explored{seeds})"


def _handles(theme: Theme, shown: list[str], lines: dict[str, float]) -> list[Any]:
    from matplotlib.lines import Line2D

    handles = []
    for column in shown:
        fill = theme.main if column == "confirmed winner" else theme.background
        edge = theme.main if column == "confirmed winner" else theme.ink
        handles.append(Line2D([], [], ls="none", marker=_MARKS[column], ms=6, mfc=fill, mec=edge, label=column))
    beside = [Line2D([], [], color=theme.muted, lw=0.9, ls=LINES[name][1], label=LINES[name][0]) for name in lines]
    return handles + beside


def _joined(words: list[str]) -> str:
    return f"the {', the '.join(words[:-1])} and the {words[-1]}"


def _in_words(row: "pd.Series[float]") -> str:
    return ", ".join(
        f"{column} {'failed' if np.isinf(value) else told(value)}" for column, value in row.dropna().items()
    )
