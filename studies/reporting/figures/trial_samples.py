"""Sample pictures of finished trials, drawn without matplotlib, which would take a hundred times longer."""

from pathlib import Path

import numpy as np

from gan_core.data import Dataset
from studies.reporting.figures.sample_sheets import view_corners
from studies.reporting.figures.themes import THEMES

PIXEL_SCALE = 4
"""Pixels of the picture along each side of a sample's pixel."""
SIDE = 180
"""Pixels along each side of a scatter."""
_LIGHT = THEMES["light"]


def draw_samples(data: Dataset, samples: np.ndarray, labels: list[str], path: Path) -> None:
    """Write a trial's samples as a picture.

    Grey images: a row of real images, then a row per member. Points of the plane: a scatter per member. Nothing is
    written for other data.
    """
    from PIL import Image, ImageDraw

    if data.planar:
        _draw_points(data, samples, labels, path)
    if len(data.shape) != 3 or data.shape[0] != 1:
        return
    count, (_, height, width) = samples.shape[1], data.shape
    rows = np.concatenate([data.test[None, :count], samples]).reshape(-1, count, height, width)
    cell, left, top = PIXEL_SCALE * width + 4, 190, 6
    sheet = Image.new("L", (left + count * cell, top + len(rows) * (PIXEL_SCALE * height + 8)), 255)
    draw = ImageDraw.Draw(sheet)
    for index, (row, label) in enumerate(zip(rows, ["real samples", *labels], strict=True)):
        y = top + index * (PIXEL_SCALE * height + 8)
        draw.text((6, y + PIXEL_SCALE * height // 2 - 6), label, fill=0)
        for column, image in enumerate(row):
            grey = np.nan_to_num((np.clip(image, -1, 1) + 1) * 127.5, nan=255.0).astype(np.uint8)
            enlarged = np.kron(grey, np.ones((PIXEL_SCALE, PIXEL_SCALE), np.uint8))
            sheet.paste(Image.fromarray(enlarged), (left + column * cell, y))
    sheet.save(path)


def _draw_points(data: Dataset, samples: np.ndarray, labels: list[str], path: Path) -> None:
    """A scatter per member in a row: fakes in blue on real points in grey."""
    from PIL import Image, ImageDraw

    low, high = view_corners(data.test, samples)
    scale = SIDE / (high - low).max()
    sheet = Image.new("RGB", (len(samples) * (SIDE + 10), SIDE + 24), "white")
    draw = ImageDraw.Draw(sheet)
    for panel, (fake, label) in enumerate(zip(samples, labels, strict=True)):
        left = panel * (SIDE + 10)
        draw.text((left + 4, 4), label, fill="black")
        for points, color in ((data.test[: len(fake)], _LIGHT.real), (fake, _LIGHT.main)):
            shown = points[((low <= points) & (points <= high)).all(1)]  # without NaN
            x, y = ((shown - low) * scale).T
            draw.point(list(zip(left + 4 + x, SIDE + 20 - y, strict=True)), fill=color)
    sheet.save(path)
