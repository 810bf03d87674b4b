"""Path of a condition: distances with fresh seeds from the authors' setting to the setting found."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from studies.analysis.ablation import NOT_SEARCHED
from studies.numbers import format_distance, format_p
from studies.reporting.figures.axes import use_log_scale
from studies.reporting.figures.canvas import WIDTH, DrawnFigure, add_legend, empty_figure, finish, style_axes
from studies.reporting.figures.selection import condition_rows
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.reporting.wording import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW = 0.3
_LONGEST = 32
"""Largest number of letters of a change beside the axis."""


def path(table: pd.DataFrame, condition: str, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """A row for each setting of a condition's path, from the authors' setting on top to the setting found.

    A setting of which too many seeds failed is drawn as a cross at its late distance.

    table  the table `paths`; None if it has no row of the condition with a late distance
    """
    rows, theme = condition_rows(table, condition), THEMES[theme_name]
    if rows["late_distance"].isna().all():
        return None
    figure = empty_figure(theme, width=WIDTH, height=0.95 + _ROW * len(rows))
    axis = figure.subplots()
    style_axes(axis, theme)
    ends = rows[["distance_low", "distance_high", "late_distance"]].to_numpy()
    low, high = 0.9 * np.nanmin(ends[ends > 0]), 1.15 * np.nanmax(ends)
    use_log_scale(axis.xaxis, low, high)
    for row in rows.itertuples():
        _draw(axis, theme, row, high)
    axis.set_yticks(rows["step"], [shortened(_label(row), _LONGEST) for row in rows.itertuples()])
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlabel("distance (lower is better)")
    add_legend(figure, theme, _handles(theme))
    return finish(
        figure,
        f"path-{condition}",
        f"{condition}: from the authors' setting to the setting found, one change after the other, each setting "
        f"trained with the same {rows['seeds'].iloc[0]} seeds, which chose no change. A filled circle differs from "
        "the setting before, and so does a bold cross. Cross: too many seeds failed for a distance; it lies at the "
        "median distance of all seeds.",
        "; ".join(_in_words(row) for row in rows.itertuples()),
    )


def _draw(axis: "Axes", theme: Theme, row: Any, edge: float) -> None:
    if np.isnan(row.distance):
        axis.plot(
            [row.late_distance], [row.step], "x", color=theme.ink, ms=6, mew=2.4 if row.decided else 1.2, zorder=3
        )
        return
    high = edge if np.isnan(row.distance_high) else row.distance_high
    axis.plot([row.distance_low, high], [row.step, row.step], "-", color=theme.main, lw=1.5)
    axis.plot([row.distance], [row.step], zorder=3, **_marker(theme, row.decided))


def _marker(theme: Theme, decided: bool) -> dict[str, Any]:
    return {"ls": "none", "marker": "o", "ms": 6, "mec": theme.main, "mfc": theme.main if decided else theme.background}


def _handles(theme: Theme) -> list[Any]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], label="interquartile mean", **_marker(theme, False)),
        Line2D([], [], label="differs from the setting before", **_marker(theme, True)),
        Line2D([], [], label="95% interval", color=theme.main, lw=1.5),
        Line2D([], [], label="most seeds failed", color=theme.ink, marker="x", ms=6, ls="none"),
    ]


def _label(row: Any) -> str:
    return NOT_SEARCHED if row.change.startswith(NOT_SEARCHED) else row.change


def _in_words(row: Any) -> str:
    tested = "" if np.isnan(row.p_adjusted) else f" (p = {format_p(row.p_adjusted)})"
    return f"{row.change}: {format_distance(row.distance)}{tested}"
