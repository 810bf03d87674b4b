"""The axis of a searched hyperparameter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from studies.file.distributions import Choice, Distribution, Grid, IntLogUniform, LogUniform
from studies.numbers import format_tick, value_text
from studies.reporting.figures.axes import tick_capacity, use_log_scale
from studies.reporting.wording import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class HyperparameterScale:
    """The axis of a hyperparameter: the coordinate of a value is the value itself in a range, its position in a list.

    low, high  ends of the axis
    values     the values of a list, None for a range
    log        True for a logarithmic axis
    """

    low: float
    high: float
    values: Sequence[Any] | None
    log: bool

    @classmethod
    def of(cls, hyperparameter: Distribution) -> "HyperparameterScale":
        """The axis of a distribution; a list of numbers is sorted."""
        if isinstance(hyperparameter, Choice | Grid):
            values = list(hyperparameter.values)
            values = sorted(values) if _are_numbers(values) else values
            return cls(-0.5, len(values) - 0.5, values, False)
        low, high = (float(end) for end in hyperparameter.extremes())
        if isinstance(hyperparameter, LogUniform | IntLogUniform):
            margin = (high / low) ** 0.04
            return cls(low / margin, high * margin, None, True)
        margin = 0.04 * (high - low)
        return cls(low - margin, high + margin, None, False)

    def coordinates(self, values: "pd.Series[Any]") -> np.ndarray:
        """Coordinates of the values; numbers may be text: a column is all text if one condition's values are text."""
        if self.values is None:
            return values.astype("float64").to_numpy()
        texts = [value_text(value) for value in self.values]
        numbers = {str(float(value)): index for index, value in enumerate(self.values) if _are_numbers([value])}
        return np.array([texts.index(str(v)) if str(v) in texts else numbers[str(float(v))] for v in values], float)

    def dodge(self, coordinates: np.ndarray, group: "pd.Series[Any]") -> np.ndarray:
        """The coordinates; for a list, equal ones within a group are moved apart, in the order of the rows."""
        if self.values is None or not len(coordinates):
            return coordinates
        keys = pd.Series(list(zip(coordinates, group, strict=True)))
        position, size = keys.groupby(keys).cumcount(), keys.groupby(keys).transform("size")
        gap = np.minimum(0.13, 0.7 / size)
        return coordinates + ((position - (size - 1) / 2) * gap).to_numpy()

    def shaded(self, low: float, high: float) -> tuple[float, float]:
        """Ends of the shaded area from `low` to `high`, widened a little so that it is never empty."""
        if self.values is not None:
            return low - 0.45, high + 0.45
        if self.log:
            margin = (self.high / self.low) ** 0.01
            return low / margin, high * margin
        margin = 0.01 * (self.high - self.low)
        return low - margin, high + margin

    def apply(self, panel: "Axes", *, horizontal: bool) -> None:
        """Set scale, limits and ticks of the x axis if `horizontal`, else of the y axis."""
        axis = panel.xaxis if horizontal else panel.yaxis
        if self.log:
            use_log_scale(axis, self.low, self.high)
            return
        panel.set(**{"xlim" if horizontal else "ylim": (self.low, self.high)})
        if self.values is not None:
            shown = range(0, len(self.values), -(-len(self.values) // tick_capacity(panel, horizontal=horizontal)))
            axis.set_ticks(list(shown), [format_value(self.values[index]) for index in shown])


def format_value(value: Any) -> str:
    """The value of a hyperparameter as a text short enough for an axis."""
    return format_tick(value) if isinstance(value, float) else shortened(value_text(value), 12)


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
