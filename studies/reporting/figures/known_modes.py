"""Known modes that each confirmed member covers."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gan_core.metrics.modes import HIGH_QUALITY
from studies.numbers import format_setting, format_share
from studies.reporting.figures.canvas import (
    WIDTH,
    DrawnFigure,
    add_legend,
    empty_figure,
    finish,
    marker_style,
    set_title,
    style_axes,
)
from studies.reporting.figures.selection import condition_rows, conditions_in
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.reporting.wording import count_seeds, shortened
from studies.tables.ranking import last_evaluations
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW = 0.32
"""Inches from condition to condition."""


def modes(results: Results, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """Known modes covered, and share of high-quality fakes, at the end for each seed of the setting found.

    None for data without known modes, and before a condition is confirmed.
    """
    known, last, theme = results.data.modes, _last_values(results), THEMES[theme_name]
    if known is None or last.empty:
        return None
    names = conditions_in(last, results)
    count, perfect = len(known.centers), 1 - float(np.exp(-(HIGH_QUALITY**2) / 2))
    figure = empty_figure(theme, width=WIDTH, height=1.3 + _ROW * len(names))
    axes = figure.subplots(1, 2, sharey=True)
    for axis, column, best in zip(axes, ("modes_covered", "high_quality"), (count, perfect), strict=True):
        style_axes(axis, theme)
        axis.axvline(best, color=theme.muted, lw=0.9, ls="--")
        _draw_rows(axis, theme, last, names, column)
        axis.set(xlim=(-0.05 * best, 1.08 * best), ylim=(len(names) - 0.5, -0.5))
    set_title(axes[0], theme, "modes covered", f"of {count}")
    set_title(axes[1], theme, "high-quality fakes", "near a mode")
    axes[1].xaxis.set_major_formatter(lambda value, _: format_share(value))
    axes[0].xaxis.get_major_locator().set_params(integer=True)
    seeds = last.groupby("condition", observed=True)["seed"].size()
    axes[0].set_yticks(range(len(names)), [shortened(name) for name in names])
    add_legend(figure, theme, _handles(theme, last))
    return finish(
        figure,
        "modes",
        "Number of the data's modes that each seed covers with the setting found for each condition, at the end of "
        f"training ({count_seeds(seeds)}), and the share of its fakes within {HIGH_QUALITY} standard deviations of a "
        "mode. Dashed: samples of the true distribution.",
        "; ".join(f"{name}: {_in_words(condition_rows(last, name), count)}" for name in names),
    )


def _last_values(results: Results) -> pd.DataFrame:
    """A row per member of each setting found: condition, seed, outcome, and both metrics at its last evaluation."""
    curves = results.ranked(results.curves)
    curves = curves[curves["metric"].isin(["modes_covered", "high_quality"])].astype({"metric": "str"})
    if curves.empty:
        return pd.DataFrame(columns=["condition", "seed"])
    keys = ["condition", "seed"]
    wide = last_evaluations(curves).pivot(index=keys, columns="metric", values="value").reset_index()
    return wide.merge(results.ranked(results.members)[[*keys, "outcome"]], on=keys)


def _draw_rows(axis: "Axes", theme: Theme, last: pd.DataFrame, names: list[str], column: str) -> None:
    """Draw a marker per member; the members of a condition lie one above the other."""
    for index, name in enumerate(names):
        rows = condition_rows(last, name)
        shifts = np.linspace(-0.25, 0.25, len(rows)) if len(rows) > 1 else [0.0]
        for shift, value, outcome in zip(shifts, rows[column], rows["outcome"], strict=True):
            style = marker_style(theme.outcomes[outcome], theme)
            axis.plot([value], [index + shift], clip_on=False, zorder=3, **style)


def _handles(theme: Theme, last: pd.DataFrame) -> list[Any]:
    from matplotlib.lines import Line2D

    styles = {outcome: style for outcome, style in theme.outcomes.items() if (last["outcome"] == outcome).any()}
    return [
        *(Line2D([], [], label=outcome, **marker_style(style, theme)) for outcome, style in styles.items()),
        Line2D([], [], color=theme.muted, lw=0.9, ls="--", label="true distribution"),
    ]


def _in_words(rows: pd.DataFrame, count: int) -> str:
    covered = (format_setting(float(value)) for value in (rows["modes_covered"].min(), rows["modes_covered"].max()))
    quality = (format_share(value) for value in (rows["high_quality"].min(), rows["high_quality"].max()))
    modes, fakes = (" to ".join(dict.fromkeys(ends)) for ends in (covered, quality))  # once where both are equal
    return f"{modes} of {count} modes, {fakes} high-quality fakes"
