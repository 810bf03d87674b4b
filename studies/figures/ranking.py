"""The confirmed conditions, best first."""

from pathlib import Path
from typing import Any

import numpy as np

from studies.figures.sheets import GREY, confirmed_images
from studies.results import Results

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
    _draw_distances(axes[0], results)
    if wide:
        _draw_strips(axes[1], strips)
    figure.suptitle(f"{results.study.name}: the setting found for each condition, on fresh seeds")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path


def _draw_distances(axis: Any, results: Results) -> None:
    """A row per condition, best on top: a dot per stable member, a cross per failed one, the interval below."""
    ranking, members = results.ranking, results.members
    confirmed = members[(members["phase"] == "confirm") & (members["trial"] == 0)]
    for row in ranking.itertuples():
        own = confirmed[confirmed["condition"] == row.condition]
        stable = own["outcome"] == "stable"
        y = -row.rank
        axis.plot(own["late_distance"][stable], [y + 0.15] * stable.sum(), "o", color="#0072B2", ms=4, alpha=0.6)
        axis.plot(own["late_distance"][~stable], [y + 0.15] * (~stable).sum(), "x", color="#D55E00", ms=5)
        axis.plot([row.distance_low, row.distance_high], [y - 0.15] * 2, "-", color="black", lw=2)
        axis.plot([row.distance], [y - 0.15], "|", color="black", ms=9)
    failed = [f"{row.condition}  ({row.failure_rate:.0%} failed)" for row in ranking.itertuples()]
    axis.set_yticks([-rank for rank in ranking["rank"]], failed)
    axis.set_ylim(-len(ranking) - 0.6, -0.4)
    axis.set_xlabel("distance (lower is better); line: 95 % interval of the interquartile mean")
    axis.spines[["top", "right"]].set_visible(False)
    for name, label in (("floor", "real against real"), ("gaussian", "a Gaussian")):
        if (value := results.lines.get(name)) is not None:
            axis.axvline(value, color="grey", lw=1, ls=":" if name == "gaussian" else "--", label=label)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(loc="lower right", fontsize=8, frameon=False)


def _draw_strips(axis: Any, strips: list[np.ndarray | None]) -> None:
    """The first member's fakes of each condition, at the height of its row."""
    for row, images in enumerate(strips, start=1):
        if images is not None:
            spaced = np.pad(images[:STRIP], ((0, 0), (0, 0), (1, 1)), constant_values=np.nan)
            extent = (0, STRIP, -row - 0.42, -row + 0.42)
            axis.imshow(np.concatenate(list(spaced), axis=1), extent=extent, **GREY)
    axis.set(xlim=(0, STRIP), ylim=(-len(strips) - 0.6, -0.4), aspect="auto")  # imshow had made it square
    axis.axis("off")
