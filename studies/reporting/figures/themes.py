"""Colours of the figures, and the style of each outcome.

Colours are those of Okabe and Ito, which colour-blind readers can tell apart. No outcome is shown by its colour alone:
each has a marker, a line style and a hatching of its own.

Source: Okabe & Ito 2008, "Color Universal Design".
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

ThemeName = Literal["light", "dark", "both"]


@dataclass(frozen=True, kw_only=True)
class OutcomeStyle:
    """Colour, marker, line style and hatching of an outcome."""

    color: str
    marker: str
    line: Any
    hatch: str


@dataclass(frozen=True, kw_only=True)
class Theme:
    """The colours of a figure.

    ink       text and axes
    muted     reference distances, other conditions, numbers of members
    faint     grids and searched ranges
    main      the subject of the figure
    real      real samples in scatters
    fake      fakes in scatters
    several   conditions that share a panel; each also has its own marker
    outcomes  style of each outcome, and of each end without a result
    """

    background: str
    ink: str
    muted: str
    faint: str
    main: str
    real: str
    fake: str
    several: tuple[str, ...]
    outcomes: Mapping[str, OutcomeStyle]


_OUTCOMES = {
    "stable": OutcomeStyle(color="#0072B2", marker="o", line="-", hatch=""),
    "relapsed": OutcomeStyle(color="#E69F00", marker="v", line="--", hatch="////"),
    "stalled": OutcomeStyle(color="#009E73", marker="s", line="-.", hatch="----"),
    "collapsed": OutcomeStyle(color="#CC79A7", marker="D", line=(0, (5, 1)), hatch="xxxx"),
    "diverged": OutcomeStyle(color="#D55E00", marker="^", line=":", hatch="\\\\\\\\"),
    "nonfinite": OutcomeStyle(color="#222222", marker="X", line=(0, (1, 1)), hatch="++++"),
    "out of memory": OutcomeStyle(color="#777777", marker="P", line=(0, (3, 1, 1, 1, 1, 1)), hatch="||||"),
    "timed out": OutcomeStyle(color="#8C6D31", marker="*", line=(0, (3, 2)), hatch="...."),
    "error": OutcomeStyle(color="#7B5EA7", marker="h", line=(0, (4, 2, 1, 2)), hatch="oooo"),
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
    outcomes=MappingProxyType(_OUTCOMES),
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
    outcomes=MappingProxyType(
        _OUTCOMES
        | {
            "stable": replace(_OUTCOMES["stable"], color="#56B4E9"),
            "stalled": replace(_OUTCOMES["stalled"], color="#F0E442"),
            "nonfinite": replace(_OUTCOMES["nonfinite"], color="#E6E6E6"),
            "out of memory": replace(_OUTCOMES["out of memory"], color="#A0A4AA"),
            "timed out": replace(_OUTCOMES["timed out"], color="#C7A75E"),
            "error": replace(_OUTCOMES["error"], color="#B39DDB"),
        }
    ),
)


def _placeholders(theme: Theme) -> Theme:
    """The theme with one bit of each colour changed, so that no other colour of a drawing equals a placeholder.

    `real` and `fake` are fixed colours with enough contrast with either background: scatters of thousands of points are
    drawn as pixels, whose colours cannot be replaced.
    """

    def changed(color: str, by: int = 1) -> str:
        return f"#{int(color[1:], 16) ^ by:06X}"

    colors = {name: changed(color) for name, color in vars(theme).items() if isinstance(color, str)}
    # another bit than outcomes: a condition and an outcome with the same light colour may have different dark colours
    several = tuple(changed(color, by=2) for color in theme.several)
    outcomes = {outcome: replace(style, color=changed(style.color)) for outcome, style in theme.outcomes.items()}
    pixels = {"real": "#9A9EA3", "fake": "#2B8CCB"}
    return replace(theme, **colors | pixels, several=several, outcomes=MappingProxyType(outcomes))


THEMES: Mapping[ThemeName, Theme] = MappingProxyType({"light": _LIGHT, "dark": _DARK, "both": _placeholders(_LIGHT)})
"""`both` is for `inline_svg.svg`, whose element takes the colours of the page around it."""

REFERENCE_STYLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"real": ("real data", "--"), "gaussian": ("Gaussian", ":"), "constant": ("constant", "-.")}
)
"""Label and line style of each reference distance."""
