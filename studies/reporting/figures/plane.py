"""Figure for 2-D data: densities of real points and fakes, the critic's values, and a transport plan."""

from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from gan_core.metrics import Box, transport_plan
from gan_core.objectives import Objective
from studies.numbers import format_distance, format_share, format_tick
from studies.reporting.figures.axes import log_ticks
from studies.reporting.figures.canvas import (
    SMALL,
    WIDTH,
    DrawnFigure,
    empty_figure,
    finish,
    set_title,
    style_axes,
)
from studies.reporting.figures.median_member import median_member
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRANSPORTED = 100
"""Number of real samples, and of fakes, in the transport plan."""
_FAKE = "#D55E00"
"""Colour of fakes; it is visible on every colour of the map of the critic's values."""
_CRITIC_LABELS = {"score": "score (high on real)", "energy": "energy (low on real)"}


def plane(results: Results, condition: str, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """The fakes of the member of median late distance: densities, the critic's values and a transport plan.

    None for data other than points of the plane, for a condition that is not confirmed, and without a finite fake.
    """
    member = median_member(results, condition) if results.data.planar else None
    if member is None:
        return None
    theme, real, fake = THEMES[theme_name], results.data.first("test"), results.samples(condition)[member.index]
    finite = fake[np.isfinite(fake).all(1)]
    if not len(finite):
        return None
    box, surfaces = results.critic_surface(condition)
    figure = empty_figure(theme, width=WIDTH, height=5.4)
    axes = figure.subplots(2, 2).ravel()
    for axis in axes:
        style_axes(axis, theme)
        axis.grid(visible=False)
        axis.set(xlim=(box.low[0], box.high[0]), ylim=(box.low[1], box.high[1]), aspect="equal")
    _draw_densities(axes[:2], theme, box, real, fake)
    _draw_critic_values(axes[2], theme, box, surfaces[member.index], _critic_form(results, condition))
    axes[2].scatter(*finite.T, s=4, color=_FAKE, linewidths=0, alpha=0.8, rasterized=True)
    distance = _draw_plan(axes[3], theme, real[:TRANSPORTED], finite[:TRANSPORTED])
    outside = 1 - float(((box.low <= finite) & (finite <= box.high)).all(1).mean())
    note = f" ({format_share(outside)} of them out of view)" if outside > 0.005 else ""
    return finish(
        figure,
        f"plane-{condition}",
        f"The setting found for {condition}, by {member.in_words}, at the end of training. Above: density of "
        f"{len(real)} real points and of {len(fake)} fakes{note}. Below: the critic's values with the fakes, and the "
        f"transport plan of least total distance between {min(TRANSPORTED, len(real))} real points and "
        f"{len(finite[:TRANSPORTED])} fakes.",
        f"mean distance of the transport plan: {format_distance(distance)}",
    )


def _draw_densities(axes: Any, theme: Theme, box: Box, real: np.ndarray, fake: np.ndarray) -> None:
    """Draw both densities on one logarithmic scale: a narrow mode can be a thousand times as dense as a wide one."""
    from matplotlib.colors import LogNorm

    densities = [box.density(points) for points in (real, fake)]
    most = max(density.max() for density in densities)
    least = 1 / (max(len(real), len(fake)) * np.prod((box.high - box.low) / box.resolution))
    style = _image_style(box) | {"norm": LogNorm(least, max(most, 10 * least)), "cmap": "viridis"}
    for axis, density, title, points in zip(axes, densities, ("real points", "fakes"), (real, fake), strict=True):
        set_title(axis, theme, title, f"{len(points)} points")
        image = axis.imshow(np.ma.masked_less_equal(density, 0), **style)
    ticks = log_ticks(least, max(most, 10 * least), 6)
    _add_color_bar(axes, theme, image, "density (share of the points per unit area)", ticks=ticks)


def _image_style(box: Box) -> dict[str, Any]:
    """Keyword arguments of `Axes.imshow` with which each cell is drawn at its coordinates."""
    extent = (float(box.low[0]), float(box.high[0]), float(box.low[1]), float(box.high[1]))
    return {"origin": "lower", "extent": extent, "interpolation": "nearest"}


def _draw_critic_values(axis: "Axes", theme: Theme, box: Box, values: np.ndarray, form: str) -> None:
    label = _CRITIC_LABELS.get(form, "critic's value")
    set_title(axis, theme, "critic and fakes", label)
    finite = np.ma.masked_invalid(values)
    image = axis.imshow(finite, cmap="cividis", **_image_style(box))
    if finite.count() == finite.size and np.ptp(finite) > 0:
        x, y = box.centers.reshape(box.resolution, box.resolution, 2).transpose(2, 0, 1)
        axis.contour(x, y, finite, levels=8, colors="black", linewidths=0.4, alpha=0.6)
    _add_color_bar([axis], theme, image, label)


def _add_color_bar(axes: Any, theme: Theme, image: Any, label: str, *, ticks: list[float] | None = None) -> None:
    """Draw a colour bar below the panels."""
    from matplotlib.ticker import FuncFormatter

    numbers = FuncFormatter(lambda value, _: format_tick(value))
    bar = axes[0].figure.colorbar(image, ax=axes, location="bottom", aspect=30, pad=0.02, ticks=ticks, format=numbers)
    bar.minorticks_off()
    bar.set_label(label, fontsize=SMALL, color=theme.ink)
    bar.ax.tick_params(which="both", colors=theme.ink, labelsize=SMALL)
    bar.outline.set_visible(False)


def _draw_plan(axis: "Axes", theme: Theme, real: np.ndarray, fake: np.ndarray) -> float:
    """Draw a line for each transport of mass from a fake to a real point; return the mean distance of the plan."""
    from matplotlib.collections import LineCollection

    plan = transport_plan(real, fake)
    note = f"mean distance {format_distance(plan.distance)}"
    set_title(axis, theme, "transport plan", note)
    lines = np.stack([fake[plan.fake], real[plan.real]], axis=1)
    share = plan.mass / plan.mass.max()
    axis.add_collection(LineCollection(list(lines), colors=theme.muted, linewidths=0.2 + 0.8 * share, alpha=0.8))
    axis.plot(*real.T, "o", ms=4, mfc="none", mec=theme.ink, mew=0.8, label="real")
    axis.plot(*fake.T, "x", ms=4, color=_FAKE, mew=1, label="fake")
    below: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.1), "ncols": 2, "frameon": False}
    axis.legend(fontsize=SMALL, labelcolor=theme.ink, **below)
    return plan.distance


def _critic_form(results: Results, condition: str) -> str:
    """Critic output that the objective needs, `score` or `energy`; empty for an objective of the user's own."""
    kind = results.study.condition(condition).kind("objective")
    return next((str(objective.critic_form) for objective in get_args(Objective) if objective.kind == kind), "")
