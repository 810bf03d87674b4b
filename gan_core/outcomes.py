"""Outcome of a member: classification of its curve as stable, relapsed, stalled, collapsed, diverged or nonfinite.

Rules about the distance use progress, `p = (constant - distance)/(constant - real)`: 0 for a constant sample, the mean
of the data, and 1 for real data. A failed member gives an outcome, never an exception.
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

# Members train in float32 by default: a larger number counts as an overflow, though float64 can represent it.
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, kw_only=True)
class OutcomeRules:
    """Thresholds and window sizes of the rules; progress p is 0 for the constant and 1 for real data.

    moved        stalled if p always differs from its first value p_0 by less than this share of 1 - p_0; 0: never
    cells        collapsed if the late number of cells is below this share of the number for real samples; 0: never
    spread       collapsed if the late ratio of standard deviations, fakes over data, is below this; 0: never
    diverged     diverged if late progress is at most this
    relapse      relapsed if late progress is below this share of the best progress; 0: never
    swing        relapsed if roughness is above this share of the best progress
    near         stalled if the best progress is below this; 0: never
    rise         improving only if the trend of p rises by more than this over the rough window
    rise_gap     improving only if the last running median of p is at most this much below the best progress
    late_share   length of the late window, as a share of the evaluations after step 0; late values are medians over it
    rough_share  length of the rough window, over which roughness and rise are computed, as a share of the same
                 evaluations
    least        minimum number of evaluations in the late window and in the rough window
    running      number of evaluations in a running median
    quantile     q: roughness is the q-quantile of p around its trend minus the (1 - q)-quantile

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
class MemberCurve:
    """Evaluations of one member, step 0 included; they may end early if the member became nonfinite.

    step            steps so far in the unit of the budget, increasing
    distance        distance of the fakes, in the unit of the data; may be NaN or infinite
    constant        reference distance of the constant at the mean of the data
    real            reference distance of real samples from real samples
    cells           number of cells that the fakes occupy; None if the data have no spread
    real_cells      number of cells that real samples occupy; None if `cells` is
    spread          root of the ratio of total variances, fakes over data; None if the data have no spread
    nonfinite_step  first step at which a loss or a parameter was not finite; None if there is none

    Errors: `ValueError` for steps that do not increase, for `cells` without `real_cells` or the reverse, and for a
    curve without evaluations unless `nonfinite_step` is given.
    """

    step: Int[np.ndarray, "evaluations"]
    distance: Float[np.ndarray, "evaluations"]
    constant: float
    real: float
    cells: Real[np.ndarray, "evaluations"] | None
    real_cells: int | None
    spread: Float[np.ndarray, "evaluations"] | None
    nonfinite_step: int | None

    def __post_init__(self) -> None:
        if (self.step[1:] <= self.step[:-1]).any():
            raise ValueError(f"step: must increase, but is {self.step.tolist()}")
        if (self.cells is None) != (self.real_cells is None):
            raise ValueError("cells, real_cells: must be given together, but one is None")
        if not len(self.step) and self.nonfinite_step is None:
            raise ValueError("step: must hold at least one evaluation unless nonfinite_step is given, but is empty")


