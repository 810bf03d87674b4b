"""Effect of tuning: the authors' setting, a random setting, the setting found."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from studies.file.messages import count_noun
from studies.numbers import format_distance
from studies.reporting.figures.axes import use_log_scale
from studies.reporting.figures.canvas import (
    SMALL,
    WIDTH,
    DrawnFigure,
    add_legend,
    empty_figure,
    finish,
    style_axes,
)
from studies.reporting.figures.legend_entries import reference_handles
from studies.reporting.figures.selection import condition_rows, conditions_in, explore_rows
from studies.reporting.figures.themes import REFERENCE_STYLES, THEMES, Theme, ThemeName
from studies.reporting.wording import references_in_words, shortened
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AUTHORS = "authors"
"""The phase in which a study trains the authors' settings."""
_FOUND = "setting found"
_MARKERS = {"authors' setting": "s", "median of random settings": "o", _FOUND: "D"}
_FAILED_SHARES = (0.02, 0.06, 0.1)
"""Offsets of failed settings beyond the largest distance, as shares of the axis; in the order of `_MARKERS`."""
_ROW = 0.4


def tuning(results: Results, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """Each condition's distance with the authors' setting and the setting found, and the median of random settings.

    Settings without a distance, because they failed, are drawn in the shade at the right. None unless an explore trial
    and an authors' or confirm trial of one condition have ended.
    """
    theme, table = THEMES[theme_name], _table(results)
    shown = [column for column in _MARKERS if table[column].notna().any()]
    table = table[shown]
    if table.empty or len(shown) < 2:
        return None
    references = {name: value for name, value in results.reference_distances.items() if value is not None and value > 0}
    low, high = _limits(table, list(references.values()))
    end = high * (high / low) ** 0.12
    failed = {column: high * (high / low) ** share for column, share in zip(_MARKERS, _FAILED_SHARES, strict=True)}
    figure = empty_figure(theme, width=WIDTH, height=1.25 + _ROW * len(table))
    axis = figure.subplots()
    style_axes(axis, theme)
    use_log_scale(axis.xaxis, low, end)
    _draw_failed_area(axis, theme, high, end)
    for y, (_, row) in enumerate(table.iterrows()):
        _draw_row(axis, theme, y, row.where(np.isfinite(row) | row.isna(), pd.Series(failed)))
    for name, value in references.items():
        axis.axvline(value, color=theme.muted, lw=0.9, ls=REFERENCE_STYLES[name][1], zorder=1)
    axis.set_yticks(range(len(table)), [_row_label(results, str(name)) for name in table.index])
    axis.set_ylim(len(table) - 0.5, -0.5)
    axis.set_xlabel("distance (lower is better)")
    add_legend(figure, theme, _handles(theme, shown, list(references)))
    return finish(
        figure,
        "tuning",
        f"Distance of each condition with {_joined(shown)}. Settings in the shade failed. The setting found for a "
        f"condition is trained with fresh seeds and compared with real samples that the search did not use. "
        f"{references_in_words(references)}".rstrip(),
        "; ".join(f"{name}: {_in_words(row)}" for name, row in table.iterrows()),
    )


def _table(results: Results) -> pd.DataFrame:
    """A row per condition, a column per marker: distance of that setting, +inf if it failed, NaN if no trial ended."""
    finished = results.trials[results.trials["state"] != "running"]
    distances = finished.assign(distance=finished["distance"].fillna(np.inf))
    ranking = results.ranking.set_index("condition")["distance"].fillna(np.inf)
    authors = distances[distances["phase"] == AUTHORS]
    random = explore_rows(distances)
    rows = [
        (
            condition_rows(authors, name)["distance"].min(),
            float(np.median(condition_rows(random, name)["distance"])),
            ranking.get(name, np.nan),
        )
        for name in conditions_in(random, results)
    ]
    return pd.DataFrame(rows, index=conditions_in(random, results), columns=list(_MARKERS))


def _limits(table: pd.DataFrame, references: list[float]) -> tuple[float, float]:
    """Smallest and largest distance drawn, with a margin."""
    finite = table.to_numpy()[np.isfinite(table.to_numpy())]
    values = [*finite[finite > 0], *references] or [1.0]
    return 0.85 * min(values), 1.18 * max(values)


def _draw_failed_area(axis: "Axes", theme: Theme, start: float, end: float) -> None:
    axis.axvspan(start, end, color=theme.faint, alpha=0.5, lw=0)
    axis.annotate(
        "failed",
        ((start * end) ** 0.5, 1),
        (0, 3),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="center",
        fontsize=SMALL,
        color=theme.muted,
    )


def _draw_row(axis: "Axes", theme: Theme, y: int, row: "pd.Series[float]") -> None:
    axis.plot(row.dropna(), [y] * row.count(), "-", color=theme.muted, lw=1)
    for setting, distance in row.items():
        axis.plot([distance], [y], zorder=3, **_marker(theme, str(setting)))


def _marker(theme: Theme, setting: str) -> dict[str, Any]:
    fill, edge = (theme.main, theme.main) if setting == _FOUND else (theme.background, theme.ink)
    return {"ls": "none", "marker": _MARKERS[setting], "ms": 6, "mfc": fill, "mec": edge}


def _row_label(results: Results, condition: str) -> str:
    configurations = len(condition_rows(explore_rows(results.trials), condition))
    members = results.ranking.set_index("condition")["members"]
    seeds = f", {count_noun(int(members[condition]), 'seed')}" if condition in members else ""
    return f"{shortened(condition)}\n{configurations} random{seeds}"


def _handles(theme: Theme, settings: list[str], references: list[str]) -> list[Any]:
    from matplotlib.lines import Line2D

    return [
        *(Line2D([], [], label=setting, **_marker(theme, setting)) for setting in settings),
        *reference_handles(theme, references),
    ]


def _joined(settings: list[str]) -> str:
    return f"the {', the '.join(settings[:-1])} and the {settings[-1]}"


def _in_words(row: "pd.Series[float]") -> str:
    return ", ".join(f"{setting} {format_distance(distance)}" for setting, distance in row.dropna().items())
