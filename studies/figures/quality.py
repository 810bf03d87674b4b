"""What distances do not see: precision against coverage."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from studies.comparison.quality import late_quality
from studies.figures.rows import of, present
from studies.figures.style import (
    SMALL,
    THEMES,
    WIDTH,
    Drawn,
    Theme,
    ThemeName,
    blank,
    counts_in_words,
    drawn,
    dress,
    legend,
    shortened,
    told,
)
from studies.results import Results
from studies.sentences import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h")
_BESIDE = {"real data": "*", "a Gaussian": "d"}


def precision_coverage(results: Results, theme: ThemeName = "light") -> Drawn | None:
    """Every confirmed member's precision against its coverage, and where real data and a Gaussian are.

    None before anything is confirmed, and where these are not measured.
    """
    late, look = late_quality(results), THEMES[theme]
    placed = late.dropna()
    if placed.empty:
        return None
    names = present(results, placed)
    figure = blank(look, width=WIDTH, height=4.2 + 0.06 * len(names))
    axis = figure.subplots()
    dress(axis, look)
    for place, name in enumerate(names):
        _draw_members(axis, look, of(placed, name), place)
    beside = _beside(results)
    for name, values in beside.items():
        _draw_beside(axis, look, name, values)
    axis.set(xlim=(-0.04, 1.08), ylim=(-0.04, 1.08))
    for one in (axis.xaxis, axis.yaxis):
        one.set_ticks([0, 0.2, 0.4, 0.6, 0.8, 1])
        one.set_major_formatter(lambda value, _: f"{value:.0%}")
    axis.set_xlabel("coverage: real samples that have a fake near them")
    axis.set_ylabel("precision: fakes that have a real sample near them")
    legend(figure, look, _handles(look, names, failed=bool((placed["outcome"] != "stable").any())))
    lost = len(late) - len(placed)
    hidden = f"; {counted(lost, 'nonfinite seed')} cannot be shown" if lost else ""
    return drawn(
        figure,
        "precision-coverage",
        f"Precision against coverage of each condition's "
        f"{counts_in_words(late.groupby('condition', observed=True).size())} in confirm, medians over the end of "
        f"training, beside fresh real data and a Gaussian with their mean and covariance; upper right is better"
        f"{hidden}.",
        "; ".join([*(_in_words(name, of(placed, name)) for name in names), *_beside_in_words(beside)]),
    )


def _draw_members(axis: "Axes", theme: Theme, members: pd.DataFrame, place: int) -> None:
    """Filled where stable, hollow where failed."""
    for stable, group in members.groupby(members["outcome"] == "stable"):
        axis.plot(group["coverage"], group["precision"], **_mark(theme, place, filled=bool(stable)))


def _mark(theme: Theme, place: int, *, filled: bool) -> dict[str, Any]:
    color = theme.several[place % len(theme.several)]
    return {
        "ls": "none",
        "marker": MARKERS[place % len(MARKERS)],
        "ms": 5.5,
        "mfc": color if filled else "none",
        "mec": theme.background if filled else color,
        "mew": 0.6 if filled else 1.2,
        "clip_on": False,
    }


def _beside(results: Results) -> dict[str, tuple[float, float]]:
    """(coverage, precision) of what is marked beside the members."""
    found = zip(_BESIDE, (results.floors, results.gaussians), strict=True)
    return {name: (table["coverage"], table["precision"]) for name, table in found if "coverage" in table}


def _draw_beside(axis: "Axes", theme: Theme, name: str, values: tuple[float, float]) -> None:
    marker = _BESIDE[name]
    axis.plot(*values, marker, ms=14 if marker == "*" else 9, color=theme.ink, mec=theme.background, zorder=4)
    above = name == "real data" or values[1] < 0.12  # below is the axis
    axis.annotate(
        name,
        values,
        (0, 8 if above else -8),
        textcoords="offset points",
        ha="center",
        va="bottom" if above else "top",
        fontsize=SMALL,
        fontweight="bold",
        color=theme.ink,
        zorder=5,
    )


def _handles(theme: Theme, names: list[str], *, failed: bool) -> list[Any]:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], **_mark(theme, place, filled=True), label=shortened(name)) for place, name in enumerate(names)
    ]
    hollow: dict[str, Any] = {"ls": "none", "marker": "o", "mfc": "none", "mec": theme.muted, "mew": 1.2, "ms": 5.5}
    return handles + ([Line2D([], [], **hollow, label="hollow: failed seed")] if failed else [])


def _in_words(name: str, members: pd.DataFrame) -> str:
    middle = members[["precision", "coverage"]].median()
    failed = int((members["outcome"] != "stable").sum())
    return (
        f"{name}: precision {told(middle['precision'])}, coverage {told(middle['coverage'])}, medians of "
        f"{counted(len(members), 'seed')}, {failed} failed"
    )


def _beside_in_words(beside: dict[str, tuple[float, float]]) -> list[str]:
    return [
        f"{name}: precision {told(precision)}, coverage {told(cover)}" for name, (cover, precision) in beside.items()
    ]