@dataclass(frozen=True, kw_only=True)
class MemberOutcome:
    """Outcome of a member, and the numbers that it was derived from.

    outcome        first rule that applies, see `classify`
    outcome_step   for `nonfinite` the first nonfinite step; for `relapsed` the step from which the running
                   median of the progress p stays below `relapse` times `best`, None if it ends above; else None
    improving      True if p still rose at the end: a failure may then mean a budget that is too small
    best           largest running median of p
    late           median of p over the late window
    gap            best - late
    roughness      quantile range of p around its trend over the rough window
    best_distance  smallest running median of the distance, in the unit of the data
    late_distance  median of the distance over the late window, in the unit of the data
    last_distance  last distance, in the unit of the data

    Every float is NaN for a nonfinite member.
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
    distance: Real[np.ndarray, "*members evaluations"],
    *,
    constant: float | Float[np.ndarray, "*members 1"],
    real: float | Float[np.ndarray, "*members 1"],
) -> Float[np.ndarray, "*members evaluations"]:
    """Progress towards real data, `p = (constant - distance)/(constant - real)`, in float64.

    0 for the constant, 1 for real data; values below 0 and above 1 are possible, NaN and infinities are kept.

    Errors: `ValueError` unless constant - real is positive and finite.
    """
    scale = np.asarray(constant, dtype=np.float64) - np.asarray(real, dtype=np.float64)
    if not ((scale > 0) & np.isfinite(scale)).all():
        raise ValueError(f"constant - real: must be > 0 and finite, but constant is {constant} and real is {real}")
    with np.errstate(over="ignore"):  # an overflow is infinite: `classify` returns nonfinite
        return (constant - np.asarray(distance, dtype=np.float64)) / scale


def classify(curve: MemberCurve, rules: OutcomeRules) -> MemberOutcome:
    """Outcome of a member: the first of these rules that applies, here with the default thresholds.

    nonfinite  `nonfinite_step` is given, or a distance, its progress, cells or spread is NaN, infinite or beyond
               float32's largest number; `outcome_step` is the earliest of these steps
    stalled    max |p_t - p_0| < .1 (1 - p_0)
    collapsed  median cells < .5 real_cells, or median spread < .1, over the late window; None is skipped
    diverged   late <= 0
    relapsed   late < best/2, or roughness > best/2
    stalled    best < .75
    stable     none of these

    The late window is the last fifth of the evaluations after step 0, rounded up, at least 3; the rough window the last
    third, likewise. For fewer than 3 evaluations (step 0 included) every window, also that of the running median, is
    the whole curve; a single evaluation with p < 1 is stalled, with roughness 0, and not improving.

    Roughness is the quantile range of p around the Theil-Sen line over the steps; its cost is quadratic in the window,
    which is fast enough for a few thousand evaluations. A member is improving if that line rises by more than
    `rules.rise` and the last running median is within `rules.rise_gap` of the best.

    Errors: `ValueError` unless constant - real is positive and finite; never because of the member's values.

    Source: Theil 1950, Sen 1968 (doi:10.1080/01621459.1968.10480934) for the slope.
    """
    return classify_all([curve], rules)[0]


def classify_all(curves: Sequence[MemberCurve], rules: OutcomeRules) -> list[MemberOutcome]:
    """Outcomes of many members by the rules of `classify`, more than ten times as fast as one call per member."""
    groups: dict[tuple[int, bool, bool], list[int]] = {}
    for index, curve in enumerate(curves):
        groups.setdefault((len(curve.step), curve.cells is None, curve.spread is None), []).append(index)
    outcomes: dict[int, MemberOutcome] = {}
    for indices in groups.values():
        # in blocks: the Theil-Sen line needs memory for each pair of evaluations in the rough window
        size = max(1, 2**21 // max(1, len(curves[indices[0]].step)) ** 2)
        for first in range(0, len(indices), size):
            block = indices[first : first + size]
            outcomes |= zip(block, _classify_group([curves[index] for index in block], rules), strict=True)
    return [outcomes[index] for index in range(len(curves))]


def search_score(outcomes: Sequence[MemberOutcome]) -> float:
    """Search score of a trial, by which the setting found is chosen: mean over the trial's members of `max(0, late)`.

    Nonfinite, collapsed and diverged members count 0; a trial without members has score 0. The score is finite and not
    negative, larger is better. Trials whose members failed need a score too: without it, Optuna's TPE sampler would
    suggest similar configurations again.
    """
    without_progress = ("nonfinite", "collapsed", "diverged")
    scores = [0.0 if member.outcome in without_progress else max(0.0, member.late) for member in outcomes]
    return float(np.mean(scores)) if scores else 0.0


def _classify_group(curves: Sequence[MemberCurve], rules: OutcomeRules) -> list[MemberOutcome]:
    """Outcomes of members with the same number of evaluations and the same metrics."""
    members = _Members.of(curves)
    steps = [_earliest(step, curve) for step, curve in zip(members.nonfinite_steps(), curves, strict=True)]
    finite = np.array([step is None for step in steps])
    classified = iter(_classify_finite(members.select(finite), rules) if finite.any() else ())
    return [next(classified) if step is None else _nonfinite(step) for step in steps]


def _earliest(evaluated: int | None, curve: MemberCurve) -> int | None:
    steps = (evaluated, curve.nonfinite_step)
    return min((int(step) for step in steps if step is not None), default=None)


@dataclass(frozen=True)
class _Members:
    """Curves of members with the same number of evaluations, one row per member."""

    step: Int[np.ndarray, "members evaluations"]
    distance: Float[np.ndarray, "members evaluations"]
    p: Float[np.ndarray, "members evaluations"]
    cells: Float[np.ndarray, "members evaluations"] | None
    real_cells: Float[np.ndarray, "members"] | None
    spread: Float[np.ndarray, "members evaluations"] | None

    @classmethod
    def of(cls, curves: Sequence[MemberCurve]) -> "_Members":
        def rows(name: str) -> Any:
            return np.array([getattr(curve, name) for curve in curves], dtype=np.float64)

        distance = rows("distance")
        has_cells, has_spread = curves[0].cells is not None, curves[0].spread is not None
        return cls(
            step=np.array([curve.step for curve in curves]),
            distance=distance,
            p=progress(distance, constant=rows("constant")[:, None], real=rows("real")[:, None]),
            cells=rows("cells") if has_cells else None,
            real_cells=rows("real_cells") if has_cells else None,
            spread=rows("spread") if has_spread else None,
        )

    def select(self, selected: Bool[np.ndarray, "members"]) -> "_Members":
        rows: dict[str, Any] = {name: None if rows is None else rows[selected] for name, rows in vars(self).items()}
        return _Members(**rows)

    def nonfinite_steps(self) -> list[int | None]:
        """First step of each member at which an evaluated value is NaN, infinite or beyond float32's largest number."""
        columns = [column for column in (self.distance, self.p, self.cells, self.spread) if column is not None]
        # `<=` is False for NaN, so NaN counts as nonfinite
        finite = np.all([np.abs(column) <= _LARGEST for column in columns], axis=0)
        return [None if row.all() else int(step[~row][0]) for row, step in zip(finite, self.step, strict=True)]


