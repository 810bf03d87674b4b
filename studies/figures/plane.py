"""Points of the plane: densities, what the critic says around them, which earth goes where; and known modes."""

from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd

from gan_core.metrics import Box, transport_plan
from gan_core.metrics.modes import HIGH_QUALITY
from gan_core.objectives import Objective
from studies.comparison.ranking import winners
from studies.figures.rows import of, present
from studies.figures.style import (
    SMALL,
    THEMES,
    WIDTH,
    Drawn,
    Theme,
    ThemeName,
    blank,
    drawn,
    dress,
    head,
    legend,
    mark,
    shortened,
    told,
)
from studies.results import Results
from studies.sentences import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRANSPORTED = 100
"""Real samples and as many fakes that a transport plan is drawn of."""
_ROW = 0.32
"""Inches from condition to condition."""
_FAKE = "#D55E00"
"""Seen on every colour of a surface."""


def plane(results: Results, condition: str, theme: ThemeName = "light", *, member: int = 0) -> Drawn | None:
    """Where one confirmed member's fakes lie: densities, the critic's surface and a transport plan.

    member  counts the seeds of the confirmed configuration from 0

    None for other data than points of the plane, before the condition is confirmed, and without a finite fake.
    """
    members = of(winners(results.members), condition)
    if not results.data.planar or members.empty:
        return None
    look, real, fake = THEMES[theme], results.data.confirm, results.samples(condition)[member]
    finite = fake[np.isfinite(fake).all(1)]
    if not len(finite):
        return None
    box, surfaces = results.critic_surface(condition)
    figure = blank(look, width=WIDTH, height=6.6)
    axes = figure.subplots(2, 2).ravel()
    for axis in axes:
        dress(axis, look)
        axis.grid(visible=False)
        axis.set(xlim=(box.low[0], box.high[0]), ylim=(box.low[1], box.high[1]), aspect="equal")
    _draw_densities(axes[:2], look, box, real, fake)
    _draw_surface(axes[2], look, box, surfaces[member], _critic_form(results, condition))
    axes[2].scatter(*finite.T, s=3, color=_FAKE, linewidths=0, alpha=0.7, rasterized=True)
    distance = _draw_plan(axes[3], look, real[:TRANSPORTED], finite[:TRANSPORTED])
    row = members.iloc[member]
    outside = 1 - float(((box.low <= finite) & (finite <= box.high)).all(1).mean())
    beyond = f", of which {outside:.0%} lie outside" if outside > 0.005 else ""
    return drawn(
        figure,
        f"plane-{condition}",
        f"{condition}, seed {row['seed']} ({row['outcome']}): {len(real)} real points and {len(fake)} fakes{beyond}, "
        f"the critic's surface at the end of training with fakes on it, and the cheapest transport between "
        f"{min(TRANSPORTED, len(real))} real points and {len(finite[:TRANSPORTED])} fakes.",
        f"mean distance that the transported fakes have to move: {told(distance)}",
    )


def _draw_densities(axes: "Any", theme: Theme, box: Box, real: np.ndarray, fake: np.ndarray) -> None:
    """Both on one scale, logarithmic since a narrow mode is a thousand times as dense as a wide one."""
    from matplotlib.colors import LogNorm

    densities = [box.density(points) for points in (real, fake)]
    most = max(density.max() for density in densities)
    least = 1 / (max(len(real), len(fake)) * np.prod((box.high - box.low) / box.resolution))
    style = _placed(box) | {"norm": LogNorm(least, max(most, 10 * least)), "cmap": "viridis"}
    for axis, density, title, count in zip(axes, densities, ("real points", "fakes"), (real, fake), strict=True):
        head(axis, theme, title, f"{len(count)} points")
        shown = np.ma.masked_less_equal(density, 0)
        image = axis.imshow(shown, **style)
    _bar(axes[1], theme, image, "points per unit area, over their number")


def _placed(box: Box) -> dict[str, Any]:
    """The keywords that put an image of the cells where they are."""
    extent = (float(box.low[0]), float(box.high[0]), float(box.low[1]), float(box.high[1]))
    return {"origin": "lower", "extent": extent, "interpolation": "nearest"}


def _draw_surface(axis: "Axes", theme: Theme, box: Box, surface: np.ndarray, form: str) -> None:
    direction = {"score": "score (high on real)", "energy": "energy (low on real)"}.get(form, "critic's value")
    head(axis, theme, "critic and fakes", direction)
    finite = np.ma.masked_invalid(surface)
    image = axis.imshow(finite, cmap="cividis", **_placed(box))
    if finite.count() == finite.size and np.ptp(finite) > 0:
        x, y = box.centers.reshape(box.resolution, box.resolution, 2).transpose(2, 0, 1)
        axis.contour(x, y, finite, levels=8, colors="black", linewidths=0.4, alpha=0.6)
    _bar(axis, theme, image, direction)


def _bar(axis: "Axes", theme: Theme, image: Any, label: str) -> None:
    bar = axis.figure.colorbar(image, ax=axis, shrink=0.75, pad=0.02)
    bar.set_label(label, fontsize=SMALL, color=theme.ink)
    bar.ax.tick_params(which="both", colors=theme.ink, labelsize=SMALL)
    bar.outline.set_visible(False)


