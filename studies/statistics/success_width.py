"""Width of the part of a range in which random draws succeed, and a test for its touching an end of the range."""

from dataclasses import dataclass
from math import comb, log, log10

import numpy as np
from jaxtyping import Bool, Float

from studies.statistics.intervals import mean_interval, wilson

BORDER_LEVEL = 0.05
"""The region of success may extend to an end of the range if the chance in `touches_border` is at least this."""


@dataclass(frozen=True, kw_only=True)
class SampledRange:
    """A range from which values are drawn at random, and the unit of its widths.

    low, high    ends of the range; for values at equal distances, half of it below the smallest and above the largest
    spacing      distance between two neighbouring values, 1 for integers: a value then stands for the interval from
                 half of it below to half of it above; 0 if every number of the range may be drawn
    log_density  True for a log-uniform distribution, False for a uniform one
    in_decades   True if widths are in decades, log10(b/a); False if in units of the values, b - a. Must be True if
                 `log_density` is
    """

    low: float
    high: float
    spacing: float = 0.0
    log_density: bool = False
    in_decades: bool = False

    def width(self, low: float, high: float) -> float:
        """Width of the interval from `low` to `high`."""
        return log10(high / low) if self.in_decades else high - low

    @property
    def whole_width(self) -> float:
        """Width of the whole range."""
        return self.width(self.low, self.high)

    @property
    def constant_density(self) -> bool:
        """True if equal widths are equally likely."""
        return self.log_density or not self.in_decades

    def inverse_density(self, values: Float[np.ndarray, "draws"]) -> Float[np.ndarray, "draws"]:
        """1 / (probability per unit of width) at each value."""
        if self.constant_density:
            return np.full(len(values), self.whole_width)
        if self.spacing:
            half = self.spacing / 2
            return (self.high - self.low) / self.spacing * np.log10((values + half) / (values - half))
        return (self.high - self.low) / (values * log(10))


def success_width(
    sampled: SampledRange, values: Float[np.ndarray, "draws"], successes: Bool[np.ndarray, "draws"]
) -> float:
    """Estimated width of the values that succeed: the mean over draws of 1[success] / density, at most the whole width.

    A value that succeeds with chance c contributes c times its width.

    Source: the estimator of Horvitz & Thompson 1952, doi:10.1080/01621459.1952.10483446.
    """
    return min(float((successes * sampled.inverse_density(values)).mean()), sampled.whole_width)


def success_width_interval(
    sampled: SampledRange, values: Float[np.ndarray, "draws"], successes: Bool[np.ndarray, "draws"], *, seed: int
) -> tuple[float, float]:
    """95 % interval of `success_width`.

    With a constant density the width is the share of successes times the whole width, and its interval is Wilson's.
    Otherwise the interval is the bootstrap interval of the mean, unless all draws succeeded or all failed: it would
    then have width 0. Instead, the share that may still fail (or succeed) by Wilson's interval is assumed to lie at the
    lower end of the range, where a given share of the draws spans the most decades.
    """
    whole_width = sampled.whole_width
    low, high = wilson(int(successes.sum()), len(successes))
    if sampled.constant_density:
        return low * whole_width, high * whole_width
    if successes.any() and not successes.all():
        low, high = mean_interval(successes * sampled.inverse_density(values), seed=seed)
        return min(low, whole_width), min(high, whole_width)
    length = sampled.high - sampled.low
    if successes.any():
        return whole_width - sampled.width(sampled.low, sampled.low + (1 - low) * length), whole_width
    return 0.0, sampled.width(sampled.low, sampled.low + high * length)


def touches_border(values: Float[np.ndarray, "draws"], successes: Bool[np.ndarray, "draws"]) -> bool:
    """True if the region of success may extend to the lower end of the range; negate the values for the upper end.

    Below the highest success lie n draws, k of them successes. If all their orders are equally likely, the lowest f
    draws all fail with chance C(n - f, k)/C(n, k). The result is True if that chance is at least `BORDER_LEVEL` for
    the f failures below the lowest success, and False without a success.
    """
    if not successes.any():
        return False
    failures = int((values < values[successes].min()).sum())
    others, other_successes = int((values <= values[successes].max()).sum()) - 1, int(successes.sum()) - 1
    return comb(others - failures, other_successes) / comb(others, other_successes) >= BORDER_LEVEL
