"""Stable and failed explore configurations of a condition, by the values of its hyperparameters."""

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from gan_core.outcomes import OUTCOMES
from studies.analysis.explore_trials import seeds_that_must_reach
from studies.file.distributions import Distribution
from studies.file.messages import count_noun
from studies.ledger.unfinished import ENDED, WITHOUT_RESULT
from studies.reporting.figures.canvas import (
    SMALL,
    DrawnFigure,
    add_legend,
    finish,
    label_axes,
    marker_style,
    panels,
    set_title,
)
from studies.reporting.figures.hyperparameter_scale import HyperparameterScale, format_value
from studies.reporting.figures.legend_entries import FAILED
from studies.reporting.figures.selection import condition_rows, explore_rows
from studies.reporting.figures.shaded_cells import MOST_MARKERS, cell_edges, column_shares, outcome_shares, shade
from studies.reporting.figures.shaded_cells import handles as cell_handles
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.reporting.wording import shortened
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT = 1.9


@dataclass(frozen=True)
class ConditionDraws:
    """The explore configurations of one condition whose trials ended.

    table            a row per configuration: `trial`, the hyperparameters by path, `stable` (number of stable seeds),
                     `outcome` (commonest outcome of the failed seeds; "stable" if none failed)
    hyperparameters  the distributions that the configurations were drawn from, by path
    seeds            number of seeds of each configuration
    """

    table: pd.DataFrame
    hyperparameters: dict[str, Distribution]
    seeds: int

    @property
    def needed(self) -> int:
        """Smallest number of stable seeds with which a configuration counts as stable."""
        return seeds_that_must_reach(self.seeds)

    @property
    def good(self) -> "pd.Series[bool]":
        """True for each configuration that is stable."""
        return self.table["stable"] >= self.needed

    @property
    def marked(self) -> bool:
        """True if there are so few configurations that each is drawn as a marker, else they are drawn as cells."""
        return len(self.table) <= MOST_MARKERS

    @property
    def outcomes(self) -> list[str]:
        """The outcome of each configuration: stable, or the commonest outcome of its failed seeds."""
        return [
            OUTCOMES[0] if good else outcome for good, outcome in zip(self.good, self.table["outcome"], strict=True)
        ]

    def searching(self, *paths: str) -> "ConditionDraws":
        """Only the configurations in which these hyperparameters are searched."""
        return replace(self, table=self.table.dropna(subset=list(paths)))

    def scale(self, path: str) -> HyperparameterScale:
        """The axis of a hyperparameter."""
        return HyperparameterScale.of(self.hyperparameters[path])


def condition_draws(results: Results, condition: str) -> ConditionDraws:
    """The explore configurations of a condition whose trials ended; one without a result has no stable seed."""
    tables = (results.trials, results.ended_members)
    trials, members = (explore_rows(condition_rows(table, condition)) for table in tables)
    trials = trials[trials["state"].isin(ENDED)]
    hyperparameters = dict(results.study.condition(condition).hyperparameters)
    counts = pd.crosstab(members["trial"], members["outcome"].astype("str"))
    counts = counts.reindex(index=trials["trial"], columns=[OUTCOMES[0], *FAILED], fill_value=0)
    table = trials[["trial", *hyperparameters]].assign(
        stable=counts[OUTCOMES[0]].to_numpy(), outcome=_commonest_failure(counts[list(FAILED)].to_numpy())
    )
    return ConditionDraws(table.reset_index(drop=True), hyperparameters, results.study.seeds)


def _commonest_failure(counts: Int[np.ndarray, "configurations failures"]) -> list[str]:
    """The commonest failed outcome of each configuration, in a tie the last in `FAILED`; stable if no seed failed.

    counts  number of seeds with each outcome in `FAILED`
    """
    last = len(FAILED) - 1 - np.argmax(counts[:, ::-1], axis=1)
    return [FAILED[number] if failed else OUTCOMES[0] for number, failed in zip(last, counts.sum(axis=1), strict=True)]


# --- one hyperparameter at a time


