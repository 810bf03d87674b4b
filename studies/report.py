"""Pictures of a study."""

from pathlib import Path
from typing import Any

import numpy as np

from studies.ledger import SAMPLES_KEPT
from studies.results import Results


def sample_sheet(results: Results, condition: str, path: Path) -> Path | None:
    """Draw what a condition's confirmed generators make: real samples on top, then a row per member.

    None is drawn, and None returned, for a condition that is not confirmed and for data that are no images.
    """
    images = _confirmed_images(results, condition)
    if images is None:
        return None
    rows, labels = images
    figure = _grid(rows, labels)
    figure.suptitle(f"{results.study.name}: {condition}, confirmed")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path


def _confirmed_images(results: Results, condition: str) -> tuple[np.ndarray, list[str]] | None:
    """(rows, samples, height, width) and what stands beside each row."""
    shape = results.data.shape
    members = results.members
    confirmed = members[(members["condition"] == condition) & (members["phase"] == "confirm") & (members["trial"] == 0)]
    if len(shape) != 3 or shape[0] != 1 or confirmed.empty:
        return None
    samples = results.samples(condition)
    real = results.data.confirm[:SAMPLES_KEPT].reshape(1, SAMPLES_KEPT, *shape[1:])
    rows = np.concatenate([real, samples.reshape(len(samples), SAMPLES_KEPT, *shape[1:])])
    labels = ["real"] + [
        f"seed {row.seed}\n{row.outcome}" + ("" if np.isnan(row.late_distance) else f" {row.late_distance:.3f}")
        for row in confirmed.itertuples()
    ]
    return rows, labels


def _grid(rows: np.ndarray, labels: list[str]) -> Any:
    from matplotlib.figure import Figure

    columns = rows.shape[1]
    figure = Figure(figsize=(1.6 + 0.5 * columns, 0.6 + 0.55 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    for axis, row, label in zip(axes, rows, labels, strict=True):
        spaced = np.pad(row, ((0, 0), (0, 0), (1, 1)), constant_values=np.nan)
        axis.imshow(np.concatenate(list(spaced), axis=1), cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
        axis.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
    return figure
