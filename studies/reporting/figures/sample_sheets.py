"""Fakes of a condition's confirmed generators: sheets of images, scatters of points."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from gan_core.data import Dataset
from gan_core.metrics import Box
from studies.numbers import format_distance, format_share
from studies.reporting.figures.canvas import SHEET_WIDTH, WIDTH, DrawnFigure, finish, panels, write_png
from studies.reporting.figures.image_grid import ImageRow, image_grid, label_style
from studies.reporting.figures.image_pixels import colours, real_colours
from studies.reporting.figures.selection import condition_rows
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.reporting.wording import sampled_seeds
from studies.tables.ranking import winners
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCATTERS, SHEET_SCATTERS = 3, 4
"""Largest number of scatters in a row of a figure, and of a sheet, which is a file of its own."""


def sample_sheet(results: Results, condition: str, path: Path) -> Path | None:
    """Write the figure of `samples` as a PNG file with a title.

    Nothing is written, and None returned, for a condition without such a figure.
    """
    title = f"{results.study.name}: fakes of the setting found for {condition}"
    figure = _figure(results, condition, THEMES["light"], title)
    return None if figure is None else write_png(figure, path)


def samples(results: Results, condition: str, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """Fakes of a condition's confirmed generators.

    Images: a row of real samples, then a row of fakes per member. Points of the plane: a scatter per member of its
    fakes and real points. None for a condition that is not confirmed, and for other kinds of data.
    """
    figure = _figure(results, condition, THEMES[theme_name])
    if figure is None:
        return None
    labels = confirmed_labels(results, condition)
    if results.data.planar:
        kind, real = "Points", "Real points are grey."
    else:
        kind, real = "Images", "The first row shows real images."
    return finish(
        figure,
        f"samples-{condition}",
        f"{kind} generated with the setting found for {condition} at the end of training, by each of its "
        f"{sampled_seeds(results.study, len(labels))}, with the seed's outcome and late distance. {real}",
        "; ".join(label.replace("\n", ", ") for label in labels),
    )


def _figure(results: Results, condition: str, theme: Theme, title: str = "") -> "Figure | None":
    if results.data.planar:
        labels = confirmed_labels(results, condition)
        return scatters(results.data, labels, results.samples(condition), theme, title) if labels else None
    images = confirmed_images(results, condition)
    if images is None:
        return None
    return image_grid([ImageRow(row, label) for row, label in zip(*images, strict=True)], theme, title)


def confirmed_images(results: Results, condition: str) -> tuple[np.ndarray, list[str]] | None:
    """Colours of real images and of each confirmed member's fakes, and the labels of the rows.

    The colours have the shape (rows, samples, height, width, 4). None for a condition that is not confirmed, and for
    data that are no images.
    """
    data, labels = results.data, confirmed_labels(results, condition)
    if not data.of_images or not labels:
        return None
    fakes = colours(data, results.samples(condition))
    return np.concatenate([real_colours(data, fakes.shape[1])[None], fakes]), ["real", *labels]


def confirmed_labels(results: Results, condition: str) -> list[str]:
    """Seed, outcome and late distance of each confirmed member; empty for a condition that is not confirmed."""
    return [
        f"seed {row.seed}\n{row.outcome}"
        + ("" if np.isnan(row.late_distance) else f" {format_distance(row.late_distance)}")
        for row in condition_rows(winners(results.members), condition).itertuples()
    ]


def scatters(
    data: Dataset,
    labels: Sequence[str],
    fakes: Float[np.ndarray, "members points 2"],
    theme: Theme,
    title: str = "",
) -> "Figure":
    """A figure with a panel per member: its fakes and as many real points, on the same axes for all.

    title  above the panels of a sheet, which is a file of its own and wider than a figure of a page
    """
    low, high = view_corners(data.first("test"), fakes)
    most = SHEET_SCATTERS if title else SCATTERS
    width, height = (SHEET_WIDTH, 1.95) if title else (WIDTH, 1.5)
    figure, axes = panels(theme, len(labels), height=height, most=most, width=width, sharex=True, sharey=True)
    for panel, label, fake in zip(axes, labels, fakes, strict=True):
        panel.grid(visible=False)
        real = data.first("test", len(fake))
        dots: dict[str, Any] = {"s": 3, "linewidths": 0, "rasterized": True}  # thousands of shapes would be megabytes
        panel.scatter(*real.T, color=theme.real, **dots)
        panel.scatter(*fake[np.isfinite(fake).all(1)].T, color=theme.fake, alpha=0.5, **dots)
        outside = 1 - float(((low <= fake) & (fake <= high)).all(1).mean())
        note = f"\n{format_share(outside)} out of view" if outside > 0.005 else ""
        panel.set_title(label + note, **label_style(theme))
        panel.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    if title:
        figure.suptitle(title)
    return figure


def view_corners(real: np.ndarray, fakes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower left and upper right corner of the part of the plane that is drawn.

    This part contains all real points and the fakes between their quantiles 0.01 and 0.99, except fakes that lie
    farther from the bounding box of the data than the length of its longer side.
    """
    near, far = (Box.around(real, resolution=1, margin=margin) for margin in (0.1, 1.0))
    finite = fakes[np.isfinite(fakes).all(-1)]
    if not len(finite):
        return near.low, near.high
    first, last = np.quantile(finite, [0.01, 0.99], axis=0)
    return np.clip(first, far.low, near.low), np.clip(last, near.high, far.high)
