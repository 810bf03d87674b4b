"""Distances of the confirmed members over the budget."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from studies.file.messages import count_noun
from studies.numbers import format_distance, format_interval
from studies.reporting.figures.axes import label_right, show_budget, use_log_scale
from studies.reporting.figures.canvas import (
    COLUMNS,
    DrawnFigure,
    add_legend,
    finish,
    label_axes,
    marker_style,
    panels,
    set_title,
)
from studies.reporting.figures.legend_entries import FAILED, outcome_handles
from studies.reporting.figures.selection import condition_rows, conditions_in
from studies.reporting.figures.themes import REFERENCE_STYLES, THEMES, Theme, ThemeName
from studies.reporting.wording import budget_label, count_seeds, metric_label, metric_unit, references_in_words
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT = 1.9


def learning_curves(results: Results, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """Every confirmed member's distance over the budget, with the median and the quartiles of each condition.

    In median and quartiles, a value that is not finite counts as +infinity. None before a condition is confirmed.
    """
    curves, members, theme = results.ranked(results.curves), results.ranked(results.members), THEMES[theme_name]
    curves = curves[curves["metric"] == results.study.distance]
    names = conditions_in(curves, results)
    if not names:
        return None
    references = {name: value for name, value in results.reference_distances.items() if value is not None and value > 0}
    tables = {name: _by_step(condition_rows(curves, name)) for name in names}
    limits = _limits(list(tables.values()), references)
    figure, axes = panels(theme, len(names), height=_HEIGHT, sharex=True, sharey=True)
    for axis, name in zip(axes, names, strict=True):
        use_log_scale(axis.yaxis, *limits)
        outcomes = condition_rows(members, name).set_index("seed")["outcome"].astype("str")
        set_title(axis, theme, name, f"{(outcomes == 'stable').sum()} of {count_noun(len(outcomes), 'seed')} stable")
        show_budget(axis, results.study.budget)
        _draw_members(axis, theme, tables[name], outcomes)
        _draw_quartiles(axis, theme, tables[name], limits[1])
        _draw_references(axis, theme, references)
    for axis in axes[COLUMNS - 1 :: COLUMNS] or axes:  # the last of every full row
        texts = [(value, REFERENCE_STYLES[name][0]) for name, value in references.items()]
        label_right(axis, theme, texts, height=0.8 * _HEIGHT)
    metric = str(curves["metric"].iloc[0])
    label_axes(figure, theme, budget_label(results.study.budget), f"{metric_label(metric)}\n({metric_unit(metric)})")
    failed = [outcome for outcome in FAILED if (members["outcome"] == outcome).any()]
    add_legend(figure, theme, _handles(theme, failed))
    return finish(
        figure,
        "learning-curves",
        "Distance over the training with the setting found for each condition: "
        f"{count_seeds(members.groupby('condition', observed=True).size())} (thin lines), their median (thick line) "
        f"and quartiles (band); lower is better. {references_in_words(references)}".rstrip(),
        "; ".join(_in_words(name, tables[name]) for name in names),
    )


def _by_step(curves: pd.DataFrame) -> pd.DataFrame:
    """A row per step and a column per seed; NaN where the value is not finite."""
    return curves.pivot(index="step", columns="seed", values="value").replace([np.inf, -np.inf], np.nan)


def _limits(tables: list[pd.DataFrame], references: dict[str, float]) -> tuple[float, float]:
    """Ends of the y axis: it shows all positive values up to ten times the largest initial or reference distance."""
    values = np.concatenate([table.to_numpy().ravel() for table in tables] + [list(references.values())])
    starts = np.concatenate([table.iloc[0].to_numpy() for table in tables] + [list(references.values())])
    values, starts = values[values > 0], starts[starts > 0]  # which leaves NaN out
    if not len(values):
        return 0.1, 1.0
    high = min(values.max(), 10 * starts.max()) if len(starts) else values.max()
    return 0.85 * min(values.min(), high), 1.2 * high


def _draw_members(axis: "Axes", theme: Theme, table: pd.DataFrame, outcomes: "pd.Series[str]") -> None:
    for seed in table:
        style, curve = theme.outcomes[outcomes[seed]], table[seed].dropna()
        axis.plot(curve.index, curve, color=style.color, ls=style.line, lw=0.7, alpha=0.75)
        if outcomes[seed] != "stable" and len(curve):
            axis.plot(curve.index[-1:], curve.iloc[-1:], clip_on=False, zorder=4, **marker_style(style, theme))


def _draw_quartiles(axis: "Axes", theme: Theme, table: pd.DataFrame, top: float) -> None:
    """Draw median and quartiles over the seeds; an infinite quartile is drawn at the top, an infinite median not."""
    low, median, high = _quartiles(table)
    axis.fill_between(table.index, low, np.minimum(high, top), color=theme.main, alpha=0.2, lw=0)
    axis.plot(table.index, np.where(np.isfinite(median), median, np.nan), color=theme.main, lw=2)


def _quartiles(table: pd.DataFrame) -> np.ndarray:
    """Quartiles over the seeds, (3, steps); NaN counts as +infinity."""
    ranked = table.fillna(np.inf).to_numpy()
    with np.errstate(invalid="ignore"):  # between two infinities numpy interpolates to NaN
        return np.nan_to_num(np.quantile(ranked, [0.25, 0.5, 0.75], axis=1), nan=np.inf, posinf=np.inf)


def _draw_references(axis: "Axes", theme: Theme, references: dict[str, float]) -> None:
    for name, value in references.items():
        axis.axhline(value, color=theme.muted, lw=0.9, ls=REFERENCE_STYLES[name][1], zorder=1)


def _handles(theme: Theme, failed: list[str]) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Line2D([], [], color=theme.main, lw=2, label="median"),
        Patch(color=theme.main, alpha=0.2, lw=0, label="quartiles"),
        Line2D([], [], color=theme.outcomes["stable"].color, lw=0.7, label="stable seed"),
        *outcome_handles(theme, {outcome: f"{outcome} seed" for outcome in failed}),
    ]


def _in_words(name: str, table: pd.DataFrame) -> str:
    low, median, high = _quartiles(table)[:, -1]
    start = format_distance(table.iloc[0].median())
    return f"{name}: {start} at the start, {format_distance(median)} ({format_interval(low, high)}) at the end"
