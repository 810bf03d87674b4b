"""Tuning curves: the expected score of the best of n random settings of each condition."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from studies.file.messages import count_noun
from studies.numbers import format_share
from studies.reporting.figures.canvas import DrawnFigure, add_legend, finish, label_axes, panels, set_title
from studies.reporting.figures.selection import condition_rows
from studies.reporting.figures.stable_volumes import thinned
from studies.reporting.figures.themes import THEMES, Theme, ThemeName

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT = 1.8


def tuning_curves(curves: pd.DataFrame, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """The table `tuning_curves`: a panel per condition, its curve with its band, those of the others in grey.

    None without curves.
    """
    from matplotlib.ticker import MaxNLocator

    if curves.empty:
        return None
    theme = THEMES[theme_name]
    names = list(dict.fromkeys(curves["condition"]))
    tables = {name: thinned(condition_rows(curves, name).sort_values("n")) for name in names}
    figure, axes = panels(theme, len(names), height=_HEIGHT, sharex=True, sharey=True)
    for axis, name in zip(axes, names, strict=True):
        table, last = tables[name], tables[name].iloc[-1]
        set_title(axis, theme, name, f"{format_share(last['score'])} with {count_noun(int(last['n']), 'setting')}")
        for other, others in tables.items():
            if other != name:
                _draw(axis, others, {"color": theme.muted, "lw": 0.6, "alpha": 0.6, "zorder": 1})
        axis.fill_between(table["n"], table["score_low"], table["score_high"], color=theme.main, alpha=0.2, lw=0)
        _draw(axis, table, {"color": theme.main, "lw": 1.8})
        axis.set(xlim=(0.5, curves["n"].max() + 0.5), ylim=(0, max(1.0, float(curves["score"].max()) * 1.02)))
        axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axis.yaxis.set_major_formatter(lambda value, _: format_share(value))
    label_axes(figure, theme, "random settings tried", "expected best score")
    add_legend(figure, theme, _handles(theme, others=len(names) > 1))
    return finish(
        figure,
        "tuning-curves",
        "Methods under search: the expected search score of the best of n random settings, for n up to half of those "
        "that were drawn, with a 95% band for the whole curve. Score: the mean over the seeds of the way from a "
        "constant (0) to real data (1); 0 for seeds that collapsed, diverged or became non-finite.",
        "; ".join(f"{name}: {_in_words(table)}" for name, table in tables.items()),
    )


def _draw(axis: "Axes", table: pd.DataFrame, style: dict[str, Any]) -> None:
    axis.plot(table["n"], table["score"], **style)


def _handles(theme: Theme, *, others: bool) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Line2D([], [], color=theme.main, lw=1.8, label="expected best score"),
        Patch(color=theme.main, alpha=0.2, lw=0, label="95% band"),
        *([Line2D([], [], color=theme.muted, lw=0.6, label="other conditions")] if others else []),
    ]


def _in_words(table: pd.DataFrame) -> str:
    first, last = table.iloc[0], table.iloc[-1]
    return (
        f"{format_share(first['score'])} with {count_noun(int(first['n']), 'setting')}, "
        f"{format_share(last['score'])} with {int(last['n'])}"
    )
