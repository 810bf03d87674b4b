"""Outcomes of members from their curves: each rule on both sides of its threshold, and degenerate curves."""

from dataclasses import astuple, replace
from itertools import pairwise
from math import inf, isfinite, isnan, nan
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_core.outcomes import (
    OUTCOMES,
    MemberCurves,
    MemberOutcomes,
    Outcome,
    OutcomeRules,
    classify,
    measured_median,
    progress,
    search_score,
)

pytestmark = pytest.mark.shapes

DEFAULTS = OutcomeRules()
CONSTANT, REAL = 107.0, 7.0  # one unit of distance is one percent of progress, exactly
NUMBERS = ("best", "late", "gap", "roughness", "best_distance", "late_distance", "last_distance")
RISEN = [0, 20, 40, 60, 70, 80, 85, 88] + [90] * 13  # 20 evaluations and step 0: a stable member, in percent


def curve_of(percent, **changes):
    """Curves of one member with this progress in percent, evaluated every 50 steps."""
    percent = np.asarray(percent, dtype=np.float64)
    plain: dict[str, Any] = {
        "step": 50 * np.arange(len(percent)),
        "distance": CONSTANT - percent,
        "constant": CONSTANT,
        "real": REAL,
        "cells": None,
        "real_cells": None,
        "spread": None,
        "modes_covered": None,
        "known_modes": None,
        "nonfinite_step": -1,
    }
    columns = plain | changes
    rows: dict[str, Any] = {name: None if value is None else np.array([value]) for name, value in columns.items()}
    return MemberCurves(**rows)


def joined(curves):
    """The curves of several members, with the same columns and equally many evaluations, as one."""
    columns: dict[str, Any] = {
        name: None if first is None else np.concatenate([getattr(one, name) for one in curves])
        for name, first in vars(curves[0]).items()
    }
    return MemberCurves(**columns)


def rows_of(results):
    """The numbers of each member, as text that tells apart all floats and is the same for each NaN."""
    columns = (column.tolist() for column in vars(results).values())
    return [repr(row) for row in zip(*columns, strict=True)]


def member_of(results, row=0):
    """One member's outcome by name, its step or None, and its numbers, in the order of `MemberOutcomes`."""
    values = {name: column[row].item() for name, column in vars(results).items()}
    step = values["outcome_step"] if values["outcome_step"] >= 0 else None
    return SimpleNamespace(**{**values, "outcome": results.names[row], "outcome_step": step})


def classified(percent, rules=DEFAULTS, **changes):
    return member_of(classify(curve_of(percent, **changes), rules))


def ending(*tail, start=RISEN):
    """`start` with its last evaluations replaced."""
    return [*start[: len(start) - len(tail)], *tail]


def cells(late, early=20):
    return {"cells": np.array([early] * 17 + [late] * 4), "real_cells": 20}


def spread(late, early=1.0):
    return {"spread": np.array([early] * 17 + [late] * 4)}


def modes(*late, early=8, known=8):
    return {"modes_covered": np.array([float(early)] * (21 - len(late)) + [*late]), "known_modes": known}


# --- many members


def many_curves(rng, length, count=120):
    """Members of every outcome, with equally many evaluations."""
    percents = np.cumsum(rng.normal(4, 12, (count, length)), axis=1)
    return [
        curve_of(
            percent,
            nonfinite_step=50 if number % 7 == 0 else -1,
            spread=np.full(length, 0.09 if number % 7 == 1 else 1.0),
            cells=np.full(length, 9 if number % 7 == 2 else 20),
            real_cells=20,
            modes_covered=np.full(length, 3.0 if number % 7 == 3 else 8.0),
            known_modes=8,
        )
        for number, percent in enumerate(percents)
    ]


@pytest.mark.parametrize("length", [1, 2, 9, 21])
def test_many_members_are_classified_as_each_alone(length):
    curves = many_curves(np.random.default_rng(0), length)
    together = classify(joined(curves), DEFAULTS)
    assert rows_of(together) == [row for curve in curves for row in rows_of(classify(curve, DEFAULTS))]
    assert length < 9 or set(together.names) == set(OUTCOMES)


@given(st.permutations(range(30)))
def test_the_order_of_the_members_is_the_order_of_their_outcomes(order):
    curves = joined(many_curves(np.random.default_rng(1), 9, count=30))
    permuted = classify(curves.take(np.array(order)), DEFAULTS)
    assert rows_of(permuted) == rows_of(classify(curves, DEFAULTS).take(np.array(order)))