def outcome_map(results: Results, condition: str, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """A panel per searched hyperparameter: number of stable seeds of explore configurations against its value.

    None without searched hyperparameters or explore configurations.
    """
    theme, draws, names = THEMES[theme_name], condition_draws(results, condition), results.study.short_names
    if not draws.hyperparameters or draws.table.empty:
        return None
    draw = _draw_map if draws.marked else _shade_map
    figure, axes = panels(theme, len(draws.hyperparameters), height=_HEIGHT, sharey=True)
    ranges = {path: _stable_range(draws, path) for path in draws.hyperparameters}
    for axis, path in zip(axes, ranges, strict=True):
        set_title(axis, theme, names[path], ranges[path])
        draw(axis, theme, draws.searching(path), path)
    label_axes(figure, theme, "value of the hyperparameter", f"stable seeds of {draws.seeds}")
    add_legend(figure, theme, _handles(theme, draws))
    return finish(
        figure,
        f"outcome-map-{condition}",
        f"{condition}: stable seeds of each of {_configurations(draws)} drawn at random, "
        f"{count_noun(draws.seeds, 'seed')} each, by the value of each hyperparameter. A configuration with "
        f"{draws.needed} or more stable seeds is stable"
        + (
            " (filled marker); the shade reaches from the smallest to the largest of their values; the shape of a "
            "marker is the outcome of most failed seeds."
            if draws.marked
            else ". The colours of each column show how its configurations are distributed over the numbers of stable "
            "seeds, the stronger the more of them; the colour is the outcome of most."
        ),
        f"{int(draws.good.sum())} of {_configurations(draws)} stable; "
        + "; ".join(f"{names[path]}: {text}" for path, text in ranges.items()),
    )


def _configurations(draws: ConditionDraws) -> str:
    return count_noun(len(draws.table), "configuration")


def _shade_map(axis: "Axes", theme: Theme, draws: ConditionDraws, path: str) -> None:
    """Draw the share of each number of stable seeds among the configurations of each cell of the hyperparameter."""
    scale, stable = draws.scale(path), draws.table["stable"].to_numpy(np.float64)
    edges = cell_edges(scale), np.arange(draws.seeds + 2) - 0.5
    shade(axis, theme, column_shares(scale.coordinates(draws.table[path]), stable, draws.outcomes, edges))
    _finish_map(axis, theme, draws, scale)


def _draw_map(axis: "Axes", theme: Theme, draws: ConditionDraws, path: str) -> None:
    scale = draws.scale(path)
    x = scale.coordinates(draws.table[path])
    good = x[draws.good.to_numpy()]
    if len(good):
        axis.axvspan(*scale.shaded(good.min(), good.max()), color=theme.main, alpha=0.13, lw=0, zorder=0)
    for row, coordinate in zip(draws.table.itertuples(), scale.dodge(x, draws.table["stable"]), strict=True):
        style = marker_style(theme.outcomes[row.outcome], theme, filled=row.stable >= draws.needed)
        axis.plot([coordinate], [row.stable], alpha=0.9, clip_on=False, **style)
    _finish_map(axis, theme, draws, scale)


def _finish_map(axis: "Axes", theme: Theme, draws: ConditionDraws, scale: HyperparameterScale) -> None:
    """Set the axes, and draw the line above which configurations are stable."""
    scale.apply(axis, horizontal=True)
    axis.axhline(draws.needed - 0.5, color=theme.muted, lw=0.8, ls=":")
    axis.set(ylim=(-0.5, draws.seeds + 0.5), yticks=range(0, draws.seeds + 1, max(1, draws.seeds // 5)))


def _stable_range(draws: ConditionDraws, path: str) -> str:
    """Smallest and largest value of a hyperparameter among the stable configurations, in words."""
    values = draws.table[path][draws.good].dropna()
    if values.empty:
        return "none stable"
    coordinates = draws.scale(path).coordinates(values)
    low, high = values.iloc[int(coordinates.argmin())], values.iloc[int(coordinates.argmax())]
    return (
        f"stable at {format_value(low)}" if low == high else f"stable from {format_value(low)} to {format_value(high)}"
    )


def _handles(theme: Theme, draws: ConditionDraws) -> list[Any]:
    """Legend entries: the filled and the hollow marker of each outcome, or its colour, if the figure contains them."""
    from matplotlib.lines import Line2D

    if not draws.marked:
        return cell_handles(theme, draws.outcomes)

    handles = []
    for outcome in (OUTCOMES[0], *FAILED):
        rows = draws.table["outcome"] == outcome
        for filled in (True, False):
            if (rows & (draws.good == filled)).any():
                style = marker_style(theme.outcomes[outcome], theme, filled=filled)
                handles.append(Line2D([], [], label=_legend_label(outcome, filled=filled), **style))
    return handles


def _legend_label(outcome: str, *, filled: bool) -> str:
    if outcome in ("stable", *WITHOUT_RESULT):
        return outcome
    return f"stable, some seeds {outcome}" if filled else f"failed, mostly {outcome}"


# --- two hyperparameters at a time


def hyperparameter_pairs(results: Results, condition: str, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """A scatter of the explore configurations for each pair of searched hyperparameters.

    None with fewer than two hyperparameters or without explore configurations.
    """
    theme, draws, names = THEMES[theme_name], condition_draws(results, condition), results.study.short_names
    pairs = list(combinations(draws.hyperparameters, 2))
    if not pairs or draws.table.empty:
        return None
    figure, axes = panels(theme, len(pairs), height=2.2)
    for axis, (first, second) in zip(axes, pairs, strict=True):
        _draw_pair(axis, theme, draws.searching(first, second), first, second)
        axis.set_xlabel(shortened(names[first]), fontsize=SMALL)
        axis.set_ylabel(shortened(names[second]), fontsize=SMALL)
    add_legend(figure, theme, _handles(theme, draws))
    return finish(
        figure,
        f"hyperparameter-pairs-{condition}",
        f"{condition}: {_configurations(draws)} drawn at random, {count_noun(draws.seeds, 'seed')} each, by pairs of "
        "hyperparameters. "
        + (
            f"A filled marker is a configuration with {draws.needed} or more stable seeds; the shape of a marker is "
            "the outcome of most failed seeds."
            if draws.marked
            else f"A configuration with {draws.needed} or more stable seeds is stable. The colour of a cell is the "
            "outcome of most of its configurations, the stronger the more of them have it."
        ),
        f"{int(draws.good.sum())} of {_configurations(draws)} stable",
    )


def _draw_pair(axis: "Axes", theme: Theme, draws: ConditionDraws, first: str, second: str) -> None:
    horizontal, vertical = draws.scale(first), draws.scale(second)
    horizontal.apply(axis, horizontal=True)
    vertical.apply(axis, horizontal=False)
    x, y = horizontal.coordinates(draws.table[first]), vertical.coordinates(draws.table[second])
    if not draws.marked:
        shade(axis, theme, outcome_shares(x, y, draws.outcomes, (cell_edges(horizontal), cell_edges(vertical))))
        return
    x = horizontal.dodge(x, pd.Series(y))
    for row, *point in zip(draws.table.itertuples(), x, y, strict=True):
        style = marker_style(theme.outcomes[row.outcome], theme, filled=row.stable >= draws.needed)
        axis.plot([point[0]], [point[1]], alpha=0.9, clip_on=False, **style)
