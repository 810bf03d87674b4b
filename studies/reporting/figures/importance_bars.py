"""Importance of the hyperparameters of a condition, with intervals."""

from collections.abc import Mapping

import pandas as pd

from studies.numbers import format_share, format_shares
from studies.reporting.figures.canvas import WIDTH, DrawnFigure, empty_figure, finish, style_axes
from studies.reporting.figures.selection import condition_rows
from studies.reporting.figures.themes import THEMES, ThemeName
from studies.reporting.wording import shortened

_ROW = 0.28


def importances(
    table: pd.DataFrame, condition: str, names: Mapping[str, str], theme_name: ThemeName = "light"
) -> DrawnFigure | None:
    """A row for each hyperparameter of a condition, the most important on top.

    table  the table `importances`; None if it has no row of the condition
    names  short names of the hyperparameters
    """
    rows, theme = condition_rows(table, condition), THEMES[theme_name]
    if rows.empty:
        return None
    figure = empty_figure(theme, width=WIDTH, height=0.75 + _ROW * len(rows))
    axis = figure.subplots()
    style_axes(axis, theme)
    for y, row in enumerate(rows.itertuples()):
        axis.plot([row.low, row.high], [y, y], "-", color=theme.main, lw=1.5, clip_on=False)
        axis.plot([row.importance], [y], "o", color=theme.main, ms=6, clip_on=False)
    labels = [names[str(row.hyperparameter)] for row in rows.itertuples()]
    axis.set_yticks(range(len(rows)), [shortened(label) for label in labels])
    axis.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5))
    axis.set_xlabel("importance, as a share of the sum")
    return finish(
        figure,
        f"importance-{condition}",
        f"{condition}: how much each hyperparameter by itself distinguishes the best quarter of "
        f"{rows['trials'].max()} random settings from all of them (PED-ANOVA), with 95% intervals. An interval from 0: "
        "chance alone explains it.",
        "; ".join(
            f"{label}: {format_share(row.importance)} ({format_shares(row.low, row.high)})"
            for label, row in zip(labels, rows.itertuples(), strict=True)
        ),
    )
