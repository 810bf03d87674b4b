"""How every figure looks: its themes, what tells one outcome from another, and how a figure is kept.

Colours are those of Okabe and Ito, which colour-blind readers can tell apart; none stands alone, a marker, a line
style or a hatching always says the same.

Source: Okabe & Ito 2008, "Color Universal Design".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float

from gan_core.metrics.meanings import MEANINGS
from studies.condition import Budget
from studies.sentences import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ThemeName = Literal["light", "dark", "both"]
WIDTH = 7.2
"""Inches: shown 700 pixels wide, 8 points are 11 pixels high."""
SMALL, NORMAL = 7.5, 8.5
"""Points of what stands beside, and of titles."""
COLUMNS = 3
"""Panels beside each other at most."""
PNG_DPI = 144
"""Also what the layout is found for: letters are not exactly as wide at another resolution."""
_LETTER = 0.06
"""Inches of a letter in a legend."""
_PAD = 0.06
"""Inches around every panel."""
_TITLE_LENGTH = 23
"""Characters that a panel's title has room for where three stand beside each other."""
SAVED: Any = {"svg.fonttype": "none", "svg.hashsalt": "gan-studies", "savefig.bbox": None}
"""Settings of matplotlib that the same figure gives the same bytes with."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """How an outcome is drawn."""

    color: str
    marker: str
    line: Any
    hatch: str


@dataclass(frozen=True, kw_only=True)
class Theme:
    """The colours of a figure.

    ink      text and axes
    muted    what stands behind and beside: reference lines, other conditions, numbers of members
    faint    grids, ranges as they were stated
    main     what a figure is about
    real     real samples
    fake     fakes among them
    several  conditions that share a panel, each with a marker of its own
    looks    each outcome, and `given up` for a trial without a result
    """

    background: str
    ink: str
    muted: str
    faint: str
    main: str
    real: str
    fake: str
    several: tuple[str, ...]
    looks: Mapping[str, Look]


_LOOKS = {
    "stable": Look(color="#0072B2", marker="o", line="-", hatch=""),
    "relapsed": Look(color="#E69F00", marker="v", line="--", hatch="////"),
    "stalled": Look(color="#009E73", marker="s", line="-.", hatch="----"),
    "collapsed": Look(color="#CC79A7", marker="D", line=(0, (5, 1)), hatch="xxxx"),
    "diverged": Look(color="#D55E00", marker="^", line=":", hatch="\\\\\\\\"),
    "nonfinite": Look(color="#222222", marker="X", line=(0, (1, 1)), hatch="++++"),
    "given up": Look(color="#777777", marker="P", line=(0, (3, 1, 1, 1, 1, 1)), hatch="||||"),
}
_LIGHT = Theme(
    background="#FFFFFF",
    ink="#000000",
    muted="#666666",
    faint="#D9D9D9",
    main="#0072B2",
    real="#BBBBBB",
    fake="#0072B2",
    several=("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"),
    looks=MappingProxyType(_LOOKS),
)
_DARK = Theme(
    background="#15181D",
    ink="#E6E6E6",
    muted="#A0A4AA",
    faint="#3A3F47",
    main="#56B4E9",
    real="#6A6F76",
    fake="#56B4E9",
    several=("#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#F0E442"),
    looks=MappingProxyType(
        _LOOKS
        | {
            "stable": replace(_LOOKS["stable"], color="#56B4E9"),
            "stalled": replace(_LOOKS["stalled"], color="#F0E442"),
            "nonfinite": replace(_LOOKS["nonfinite"], color="#E6E6E6"),
            "given up": replace(_LOOKS["given up"], color="#A0A4AA"),
        }
    ),
)


def _placeholders(theme: Theme) -> Theme:
    """Each colour as near to its own as can be, but none that anything else would have, as black has.

    Points by the thousand are drawn as a picture, whose colours stay: they have some that show on either background.
    """

    def nudged(color: str, by: int = 1) -> str:
        return f"#{int(color[1:], 16) ^ by:06X}"

    colors = {name: nudged(color) for name, color in vars(theme).items() if isinstance(color, str)}
    several = tuple(nudged(color, by=2) for color in theme.several)  # an outcome of the same colour may have another
    looks = {outcome: replace(look, color=nudged(look.color)) for outcome, look in theme.looks.items()}
    pictured = {"real": "#9A9EA3", "fake": "#2B8CCB"}
    return replace(theme, **colors | pictured, several=several, looks=MappingProxyType(looks))


THEMES: Mapping[ThemeName, Theme] = MappingProxyType({"light": _LIGHT, "dark": _DARK, "both": _placeholders(_LIGHT)})
"""`both` is for `svg`, whose element takes the colours of the page that it stands in."""


@dataclass(frozen=True)
class Drawn:
    """A figure with what belongs to it.

    name         a word that can be a file's
    caption      one sentence below it
    alternative  its numbers in words, for who cannot see it
    """

    figure: "Figure"
    name: str
    caption: str
    alternative: str


def save(figure: "Figure", path: Path) -> tuple[Path, Path]:
    """Write the figure beside `path`, a file without suffix: as SVG, whose text stays text, and as PNG.

    The same figure gives the same bytes.
    """
    from matplotlib import rc_context

    path.parent.mkdir(parents=True, exist_ok=True)
    svg, png = path.with_name(f"{path.name}.svg"), path.with_name(f"{path.name}.png")
    with rc_context(SAVED):
        figure.savefig(svg, metadata={"Date": None})
        figure.savefig(png, dpi=PNG_DPI)
    return svg, png


def drawn(figure: "Figure", name: str, caption: str, alternative: str) -> Drawn:
    """The finished figure: its layout stays as it is however often it is saved."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine("none")
    return Drawn(figure, name, caption, alternative)