def _classify_finite(members: _Members, rules: OutcomeRules) -> list[MemberOutcome]:
    step, distance, p = members.step, members.distance, members.p
    running = _running_median(p, rules.running)
    best, late = running.max(axis=-1), late_median(p, rules)
    rise, roughness = _rise_and_roughness(step, p, rules)
    outcomes = _outcomes(members, best, late, roughness, rules)
    numbers = {
        "improving": (rise > rules.rise) & (running[:, -1] >= best - rules.rise_gap),
        "best": best,
        "late": late,
        "gap": best - late,
        "roughness": roughness,
        "best_distance": _running_median(distance, rules.running).min(axis=-1),
        "late_distance": late_median(distance, rules),
        "last_distance": distance[:, -1],
    }
    rows = zip(*(values.tolist() for values in numbers.values()), strict=True)
    return [
        MemberOutcome(
            outcome=outcome,
            outcome_step=_relapse_step(step[member], running[member], rules) if outcome == "relapsed" else None,
            **dict(zip(numbers, row, strict=True)),
        )
        for member, (outcome, row) in enumerate(zip(outcomes, rows, strict=True))
    ]


def _nonfinite(step: int) -> MemberOutcome:
    return MemberOutcome(
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
    rules: OutcomeRules,
) -> list[Outcome]:
    p, start = members.p, members.p[:, 0]
    in_order: list[tuple[Bool[np.ndarray, "members"], Outcome]] = [
        (np.abs(p - start[:, None]).max(axis=-1) < rules.moved * (1 - start), "stalled"),
        (_collapsed(members, rules), "collapsed"),
        (late <= rules.diverged, "diverged"),
        ((late < rules.relapse * best) | (roughness > rules.swing * best), "relapsed"),
        (best < rules.near, "stalled"),
    ]
    conditions, outcomes = zip(*in_order, strict=True)
    return np.select(conditions, outcomes, default="stable").tolist()


def _collapsed(members: _Members, rules: OutcomeRules) -> Bool[np.ndarray, "members"]:
    collapsed = np.zeros(len(members.step), dtype=bool)
    if members.cells is not None and members.real_cells is not None:
        collapsed |= late_median(members.cells, rules) < rules.cells * members.real_cells
    if members.spread is not None:
        collapsed |= late_median(members.spread, rules) < rules.spread
    return collapsed


def _tail(rows: Real[np.ndarray, "members evaluations"], share: float, least: int) -> Real[np.ndarray, "members tail"]:
    """The last columns: `share` of the evaluations after step 0, rounded up, at least `least`, at most all columns."""
    count = ceil(round(share * (rows.shape[-1] - 1), 9))  # rounded first: 0.2 * 35 is 7.000000000000001
    return rows[:, -max(count, least) :]


def late_median(rows: Real[np.ndarray, "members evaluations"], rules: OutcomeRules) -> Float[np.ndarray, "members"]:
    """Median of each row over the late window."""
    return np.median(_tail(rows, rules.late_share, rules.least), axis=-1)


def _running_median(rows: Float[np.ndarray, "members evaluations"], width: int) -> Float[np.ndarray, "members windows"]:
    windows = np.lib.stride_tricks.sliding_window_view(rows, min(width, rows.shape[-1]), axis=-1)
    return np.median(windows, axis=-1)


def _rise_and_roughness(
    step: Int[np.ndarray, "members evaluations"], p: Float[np.ndarray, "members evaluations"], rules: OutcomeRules
) -> tuple[Float[np.ndarray, "members"], Float[np.ndarray, "members"]]:
    """Rise of the Theil-Sen line over the rough window, and the quantile range of p around that line."""
    step, p = (_tail(rows, rules.rough_share, rules.least) for rows in (step, p))
    if p.shape[-1] < 2:
        return np.zeros(len(p)), np.zeros(len(p))
    elapsed = (step - step[:, :1]).astype(np.float64)
    later, earlier = np.tril_indices(p.shape[-1], -1)
    slopes = (p[:, later] - p[:, earlier]) / (elapsed[:, later] - elapsed[:, earlier])
    line = np.median(slopes, axis=-1, keepdims=True) * elapsed
    low, high = np.quantile(p - line, [1 - rules.quantile, rules.quantile], axis=-1)
    return line[:, -1], high - low


def _relapse_step(
    step: Int[np.ndarray, "evaluations"], running: Float[np.ndarray, "windows"], rules: OutcomeRules
) -> int | None:
    """First step after the best progress from which the running median stays below `relapse` x best to the end.

    The step of a running median is the middle of its window. None if the last running median is not below.
    """
    best = int(running.argmax())
    above = np.flatnonzero(running[best:] >= rules.relapse * running[best])
    first = best + int(above.max(initial=0)) + 1
    return int(step[first + rules.running // 2]) if first < len(running) else None
