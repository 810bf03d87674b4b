"""Fakes of confirmed generators at several steps of their training, from the same z."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from gan_core.data import Dataset
from studies.errors import InputError
from studies.file.messages import count_noun
from studies.numbers import format_distance
from studies.reporting.figures.canvas import PNG_DPI, SMALL, WIDTH, DrawnFigure, empty_figure, finish
from studies.reporting.figures.image_grid import is_small, label_style, with_levels
from studies.reporting.figures.image_pixels import colours
from studies.reporting.figures.sample_sheets import confirmed_labels, view_corners
from studies.reporting.figures.selection import condition_rows
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.reporting.wording import budget_label, sampled_seeds
from studies.tables.ranking import winners
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Picture = Float[np.ndarray, "height width 4"]
"""Red, green, blue and opacity of each pixel."""
Pictures = Float[np.ndarray, "rows columns height width 4"]
SMALL_PER_ROW, IMAGES_PER_ROW = 4, 2
"""Number of images next to each other in a picture, if they are small and if they are not."""
LARGE_SHOWN = 6
"""Largest number of images in a picture if they are not small."""
LARGEST_SIDE = 48
"""Largest height and width of an image that is shown with all of its pixels: more cannot be seen side by side."""
SCATTER_SIDE = 72
"""Pixels along each side of a scatter. A fake is one pixel: with a vector shape per point, pages would be megabytes."""
COLUMNS = 3
"""Number of pictures that fit next to each other: one for each role of a member."""
_LABEL_WIDTH = 0.75
"""Inches left of the pictures."""


def sample_snapshots(results: Results, condition: str, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """Fakes of a condition's confirmed generators at several steps of their training.

    A column for the best, the median and the worst member by late distance, a row per step: images, and real images in
    the last row, or points of the plane with real points. None for a condition that is not confirmed, for a trial
    without snapshots, and for other data.
    """
    planar, theme = results.data.planar, THEMES[theme_name]
    try:
        steps, fakes = results.sample_snapshots(condition)
    except InputError:  # not confirmed, or without snapshots; a damaged file is reported by the figure of samples
        return None
    if not planar and not results.data.of_images:
        return None
    fakes = fakes if planar or is_small(results.data.shape[1:]) else fakes[:, :, :LARGE_SHOWN]
    roles = shown_members(condition_rows(winners(results.members), condition)["late_distance"].to_numpy())
    distances, shown = _distances(results, condition, steps)[list(roles)], fakes[:, list(roles)].swapaxes(0, 1)
    pictures = _scatters(results.data, shown, theme) if planar else _sheets(results.data, shown)
    labels = confirmed_labels(results, condition)
    names = [f"{role}\n{labels[member]}" for member, role in roles.items()]
    nonfinite = ~np.isfinite(shown).all((2, 3))
    rows = [*map(str, steps), *([] if planar else ["real"])]
    return finish(
        _table(pictures.swapaxes(0, 1), theme, rows, nonfinite.T, names, budget_label(results.study.budget)),
        f"sample-snapshots-{condition}",
        f"{'Points' if planar else 'Images'} generated with the setting found for {condition} at "
        f"{count_noun(len(steps), 'step')} of the training, always from the same {fakes.shape[2]} z, by "
        f"{_members_in_words(list(roles.values()), sampled_seeds(results.study, len(labels)))}. "
        f"{'Real points are grey.' if planar else 'The last row shows real images.'}",
        "; ".join(_in_words(name, row, steps) for name, row in zip(names, distances, strict=True)),
    )


def shown_members(late_distances: np.ndarray) -> dict[int, str]:
    """Role (best, median, worst late distance) of each member shown, by index; fewer than 3 members have fewer roles.

    A member whose late distance is NaN ranks last.
    """
    order, last = np.argsort(late_distances, kind="stable"), len(late_distances) - 1
    roles = {last: "worst", last // 2: "median", 0: "best"}  # a later role replaces an earlier one of the same rank
    return {int(order[rank]): roles[rank] for rank in sorted(roles)}


def _members_in_words(roles: list[str], seeds: str) -> str:
    if len(roles) == 1:
        return "its only seed"
    return f"the {', the '.join(roles[:-1])} and the {roles[-1]} of its {seeds} by late distance"


def _distances(results: Results, condition: str, steps: list[int]) -> Float[np.ndarray, "members steps"]:
    curves = condition_rows(winners(results.curves), condition)
    rows = curves[curves["metric"] == results.study.distance]
    return rows.pivot(index="seed", columns="step", values="value").reindex(columns=steps).to_numpy()


def _in_words(name: str, distances: np.ndarray, steps: list[int]) -> str:
    measured = zip(distances, steps, strict=True)  # a further evaluation measures at the kept generators alone
    values = (f"{format_distance(distance)} at step {step}" for distance, step in measured)
    return f"{name.replace(chr(10), ', ')}: distance {', '.join(values)}"


# --- pictures


def _sheets(data: Dataset, shown: Float[np.ndarray, "members steps images dim"]) -> Pictures:
    """A sheet per member and step, and after the last step a sheet of real images.

    Each member has other real images; after the last of the test split the first follows again.
    """
    fakes = colours(data, shown)
    members, _, count, *size = fakes.shape
    real = np.resize(colours(data, data.first("test", members * count)), (members, 1, count, *size))
    rows = np.concatenate([fakes, real], axis=1)
    return np.array([[_sheet(images) for images in row] for row in reduced(rows)])


def reduced(images: Float[np.ndarray, "*any height width 4"]) -> Float[np.ndarray, "*any low narrow 4"]:
    """Images of at most `LARGEST_SIDE`: each pixel is the mean of a square of pixels; a remainder is cut off."""
    height, width = images.shape[-3:-1]
    side = -(-max(height, width) // LARGEST_SIDE)
    low, narrow = max(1, height // side), max(1, width // side)
    kept = images[..., : low * side, : narrow * side, :]
    squares = kept.reshape(*images.shape[:-3], low, kept.shape[-3] // low, narrow, kept.shape[-2] // narrow, 4)
    return squares.mean((-4, -2))


def _scatters(data: Dataset, shown: Float[np.ndarray, "members steps points dim"], theme: Theme) -> Pictures:
    test = data.first("test")
    real, corners = test[: shown.shape[2]], view_corners(test, shown)
    return np.array([[_scatter(theme, real, snapshot, *corners) for snapshot in member] for member in shown])


def _sheet(images: Float[np.ndarray, "images height width 4"]) -> Picture:
    """Images in rows on black; fewer than fill the last row leave black."""
    columns = SMALL_PER_ROW if is_small(images.shape[1:3]) else IMAGES_PER_ROW
    missing = -len(images) % columns
    black = np.array([0, 0, 0, 1], images.dtype)
    count, height, width = images.shape[0] + missing, images.shape[1] + 1, images.shape[2] + 1
    spaced = np.broadcast_to(black, (count, height, width, 4)).copy()
    spaced[: len(images), :-1, :-1] = with_levels(images)
    rows = spaced.reshape(-1, columns, height, width, 4).swapaxes(1, 2)
    return rows.reshape(-1, columns * width, 4)[:-1, :-1]


def _scatter(theme: Theme, real: np.ndarray, fake: np.ndarray, low: np.ndarray, high: np.ndarray) -> Picture:
    """A framed picture: each fake is one pixel, each real point 3 x 3 pixels behind the fakes, so both are visible."""
    from matplotlib.colors import to_rgba

    picture = np.zeros((SCATTER_SIDE, SCATTER_SIDE, 4))
    middle, width, offsets = (low + high) / 2, (high - low).max(), range(-1, 2)
    for points, color, shifts in (
        (real, theme.real, [(right, down) for right in offsets for down in offsets]),
        (fake, theme.fake, [(0, 0)]),
    ):
        scaled = (points - middle) / width + 0.5
        x, y = (SCATTER_SIDE * scaled[((scaled >= 0) & (scaled < 1)).all(1)]).astype(int).T  # NaN is not in view
        for right, down in shifts:
            row, column = (np.clip(index, 0, SCATTER_SIDE - 1) for index in (SCATTER_SIDE - 1 - y + down, x + right))
            picture[row, column] = to_rgba(color)
    picture[[0, -1]] = picture[:, [0, -1]] = to_rgba(theme.real)
    return picture


def _table(
    pictures: Pictures,
    theme: Theme,
    labels: list[str],
    nonfinite: Bool[np.ndarray, "snapshots columns"],
    headings: list[str],
    title: str,
) -> "Figure":
    """A figure with all pictures in one image; with one image per picture it would be ten times as large."""
    rows, columns, height, width, _ = pictures.shape
    right, down = width + round(0.1 * width), height + round(0.1 * width)
    spaced = np.pad(pictures, ((0, 0), (0, 0), (0, down - height), (0, right - width), (0, 0)))
    sheet = spaced.swapaxes(1, 2).reshape(rows * down, columns * right, 4)
    inch = (WIDTH - _LABEL_WIDTH) / (COLUMNS * right)
    figure = empty_figure(theme, width=WIDTH, height=0.7 + rows * down * inch)
    axis = figure.subplots()
    enlarged = width * inch * PNG_DPI > width  # a pixel of a sample is larger than a pixel of the screen
    axis.imshow(sheet, extent=(0, columns * right, rows * down, 0), interpolation="none" if enlarged else "antialiased")
    axis.set(xlim=(0, COLUMNS * right), facecolor=theme.background)
    axis.xaxis.tick_top()
    axis.set_xticks(np.arange(columns) * right + width / 2, headings)
    axis.set_yticks(np.arange(rows) * down + height / 2, labels)
    axis.tick_params(length=0, labelsize=8, labelcolor=theme.ink)
    axis.spines[:].set_visible(False)
    axis.set_ylabel(title, **label_style(theme))
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": SMALL, "color": theme.muted}
    for row, column in np.argwhere(nonfinite):
        axis.text(column * right + width / 2, row * down + height / 2, "not finite", **style)
    return figure
