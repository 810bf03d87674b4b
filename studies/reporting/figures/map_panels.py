"""Panels of stability maps: axes in the values of the hyperparameters, cells as areas, and the authors' setting."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from studies.analysis.stability_map import StabilityMap
from studies.file.distributions import LogUniform, as_number
from studies.file.map_axes import MapAxis
from studies.file.messages import short_name
from studies.reporting.figures.axes import use_log_scale
from studies.reporting.figures.canvas import SMALL, panels
from studies.reporting.figures.themes import Theme
from studies.reporting.wording import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.path import Path

HEIGHT = 2.45
"""Inches of a row of panels."""
AUTHORS: Mapping[str, Any] = {"marker": "*", "ms": 11, "mew": 0.9, "ls": "none"}
"""Style of the mark at the authors' setting."""


def map_panels(theme: Theme, maps: Sequence[StabilityMap]) -> "tuple[Figure, list[Axes]]":
    """A figure with a panel per map, its axes scaled and named; cells that are not drawn over are hatched."""
    figure, axes = panels(theme, len(maps), height=HEIGHT)
    for panel, of_condition in zip(axes, maps, strict=True):
        panel.grid(visible=False)
        _scale(panel, of_condition.axes[0], horizontal=True)
        panel.set_xlabel(axis_label(of_condition.axes[0]), fontsize=SMALL, labelpad=2)
        if len(of_condition.axes) == 2:
            _scale(panel, of_condition.axes[1], horizontal=False)
            panel.set_ylabel(axis_label(of_condition.axes[1]), fontsize=SMALL, labelpad=2)
        else:
            panel.set(ylim=(0, 1), yticks=[])
        draw_cells(panel, of_condition, ~of_condition.trained, not_trained(theme))
    return figure, axes


def axis_label(axis: MapAxis) -> str:
    """Short names of the hyperparameters along an axis; those of one name for both networks as "both lr"."""
    names = [short_name(path) for path in axis.paths]
    last = {name.removeprefix("critic ").removeprefix("generator ") for name in names}
    return shortened(f"both {last.pop()}" if len(names) > 1 and len(last) == 1 else " = ".join(names), 30)


def _scale(panel: "Axes", axis: MapAxis, *, horizontal: bool) -> None:
    edges = axis.edges
    if isinstance(axis.distribution, LogUniform):
        use_log_scale(panel.xaxis if horizontal else panel.yaxis, edges[0], edges[-1])
    else:
        panel.set(**{"xlim" if horizontal else "ylim": (edges[0], edges[-1])})


def not_trained(theme: Theme) -> dict[str, Any]:
    """Style of cells that are not trained."""
    return {"fc": theme.background, "ec": theme.faint, "hatch": "//////", "lw": 0}


def draw_cells(
    panel: "Axes", of_condition: StabilityMap, chosen: Bool[np.ndarray, "x y"], style: Mapping[str, Any]
) -> None:
    """Fill the chosen cells of a map: one shape for all, in which neighbours along x are joined."""
    from matplotlib.patches import PathPatch

    if not chosen.any():
        return
    x = np.array(of_condition.axes[0].edges)
    y = np.array(of_condition.axes[1].edges) if len(of_condition.axes) == 2 else np.array([0.0, 1.0])
    panel.add_patch(PathPatch(_outline(x, y, chosen), antialiased=False, zorder=1.5, **style))


def _outline(
    x: Float[np.ndarray, "x_edges"], y: Float[np.ndarray, "y_edges"], chosen: Bool[np.ndarray, "x y"]
) -> "Path":
    """Rectangles around each run of chosen cells in each row."""
    from matplotlib.path import Path

    corners, codes = [], []
    for row in range(chosen.shape[1]):
        steps = np.diff(np.concatenate([[0], chosen[:, row].astype(int), [0]]))
        for first, end in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True):
            left, right, low, high = x[first], x[end], y[row], y[row + 1]
            corners += [(left, low), (right, low), (right, high), (left, high), (left, low)]
            codes += [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return Path(np.array(corners), codes)


def mark_authors(panel: "Axes", theme: Theme, of_condition: StabilityMap) -> None:
    """A star at the authors' setting; dotted lines where they have a value on one axis alone."""
    colors: dict[str, Any] = {"mfc": theme.background, "mec": theme.ink}
    setting = of_condition.authors_setting
    if setting is not None:
        panel.plot(
            [setting[0]], [setting[1] if len(setting) == 2 else 0.5], clip_on=False, zorder=4, **AUTHORS, **colors
        )
        return
    for axis, draw in zip(of_condition.axes, (panel.axvline, panel.axhline), strict=False):
        if axis.paths[0] in of_condition.authors:
            draw(as_number(of_condition.authors[axis.paths[0]]), color=theme.ink, lw=1.1, ls=":", zorder=3)


def other_handles(theme: Theme, maps: Sequence[StabilityMap]) -> list[Any]:
    """Legend entries of cells that are not trained and of what `mark_authors` draws, where the figure has them."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    colors: dict[str, Any] = {"mfc": theme.background, "mec": theme.ink}
    handles: list[Any] = []
    if any(not of_condition.trained.all() for of_condition in maps):
        handles.append(Patch(label="not trained", **not_trained(theme)))
    if any(of_condition.authors_setting is not None for of_condition in maps):
        handles.append(Line2D([], [], label="authors' setting", **AUTHORS, **colors))
    if any(of_condition.authors and of_condition.authors_setting is None for of_condition in maps):
        handles.append(Line2D([], [], label="authors' value", color=theme.ink, lw=1.1, ls=":"))
    return handles
