"""A member's curve -> its outcome and its stability measures.

Everything is judged in progress, `p = (ref - distance)/(ref - floor)`: 0 at the constant at the data's mean, 1 at
real data. Nothing here raises because a member failed: failure is an outcome.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, nan
from typing import Annotated, Any, Literal, get_args

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from jaxtyping import Bool, Float, Int, Real

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
        if (self.step[1:] <= self.step[:-1]).any():
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
    distance: Real[np.ndarray, "*members measurements"],
    *,
    ref: float | Float[np.ndarray, "*members 1"],
    floor: float | Float[np.ndarray, "*members 1"],
) -> Float[np.ndarray, "*members measurements"]:
    """How far towards real data: `p = (ref - distance)/(ref - floor)`, in float64.

    0 at the constant, 1 at real data, without bounds on either side; NaN and infinities pass through.

    Errors: `ValueError` unless ref - floor is positive and finite: there is nothing to progress towards.
    """
    room = np.asarray(ref, dtype=np.float64) - np.asarray(floor, dtype=np.float64)
    if not ((room > 0) & np.isfinite(room)).all():
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
    return judge_all([curve], thresholds)[0]


def judge_all(curves: Sequence[Curve], thresholds: Thresholds) -> list[Verdict]:
    """The verdict of `judge` on each of many members, more than ten times as fast as one by one."""
    alike: dict[tuple[int, bool, bool], list[int]] = {}
    for place, curve in enumerate(curves):
        alike.setdefault((len(curve.step), curve.cells is None, curve.spread is None), []).append(place)
    verdicts: dict[int, Verdict] = {}
    for places in alike.values():
        # in blocks: the Theil-Sen line takes a slope for each pair of measurements in the rough window
        block = max(1, 2**21 // max(1, len(curves[places[0]].step)) ** 2)
        for first in range(0, len(places), block):
            chosen = places[first : first + block]
            verdicts |= zip(chosen, _judge_alike([curves[place] for place in chosen], thresholds), strict=True)
    return [verdicts[place] for place in range(len(curves))]


def search_score(verdicts: Sequence[Verdict]) -> float:
    """What steers exploit and picks winners: the mean over a trial's members of `max(0, late)`.

    Nonfinite, collapsed and diverged members count 0, and so does a trial without members: always finite, never
    negative, larger is better. A failed trial that were hidden from the sampler would draw it back.
    """
    lost = ("nonfinite", "collapsed", "diverged")
    scores = [0.0 if verdict.outcome in lost else max(0.0, verdict.late) for verdict in verdicts]
    return float(np.mean(scores)) if scores else 0.0


def _judge_alike(curves: Sequence[Curve], thresholds: Thresholds) -> list[Verdict]:
    """The verdicts on members with the same number of measurements that measured the same."""
    members = _Members.of(curves)
    steps = [_earliest(*both) for both in zip(members.nonfinite_steps(), curves, strict=True)]
    finite = np.array([step is None for step in steps])
    judged = iter(_judge_finite(members.only(finite), thresholds) if finite.any() else ())
    return [next(judged) if step is None else _nonfinite(step) for step in steps]


def _earliest(measured: int | None, curve: Curve) -> int | None:
    steps = (measured, curve.nonfinite_step)
    return min((int(step) for step in steps if step is not None), default=None)


@dataclass(frozen=True)
class _Members:
    """The curves of members with the same number of measurements, a row each."""

    step: Int[np.ndarray, "members measurements"]
    distance: Float[np.ndarray, "members measurements"]
    p: Float[np.ndarray, "members measurements"]
    cells: Float[np.ndarray, "members measurements"] | None
    real_cells: Float[np.ndarray, "members"] | None
    spread: Float[np.ndarray, "members measurements"] | None

    @classmethod
    def of(cls, curves: Sequence[Curve]) -> "_Members":
        def rows(name: str) -> Any:
            return np.array([getattr(curve, name) for curve in curves], dtype=np.float64)

        distance = rows("distance")
        has_cells, has_spread = curves[0].cells is not None, curves[0].spread is not None
        return cls(
            step=np.array([curve.step for curve in curves]),
            distance=distance,
            p=progress(distance, ref=rows("ref")[:, None], floor=rows("floor")[:, None]),
            cells=rows("cells") if has_cells else None,
            real_cells=rows("real_cells") if has_cells else None,
            spread=rows("spread") if has_spread else None,
        )

    def only(self, chosen: Bool[np.ndarray, "members"]) -> "_Members":
        rows: dict[str, Any] = {name: None if rows is None else rows[chosen] for name, rows in vars(self).items()}
        return _Members(**rows)

    def nonfinite_steps(self) -> list[int | None]:
        """The first step of each at which something measured is not a number that float32 can hold."""
        columns = [column for column in (self.distance, self.p, self.cells, self.spread) if column is not None]
        # NaN compares false with everything, so the question is what is fine
        fine = np.all([np.abs(column) <= _LARGEST for column in columns], axis=0)
        return [None if row.all() else int(step[~row][0]) for row, step in zip(fine, self.step, strict=True)]


def _judge_finite(members: _Members, thresholds: Thresholds) -> list[Verdict]:
    step, distance, p = members.step, members.distance, members.p
    running = _running_median(p, thresholds.running)
    best, late = running.max(axis=-1), late_median(p, thresholds)
    rise, roughness = _rise_and_roughness(step, p, thresholds)
    outcomes = _outcomes(members, best, late, roughness, thresholds)
    measures = {
        "improving": (rise > thresholds.rise) & (running[:, -1] >= best - thresholds.rise_gap),
        "best": best,
        "late": late,
        "gap": best - late,
        "roughness": roughness,
        "best_distance": _running_median(distance, thresholds.running).min(axis=-1),
        "late_distance": late_median(distance, thresholds),
        "last_distance": distance[:, -1],
    }
    rows = zip(*(values.tolist() for values in measures.values()), strict=True)
    return [
        Verdict(
            outcome=outcome,
            outcome_step=_relapse_step(step[member], running[member], thresholds) if outcome == "relapsed" else None,
            **dict(zip(measures, row, strict=True)),
        )
        for member, (outcome, row) in enumerate(zip(outcomes, rows, strict=True))
    ]


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


def _outcomes(
    members: _Members,
    best: Float[np.ndarray, "members"],
    late: Float[np.ndarray, "members"],
    roughness: Float[np.ndarray, "members"],
    thresholds: Thresholds,
) -> list[Outcome]:
    p, start = members.p, members.p[:, 0]
    rules: list[tuple[Bool[np.ndarray, "members"], Outcome]] = [
        (np.abs(p - start[:, None]).max(axis=-1) < thresholds.moved * (1 - start), "stalled"),
        (_collapsed(members, thresholds), "collapsed"),
        (late <= thresholds.diverged, "diverged"),
        ((late < thresholds.relapse * best) | (roughness > thresholds.swing * best), "relapsed"),
        (best < thresholds.near, "stalled"),
    ]
    applies, named = zip(*rules, strict=True)
    return np.select(applies, named, default="stable").tolist()


def _collapsed(members: _Members, thresholds: Thresholds) -> Bool[np.ndarray, "members"]:
    collapsed = np.zeros(len(members.step), dtype=bool)
    if members.cells is not None and members.real_cells is not None:
        collapsed |= late_median(members.cells, thresholds) < thresholds.cells * members.real_cells
    if members.spread is not None:
        collapsed |= late_median(members.spread, thresholds) < thresholds.spread
    return collapsed


def _tail(rows: Real[np.ndarray, "members measurements"], share: float, least: int) -> Real[np.ndarray, "members tail"]:
    """The last `share` of the measurements after step 0, rounded up, at least `least`, at most all with step 0."""
    wanted = ceil(round(share * (rows.shape[-1] - 1), 9))  # rounded first: 0.2 * 35 is 7.000000000000001
    return rows[:, -max(wanted, least) :]


def late_median(rows: Real[np.ndarray, "members measurements"], thresholds: Thresholds) -> Float[np.ndarray, "members"]:
    """The median of each row over the late window: what a member ended at."""
    return np.median(_tail(rows, thresholds.late_share, thresholds.least), axis=-1)


def _running_median(
    rows: Float[np.ndarray, "members measurements"], width: int
) -> Float[np.ndarray, "members windows"]:
    windows = np.lib.stride_tricks.sliding_window_view(rows, min(width, rows.shape[-1]), axis=-1)
    return np.median(windows, axis=-1)


def _rise_and_roughness(
    step: Int[np.ndarray, "members measurements"], p: Float[np.ndarray, "members measurements"], thresholds: Thresholds
) -> tuple[Float[np.ndarray, "members"], Float[np.ndarray, "members"]]:
    """Over the rough window: what the Theil-Sen line rises, and the quantile range of p around it."""
    step, p = (_tail(rows, thresholds.rough_share, thresholds.least) for rows in (step, p))
    if p.shape[-1] < 2:
        return np.zeros(len(p)), np.zeros(len(p))
    elapsed = (step - step[:, :1]).astype(np.float64)
    later, earlier = np.tril_indices(p.shape[-1], -1)
    slopes = (p[:, later] - p[:, earlier]) / (elapsed[:, later] - elapsed[:, earlier])
    line = np.median(slopes, axis=-1, keepdims=True) * elapsed
    low, high = np.quantile(p - line, [1 - thresholds.quantile, thresholds.quantile], axis=-1)
    return line[:, -1], high - low


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
