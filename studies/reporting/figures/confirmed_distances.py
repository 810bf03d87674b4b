"""Distances of the confirmed conditions, best first."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from studies.file.messages import count_noun
from studies.numbers import format_distance, format_interval
from studies.reporting.figures.canvas import (
    PNG_DPI,
    SHEET_WIDTH,
    SMALL,
    WIDTH,
    DrawnFigure,
    add_legend,
    empty_figure,
    finish,
    set_title,
    style_axes,
)
from studies.reporting.figures.legend_entries import reference_handles
from studies.reporting.figures.median_member import median_member
from studies.reporting.figures.sample_sheets import confirmed_images
from studies.reporting.figures.selection import condition_rows
from studies.reporting.figures.themes import REFERENCE_STYLES, THEMES, Theme, ThemeName
from studies.reporting.wording import count_seeds, references_in_words, shortened
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STRIP = 10
"""Number of fakes drawn next to each condition in the ranking picture."""


def ranking_picture(results: Results, path: Path) -> Path | None:
    """Write the ranking as a PNG file: confirmed members' distances, conditions' intervals and, of images, fakes.

    Nothing is written, and None returned, before a condition is confirmed.
    """
    ranking, theme = results.ranking, THEMES["light"]
    if ranking.empty:
        return None
    sheets = [confirmed_images(results, name) for name in ranking["condition"]]
    medians = [median_member(results, name) for name in ranking["condition"]]
    strips = [
        None if sheet is None or median is None else sheet[0][1 + median.index]
        for sheet, median in zip(sheets, medians, strict=True)
    ]
    with_fakes = any(strip is not None for strip in strips)
    width = 1.7 * SHEET_WIDTH if with_fakes else SHEET_WIDTH
    figure = empty_figure(theme, width=width, height=1.6 + 0.42 * len(ranking))
    ratios = [6.8, 5.5] if with_fakes else [1]
    distances, *right = figure.subplots(1, len(ratios), width_ratios=ratios, squeeze=False)[0]
    style_axes(distances, theme)
    _draw_distances(distances, results, theme)
    distances.set_xlabel("distance (lower is better)")
    for panel in right:
        style_axes(panel, theme)
        _draw_strips(panel, strips)
        set_title(panel, theme, "fakes of the median seed", length=40)
    add_legend(figure, theme, _handles(results, theme), side="lower")
    figure.suptitle(f"{results.study.name}: the setting found for each condition, trained with fresh seeds")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=PNG_DPI)
    return path


def confirmed(results: Results, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """Every confirmed member's distance and the interval of each condition, best on top.

    None before a condition is confirmed.
    """
    ranking, theme = results.ranking, THEMES[theme_name]
    if ranking.empty:
        return None
    figure = empty_figure(theme, width=WIDTH, height=1.0 + 0.42 * len(ranking))
    axis = figure.subplots()
    style_axes(axis, theme)
    _draw_distances(axis, results, theme)
    axis.set_xlabel("distance (lower is better)")
    add_legend(figure, theme, _handles(results, theme))
    return finish(
        figure,
        "confirmed",
        _caption(results),
        "; ".join(_in_words(row) for row in ranking.itertuples()),
    )


def _caption(results: Results) -> str:
    """Caption of the figure, which names only the marks that it has."""
    ranking = results.ranking
    crosses = (
        ", crosses failed seeds (one at the right edge for all that are farther or not finite, with their number)"
        if ranking["failure_rate"].any()
        else ""
    )
    is_open = ranking["distance_low"].notna() & ranking["distance_high"].isna()
    arrow = " An arrow marks an interval without upper end, because of failed seeds." if is_open.any() else ""
    references = references_in_words(name for name, _ in _references(results))
    return (
        f"Distance of the setting found for each condition, trained with {count_seeds(ranking['members'])} that the "
        f"search did not use: dots are stable seeds{crosses}, bars the interquartile mean and its 95% interval."
        f"{arrow} {references}"
    ).rstrip()


def _handles(results: Results, theme: Theme) -> list[Any]:
    from matplotlib.lines import Line2D

    ranking, failed = results.ranking, theme.outcomes["diverged"].color
    stable = Line2D([], [], color=theme.main, ls="none", marker="o", ms=4, alpha=0.6, label="stable seed")
    failure = Line2D([], [], color=failed, ls="none", marker="x", ms=5, label="failed seed")
    interval = Line2D([], [], color=theme.ink, lw=2, marker="|", ms=9, label="distance, 95% interval")
    return [
        *([stable] if (ranking["failure_rate"] < 1).any() else []),
        *([failure] if ranking["failure_rate"].any() else []),
        *([interval] if ranking["distance_low"].notna().any() else []),
        *reference_handles(theme, (name for name, _ in _references(results))),
    ]


def _references(results: Results) -> list[tuple[str, float]]:
    """Names and values of the reference distances shown."""
    values = ((name, results.reference_distances.get(name)) for name in ("real", "gaussian"))
    return [(name, value) for name, value in values if value is not None]


def _in_words(row: Any) -> str:
    failures = f"{_failures(row)} of {count_noun(row.members, 'seed')} failed"
    if np.isnan(row.distance):
        return f"{row.condition}: no distance, since {failures}"
    interval = format_interval(row.distance_low, row.distance_high)
    return f"{row.condition}: {format_distance(row.distance)} ({interval}), {failures}"


def _failures(row: Any) -> int:
    return round(row.failure_rate * row.members)


def _draw_distances(axis: "Axes", results: Results, theme: Theme) -> None:
    """Draw a row per condition: a dot per stable member, a cross per failed member, and the interval below them."""
    ranking, members = results.ranking, results.ranked(results.members)
    right_edge = _right_edge(results)
    failure = theme.outcomes["diverged"].color
    for place, row in enumerate(ranking.itertuples(), 1):
        rows = condition_rows(members, str(row.condition))
        stable = rows["outcome"] == "stable"
        y = -place
        axis.plot(rows["late_distance"][stable], [y + 0.15] * stable.sum(), "o", color=theme.main, ms=4, alpha=0.6)
        failed = rows["late_distance"][~stable]
        near = failed[failed <= right_edge]
        axis.plot(near, [y + 0.15] * len(near), "x", color=failure, ms=5)
        _draw_beyond(axis, theme, right_edge, y + 0.15, farther=(failed > right_edge).sum(), nan=failed.isna().sum())
        _draw_interval(axis, theme, row, y - 0.15, right_edge)
    labels = [f"{shortened(row.condition)}\n{_failures(row)} of {row.members} failed" for row in ranking.itertuples()]
    axis.set_yticks([-place for place in range(1, len(ranking) + 1)], labels)
    axis.set_ylim(-len(ranking) - 0.6, -0.4)
    for name, value in _references(results):
        axis.axvline(value, color=theme.muted, lw=0.9, ls=REFERENCE_STYLES[name][1])


def _draw_beyond(axis: "Axes", theme: Theme, right_edge: float, y: float, *, farther: int, nan: int) -> None:
    """Draw one cross for the failed seeds beyond the axis and those without a finite distance, with their numbers."""
    counted = [f"{count} {what}" for count, what in ((farther, "farther"), (nan, "not finite")) if count]
    if counted:
        axis.plot([right_edge], [y], "x", color=theme.outcomes["diverged"].color, ms=5, clip_on=False)
        axis.annotate(
            ", ".join(counted),
            (right_edge, y),
            xytext=(5, 4),
            textcoords="offset points",
            ha="right",
            va="bottom",
            color=theme.muted,
            fontsize=SMALL,
        )


def _right_edge(results: Results) -> float:
    """The largest distance on the x axis; members farther away, all of them failed, are drawn at this value.

    Without a stable seed it is the distance of the failed ones, but at most that of a constant.
    """
    members, ranking = results.ranked(results.members), results.ranking
    stable = members["late_distance"][members["outcome"] == "stable"]
    references = [value for _, value in _references(results)]
    if stable.empty:
        limit = results.reference_distances.get("constant", np.inf)
        references += [distance for distance in members["late_distance"] if distance <= limit]
    shown = [*stable, *ranking["distance_low"], *ranking["distance_high"], *references]
    return 1.25 * max((value for value in shown if np.isfinite(value)), default=1.0)


def _draw_interval(axis: "Axes", theme: Theme, row: Any, y: float, right_edge: float) -> None:
    if np.isnan(row.distance_low):
        return
    is_open = np.isnan(row.distance_high)
    high = right_edge if is_open else row.distance_high
    axis.plot([row.distance_low, high], [y, y], "-", color=theme.ink, lw=2)
    axis.plot([row.distance], [y], "|", color=theme.ink, ms=9)
    if is_open:
        axis.plot([right_edge], [y], ">", color=theme.ink, ms=5)


def _draw_strips(axis: "Axes", strips: list[np.ndarray | None]) -> None:
    """Draw fakes of the median member of each condition, at the height of the condition's row."""
    for row, images in enumerate(strips, start=1):
        if images is not None:
            spaced = np.pad(images[:STRIP], ((0, 0), (0, 0), (1, 1), (0, 0)))
            extent = (0, len(spaced), -row - 0.42, -row + 0.42)
            axis.imshow(np.concatenate(list(spaced), axis=1), extent=extent, interpolation="none")
    axis.set(xlim=(0, STRIP), ylim=(-len(strips) - 0.6, -0.4), aspect="auto")  # imshow set equal aspect
    axis.axis("off")
