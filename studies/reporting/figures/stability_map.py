"""Stability maps: a panel per condition with the outcome of each cell, or with the late value of a metric."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from gan_core.metrics import METRICS
from studies.analysis.stability_map import ENDS, StabilityMap, late_values
from studies.file.messages import count_noun
from studies.numbers import format_setting, format_share, format_shares, format_tick
from studies.reporting.figures.canvas import DrawnFigure, add_legend, finish, set_title
from studies.reporting.figures.map_panels import (
    authors_handles,
    draw_cells,
    map_panels,
    mark_authors,
    not_trained,
)
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.reporting.figures.wording import metric_label
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEVELS = 8
"""Number of colours of a metric that is no small count."""


# --- outcomes


def stability_map(
    maps: Sequence[StabilityMap], areas: pd.DataFrame, theme_name: ThemeName = "light"
) -> DrawnFigure | None:
    """The commonest outcome of each cell of each condition's map, paler the fewer of its seeds have it.

    areas  the table `stable_areas` of the maps

    None without a cell that was trained.
    """
    theme = THEMES[theme_name]
    if not any(of_condition.trained.any() for of_condition in maps):
        return None
    figure, axes = map_panels(theme, maps)
    for panel, of_condition in zip(axes, maps, strict=True):
        set_title(panel, theme, of_condition.condition, _area_in_words(areas, of_condition.condition))
        _draw_outcomes(panel, theme, of_condition)
        mark_authors(panel, theme, of_condition)
    add_legend(figure, theme, _outcome_handles(theme, maps))
    seeds = maps[0].seeds
    paler = f" The paler a cell, the fewer of its {seeds} seeds have this outcome." if seeds > 1 else ""
    return finish(
        figure,
        "stability-map",
        f"Stability map: the outcome of {'the GAN' if seeds == 1 else f'most of the {seeds} GANs'} trained in each cell, "
        f"whose setting is the cell's middle.{paler} Percentages: share of the map that is stable, with its 95% interval "
        "for other seeds."
        + _authors_in_words(maps),
        "; ".join(_map_in_words(of_condition, areas) for of_condition in maps),
    )


def _draw_outcomes(panel: "Axes", theme: Theme, of_condition: StabilityMap) -> None:
    dominant, largest = of_condition.dominant, of_condition.counts.max(axis=-1)
    for index in np.unique(dominant[dominant >= 0]):
        style = theme.outcomes[ENDS[index]]
        for count in np.unique(largest[dominant == index]):
            share = count / of_condition.seeds
            look = {"fc": style.color, "ec": theme.background, "hatch": style.hatch[:2], "lw": 0, "alpha": 0.3 + 0.7 * share}
            draw_cells(panel, of_condition, (dominant == index) & (largest == count), look)


def _outcome_handles(theme: Theme, maps: Sequence[StabilityMap]) -> list[Any]:
    from matplotlib.patches import Patch

    present = sorted({int(index) for of_condition in maps for index in np.unique(of_condition.dominant)} - {-1})
    handles: list[Any] = []
    for index in present:
        style = theme.outcomes[ENDS[index]]
        look = {"fc": style.color, "ec": theme.background, "hatch": style.hatch[:2], "lw": 0}
        handles.append(Patch(label=ENDS[index], **look))
    return [*handles, *_other_handles(theme, maps)]


def _other_handles(theme: Theme, maps: Sequence[StabilityMap]) -> list[Any]:
    from matplotlib.patches import Patch

    untrained = any(not of_condition.trained.all() for of_condition in maps)
    missing = [Patch(label="not trained", **not_trained(theme))] if untrained else []
    return [*missing, *authors_handles(theme, maps)]


def _area_in_words(areas: pd.DataFrame, condition: str) -> str:
    for row in areas[areas["condition"] == condition].to_dict("records"):
        return f"{format_share(row['stable_area'])} stable ({format_shares(row['stable_low'], row['stable_high'])})"
    return ""


def _authors_in_words(maps: Sequence[StabilityMap]) -> str:
    if any(of_condition.authors_setting is not None for of_condition in maps):
        return " Star: the authors' values of the axes, where their other settings may differ from those here."
    return ""


def _map_in_words(of_condition: StabilityMap, areas: pd.DataFrame) -> str:
    dominant = of_condition.dominant
    cells = [f"{(dominant == index).sum()} {end}" for index, end in enumerate(ENDS) if (dominant == index).any()]
    setting = of_condition.authors_setting
    authors = "" if setting is None else f", the authors' setting at {', '.join(map(format_setting, setting))}"
    return (
        f"{of_condition.condition}: {_area_in_words(areas, of_condition.condition) or 'no cell counts yet'}; of "
        f"{count_noun(int(of_condition.trained.sum()), 'cell')} {', '.join(cells)}{authors}"
    )


# --- a metric


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
    return [*patches, *_other_handles(theme, maps)]


def _number(value: float) -> str:
    return format_tick(float(value), 3)
