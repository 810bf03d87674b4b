"""One image file at a time: every mode, animation and orientation, with the pixels that it shows."""

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_folders import pictures
from PIL import Image

from gan_core.data.decoding import FORMATS, SUFFIXES, Crop, decode_file, describe, strict_decoding


@pytest.fixture(autouse=True)
def strict() -> Iterator[None]:
    with strict_decoding():
        yield


def decoded(content: Image.Image | bytes, folder: Path, suffix: str = ".png", *, size: int = 4, **save: Any):
    """The pixels that `decode_file` returns for an image after it was saved: (channels, size, size)."""
    path = folder / f"x{suffix}"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content.save(path, **save)
    return decode_file(path, size=size, channels="auto", crop="center", background="white")


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(depth: int, colour: int, rows: np.ndarray, *others: bytes, side: int = 4) -> bytes:
    """A PNG file with the bytes of its rows, for what Pillow does not write."""
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = chunk(b"IHDR", struct.pack(">2I5B", side, side, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(others) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def palette(*colours: tuple[int, int, int]) -> Image.Image:
    """4 x 4 pixels of colour 1 of a palette, but colour 0 and 2 at the left of the first row."""
    image = Image.new("P", (4, 4), 1)
    image.putpalette([level for colour in colours for level in colour])
    image.putpixel((0, 0), 0)
    image.putpixel((2, 0), 2)
    return image


PALETTE = palette((0, 0, 0), (10, 20, 30), (50, 60, 70))
GREY_ALPHA = Image.merge("LA", [Image.new("L", (4, 4), 100), Image.new("L", (4, 4), 51)])
SIXTEEN = np.full((4, 4), 257 * 9, np.uint16)
BIG_ENDIAN = Image.frombytes("I;16B", (4, 4), SIXTEEN.astype(">u2").tobytes())

ONE_COLOUR: dict[str, tuple[Image.Image | bytes, str, dict[str, Any], list[int]]] = {
    "grey with alpha": (GREY_ALPHA, ".png", {}, [224] * 3),  # 100 .2 + 255 .8
    "transparent grey level": (Image.new("L", (4, 4), 7), ".png", {"transparency": 7}, [255] * 3),
    "transparent colour": (Image.new("RGB", (4, 4), (1, 2, 3)), ".png", {"transparency": (1, 2, 3)}, [255] * 3),
    "another transparent colour": (Image.new("RGB", (4, 4), (1, 2, 3)), ".png", {"transparency": (1, 2, 4)}, [1, 2, 3]),
    "CMYK": (Image.new("CMYK", (4, 4), (255, 0, 0, 0)), ".tif", {}, [0, 255, 255]),
    "inverted CMYK of Adobe": (Image.new("CMYK", (16, 16), (0, 255, 255, 0)), ".jpg", {"quality": 100}, [255, 0, 0]),
    "16 bits": (Image.fromarray(SIXTEEN), ".png", {}, [9] * 3),
    "16 bits, big-endian": (BIG_ENDIAN, ".tif", {}, [9] * 3),
    "16 bits, PGM": (Image.fromarray(SIXTEEN), ".pgm", {}, [9] * 3),
    "levels up to 1000": (b"P5 4 4 1000\n" + np.full((4, 4), 500, ">u2").tobytes(), ".pgm", {}, [128] * 3),
    "16 bits in colour": (png(16, 2, np.full((4, 12), 257 * 9, ">u2")), ".png", {}, [9] * 3),
    "16 bits with alpha": (png(16, 4, np.full((4, 8), 65535, ">u2")), ".png", {}, [255] * 3),
    "16 bits, the level is transparent": (
        png(16, 0, SIXTEEN.astype(">u2"), chunk(b"tRNS", struct.pack(">H", 257 * 9))),
        ".png",
        {},
        [255] * 3,
    ),
    "black and white": (Image.new("1", (4, 4), 1), ".png", {}, [255] * 3),
    "black and white fax": (Image.new("1", (4, 4), 0), ".tif", {"compression": "group4"}, [0] * 3),
    "a pixel": (Image.new("RGB", (1, 1), (1, 2, 3)), ".png", {}, [1, 2, 3]),
    "a line": (Image.new("RGB", (5000, 1), (1, 2, 3)), ".png", {}, [1, 2, 3]),
    "text": (b"P3 1 1 255 1 2 3\n", ".ppm", {}, [1, 2, 3]),
    "icon": (Image.new("RGBA", (32, 32), (1, 2, 3, 255)), ".ico", {}, [1, 2, 3]),
    "another format than its name says": (Image.new("RGB", (4, 4), (1, 2, 3)), ".jpg", {"format": "PNG"}, [1, 2, 3]),
    "a name in capitals": (Image.new("RGB", (4, 4), (1, 2, 3)), ".PNG", {}, [1, 2, 3]),
}


@pytest.mark.parametrize("case", ONE_COLOUR)
def test_an_image_of_one_colour_has_this_colour(tmp_path, case):
    content, suffix, save, colour = ONE_COLOUR[case]
    assert (decoded(content, tmp_path, suffix, **save) == np.reshape(colour, (3, 1, 1))).all()


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".avif", ".tif"])
def test_the_first_frame_of_an_animation_is_used(tmp_path, suffix):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    pixels = decoded(frames[0], tmp_path, suffix, save_all=True, append_images=frames[1:])
    assert abs(pixels.astype(int) - np.reshape([255, 0, 0], (3, 1, 1))).max() <= 2  # two formats are lossy


