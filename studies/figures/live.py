"""Pictures beside running trials, drawn without matplotlib, which takes a hundred times longer."""

from pathlib import Path

import numpy as np

from gan_core.data import Dataset
from studies.figures.sheets import window
from studies.figures.style import THEMES

PIXELS = 4
"""How large a pixel of a sample is drawn."""
SIDE = 180
"""Pixels along a scatter."""
_LIGHT = THEMES["light"]


def draw_samples(data: Dataset, samples: np.ndarray, labels: list[str], path: Path) -> None:
    """Draw a trial's samples at once: a row of real images, then one a member; of points, a picture for each member.

    Nothing for other data.
    """
    from PIL import Image, ImageDraw

    if data.planar:
        _draw_points(data, samples, labels, path)
    if len(data.shape) != 3 or data.shape[0] != 1:
        return
    count, (_, height, width) = samples.shape[1], data.shape
    rows = np.concatenate([data.confirm[None, :count], samples]).reshape(-1, count, height, width)
    cell, left, top = PIXELS * width + 4, 190, 6
    sheet = Image.new("L", (left + count * cell, top + len(rows) * (PIXELS * height + 8)), 255)
    draw = ImageDraw.Draw(sheet)
    for line, (row, label) in enumerate(zip(rows, ["real samples", *labels], strict=True)):
        y = top + line * (PIXELS * height + 8)
        draw.text((6, y + PIXELS * height // 2 - 6), label, fill=0)
        for column, image in enumerate(row):
            grey = np.nan_to_num((np.clip(image, -1, 1) + 1) * 127.5, nan=255.0).astype(np.uint8)
            sheet.paste(Image.fromarray(np.kron(grey, np.ones((PIXELS, PIXELS), np.uint8))), (left + column * cell, y))
    sheet.save(path)


def _draw_points(data: Dataset, samples: np.ndarray, labels: list[str], path: Path) -> None:
    """Beside each other the members' fakes in blue, on real points in grey."""
    from PIL import Image, ImageDraw

    low, high = window(data.confirm, samples)
    scale = SIDE / (high - low).max()
    sheet = Image.new("RGB", (len(samples) * (SIDE + 10), SIDE + 24), "white")
    draw = ImageDraw.Draw(sheet)
    for panel, (fake, label) in enumerate(zip(samples, labels, strict=True)):
        left = panel * (SIDE + 10)
        draw.text((left + 4, 4), label, fill="black")
        for points, color in ((data.confirm[: len(fake)], _LIGHT.real), (fake, _LIGHT.main)):
            shown = points[((low <= points) & (points <= high)).all(1)]  # nothing that is not finite either
            x, y = ((shown - low) * scale).T
            draw.point(list(zip(left + 4 + x, SIDE + 20 - y, strict=True)), fill=color)
    sheet.save(path)
