"""Precision against coverage: sample quality that a distance does not show."""

from typing import TYPE_CHECKING

import pandas as pd

from studies.analysis.late_quality import late_quality
from studies.file.messages import count_noun
from studies.numbers import format_share
from studies.reporting.figures.canvas import (
    SMALL,
    DrawnFigure,
    finish,
)
from studies.reporting.figures.member_scatter import member_scatter
from studies.reporting.figures.selection import condition_rows, conditions_in
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.reporting.wording import count_seeds
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_REFERENCE_MARKERS = {"real data": "*", "Gaussian": "d"}


def precision_coverage(results: Results, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """Precision and coverage of every confirmed member, of real data and of a Gaussian.

    None before a condition is confirmed, and where precision and coverage are not measured.
    """
    late, theme = late_quality(results), THEMES[theme_name]
    shown = late.dropna()
    if shown.empty:
        return None
    names = conditions_in(shown, results)
    figure, axis = member_scatter(shown, names, "coverage", "precision", theme)
    references = _references(results)
    for name, values in references.items():
        _draw_reference(axis, theme, name, values)
    axis.set(xlim=(-0.04, 1.08), ylim=(-0.04, 1.08))
    for share_axis in (axis.xaxis, axis.yaxis):
        share_axis.set_ticks([0, 0.2, 0.4, 0.6, 0.8, 1])
        share_axis.set_major_formatter(lambda value, _: format_share(value))
    axis.set_xlabel("coverage: real samples with a fake near them")
    axis.set_ylabel("precision: fakes with a real sample near them")
    missing = len(late) - len(shown)
    return finish(
        figure,
        "precision-coverage",
        "Precision and coverage of the setting found for each condition, trained with "
        f"{count_seeds(late.groupby('condition', observed=True).size())}: medians over the last evaluations of each "
        "seed. For comparison: real samples, and a Gaussian of the data's mean and covariance. Upper right is better."
        + (f" {count_noun(missing, 'nonfinite seed')} cannot be shown." if missing else ""),
        "; ".join(
            [*(_in_words(name, condition_rows(shown, name)) for name in names), *_references_in_words(references)]
        ),
    )


def _references(results: Results) -> dict[str, tuple[float, float]]:
    """(coverage, precision) of real data and of the Gaussian, where they were measured."""
    values_of = zip(_REFERENCE_MARKERS, (results.real_values, results.gaussian_values), strict=True)
    return {name: (values["coverage"], values["precision"]) for name, values in values_of if "coverage" in values}


def _draw_reference(axis: "Axes", theme: Theme, name: str, values: tuple[float, float]) -> None:
    marker = _REFERENCE_MARKERS[name]
    axis.plot(*values, marker, ms=14 if marker == "*" else 9, color=theme.ink, mec=theme.background, zorder=4)
    above = name == "real data" or values[1] < 0.12  # text below a marker this low would overlap the axis
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


def _in_words(name: str, members: pd.DataFrame) -> str:
    precision, coverage = members[["precision", "coverage"]].median()
    failed = int((members["outcome"] != "stable").sum())
    return (
        f"{name}: precision {format_share(precision)}, coverage {format_share(coverage)}, medians of "
        f"{count_noun(len(members), 'seed')}, {failed} failed"
    )


def _references_in_words(references: dict[str, tuple[float, float]]) -> list[str]:
    return [
        f"{name}: precision {format_share(precision)}, coverage {format_share(coverage)}"
        for name, (coverage, precision) in references.items()
    ]