def blank(theme: Theme, *, width: float, height: float) -> "Figure":
    """A figure without anything in it, in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=PNG_DPI, facecolor=theme.background)
    figure.set_layout_engine("constrained", w_pad=_PAD, h_pad=_PAD)
    return figure


def panels(theme: Theme, count: int, *, height: float, **shared: Any) -> "tuple[Figure, list[Axes]]":
    """That many panels in rows."""
    columns = beside(count)
    rows = -(-count // columns)
    figure = blank(theme, width=WIDTH, height=0.7 + rows * height)
    every = figure.subplots(rows, columns, squeeze=False, **shared).ravel()
    for axis in every[count:]:
        axis.remove()
    for place, axis in enumerate(every[:count]):
        dress(axis, theme)
        if place + columns >= count:  # the lowest of its column, also where the last row is not full
            axis.tick_params(labelbottom=True)
    return figure, list(every[:count])


def beside(count: int) -> int:
    """How many of so many panels stand beside each other."""
    return 2 if count == 4 else min(COLUMNS, count)


def dress(axis: "Axes", theme: Theme) -> None:
    """The colours and sizes of everything that an axis says by itself."""
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


def run_along(axis: "Axes", budget: Budget) -> None:
    """Let the x axis be the budget's clock, from end to end."""
    from matplotlib.ticker import MaxNLocator

    axis.set_xlim(-0.03 * budget.steps, 1.03 * budget.steps)
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def head(axis: "Axes", theme: Theme, title: str, note: str = "") -> None:
    """A title above the panel, and in a line of its own what it was counted of."""
    axis.set_title(
        shortened(title), loc="left", fontsize=NORMAL, fontweight="bold", color=theme.ink, pad=15 if note else 5
    )
    axis.annotate(
        note, (0, 1), (0, 4), xycoords="axes fraction", textcoords="offset points", fontsize=SMALL, color=theme.muted
    )


def shortened(text: str, length: int = _TITLE_LENGTH) -> str:
    """The text, something before its end left out where it is too long."""
    end = length // 3
    return text if len(text) <= length else f"{text[: length - end - 1]}…{text[-end:]}"


def label_axes(figure: "Figure", theme: Theme, x: str, y: str = "") -> None:
    """What the axes of all panels mean."""
    figure.supxlabel(x, fontsize=NORMAL, color=theme.ink)
    if y:
        figure.supylabel(y, fontsize=NORMAL, color=theme.ink)


