"""Shares of the data's classes in the fakes of each confirmed member, by the features' classifier."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float

from gan_core.features import FeatureMap
from gan_core.metrics import RealSamples
from gan_core.metrics.classes import class_shares as shares_in
from studies.errors import InputError
from studies.numbers import format_share
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
from studies.reporting.wording import shortened
from studies.tables.ranking import winners
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAKES = 500
"""Number of fakes of each member whose classes are counted."""
MOST_CLASSES = 24
"""Largest number of classes whose names fit next to each other."""
_PANEL = 1.05
"""Inches from condition to condition."""


def class_shares(results: Results, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """Share of each class in 500 fakes of each member of the setting found, a panel per condition.

    None before a condition is confirmed, for data without a classifier of their classes, and for more than 24 classes.
    """
    classes, theme = results.data.classes, THEMES[theme_name]
    members = winners(results.members)
    if members.empty or results.features.get("name") != "classifier" or len(classes) > MOST_CLASSES:
        return None
    real = RealSamples(results.data, "test", results.study.evaluation)
    expected = _shares(real.feature_map, real.samples)
    found = {name: _member_shares(results, name, real.feature_map) for name in conditions_in(members, results)}
    drawn = {name: shares for name, shares in found.items() if shares is not None}
    if not drawn:
        return None
    figure = empty_figure(theme, width=WIDTH, height=0.75 + _PANEL * len(drawn))
    axes = figure.subplots(len(drawn), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axis, (name, shares) in zip(axes, drawn.items(), strict=True):
        outcomes = condition_rows(members, name)["outcome"].tolist()
        _draw_condition(axis, theme, expected, shares, outcomes)
        set_title(axis, theme, shortened(name))
    axes[-1].set_xticks(range(len(classes)), [shortened(name) for name in classes])
    axes[0].set_ylim(bottom=0)
    shown = set(members["outcome"])
    add_legend(figure, theme, _handles(theme, [outcome for outcome in theme.outcomes if outcome in shown]))
    return finish(
        figure,
        "class-shares",
        f"Share of each class in {FAKES} fakes of each seed, at the end of training with the setting found for each "
        "condition. Each fake has the class to which the features' classifier gives the largest probability. Grey "
        "bars: real images. A class of which a seed makes no fakes is lost.",
        "; ".join(f"{name}: {_in_words(shares, classes)}" for name, shares in drawn.items()),
    )


def _member_shares(
    results: Results, condition: str, feature_map: FeatureMap
) -> Float[np.ndarray, "seeds classes"] | None:
    """Shares of the classes by member, NaN for fakes that are not finite; None if a user's class is not importable."""
    try:
        trained = results.best(condition)
        fakes = [trained.generator(member)(FAKES).reshape(FAKES, -1) for member in range(len(trained.seeds))]
    except InputError:
        return None
    missing = np.full(len(results.data.classes), np.nan)
    return np.stack([_shares(feature_map, torch.from_numpy(of)) if np.isfinite(of).all() else missing for of in fakes])


def _shares(feature_map: FeatureMap, samples: torch.Tensor) -> Float[np.ndarray, "classes"]:
    assert feature_map.probabilities is not None
    return shares_in(feature_map.probabilities(feature_map.extract(samples))).numpy()


def _draw_condition(
    axis: "Axes",
    theme: Theme,
    expected: Float[np.ndarray, "classes"],
    shares: Float[np.ndarray, "seeds classes"],
    outcomes: list[str],
) -> None:
    """Draw a grey bar per class for real images, and a marker per member."""
    style_axes(axis, theme)
    axis.grid(visible=False, axis="x")
    positions = np.arange(len(expected))
    axis.bar(positions, expected, width=0.8, color=theme.real, linewidth=0)
    shifts = np.linspace(-0.27, 0.27, len(shares)) if len(shares) > 1 else [0.0]
    for shift, of_member, outcome in zip(shifts, shares, outcomes, strict=True):
        axis.plot(positions + shift, of_member, zorder=3, **marker_style(theme.outcomes[outcome], theme))
    axis.yaxis.set_major_formatter(lambda value, _: format_share(value))


def _handles(theme: Theme, outcomes: list[str]) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    styles = {outcome: marker_style(theme.outcomes[outcome], theme) for outcome in outcomes}
    return [
        *(Line2D([], [], label=f"{outcome} seed", **style) for outcome, style in styles.items()),
        Patch(color=theme.real, label="real images"),
    ]


def _in_words(shares: Float[np.ndarray, "seeds classes"], classes: tuple[str, ...]) -> str:
    if np.isnan(shares).all():
        return "no finite fakes"
    least, most = np.nanmin(shares, axis=0), np.nanmax(shares, axis=0)
    ends = zip(classes, least, most, strict=True)
    return ", ".join(f"{name} {format_share(low)} to {format_share(high)}" for name, low, high in ends)
