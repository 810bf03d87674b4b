"""Outcomes of members: classification of their curves as stable, relapsed, stalled, collapsed, diverged or nonfinite.

Rules about the distance use progress, `p = (constant - distance)/(constant - real)`: 0 for a constant sample, the mean
of the data, and 1 for real data. A failed member gives an outcome, never an exception. Curves and outcomes are arrays
over many members, and a member's outcome does not depend on the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from math import ceil
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
_NEVER = np.iinfo(np.int64).max
_PAIRS = 2**21
"""Number of pairs of evaluations in one block of Theil-Sen lines: 16 MiB of slopes."""


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
    modes        stalled if the late number of modes covered is below this share of the known modes; 0: never
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
    modes: Share = 0.75
    rise: Annotated[float, Ge(0)] = 0.05
    rise_gap: Annotated[float, Ge(0)] = 0.05
    late_share: Annotated[float, Gt(0), Le(1)] = 1 / 5
    rough_share: Annotated[float, Gt(0), Le(1)] = 1 / 3
    least: Annotated[int, Ge(1)] = 3
    running: Annotated[int, Ge(1)] = 3
    quantile: Annotated[float, Gt(0.5), Le(1)] = 0.9

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True, eq=False)  # the comparison of arrays has no single truth value
class MemberCurves:
    """Evaluations of many members, equally many for each, step 0 included; one row per member.

    step            steps so far in the unit of the budget, increasing
    distance        distance of the fakes, in the unit of the data; may be NaN or infinite
    constant        reference distance of the constant at the mean of the data
    real            reference distance of real samples from real samples
    cells           number of cells that the fakes occupy; None if the data have no spread
    real_cells      number of cells that real samples occupy; None if `cells` is
    spread          root of the ratio of total variances, fakes over data; None if the data have no spread
    modes_covered   number of modes that the fakes cover, NaN where it was not measured; None if no modes are known
    known_modes     number of modes of the data; None if `modes_covered` is
    nonfinite_step  first step at which a loss or a parameter was not finite; -1 if there is none

    Curves may end early if their members became nonfinite.

    Errors: `ValueError` for steps that do not increase, for `cells` without `real_cells`, `modes_covered` without
    `known_modes` or the reverse, and for curves without evaluations unless `nonfinite_step` is given for each.
    """

    step: Int[np.ndarray, "members evaluations"]
    distance: Float[np.ndarray, "members evaluations"]
    constant: Float[np.ndarray, "members"]
    real: Float[np.ndarray, "members"]
    cells: Real[np.ndarray, "members evaluations"] | None
    real_cells: Real[np.ndarray, "members"] | None
    spread: Float[np.ndarray, "members evaluations"] | None
    modes_covered: Real[np.ndarray, "members evaluations"] | None
    known_modes: Real[np.ndarray, "members"] | None
    nonfinite_step: Int[np.ndarray, "members"]

    def __post_init__(self) -> None:
        increasing = (self.step[:, 1:] > self.step[:, :-1]).all(axis=-1)
        if not increasing.all():
            raise ValueError(f"step: must increase, but is {self.step[~increasing][0].tolist()}")
        for name, reference in (("cells", "real_cells"), ("modes_covered", "known_modes")):
            if (getattr(self, name) is None) != (getattr(self, reference) is None):
                raise ValueError(f"{name}, {reference}: must be given together, but one is None")
        if not self.step.shape[1] and (self.nonfinite_step < 0).any():
            raise ValueError("step: must hold at least one evaluation unless nonfinite_step is given, but is empty")

    def take(self, rows: Int[np.ndarray, "rows"] | Bool[np.ndarray, "members"]) -> "MemberCurves":
        """The members with these indices, in this order, or those for which `rows` is True."""
        columns: dict[str, Any] = {
            name: None if column is None else column[rows] for name, column in vars(self).items()
        }
        return MemberCurves(**columns)


@dataclass(frozen=True, kw_only=True, eq=False)
class MemberOutcomes:
    """Outcomes of many members and the numbers that they were derived from; one element of each array per member.

    outcome        first rule that applies, see `classify`; in arrays its index in `OUTCOMES`, in tables its name
    outcome_step   for `nonfinite` the first nonfinite step; for `relapsed` the step from which the running
                   median of the progress p stays below `relapse` times `best`, none if it ends above; else none, which
                   is -1 in arrays and empty in tables
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

    outcome: Int[np.ndarray, "members"]
    outcome_step: Int[np.ndarray, "members"]
    improving: Bool[np.ndarray, "members"]
    best: Float[np.ndarray, "members"]
    late: Float[np.ndarray, "members"]
    gap: Float[np.ndarray, "members"]
    roughness: Float[np.ndarray, "members"]
    best_distance: Float[np.ndarray, "members"]
    late_distance: Float[np.ndarray, "members"]
    last_distance: Float[np.ndarray, "members"]

    @classmethod
    def concatenate(cls, parts: "Sequence[MemberOutcomes]") -> "MemberOutcomes":
        """The members of all parts, in the order of the parts; no members if there are no parts."""
        parts = [_all_nonfinite(np.empty(0, dtype=np.int64)), *parts]
        return cls(
            **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)}
        )

    def take(self, rows: Int[np.ndarray, "rows"]) -> "MemberOutcomes":
        """The members with these indices, in this order."""
        return MemberOutcomes(**{name: column[rows] for name, column in vars(self).items()})

    @property
    def names(self) -> list[Outcome]:
        """Name of each member's outcome."""
        return [OUTCOMES[code] for code in self.outcome.tolist()]

    @property
    def stable(self) -> Bool[np.ndarray, "members"]:
        """True for each member whose outcome is `stable`."""
        return self.outcome == OUTCOMES.index("stable")


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
    positive = (scale > 0) & np.isfinite(scale)
    if not positive.all():
        first, second = (float(np.broadcast_to(value, scale.shape)[~positive][0]) for value in (constant, real))
        raise ValueError(f"constant - real: must be > 0 and finite, but constant is {first} and real is {second}")
    with np.errstate(over="ignore"):  # an overflow is infinite: `classify` returns nonfinite
        return (constant - np.asarray(distance, dtype=np.float64)) / scale


