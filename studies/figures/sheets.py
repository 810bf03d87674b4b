"""What the confirmed generators of a condition make: sheets of images, scatters of points."""

from pathlib import Path
from typing import Any

import numpy as np

from gan_core.metrics import Box
from studies.ledger import SAMPLES_KEPT
from studies.results import Results

GREY: dict[str, Any] = {"cmap": "gray", "vmin": -1, "vmax": 1, "interpolation": "nearest"}
PANELS = 5
"""Scatters beside each other."""
REAL, FAKE = "#BBBBBB", "#0072B2"


def sample_sheet(results: Results, condition: str, path: Path) -> Path | None:
    """Draw what a condition's confirmed generators make.

    Of images: real samples on top, then a row per member. Of points of the plane: a scatter per member, on the real
    ones. None is drawn, and None returned, for a condition that is not confirmed and for other data.
    """
    if results.data.planar:
        figure = _scatters(results, condition)
    else:
        images = confirmed_images(results, condition)
        figure = None if images is None else _grid(*images)
    if figure is None:
        return None
    figure.suptitle(f"{results.study.name}: {condition}, confirmed")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path


def confirmed_images(results: Results, condition: str) -> tuple[np.ndarray, list[str]] | None:
    """(rows, samples, height, width) and what stands beside each row."""
    shape, labels = results.data.shape, _confirmed_labels(results, condition)
    if len(shape) != 3 or shape[0] != 1 or not labels:
        return None
    samples = results.samples(condition)
    real = results.data.confirm[:SAMPLES_KEPT].reshape(1, SAMPLES_KEPT, *shape[1:])
    rows = np.concatenate([real, samples.reshape(len(samples), SAMPLES_KEPT, *shape[1:])])
    return rows, ["real", *labels]


def _confirmed_labels(results: Results, condition: str) -> list[str]:
    """What became of each confirmed member; nothing before there are any."""
    members = results.members
    confirmed = members[(members["condition"] == condition) & (members["phase"] == "confirm") & (members["trial"] == 0)]
    return [
        f"seed {row.seed}\n{row.outcome}" + ("" if np.isnan(row.late_distance) else f" {row.late_distance:.3f}")
        for row in confirmed.itertuples()
    ]


def _scatters(results: Results, condition: str) -> Any:
    """A panel per confirmed member, all in the same coordinates: its fakes on as many real points."""
    from matplotlib.figure import Figure

    labels = _confirmed_labels(results, condition)
    if not labels:
        return None
    samples = results.samples(condition)
    low, high = window(results.data.confirm, samples)
    columns = min(PANELS, len(labels))
    rows = -(-len(labels) // columns)
    figure = Figure(figsize=(0.4 + 2.4 * columns, 0.6 + 2.8 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, label, fake in zip(panels, labels, samples, strict=False):
        real = results.data.confirm[: len(fake)]
        panel.scatter(*real.T, s=3, color=REAL, linewidths=0)
        panel.scatter(*fake[np.isfinite(fake).all(1)].T, s=3, color=FAKE, alpha=0.5, linewidths=0)
        beyond = 1 - float(((low <= fake) & (fake <= high)).all(1).mean())
        panel.set_title(label.replace("\n", ": ") + (f"\n{beyond:.0%} outside" if beyond > 0.005 else ""), fontsize=8)
        panel.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
        panel.tick_params(labelsize=6)
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


def _grid(rows: np.ndarray, labels: list[str]) -> Any:
    from matplotlib.figure import Figure

    columns = rows.shape[1]
    figure = Figure(figsize=(1.6 + 0.5 * columns, 0.6 + 0.55 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    for axis, row, label in zip(axes, rows, labels, strict=True):
        spaced = np.pad(row, ((0, 0), (0, 0), (1, 1)), constant_values=np.nan)
        axis.imshow(np.concatenate(list(spaced), axis=1), **GREY)
        axis.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
    return figure
