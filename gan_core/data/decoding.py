"""Decoding of one image with Pillow: upright, 8 bits, cropped, resized."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import UInt8

if TYPE_CHECKING:
    from PIL.Image import Image

Channels = Literal["auto", "rgb", "grey"]
Crop = Literal["center", "none"]
Background = Literal["white", "black"]
Pixels = UInt8[np.ndarray, "channels size size"]

FORMATS = (
    "AVIF",
    "BMP",
    "DIB",
    "GIF",
    "ICO",
    "JPEG",
    "JPEG2000",
    "MPO",
    "PCX",
    "PNG",
    "PPM",
    "SGI",
    "TGA",
    "TIFF",
    "WEBP",
)
"""Formats that are read, by Pillow's names; none of them starts another program."""
SUFFIXES = (
    *(".apng", ".avif", ".bmp", ".dib", ".gif", ".ico", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".jpx"),
    *(".mpo", ".pbm", ".pcx", ".pgm", ".png", ".pnm", ".ppm", ".rgb", ".sgi", ".tga", ".tif", ".tiff", ".webp"),
)
"""Suffixes of files that are taken for images, in lower case."""
REDUCING = 4
"""A JPEG is decoded at the smallest scale of 1/1, 1/2, 1/4, 1/8 that is this many times as large as the result."""
_UNPRINTED = logging.NullHandler()  # without a handler Python prints Pillow's errors about damaged files


@contextmanager
def strict_decoding() -> Iterator[None]:
    """Context in which Pillow raises an exception for a decompression bomb, and prints no warning about other files."""
    from PIL import Image

    Image.init()  # makes the formats known
    logging.getLogger("PIL").addHandler(_UNPRINTED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def decode_file(path: Path, *, size: int, channels: Channels, crop: Crop, background: Background) -> Pixels:
    """The pixels of an image file, `size` x `size`; of an animation the first frame.

    With `channels = "auto"` there are three channels, equal in a grey image.

    Errors: any exception of Pillow; `ValueError` for an image without a known range of its pixels.
    """
    from PIL import Image

    with Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN]) as image:
        image.draft(None, (REDUCING * size, REDUCING * size))
        sixteen = image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))
        upright = _upright(image)
        reduced = _of_sixteen_bits(upright) if sixteen else upright
        return pixels(reduced, size=size, channels=channels, crop=crop, background=background)


def decode_array(
    array: UInt8[np.ndarray, "height width bands"], *, background: Background, **settings: object
) -> Pixels:
    """The pixels of an image in an array of 1 to 4 channels (grey; grey, alpha; colour; colour, alpha)."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(array[:, :, 0] if array.shape[2] == 1 else array))
    return pixels(image, background=background, **settings)  # type: ignore[arg-type]


def pixels(image: "Image", *, size: int, channels: Channels, crop: Crop, background: Background) -> Pixels:
    """The pixels of an opened image.

    Transparent pixels show the background; palettes and CMYK become RGB. The largest centred square is cut out, or the
    whole image squeezed into the square. Pillow's bicubic filter resizes it, which averages over all pixels when it
    shrinks an image.
    """
    from PIL.Image import Resampling

    coloured = _eight_bit(image, background)
    if channels == "grey":
        coloured = coloured.convert("L")
    elif channels == "rgb":
        coloured = coloured.convert("RGB")
    if crop == "center":
        coloured = _centred_square(coloured)
    if coloured.size != (size, size):
        coloured = coloured.resize((size, size), Resampling.BICUBIC)
    array = np.asarray(coloured)
    if array.ndim == 2:
        return np.repeat(array[None], 1 if channels == "grey" else 3, axis=0)
    return np.ascontiguousarray(array.transpose(2, 0, 1))


def _upright(image: "Image") -> "Image":
    """The image turned as its EXIF orientation says; as it is stored if its EXIF data are damaged."""
    from PIL import ImageOps

    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image


def _of_sixteen_bits(image: "Image") -> "Image":
    """The image with 8 bits, and with alpha if one of its levels is transparent."""
    from PIL import Image

    levels, transparent = np.asarray(image), image.info.get("transparency")
    grey = Image.fromarray(np.rint(levels.astype(np.float64) / 257).clip(0, 255).astype(np.uint8))
    if transparent is None:
        return grey
    return Image.merge("LA", (grey, Image.fromarray(np.where(levels == transparent, 0, 255).astype(np.uint8))))


def _eight_bit(image: "Image", background: Background) -> "Image":
    """The image as 8-bit grey or RGB, without transparency."""
    from PIL import Image

    if image.mode in ("I", "F"):
        raise ValueError("has 32-bit pixels, whose range is unknown: save it with 8 or 16 bits")
    if image.has_transparency_data:
        below = Image.new("RGBA", image.size, background)
        return Image.alpha_composite(below, image.convert("RGBA")).convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _centred_square(image: "Image") -> "Image":
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return image.crop((left, top, left + side, top + side))


def describe(error: Exception) -> str:
    """A short reason why an image cannot be decoded."""
    name = type(error).__name__
    if name in ("DecompressionBombWarning", "DecompressionBombError"):
        return "a decompression bomb, more than 89 million pixels"
    if name == "UnidentifiedImageError":
        return "not an image"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split())[:100] or name