def test_members_are_classified_alike_in_one_block_and_in_many(monkeypatch):
    curves = joined(many_curves(np.random.default_rng(2), 21))
    whole = rows_of(classify(curves, DEFAULTS))
    monkeypatch.setattr("gan_core.outcomes._PAIRS", 50)  # two members in a block: 21 pairs each
    assert rows_of(classify(curves, DEFAULTS)) == whole


def test_concatenated_outcomes_are_those_of_the_parts_in_order():
    parts = [classify(curve, DEFAULTS) for curve in many_curves(np.random.default_rng(3), 9, count=5)]
    assert rows_of(MemberOutcomes.concatenate(parts)) == [row for part in parts for row in rows_of(part)]
    nobody = MemberOutcomes.concatenate([])
    assert not nobody.names
    assert (nobody.late.dtype, nobody.improving.dtype) == (np.dtype(np.float64), np.dtype(bool))


def test_stable_members_are_those_whose_outcome_is_stable():
    results = classify(joined(many_curves(np.random.default_rng(4), 21)), DEFAULTS)
    assert results.stable.tolist() == [name == "stable" for name in results.names]


# --- names, order and bounds


def test_outcomes_are_ordered_from_best_to_worst():
    assert OUTCOMES == ("stable", "relapsed", "stalled", "collapsed", "diverged", "nonfinite") == get_args(Outcome)


def test_default_rules_have_the_numbers_of_the_specification():
    numbers = (0.1, 0.5, 0.1, 0.0, 0.5, 0.5, 0.75, 0.75, 0.05, 0.05, 1 / 5, 1 / 3, 3, 3, 0.9)
    assert astuple(DEFAULTS) == numbers


@pytest.mark.parametrize(
    ("field", "within", "outside"),
    [
        *((share, [0.0, 1.0], [-0.01, 1.01]) for share in ("moved", "cells", "spread", "relapse", "near", "modes")),
        *((share, [0.01, 1.0], [0.0, 1.01]) for share in ("late_share", "rough_share")),
        *((size, [0.0, 9.0], [-0.01, nan, inf]) for size in ("swing", "rise", "rise_gap")),
        *((count, [1, 99], [0]) for count in ("least", "running")),
        ("diverged", [0.0, 0.99], [-0.01, 1.0]),
        ("quantile", [0.51, 1.0], [0.5, 1.01]),
    ],
)
def test_a_rule_outside_its_bounds_is_an_error_that_names_it(field, within, outside):
    for value in within:
        assert getattr(OutcomeRules(**{field: value}), field) == value
    for value in outside:
        with pytest.raises(ValueError, match=f"{field}: must be"):
            OutcomeRules(**{field: value})


# --- progress


def test_progress_is_0_at_the_constant_and_1_at_real_data_and_unbounded_beyond():
    distance = np.array([0.9, 0.1, 0.5, 1.7, 0.02])
    np.testing.assert_allclose(progress(distance, constant=0.9, real=0.1), [0, 1, 0.5, -1, 1.1], rtol=1e-14, atol=1e-16)


def test_progress_of_the_dirac_pair_is_1_at_its_equilibrium():
    start = np.sqrt(2.0)  # theta = 1, psi = -1
    np.testing.assert_array_equal(progress(np.array([start, 0.0, 2 * start]), constant=start, real=0.0), [0, 1, -1])


def test_progress_keeps_nan_and_infinities():
    np.testing.assert_array_equal(progress(np.array([nan, inf, -inf]), constant=3.0, real=1.0), [nan, -inf, inf])


def test_progress_is_computed_in_float64():
    p = progress(np.array([0.1], dtype=np.float32), constant=0.9, real=0.1)
    assert p.dtype == np.float64
    assert p[0] == (0.9 - float(np.float32(0.1))) / (0.9 - 0.1)


@pytest.mark.parametrize(("constant", "real"), [(1.0, 1.0), (1.0, 2.0), (nan, 0.0), (inf, 0.0), (1.0, -inf)])
def test_constant_must_exceed_real_by_a_finite_amount(constant, real):
    with pytest.raises(ValueError, match="constant - real: must be > 0"):
        progress(np.array([0.5]), constant=constant, real=real)
    with pytest.raises(ValueError, match="constant - real: must be > 0"):
        classified(RISEN, constant=constant, real=real, nonfinite_step=3)


