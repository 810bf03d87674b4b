"""Stable widths: over how much of a knob's range a condition reaches a distance, in decades."""

from collections.abc import Iterable, Iterator, Sequence
from math import comb, log, log10
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from studies.comparison.explored import Explored, Target
from studies.comparison.intervals import mean_interval, wilson
from studies.comparison.schema import table_of
from studies.space import Choice, Grid, IntUniform, LogUniform, Uniform

WIDTHS: dict[str, str] = {
    "condition": "str",
    "knob": "str",
    "tau": "float64",
    "unit": "str",
    "width": "float64",
    "width_low": "float64",
    "width_high": "float64",
    "stated": "float64",
    "lowest": "float64",
    "highest": "float64",
    "border_low": "bool",
    "border_high": "bool",
    "configurations": "int64",
}
SHARES: dict[str, str] = {
    "condition": "str",
    "knob": "str",
    "value": "str",
    "tau": "float64",
    "reached": "int64",
    "configurations": "int64",
    "share": "float64",
    "low": "float64",
    "high": "float64",
}
DOUBT = 0.05
"""A border counts as touched unless its draws would fail this rarely if it were."""

Range = Uniform | LogUniform | IntUniform


def widths(explored: Iterable[Explored], targets: Sequence[Target], *, seed: int) -> pd.DataFrame:
    """A row per condition, knob with a range, and target; columns as in `WIDTHS`.

    unit          "decades" for a log-uniform knob and for a positive range over a decade or more, else "units"
    width         the measure of the values at which a configuration reaches tau, the other knobs as drawn: the mean
                  over draws of 1[reached] / (density per unit), at most `stated`; a value that reaches tau half of the
                  time counts half
    width_low     its interval: Wilson's times `stated` where the density per unit is constant (then the width is
    width_high    V times `stated`), else the configuration bootstrap, and where that is empty the worst case
    stated        the whole range
    lowest        the smallest and the largest value that reached tau; empty where none did
    highest
    border_low    the values that reach tau cannot be told from such that go on to the stated border: the width is a
    border_high   lower bound
    configurations

    What is stated cancels: a wider range has a smaller density, so the width stays as long as no border is touched.
    An integer stands for the piece from half below it to half above.

    A border is touched unless the draws between it and the nearest success fail with a chance below `DOUBT` when the
    successes are as frequent there as up to the farthest one.

    Source: Horvitz & Thompson 1952, doi:10.1080/01621459.1952.10483446, for the estimator.
    """
    return table_of((row for one in explored if one.configurations for row in _widths(one, targets, seed)), WIDTHS)


def shares(explored: Iterable[Explored], targets: Sequence[Target]) -> pd.DataFrame:
    """A row per condition, knob with listed values (a choice or a grid), value, and target; columns as in `SHARES`.

    value         as text, since some are numbers and some are words
    reached       of the `configurations` with that value
    share         reached / configurations, with its Wilson interval `low`, `high`; the interval is empty where another
                  knob is a grid, whose listed points are no draws; all three are empty where the value was not drawn
    """
    return table_of((row for one in explored if one.configurations for row in _shares(one, targets)), SHARES)


def _widths(explored: Explored, targets: Sequence[Target], seed: int) -> Iterator[dict[str, Any]]:
    for path, knob in explored.knobs.items():
        if isinstance(knob, Choice | Grid):
            continue
        values = np.array(explored.values(path), dtype=np.float64)
        for target in targets:
            reaching = explored.reaching(target.tau)
            successes = values[reaching]
            low, high = _interval(knob, values, reaching, seed)
            yield {
                "condition": explored.condition,
                "knob": path,
                "tau": target.tau,
                "unit": "decades" if in_decades(knob) else "units",
                "width": width(knob, values, reaching),
                "width_low": low,
                "width_high": high,
                "stated": _between(knob, *_ends(knob)),
                "lowest": successes.min(initial=np.inf) if len(successes) else np.nan,
                "highest": successes.max(initial=-np.inf) if len(successes) else np.nan,
                "border_low": touches_border(values, reaching),
                "border_high": touches_border(-values, reaching),
                "configurations": len(values),
            }


