"""Stable width of each hyperparameter of each condition.

The widths are computed in `studies.analysis` and only drawn here.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from studies.file.messages import short_names
from studies.numbers import format_distance, format_setting
from studies.reporting.figures.canvas import (
    WIDTH,
    DrawnFigure,
    add_legend,
    empty_figure,
    finish,
    style_axes,
)
from studies.reporting.figures.stable_volumes import rows_at
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.reporting.figures.wording import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW = 0.24
"""Inches from bar to bar."""


def stable_widths(
    widths: pd.DataFrame, theme_name: ThemeName = "light", *, tau: float | None = None
) -> DrawnFigure | None:
    """The stable width of each hyperparameter of each condition with its interval, and the searched range.

    tau  distance that a configuration must reach; by default the largest of the table

    None without widths.
    """
    theme = THEMES[theme_name]
    rows = rows_at(widths, tau)
    if rows.empty:
        return None
    rows = rows.assign(hyperparameter=rows["hyperparameter"].map(short_names(set(rows["hyperparameter"]))))
    units = sorted(set(rows["unit"]), key=lambda unit: unit != "decades")
    counts = [int((rows["unit"] == unit).sum()) for unit in units]
    figure = empty_figure(theme, width=WIDTH, height=0.9 + _ROW * sum(counts) + 0.55 * len(units))
    axes = figure.subplots(len(units), 1, height_ratios=[count + 0.8 for count in counts], squeeze=False)[:, 0]
    for axis, unit in zip(axes, units, strict=True):
        style_axes(axis, theme)
        _draw_widths(axis, theme, rows[rows["unit"] == unit])
        axis.set_xlabel(f"stable width ({unit})")
    add_legend(figure, theme, _handles(theme, rows))
    return finish(
        figure,
        "stable-widths",
        "Stable width of each hyperparameter: the length of the part of its searched range in which configurations "
        f"reach a distance of {format_distance(rows['tau'].iloc[0])}, the other hyperparameters as drawn at random, "
        "with its 95% interval. In brackets: the number of configurations.",
        "; ".join(f"{row.condition}, {row.hyperparameter}: {_in_words(row)}" for row in rows.itertuples()),
    )


def _draw_widths(axis: "Axes", theme: Theme, rows: pd.DataFrame) -> None:
    end = float(np.nanmax(rows[["stated", "width", "width_high"]].to_numpy()))
    arrow: dict[str, Any] = {"color": theme.outcomes["diverged"].color, "ms": 5, "clip_on": False}
    for y, row in enumerate(rows.itertuples()):
        axis.barh(y, row.stated, height=0.72, color=theme.faint, lw=0, alpha=0.7)
        width = 0.0 if np.isnan(row.width) else row.width
        axis.barh(y, width, height=0.46, color=theme.main, lw=0)
        if np.isfinite([row.width_low, row.width_high]).all():
            axis.plot([row.width_low, row.width_high], [y] * 2, "-|", color=theme.ink, lw=1.2, ms=6)
        longest = max(filter(np.isfinite, (width, row.width_high, row.stated)))
        for touched, marker, shift in ((row.border_low, "<", 0.025), (row.border_high, ">", 0.055)):
            if touched:
                axis.plot([longest + shift * end], [y], marker, **arrow)
    axis.set_yticks(
        range(len(rows)),
        [f"{shortened(row.condition, 20)}, {row.hyperparameter} ({row.configurations})" for row in rows.itertuples()],
    )
    axis.set(ylim=(len(rows) - 0.4, -0.6), xlim=(0, 1.09 * end))
    axis.grid(visible=False, axis="y")


def _handles(theme: Theme, rows: pd.DataFrame) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    arrow: dict[str, Any] = {"color": theme.outcomes["diverged"].color, "ls": "none", "ms": 5}
    arrows = [
        Line2D([], [], marker=marker, label=f"reaches the {end} end of its range", **arrow)
        for marker, end, touched in (("<", "lower", rows["border_low"]), (">", "upper", rows["border_high"]))
        if touched.any()
    ]
    return [
        Patch(color=theme.main, lw=0, label="stable width"),
        Line2D([], [], color=theme.ink, lw=1.2, marker="|", ms=6, label="95% interval"),
        Patch(color=theme.faint, lw=0, label="searched range"),
        *arrows,
    ]


def _in_words(row: Any) -> str:
    if np.isnan(row.width):
        return "none"
    ends = [end for end, touched in (("lower", row.border_low), ("upper", row.border_high)) if touched]
    reached = f", up to the {' and the '.join(ends)} end" if ends else ""
    return f"{format_setting(row.width)} of {format_setting(row.stated)} {row.unit}{reached}"