def classify(curves: MemberCurves, rules: OutcomeRules) -> MemberOutcomes:
    """Outcome of each member: the first of these rules that applies, here with the default thresholds.

    nonfinite  `nonfinite_step` is given, or a distance, its progress, cells or spread is NaN, infinite or beyond
               float32's largest number; `outcome_step` is the earliest of these steps
    stalled    max |p_t - p_0| < .1 (1 - p_0)
    collapsed  median cells < .5 real_cells, or median spread < .1, over the late window; None is skipped
    diverged   late <= 0
    relapsed   late < best/2, or roughness > best/2
    stalled    best < .75, or median modes_covered < .75 known_modes over the late window; None is skipped
    stable     none of these

    The late window is the last fifth of the evaluations after step 0, rounded up, at least 3; the rough window the last
    third, likewise. For fewer than 3 evaluations (step 0 included) every window, also that of the running median, is
    the whole curve; a single evaluation with p < 1 is stalled, with roughness 0, and not improving.

    Roughness is the quantile range of p around the Theil-Sen line over the steps; its cost is quadratic in the window,
    which is fast enough for a few thousand evaluations. A member is improving if that line rises by more than
    `rules.rise` and the last running median is within `rules.rise_gap` of the best.

    Errors: `ValueError` unless constant - real is positive and finite; never because of the members' values.

    Source: Theil 1950, Sen 1968 (doi:10.1080/01621459.1968.10480934) for the slope.
    """
    p = progress(curves.distance, constant=curves.constant[:, None], real=curves.real[:, None])
    nonfinite_step = _nonfinite_steps(curves, p)
    finite = nonfinite_step == _NEVER
    order = np.argsort(~finite, kind="stable")  # the finite members first
    parts = [_all_nonfinite(nonfinite_step[~finite])]
    if finite.any():
        parts.insert(0, _classify_finite(curves.take(finite), p[finite], rules))
    return MemberOutcomes.concatenate(parts).take(np.argsort(order))


