"""Profiles: how fresh seeds of the setting found end if one hyperparameter is moved along its range."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from studies.analysis.profiles import Profile
from studies.numbers import format_distance, format_significant
from studies.reporting.figures.canvas import DrawnFigure, add_legend, finish, label_axes, panels, set_title
from studies.reporting.figures.hyperparameter_scale import HyperparameterScale
from studies.reporting.figures.themes import THEMES, Theme, ThemeName

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT = 1.9
_FAILED = 1.12
"""Height of the marks of failed seeds, as a multiple of the largest distance."""


def profiles(
    of_conditions: Sequence[Profile], ranges: pd.DataFrame, names: Mapping[str, str], theme_name: ThemeName = "light"
) -> DrawnFigure | None:
    """A panel per profile: the late distance of every seed at every value, and the stable range.

    ranges  rows of the table `stable_ranges` at one target distance
    names   short names of the hyperparameters

    None without profiles, and without ranges.
    """
    if not of_conditions or ranges.empty:
        return None
    theme, tau = THEMES[theme_name], float(ranges["tau"].iloc[0])
    rows = {(row.condition, row.hyperparameter): row for row in ranges.itertuples()}
    largest = max((float(d[np.isfinite(d)].max(initial=0)) for d in (p.distances for p in of_conditions)), default=0)
    largest = max(largest, tau)
    figure, axes = panels(theme, len(of_conditions), height=_HEIGHT, sharey=True)
    for axis, profile in zip(axes, of_conditions, strict=True):
        row = rows[profile.condition, profile.hyperparameter]
        set_title(axis, theme, profile.condition, names[profile.hyperparameter])
        HyperparameterScale.of(profile.distribution).apply(axis, horizontal=True)
        _draw(axis, theme, profile, row, tau, largest)
    label_axes(figure, theme, "value of the hyperparameter", "late distance")
    add_legend(figure, theme, _handles(theme))
    return finish(
        figure,
        "profiles",
        "Fresh seeds of the setting found, with one hyperparameter at a time moved along its range. Shaded: the stable "
        "range, in which at least half of the seeds are expected to be stable and to end at a distance of "
        f"{format_distance(tau)} (dashed) or nearer; the paler part is the 95% interval of its ends.",
        "; ".join(_in_words(rows[p.condition, p.hyperparameter], names[p.hyperparameter]) for p in of_conditions),
    )


def _draw(axis: "Axes", theme: Theme, profile: Profile, row: Any, tau: float, largest: float) -> None:
    if row.works:
        axis.axvspan(row.lower_low, row.upper_high, color=theme.main, alpha=0.1, lw=0)
        axis.axvspan(row.lower, row.upper, color=theme.main, alpha=0.2, lw=0)
    axis.axhline(tau, color=theme.muted, lw=0.8, ls="--")
    axis.axvline(profile.found, color=theme.ink, lw=0.8, ls=":")
    values = np.repeat(profile.values, profile.distances.shape[1])
    distances = profile.distances.ravel()
    failed = ~np.isfinite(distances)
    axis.plot(values[~failed], distances[~failed], "o", ms=3, color=theme.main, mew=0, alpha=0.8)
    axis.plot(values[failed], np.full(failed.sum(), _FAILED * largest), "x", ms=4, color=theme.ink, mew=0.8)
    axis.set_ylim(0, 1.2 * largest)


def _handles(theme: Theme) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Line2D([], [], color=theme.main, marker="o", ls="none", ms=3, label="a seed"),
        Line2D([], [], color=theme.ink, marker="x", ls="none", ms=4, label="a failed seed"),
        Patch(color=theme.main, alpha=0.3, lw=0, label="stable range"),
        Line2D([], [], color=theme.ink, lw=0.8, ls=":", label="setting found"),
    ]


def _in_words(row: Any, name: str) -> str:
    if not row.works:
        return f"{row.condition}: no stable range of {name}"
    low, high = (format_significant(end, 3) for end in (row.lower, row.upper))
    return f"{row.condition}: stable for {name} from {low} to {high}"