def _shares(explored: Explored, targets: Sequence[Target]) -> Iterator[dict[str, Any]]:
    for path, knob in explored.knobs.items():
        if not isinstance(knob, Choice | Grid):
            continue
        drawn = not set(explored.grids) - {path}
        for value in knob.values:
            here = np.array([found == value for found in explored.values(path)])
            for target in targets:
                n, reached = int(here.sum()), int(explored.reaching(target.tau)[here].sum())
                low, high = wilson(reached, n) if n and drawn else (np.nan, np.nan)
                yield {
                    "condition": explored.condition,
                    "knob": path,
                    "value": str(value),
                    "tau": target.tau,
                    "reached": reached,
                    "configurations": n,
                    "share": reached / n if n else np.nan,
                    "low": low,
                    "high": high,
                }


def in_decades(knob: Range) -> bool:
    """Whether a knob's width is told in decades: log-uniform ones, and positive ranges over a decade or more."""
    return isinstance(knob, LogUniform) or (knob.low > 0 and knob.high >= 10 * knob.low)


def width(
    knob: Range, values: Float[np.ndarray, "configurations"], reaching: Bool[np.ndarray, "configurations"]
) -> float:
    """The stable width that these draws estimate, in the knob's unit."""
    return min(float((reaching * _units_per_draw(knob, values)).mean()), _between(knob, *_ends(knob)))


def touches_border(values: Float[np.ndarray, "configurations"], reaching: Bool[np.ndarray, "configurations"]) -> bool:
    """Whether the successes cannot be told from such that go on to the lower border.

    Below the highest success lie `others` draws, `successes` of them successes. Were all orders equally likely, the
    lowest `failures` would all fail with chance C(others - failures, successes) / C(others, successes).
    """
    if not reaching.any():
        return False
    failures = int((values < values[reaching].min()).sum())
    others, successes = int((values <= values[reaching].max()).sum()) - 1, int(reaching.sum()) - 1
    return comb(others - failures, successes) / comb(others, successes) >= DOUBT


def _interval(
    knob: Range,
    values: Float[np.ndarray, "configurations"],
    reaching: Bool[np.ndarray, "configurations"],
    seed: int,
) -> tuple[float, float]:
    (bottom, top), stated = _ends(knob), _between(knob, *_ends(knob))
    low, high = wilson(int(reaching.sum()), len(reaching))
    if isinstance(knob, LogUniform) or not in_decades(knob):
        return low * stated, high * stated
    if reaching.any() and not reaching.all():
        low, high = mean_interval(reaching * _units_per_draw(knob, values), seed=seed)
        return min(low, stated), min(high, stated)
    # the share that may still reach, or fail, lies where the draws are thinnest: at the lower end
    if reaching.any():
        return stated - _between(knob, bottom, bottom + (1 - low) * (top - bottom)), stated
    return 0.0, _between(knob, bottom, bottom + high * (top - bottom))


def _units_per_draw(knob: Range, values: Float[np.ndarray, "configurations"]) -> Float[np.ndarray, "configurations"]:
    """1 / density per unit at each value."""
    bottom, top = _ends(knob)
    if not in_decades(knob) or isinstance(knob, LogUniform):
        return np.full(len(values), _between(knob, bottom, top))
    if isinstance(knob, IntUniform):
        return (top - bottom) * np.log10((values + 0.5) / (values - 0.5))
    return (top - bottom) / (values * log(10))


def _ends(knob: Range) -> tuple[float, float]:
    return (knob.low - 0.5, knob.high + 0.5) if isinstance(knob, IntUniform) else (knob.low, knob.high)


def _between(knob: Range, low: float, high: float) -> float:
    """The measure of an interval, in the knob's unit."""
    return log10(high / low) if in_decades(knob) else high - low
