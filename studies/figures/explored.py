"""What the explored configurations of a condition came to, knob by knob."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gan_core.stability import OUTCOMES
from studies.comparison.explored import seeds_that_must_reach
from studies.comparison.outcomes import GIVEN_UP
from studies.figures import rows
from studies.figures.style import (
    SMALL,
    THEMES,
    Drawn,
    Theme,
    ThemeName,
    drawn,
    head,
    label_axes,
    legend,
    log_axis,
    mark,
    panels,
    room,
    short,
    shortened,
)
from studies.results import Results
from studies.sentences import counted, knob_name
from studies.space import Choice, Distribution, Grid, LogUniform

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT = 1.9


@dataclass(frozen=True)
class Explored:
    """The explored configurations of one condition that ended.

    table   a row each: the knobs by their paths, `stable` seeds, `outcome` (the commonest failure, or stable)
    knobs   what they were drawn from
    seeds   of each configuration
    """

    table: pd.DataFrame
    knobs: dict[str, Distribution]
    seeds: int

    @property
    def needed(self) -> int:
        """How many stable seeds make a configuration stable."""
        return seeds_that_must_reach(self.seeds)

    @property
    def good(self) -> "pd.Series[bool]":
        """Whether each configuration is stable."""
        return self.table["stable"] >= self.needed


def explored(results: Results, condition: str) -> Explored:
    """The explored configurations of a condition; a trial that was given up has no stable seed."""
    trials, members = (rows.explored(rows.of(frame, condition)) for frame in (results.trials, results.members))
    trials = trials[trials["state"] != "running"]
    knobs = dict(results.study.condition(condition).knobs)
    outcomes = members.groupby("trial")["outcome"].agg(list).reindex(trials["trial"])
    found: list[list[str]] = [each if isinstance(each, list) else [] for each in outcomes]
    table = trials[["trial", *knobs]].assign(
        stable=[each.count("stable") for each in found], outcome=[_commonest_failure(each) for each in found]
    )
    return Explored(table.reset_index(drop=True), knobs, results.study.seeds)


def _commonest_failure(outcomes: list[str]) -> str:
    """The failure of most members; the graver of two equals; stable where none failed."""
    if not outcomes:
        return GIVEN_UP
    failures = [outcome for outcome in outcomes if outcome != "stable"]
    return max(failures, key=lambda one: (failures.count(one), OUTCOMES.index(one)), default="stable")


# --- one knob at a time


def outcome_map(results: Results, condition: str, theme: ThemeName = "light") -> Drawn | None:
    """A strip for each searched knob: its values, and how many seeds of each explored configuration were stable.

    None without searched knobs or explored configurations.
    """
    look, found = THEMES[theme], explored(results, condition)
    if not found.knobs or found.table.empty:
        return None
    figure, axes = panels(look, len(found.knobs), height=_HEIGHT, sharey=True)
    for axis, (path, knob) in zip(axes, found.knobs.items(), strict=True):
        scale = Scale.of(knob)
        head(axis, look, knob_name(path), _range_in_words(found, path, scale))
        _draw_strip(axis, look, found, path, scale)
    label_axes(figure, look, "value of the knob", f"stable seeds of {found.seeds}")
    legend(figure, look, _handles(look, found))
    return drawn(
        figure,
        f"outcome-map-{condition}",
        f"{condition}: stable seeds of {counted(len(found.table), 'explored configuration')} with "
        f"{counted(found.seeds, 'seed')} each, by the value of each knob; the mark says how most failed seeds failed, "
        f"a filled one that {found.needed} or more were stable, and the shade spans all of these.",
        f"{int(found.good.sum())} of {counted(len(found.table), 'configuration')} stable; "
        + "; ".join(f"{path}: {_range_in_words(found, path, Scale.of(knob))}" for path, knob in found.knobs.items()),
    )


def _draw_strip(axis: "Axes", theme: Theme, found: Explored, path: str, scale: "Scale") -> None:
    x = scale.place(found.table[path])
    scale.apply(axis, horizontal=True)
    good = x[found.good.to_numpy()]
    if len(good):
        axis.axvspan(*scale.around(good.min(), good.max()), color=theme.main, alpha=0.13, lw=0, zorder=0)
    for row, place in zip(found.table.itertuples(), scale.dodge(x, found.table["stable"]), strict=True):
        style = mark(theme.looks[row.outcome], theme, filled=row.stable >= found.needed)
        axis.plot([place], [row.stable], alpha=0.9, clip_on=False, **style)
    axis.axhline(found.needed - 0.5, color=theme.muted, lw=0.8, ls=":")
    axis.set(ylim=(-0.5, found.seeds + 0.5), yticks=range(0, found.seeds + 1, max(1, found.seeds // 5)))


def _range_in_words(found: Explored, path: str, scale: "Scale") -> str:
    good = found.table[path][found.good]
    if good.empty:
        return "no stable one"
    places = scale.place(good)
    low, high = good.iloc[int(places.argmin())], good.iloc[int(places.argmax())]
    return f"stable ones: {_shown(low)}" if low == high else f"stable ones: {_shown(low)} to {_shown(high)}"


def _handles(theme: Theme, found: Explored) -> list[Any]:
    """An outcome for each that there is, filled or not as it is drawn."""
    from matplotlib.lines import Line2D

    handles = []
    for outcome in (*OUTCOMES, GIVEN_UP):
        own = found.table["outcome"] == outcome
        for filled in (True, False):
            if (own & (found.good == filled)).any():
                words = _in_legend(outcome, filled=filled)
                handles.append(Line2D([], [], label=words, **mark(theme.looks[outcome], theme, filled=filled)))
    return handles


def _in_legend(outcome: str, *, filled: bool) -> str:
    if outcome in ("stable", GIVEN_UP):
        return outcome
    return f"stable, some {outcome}" if filled else f"failed, mostly {outcome}"


# --- two knobs at a time


def knob_pairs(results: Results, condition: str, theme: ThemeName = "light") -> Drawn | None:
    """A scatter for each pair of searched knobs: where in the plane of both the stable configurations lie.

    None for fewer than two knobs and without explored configurations.
    """
    look, found = THEMES[theme], explored(results, condition)
    pairs = list(combinations(found.knobs, 2))
    if not pairs or found.table.empty:
        return None
    figure, axes = panels(look, len(pairs), height=2.2)
    for axis, (first, second) in zip(axes, pairs, strict=True):
        across, up = Scale.of(found.knobs[first]), Scale.of(found.knobs[second])
        across.apply(axis, horizontal=True)
        up.apply(axis, horizontal=False)
        x, y = across.place(found.table[first]), up.place(found.table[second])
        x = across.dodge(x, pd.Series(y))
        for row, *place in zip(found.table.itertuples(), x, y, strict=True):
            style = mark(look.looks[row.outcome], look, filled=row.stable >= found.needed)
            axis.plot([place[0]], [place[1]], alpha=0.9, clip_on=False, **style)
        for label, path in ((axis.set_xlabel, first), (axis.set_ylabel, second)):
            label(shortened(knob_name(path)), fontsize=SMALL)
    legend(figure, look, _handles(look, found))
    return drawn(
        figure,
        f"knob-pairs-{condition}",
        f"{condition}: {counted(len(found.table), 'explored configuration')} of {counted(found.seeds, 'seed')} each by "
        f"pairs of knobs; filled where {found.needed} or more seeds were stable, the mark says how most failed seeds "
        "failed.",
        f"{int(found.good.sum())} of {counted(len(found.table), 'configuration')} stable",
    )


# --- the axis of a knob


@dataclass(frozen=True)
class Scale:
    """Where the values of a knob lie on an axis: along their range, or in the order of a list.

    low, high  ends of the axis
    values     of a list, None for a range
    log        whether the axis is logarithmic
    """

    low: float
    high: float
    values: Sequence[Any] | None
    log: bool

    @classmethod
    def of(cls, knob: Distribution) -> "Scale":
        if isinstance(knob, Choice | Grid):
            values = sorted(knob.values) if _are_numbers(knob.values) else list(knob.values)
            return cls(-0.5, len(values) - 0.5, values, False)
        low, high = (float(end) for end in knob.extremes())
        if isinstance(knob, LogUniform):
            more = (high / low) ** 0.04
            return cls(low / more, high * more, None, True)
        more = 0.04 * (high - low)
        return cls(low - more, high + more, None, False)

    def place(self, column: "pd.Series[Any]") -> np.ndarray:
        """The values' coordinates; a column may hold them as text where another condition searches words."""
        if self.values is None:
            return column.astype("float64").to_numpy()
        known = [str(value) for value in self.values]
        exact = {str(float(value)): place for place, value in enumerate(self.values) if _are_numbers([value])}
        return np.array([known.index(str(v)) if str(v) in known else exact[str(float(v))] for v in column], float)

    def dodge(self, places: np.ndarray, group: "pd.Series[Any]") -> np.ndarray:
        """Move what lies at one place of a list beside each other, in the order of the rows."""
        if self.values is None or not len(places):
            return places
        keys = pd.Series(list(zip(places, group, strict=True)))
        position, size = keys.groupby(keys).cumcount(), keys.groupby(keys).transform("size")
        gap = np.minimum(0.13, 0.7 / size)
        return places + ((position - (size - 1) / 2) * gap).to_numpy()

    def around(self, low: float, high: float) -> tuple[float, float]:
        """What a shade over these coordinates covers: a whole place of a list, and never no width."""
        if self.values is not None:
            return low - 0.45, high + 0.45
        if self.log:
            more = (self.high / self.low) ** 0.01
            return low / more, high * more
        more = 0.01 * (self.high - self.low)
        return low - more, high + more

    def apply(self, axis: "Axes", *, horizontal: bool) -> None:
        """Set up one axis of a panel."""
        one = axis.xaxis if horizontal else axis.yaxis
        if self.log:
            log_axis(one, self.low, self.high)
            return
        axis.set(**{"xlim" if horizontal else "ylim": (self.low, self.high)})
        if self.values is not None:
            shown = range(0, len(self.values), -(-len(self.values) // room(axis, across=horizontal)))
            one.set_ticks(list(shown), [_shown(self.values[place]) for place in shown])


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _shown(value: Any) -> str:
    return short(value) if isinstance(value, float) else shortened(str(value), 12)
