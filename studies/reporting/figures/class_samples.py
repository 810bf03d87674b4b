"""Fakes of each class by a conditional generator, beside real samples of the class."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from gan_core.data import Classes, Dataset, as_coordinates
from studies.errors import InputError
from studies.reporting.figures.canvas import SHEET_WIDTH, WIDTH, DrawnFigure, finish, panels, write_png
from studies.reporting.figures.image_grid import PER_LINE, ImageRow, image_grid, label_style
from studies.reporting.figures.image_pixels import colours
from studies.reporting.figures.median_member import MedianMember, median_member
from studies.reporting.figures.sample_sheets import view_corners
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.reporting.wording import shortened
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from studies.tables.trained_generators import TrainedGenerator

MOST_CLASSES = 24
"""Largest number of classes that are drawn."""
POINTS = 200
"""Number of fakes of each class, and largest number of its real points, in a scatter."""
PANELS = 4
"""Number of scatters next to each other."""


def class_sheet(results: Results, condition: str, path: Path) -> Path | None:
    """Write the figure of `class_samples` as a PNG file with a title.

    Nothing is written, and None returned, for a condition without such a figure.
    """
    found = _found(results, condition)
    if found is None:
        return None
    title = f"{results.study.name}: fakes of each class by a generator of {condition}"
    return write_png(_figure(results.data, found[1], THEMES["light"], title), path)


def class_samples(results: Results, condition: str, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """Fakes of each class by the conditional generator of median late distance.

    Images: a row per class, a real image and then fakes, which have the same z in each column. Points of the plane: a
    scatter per class. None for a condition that is not confirmed or not conditional, for other data, and if the class
    of a user's generator cannot be imported.
    """
    found = _found(results, condition)
    if found is None:
        return None
    member, fakes = found
    if results.data.planar:
        text = "Points of each class generated", "Real points of the class are grey."
    else:
        text = (
            "Images of each class generated",
            "The first image of a row is a real one of the class; the others have the same z in each column.",
        )
    more = len(_classes(results).names) - len(fakes)
    shown = f" {more} more classes are not shown." if more else ""
    return finish(
        _figure(results.data, fakes, THEMES[theme_name]),
        f"class-samples-{condition}",
        f"{text[0]} with the setting found for {condition} by {member.in_words}. {text[1]}{shown}",
        "; ".join(fakes),
    )


def _classes(results: Results) -> Classes:
    classes = results.data.condition_classes
    assert classes is not None
    return classes


def _found(results: Results, condition: str) -> tuple[MedianMember, dict[str, Float[np.ndarray, "samples dim"]]] | None:
    """The member that is shown, and its fakes of each class by the name of the class."""
    if not (results.data.of_images or results.data.planar) or not results.study.condition(condition).classes:
        return None
    member = median_member(results, condition)
    if member is None:
        return None
    try:
        return member, _fakes(results, results.best(condition).generator(member.index))
    except InputError:  # the class of the user's generator is not on this machine, or has changed
        return None


def _fakes(results: Results, generator: "TrainedGenerator") -> dict[str, Float[np.ndarray, "samples dim"]]:
    count = POINTS if results.data.planar else PER_LINE - 1
    names = _classes(results).names[:MOST_CLASSES]
    return {name: generator(count, labels=label).reshape(count, -1) for label, name in enumerate(names)}


def _real(data: Dataset, label: int, count: int) -> Float[np.ndarray, "samples dim"]:
    """The first real samples of a class in the test split, at most `count`."""
    rows = np.flatnonzero(data.labels_of("test") == label)[:count]
    return as_coordinates(data.test[rows], np.float32)


def _figure(
    data: Dataset, fakes: dict[str, Float[np.ndarray, "samples dim"]], theme: Theme, title: str = ""
) -> "Figure":
    return (_scatters if data.planar else _rows)(data, fakes, theme, title)


def _rows(data: Dataset, fakes: dict[str, Float[np.ndarray, "samples dim"]], theme: Theme, title: str) -> "Figure":
    rows = []
    for label, (name, of_class) in enumerate(fakes.items()):
        real, images = colours(data, _real(data, label, 1)), colours(data, of_class)
        missing = np.zeros((1 - len(real), *images.shape[1:]), images.dtype)  # transparent, if the split has none
        rows.append(ImageRow(np.concatenate([missing, real, images]), shortened(name)))
    return image_grid(rows, theme, title)


def _scatters(data: Dataset, fakes: dict[str, Float[np.ndarray, "samples dim"]], theme: Theme, title: str) -> "Figure":
    low, high = view_corners(data.first("test"), np.stack(list(fakes.values())))
    width = SHEET_WIDTH if title else WIDTH
    height = width / PANELS
    figure, axes = panels(theme, len(fakes), height=height, most=PANELS, width=width, sharex=True, sharey=True)
    for label, (panel, (name, points)) in enumerate(zip(axes, fakes.items(), strict=True)):
        panel.grid(visible=False)
        dots: dict[str, Any] = {"s": 3, "linewidths": 0, "rasterized": True}
        panel.scatter(*_real(data, label, POINTS).T, color=theme.real, **dots)
        finite = points[np.isfinite(points).all(1)]
        panel.scatter(*finite.T, color=theme.fake, alpha=0.5, **dots)
        panel.set_title(shortened(name), **label_style(theme))
        panel.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    if title:
        figure.suptitle(title)
    return figure
