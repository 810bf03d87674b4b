"""Parts common to all figures: size, panels, titles, legend, markers, and saving."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from studies.reporting.figures.themes import OutcomeStyle, Theme
from studies.reporting.wording import TITLE_LENGTH, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 4.0
"""Width of a figure in inches; if it is shown 368 pixels wide, as on a telephone, its smallest text has 9.6 pixels."""
SHEET_WIDTH = 7.2
"""Width in inches of a figure that is written to a file of its own, with a title."""
SMALL, NORMAL = 7.5, 8.5
"""Text sizes in points: `SMALL` for ticks, legends and notes, `NORMAL` for titles and shared axis labels."""
COLUMNS = 2
"""Largest number of panels in a row."""
PNG_DPI = 144
"""Dots per inch of sheets and of the layout, since the width of text depends slightly on the resolution."""
DETERMINISTIC: Any = {"svg.fonttype": "none", "svg.hashsalt": "gan-studies", "savefig.bbox": None}
"""Settings of matplotlib with which the same figure gives the same bytes."""
_LETTER = 0.06
"""Inches per letter of a legend."""
_PAD = 0.06
"""Inches around every panel."""


@dataclass(frozen=True)
class DrawnFigure:
    """A figure with its texts.

    name         usable as a file name
    caption      shown below the figure
    alternative  the numbers of the figure in words, for readers who cannot see it
    """

    figure: "Figure"
    name: str
    caption: str
    alternative: str


def save(figure: "Figure", path: Path) -> tuple[Path, Path]:
    """Write `path`.svg, with letters as text rather than shapes, and `path`.png; return both paths.

    path  without a suffix

    The same figure gives the same bytes.
    """
    from matplotlib import rc_context

    path.parent.mkdir(parents=True, exist_ok=True)
    svg, png = path.with_name(f"{path.name}.svg"), path.with_name(f"{path.name}.png")
    with rc_context(DETERMINISTIC):
        figure.savefig(svg, metadata={"Date": None})
        write_png(figure, png)
    return svg, png


def write_png(figure: "Figure", path: Path) -> Path:
    """Write a figure as a PNG file of 1,000 pixels or a little more from left to right; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=PNG_DPI * max(1, round(SHEET_WIDTH / figure.get_figwidth())))
    return path


def finish(figure: "Figure", name: str, caption: str, alternative: str) -> DrawnFigure:
    """Fix the layout of a figure, so that it is the same each time it is saved; return the figure with its texts."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine("none")
    return DrawnFigure(figure, name, caption, alternative)


def empty_figure(theme: Theme, *, width: float, height: float) -> "Figure":
    """A figure without axes; width and height in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=PNG_DPI, facecolor=theme.background)
    figure.set_layout_engine("constrained", w_pad=_PAD, h_pad=_PAD)
    return figure


def panels(
    theme: Theme, count: int, *, height: float, most: int = COLUMNS, width: float = WIDTH, **shared: Any
) -> "tuple[Figure, list[Axes]]":
    """A figure and its `count` panels.

    height  of a row of panels, in inches
    most    largest number of panels in a row
    width   of the figure, in inches
    shared  keyword arguments of `Figure.subplots`
    """
    columns = min(most, count)
    rows = -(-count // columns)
    figure = empty_figure(theme, width=width, height=0.7 + rows * height)
    axes = figure.subplots(rows, columns, squeeze=False, **shared).ravel()
    for axis in axes[count:]:
        axis.remove()
    for index, axis in enumerate(axes[:count]):
        style_axes(axis, theme)
        if index + columns >= count:  # the lowest panel of its column, also where the last row is not full
            axis.tick_params(labelbottom=True)
    return figure, list(axes[:count])


def style_axes(axis: "Axes", theme: Theme) -> None:
    """Set colours, text sizes, frame and grid of a panel."""
    axis.set_facecolor(theme.background)
    axis.tick_params(which="both", colors=theme.ink, labelsize=SMALL, length=3)
    axis.tick_params(which="minor", length=1.5)
    axis.spines[["top", "right"]].set_visible(False)
    for spine in axis.spines.values():
        spine.set_edgecolor(theme.muted)
    for text in (axis.xaxis.label, axis.yaxis.label):
        text.set(color=theme.ink, fontsize=SMALL)
    axis.grid(color=theme.faint, lw=0.5, alpha=0.6)
    axis.set_axisbelow(True)


def set_title(axis: "Axes", theme: Theme, title: str, note: str = "", *, length: int = TITLE_LENGTH) -> None:
    """Write a title of at most `length` characters above a panel, and below the title a note in smaller letters."""
    axis.set_title(
        shortened(title, length), loc="left", fontsize=NORMAL, fontweight="bold", color=theme.ink, pad=15 if note else 5
    )
    axis.annotate(
        note, (0, 1), (0, 4), xycoords="axes fraction", textcoords="offset points", fontsize=SMALL, color=theme.muted
    )


def label_axes(figure: "Figure", theme: Theme, x: str, y: str = "") -> None:
    """Write one label for the x axes of all panels, and one for their y axes."""
    figure.supxlabel(x, fontsize=NORMAL, color=theme.ink)
    if y:
        figure.supylabel(y, fontsize=NORMAL, color=theme.ink)


def add_legend(
    figure: "Figure", theme: Theme, handles: Sequence[Any], *, side: Literal["upper", "lower"] = "upper"
) -> None:
    """Draw the legend above all panels, where it cannot overlap an x-axis label, or below if `side` is `lower`."""
    longest = max(len(handle.get_label()) for handle in handles)
    figure.legend(
        handles=handles,
        loc="outside upper center" if side == "upper" else "outside lower center",
        ncols=max(1, min(int(figure.get_figwidth() / (0.6 + _LETTER * longest)), len(handles))),
        fontsize=SMALL,
        labelcolor=theme.ink,
        frameon=False,
        handlelength=2.6,
    )


def marker_style(style: OutcomeStyle, theme: Theme, *, filled: bool = True, size: float = 5) -> dict[str, Any]:
    """Keyword arguments of `Axes.plot` that draw an outcome's marker without a line."""
    fill = style.color if filled else theme.background
    edge = theme.background if filled else style.color
    return {
        "marker": style.marker,
        "ls": "none",
        "ms": size,
        "mfc": fill,
        "mec": edge,
        "mew": 0.6 if filled else 1.1,
    }
