"""Scales, ticks and labels of axes."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from studies.file.budget import Budget
from studies.numbers import format_tick
from studies.reporting.figures.canvas import SMALL
from studies.reporting.figures.themes import Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def show_budget(axis: "Axes", budget: Budget) -> None:
    """Let the x axis reach from step 0 to the end of the budget."""
    from matplotlib.ticker import MaxNLocator

    axis.set_xlim(-0.03 * budget.steps, 1.03 * budget.steps)
    axis.xaxis.set_major_locator(MaxNLocator(3, integer=True))


def label_right(axis: "Axes", theme: Theme, labels: Iterable[tuple[float, str]], *, height: float) -> None:
    """Write texts to the right of a panel at values of y, moved apart where they would overlap.

    labels  (value of y, text)
    height  of the panel in inches, approximately
    """
    labels = sorted(labels)
    points = axis.transAxes.inverted().transform(
        axis.transData.transform([(1, value) for value, _ in labels] or [(1, 1)])
    )
    for y, (_, text) in zip(moved_apart(points[:, 1], 1.25 * SMALL / (72 * height)), labels, strict=False):
        axis.annotate(
            text,
            (1, y),
            (3, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            color=theme.muted,
            annotation_clip=False,
        )


def moved_apart(positions: Float[np.ndarray, "labels"], gap: float) -> list[float]:
    """Ascending positions moved so that each is at least `gap` above the one before; their mean stays."""
    moved: list[float] = []
    for position in positions:
        moved.append(max(position, moved[-1] + gap) if moved else position)
    shift = float(np.mean(np.subtract(moved, positions))) if moved else 0.0
    return [position - shift for position in moved]


def use_log_scale(axis: Any, low: float, high: float) -> None:
    """Make an x or y axis logarithmic from `low` to `high`, with as many tick labels as fit on it."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    panel, horizontal = axis.axes, axis.axis_name == "x"
    panel.set(**{f"{axis.axis_name}scale": "log", f"{axis.axis_name}lim": (low, high)})
    axis.set_major_locator(FixedLocator(log_ticks(low, high, tick_capacity(panel, horizontal=horizontal))))
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_tick(value)))
    axis.set_minor_locator(NullLocator())


def tick_capacity(panel: "Axes", *, horizontal: bool) -> int:
    """Largest number of tick labels that fit on an axis of the panel."""
    width, height = panel.get_position().size * panel.figure.get_size_inches()  # type: ignore[union-attr]
    return int(width / 0.4 if horizontal else height / 0.28)


def log_ticks(low: float, high: float, capacity: int) -> list[float]:
    """Ticks of a logarithmic axis: of several series of round numbers the densest with at most `capacity` ticks.

    If fewer than two numbers of that series lie between `low` and `high`, the ticks are equally spaced instead.
    """
    from matplotlib.ticker import MaxNLocator

    exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    decades = [((1,), stride) for stride in range(1, len(exponents) + 1)]
    for digits, stride in [((1, 2, 5), 1), ((1, 3), 1), *decades]:
        ticks = [digit * 10.0**exponent for exponent in exponents[::stride] for digit in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= capacity:
            break
    return ticks if len(ticks) > 1 else [tick for tick in MaxNLocator(3).tick_values(low, high) if low <= tick <= high]