def _draw_plan(axis: "Axes", theme: Theme, real: np.ndarray, fake: np.ndarray) -> float:
    """Lines from where the mass is to where it must go; the mean length of the way."""
    from matplotlib.collections import LineCollection

    plan = transport_plan(real, fake)
    head(axis, theme, "transport plan", f"{len(real)} real, {len(fake)} fake, mean way {told(plan.distance)}")
    ways = np.stack([fake[plan.fake], real[plan.real]], axis=1)
    share = plan.mass / plan.mass.max()
    axis.add_collection(LineCollection(list(ways), colors=theme.muted, linewidths=0.2 + 0.8 * share, alpha=0.8))
    axis.plot(*real.T, "o", ms=4, mfc="none", mec=theme.ink, mew=0.8, label="real")
    axis.plot(*fake.T, "x", ms=4, color=_FAKE, mew=1, label="fake")
    below: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.1), "ncols": 2, "frameon": False}
    axis.legend(fontsize=SMALL, labelcolor=theme.ink, **below)
    return plan.distance


def _critic_form(results: Results, condition: str) -> str:
    """What its critic says; empty for a kind of the user's own."""
    kind = results.study.condition(condition).table["objective"]["kind"]
    return next((str(one.critic_form) for one in get_args(Objective) if one.kind == kind), "")


# --- known modes


def modes(results: Results, theme: ThemeName = "light") -> Drawn | None:
    """How many known modes each confirmed member covers at the end, and how many of its fakes are of high quality.

    None for data without known modes and before anything is confirmed.
    """
    known, last, look = results.data.modes, _last_values(results), THEMES[theme]
    if known is None or last.empty:
        return None
    names = present(results, last)
    count, perfect = len(known.centers), 1 - float(np.exp(-(HIGH_QUALITY**2) / 2))
    figure = blank(look, width=WIDTH, height=1.3 + _ROW * len(names))
    axes = figure.subplots(1, 2, sharey=True)
    for axis, column, best in zip(axes, ("modes_covered", "high_quality"), (count, perfect), strict=True):
        dress(axis, look)
        axis.axvline(best, color=look.muted, lw=0.9, ls="--")
        _draw_rows(axis, look, last, names, column)
        axis.set(xlim=(-0.05 * best, 1.08 * best), ylim=(len(names) - 0.5, -0.5))
    head(axes[0], look, "modes covered", f"of {count}")
    head(axes[1], look, "high quality", f"share of fakes within {HIGH_QUALITY} sigma of a mode")
    axes[1].xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes[0].xaxis.get_major_locator().set_params(integer=True)
    seeds = last.groupby("condition", observed=True)["seed"].size()
    axes[0].set_yticks(
        range(len(names)), [f"{shortened(name)} ({counted(int(seeds[name]), 'seed')})" for name in names]
    )
    legend(figure, look, _mode_handles(look, last))
    return drawn(
        figure,
        "modes",
        f"Known modes that each confirmed member covers at the end of training, and the share of its fakes that lie "
        f"within {HIGH_QUALITY} standard deviations of a mode; dashed what a perfect sampler has.",
        "; ".join(f"{name}: {_modes_in_words(last[last['condition'] == name], count)}" for name in names),
    )


def _last_values(results: Results) -> pd.DataFrame:
    """A row per confirmed member: outcome, modes_covered and high_quality at its last measurement."""
    curves = winners(results.curves)
    curves = curves[curves["metric"].isin(["modes_covered", "high_quality"])].astype({"metric": "str"})
    if curves.empty:
        return pd.DataFrame(columns=["condition", "seed"])
    keys = ["condition", "seed"]
    last = curves[curves["step"] == curves.groupby(keys, observed=True)["step"].transform("max")]
    wide = last.pivot(index=keys, columns="metric", values="value").reset_index()
    return wide.merge(winners(results.members)[[*keys, "outcome"]], on=keys)


def _draw_rows(axis: "Axes", theme: Theme, last: pd.DataFrame, names: list[str], column: str) -> None:
    """A mark per member, those of one condition one above the other."""
    for place, name in enumerate(names):
        own = of(last, name)
        shifts = np.linspace(-0.25, 0.25, len(own)) if len(own) > 1 else [0.0]
        for shift, value, outcome in zip(shifts, own[column], own["outcome"], strict=True):
            axis.plot([value], [place + shift], clip_on=False, zorder=3, **mark(theme.looks[outcome], theme))


def _mode_handles(theme: Theme, last: pd.DataFrame) -> list[Any]:
    from matplotlib.lines import Line2D

    present = [outcome for outcome in theme.looks if (last["outcome"] == outcome).any()]
    marks = [Line2D([], [], label=one, **mark(theme.looks[one], theme)) for one in present]
    return [*marks, Line2D([], [], color=theme.muted, lw=0.9, ls="--", label="a perfect sampler")]


def _modes_in_words(own: pd.DataFrame, count: int) -> str:
    return (
        f"{told(own['modes_covered'].min())} to {told(own['modes_covered'].max())} of {count} modes, "
        f"{own['high_quality'].min():.0%} to {own['high_quality'].max():.0%} of high quality"
    )
