"""Ways to read a picture file."""

from pathlib import Path

import numpy as np
from PIL import Image


def pixels_in(path: Path) -> np.ndarray:
    """(height, width, 3)."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def colors_in(path: Path) -> set[tuple[int, ...]]:
    return set(map(tuple, np.unique(pixels_in(path).reshape(-1, 3), axis=0).tolist()))


def height_and_width(path: Path) -> tuple[int, ...]:
    return pixels_in(path).shape[:2]
