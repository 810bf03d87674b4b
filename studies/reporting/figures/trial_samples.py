"""Sample pictures of finished trials, drawn without matplotlib, which would take a hundred times longer."""

from pathlib import Path

import numpy as np

from gan_core.data import Dataset
from studies.reporting.figures.image_grid import SMALL_SIDE
from studies.reporting.figures.image_pixels import colours, real_colours
from studies.reporting.figures.sample_sheets import view_corners
from studies.reporting.figures.themes import THEMES

PIXEL_SCALE = 4
"""Pixels of the picture along each side of a sample's pixel, for samples whose sides are at most `SMALL_SIDE`."""
SIDE = 180
"""Pixels along each side of a scatter."""
_LIGHT = THEMES["light"]


def draw_samples(data: Dataset, samples: np.ndarray, labels: list[str], path: Path) -> None:
    """Write a trial's samples as a picture.

    Images: a row of real images, then a row per member. Points of the plane: a scatter per member. Nothing is written
    for other data.
    """
    from PIL import Image, ImageDraw

    if data.planar:
        _draw_points(data, samples, labels, path)
    if not data.of_images:
        return
    count, (_, height, width) = samples.shape[1], data.shape
    rows = np.concatenate([real_colours(data, count)[None], colours(data, samples)])
    enlarged = max(1, round(PIXEL_SCALE * SMALL_SIDE / max(height, width, SMALL_SIDE)))
    cell, line, left, top = enlarged * width + 4, enlarged * height + 8, 190, 6
    sheet = Image.new("RGB", (left + count * cell, top + len(rows) * line), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (row, label) in enumerate(zip(rows, ["real samples", *labels], strict=True)):
        y = top + index * line
        draw.text((6, y + enlarged * height // 2 - 6), label, fill="black")
        for column, image in enumerate(row):
            pixels = (image * 255).astype(np.uint8).repeat(enlarged, 0).repeat(enlarged, 1)
            shown = Image.fromarray(pixels)
            sheet.paste(shown, (left + column * cell, y), shown)
    sheet.save(path)


def _draw_points(data: Dataset, samples: np.ndarray, labels: list[str], path: Path) -> None:
    """A scatter per member in a row: fakes in blue on real points in grey."""
    from PIL import Image, ImageDraw

    low, high = view_corners(data.first("test"), samples)
    scale = SIDE / (high - low).max()
    sheet = Image.new("RGB", (len(samples) * (SIDE + 10), SIDE + 24), "white")
    draw = ImageDraw.Draw(sheet)
    for panel, (fake, label) in enumerate(zip(samples, labels, strict=True)):
        left = panel * (SIDE + 10)
        draw.text((left + 4, 4), label, fill="black")
        for points, color in ((data.first("test", len(fake)), _LIGHT.real), (fake, _LIGHT.main)):
            shown = points[((low <= points) & (points <= high)).all(1)]  # without NaN
            x, y = ((shown - low) * scale).T
            draw.point(list(zip(left + 4 + x, SIDE + 20 - y, strict=True)), fill=color)
    sheet.save(path)
