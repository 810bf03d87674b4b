"""Share of explore members that have not failed yet, over the budget."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from studies.file.messages import count_noun
from studies.numbers import format_share
from studies.reporting.figures.canvas import DrawnFigure, add_legend, finish, label_axes, panels, set_title
from studies.reporting.figures.legend_entries import FAILED
from studies.reporting.figures.selection import conditions_in, explore_rows
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.reporting.wording import budget_label
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT = 1.9


def survival(results: Results, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """The share of explore members that have not failed yet, and of those that have, by outcome.

    Failures that do not begin at one step (stalled, collapsed, diverged, relapsed by swinging, no result) count at the
    last step. None without explore members.
    """
    members, theme = explore_rows(results.ended_members), THEMES[theme_name]
    names = conditions_in(members, results)
    if not names:
        return None
    last = results.study.budget.steps
    shares = {name: _failed_shares(members[members["condition"] == name], last) for name in names}
    figure, axes = panels(theme, len(names), height=_HEIGHT, sharex=True, sharey=True)
    for axis, name in zip(axes, names, strict=True):
        count = int((members["condition"] == name).sum())
        set_title(
            axis, theme, name, f"{format_share(_stable_share(shares[name]))} of {count_noun(count, 'seed')} stable"
        )
        _draw_shares(axis, theme, shares[name], last)
        axis.set(xlim=(0, 1.15 * last), ylim=(0, 1))
        axis.yaxis.set_major_formatter(lambda value, _: format_share(value))
        axis.set_xticks([0, last // 2, last])
    label_axes(figure, theme, budget_label(results.study.budget), "seeds that have not failed")
    outcomes = [outcome for outcome in FAILED if (members["outcome"] == outcome).any()]
    add_legend(figure, theme, _handles(theme, outcomes))
    return finish(
        figure,
        "survival",
        "Share of all seeds of the explore phase that have not failed yet, over the training; above it those that "
        "have failed, by outcome. Outcomes that only the whole curve shows are drawn right of the last step.",
        "; ".join(f"{name}: {_in_words(shares[name])}" for name in names),
    )


def _failed_shares(members: pd.DataFrame, last: int) -> pd.DataFrame:
    """Share of the members with each failed outcome up to each step: a row per step, a column per outcome."""
    outcome_steps = members["outcome_step"].fillna(last).astype("int64").clip(upper=last)
    steps = np.unique([0, last, *outcome_steps])
    shares = {}
    for outcome in FAILED:
        failed = outcome_steps[(members["outcome"] == outcome).to_numpy(bool)].to_numpy()
        shares[outcome] = [(failed <= step).sum() / len(members) for step in steps]
    return pd.DataFrame(shares, steps)


def _stable_share(shares: pd.DataFrame) -> float:
    return 1 - float(shares.iloc[-1].sum())


def _draw_shares(axis: "Axes", theme: Theme, shares: pd.DataFrame, last: int) -> None:
    shares = pd.concat([shares, shares.iloc[-1:].set_axis([2 * last])])  # the final shares, right of the last step
    top = np.ones(len(shares))
    for outcome in FAILED:
        bottom = top - shares[outcome].to_numpy()
        if shares[outcome].any():
            style = theme.outcomes[outcome]
            fill: dict[str, Any] = {"fc": style.color, "ec": theme.background, "hatch": style.hatch, "lw": 0}
            axis.fill_between(shares.index, bottom, top, step="post", alpha=0.9, **fill)
        top = bottom
    axis.step(shares.index, top, where="post", color=theme.ink, lw=1.4)
    axis.axvline(last, color=theme.muted, lw=0.7, ls=":")


def _handles(theme: Theme, outcomes: list[str]) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    styles = {outcome: theme.outcomes[outcome] for outcome in outcomes}
    return [
        Line2D([], [], color=theme.ink, lw=1.4, label="not failed"),
        *(
            Patch(facecolor=style.color, edgecolor=theme.background, hatch=style.hatch, lw=0, label=outcome)
            for outcome, style in styles.items()
        ),
    ]


def _in_words(shares: pd.DataFrame) -> str:
    final = shares.iloc[-1]
    failures = "".join(f", {format_share(final[outcome])} {outcome}" for outcome in FAILED if final[outcome] > 0)
    return f"{format_share(_stable_share(shares))} stable{failures}"
