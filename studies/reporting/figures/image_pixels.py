"""Images as colours: grey or colour, of any range, from flattened samples."""

import numpy as np
from jaxtyping import Float

from gan_core.data import Dataset

RANGED = 256
"""Number of real images from which the range of unbounded pixels is taken."""


def colours(data: Dataset, samples: Float[np.ndarray, "*any dim"]) -> Float[np.ndarray, "*any height width 4"]:
    """Red, green, blue and opacity of flattened images, from 0 to 1; a pixel that is not finite is transparent.

    Three channels are red, green and blue; of one, two or more than three the mean is shown as grey. Pixels of bounded
    data are in [-1, 1], others in the range of real images.
    """
    return colours_between(*pixel_range(data), data.shape, samples)


def colours_between(
    low: float, high: float, shape: tuple[int, ...], samples: Float[np.ndarray, "*any dim"]
) -> Float[np.ndarray, "*any height width 4"]:
    """`colours` of images of this shape (channels, height, width), black at `low` and white at `high`."""
    channels, height, width = shape
    images = samples.astype(np.float32).reshape(*samples.shape[:-1], channels, height, width)
    if channels != 3:
        images = np.repeat(images.mean(-3, keepdims=True), 3, axis=-3)
    pixels = np.moveaxis(images, -3, -1)
    finite = np.isfinite(pixels).all(-1, keepdims=True)
    scaled = np.clip((np.where(finite, pixels, low) - low) / (high - low), 0, 1)
    return np.concatenate([scaled, finite.astype(np.float32)], axis=-1)


def real_colours(data: Dataset, count: int) -> Float[np.ndarray, "count height width 4"]:
    """The first `count` real images of the test split; transparent ones if it has fewer."""
    shown = colours(data, data.first("test", count))
    missing = np.zeros((count - len(shown), *shown.shape[1:]), shown.dtype)
    return np.concatenate([shown, missing])


def pixel_range(data: Dataset) -> tuple[float, float]:
    """The pixels that are black and white: -1 and 1, of unbounded data the range of real images."""
    if data.bounded:
        return -1.0, 1.0
    real = data.first("train", RANGED)
    low, high = float(real.min()), float(real.max())
    return (low, high) if high > low else (low, low + 1)
