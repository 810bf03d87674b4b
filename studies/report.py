"""Pictures of a study."""

from pathlib import Path
from typing import Any

import numpy as np

from gan_core.data import Dataset
from gan_core.metrics import Box
from studies.ledger import SAMPLES_KEPT
from studies.results import Results

STRIP = 10
_GREY: dict[str, Any] = {"cmap": "gray", "vmin": -1, "vmax": 1, "interpolation": "nearest"}
PIXELS = 4
"""How large a pixel of a sample is drawn."""
PANELS = 5
"""Scatters beside each other."""
SIDE = 180
"""Pixels along a scatter that is drawn beside running trials."""
_REAL, _FAKE = "#BBBBBB", "#0072B2"


def sample_sheet(results: Results, condition: str, path: Path) -> Path | None:
    """Draw what a condition's confirmed generators make.

    Of images: real samples on top, then a row per member. Of points of the plane: a scatter per member, on the real
    ones. None is drawn, and None returned, for a condition that is not confirmed and for other data.
    """
    if results.data.planar:
        figure = _scatters(results, condition)
    else:
        images = _confirmed_images(results, condition)
        figure = None if images is None else _grid(*images)
    if figure is None:
        return None
    figure.suptitle(f"{results.study.name}: {condition}, confirmed")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path


def ranking_picture(results: Results, path: Path) -> Path | None:
    """Draw the ranking: every confirmed member's distance, the interval of each condition, and some of its fakes.

    None is drawn, and None returned, before anything is confirmed.
    """
    from matplotlib.figure import Figure

    ranking = results.ranking
    if ranking.empty:
        return None
    images = [_confirmed_images(results, name) for name in ranking["condition"]]
    strips = [None if sheet is None else sheet[0][1] for sheet in images]
    wide = any(strip is not None for strip in strips)
    figure = Figure(figsize=(13 if wide else 6.5, 1.2 + 0.55 * len(ranking)), layout="constrained")
    axes = figure.subplots(1, 2 if wide else 1, width_ratios=[6.8, 5.5] if wide else [1], squeeze=False)[0]
    _draw_distances(axes[0], results)
    if wide:
        _draw_strips(axes[1], strips)
    figure.suptitle(f"{results.study.name}: the setting found for each condition, on fresh seeds")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path


def _draw_distances(axis: Any, results: Results) -> None:
    """A row per condition, best on top: a dot per stable member, a cross per failed one, the interval below."""
    ranking, members = results.ranking, results.members
    confirmed = members[(members["phase"] == "confirm") & (members["trial"] == 0)]
    for row in ranking.itertuples():
        own = confirmed[confirmed["condition"] == row.condition]
        stable = own["outcome"] == "stable"
        y = -row.rank
        axis.plot(own["late_distance"][stable], [y + 0.15] * stable.sum(), "o", color="#0072B2", ms=4, alpha=0.6)
        axis.plot(own["late_distance"][~stable], [y + 0.15] * (~stable).sum(), "x", color="#D55E00", ms=5)
        axis.plot([row.distance_low, row.distance_high], [y - 0.15] * 2, "-", color="black", lw=2)
        axis.plot([row.distance], [y - 0.15], "|", color="black", ms=9)
    failed = [f"{row.condition}  ({row.failure_rate:.0%} failed)" for row in ranking.itertuples()]
    axis.set_yticks([-rank for rank in ranking["rank"]], failed)
    axis.set_ylim(-len(ranking) - 0.6, -0.4)
    axis.set_xlabel("distance (lower is better); line: 95 % interval of the interquartile mean")
    axis.spines[["top", "right"]].set_visible(False)
    for name, label in (("floor", "real against real"), ("gaussian", "a Gaussian")):
        if (value := results.lines.get(name)) is not None:
            axis.axvline(value, color="grey", lw=1, ls=":" if name == "gaussian" else "--", label=label)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(loc="lower right", fontsize=8, frameon=False)