def with_late_values(outcomes: MemberOutcomes, curves: MemberCurves, rules: OutcomeRules) -> MemberOutcomes:
    """Outcomes of members that were measured again in the late window alone, with other metrics or settings.

    outcomes  of the same members, from evaluations over the whole training; they keep outcome, step and `improving`
    curves    the new evaluations; NaN where nothing was measured

    `late`, `late_distance` and `last_distance` are those of the new evaluations; the numbers that need the whole curve
    are NaN. A member whose new late distance is not finite is `nonfinite`.
    """
    p = progress(curves.distance, constant=curves.constant[:, None], real=curves.real[:, None])
    late, late_distance = (measured_median(_tail(rows, rules.late_share, rules.least)) for rows in (p, curves.distance))
    was_finite = outcomes.outcome != OUTCOMES.index("nonfinite")
    finite = was_finite & np.isfinite(late_distance)
    nothing = np.full(len(late), np.nan)
    return replace(
        outcomes,
        outcome=np.where(was_finite & ~finite, np.int8(OUTCOMES.index("nonfinite")), outcomes.outcome),
        outcome_step=np.where(was_finite & ~finite, curves.step[:, -1], outcomes.outcome_step),
        improving=outcomes.improving & finite,
        best=nothing,
        late=np.where(finite, late, np.nan),
        gap=nothing,
        roughness=nothing,
        best_distance=nothing,
        late_distance=np.where(finite, late_distance, np.nan),
        last_distance=np.where(finite, curves.distance[:, -1], np.nan),
    )


def search_score(
    outcome: Int[np.ndarray, "*trials members"], late: Float[np.ndarray, "*trials members"]
) -> Float[np.ndarray, "*trials"]:
    """Search score of each trial, by which the setting found is chosen: mean over its members of `max(0, late)`.

    Nonfinite, collapsed and diverged members count 0; a trial without members has score 0. The score is finite and not
    negative, larger is better. Trials whose members failed need a score too: without it, Optuna's TPE sampler would
    suggest similar configurations again.

    outcome, late  as in `MemberOutcomes`
    """
    without_progress = [OUTCOMES.index(name) for name in ("nonfinite", "collapsed", "diverged")]
    scores = np.where((late > 0) & ~np.isin(outcome, without_progress), late, 0.0)
    return np.asarray(scores.sum(axis=-1) / max(1, scores.shape[-1]))


