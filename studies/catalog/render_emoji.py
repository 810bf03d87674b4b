"""Emoji of the font Noto Color Emoji as image files, for the study images-emoji: a file for each, named by its code.

python -m studies.catalog.render_emoji            # writes them into the folder emoji
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
"""Where Debian and Ubuntu install the font."""
CODES = range(0x203C, 0x1FB00)
"""Unicode characters that can be emoji, but for digits and signs that other fonts draw."""
_POINTS = 109  # the only size of its bitmaps
_SIZE = 32


def emoji(font: Path) -> Iterator[tuple[int, Image.Image]]:
    """Code and image, 32 x 32 in colour on white, of every emoji of one character in the font; no two are equal."""
    drawn = ImageFont.truetype(font, _POINTS, layout_engine=ImageFont.Layout.BASIC)
    seen = set[bytes]()
    for code in CODES:
        left, top, right, bottom = (int(side) for side in drawn.getbbox(chr(code)))
        if right <= left or bottom <= top:  # the font has no such character
            continue
        side = max(right - left, bottom - top)
        canvas = Image.new("RGBA", (side, side), "white")
        place = ((side - right - left) // 2, (side - bottom - top) // 2)
        ImageDraw.Draw(canvas).text(place, chr(code), font=drawn, embedded_color=True)
        image = canvas.convert("RGB").resize((_SIZE, _SIZE), Image.Resampling.BICUBIC)
        if (pixels := image.tobytes()) not in seen:
            seen.add(pixels)
            yield code, image


def main(arguments: list[str] | None = None) -> None:
    """Write the files; exit code 2 and one sentence if the font is missing or the folder cannot be written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("emoji"), help="folder that is written: emoji")
    parser.add_argument("--font", type=Path, default=FONT, help=f"file of the font: {FONT}")
    given = parser.parse_args(arguments)
    if not given.font.is_file():
        print(
            f"{given.font}: no such font; Debian's package fonts-noto-color-emoji has it, or name the file with --font",
            file=sys.stderr,
        )
        sys.exit(2)
    try:
        given.folder.mkdir(parents=True, exist_ok=True)
        count = 0
        for code, image in emoji(given.font):
            image.save(given.folder / f"{code:05x}.png")
            count += 1
    except OSError as error:
        print(f"{given.folder}: cannot be written from {given.font} ({error})", file=sys.stderr)
        sys.exit(2)
    print(f"{count} emoji in {given.folder}")


if __name__ == "__main__":
    main()
