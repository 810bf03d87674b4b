"""Map of the Dirac pair's growth per iteration, with the border that theory has."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from studies.analysis.dirac_growth import WEIGHT, border_weights, measured_growth
from studies.analysis.stability_map import StabilityMap
from studies.file.condition import Condition
from studies.file.distributions import as_number
from studies.numbers import format_share
from studies.reporting.figures.canvas import DrawnFigure, add_legend, finish, set_title
from studies.reporting.figures.map_panels import draw_cells, map_panels, other_handles
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EDGES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 1.0, 1.02, 1.05, 1.1, 1.25, 2.0, np.inf)
"""Borders between the colours of a growth per iteration."""
BORDER_POINTS = 200


def growth_map(results: Results, maps: Sequence[StabilityMap], theme_name: ThemeName = "light") -> DrawnFigure | None:
    """The measured growth of the distance to the equilibrium per iteration in each cell, with the border of theory.

    None unless the maps are of the Dirac pair.
    """
    theme = THEMES[theme_name]
    growth = {of_condition.condition: measured_growth(results, of_condition.condition) for of_condition in maps}
    measured = {name: array for name, array in growth.items() if array is not None and not np.isnan(array).all()}
    shown = [of_condition for of_condition in maps if of_condition.condition in measured]
    if not shown:
        return None
    figure, axes = map_panels(theme, shown)
    bordered = []
    for panel, of_condition in zip(axes, shown, strict=True):
        array = measured[of_condition.condition]
        set_title(panel, theme, of_condition.condition, f"{_shrinking(array)} of the cells converge")
        for (low, high), color in zip(pairwise(EDGES), _colors(), strict=True):
            draw_cells(panel, of_condition, (array >= low) & (array < high), {"fc": color, "lw": 0})
        bordered.append(_draw_border(panel, theme, results.study.condition(of_condition.condition), of_condition))
    add_legend(figure, theme, _handles(theme, shown, border=any(bordered)))
    return finish(
        figure,
        "growth-map",
        "Growth of the distance to the equilibrium per iteration: (last distance / first distance)^(1/iterations). "
        "Below 1 the pair converges. Line: the border of convergence near the equilibrium in theory (Mescheder et al. "
        "2018).",
        "; ".join(
            f"{name}: growth from {np.nanmin(array):.3g} to {np.nanmax(array):.3g}, {_shrinking(array)} of the cells "
            "converge"
            for name, array in measured.items()
        ),
    )


def _shrinking(array: Float[np.ndarray, "x y"]) -> str:
    return format_share(float((array[~np.isnan(array)] < 1).mean()))


def _colors() -> list[str]:
    """Purple where the distance shrinks, orange where it grows, paler towards 1."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    half = len(EDGES) // 2
    return [
        to_hex(color)
        for color in colormaps["PuOr_r"](np.append(np.linspace(0.02, 0.4, half), np.linspace(0.6, 0.98, half)))
    ]


def _draw_border(panel: "Axes", theme: Theme, condition: Condition, of_condition: StabilityMap) -> bool:
    """Draw the border of theory; False if one axis is not the penalty's weight alone, or theory is not stated."""
    axes = of_condition.axes
    if len(axes) != 2 or (WEIGHT,) not in (axes[0].paths, axes[1].paths):
        return False
    across = axes[1] if axes[0].paths == (WEIGHT,) else axes[0]
    weight = axes[0] if across is axes[1] else axes[1]
    values = [across.distribution.quantile(u) for u in np.linspace(0, 1, BORDER_POINTS)]
    settings = [{WEIGHT: weight.values[0]} | dict.fromkeys(across.paths, value) for value in values]
    borders = [(value, border_weights(condition, setting)) for value, setting in zip(values, settings, strict=True)]
    known = [(as_number(value), *border) for value, border in borders if border is not None]
    if not known:
        return False
    limits = panel.get_xlim(), panel.get_ylim()
    other, low, high = np.array(known).T
    for ends in (low, high):
        line = (ends, other) if across is axes[1] else (other, ends)
        panel.plot(*line, color=theme.ink, lw=1.4, zorder=3)
    panel.set(xlim=limits[0], ylim=limits[1])
    return True


def _handles(theme: Theme, maps: Sequence[StabilityMap], *, border: bool) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    names = [f"growth to {EDGES[1]:g}"] + [f"to {end:g}" for end in EDGES[2:-1]] + [f"above {EDGES[-2]:g}"]
    handles: list[Any] = [Patch(fc=color, lw=0, label=name) for name, color in zip(names, _colors(), strict=True)]
    handles += other_handles(theme, maps)
    return [*handles, *([Line2D([], [], color=theme.ink, lw=1.4, label="border in theory")] if border else [])]
