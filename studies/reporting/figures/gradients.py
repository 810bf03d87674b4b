"""Critic slope and gradient norms of explore members over the budget, by outcome."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gan_core.outcomes import OUTCOMES
from studies.file.messages import count_noun
from studies.numbers import format_setting
from studies.reporting.figures.axes import show_budget, use_log_scale
from studies.reporting.figures.canvas import (
    DrawnFigure,
    add_legend,
    finish,
    label_axes,
    marker_style,
    panels,
    set_title,
)
from studies.reporting.figures.legend_entries import outcome_handles
from studies.reporting.figures.selection import condition_rows, explore_rows
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.reporting.wording import budget_label, metric_label, metric_unit
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRADIENT_METRICS = ("critic_slope", "critic_gradient_norm", "generator_gradient_norm")
_HEIGHT = 1.6


def gradients(results: Results, condition: str, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """Critic slope and both gradient norms of a condition's explore members, by outcome.

    None without explore members.
    """
    theme = THEMES[theme_name]
    members, curves = (explore_rows(condition_rows(table, condition)) for table in (results.members, results.curves))
    if members.empty:
        return None
    counts = members["outcome"].value_counts()
    outcomes: list[str] = [outcome for outcome in OUTCOMES if counts.get(outcome, 0)]
    outcome_of = members[["trial", "seed", "outcome"]]
    figure, axes = panels(theme, len(GRADIENT_METRICS), height=_HEIGHT, most=1, sharex=True)
    sentences = []
    for axis, metric in zip(axes, GRADIENT_METRICS, strict=True):
        rows = curves[curves["metric"] == metric].merge(outcome_of, on=["trial", "seed"])
        groups = {outcome: quartile_curves(rows[rows["outcome"] == outcome]) for outcome in outcomes}
        set_title(axis, theme, metric_label(metric), metric_unit(metric), length=40)
        show_budget(axis, results.study.budget)
        _draw_groups(axis, theme, groups)
        sentences.append(_in_words(metric, groups))
    label_axes(figure, theme, budget_label(results.study.budget))
    labels = {outcome: f"{outcome} ({count_noun(int(counts[outcome]), 'seed')})" for outcome in outcomes}
    add_legend(figure, theme, outcome_handles(theme, labels))
    return finish(
        figure,
        f"gradients-{condition}",
        f"{condition}: slope of the critic between real and fake samples, and norms of both networks' gradients, over "
        "the training in the explore phase: median (line) and quartiles (band) of "
        f"{count_noun(len(members), 'seed')}, grouped by outcome.",
        "; ".join(sentences),
    )


def quartile_curves(curves: pd.DataFrame) -> pd.DataFrame:
    """Quartiles of the values over the members: a row per evaluation, indexed by the median of the members' steps.

    The steps of an evaluation may differ between configurations. Values that are not finite and positive are left out.
    """
    evaluation = curves.groupby(["trial", "seed"]).cumcount()
    values = curves["value"].where(np.isfinite(curves["value"]) & (curves["value"] > 0))
    table = values.groupby(evaluation).quantile([0.25, 0.5, 0.75]).unstack()
    return table.set_axis(curves["step"].groupby(evaluation).median(), axis=0).dropna()


def _draw_groups(axis: "Axes", theme: Theme, groups: dict[str, pd.DataFrame]) -> None:
    values = pd.concat([group for group in groups.values() if len(group)] or [pd.DataFrame([1.0])]).to_numpy()
    use_log_scale(axis.yaxis, 0.7 * values.min(), 1.4 * values.max())
    for outcome, group in groups.items():
        if len(group):
            style = theme.outcomes[outcome]
            axis.fill_between(group.index, group[0.25], group[0.75], color=style.color, alpha=0.2, lw=0)
            keywords = {**marker_style(style, theme, size=4), "ls": style.line}
            axis.plot(group.index, group[0.5], color=style.color, lw=1.5, markevery=max(1, len(group) // 4), **keywords)


def _in_words(metric: str, groups: dict[str, pd.DataFrame]) -> str:
    ends = [
        f"{format_setting(float(group[0.5].iloc[-1]))} of {outcome} seeds"
        for outcome, group in groups.items()
        if len(group)
    ]
    return f"{metric_label(metric)} at the end: {', '.join(ends)}"
