"""How large the stable part of each condition is, and what a search of it is worth.

Every function takes a frame of `studies.comparison`; nothing is computed here.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from studies.figures.rows import of
from studies.figures.style import (
    THEMES,
    WIDTH,
    Drawn,
    Theme,
    ThemeName,
    blank,
    drawn,
    dress,
    head,
    label_axes,
    legend,
    panels,
    short,
    shortened,
    told,
)
from studies.sentences import counted, knob_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT = 1.8
_MOST_TICKS = 4
_ROW = 0.24
"""Inches from bar to bar."""


# --- volumes


def stable_volume(volumes: pd.DataFrame, theme: ThemeName = "light") -> Drawn | None:
    """The share of configurations that reach a distance, against that distance, with its Wilson interval.

    None without volumes.
    """
    volumes, look = volumes.dropna(subset="volume"), THEMES[theme]
    if volumes.empty:
        return None
    names = list(dict.fromkeys(volumes["condition"]))
    tables = {name: of(volumes, name).sort_values("tau") for name in names}
    start, end = _around(volumes["tau"])
    ticks = sorted(set(volumes["tau"]))
    few = len(ticks) <= _MOST_TICKS
    figure, axes = panels(look, len(names), height=_HEIGHT, sharex=True, sharey=True)
    for axis, name in zip(axes, names, strict=True):
        own, last = tables[name], tables[name].iloc[-1]
        head(axis, look, name, _configurations(last))
        _draw_behind(axis, look, tables, name, partial(_steps, column="volume", end=end))
        x = np.append(own["tau"], end)
        low, high = (np.append(own[f"volume_{side}"], own[f"volume_{side}"].iloc[-1]) for side in ("low", "high"))
        axis.fill_between(x, low, high, step="post", color=look.main, alpha=0.2, lw=0)
        _steps(axis, own, {"color": look.main, "lw": 1.8}, column="volume", end=end)
        if few:
            axis.plot(own["tau"], own["volume"], "o", ms=4, color=look.main, clip_on=False)
        _steps(axis, own, {"color": look.ink, "lw": 1, "ls": ":"}, column="seeds_share", end=end)
        axis.set(ylim=(0, 1), xlim=(start, end))
        if few:
            axis.set_xticks(ticks, [short(float(f"{tau:.2g}")) for tau in ticks])
        axis.yaxis.set_major_formatter(_percent)
    label_axes(figure, look, "distance that must be reached (unit of the data)", "share of what was drawn")
    interval = volumes["volume_low"].notna().any()
    legend(figure, look, _volume_handles(look, marked=few, interval=interval, others=len(names) > 1))
    return drawn(
        figure,
        "stable-volume",
        "Stable volume: the share of explored configurations of which nearly all seeds are stable and end at that "
        "distance or below, with its 95 % Wilson interval; dotted the mean share of such seeds.",
        "; ".join(f"{name}: {_volumes_in_words(table)}" for name, table in tables.items()),
    )


def _around(taus: "pd.Series[float]") -> tuple[float, float]:
    """The ends of the axis, so that the last step can be seen."""
    more = 0.12 * float(taus.max() - taus.min() or taus.max())
    return float(taus.min()) - more, float(taus.max()) + more


def _configurations(row: Any) -> str:
    planned = counted(int(row["planned"]), "configuration")
    return planned if row["configurations"] == row["planned"] else f"{row['configurations']} of {planned}"


def _steps(axis: "Axes", table: pd.DataFrame, style: dict[str, Any], *, column: str, end: float) -> None:
    axis.step(np.append(table["tau"], end), np.append(table[column], table[column].iloc[-1]), where="post", **style)


def _draw_behind(
    axis: "Axes", theme: Theme, tables: dict[str, pd.DataFrame], name: str, draw: Callable[..., None]
) -> None:
    """The other conditions, for comparison."""
    for other, table in tables.items():
        if other != name:
            draw(axis, table, {"color": theme.muted, "lw": 0.6, "alpha": 0.45, "zorder": 1})


def _percent(value: float, _: Any) -> str:
    return f"{value:.0%}"


def _volume_handles(theme: Theme, *, marked: bool, interval: bool, others: bool) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Line2D([], [], color=theme.main, lw=1.8, marker="o" if marked else "", ms=4, label="configurations"),
        *([Patch(color=theme.main, alpha=0.2, lw=0, label="95 % interval")] if interval else []),
        Line2D([], [], color=theme.ink, lw=1, ls=":", label="seeds of all of them"),
        *_others(theme, others),
    ]


def _others(theme: Theme, others: bool) -> list[Any]:
    from matplotlib.lines import Line2D

    return [Line2D([], [], color=theme.muted, lw=0.6, alpha=0.6, label="other conditions")] if others else []


def _volumes_in_words(table: pd.DataFrame) -> str:
    return ", ".join(f"{row.volume:.0%} reach {told(row.tau)}" for row in table.itertuples())


# --- widths


def stable_widths(widths: pd.DataFrame, theme: ThemeName = "light", *, tau: float | None = None) -> Drawn | None:
    """The stable width of each knob of each condition, in the range that was searched, with its interval.

    tau  the distance that a configuration must reach; the largest of the frame where it is left out

    None without widths.
    """
    look = THEMES[theme]
    own = _at(widths, tau)
    if own.empty:
        return None
    units = sorted(set(own["unit"]), key=lambda unit: unit != "decades")
    rows = [int((own["unit"] == unit).sum()) for unit in units]
    height = 0.9 + _ROW * sum(rows) + 0.55 * len(units)
    figure = blank(look, width=WIDTH, height=height)
    axes = figure.subplots(len(units), 1, height_ratios=[count + 0.8 for count in rows], squeeze=False)[:, 0]
    for axis, unit in zip(axes, units, strict=True):
        dress(axis, look)
        _draw_widths(axis, look, own[own["unit"] == unit])
        axis.set_xlabel(f"stable width ({unit})")
    legend(figure, look, _width_handles(look, own))
    return drawn(
        figure,
        "stable-widths",
        f"Stable width of each knob: the stretch of its values whose configurations reach a distance of "
        f"{told(own['tau'].iloc[0])}, with its 95 % interval, within the range that was searched.",
        "; ".join(f"{row.condition}, {row.knob}: {_width_in_words(row)}" for row in own.itertuples()),
    )


def _at(frame: pd.DataFrame, tau: float | None) -> pd.DataFrame:
    """The rows of one tau, the largest where none is given."""
    return frame[frame["tau"] == (frame["tau"].max() if tau is None else tau)]


def _draw_widths(axis: "Axes", theme: Theme, own: pd.DataFrame) -> None:
    end = float(np.nanmax(own[["stated", "width", "width_high"]].to_numpy()))
    arrow: dict[str, Any] = {"color": theme.looks["diverged"].color, "ms": 5, "clip_on": False}
    for place, row in enumerate(own.itertuples()):
        axis.barh(place, row.stated, height=0.72, color=theme.faint, lw=0, alpha=0.7)
        width = 0.0 if np.isnan(row.width) else row.width
        axis.barh(place, width, height=0.46, color=theme.main, lw=0)
        if np.isfinite([row.width_low, row.width_high]).all():
            axis.plot([row.width_low, row.width_high], [place] * 2, "-|", color=theme.ink, lw=1.2, ms=6)
        beyond = max(filter(np.isfinite, (width, row.width_high, row.stated)))
        for touched, marker, shift in ((row.border_low, "<", 0.025), (row.border_high, ">", 0.055)):
            if touched:
                axis.plot([beyond + shift * end], [place], marker, **arrow)
    axis.set_yticks(range(len(own)), [_row_label(row) for row in own.itertuples()])
    axis.set(ylim=(len(own) - 0.4, -0.6), xlim=(0, 1.09 * end))
    axis.grid(visible=False, axis="y")


def _row_label(row: Any) -> str:
    return f"{shortened(row.condition, 20)}  {knob_name(row.knob)}  ({row.configurations})"


def _width_handles(theme: Theme, own: pd.DataFrame) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    border = {"color": theme.looks["diverged"].color, "ls": "none", "ms": 5}
    arrows = [
        Line2D([], [], marker=marker, label=f"reaches the {end} end of its range", **border)  # type: ignore[arg-type]
        for marker, end, touched in (("<", "lower", own["border_low"]), (">", "upper", own["border_high"]))
        if touched.any()
    ]
    return [
        Patch(color=theme.main, lw=0, label="stable width (number of configurations)"),
        Line2D([], [], color=theme.ink, lw=1.2, marker="|", ms=6, label="95 % interval"),
        Patch(color=theme.faint, lw=0, label="range that was searched"),
        *arrows,
    ]


def _width_in_words(row: Any) -> str:
    if np.isnan(row.width):
        return "none"
    borders = [end for end, touched in (("lower", row.border_low), ("upper", row.border_high)) if touched]
    reaching = f", up to the {' and the '.join(borders)} end" if borders else ""
    return f"{told(row.width)} of {told(row.stated)} {row.unit}{reaching}"


# --- chances


def chance_of_success(chances: pd.DataFrame, theme: ThemeName = "light", *, tau: float | None = None) -> Drawn | None:
    """The chance that the best of n random configurations reaches tau, against n, with its band.

    tau  the distance that a configuration must reach; the largest of the frame where it is left out

    None without chances.
    """
    from matplotlib.ticker import MaxNLocator

    look = THEMES[theme]
    own = _at(chances, tau)
    if own.empty:
        return None
    names = list(dict.fromkeys(own["condition"]))
    tables = {name: of(own, name).sort_values("n") for name in names}
    figure, axes = panels(look, len(names), height=_HEIGHT, sharex=True, sharey=True)
    for axis, name in zip(axes, names, strict=True):
        table, last = tables[name], tables[name].iloc[-1]
        head(axis, look, name, f"{last['chance']:.0%} by {counted(int(last['n']), 'configuration')}")
        _draw_behind(axis, look, tables, name, _chances)
        axis.fill_between(table["n"], table["chance_low"], table["chance_high"], color=look.main, alpha=0.2, lw=0)
        axis.plot(table["n"], table["chance"], "o-", color=look.main, lw=1.8, ms=3, clip_on=False)
        axis.set(ylim=(0, 1), xlim=(0.5, own["n"].max() + 0.5))
        axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axis.yaxis.set_major_formatter(_percent)
    label_axes(figure, look, "random configurations tried", "chance of success")
    legend(figure, look, _chance_handles(look, others=len(names) > 1))
    return drawn(
        figure,
        "chance-of-success",
        f"Chance that the best of so many random configurations reaches a distance of {told(own['tau'].iloc[0])} with "
        f"nearly all seeds stable, with the band of the 95 % interval of the stable volume; up to half as many as were "
        f"explored.",
        "; ".join(
            f"{name}: {table['chance'].iloc[0]:.0%} with one, {table['chance'].iloc[-1]:.0%} with {table['n'].iloc[-1]}"
            for name, table in tables.items()
        ),
    )


def _chances(axis: "Axes", table: pd.DataFrame, style: dict[str, Any]) -> None:
    axis.plot(table["n"], table["chance"], **style)


def _chance_handles(theme: Theme, *, others: bool) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Line2D([], [], color=theme.main, lw=1.8, marker="o", ms=3, label="chance"),
        Patch(color=theme.main, alpha=0.2, lw=0, label="95 % band"),
        *_others(theme, others),
    ]