# --- the curve


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": np.zeros(21, dtype=int)}, "step: must increase"),
        ({"step": -np.arange(21)}, "step: must increase"),
        ({"cells": np.ones(21)}, "must be given together"),
        ({"real_cells": 20}, "must be given together"),
        ({"modes_covered": np.ones(21)}, "modes_covered, known_modes: must be given together"),
        ({"known_modes": 8}, "modes_covered, known_modes: must be given together"),
    ],
)
def test_inconsistent_curves_raise_an_error(changes, message):
    with pytest.raises(ValueError, match=message):
        curve_of(RISEN, **changes)


def test_a_curve_without_evaluations_raises_an_error_unless_its_member_is_nonfinite():
    with pytest.raises(ValueError, match="at least one evaluation"):
        curve_of([])
    assert classified([], nonfinite_step=0).outcome == "nonfinite"


def test_the_first_inconsistent_member_of_many_is_named():
    steps = np.array([[0, 1, 2], [0, 2, 2], [0, 1, 1]])
    one = curve_of([0, 1, 2])
    with pytest.raises(ValueError, match=r"step: must increase, but is \[0, 2, 2\]"):
        replace(one.take(np.zeros(3, dtype=int)), step=steps)
    with pytest.raises(ValueError, match=r"constant is 3.0 and real is 7.0"):
        classify(replace(one.take(np.zeros(2, dtype=int)), constant=np.array([CONSTANT, 3.0])), DEFAULTS)


# --- nonfinite


def test_a_nonfinite_step_makes_the_member_nonfinite_however_good_its_curve():
    result = classified(RISEN, nonfinite_step=333)
    assert (result.outcome, result.outcome_step, result.improving) == ("nonfinite", 333, False)
    assert all(isnan(getattr(result, name)) for name in NUMBERS)


def test_a_curve_that_ends_at_the_nonfinite_step_is_nonfinite():
    assert classified(RISEN[:2], nonfinite_step=77).outcome_step == 77


@pytest.mark.parametrize("value", [nan, inf, -inf, 3.5e38, -3.5e38])
@pytest.mark.parametrize("column", ["distance", "cells", "spread"])
def test_a_value_beyond_float32_makes_the_member_nonfinite_at_its_first_step(column, value):
    values = np.linspace(20.0, 21.0, 21)
    values[[7, 9]] = value
    changes = {column: values} | ({"real_cells": 20} if column == "cells" else {})
    result = classified(RISEN, **changes)
    assert (result.outcome, result.outcome_step) == ("nonfinite", 350)


def test_a_distance_at_the_largest_float32_is_finite():
    distance = CONSTANT - np.array(RISEN, dtype=np.float64)
    distance[-4:] = np.finfo(np.float32).max
    assert classified(RISEN, distance=distance).outcome == "diverged"


def test_progress_beyond_float32_is_nonfinite_even_if_the_distance_is_finite():
    assert classified(RISEN, constant=1e-300, real=0.0).outcome_step == 0


@pytest.mark.parametrize(("given_step", "earliest"), [(349, 349), (351, 350)])
def test_outcome_step_is_the_earlier_of_the_given_and_the_measured_nonfinite_step(given_step, earliest):
    distance = CONSTANT - np.array(RISEN, dtype=np.float64)
    distance[7] = nan
    assert classified(RISEN, distance=distance, nonfinite_step=given_step).outcome_step == earliest


# --- stalled: no move


@pytest.mark.parametrize(("end", "outcome"), [(77.4, "stalled"), (77.6, "stable"), (72.6, "stalled"), (72.4, "stable")])
def test_a_member_that_moves_less_than_a_tenth_of_the_way_is_stalled_in_either_direction(end, outcome):
    assert classified([75] * 10 + [end] * 11).outcome == outcome


@pytest.mark.parametrize(("end", "outcome"), [(78.125, "stable"), (78.12, "stalled")])
def test_a_member_that_moves_by_exactly_the_threshold_is_not_stalled(end, outcome):
    assert classified([75] * 10 + [end] * 11, OutcomeRules(moved=0.125)).outcome == outcome


def test_a_single_evaluation_away_from_the_start_counts_as_a_move():
    assert classified([75] * 10 + [90] + [75] * 10).outcome == "stable"


def test_moves_are_measured_from_the_first_evaluation():
    assert classified([75, 73] + [77] * 19).outcome == "stalled"  # though it moved by 4 in between


def test_a_member_that_starts_at_real_data_is_not_stalled():
    assert classified([100] * 21).outcome == "stable"


