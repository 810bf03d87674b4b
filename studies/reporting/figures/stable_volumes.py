"""Share of stable configurations of each condition, and the chance that a random search finds one.

Every function draws a table of `studies.analysis`; nothing is computed here.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from studies.file.messages import count_noun
from studies.numbers import format_distance, format_share, format_tick
from studies.reporting.figures.canvas import DrawnFigure, add_legend, finish, label_axes, panels, set_title
from studies.reporting.figures.selection import condition_rows
from studies.reporting.figures.themes import THEMES, Theme, ThemeName

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT = 1.8
_MOST_TICKS = 4


def stable_volume(volumes: pd.DataFrame, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """The share of configurations that reach a distance, against that distance, with its Wilson interval.

    None without volumes.
    """
    volumes, theme = volumes.dropna(subset="volume"), THEMES[theme_name]
    if volumes.empty:
        return None
    names = list(dict.fromkeys(volumes["condition"]))
    tables = {name: condition_rows(volumes, name).sort_values("tau") for name in names}
    ticks = sorted(set(volumes["tau"]))
    few = len(ticks) <= _MOST_TICKS
    figure, axes = panels(theme, len(names), height=_HEIGHT, sharex=True, sharey=True)
    for axis, name in zip(axes, names, strict=True):
        set_title(axis, theme, name, _configurations(tables[name].iloc[-1]))
        _draw_volume(axis, theme, tables, name, limits=_limits(volumes["tau"]), marked=few)
        if few:
            axis.set_xticks(ticks, [format_tick(tau, digits=2) for tau in ticks])
    label_axes(figure, theme, "distance that must be reached", "share of configurations drawn")
    interval = bool(volumes["volume_low"].notna().any())
    add_legend(figure, theme, _volume_handles(theme, marked=few, interval=interval, others=len(names) > 1))
    return finish(
        figure,
        "stable-volume",
        "Stable volume: share of the configurations drawn at random of which at least 80% of the seeds are stable "
        "and end at the given distance or nearer, with its 95% Wilson interval. Dotted: share of all seeds that do.",
        "; ".join(f"{name}: {_volumes_in_words(table)}" for name, table in tables.items()),
    )


def _limits(distances: "pd.Series[float]") -> tuple[float, float]:
    """Ends of the x axis, beyond the distances so that the last step is visible."""
    margin = 0.12 * float(distances.max() - distances.min() or distances.max())
    return float(distances.min()) - margin, float(distances.max()) + margin


def _configurations(row: Any) -> str:
    planned = count_noun(int(row["planned"]), "configuration")
    return planned if row["configurations"] == row["planned"] else f"{row['configurations']} of {planned}"


def _draw_volume(
    axis: "Axes", theme: Theme, tables: dict[str, pd.DataFrame], name: str, *, limits: tuple[float, float], marked: bool
) -> None:
    table, end = tables[name], limits[1]

    def draw_steps(axis: "Axes", table: pd.DataFrame, style: dict[str, Any], column: str = "volume") -> None:
        shares = table[column]
        axis.step(np.append(table["tau"], end), np.append(shares, shares.iloc[-1]), where="post", **style)

    _draw_others(axis, theme, tables, name, draw_steps)
    low, high = (np.append(table[f"volume_{side}"], table[f"volume_{side}"].iloc[-1]) for side in ("low", "high"))
    axis.fill_between(np.append(table["tau"], end), low, high, step="post", color=theme.main, alpha=0.2, lw=0)
    draw_steps(axis, table, {"color": theme.main, "lw": 1.8})
    if marked:
        axis.plot(table["tau"], table["volume"], "o", ms=4, color=theme.main, clip_on=False)
    draw_steps(axis, table, {"color": theme.ink, "lw": 1, "ls": ":"}, column="seeds_share")
    axis.set(ylim=(0, 1), xlim=limits)
    axis.yaxis.set_major_formatter(_percent)


def _draw_others(
    axis: "Axes", theme: Theme, tables: dict[str, pd.DataFrame], name: str, draw: Callable[..., None]
) -> None:
    """Draw the conditions other than `name` in thin grey lines."""
    for other, table in tables.items():
        if other != name:
            draw(axis, table, {"color": theme.muted, "lw": 0.6, "alpha": 0.45, "zorder": 1})


def _percent(value: float, _: Any) -> str:
    return format_share(value)


def _volume_handles(theme: Theme, *, marked: bool, interval: bool, others: bool) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Line2D([], [], color=theme.main, lw=1.8, marker="o" if marked else "", ms=4, label="configurations"),
        *([Patch(color=theme.main, alpha=0.2, lw=0, label="95% interval")] if interval else []),
        Line2D([], [], color=theme.ink, lw=1, ls=":", label="all seeds"),
        *_other_handles(theme, others),
    ]


def _other_handles(theme: Theme, others: bool) -> list[Any]:
    from matplotlib.lines import Line2D

    return [Line2D([], [], color=theme.muted, lw=0.6, alpha=0.6, label="other conditions")] if others else []


def _volumes_in_words(table: pd.DataFrame) -> str:
    """The stable volume at the smallest distance, and at each distance at which it rises, in words."""
    rises = table[table["volume"].diff().ne(0)]
    return ", ".join(f"{format_share(row.volume)} reach {format_distance(row.tau)}" for row in rises.itertuples())


# --- chance of success


MOST_POINTS = 100
"""Largest number of points of a curve over the number of configurations."""


def chance_of_success(
    chances: pd.DataFrame, theme_name: ThemeName = "light", *, tau: float | None = None
) -> DrawnFigure | None:
    """The chance that the best of n random configurations reaches tau, against n, with its band.

    tau  distance that a configuration must reach; by default the largest of the table

    None without chances.
    """
    from matplotlib.ticker import MaxNLocator

    theme = THEMES[theme_name]
    rows = rows_at(chances, tau)
    if rows.empty:
        return None
    names = list(dict.fromkeys(rows["condition"]))
    tables = {name: thinned(condition_rows(rows, name).sort_values("n")) for name in names}
    figure, axes = panels(theme, len(names), height=_HEIGHT, sharex=True, sharey=True)
    for axis, name in zip(axes, names, strict=True):
        table, last = tables[name], tables[name].iloc[-1]
        note = f"{format_share(last['chance'])} with {count_noun(int(last['n']), 'configuration')}"
        set_title(axis, theme, name, note)
        _draw_others(axis, theme, tables, name, _draw_chance)
        axis.fill_between(table["n"], table["chance_low"], table["chance_high"], color=theme.main, alpha=0.2, lw=0)
        axis.plot(table["n"], table["chance"], "o-", color=theme.main, lw=1.8, ms=3, clip_on=False)
        axis.set(ylim=(0, 1), xlim=(0.5, rows["n"].max() + 0.5))
        axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axis.yaxis.set_major_formatter(_percent)
    label_axes(figure, theme, "random configurations tried", "chance of success")
    add_legend(figure, theme, _chance_handles(theme, others=len(names) > 1))
    return finish(
        figure,
        "chance-of-success",
        "Chance that at least one of n random configurations has at least 80% of its seeds stable at a distance of "
        f"{format_distance(rows['tau'].iloc[0])} or nearer, for n up to half of the configurations drawn. The band "
        "follows from the 95% interval of the stable volume.",
        "; ".join(f"{name}: {_chance_in_words(table)}" for name, table in tables.items()),
    )


def rows_at(table: pd.DataFrame, tau: float | None) -> pd.DataFrame:
    """The rows with target distance `tau`; with the largest target distance in the table if `tau` is None."""
    return table[table["tau"] == (table["tau"].max() if tau is None else tau)]


def thinned(table: pd.DataFrame) -> pd.DataFrame:
    """The rows at some `MOST_POINTS` numbers of configurations in equal ratios, the first and the last among them."""
    if len(table) <= MOST_POINTS:
        return table
    return table.iloc[np.unique(np.geomspace(1, len(table), MOST_POINTS).round().astype(int)) - 1]


def _draw_chance(axis: "Axes", table: pd.DataFrame, style: dict[str, Any]) -> None:
    axis.plot(table["n"], table["chance"], **style)


def _chance_in_words(table: pd.DataFrame) -> str:
    first, last = table.iloc[0], table.iloc[-1]
    return (
        f"{format_share(first['chance'])} with {count_noun(int(first['n']), 'configuration')}, "
        f"{format_share(last['chance'])} with {int(last['n'])}"
    )


def _chance_handles(theme: Theme, *, others: bool) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Line2D([], [], color=theme.main, lw=1.8, marker="o", ms=3, label="chance"),
        Patch(color=theme.main, alpha=0.2, lw=0, label="95% band"),
        *_other_handles(theme, others),
    ]
