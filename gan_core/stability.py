"""A member's curve -> its outcome and its stability measures.

Everything is judged in progress, `p = (ref - distance)/(ref - floor)`: 0 at the constant at the data's mean, 1 at
real data. Nothing here raises because a member failed: failure is an outcome.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isfinite, nan
from typing import Annotated, Literal, get_args

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from jaxtyping import Float, Int, Real

from gan_core.fields import check_fields

Outcome = Literal["stable", "relapsed", "stalled", "collapsed", "diverged", "nonfinite"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

Share = Annotated[float, Ge(0), Le(1)]

# Members train in float32 by default: a larger number is an overflow that float64 happens to hold.
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """The numbers in the rules: the study file's table `[stability]`.

    moved               stalled unless p leaves its start by this share of the way to real data
    cells               collapsed below this share of the cells that real data occupy
    spread              collapsed below this share of real data's standard deviation
    diverged            diverged at this late progress or below it
    relapse             relapsed below this share of the best progress
    swing               relapsed at a roughness above this share of the best progress
    near                stalled below this best progress
    rise, rise_gap      improving: p rises by over `rise` in the rough window and ends within `rise_gap` of its best
    late_share          the late window, as a share of the measurements after step 0
    rough_share         the rough window, likewise
    least               measurements in either window at least
    running             measurements in a running median
    quantile            roughness is this quantile of the detrended p minus its mirror image (0.9: q90 - q10)

    0 switches `moved`, `cells`, `spread`, `relapse` and `near` off.

    Errors: `ValueError` for a number outside the bounds in its annotation.
    """

    moved: Share = 0.1
    cells: Share = 0.5
    spread: Share = 0.1
    diverged: Annotated[float, Ge(0), Lt(1)] = 0.0
    relapse: Share = 0.5
    swing: Annotated[float, Ge(0)] = 0.5
    near: Share = 0.75
    rise: Annotated[float, Ge(0)] = 0.05
    rise_gap: Annotated[float, Ge(0)] = 0.05
    late_share: Annotated[float, Gt(0), Le(1)] = 1 / 5
    rough_share: Annotated[float, Gt(0), Le(1)] = 1 / 3
    least: Annotated[int, Ge(1)] = 3
    running: Annotated[int, Ge(1)] = 3
    quantile: Annotated[float, Gt(0.5), Le(1)] = 0.9

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One member's measurements, step 0 included; cut short where the member became non-finite.

    step           the budget's clock, increasing
    distance       lower is better; may hold NaN and infinities
    ref, floor     distance of the constant at the data's mean, distance of real from real
    cells          occupied cells of the fakes; None where the data have no spread
    real_cells     cells that real data occupy; None with `cells`
    spread         root of the ratio of total variances, fake / real; None where the data have no spread
    nonfinite_step first step at which anything became non-finite, None if nothing did

    Errors: `ValueError` for steps that do not increase, for `cells` without `real_cells` or the reverse, and for a
    curve without any measurement unless its member is known to be non-finite.
    """

    step: Int[np.ndarray, "measurements"]
    distance: Float[np.ndarray, "measurements"]
    ref: float
    floor: float
    cells: Real[np.ndarray, "measurements"] | None
    real_cells: int | None
    spread: Float[np.ndarray, "measurements"] | None
    nonfinite_step: int | None

    def __post_init__(self) -> None:
        if (np.diff(self.step) <= 0).any():
            raise ValueError(f"step: must increase, but is {self.step.tolist()}")
        if (self.cells is None) != (self.real_cells is None):
            raise ValueError("cells and real_cells: must be given together")
        if not len(self.step) and self.nonfinite_step is None:
            raise ValueError("step: must hold at least one measurement unless nonfinite_step is given")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a member.

    outcome        the first rule that applies, see `judge`
    outcome_step   the first non-finite step; for relapsed where the relapse begins, if it has one place; else None
    improving      p still rose at the end: a failure with this flag says "budget too short", not "unstable"
    best, late     largest running median of p, median of p over the late window
    gap, roughness best - late; width of p around its trend over the rough window
    *_distance     the smallest running median, the median over the late window and the last, in the distance's unit

    Every float is NaN for a non-finite member.
    """

    outcome: Outcome
    outcome_step: int | None
    improving: bool
    best: float
    late: float
    gap: float
    roughness: float
    best_distance: float
    late_distance: float
    last_distance: float


def progress(
    distance: Float[np.ndarray, "measurements"], *, ref: float, floor: float
) -> Float[np.ndarray, "measurements"]:
    """How far towards real data: `p = (ref - distance)/(ref - floor)`, in float64.

    0 at the constant, 1 at real data, without bounds on either side; NaN and infinities pass through.

    Errors: `ValueError` unless ref - floor is positive and finite: there is nothing to progress towards.
    """
    room = float(ref) - float(floor)
    if not (room > 0 and isfinite(room)):
        raise ValueError(f"ref - floor: must be > 0 and finite, but ref is {ref} and floor is {floor}")
    with np.errstate(over="ignore"):  # what overflows is infinite, which `judge` calls nonfinite
        return (ref - np.asarray(distance, dtype=np.float64)) / room


def judge(curve: Curve, thresholds: Thresholds) -> Verdict:
    """The outcome of a member: the first rule that applies, with the thresholds' defaults.

    nonfinite  `nonfinite_step` is given, or a measured distance, its progress, cells or spread is NaN, infinite or
               beyond float32's largest number; `outcome_step` is the earliest of these steps
    stalled    max |p_t - p_0| < .1 (1 - p_0)
    collapsed  median cells < .5 real_cells, or median spread < .1, both over the late window; each is skipped if None
    diverged   late <= 0
    relapsed   late < best/2, or roughness > best/2
    stalled    best < .75
    stable     none of these

    The late window is the last fifth of the measurements after step 0, rounded up, at least 3; the rough window the
    last third. A curve of fewer than 3 measurements (step 0 included) is its own window, and its only running median
    is its median; a single measurement never moved, has roughness 0 and does not improve.

    Roughness is taken around the Theil-Sen line over the steps, whose cost is quadratic in the window: fine up to a
    few thousand measurements. `improving` reads the rise off that line and the end off the last running median.

    Errors: `ValueError` unless ref - floor is positive and finite. Never because of the member.

    Source: Theil 1950, Sen 1968 (doi:10.1080/01621459.1968.10480934) for the slope.
    """
    p = progress(curve.distance, ref=curve.ref, floor=curve.floor)
    nonfinite_step = _nonfinite_step(curve, p)
    if nonfinite_step is not None:
        return _nonfinite(nonfinite_step)

    distance = curve.distance.astype(np.float64)
    running = _running_median(p, thresholds.running)
    best, late = float(running.max()), _late(p, thresholds)
    rise, roughness = _rise_and_roughness(curve.step, p, thresholds)
    outcome = _outcome(curve, p, best, late, roughness, thresholds)
    return Verdict(
        outcome=outcome,
        outcome_step=_relapse_step(curve.step, running, thresholds) if outcome == "relapsed" else None,
        improving=bool(rise > thresholds.rise and running[-1] >= best - thresholds.rise_gap),
        best=best,
        late=late,
        gap=best - late,
        roughness=roughness,
        best_distance=float(_running_median(distance, thresholds.running).min()),
        late_distance=_late(distance, thresholds),
        last_distance=float(distance[-1]),
    )


def search_score(verdicts: Sequence[Verdict]) -> float:
    """What steers exploit and picks winners: the mean over a trial's members of `max(0, late)`.

    Nonfinite, collapsed and diverged members count 0, and so does a trial without members: always finite, never
    negative, larger is better. A failed trial that were hidden from the sampler would draw it back.
    """
    lost = ("nonfinite", "collapsed", "diverged")
    scores = [0.0 if verdict.outcome in lost else max(0.0, verdict.late) for verdict in verdicts]
    return float(np.mean(scores)) if scores else 0.0


def _nonfinite_step(curve: Curve, p: Float[np.ndarray, "measurements"]) -> int | None:
    columns = [column for column in (curve.distance, p, curve.cells, curve.spread) if column is not None]
    # NaN compares false with everything, so the question is what is fine
    fine = np.all([np.abs(column.astype(np.float64)) <= _LARGEST for column in columns], axis=0)
    steps = [int(step) for step in curve.step[~fine][:1]]
    if curve.nonfinite_step is not None:
        steps.append(int(curve.nonfinite_step))
    return min(steps, default=None)


def _nonfinite(step: int) -> Verdict:
    return Verdict(
        outcome="nonfinite",
        outcome_step=step,
        improving=False,
        best=nan,
        late=nan,
        gap=nan,
        roughness=nan,
        best_distance=nan,
        late_distance=nan,
        last_distance=nan,
    )


def _outcome(
    curve: Curve,
    p: Float[np.ndarray, "measurements"],
    best: float,
    late: float,
    roughness: float,
    thresholds: Thresholds,
) -> Outcome:
    if np.abs(p - p[0]).max() < thresholds.moved * (1 - p[0]):
        return "stalled"
    if _collapsed(curve, thresholds):
        return "collapsed"
    if late <= thresholds.diverged:
        return "diverged"
    if late < thresholds.relapse * best or roughness > thresholds.swing * best:
        return "relapsed"
    if best < thresholds.near:
        return "stalled"
    return "stable"


def _collapsed(curve: Curve, thresholds: Thresholds) -> bool:
    few_cells = (
        curve.cells is not None
        and curve.real_cells is not None
        and _late(curve.cells, thresholds) < thresholds.cells * curve.real_cells
    )
    return few_cells or (curve.spread is not None and _late(curve.spread, thresholds) < thresholds.spread)


def _tail(values: np.ndarray, share: float, least: int) -> np.ndarray:
    """The last `share` of the measurements after step 0, rounded up, at least `least`, at most all with step 0."""
    wanted = ceil(round(share * (len(values) - 1), 9))  # rounded first: 0.2 * 35 is 7.000000000000001
    return values[-max(wanted, least) :]


def _late(values: np.ndarray, thresholds: Thresholds) -> float:
    return float(np.median(_tail(values, thresholds.late_share, thresholds.least)))


def _running_median(values: Float[np.ndarray, "measurements"], width: int) -> Float[np.ndarray, "windows"]:
    windows = np.lib.stride_tricks.sliding_window_view(values, min(width, len(values)))
    return np.median(windows, axis=-1)


def _rise_and_roughness(
    step: Int[np.ndarray, "measurements"], p: Float[np.ndarray, "measurements"], thresholds: Thresholds
) -> tuple[float, float]:
    """Over the rough window: what the Theil-Sen line rises, and the quantile range of p around it."""
    step, p = (_tail(column, thresholds.rough_share, thresholds.least) for column in (step, p))
    if len(p) < 2:
        return 0.0, 0.0
    elapsed = (step - step[0]).astype(np.float64)
    line = _theil_sen(elapsed, p) * elapsed
    low, high = np.quantile(p - line, [1 - thresholds.quantile, thresholds.quantile])
    return float(line[-1]), float(high - low)


def _theil_sen(x: Float[np.ndarray, "points"], y: Float[np.ndarray, "points"]) -> float:
    """The median slope between two points, x ascending; scipy's takes seven times as long for so few."""
    later = np.tril_indices(len(x), -1)
    run, rise = (np.subtract.outer(column, column)[later] for column in (x, y))
    return float(np.median(rise / run))


def _relapse_step(
    step: Int[np.ndarray, "measurements"], running: Float[np.ndarray, "windows"], thresholds: Thresholds
) -> int | None:
    """The first step past the best from which the running median stays below `relapse` x best to the end.

    A running median belongs to the middle of its window. None if it does not stay there: a member that swings, or
    whose last measurements are back above.
    """
    peak = int(running.argmax())
    held = np.flatnonzero(running[peak:] >= thresholds.relapse * running[peak])
    first = peak + int(held.max(initial=0)) + 1
    return int(step[first + thresholds.running // 2]) if first < len(running) else None