def test_stalled_without_a_move_takes_precedence_over_collapsed():
    assert classified([0] * 21, **cells(1)).outcome == "stalled"


# --- collapsed


@pytest.mark.parametrize(("late", "outcome"), [(9, "collapsed"), (10, "stable")])
def test_fewer_than_half_of_the_real_cells_is_collapsed(late, outcome):
    assert classified(RISEN, **cells(late)).outcome == outcome


@pytest.mark.parametrize(("late", "outcome"), [(0.0999, "collapsed"), (0.1, "stable")])
def test_a_spread_below_a_tenth_is_collapsed(late, outcome):
    assert classified(RISEN, **spread(late)).outcome == outcome


@pytest.mark.parametrize("column", [cells(20, early=1), spread(1.0, early=0.01)])
def test_an_early_collapse_that_ended_does_not_count(column):
    assert classified(RISEN, **column).outcome == "stable"


@pytest.mark.parametrize(("low", "outcome"), [(2, "stable"), (3, "collapsed")])
def test_collapse_depends_on_the_median_of_the_late_window(low, outcome):
    values = np.array([20] * (21 - low) + [1] * low)  # 4 late evaluations: 2 of them give 10.5 of 20
    assert classified(RISEN, cells=values, real_cells=20).outcome == outcome


@pytest.mark.parametrize(
    ("columns", "outcome"),
    [
        (cells(4) | spread(1.0), "collapsed"),
        (cells(20) | spread(0.01), "collapsed"),
        (cells(20) | spread(1.0), "stable"),
    ],
)
def test_either_of_cells_and_spread_is_enough_for_a_collapse(columns, outcome):
    assert classified(RISEN, **columns).outcome == outcome


def test_collapsed_takes_precedence_over_diverged():
    assert classified([0, 50, 30] + [-20] * 18, **cells(1)).outcome == "collapsed"


# --- diverged


@pytest.mark.parametrize(("late", "outcome"), [(-1, "diverged"), (0, "diverged"), (0.5, "relapsed")])
def test_late_progress_of_zero_or_less_is_diverged(late, outcome):
    assert classified(ending(*[late] * 7)).outcome == outcome


@pytest.mark.parametrize(("late", "outcome"), [(25, "diverged"), (26, "relapsed")])
def test_the_bound_of_diverged_can_be_set(late, outcome):
    assert classified(ending(*[late] * 7), OutcomeRules(diverged=0.25)).outcome == outcome


# --- relapsed


@pytest.mark.parametrize(("late", "outcome"), [(44, "relapsed"), (45, "stable"), (46, "stable")])
def test_a_member_that_lost_half_of_its_best_progress_is_relapsed(late, outcome):
    assert classified(ending(*[late] * 7)).outcome == outcome


@pytest.mark.parametrize(("low", "outcome"), [(44, "relapsed"), (46, "stable")])
def test_a_member_that_swings_across_half_of_its_best_is_relapsed(low, outcome):
    # flat trend, q10 is low and q90 is 90
    result = classified(ending(90, low, 90, 75, 90, low, 90))
    assert result.late == 0.825
    assert result.roughness == pytest.approx(0.9 - low / 100, rel=1e-12)
    assert result.outcome == outcome


def test_a_member_that_swings_by_exactly_half_of_its_best_is_not_relapsed():
    result = classified(ending(100, 50, 100, 75, 100, 50, 100))
    assert (result.best, result.roughness, result.outcome) == (1.0, 0.5, "stable")


def test_swing_and_relapse_are_separate_thresholds():
    swinging = ending(90, 10, 90, 90, 90, 10, 90)
    assert classified(swinging).outcome == "relapsed"
    assert classified(swinging, OutcomeRules(swing=1.0)).outcome == "stable"
    fallen = ending(*[40] * 7)
    assert classified(fallen).outcome == "relapsed"
    assert classified(fallen, OutcomeRules(relapse=0.25)).outcome == "stable"


def test_relapsed_takes_precedence_over_stalled_without_coming_near():
    assert classified([0, 40, 60, 60, 60] + [10] * 16).outcome == "relapsed"


def test_a_relapse_begins_at_the_first_low_evaluation():
    result = classified(ending(44, 43, 42, 41, 40, 39))
    assert (result.outcome, result.outcome_step) == ("relapsed", 750)


def test_a_relapse_begins_after_the_best_progress_not_at_the_start():
    assert classified([0, 0, 0, 10] + [90] * 7 + [20] * 10).outcome_step == 550