def test_a_frame_that_covers_a_part_of_its_animation_is_shown_on_the_background(tmp_path):
    frame = Image.new("P", (4, 4), 1)
    frame.putpalette([0, 0, 0, 200, 0, 0])
    frame.paste(0, (0, 0, 2, 4))
    pixels = decoded(frame, tmp_path, ".gif", transparency=0)
    assert pixels[:, 0, 0].tolist() == [255, 255, 255]
    assert pixels[:, 0, 3].tolist() == [200, 0, 0]


def test_every_colour_of_a_palette_has_its_own_transparency(tmp_path):
    pixels = decoded(PALETTE, tmp_path, transparency=bytes([0, 255, 51]))
    assert pixels[:, 0, 0].tolist() == [255, 255, 255]
    assert pixels[:, 1, 1].tolist() == [10, 20, 30]
    assert pixels[:, 0, 2].tolist() == [214, 216, 218]  # a fifth of (50, 60, 70) on white


def test_a_palette_without_transparency_has_its_colours(tmp_path):
    pixels = decoded(PALETTE, tmp_path)
    assert [pixels[:, 0, column].tolist() for column in range(3)] == [[0, 0, 0], [10, 20, 30], [50, 60, 70]]


TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda x: x,
    2: np.fliplr,
    3: lambda x: np.rot90(x, 2),
    4: np.flipud,
    5: lambda x: x.transpose(1, 0, 2),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: np.rot90(x, 2).transpose(1, 0, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", TURNS)
def test_all_orientations_of_exif_are_turned_upright(tmp_path, orientation):
    exif, image = Image.Exif(), pictures(1, side=4)[0]
    exif[0x0112] = orientation
    pixels = decoded(Image.fromarray(image), tmp_path, exif=exif)
    assert np.array_equal(pixels.transpose(1, 2, 0), TURNS[orientation](image))


def test_an_image_with_damaged_exif_data_keeps_its_pixels(tmp_path):
    pixels = decoded(Image.new("RGB", (16, 16), (9, 9, 9)), tmp_path, ".jpg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert (pixels == 9).all()


@pytest.mark.parametrize("side", [200, 1000, 1001])
def test_a_large_jpeg_is_its_average(tmp_path, side):
    """A JPEG that the decoder reduces, in blocks of 8 that are no part of the size, has the mean of the whole."""
    ramp = np.tile(np.linspace(0, 255, side).astype(np.uint8), (side, 1))
    pixels = decoded(Image.fromarray(ramp), tmp_path, ".jpg", quality=95, size=4)
    expected = np.array([32, 96, 159, 223])
    assert abs(pixels[0].mean(0) - expected).max() < 4


@pytest.mark.parametrize(("crop", "expected"), [("center", [255, 255]), ("none", [0, 0])])
def test_the_whole_or_the_centre_of_a_tall_image(tmp_path, crop: Crop, expected):
    tall = np.zeros((12, 4), np.uint8)
    tall[4:8] = 255
    Image.fromarray(tall).save(tmp_path / "x.png")
    pixels = decode_file(tmp_path / "x.png", size=4, channels="grey", crop=crop, background="white")
    assert pixels[0, [0, 3], 0].tolist() == expected


def cut(suffix: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pictures(1, side=64)[0]).save(buffer, {".jpg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:]))
    return buffer.getvalue()[: len(buffer.getvalue()) // 2]


BROKEN = {
    "no byte": (b"", ".png", "not an image"),
    "text": (b"not an image", ".jpg", "not an image"),
    "page of a server": (b"<!DOCTYPE html><html><body>404</body></html>", ".png", "not an image"),
    "program of PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n", ".png", "not an image"),
    "bomb": (png(8, 2, np.zeros((4, 12), np.uint8), side=10**5), ".png", "a decompression bomb"),
    "no pixels": (png(8, 2, np.zeros((4, 12), np.uint8), side=0), ".png", "not an image"),
    **{f"half {suffix}": (cut(suffix), suffix, "") for suffix in (".png", ".jpg", ".gif", ".webp", ".bmp", ".tif")},
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_has_a_reason_in_a_few_words(tmp_path, case):
    content, suffix, reason = BROKEN[case]
    with pytest.raises(Exception) as raised:  # noqa: PT011
        decoded(content, tmp_path, suffix)
    said = describe(raised.value)
    assert said.startswith(reason)
    assert 4 < len(said) <= 100
    assert "\n" not in said
    assert str(tmp_path) not in said


def test_numbers_of_thirty_two_bits_have_a_reason(tmp_path):
    with pytest.raises(ValueError, match="has 32-bit pixels, whose range is unknown"):
        decoded(Image.fromarray(np.full((4, 4), 1000, np.int32)), tmp_path, ".tif")


def test_a_file_that_is_not_there_has_a_reason(tmp_path):
    with pytest.raises(OSError, match="x") as raised:
        decode_file(tmp_path / "x.png", size=4, channels="auto", crop="center", background="white")
    assert describe(raised.value) == "no such file or directory"


def test_pillow_prints_nothing_about_a_damaged_file(tmp_path):
    """Checked in a process of its own, since pytest has a handler for what is logged."""
    Image.new("RGB", (4, 4)).save(tmp_path / "x.tif")
    content = (tmp_path / "x.tif").read_bytes()
    samples_per_pixel = struct.pack("<HHIH", 277, 3, 1, 3)
    assert content.count(samples_per_pixel) == 1
    (tmp_path / "x.tif").write_bytes(content.replace(samples_per_pixel, struct.pack("<HHIH", 277, 3, 1, 65535)))
    code = f"""
from pathlib import Path
from gan_core.data.decoding import decode_file, strict_decoding
with strict_decoding():
    try:
        decode_file(Path({str(tmp_path / "x.tif")!r}), size=4, channels="auto", crop="center", background="white")
    except Exception:
        print("refused")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("refused\n", "")


def test_names_end_as_those_of_the_formats_that_are_read():
    known = {suffix for suffix, name in Image.registered_extensions().items() if name in FORMATS}
    assert known - set(SUFFIXES) <= {
        ".avifs",
        ".bw",
        ".cur",
        ".icb",
        ".j2c",
        ".jpc",
        ".jpf",
        ".pfm",
        ".rgba",
        ".vda",
        ".vst",
    }
    assert set(SUFFIXES) <= known
