"""The confirmed conditions, best first."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from studies.comparison.ranking import winners
from studies.figures.rows import of
from studies.figures.sheets import GREY, confirmed_images
from studies.figures.style import (
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

STRIP = 10
"""How many fakes stand beside each condition."""


def ranking_picture(results: Results, path: Path) -> Path | None:
    """Draw the ranking: every confirmed member's distance, the interval of each condition, and some of its fakes.

    None is drawn, and None returned, before anything is confirmed.
    """
    from matplotlib.figure import Figure

    ranking = results.ranking
    if ranking.empty:
        return None
    images = [confirmed_images(results, name) for name in ranking["condition"]]
    strips = [None if sheet is None else sheet[0][1] for sheet in images]
    wide = any(strip is not None for strip in strips)
    figure = Figure(figsize=(13 if wide else 6.5, 1.2 + 0.55 * len(ranking)), layout="constrained")
    axes = figure.subplots(1, 2 if wide else 1, width_ratios=[6.8, 5.5] if wide else [1], squeeze=False)[0]
    _draw_distances(axes[0], results, THEMES["light"])
    axes[0].set_xlabel("distance (lower is better); line: 95 % interval of the interquartile mean")
    if axes[0].get_legend_handles_labels()[0]:
        axes[0].legend(loc="lower right", fontsize=8, frameon=False)
    if wide:
        _draw_strips(axes[1], strips)
    figure.suptitle(f"{results.study.name}: the setting found for each condition, on fresh seeds")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path


def confirmed(results: Results, theme: ThemeName = "light") -> Drawn | None:
    """Every confirmed member's distance and the interval of each condition, best on top.

    None before anything is confirmed.
    """
    ranking, look = results.ranking, THEMES[theme]
    if ranking.empty:
        return None
    figure = blank(look, width=WIDTH, height=1.0 + 0.42 * len(ranking))
    axis = figure.subplots()
    dress(axis, look)
    _draw_distances(axis, results, look)
    axis.set_xlabel("distance (lower is better)")
    legend(figure, look, [*_handles(look), *axis.get_legend_handles_labels()[0]])
    return drawn(
        figure,
        "confirmed",
        f"Distance of each condition's {counts_in_words(ranking['members'])} in confirm (dots; crosses where failed) "
        f"and the 95 % interval of their interquartile mean (line; an arrow where it reaches into failed).",
        "; ".join(_rank_in_words(row) for row in ranking.itertuples()),
    )


def _handles(theme: Theme) -> list[Any]:
    from matplotlib.lines import Line2D

    failure = theme.looks["diverged"].color
    return [
        Line2D([], [], color=theme.main, ls="none", marker="o", ms=4, alpha=0.6, label="stable seed"),
        Line2D([], [], color=failure, ls="none", marker="x", ms=5, label="failed seed"),
        Line2D([], [], color=theme.ink, lw=2, marker="|", ms=9, label="95 % interval"),
    ]


def _rank_in_words(row: Any) -> str:
    failed = f"{row.failure_rate:.0%} of {counted(row.members, 'member')} failed"
    if np.isnan(row.distance):
        return f"{row.condition}: failed, {failed}"
    return f"{row.condition}: {told(row.distance)} ({told(row.distance_low)} to {told(row.distance_high)}), {failed}"


def _draw_distances(axis: "Axes", results: Results, theme: Theme) -> None:
    """A row per condition, best on top: a dot per stable member, a cross per failed one, the interval below."""
    ranking, members = results.ranking, winners(results.members)
    end = _end(results)
    failure = theme.looks["diverged"].color
    for row in ranking.itertuples():
        own = of(members, str(row.condition))
        stable = own["outcome"] == "stable"
        y = -row.rank
        axis.plot(own["late_distance"][stable], [y + 0.15] * stable.sum(), "o", color=theme.main, ms=4, alpha=0.6)
        for failed in own["late_distance"][~stable].clip(upper=end).dropna():
            axis.plot([failed], [y + 0.15], "x", color=failure, ms=5, clip_on=False)
        _draw_interval(axis, theme, row, y - 0.15, end)
    labels = [f"{shortened(row.condition)}  ({row.failure_rate:.0%} failed)" for row in ranking.itertuples()]
    axis.set_yticks([-rank for rank in ranking["rank"]], labels)
    axis.set_ylim(-len(ranking) - 0.6, -0.4)
    axis.spines[["top", "right"]].set_visible(False)
    for name, label in (("floor", "real against real"), ("gaussian", "a Gaussian")):
        if (value := results.lines.get(name)) is not None:
            axis.axvline(value, color="grey", lw=1, ls=":" if name == "gaussian" else "--", label=label)


def _end(results: Results) -> float:
    """The largest distance that is worth room: failed members further off stand there."""
    members, ranking = winners(results.members), results.ranking
    stable = members["late_distance"][members["outcome"] == "stable"]
    worth = [*stable, *ranking["distance_low"], *ranking["distance_high"], results.lines.get("ref")]
    return 1.25 * max((value for value in worth if value is not None and np.isfinite(value)), default=1.0)


def _draw_interval(axis: "Axes", theme: Theme, row: Any, y: float, end: float) -> None:
    if np.isnan(row.distance_low):
        return
    open_end = np.isnan(row.distance_high)
    high = end if open_end else row.distance_high
    axis.plot([row.distance_low, high], [y, y], "-", color=theme.ink, lw=2)
    axis.plot([row.distance], [y], "|", color=theme.ink, ms=9)
    if open_end:
        axis.plot([end], [y], ">", color=theme.ink, ms=5)


def _draw_strips(axis: Any, strips: list[np.ndarray | None]) -> None:
    """The first member's fakes of each condition, at the height of its row."""
    for row, images in enumerate(strips, start=1):
        if images is not None:
            spaced = np.pad(images[:STRIP], ((0, 0), (0, 0), (1, 1)), constant_values=np.nan)
            extent = (0, STRIP, -row - 0.42, -row + 0.42)
            axis.imshow(np.concatenate(list(spaced), axis=1), extent=extent, **GREY)
    axis.set(xlim=(0, STRIP), ylim=(-len(strips) - 0.6, -0.4), aspect="auto")  # imshow had made it square
    axis.axis("off")
