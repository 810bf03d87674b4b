"""The confirmed ranking under other outcome rules and at equal critic steps."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_core.outcomes import MemberCurves, OutcomeRules, classify
from gan_core.training import Training
from studies.analysis.robustness import (
    ALTERNATIVES,
    EQUAL_CRITIC_STEPS,
    ROBUSTNESS,
    ConfirmTrial,
    classified_members,
    equal_critic_steps,
    robustness,
    three_values,
)
from studies.file.budget import Budget
from studies.tables.ranking import rank

OWN = OutcomeRules()
BUDGET = Budget(unit="generator_steps", steps=100)
MEASUREMENTS = 10


def confirm_trial(condition, *progresses, n_critic=1, nonfinite=-1, modes=None, budget=BUDGET):
    """A confirm trial whose members have this progress at step 0 and at every tenth of the budget."""
    training = Training(n_critic=n_critic)
    iterations = budget.evaluation_iterations(training, MEASUREMENTS)
    progress = [[*values, *[values[-1]] * len(iterations)][: len(iterations)] for values in progresses]
    members = len(progresses)
    steps = [budget.elapsed_steps(training, iteration) for iteration in iterations]
    curves = MemberCurves(
        step=np.tile(steps, (members, 1)),
        distance=1 - np.array(progress, dtype=np.float64),
        constant=np.ones(members),
        real=np.zeros(members),
        cells=None,
        real_cells=None,
        spread=None,
        modes_covered=None if modes is None else np.full((members, len(steps)), modes),
        known_modes=None if modes is None else np.full(members, 8),
        nonfinite_step=np.full(members, nonfinite),
    )
    seeds = range(2_000_000, 2_000_000 + members)
    return ConfirmTrial(
        condition=condition,
        trial=0,
        seeds=seeds,
        curves=curves,
        training=training,
        budget=budget,
        measurements=MEASUREMENTS,
    )


# --- three values of each threshold


def test_the_alternatives_of_every_threshold_are_ordered_and_valid():
    assert ALTERNATIVES.keys() == {field.name for field in fields(OutcomeRules)}
    changed: dict[str, Any]
    for name, values in ALTERNATIVES.items():
        assert list(values) == sorted(values)
        assert getattr(OWN, name) in values
        for value in values:
            changed = {name: value}
            replace(OWN, **changed)


def test_the_default_threshold_of_stalled_is_varied_from_a_half_to_nine_tenths():
    assert three_values("near", 0.75) == [0.5, 0.75, 0.9]


def test_the_default_share_of_the_modes_is_varied_from_a_half_to_nine_tenths():
    assert three_values("modes", 0.75) == [0.5, 0.75, 0.9]


@pytest.mark.parametrize(
    ("threshold", "own_value", "values"),
    [
        ("diverged", 0.0, [0.0, 0.1, 0.25]),  # none lies below
        ("quantile", 1.0, [0.9, 0.95, 1.0]),
        ("swing", 9, [1.0, 2.0, 9]),
        ("running", 2, [1, 2, 3]),
        ("near", 0.1, [0.1, 0.25, 0.5]),
    ],
)
def test_the_alternatives_lie_on_either_side_of_the_own_value_if_possible(threshold, own_value, values):
    assert three_values(threshold, own_value) == values


@given(name=st.sampled_from(sorted(ALTERNATIVES)), own_value=st.floats(0, 1))
def test_there_are_three_different_values_in_order_and_the_own_is_one(name, own_value):
    values = three_values(name, own_value)
    assert len(set(values)) == 3
    assert own_value in values
    assert values == sorted(values)


def test_a_threshold_changes_the_members_that_it_applies_to_and_no_others():
    near = confirm_trial("near", *[(0, 0.5, 0.95)] * 4)
    far = confirm_trial("far", *[(0, 0.4, 0.8)] * 3, (0, 0.4, 0.7))
    table = robustness([near, far], OWN)
    assert table.dtypes.astype(str).to_dict() == ROBUSTNESS
    assert len(table) == 3 * len(fields(OutcomeRules)) * 2
    rows_of_near = table[(table["threshold"] == "near")].set_index(["value", "condition"])
    assert rows_of_near["stable"].to_dict() == {
        (0.5, "near"): 4, (0.5, "far"): 4, (0.75, "near"): 4, (0.75, "far"): 3, (0.9, "near"): 4, (0.9, "far"): 0
    }  # fmt: skip
    assert np.isnan(rows_of_near.loc[(0.9, "far"), "distance"])
    assert rows_of_near.loc[(0.5, "near"), "distance"] == pytest.approx(0.05)
    assert rows_of_near["rank"].tolist() == [1, 2, 1, 2, 1, pd.NA]  # at 0.9 all of "far" fail
    assert (rows_of_near["members"] == 4).all()
    ranking = rank(classified_members([near, far], OWN), seed=0)
    for _, rows in table[table["own"]].groupby("threshold"):
        assert rows["distance"].tolist() == ranking["distance"].tolist()
        assert rows["condition"].tolist() == ranking["condition"].tolist()


def test_the_share_of_the_modes_changes_only_conditions_that_cover_too_few():
    table = robustness([confirm_trial(f"{modes} of 8", (0, 0.95), modes=modes) for modes in (4, 6, 8)], OWN)
    rows = table[table["threshold"] == "modes"]
    assert rows.pivot(index="condition", columns="value", values="stable").to_dict("index") == {
        "4 of 8": {0.5: 1, 0.75: 0, 0.9: 0},
        "6 of 8": {0.5: 1, 0.75: 1, 0.9: 0},
        "8 of 8": {0.5: 1, 0.75: 1, 0.9: 1},
    }


def test_failures_that_still_improved_are_counted():
    table = robustness([confirm_trial("slow", np.linspace(0, 0.6, 11), (0, 0.9))], OWN)
    row = table[table["own"] & (table["threshold"] == "rise")].iloc[0]
    assert (row["stable"], row["improving"]) == (1, 1)


def test_without_confirmed_conditions_the_tables_are_empty():
    assert robustness([], OWN).dtypes.astype(str).to_dict() == ROBUSTNESS
    assert equal_critic_steps([], OWN, seed=0).dtypes.astype(str).to_dict() == EQUAL_CRITIC_STEPS


# --- equal critic steps


def test_curves_are_cut_at_the_smallest_number_of_critic_steps():
    # five critic steps an iteration: 100 of them are 20 generator steps, the second evaluation
    one = confirm_trial("one", (0, 0.5, 0.9), n_critic=1)
    five = confirm_trial("five", (0, 0.8, 0.85, 0.99), n_critic=5)
    table = equal_critic_steps([one, five], OWN, seed=0).set_index("condition")
    assert table["critic_steps"].to_dict() == {"one": 100, "five": 100}
    assert table["measurements"].to_dict() == {"one": 10, "five": 2}
    assert table.loc["one", "distance"] == pytest.approx(0.1)
    assert table.loc["five", "distance"] == pytest.approx(0.2)  # the median of 1, .2 and .15
    assert rank(classified_members([one, five], OWN), seed=0)["condition"].tolist() == ["five", "one"]
    assert table["rank"].to_dict() == {"one": 1, "five": 2}


def test_with_a_budget_in_critic_steps_nothing_is_cut():
    both = [
        confirm_trial(name, (0, 0.5, height), (0, 0.9), n_critic=n_critic, budget=replace(BUDGET, unit="critic_steps"))
        for name, height, n_critic in [("a", 0.8, 1), ("b", 0.95, 5)]
    ]
    table = equal_critic_steps(both, OWN, seed=0)
    pd.testing.assert_frame_equal(
        table[list(rank(classified_members(both, OWN), seed=0))], rank(classified_members(both, OWN), seed=0)
    )
    assert (table["measurements"] == 10).all()


def test_a_member_that_becomes_nonfinite_after_the_cut_is_finite():
    late = confirm_trial("late", (0, 0.9), n_critic=5, nonfinite=25)
    early = confirm_trial("early", (0, 0.9), n_critic=5, nonfinite=15)
    table = equal_critic_steps([confirm_trial("one", (0, 0.9)), late, early], OWN, seed=0).set_index("condition")
    assert table["failure_rate"].to_dict() == {"one": 0, "late": 0, "early": 1}


def test_a_trial_that_ended_early_without_finite_members_does_not_cut_the_others():
    nonfinite = confirm_trial("nonfinite", (0, 0.9), nonfinite=10)
    curves = nonfinite.curves
    short = replace(nonfinite, curves=replace(curves, step=curves.step[:, :2], distance=curves.distance[:, :2]))
    table = equal_critic_steps([short, confirm_trial("one", (0, 0.9))], OWN, seed=0)
    assert (table["critic_steps"] == 100).all()


def test_a_cut_curve_is_classified_by_what_is_left():
    whole = confirm_trial("five", (0, 0.3, 0.6, 0.9, 0.2), n_critic=5)
    cut = whole.cut_at(150).curves
    assert cut.step.tolist() == [[0, 10, 20, 30]]
    assert classify(cut, OWN).late_distance == pytest.approx([0.4])
