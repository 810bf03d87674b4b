"""What confirmed generators make of the same z at a few moments of their training."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from studies.comparison.ranking import winners
from studies.errors import InputError
from studies.figures.rows import of
from studies.figures.sheets import confirmed_labels, window, words
from studies.figures.style import PNG_DPI, SMALL, THEMES, WIDTH, Drawn, Theme, ThemeName, blank, clock, drawn, told
from studies.judgement import DISTANCES
from studies.results import Results
from studies.sentences import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Picture = Float[np.ndarray, "height width 4"]
ACROSS = 4
"""Images beside each other at a moment."""
SIDE = 72
"""Pixels along a moment's points: a fake is one of them, since as shapes all points of a page are megabytes."""
GREYS = 16
"""Steps from black to white, as the digits have them: the file of a picture with all greys is twice as large."""
COLUMNS = 6
"""Moments that there is room for beside each other."""
_LABELS = 1.1
"""Inches left of the pictures."""


def course_of_samples(results: Results, condition: str, theme: ThemeName = "light") -> Drawn | None:
    """Draw how the fakes of a condition's confirmed generators come about.

    A row for the best, the median and the worst member by late distance, a column for each moment: images, or points of
    the plane on real ones. None for a condition that is not confirmed, for one from before
    such fakes were kept, and for other data.
    """
    planar, shape, look = results.data.planar, results.data.shape, THEMES[theme]
    try:
        steps, fakes = results.course(condition)
    except InputError:  # there is none; that the file is damaged is said by the figure of samples
        return None
    if not planar and (len(shape) != 3 or shape[0] != 1):
        return None
    chosen = _chosen(of(winners(results.members), condition)["late_distance"].to_numpy())
    distances, shown = _distances(results, condition, steps)[list(chosen)], fakes[:, list(chosen)].swapaxes(0, 1)
    if planar:
        real, corners = results.data.confirm[: fakes.shape[2]], window(results.data.confirm, shown)
        pictures = [[_dots(look, real, moment, *corners) for moment in member] for member in shown]
    else:
        pictures = [[_images(moment.reshape(-1, *shape[1:])) for moment in member] for member in shown]
    labels = confirmed_labels(results, condition)
    names = [f"{role}\n{labels[member]}" for member, role in chosen.items()]
    lost = ~np.isfinite(shown).all((2, 3))
    kind, real_ones = ("points", "; real ones are grey") if planar else ("images", "")
    return drawn(
        _table(np.array(pictures), look, names, lost, steps, clock(results.study.budget)),
        f"course-of-samples-{condition}",
        f"{condition}: {kind} that {_who(list(chosen.values()), len(labels))} by late distance make of the same "
        f"{fakes.shape[2]} z at {counted(len(steps), 'moment')} of the training{real_ones}.",
        "; ".join(_in_words(name, own, steps) for name, own in zip(names, distances, strict=True)),
    )


def _chosen(late: np.ndarray) -> dict[int, str]:
    """The best, the median and the worst member, as many as there are; one without a number ranks last."""
    order, last = np.argsort(late, kind="stable"), len(late) - 1
    roles = {last: "worst", last // 2: "median", 0: "best"}  # of two members the best is not the median
    return {int(order[place]): roles[place] for place in sorted(roles)}


def _who(roles: list[str], members: int) -> str:
    if len(roles) == 1:
        return "its only confirmed generator"
    return f"the {', the '.join(roles[:-1])} and the {roles[-1]} of its {members} confirmed generators"


def _distances(results: Results, condition: str, steps: list[int]) -> Float[np.ndarray, "members moments"]:
    curves = of(winners(results.curves), condition)
    measured = curves[curves["metric"].isin(DISTANCES)]
    return measured.pivot(index="seed", columns="step", values="value")[steps].to_numpy()


def _in_words(name: str, distances: np.ndarray, steps: list[int]) -> str:
    course = ", ".join(f"{told(distance)} at {step}" for distance, step in zip(distances, steps, strict=True))
    return f"{name.replace(chr(10), ' ')}: distance {course}"


# --- pictures


def _images(images: Float[np.ndarray, "images height width"]) -> Picture:
    """In rows, on black; nothing where one is not finite."""
    spaced = np.pad(images, ((0, 0), (0, 1), (0, 1)), constant_values=-1)
    rows = [np.concatenate(list(spaced[i : i + ACROSS]), axis=1) for i in range(0, len(spaced), ACROSS)]
    sheet = np.concatenate(rows)[:-1, :-1]
    grey = np.round((np.clip(sheet, -1, 1) + 1) / 2 * GREYS) / GREYS
    return np.stack([*[np.nan_to_num(grey)] * 3, np.isfinite(sheet)], axis=2)


def _dots(theme: Theme, real: np.ndarray, fake: np.ndarray, low: np.ndarray, high: np.ndarray) -> Picture:
    """Fakes on real points, which are three pixels wide so that they show below, between these corners in a frame."""
    from matplotlib.colors import to_rgba

    picture = np.zeros((SIDE, SIDE, 4))
    middle, width, near = (low + high) / 2, (high - low).max(), range(-1, 2)
    for points, color, shifts in (
        (real, theme.real, [(across, down) for across in near for down in near]),
        (fake, theme.fake, [(0, 0)]),
    ):
        place = (points - middle) / width + 0.5
        x, y = (SIDE * place[((place >= 0) & (place < 1)).all(1)]).astype(int).T  # nothing that is not finite either
        for across, down in shifts:
            picture[np.clip(SIDE - 1 - y + down, 0, SIDE - 1), np.clip(x + across, 0, SIDE - 1)] = to_rgba(color)
    picture[[0, -1]] = picture[:, [0, -1]] = to_rgba(theme.real)
    return picture


def _table(
    pictures: Float[np.ndarray, "rows columns height width 4"],
    theme: Theme,
    names: list[str],
    lost: Bool[np.ndarray, "rows columns"],
    steps: list[int],
    title: str,
) -> "Figure":
    """One image that holds all pictures, which is a tenth of what each in its own axes would be."""
    rows, columns, height, width, _ = pictures.shape
    right, down = width + round(0.1 * width), height + round(0.1 * width)
    spaced = np.pad(pictures, ((0, 0), (0, 0), (0, down - height), (0, right - width), (0, 0)))
    sheet = spaced.swapaxes(1, 2).reshape(rows * down, columns * right, 4)
    inch = (WIDTH - _LABELS) / (COLUMNS * right)
    figure = blank(theme, width=WIDTH, height=0.5 + rows * down * inch)
    axis = figure.subplots()
    small = width * inch * PNG_DPI > width  # every pixel of a sample is larger than one of the screen
    axis.imshow(sheet, extent=(0, columns * right, rows * down, 0), interpolation="none" if small else "antialiased")
    axis.set(xlim=(0, max(columns, COLUMNS) * right), facecolor=theme.background)
    axis.xaxis.tick_top()
    axis.set_xticks(np.arange(columns) * right + width / 2, [f"{step}" for step in steps])
    axis.set_yticks(np.arange(rows) * down + height / 2, names)
    axis.tick_params(length=0, labelsize=8, labelcolor=theme.ink)
    axis.spines[:].set_visible(False)
    axis.set_title(title, **words(theme))
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": SMALL, "color": theme.muted}
    for row, column in np.argwhere(lost):
        axis.text(column * right + width / 2, row * down + height / 2, "not finite", **style)
    return figure