def legend(figure: "Figure", theme: Theme, handles: Sequence[Any]) -> None:
    """What the marks mean, above all panels: below them it would lie on their common label."""
    longest = max(len(handle.get_label()) for handle in handles)
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=max(1, min(int(figure.get_figwidth() / (0.75 + _LETTER * longest)), len(handles))),
        fontsize=SMALL,
        labelcolor=theme.ink,
        frameon=False,
        handlelength=2.6,
    )


def mark(look: Look, theme: Theme, *, filled: bool = True, size: float = 5) -> dict[str, Any]:
    """The keywords that draw an outcome's marker and no line."""
    fill = look.color if filled else theme.background
    edge = theme.background if filled else look.color
    return {
        "marker": look.marker,
        "ls": "none",
        "ms": size,
        "mfc": fill,
        "mec": edge,
        "mew": 0.6 if filled else 1.1,
    }


def label_right(axis: "Axes", theme: Theme, labels: Iterable[tuple[float, str]], *, height: float) -> None:
    """Say right of a panel what lies at these values of y, moved apart where the words would overlap.

    height  of the panel in inches, about
    """
    found = sorted(labels)
    places = axis.transAxes.inverted().transform(
        axis.transData.transform([(1, value) for value, _ in found] or [(1, 1)])
    )
    for y, (_, text) in zip(apart(places[:, 1], 1.25 * SMALL / (72 * height)), found, strict=False):
        axis.annotate(
            text,
            (1, y),
            (3, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            color=theme.muted,
            annotation_clip=False,
        )


def apart(wanted: Float[np.ndarray, "places"], gap: float) -> list[float]:
    """Places in the same ascending order, each at least `gap` above the last, near to the wanted ones."""
    places: list[float] = []
    for place in wanted:
        places.append(max(place, places[-1] + gap) if places else place)
    shift = float(np.mean(np.subtract(places, wanted))) if places else 0.0
    return [place - shift for place in places]


def log_axis(axis: Any, low: float, high: float) -> None:
    """Make an x or y axis logarithmic, with as many plain numbers on it as it has room for."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes, across = axis.axes, axis.axis_name == "x"
    axes.set(**{f"{axis.axis_name}scale": "log", f"{axis.axis_name}lim": (low, high)})
    axis.set_major_locator(FixedLocator(_log_ticks(low, high, room(axes, across=across))))
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    axis.set_minor_locator(NullLocator())


def room(axes: "Axes", *, across: bool) -> int:
    """How many numbers an axis can hold."""
    width, height = axes.get_position().size * axes.figure.get_size_inches()  # type: ignore[union-attr]
    return int(width / 0.4 if across else height / 0.28)


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two others, the densest that are not too many."""
    from matplotlib.ticker import MaxNLocator

    exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    decades = [((1,), every) for every in range(1, len(exponents) + 1)]
    for digits, every in [((1, 2, 5), 1), ((1, 3), 1), *decades]:
        ticks = [digit * 10.0**exponent for exponent in exponents[::every] for digit in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= most:
            break
    return ticks if len(ticks) > 1 else [tick for tick in MaxNLocator(3).tick_values(low, high) if low <= tick <= high]


def quantity(metric: str) -> str:
    """A metric's name in words, with its unit."""
    words = metric.replace("_", " ").replace("wasserstein", "Wasserstein")
    return f"{words} ({MEANINGS[metric].unit.replace('data', 'unit of the data')})"


def short(value: float) -> str:
    """A number as an axis has room for: 0.001, but 1e-4."""
    text = f"{value:.3g}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.2e}"
    mantissa, _, exponent = text.partition("e")
    return f"{float(mantissa):g}e{int(exponent)}" if exponent else text


def clock(budget: Budget) -> str:
    """The name of the budget's clock."""
    return budget.unit.replace("_", " ")


def counts_in_words(counts: "pd.Series[int]") -> str:
    """How many seeds there are of each condition, as in "10 seeds" and "5 to 10 seeds"."""
    low, high = int(counts.min()), int(counts.max())
    return counted(low, "seed") if low == high else f"{low} to {high} seeds"


def told(value: float) -> str:
    """A number as a sentence can hold it."""
    return f"{value:.3g}" if np.isfinite(value) else "none"
