"""Figure of generated samples of a setting found; it needs the trained generators alone, no real samples."""

from typing import TYPE_CHECKING

import numpy as np

from studies.file.messages import count_noun
from studies.reporting.figures.canvas import WIDTH, DrawnFigure, finish, panels, set_title
from studies.reporting.figures.image_grid import PER_LINE, ImageRow, image_grid
from studies.reporting.figures.image_pixels import colours_between
from studies.reporting.figures.themes import THEMES, Theme, ThemeName

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from studies.tables.trained_generators import TrainedConfiguration

MOST_MEMBERS, POINTS = 3, 500
"""Largest number of members that are drawn, and number of points of each."""


def found_fakes(found: "TrainedConfiguration", theme_name: ThemeName = "light") -> DrawnFigure | None:
    """Fakes of the first seeds of a setting found: images, or points of the plane; None for samples of other shapes."""
    shape, theme, seeds = found.shape.shape, THEMES[theme_name], found.seeds[:MOST_MEMBERS]
    if len(shape) == 3:
        figure = _images(found, seeds, theme)
    elif shape == (2,):
        figure = _points(found, seeds, theme)
    else:
        return None
    caption = f"Fakes of {found.condition}, of {count_noun(len(seeds), 'seed')} of {len(found.seeds)}."
    return finish(figure, f"fakes-{found.condition}", caption, caption)


def _images(found: "TrainedConfiguration", seeds: list[int], theme: Theme) -> "Figure":
    """A row of images per seed."""
    fakes = np.stack([found.generator(member)(PER_LINE) for member in range(len(seeds))])
    finite = fakes[np.isfinite(fakes)]
    low, high = (-1.0, 1.0) if found.shape.bounded or not finite.size else (float(finite.min()), float(finite.max()))
    flat = fakes.reshape(*fakes.shape[:2], -1)
    pictures = colours_between(low, high if high > low else low + 1, found.shape.shape, flat)
    rows = [ImageRow(images, f"seed {seed}") for seed, images in zip(seeds, pictures, strict=True)]
    return image_grid(rows, theme)


def _points(found: "TrainedConfiguration", seeds: list[int], theme: Theme) -> "Figure":
    """A scatter per seed, on the same axes."""
    width = WIDTH * len(seeds) / MOST_MEMBERS
    figure, axes = panels(
        theme, len(seeds), height=WIDTH / MOST_MEMBERS, most=MOST_MEMBERS, width=width, sharex=True, sharey=True
    )
    for member, (axis, seed) in enumerate(zip(axes, seeds, strict=True)):
        points = found.generator(member)(POINTS)
        x, y = points[np.isfinite(points).all(1)].T
        axis.scatter(x, y, s=2, color=theme.fake, linewidths=0)
        axis.set_aspect("equal")
        set_title(axis, theme, f"seed {seed}")
    return figure
