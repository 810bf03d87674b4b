"""Rows of labelled images in one figure, large enough to be seen and small enough for a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from studies.reporting.figures.canvas import NORMAL, PNG_DPI, SHEET_WIDTH, WIDTH, empty_figure
from studies.reporting.figures.themes import Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMALL_SIDE = 16
"""Largest height and width of images of which 16 fit next to each other; of larger ones 8 do."""
PER_LINE, SMALL_PER_LINE = 8, 16
"""Largest number of images next to each other, and of small ones in a file of its own."""
LEVELS, SMALL_LEVELS = 31, 16
"""Steps of each colour, and of small grey images, as in the digits.

Nobody sees the difference from 255 steps, but files are half as large.
"""
_SHEET_LABEL, _LABEL, _NOTE, _GAP, _TITLE = 188, 176, 26, 16, 50
"""Dots left of the images in a sheet and in a figure, below a row for notes, between rows, above them for a title."""
_SHEET_LINE, _LINE = round(SHEET_WIDTH * PNG_DPI) - _SHEET_LABEL, round(WIDTH * PNG_DPI) - _LABEL - _GAP
"""Dots of a line of images in a sheet, about, and in a figure."""


@dataclass(frozen=True, eq=False)
class ImageRow:
    """Images next to each other, in several lines if they are many.

    label   text to their left
    notes   text below each image; empty for none
    """

    images: Float[np.ndarray, "images height width 4"]
    label: str
    notes: Sequence[str] = ()


def image_grid(rows: Sequence[ImageRow], theme: Theme, title: str = "") -> "Figure":
    """A figure with a row of images below the other, each with its label.

    title  above the rows of a sheet, which is a file of its own and wider than a figure of a page
    """
    height, width = rows[0].images.shape[1:3]
    label, most = (_SHEET_LABEL, per_line((height, width))) if title else (_LABEL, PER_LINE)
    columns = min(most, max(len(row.images) for row in rows))
    dots = (_SHEET_LINE if title else _LINE) / max(columns, PER_LINE) / (width + 2)  # per pixel of an image
    dots = max(1, round(dots)) if title else dots  # a page is shown at any scale, a file as it is
    pictures = [lines_of(row.images, columns) for row in rows]
    heights = [
        dots * len(picture) + (_NOTE if row.notes else 0) + _GAP for picture, row in zip(pictures, rows, strict=True)
    ]
    top = _TITLE if title else _GAP
    whole = np.array([max(label + dots * columns * (width + 2) + _GAP, WIDTH * PNG_DPI), top + sum(heights)])
    figure = empty_figure(theme, width=whole[0] / PNG_DPI, height=whole[1] / PNG_DPI)
    figure.set_layout_engine("none")
    if title:
        figure.text(
            0.5, 1 - 0.5 * top / whole[1], title, ha="center", va="center", fontsize=NORMAL + 2, color=theme.ink
        )
    below = whole[1] - top
    for row, picture, row_height in zip(rows, pictures, heights, strict=True):
        size = dots * np.array(picture.shape[1::-1])
        corner = np.array([label, below - size[1]])
        _draw_row(figure.add_axes((*(corner / whole), *(size / whole))), row, picture, theme)
        below -= row_height
    return figure


def _draw_row(axis: "Axes", row: ImageRow, picture: np.ndarray, theme: Theme) -> None:
    axis.imshow(picture, interpolation="none", aspect="auto")  # an SVG holds the samples' own pixels
    axis.set_ylabel(row.label, rotation=0, ha="right", va="center", **label_style(theme))
    cell = row.images.shape[2] + 2
    axis.set_xticks((np.arange(len(row.notes)) + 0.5) * cell - 0.5, row.notes)
    axis.set_yticks([])
    axis.tick_params(length=0, pad=1, labelsize=label_style(theme)["fontsize"], labelcolor=theme.ink)
    axis.spines[:].set_visible(False)
    axis.set_facecolor(theme.background)


def per_line(shape: tuple[int, ...]) -> int:
    """Number of images of this height and width that fit next to each other."""
    return SMALL_PER_LINE if is_small(shape) else PER_LINE


def is_small(shape: tuple[int, ...]) -> bool:
    """True if neither height nor width exceeds `SMALL_SIDE`."""
    return max(shape) <= SMALL_SIDE


def lines_of(
    images: Float[np.ndarray, "images height width 4"], columns: int
) -> Float[np.ndarray, "lines_height line_width 4"]:
    """One picture of the images in lines of so many, each with a transparent pixel around it."""
    missing = -len(images) % columns
    spaced = np.pad(with_levels(images), ((0, missing), (1, 1), (1, 1), (0, 0)))
    _, height, width, channels = spaced.shape
    lines = spaced.reshape(-1, columns, height, width, channels).swapaxes(1, 2)
    return lines.reshape(-1, columns * width, channels)


def with_levels(images: Float[np.ndarray, "*any height width 4"]) -> Float[np.ndarray, "*any height width 4"]:
    """The images with fewer different colours; a file of them is smaller."""
    colored, opacity = images[..., :3], images[..., 3:]
    grey = bool((colored == colored[..., :1]).all())
    levels = SMALL_LEVELS if grey and is_small(images.shape[-3:-1]) else LEVELS
    return np.concatenate([np.round(colored * levels) / levels, opacity], axis=-1)


def label_style(theme: Theme) -> dict[str, Any]:
    """Keyword arguments for the text of labels next to pictures."""
    return {"fontsize": 8, "color": theme.ink}