def test_a_temporary_drop_is_not_the_beginning_of_the_relapse():
    assert classified([0] + [90] * 4 + [10] * 4 + [90] * 4 + [20] * 8).outcome_step == 650


def test_a_single_high_evaluation_does_not_move_the_beginning_of_a_relapse():
    assert classified([0] + [90] * 9 + [20] * 4 + [90] + [20] * 6).outcome_step == 500


def test_a_wider_running_median_does_not_move_the_beginning_of_a_relapse():
    result = classified([0] + [90] * 9 + [20] * 11, OutcomeRules(running=5))
    assert (result.outcome, result.outcome_step) == ("relapsed", 500)


def test_a_relapse_begins_where_progress_falls_below_half_of_the_best():
    # 90 -> 60 is still above 45, the next drop is not
    assert classified([0] + [90] * 9 + [60] * 4 + [45] * 2 + [44] * 5).outcome_step == 800


def test_a_member_that_swings_has_no_outcome_step():
    result = classified(ending(90, 10, 90, 90, 90, 10, 90))
    assert (result.outcome, result.outcome_step) == ("relapsed", None)


@pytest.mark.parametrize("percent", [RISEN, [0] * 21, [0, 50, 60] + [-20] * 18, [0] + [50] * 20])
def test_only_relapsed_and_nonfinite_members_have_an_outcome_step(percent):
    result = classified(percent)
    assert result.outcome in ("stable", "stalled", "diverged")
    assert result.outcome_step is None


# --- stalled: best progress too low; stable


@pytest.mark.parametrize(("best", "outcome"), [(74, "stalled"), (75, "stable"), (76, "stable")])
def test_a_member_whose_best_progress_is_below_three_quarters_is_stalled(best, outcome):
    assert classified([0] + [best] * 20).outcome == outcome


@pytest.mark.parametrize(("near", "outcome"), [(0.5, "stable"), (0.9, "stable"), (0.91, "stalled")])
def test_near_can_be_set(near, outcome):
    assert classified(RISEN, OutcomeRules(near=near)).outcome == outcome


# --- stalled: too few of the known modes


@pytest.mark.parametrize(("covered", "outcome"), [(4, "stalled"), (5, "stalled"), (6, "stable"), (8, "stable")])
def test_a_blob_over_the_ring_that_covers_too_few_of_its_modes_is_stalled(covered, outcome):
    result = classified(RISEN, **modes(*[covered] * 4))
    assert (result.outcome, result.outcome_step) == (outcome, None)


@pytest.mark.parametrize(
    ("share", "known", "enough"),
    [(0.75, 8, 6), (0.75, 25, 19), (0.55, 20, 11), (1.0, 8, 8), (0.9, 10, 9), (0.7, 10, 7)],
)
def test_exactly_the_share_of_the_known_modes_is_enough(share, known, enough):
    rules = OutcomeRules(modes=share)
    assert classified(RISEN, rules, **modes(*[enough] * 4, known=known)).outcome == "stable"
    assert classified(RISEN, rules, **modes(*[enough - 1] * 4, known=known)).outcome == "stalled"


def test_a_share_of_zero_turns_the_rule_about_modes_off():
    assert classified(RISEN, OutcomeRules(modes=0.0), **modes(0, 0, 0, 0, early=0)).outcome == "stable"


def test_modes_are_counted_by_the_median_of_the_late_window():
    assert classified(RISEN, **modes(6, 6, 6, 6, early=0)).outcome == "stable"
    assert classified(RISEN, **modes(5, 5, 7, 7)).outcome == "stable"
    assert classified(RISEN, **modes(5, 5, 5, 8)).outcome == "stalled"


@pytest.mark.parametrize(("covered", "outcome"), [(5, "stalled"), (6, "stable"), (nan, "stable")])
def test_evaluations_that_did_not_measure_the_modes_do_not_count(covered, outcome):
    assert classified(RISEN, **modes(nan, nan, nan, covered, early=nan)).outcome == outcome


def test_the_rule_about_modes_is_the_last():
    too_few = modes(0, 0, 0, 0)
    assert classified(RISEN, **cells(9), **too_few).outcome == "collapsed"
    assert classified(ending(*[-1] * 7), **too_few).outcome == "diverged"
    relapsed = classified(ending(44, 43, 42, 41, 40, 39), **too_few)
    assert (relapsed.outcome, relapsed.outcome_step) == ("relapsed", 750)