def _draw_strips(axis: Any, strips: list[np.ndarray | None]) -> None:
    """The first member's fakes of each condition, at the height of its row."""
    for row, images in enumerate(strips, start=1):
        if images is not None:
            spaced = np.pad(images[:STRIP], ((0, 0), (0, 0), (1, 1)), constant_values=np.nan)
            extent = (0, STRIP, -row - 0.42, -row + 0.42)
            axis.imshow(np.concatenate(list(spaced), axis=1), extent=extent, **_GREY)
    axis.set(xlim=(0, STRIP), ylim=(-len(strips) - 0.6, -0.4), aspect="auto")  # imshow had made it square
    axis.axis("off")


def _confirmed_images(results: Results, condition: str) -> tuple[np.ndarray, list[str]] | None:
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
    low, high = _window(results.data.confirm, samples)
    columns = min(PANELS, len(labels))
    rows = -(-len(labels) // columns)
    figure = Figure(figsize=(0.4 + 2.4 * columns, 0.6 + 2.8 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, label, fake in zip(panels, labels, samples, strict=False):
        real = results.data.confirm[: len(fake)]
        panel.scatter(*real.T, s=3, color=_REAL, linewidths=0)
        panel.scatter(*fake[np.isfinite(fake).all(1)].T, s=3, color=_FAKE, alpha=0.5, linewidths=0)
        beyond = 1 - float(((low <= fake) & (fake <= high)).all(1).mean())
        panel.set_title(label.replace("\n", ": ") + (f"\n{beyond:.0%} outside" if beyond > 0.005 else ""), fontsize=8)
        panel.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
        panel.tick_params(labelsize=6)
    for panel in panels[len(labels) :]:
        panel.axis("off")
    return figure


def _window(real: np.ndarray, fakes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
        axis.imshow(np.concatenate(list(spaced), axis=1), **_GREY)
        axis.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
    return figure


def draw_samples(data: Dataset, samples: np.ndarray, labels: list[str], path: Path) -> None:
    """Draw a trial's samples at once: a row of real images, then one a member; of points, a picture for each member.

    Without matplotlib, which takes a hundred times longer: this is drawn beside running trials. Nothing for other
    data.
    """
    from PIL import Image, ImageDraw

    if data.planar:
        _draw_points(data, samples, labels, path)
    if len(data.shape) != 3 or data.shape[0] != 1:
        return
    count, (_, height, width) = samples.shape[1], data.shape
    rows = np.concatenate([data.confirm[None, :count], samples]).reshape(-1, count, height, width)
    cell, left, top = PIXELS * width + 4, 190, 6
    sheet = Image.new("L", (left + count * cell, top + len(rows) * (PIXELS * height + 8)), 255)
    draw = ImageDraw.Draw(sheet)
    for line, (row, label) in enumerate(zip(rows, ["real samples", *labels], strict=True)):
        y = top + line * (PIXELS * height + 8)
        draw.text((6, y + PIXELS * height // 2 - 6), label, fill=0)
        for column, image in enumerate(row):
            grey = np.nan_to_num((np.clip(image, -1, 1) + 1) * 127.5, nan=255.0).astype(np.uint8)
            sheet.paste(Image.fromarray(np.kron(grey, np.ones((PIXELS, PIXELS), np.uint8))), (left + column * cell, y))
    sheet.save(path)


def _draw_points(data: Dataset, samples: np.ndarray, labels: list[str], path: Path) -> None:
    """Beside each other the members' fakes in blue, on real points in grey."""
    from PIL import Image, ImageDraw

    low, high = _window(data.confirm, samples)
    scale = SIDE / (high - low).max()
    sheet = Image.new("RGB", (len(samples) * (SIDE + 10), SIDE + 24), "white")
    draw = ImageDraw.Draw(sheet)
    for panel, (fake, label) in enumerate(zip(samples, labels, strict=True)):
        left = panel * (SIDE + 10)
        draw.text((left + 4, 4), label, fill="black")
        for points, color in ((data.confirm[: len(fake)], _REAL), (fake, _FAKE)):
            shown = points[((low <= points) & (points <= high)).all(1)]  # nothing that is not finite either
            x, y = ((shown - low) * scale).T
            draw.point(list(zip(left + 4 + x, SIDE + 20 - y, strict=True)), fill=color)
    sheet.save(path)
