"""Stability maps by a metric: a panel per condition with the late value of each cell."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from gan_core.metrics import METRICS
from studies.analysis.stability_map import StabilityMap, late_values
from studies.numbers import format_tick
from studies.reporting.figures.canvas import DrawnFigure, add_legend, finish, set_title
from studies.reporting.figures.map_panels import draw_cells, map_panels, mark_authors, other_handles
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.reporting.wording import metric_label
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEVELS = 8
"""Number of colours of a metric that is no small count."""


def metric_map(
    results: Results, maps: Sequence[StabilityMap], theme_name: ThemeName = "light", *, metric: str | None = None
) -> DrawnFigure | None:
    """The late value of a metric in each cell of each condition's map: the median over the cell's seeds.

    metric  by default the number of modes covered where the modes of the data are known, else the distance

    None if no trial has the metric.
    """
    theme = THEMES[theme_name]
    metric = metric or _default_metric(results, maps)
    values = {of_condition.condition: late_values(results, of_condition.condition, metric) for of_condition in maps}
    measured = {name: array for name, array in values.items() if array is not None and np.isfinite(array).any()}
    shown = [of_condition for of_condition in maps if of_condition.condition in measured]
    if not shown:
        return None
    levels = _levels(results, metric, np.concatenate([array.ravel() for array in measured.values()]))
    colors = _colors(len(levels) - 1, metric)
    figure, axes = map_panels(theme, shown)
    for panel, of_condition in zip(axes, shown, strict=True):
        array = measured[of_condition.condition]
        set_title(panel, theme, of_condition.condition, f"median {_number(np.nanmedian(array))}")
        _draw_values(panel, of_condition, array, levels, colors)
        mark_authors(panel, theme, of_condition)
    add_legend(figure, theme, _level_handles(theme, shown, levels, colors, metric))
    label = metric_label(metric)
    return finish(
        figure,
        f"metric-map-{metric.replace('_', '-')}",
        f"The same cells by {label} late in the training: the median over the last fifth of the evaluations, and over "
        "the cell's seeds. A hatched cell has no such number.",
        "; ".join(
            f"{name}: {label} from {_number(np.nanmin(array))} to {_number(np.nanmax(array))}, median "
            f"{_number(np.nanmedian(array))}"
            for name, array in measured.items()
        ),
    )


def _default_metric(results: Results, maps: Sequence[StabilityMap]) -> str:
    has_modes = any(late_values(results, of_condition.condition, "modes_covered") is not None for of_condition in maps)
    return "modes_covered" if has_modes else results.study.distance


def _levels(results: Results, metric: str, values: Float[np.ndarray, "cells"]) -> Float[np.ndarray, "edges"]:
    """Borders between colours: half-integers for modes, else equal steps from best to trivial or lowest to highest."""
    if metric == "modes_covered":
        known = int(np.nanmax(values)) if results.data.modes is None else len(results.data.modes.centers)
        return np.arange(known + 2) - 0.5
    low, high = np.nanquantile(values[np.isfinite(values)], [0.02, 0.98])
    references = results.validation_reference_distances
    if metric == results.study.distance and references.get("constant") is not None:
        low, high = references["real"], references["constant"]
    return np.linspace(low, high if high > low else low + 1, LEVELS + 1)


def _colors(count: int, metric: str) -> list[str]:
    """Colours from dark for the worst to bright for the best; legible on either background."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    ordered = [to_hex(color) for color in colormaps["viridis"](np.linspace(0, 1, count))]
    return ordered[::-1] if metric in METRICS and METRICS[metric].direction == "lower" else ordered


def _draw_values(
    panel: "Axes",
    of_condition: StabilityMap,
    array: Float[np.ndarray, "x y"],
    levels: Float[np.ndarray, "edges"],
    colors: Sequence[str],
) -> None:
    level = np.digitize(array, levels[1:-1])
    for index, color in enumerate(colors):
        draw_cells(panel, of_condition, (level == index) & ~np.isnan(array), {"fc": color, "lw": 0})


def _level_handles(
    theme: Theme, maps: Sequence[StabilityMap], levels: Float[np.ndarray, "edges"], colors: Sequence[str], metric: str
) -> list[Any]:
    from matplotlib.patches import Patch

    last = len(colors) - 1

    def label(index: int) -> str:
        if metric == "modes_covered":
            return f"{index} modes" if index == last else str(index)
        ends = [format_tick(levels[index], 2), format_tick(levels[index + 1], 2)]
        return f"below {ends[1]}" if index == 0 else f"above {ends[0]}" if index == last else f"to {ends[1]}"

    patches = [Patch(fc=color, lw=0, label=label(index)) for index, color in enumerate(colors)]
    return [*patches, *other_handles(theme, maps)]


def _number(value: float) -> str:
    return format_tick(float(value), 3)