def measured_median(rows: Real[np.ndarray, "*rows values"]) -> Float[np.ndarray, "*rows"]:
    """Median of each row over its values that are not NaN; NaN for a row without any."""
    ordered = np.sort(np.asarray(rows, dtype=np.float64), axis=-1)  # NaN last
    count = (~np.isnan(ordered)).sum(axis=-1, keepdims=True)
    middle = np.concatenate([(count - 1) // 2, count // 2], axis=-1).clip(min=0)
    return np.asarray(np.take_along_axis(ordered, middle, axis=-1).sum(axis=-1) / 2)


def _nonfinite_steps(curves: MemberCurves, p: Float[np.ndarray, "members evaluations"]) -> Int[np.ndarray, "members"]:
    """First step of each member at which it was not finite, or at which a value was NaN, infinite or beyond float32."""
    columns = [column for column in (curves.distance, p, curves.cells, curves.spread) if column is not None]
    # `<=` is False for NaN, so NaN counts as nonfinite
    finite = np.all([np.abs(column) <= _LARGEST for column in columns], axis=0)
    measured = np.where(finite, _NEVER, curves.step).min(axis=-1, initial=_NEVER)
    return np.minimum(measured, np.where(curves.nonfinite_step < 0, _NEVER, curves.nonfinite_step))


def _all_nonfinite(steps: Int[np.ndarray, "members"]) -> MemberOutcomes:
    numbers = ("best", "late", "gap", "roughness", "best_distance", "late_distance", "last_distance")
    return MemberOutcomes(
        outcome=np.full(len(steps), OUTCOMES.index("nonfinite"), dtype=np.int8),
        outcome_step=steps.astype(np.int64),
        improving=np.zeros(len(steps), dtype=bool),
        **{name: np.full(len(steps), np.nan) for name in numbers},
    )


def _classify_finite(
    curves: MemberCurves, p: Float[np.ndarray, "members evaluations"], rules: OutcomeRules
) -> MemberOutcomes:
    running = _running_median(p, rules.running)
    best, late = running.max(axis=-1), late_median(p, rules)
    rise, roughness = _rise_and_roughness(curves.step, p, rules)
    in_order: list[tuple[Bool[np.ndarray, "members"], Outcome]] = [
        (np.abs(p - p[:, :1]).max(axis=-1) < rules.moved * (1 - p[:, 0]), "stalled"),
        (_collapsed(curves, rules), "collapsed"),
        (late <= rules.diverged, "diverged"),
        ((late < rules.relapse * best) | (roughness > rules.swing * best), "relapsed"),
        ((best < rules.near) | _misses_modes(curves, rules), "stalled"),
    ]
    conditions, names = zip(*in_order, strict=True)
    outcome = np.select(
        conditions, [np.int8(OUTCOMES.index(name)) for name in names], np.int8(OUTCOMES.index("stable"))
    )
    relapsed = outcome == OUTCOMES.index("relapsed")
    outcome_step = np.full(len(p), -1, dtype=np.int64)
    outcome_step[relapsed] = _relapse_steps(curves.step[relapsed], running[relapsed], rules)
    return MemberOutcomes(
        outcome=outcome,
        outcome_step=outcome_step,
        improving=(rise > rules.rise) & (running[:, -1] >= best - rules.rise_gap),
        best=best,
        late=late,
        gap=best - late,
        roughness=roughness,
        best_distance=_running_median(curves.distance, rules.running).min(axis=-1),
        late_distance=late_median(curves.distance, rules),
        last_distance=curves.distance[:, -1],
    )


def _collapsed(curves: MemberCurves, rules: OutcomeRules) -> Bool[np.ndarray, "members"]:
    collapsed = np.zeros(len(curves.step), dtype=bool)
    if curves.cells is not None and curves.real_cells is not None:
        collapsed |= late_median(curves.cells, rules) < rules.cells * curves.real_cells
    if curves.spread is not None:
        collapsed |= late_median(curves.spread, rules) < rules.spread
    return collapsed


def _misses_modes(curves: MemberCurves, rules: OutcomeRules) -> Bool[np.ndarray, "members"]:
    if curves.modes_covered is None or curves.known_modes is None:
        return np.zeros(len(curves.step), dtype=bool)
    late = measured_median(_tail(curves.modes_covered, rules.late_share, rules.least))
    return late < np.round(rules.modes * curves.known_modes, 9)  # rounded: 0.55 * 20 is 11.000000000000002


def _tail(rows: Real[np.ndarray, "members evaluations"], share: float, least: int) -> Real[np.ndarray, "members tail"]:
    """The last columns: `share` of the evaluations after step 0, rounded up, at least `least`, at most all columns."""
    count = ceil(round(share * (rows.shape[-1] - 1), 9))  # rounded first: 0.2 * 35 is 7.000000000000001
    return rows[:, -max(count, least) :]


def late_steps(steps: Int[np.ndarray, "evaluations"], rules: OutcomeRules) -> Int[np.ndarray, "tail"]:
    """The steps of the late window."""
    return np.asarray(_tail(steps[None], rules.late_share, rules.least)[0])


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
    rise, roughness = np.zeros(len(p)), np.zeros(len(p))
    if p.shape[-1] < 2:
        return rise, roughness
    elapsed = (step - step[:, :1]).astype(np.float64)
    later, earlier = np.tril_indices(p.shape[-1], -1)
    size = max(1, _PAIRS // len(later))
    for first in range(0, len(p), size):
        block = slice(first, first + size)
        slopes = (p[block, later] - p[block, earlier]) / (elapsed[block, later] - elapsed[block, earlier])
        line = np.median(slopes, axis=-1, keepdims=True) * elapsed[block]
        low, high = np.quantile(p[block] - line, [1 - rules.quantile, rules.quantile], axis=-1)
        rise[block], roughness[block] = line[:, -1], high - low
    return rise, roughness


def _relapse_steps(
    step: Int[np.ndarray, "members evaluations"], running: Float[np.ndarray, "members windows"], rules: OutcomeRules
) -> Int[np.ndarray, "members"]:
    """First step after the best progress from which the running median stays below `relapse` x best to the end.

    The step of a running median is the middle of its window. -1 if the last running median is not below.
    """
    members, windows = np.arange(len(running)), np.arange(running.shape[-1])
    best = running.argmax(axis=-1)
    above = (running >= rules.relapse * running[members, best][:, None]) & (windows >= best[:, None])
    first = np.where(above, windows, best[:, None]).max(axis=-1) + 1
    begins = first < len(windows)
    middle = np.where(begins, first + rules.running // 2, 0)
    return np.where(begins, step[members, middle], -1)
