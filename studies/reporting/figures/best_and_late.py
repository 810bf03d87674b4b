"""Best against late distance: the loss of quality of each member until the end of its training."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from studies.file.messages import count_noun
from studies.numbers import format_distance
from studies.reporting.figures.axes import use_log_scale
from studies.reporting.figures.canvas import DrawnFigure, finish
from studies.reporting.figures.member_scatter import member_scatter
from studies.reporting.figures.selection import condition_rows, conditions_in
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.reporting.wording import count_seeds
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DISTANCES = ["best_distance", "late_distance"]


def best_and_late(results: Results, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """Late over best distance of every confirmed member, on logarithmic axes with their diagonal.

    None before a condition is confirmed, and where no member has two positive distances.
    """
    members, theme = results.ranked(results.members), THEMES[theme_name]
    shown = members[(np.isfinite(members[DISTANCES]) & (members[DISTANCES] > 0)).all(axis=1)]
    if shown.empty:
        return None
    names = conditions_in(shown, results)
    figure, axis = member_scatter(shown, names, "best_distance", "late_distance", theme)
    _draw_diagonal(axis, theme, shown[DISTANCES].to_numpy(np.float64))
    axis.set_xlabel("best distance during training")
    axis.set_ylabel("late distance, at the end of training")
    missing = len(members) - len(shown)
    return finish(
        figure,
        "best-and-late",
        "Best and late distance of the setting found for each condition, trained with "
        f"{count_seeds(members.groupby('condition', observed=True).size())}: the smallest running median over the "
        "training, and the median over its last evaluations. A seed on the line ends at its best; one far above it "
        "became worse." + (f" {count_noun(missing, 'seed')} without distances cannot be shown." if missing else ""),
        "; ".join(_in_words(name, condition_rows(shown, name)) for name in names),
    )


def _draw_diagonal(axis: "Axes", theme: Theme, distances: np.ndarray) -> None:
    low, high = distances.min() / 1.25, distances.max() * 1.25
    for scale in (axis.xaxis, axis.yaxis):
        use_log_scale(scale, low, high)
    axis.plot([low, high], [low, high], color=theme.muted, lw=0.9, ls="--")


def _in_words(name: str, members: pd.DataFrame) -> str:
    best, late = members[DISTANCES].median()
    return (
        f"{name}: best {format_distance(best)}, late {format_distance(late)}, medians of "
        f"{count_noun(len(members), 'seed')}"
    )
