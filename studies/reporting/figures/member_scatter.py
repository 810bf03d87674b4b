"""Members of all conditions in one panel, each at two of its numbers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from studies.reporting.figures.canvas import WIDTH, add_legend, empty_figure, style_axes
from studies.reporting.figures.selection import condition_rows
from studies.reporting.figures.themes import Theme
from studies.reporting.wording import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h")
"""Markers of the conditions, in the study's order."""


def member_scatter(members: pd.DataFrame, names: Sequence[str], x: str, y: str, theme: Theme) -> "tuple[Figure, Axes]":
    """A figure with a marker per member at its columns `x` and `y`, and a legend of the conditions.

    Filled markers are stable members, hollow ones failed members.
    """
    figure = empty_figure(theme, width=WIDTH, height=4.2 + 0.06 * len(names))
    axis = figure.subplots()
    style_axes(axis, theme)
    for index, name in enumerate(names):
        rows = condition_rows(members, name)
        for stable, group in rows.groupby(rows["outcome"] == "stable"):
            axis.plot(group[x], group[y], **_style(theme, index, filled=bool(stable)))
    add_legend(figure, theme, _handles(theme, names, failed=bool((members["outcome"] != "stable").any())))
    return figure, axis


def _style(theme: Theme, index: int, *, filled: bool) -> dict[str, Any]:
    """Colour and marker of members of a study's condition number `index`, hollow for failed members."""
    color = theme.several[index % len(theme.several)]
    return {
        "ls": "none",
        "marker": MARKERS[index % len(MARKERS)],
        "ms": 5.5,
        "mfc": color if filled else "none",
        "mec": theme.background if filled else color,
        "mew": 0.6 if filled else 1.2,
        "clip_on": False,
    }


def _handles(theme: Theme, names: Sequence[str], *, failed: bool) -> list[Any]:
    """A marker for each condition, and one that says what hollow markers are if any member has failed."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], **_style(theme, index, filled=True), label=shortened(name)) for index, name in enumerate(names)
    ]
    hollow: dict[str, Any] = {"ls": "none", "marker": "o", "mfc": "none", "mec": theme.muted, "mew": 1.2, "ms": 5.5}
    return handles + ([Line2D([], [], **hollow, label="hollow: failed seed")] if failed else [])