def test_the_median_of_the_measured_values_leaves_nan_out():
    rows = np.array([[1.0, nan, 4.0, 2.0], [nan, 7.0, nan, 8.0], [nan, nan, 3.0, nan], [nan] * 4])
    np.testing.assert_array_equal(measured_median(rows), [2.0, 7.5, 3.0, nan])
    np.testing.assert_array_equal(measured_median(rows[:, :2].reshape(2, 2, 2)), [[1.0, 7.0], [nan, nan]])


# --- the numbers of an outcome

OUTLIER = [0, 60, 99, 62, 61] + [50] * 16


def test_best_is_a_running_median_so_a_single_outlier_does_not_count():
    result = classified(OUTLIER)
    assert result.best == 0.62
    assert result.best_distance == CONSTANT - 62


def test_late_is_the_median_of_the_last_fifth():
    result = classified(ending(10, 90, 80, 70, 60))  # 20 evaluations after step 0: the last four
    assert result.late == 0.75
    assert result.late_distance == CONSTANT - 75


@pytest.mark.parametrize(("length", "late"), [(36, 0.60), (37, 0.55)])
def test_a_fifth_is_rounded_up_but_not_for_rounding_errors(length, late):
    # 35 evaluations: 7 of them, though .2 * 35 > 7 in floating point; 36: 8
    percent = [0] * (length - 8) + [50, 90, 80, 70, 60, 40, 30, 20]
    assert classified(percent).late == pytest.approx(late, rel=1e-15)


def test_the_late_window_holds_at_least_three_evaluations():
    assert classified([0, 5, 10, 80, 30, 40]).late == 0.4
    assert classified([0, 5, 10, 80, 30, 50], OutcomeRules(least=1)).late == 0.5


def test_the_late_share_can_be_set():
    assert classified(
        ending(40, 50, 60, 70, 80, 20, 30, 10, 35, 45), OutcomeRules(late_share=0.5)
    ).late == pytest.approx(0.425)


def test_last_distance_is_the_last_value_and_gap_is_best_minus_late():
    result = classified(ending(80, 60, 64, 70))
    assert result.last_distance == CONSTANT - 70
    assert (result.best, result.late) == pytest.approx((0.9, 0.67), rel=1e-12)
    assert result.gap == pytest.approx(0.23, rel=1e-12)


def test_roughness_is_the_quantile_range_over_the_last_third():
    # 7 evaluations, flat trend: q10 at .6 of the way from 80 to 90, q90 at .4 from 90 to 100
    assert classified(ending(90, 90, 90, 90, 90, 80, 100)).roughness == pytest.approx(0.08, rel=1e-12)


def test_roughness_ignores_a_straight_trend():
    assert classified(ending(60, 64, 68, 72, 76, 80, 84)).roughness == pytest.approx(0, abs=1e-12)


def test_the_trend_of_roughness_is_a_line_in_steps_not_in_evaluations():
    step = np.array([*range(0, 700, 50), 700, 710, 730, 770, 850, 1010, 1330])
    percent = ending(*(50 + (step[-7:] - 700) / 20))
    assert classified(percent, step=step).roughness == pytest.approx(0, abs=1e-12)


def test_the_window_and_the_quantile_of_roughness_can_be_set():
    percent = ending(90, 90, 90, 90, 90, 80, 100)
    assert classified(percent, OutcomeRules(quantile=1.0)).roughness == pytest.approx(0.2, rel=1e-12)
    # 10 evaluations: q10 at .9 from 80 to 90, q90 at .1 from 90 to 100
    assert classified(percent, OutcomeRules(rough_share=0.5)).roughness == pytest.approx(0.02, rel=1e-12)


def test_the_width_of_the_running_median_can_be_set():
    assert classified(OUTLIER, OutcomeRules(running=1)).best == 0.99
    assert classified(OUTLIER, OutcomeRules(running=5)).best == 0.61


# --- improving


@pytest.mark.parametrize(("rise", "improving"), [(4.9, False), (5.1, True)])
def test_a_member_that_rises_by_over_five_percent_in_the_last_third_is_improving(rise, improving):
    assert classified([0] * 14 + list(50 + rise * np.arange(7) / 6)).improving == improving


@pytest.mark.parametrize(("best", "improving"), [(60, True), (62, False)])
def test_an_improving_member_ends_within_five_percent_of_its_best(best, improving):
    # the last running median is 56
    assert classified([0] + [best] * 13 + [45, 47, 49, 51, 53, 56, 58]).improving == improving


