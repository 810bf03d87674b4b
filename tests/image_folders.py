"""Image files made by Pillow and NumPy, for tests of data read from files."""

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def pictures(count: int = 20, side: int = 12, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Smooth random images, (images, side, side, channels) in uint8; grey ones have no axis of channels."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 3, 3, channels), dtype=np.uint8)
    smooth = [Image.fromarray(one.squeeze()).resize((side, side), Image.Resampling.BICUBIC) for one in coarse]
    return np.stack([np.asarray(one) for one in smooth])


def write_folder(folder: Path, images: np.ndarray, labels: Any = None, suffix: str = ".png") -> Path:
    """A folder with one file per image, in folders of their labels if there are any."""
    for number, image in enumerate(images):
        place = folder if labels is None else folder / str(labels[number])
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number:03}{suffix}")
    return folder


def write_idx(folder: Path, images: np.ndarray, labels: np.ndarray | None = None, *, packed: bool = False) -> Path:
    """MNIST's files of images and labels; the path of the images."""
    end, opened = (".gz", gzip.open) if packed else ("", open)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"train-images-idx3-ubyte{end}"
    with opened(path, "wb") as file:
        file.write(struct.pack(">4i", 0x803, *images.shape) + images.tobytes())
    if labels is not None:
        with opened(folder / f"train-labels-idx1-ubyte{end}", "wb") as file:
            file.write(struct.pack(">2i", 0x801, len(labels)) + labels.astype(np.uint8).tobytes())
    return path
