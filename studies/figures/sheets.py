"""What the confirmed generators of a condition make: sheets of images, scatters of points."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_core.metrics import Box
from studies.comparison.ranking import winners
from studies.figures.rows import of
from studies.figures.style import PNG_DPI, THEMES, Drawn, Theme, ThemeName, blank, drawn, dress
from studies.ledger import SAMPLES_KEPT
from studies.results import Results
from studies.sentences import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GREY: dict[str, Any] = {"cmap": "gray", "vmin": -1, "vmax": 1, "interpolation": "none"}
"""Every pixel as it is: a figure that kept those of a screen instead would be larger by a quarter."""
PANELS = 4
"""Scatters beside each other."""


def sample_sheet(results: Results, condition: str, path: Path) -> Path | None:
    """Write what `samples` draws of a condition, with its title, as a picture that stands alone.

    Nothing is written, and None returned, where there is nothing to draw.
    """
    figure = _figure(results, condition, THEMES["light"])
    if figure is None:
        return None
    figure.suptitle(f"{results.study.name}: {condition}, confirmed")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=PNG_DPI)
    return path


def samples(results: Results, condition: str, theme: ThemeName = "light") -> Drawn | None:
    """Draw what a condition's confirmed generators make.

    Of images: real samples on top, then a row per member. Of points of the plane: a scatter per member, on the real
    ones. None for a condition that is not confirmed and for other data.
    """
    figure = _figure(results, condition, THEMES[theme])
    if figure is None:
        return None
    labels = confirmed_labels(results, condition)
    kind, real = ("points", "grey") if results.data.planar else ("images", "the first row")
    return drawn(
        figure,
        f"samples-{condition}",
        f"{condition}: {kind} that its {counted(len(labels), 'confirmed generator')} make at the end of training; real "
        f"ones are {real}.",
        "; ".join(label.replace("\n", " ") for label in labels),
    )


def _figure(results: Results, condition: str, theme: Theme) -> "Figure | None":
    if results.data.planar:
        return _scatters(results, condition, theme)
    images = confirmed_images(results, condition)
    return None if images is None else _grid(*images, theme)


def confirmed_images(results: Results, condition: str) -> tuple[np.ndarray, list[str]] | None:
    """(rows, samples, height, width) and what stands beside each row."""
    shape, labels = results.data.shape, confirmed_labels(results, condition)
    if len(shape) != 3 or shape[0] != 1 or not labels:
        return None
    samples = results.samples(condition)
    real = results.data.confirm[:SAMPLES_KEPT].reshape(1, SAMPLES_KEPT, *shape[1:])
    rows = np.concatenate([real, samples.reshape(len(samples), SAMPLES_KEPT, *shape[1:])])
    return rows, ["real", *labels]


def confirmed_labels(results: Results, condition: str) -> list[str]:
    """What became of each confirmed member; nothing before there are any."""
    return [
        f"seed {row.seed}\n{row.outcome}" + ("" if np.isnan(row.late_distance) else f" {row.late_distance:.3f}")
        for row in of(winners(results.members), condition).itertuples()
    ]


def _scatters(results: Results, condition: str, theme: Theme) -> "Figure | None":
    """A panel per confirmed member, all in the same coordinates: its fakes on as many real points."""
    labels = confirmed_labels(results, condition)
    if not labels:
        return None
    fakes = results.samples(condition)
    low, high = window(results.data.confirm, fakes)
    columns = min(PANELS, len(labels))
    rows = -(-len(labels) // columns)
    figure = blank(theme, width=0.3 + 1.72 * columns, height=0.4 + 1.95 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, label, fake in zip(panels, labels, fakes, strict=False):
        dress(panel, theme)
        panel.grid(visible=False)
        real = results.data.confirm[: len(fake)]
        dots: dict[str, Any] = {"s": 3, "linewidths": 0, "rasterized": True}  # thousands: as shapes they are megabytes
        panel.scatter(*real.T, color=theme.real, **dots)
        panel.scatter(*fake[np.isfinite(fake).all(1)].T, color=theme.fake, alpha=0.5, **dots)
        beyond = 1 - float(((low <= fake) & (fake <= high)).all(1).mean())
        outside = f"\n{beyond:.0%} outside" if beyond > 0.005 else ""
        panel.set_title(label + outside, **words(theme))
        panel.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    for panel in panels[len(labels) :]:
        panel.axis("off")
    return figure


def window(real: np.ndarray, fakes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners of what is shown: real points and nearly all fakes, if no further off than the data are wide."""
    near, far = (Box.around(real, resolution=1, margin=margin) for margin in (0.1, 1.0))
    finite = fakes[np.isfinite(fakes).all(-1)]
    if not len(finite):
        return near.low, near.high
    first, last = np.quantile(finite, [0.01, 0.99], axis=0)
    return np.clip(first, far.low, near.low), np.clip(last, near.high, far.high)


def _grid(rows: np.ndarray, labels: list[str], theme: Theme) -> "Figure":
    columns = rows.shape[1]
    figure = blank(theme, width=1.3 + 0.37 * columns, height=0.3 + 0.43 * len(rows))
    axes = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    for axis, row, label in zip(axes, rows, labels, strict=True):
        spaced = np.pad(row, ((0, 0), (0, 0), (1, 1)), constant_values=np.nan)
        axis.imshow(np.concatenate(list(spaced), axis=1), **GREY)
        axis.set_ylabel(label, rotation=0, ha="right", va="center", **words(theme))
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
        axis.set_facecolor(theme.background)
    return figure


def words(theme: Theme) -> dict[str, Any]:
    """The keywords of what is written beside pictures."""
    return {"fontsize": 8, "color": theme.ink}
