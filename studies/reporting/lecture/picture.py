"""A picture of the lecture: its claim, its sources, what computes it and what draws it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Generic, Protocol, TypeVar

from gan_core.citations import papers
from studies.reporting.figures.canvas import DrawnFigure, write_png
from studies.reporting.figures.themes import ThemeName
from studies.written_files import whole_file


class Computed(Protocol):
    """Arrays that a picture shows."""

    @property
    def numbers(self) -> Mapping[str, float]:
        """The key numbers of the picture, by name."""


Shown = TypeVar("Shown", bound=Computed)


@dataclass(frozen=True, kw_only=True)
class Picture(Generic[Shown]):
    """A picture of the lecture.

    claim    the claim of the lecture in one sentence
    parts    parts of gan_core that the claim is about; their sources are those of the claim
    compute  computes the arrays, with fixed random seeds
    draw     draws them in a theme
    """

    claim: str
    parts: tuple[Any, ...]
    compute: Callable[[], Shown]
    draw: Callable[[Shown, ThemeName], DrawnFigure]

    @property
    def papers(self) -> tuple[str, ...]:
        """Keys in `BIBTEX` of the papers that make the claim, each once."""
        return tuple(dict.fromkeys(key for part in self.parts for key in papers(part)))

    def write(self, folder: Path, theme_name: ThemeName) -> "WrittenPicture":
        """Compute the picture and write it as a PNG file, which has the name of the figure."""
        start = perf_counter()
        computed = self.compute()
        drawn = self.draw(computed, theme_name)
        file = write_png(drawn.figure, folder / f"{drawn.name}.png")
        reduce_colors(file)
        return WrittenPicture(
            file=file,
            caption=drawn.caption,
            in_words=drawn.alternative,
            numbers=computed.numbers,
            seconds=perf_counter() - start,
        )


def reduce_colors(file: Path) -> None:
    """Rewrite a PNG file with a palette of 256 colours, which takes a third of the bytes."""
    from PIL import Image

    with Image.open(file) as image:
        reduced = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    with whole_file(file) as temporary:
        reduced.save(temporary, format="PNG", optimize=True)


@dataclass(frozen=True, kw_only=True)
class WrittenPicture:
    """A picture that was written.

    caption   what the picture shows
    in_words  its key numbers in words
    numbers   its key numbers, by name
    seconds   time that it took to compute, to draw and to write
    """

    file: Path
    caption: str
    in_words: str
    numbers: Mapping[str, float]
    seconds: float