def test_a_rise_of_exactly_the_threshold_is_not_improving():
    percent = [0] * 17 + list(50 + 3.125 * np.arange(9))  # 25 evaluations: the last 9, every number exact
    step = np.arange(26)
    assert not classified(percent, OutcomeRules(rise=0.25), step=step).improving
    assert classified(percent, OutcomeRules(rise=0.249), step=step).improving


def test_a_member_that_ends_exactly_at_the_gap_is_improving():
    percent = [0] + [75] * 13 + [20, 25, 30, 35, 40, 50, 60]  # the last running median is 50
    assert classified(percent, OutcomeRules(rise_gap=0.25)).improving
    assert not classified(percent, OutcomeRules(rise_gap=0.249)).improving


def test_rise_and_rise_gap_are_separate_thresholds():
    percent = [0] + [62] * 13 + [45, 47, 49, 51, 53, 56, 58]
    assert classified(percent, OutcomeRules(rise_gap=0.1)).improving
    assert not classified(percent, OutcomeRules(rise_gap=0.1, rise=0.2)).improving


def test_a_falling_member_is_not_improving():
    assert not classified([0] * 14 + [66, 65, 64, 63, 62, 61, 60]).improving


def test_a_stalled_member_can_be_improving():
    result = classified(np.linspace(0, 60, 21))
    assert (result.outcome, result.improving) == ("stalled", True)


# --- short curves


def test_a_curve_of_one_evaluation_is_stalled_and_all_its_summaries_are_that_value():
    result = classified([30])
    assert result == SimpleNamespace(
        outcome="stalled",
        outcome_step=None,
        improving=False,
        best=0.3,
        late=0.3,
        gap=0.0,
        roughness=0.0,
        best_distance=77.0,
        late_distance=77.0,
        last_distance=77.0,
    )


def test_a_curve_of_two_evaluations_is_summarised_by_their_median():
    result = classified([60, 100])
    assert (result.best, result.late, result.late_distance) == (0.8, 0.8, 27.0)
    assert result.roughness == pytest.approx(0, abs=1e-12)
    assert (result.outcome, result.improving) == ("stable", True)


def test_two_evaluations_that_swing_have_no_outcome_step():
    result = classified([10, 90], OutcomeRules(relapse=1.0, swing=0.0))
    assert result.outcome_step is None


# --- the search score


def score(*members):
    outcomes, late = zip(*members, strict=True)
    codes = np.array([OUTCOMES.index(outcome) for outcome in outcomes])
    return float(search_score(codes, np.array(late, dtype=np.float64)))


def test_search_score_is_the_mean_of_late_progress_over_members():
    assert score(("stable", 0.9), ("relapsed", 0.3), ("stalled", 0.6)) == pytest.approx(0.6)


@pytest.mark.parametrize("outcome", ["nonfinite", "collapsed", "diverged"])
@pytest.mark.parametrize("late", [0.7, nan, -3.0])
def test_nonfinite_collapsed_and_diverged_members_count_zero_in_the_search_score(outcome, late):
    assert score(("stable", 0.8), (outcome, late)) == 0.4


def test_negative_late_progress_counts_zero_in_the_search_score():
    assert score(("stalled", -0.6), ("stable", 0.8)) == 0.4


def test_a_trial_without_members_scores_zero():
    assert search_score(np.empty((2, 0), dtype=int), np.empty((2, 0))).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("members", [1, 3, 10, 129])
def test_search_scores_of_many_trials_are_those_of_each_alone(members):
    rng = np.random.default_rng(members)
    outcome, late = rng.integers(0, len(OUTCOMES), (40, members)), rng.normal(0.5, 0.5, (40, members))
    alone = [float(search_score(*trial)) for trial in zip(outcome, late, strict=True)]
    assert search_score(outcome, late).tolist() == alone


# --- properties

anything = st.floats(width=64)
percents = st.integers(-300, 120)


@st.composite
def wild_curves(draw):
    length = draw(st.integers(1, 40))

    def column(values):
        return np.array(draw(st.lists(values, min_size=length, max_size=length)))

    has_spread, has_modes = draw(st.booleans()), draw(st.booleans())
    real = draw(st.floats(-1e300, 1e300))
    return curve_of(
        np.zeros(length),
        step=np.cumsum(column(st.integers(1, 1000))),
        distance=column(anything | st.floats(0, 2)).astype(np.float64),
        constant=max(real + draw(st.floats(1e-300, 1e300)), np.nextafter(real, inf)),
        real=real,
        cells=column(anything | st.integers(0, 25)).astype(np.float64) if has_spread else None,
        real_cells=draw(st.integers(0, 25)) if has_spread else None,
        spread=column(anything | st.floats(0, 1.5)).astype(np.float64) if has_spread else None,
        modes_covered=column(st.just(nan) | st.integers(0, 8)).astype(np.float64) if has_modes else None,
        known_modes=draw(st.integers(1, 8)) if has_modes else None,
        nonfinite_step=draw(st.just(-1) | st.integers(0, 40_000)),
    )


