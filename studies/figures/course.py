"""How members fare over the budget: their distances, when they fail, and what their gradients did meanwhile."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gan_core.stability import OUTCOMES
from studies.comparison.outcomes import GIVEN_UP
from studies.comparison.ranking import winners
from studies.figures.rows import explored, of, present
from studies.figures.style import (
    THEMES,
    Drawn,
    Theme,
    ThemeName,
    beside,
    clock,
    counts_in_words,
    drawn,
    head,
    label_axes,
    label_right,
    legend,
    log_axis,
    mark,
    panels,
    quantity,
    run_along,
    told,
)
from studies.judgement import DISTANCES
from studies.results import Results
from studies.sentences import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINES = {"floor": ("real data", "--"), "gaussian": ("a Gaussian", ":"), "ref": ("a constant", "-.")}
"""What stands beside every distance: its words and its line style."""
CAUSES = ("critic_slope", "critic_gradient_norm", "generator_gradient_norm")
_FAILED: tuple[str, ...] = (*OUTCOMES[1:], GIVEN_UP)
_HEIGHT = 1.9


# --- distances


def learning_curves(results: Results, theme: ThemeName = "light") -> Drawn | None:
    """Every confirmed member's distance over the budget, with the median and the quartiles of each condition.

    A member without a number ranks as +infinity, as in the ranking. None before anything is confirmed.
    """
    curves, members, look = winners(results.curves), winners(results.members), THEMES[theme]
    curves = curves[curves["metric"].isin(DISTANCES)]
    names = present(results, curves)
    if not names:
        return None
    lines = {name: value for name, value in results.lines.items() if value is not None and value > 0}
    tables = {name: _by_step(of(curves, name)) for name in names}
    limits = _limits(list(tables.values()), lines)
    figure, axes = panels(look, len(names), height=_HEIGHT, sharex=True, sharey=True)
    for axis, name in zip(axes, names, strict=True):
        log_axis(axis.yaxis, *limits)
        outcomes = of(members, name).set_index("seed")["outcome"].astype("str")
        head(axis, look, name, f"{(outcomes == 'stable').sum()} of {counted(len(outcomes), 'seed')} stable")
        run_along(axis, results.study.budget)
        _draw_members(axis, look, tables[name], outcomes)
        _draw_middle(axis, look, tables[name], limits[1])
        _draw_lines(axis, look, lines)
    for axis in _rightmost(axes):
        label_right(axis, look, [(value, LINES[name][0]) for name, value in lines.items()], height=0.8 * _HEIGHT)
    metric = str(curves["metric"].iloc[0])
    label_axes(figure, look, clock(results.study.budget), quantity(metric).replace(" (", "\n("))
    failed = [outcome for outcome in _FAILED if (members["outcome"] == outcome).any()]
    legend(figure, look, _curve_handles(look, failed))
    return drawn(
        figure,
        "learning-curves",
        f"Distance of every confirmed member over the budget (thin), with the median (thick) and the quartiles (band) "
        f"of each condition's {counts_in_words(members.groupby('condition', observed=True).size())}; lower is better.",
        "; ".join(_curve_in_words(name, tables[name]) for name in names),
    )


def _by_step(curves: pd.DataFrame) -> pd.DataFrame:
    """A row per step, a column per seed; empty where there is no finite number."""
    return curves.pivot(index="step", columns="seed", values="value").replace([np.inf, -np.inf], np.nan)


def _limits(tables: list[pd.DataFrame], lines: dict[str, float]) -> tuple[float, float]:
    """Of the axis: everything positive, but nothing ten times worse than both the constant and the start."""
    every = np.concatenate([table.to_numpy().ravel() for table in tables] + [list(lines.values())])
    starts = np.concatenate([table.iloc[0].to_numpy() for table in tables] + [list(lines.values())])
    every, starts = every[every > 0], starts[starts > 0]  # neither does NaN
    if not len(every):
        return 0.1, 1.0
    high = min(every.max(), 10 * starts.max()) if len(starts) else every.max()
    return 0.85 * min(every.min(), high), 1.2 * high


def _draw_members(axis: "Axes", theme: Theme, table: pd.DataFrame, outcomes: "pd.Series[str]") -> None:
    for seed in table:
        look, curve = theme.looks[outcomes[seed]], table[seed].dropna()
        axis.plot(curve.index, curve, color=look.color, ls=look.line, lw=0.7, alpha=0.75)
        if outcomes[seed] != "stable" and len(curve):
            axis.plot(curve.index[-1:], curve.iloc[-1:], clip_on=False, zorder=4, **mark(look, theme))


def _draw_middle(axis: "Axes", theme: Theme, table: pd.DataFrame, top: float) -> None:
    """Median and quartiles over the seeds; a quartile among failed members reaches to the top."""
    low, median, high = _quartiles(table)
    axis.fill_between(table.index, low, np.minimum(high, top), color=theme.main, alpha=0.2, lw=0)
    axis.plot(table.index, np.where(np.isfinite(median), median, np.nan), color=theme.main, lw=2)


def _quartiles(table: pd.DataFrame) -> np.ndarray:
    """(3, steps), an empty value ranking as +infinity."""
    ranked = table.fillna(np.inf).to_numpy()
    with np.errstate(invalid="ignore"):  # between two infinities numpy interpolates to NaN
        return np.nan_to_num(np.quantile(ranked, [0.25, 0.5, 0.75], axis=1), nan=np.inf, posinf=np.inf)


def _draw_lines(axis: "Axes", theme: Theme, lines: dict[str, float]) -> None:
    for name, value in lines.items():
        axis.axhline(value, color=theme.muted, lw=0.9, ls=LINES[name][1], zorder=1)


def _rightmost(axes: "list[Axes]") -> "Iterable[Axes]":
    """The last panel of every row that is full, or of the only row."""
    columns = beside(len(axes))
    return axes[columns - 1 :: columns]


def _curve_handles(theme: Theme, failed: list[str]) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    stable = theme.looks["stable"]
    handles: list[Any] = [
        Line2D([], [], color=theme.main, lw=2, label="median"),
        Patch(color=theme.main, alpha=0.2, lw=0, label="quartiles"),
        Line2D([], [], color=stable.color, lw=0.7, label="stable seed"),
    ]
    return handles + outcome_handles(theme, failed)


def outcome_handles(theme: Theme, outcomes: Iterable[str], notes: dict[str, str] | None = None) -> list[Any]:
    """A line with a marker for each outcome, for a legend."""
    from matplotlib.lines import Line2D

    handles = []
    for outcome in outcomes:
        look = theme.looks[outcome]
        style = {**mark(look, theme), "ls": look.line}
        handles.append(Line2D([], [], color=look.color, lw=0.9, label=(notes or {}).get(outcome, outcome), **style))
    return handles


def _curve_in_words(name: str, table: pd.DataFrame) -> str:
    low, median, high = _quartiles(table)[:, -1]
    start = told(table.iloc[0].median())
    return f"{name}: {start} at the start, {told(median)} ({told(low)} to {told(high)}) at the end"


# --- failures


def survival(results: Results, theme: ThemeName = "light") -> Drawn | None:
    """The share of explored members that have not failed yet, by the cause of those that have.

    What is known only at the end (stalled, collapsed, diverged, a swing without one place, a trial that was given up)
    fails there. None without explored members.
    """
    members, look = _with_given_up(results), THEMES[theme]
    names = present(results, members)
    if not names:
        return None
    last = results.study.budget.steps
    figure, axes = panels(look, len(names), height=_HEIGHT, sharex=True, sharey=True)
    shares = {name: _failed_shares(of(members, name), last) for name in names}
    for axis, name in zip(axes, names, strict=True):
        count = int((members["condition"] == name).sum())
        head(axis, look, name, f"{_survived(shares[name]):.0%} of {counted(count, 'member')} stable")
        _draw_survival(axis, look, shares[name], last)
        axis.set(xlim=(0, 1.15 * last), ylim=(0, 1))
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axis.set_xticks([0, last // 2, last])
    label_axes(figure, look, clock(results.study.budget), "members not yet failed")
    causes = [cause for cause in _FAILED if (members["outcome"] == cause).any()]
    legend(figure, look, _survival_handles(look, causes))
    return drawn(
        figure,
        "survival",
        "Share of all explored members that have not failed yet, above it by cause those that have; right of the last "
        "step stand the failures that only the whole curve shows.",
        "; ".join(f"{name}: {_survival_in_words(shares[name])}" for name in names),
    )


def _with_given_up(results: Results) -> pd.DataFrame:
    """The explored members, with a row for each that a trial without a result would have had."""
    trials = explored(results.trials)
    lost = trials.loc[trials["state"] == "failed", ["condition"]]
    lost = lost.loc[lost.index.repeat(results.study.seeds)].assign(outcome=GIVEN_UP, outcome_step=pd.NA)
    members = explored(results.members)[["condition", "outcome", "outcome_step"]]
    text = {"condition": "str", "outcome": "str", "outcome_step": "Int64"}
    return pd.concat([members.astype(text), lost.astype(text)], ignore_index=True)


def _failed_shares(members: pd.DataFrame, last: int) -> pd.DataFrame:
    """The share of the members that each cause has taken by each step, a column per cause; step functions."""
    steps = members["outcome_step"].fillna(last).astype("int64").clip(upper=last)
    at = np.unique([0, last, *steps])
    causes = {cause: steps[(members["outcome"] == cause).to_numpy(bool)].to_numpy() for cause in _FAILED}
    return pd.DataFrame({c: [(taken <= step).sum() / len(members) for step in at] for c, taken in causes.items()}, at)


def _survived(shares: pd.DataFrame) -> float:
    return 1 - float(shares.iloc[-1].sum())


def _draw_survival(axis: "Axes", theme: Theme, shares: pd.DataFrame, last: int) -> None:
    shares = pd.concat([shares, shares.iloc[-1:].set_axis([2 * last])])  # the end goes on right of the last step
    top = np.ones(len(shares))
    for cause in _FAILED:
        bottom = top - shares[cause].to_numpy()
        if shares[cause].any():
            look = theme.looks[cause]
            style: dict[str, Any] = {"fc": look.color, "ec": theme.background, "hatch": look.hatch, "lw": 0}
            axis.fill_between(shares.index, bottom, top, step="post", alpha=0.9, **style)
        top = bottom
    axis.step(shares.index, top, where="post", color=theme.ink, lw=1.4)
    axis.axvline(last, color=theme.muted, lw=0.7, ls=":")


def _survival_handles(theme: Theme, causes: list[str]) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    looks = {cause: theme.looks[cause] for cause in causes}
    return [
        Line2D([], [], color=theme.ink, lw=1.4, label="not yet failed"),
        *(
            Patch(facecolor=look.color, edgecolor=theme.background, hatch=look.hatch, lw=0, label=cause)
            for cause, look in looks.items()
        ),
    ]


def _survival_in_words(shares: pd.DataFrame) -> str:
    final = shares.iloc[-1]
    causes = "".join(f", {final[cause]:.0%} {cause}" for cause in _FAILED if final[cause] > 0)
    return f"{_survived(shares):.0%} stable{causes}"


# --- causes


def causes(results: Results, condition: str, theme: ThemeName = "light") -> Drawn | None:
    """The critic's slope and both gradient norms of a condition's explored members, by what became of them.

    None without explored members.
    """
    look = THEMES[theme]
    members, curves = (explored(of(frame, condition)) for frame in (results.members, results.curves))
    if members.empty:
        return None
    counts = members["outcome"].value_counts()
    outcomes: list[str] = [outcome for outcome in OUTCOMES if counts.get(outcome, 0)]
    outcome_of = members[["trial", "seed", "outcome"]]
    figure, axes = panels(look, len(CAUSES), height=1.25 * _HEIGHT, sharex=True)
    spoken = []
    for axis, metric in zip(axes, CAUSES, strict=True):
        own = curves[curves["metric"] == metric].merge(outcome_of, on=["trial", "seed"])
        groups = {outcome: over_time(own[own["outcome"] == outcome]) for outcome in outcomes}
        head(axis, look, metric.replace("_", " "), quantity(metric).partition("(")[2].removesuffix(")"))
        run_along(axis, results.study.budget)
        _draw_groups(axis, look, groups)
        ends = [f"{told(group[0.5].iloc[-1])} where {outcome}" for outcome, group in groups.items() if len(group)]
        spoken.append(f"{metric.replace('_', ' ')} at the end: {', '.join(ends)}")
    label_axes(figure, look, clock(results.study.budget))
    legend(figure, look, outcome_handles(look, outcomes, {o: _counted_as(o, int(counts[o])) for o in outcomes}))
    return drawn(
        figure,
        f"causes-{condition}",
        f"{condition}: critic slope and gradient norms over the budget, median and quartiles of the "
        f"{counted(len(members), 'explored member')} by what became of them.",
        "; ".join(spoken),
    )


def _counted_as(outcome: str, number: int) -> str:
    """As a legend has it."""
    return f"{outcome} ({counted(number, 'member')})"


def over_time(curves: pd.DataFrame) -> pd.DataFrame:
    """The quartiles over members, measurement by measurement, at the middle step of each.

    Members of two configurations may be measured a few steps apart. What is not finite is left out.
    """
    place = curves.groupby(["trial", "seed"]).cumcount()
    values = curves["value"].where(np.isfinite(curves["value"]) & (curves["value"] > 0))
    table = values.groupby(place).quantile([0.25, 0.5, 0.75]).unstack()
    return table.set_axis(curves["step"].groupby(place).median(), axis=0).dropna()


def _draw_groups(axis: "Axes", theme: Theme, groups: dict[str, pd.DataFrame]) -> None:
    every = pd.concat([group for group in groups.values() if len(group)] or [pd.DataFrame([1.0])])
    log_axis(axis.yaxis, 0.7 * every.to_numpy().min(), 1.4 * every.to_numpy().max())
    for outcome, group in groups.items():
        if len(group):
            look = theme.looks[outcome]
            axis.fill_between(group.index, group[0.25], group[0.75], color=look.color, alpha=0.2, lw=0)
            style = {**mark(look, theme, size=4), "ls": look.line}
            axis.plot(group.index, group[0.5], color=look.color, lw=1.5, markevery=max(1, len(group) // 4), **style)