tame_curves = st.lists(percents, min_size=1, max_size=40).map(curve_of)


@given(curve=wild_curves() | tame_curves)
def test_classify_never_raises_and_the_search_score_is_finite(curve):
    results = classify(curve, DEFAULTS)
    result = member_of(results)
    assert result.outcome in OUTCOMES
    finite = result.outcome != "nonfinite"
    assert all(isfinite(getattr(result, name)) == finite for name in NUMBERS)
    assert (result.outcome_step is not None) or finite
    assert 0 <= search_score(results.outcome, results.late) < inf


@given(st.lists(st.tuples(st.sampled_from(OUTCOMES), st.floats(-1e38, 1e38)), min_size=1, max_size=8))
def test_search_score_lies_between_zero_and_the_best_late(members):
    largest = max([0.0, *(late for _, late in members)])
    assert 0 <= score(*members) <= largest * (1 + 1e-12)


@given(curve=tame_curves, scale=st.integers(1, 1000), shift=st.integers(-10_000, 10_000))
def test_outcomes_do_not_depend_on_the_unit_and_origin_of_the_distance(curve, scale, shift):
    def transformed(distance):
        return scale * distance + shift  # integers: exact

    changed = replace(
        curve, distance=transformed(curve.distance), constant=transformed(curve.constant), real=transformed(curve.real)
    )
    before, after = (vars(member_of(classify(one, DEFAULTS))) for one in (curve, changed))
    in_unit = {name: transformed(value) for name, value in before.items() if name.endswith("distance")}
    assert after == before | in_unit


@given(curve=tame_curves, power=st.integers(1, 10))
def test_the_unit_of_steps_changes_only_the_outcome_step(curve, power):
    before = vars(member_of(classify(curve, DEFAULTS)))
    after = vars(member_of(classify(replace(curve, step=curve.step * 2**power), DEFAULTS)))
    step = None if before["outcome_step"] is None else before["outcome_step"] * 2**power
    assert after == before | {"outcome_step": step}


@given(curve=tame_curves)
def test_summaries_in_progress_and_in_distance_agree(curve):
    result = classify(curve, DEFAULTS)
    distances = np.stack([result.best_distance, result.late_distance])
    np.testing.assert_allclose(
        progress(distances, constant=CONSTANT, real=REAL), [result.best, result.late], atol=1e-12
    )


@given(curve=tame_curves)
def test_a_relapse_begins_at_an_evaluated_step_after_the_start(curve):
    result = member_of(classify(curve, DEFAULTS))
    if result.outcome_step is not None:
        assert result.outcome == "relapsed"
        assert result.outcome_step in curve.step[0, 1:]


@given(curve=tame_curves, shares=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted))
def test_a_larger_near_makes_no_further_member_stable(curve, shares):
    stable = [classify(curve, OutcomeRules(near=near)).stable.item() for near in shares]
    assert all(smaller >= larger for smaller, larger in pairwise(stable))


@given(covered=st.integers(0, 8), shares=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted))
def test_a_larger_share_of_the_modes_makes_no_further_member_stable(covered, shares):
    curve = curve_of(RISEN, **modes(*[covered] * 4))
    stable = [classify(curve, OutcomeRules(modes=share)).stable.item() for share in shares]
    assert stable[0] >= stable[1]


def test_noisy_curves_like_those_of_a_digits_study_get_the_right_outcome():
    """Four kinds of curves; number of evaluations and noise as in a study of digits."""
    rng = np.random.default_rng(3)
    t = np.linspace(0, 1, 21)
    kinds = {
        "stable": 93 * (1 - np.exp(-8 * t)),
        "relapsed": 93 * (1 - np.exp(-8 * t)) * (t < 0.6) + 20 * (t >= 0.6),
        "stalled": 55 * (1 - np.exp(-8 * t)),
        "diverged": 60 * t - 200 * t**2,
    }
    for outcome, percent in kinds.items():
        for _ in range(50):
            assert classified(percent + rng.normal(0, 1.5, 21)).outcome == outcome
