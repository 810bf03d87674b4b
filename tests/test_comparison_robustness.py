"""The ranking under other thresholds and at equal critic steps, and what became of the members."""

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_core.stability import OUTCOMES, Curve, Thresholds, judge
from gan_core.training import Training
from studies.comparison.intervals import share_interval, wilson
from studies.comparison.outcomes import GIVEN_UP, OUTCOME_SHARES, outcomes
from studies.comparison.ranking import rank
from studies.comparison.robustness import (
    EQUAL_CRITIC_STEPS,
    LADDERS,
    ROBUSTNESS,
    Confirmed,
    equal_critic_steps,
    judged,
    robustness,
    three_values,
)
from studies.condition import Budget

OWN = Thresholds()
BUDGET = Budget(steps=100, measurements=10)


def confirmed(condition, *courses, n_critic=1, nonfinite=None, budget=BUDGET):
    """A confirm trial whose members have this progress at step 0 and at every tenth of the budget."""
    training = Training(n_critic=n_critic)
    turns = budget.measured_turns(training)
    curves = {
        2_000_000 + number: Curve(
            step=np.array([budget.clock(training, turn) for turn in turns]),
            distance=1 - np.array([*course, *[course[-1]] * len(turns)][: len(turns)], dtype=np.float64),
            ref=1.0,
            floor=0.0,
            cells=None,
            real_cells=None,
            spread=None,
            nonfinite_step=nonfinite,
        )
        for number, course in enumerate(courses)
    }
    return Confirmed(condition=condition, trial=0, curves=curves, training=training, budget=budget)


# --- three values of each threshold


def test_every_threshold_has_a_ladder_within_its_bounds():
    assert LADDERS.keys() == {field.name for field in fields(Thresholds)}
    for name, ladder in LADDERS.items():
        assert list(ladder) == sorted(ladder)
        assert getattr(OWN, name) in ladder
        for value in ladder:
            replace(OWN, **{name: value})


def test_the_best_progress_of_stalled_is_shown_at_a_half_three_quarters_and_nine_tenths():
    assert three_values("near", 0.75) == [0.5, 0.75, 0.9]


@pytest.mark.parametrize(
    ("threshold", "own", "values"),
    [
        ("diverged", 0.0, [0.0, 0.1, 0.25]),  # none lies below
        ("quantile", 1.0, [0.9, 0.95, 1.0]),
        ("swing", 9, [1.0, 2.0, 9]),
        ("running", 2, [1, 2, 3]),
        ("near", 0.1, [0.1, 0.25, 0.5]),
    ],
)
def test_the_values_beside_a_studys_own_lie_on_either_side_where_there_are_such(threshold, own, values):
    assert three_values(threshold, own) == values


@given(name=st.sampled_from(sorted(LADDERS)), own=st.floats(0, 1))
def test_there_are_always_three_different_values_and_the_own_is_one(name, own):
    values = three_values(name, own)
    assert len(set(values)) == 3
    assert own in values
    assert values == sorted(values)


def test_a_threshold_changes_the_ranking_where_it_matters_and_only_there():
    near = confirmed("near", *[(0, 0.5, 0.95)] * 4)
    far = confirmed("far", *[(0, 0.4, 0.8)] * 3, (0, 0.4, 0.7))
    table = robustness([near, far], OWN)
    assert table.dtypes.astype(str).to_dict() == ROBUSTNESS
    assert len(table) == 3 * len(fields(Thresholds)) * 2
    at = table[(table["threshold"] == "near")].set_index(["value", "condition"])
    assert at["stable"].to_dict() == {
        (0.5, "near"): 4, (0.5, "far"): 4, (0.75, "near"): 4, (0.75, "far"): 3, (0.9, "near"): 4, (0.9, "far"): 0
    }  # fmt: skip
    assert np.isnan(at.loc[(0.9, "far"), "distance"])
    assert at.loc[(0.5, "near"), "distance"] == pytest.approx(0.05)
    assert at["rank"].tolist() == [1, 2] * 3
    assert (at["members"] == 4).all()
    own = rank(judged([near, far], OWN), seed=0)
    for _, rows in table[table["own"]].groupby("threshold"):
        assert rows["distance"].tolist() == own["distance"].tolist()
        assert rows["condition"].tolist() == own["condition"].tolist()


def test_failures_that_still_improved_are_counted():
    table = robustness([confirmed("slow", np.linspace(0, 0.6, 11), (0, 0.9))], OWN)
    own = table[table["own"] & (table["threshold"] == "rise")].iloc[0]
    assert (own["stable"], own["improving"]) == (1, 1)


def test_nothing_confirmed_has_no_rows_but_its_columns():
    assert robustness([], OWN).dtypes.astype(str).to_dict() == ROBUSTNESS
    assert equal_critic_steps([], OWN, seed=0).dtypes.astype(str).to_dict() == EQUAL_CRITIC_STEPS


# --- equal critic steps


def test_curves_are_cut_where_the_fewest_critic_steps_end():
    # five critic steps a round: 100 of them are 20 generator steps, its second measurement
    one = confirmed("one", (0, 0.5, 0.9), n_critic=1)
    five = confirmed("five", (0, 0.8, 0.85, 0.99), n_critic=5)
    table = equal_critic_steps([one, five], OWN, seed=0).set_index("condition")
    assert table["critic_steps"].to_dict() == {"one": 100, "five": 100}
    assert table["measurements"].to_dict() == {"one": 10, "five": 2}
    assert table.loc["one", "distance"] == pytest.approx(0.1)
    assert table.loc["five", "distance"] == pytest.approx(0.2)  # the median of 1, .2 and .15
    assert rank(judged([one, five], OWN), seed=0)["condition"].tolist() == ["five", "one"]
    assert table["rank"].to_dict() == {"one": 1, "five": 2}


def test_at_the_budgets_own_critic_steps_nothing_is_cut():
    both = [
        confirmed(name, (0, 0.5, height), (0, 0.9), n_critic=n_critic, budget=replace(BUDGET, unit="critic_steps"))
        for name, height, n_critic in [("a", 0.8, 1), ("b", 0.95, 5)]
    ]
    table = equal_critic_steps(both, OWN, seed=0)
    pd.testing.assert_frame_equal(table[list(rank(judged(both, OWN), seed=0))], rank(judged(both, OWN), seed=0))
    assert (table["measurements"] == 10).all()


def test_what_became_nonfinite_after_the_cut_had_not_yet():
    lost = confirmed("lost", (0, 0.9), n_critic=5, nonfinite=25)
    early = confirmed("early", (0, 0.9), n_critic=5, nonfinite=15)
    table = equal_critic_steps([confirmed("one", (0, 0.9)), lost, early], OWN, seed=0).set_index("condition")
    assert table["failure_rate"].to_dict() == {"one": 0, "lost": 0, "early": 1}


def test_a_trial_that_ended_early_since_all_were_lost_does_not_cut_the_others():
    lost = confirmed("lost", (0, 0.9), nonfinite=10)
    short = replace(lost, curves={seed: replace(curve, step=curve.step[:2], distance=curve.distance[:2])
                                  for seed, curve in lost.curves.items()})  # fmt: skip
    table = equal_critic_steps([short, confirmed("one", (0, 0.9))], OWN, seed=0)
    assert (table["critic_steps"] == 100).all()


def test_a_cut_curve_is_judged_as_one_that_was_never_longer():
    course = (0, 0.3, 0.6, 0.9, 0.2)
    whole = confirmed("five", course, n_critic=5)
    cut = whole.cut_at(150).curves[2_000_000]
    assert cut.step.tolist() == [0, 10, 20, 30]
    assert judge(cut, OWN).late_distance == pytest.approx(0.4)


# --- outcomes


def members_of(phase, *trials, condition="wgan"):
    """One word an outcome; a trailing + for one that still improved."""
    rows = [
        {
            "condition": condition,
            "phase": phase,
            "trial": number,
            "outcome": outcome.rstrip("+"),
            "improving": outcome.endswith("+"),
        }
        for number, trial in enumerate(trials)
        for outcome in trial.split(",")
    ]
    return pd.DataFrame(rows)


def test_outcomes_are_counted_and_shared_by_configuration():
    table = outcomes(members_of("explore", "stable,stable", "stable,stalled+", "stalled,diverged"), seed=4)
    table = table.set_index("outcome")
    assert table["members"].to_dict() == {
        "stable": 3, "relapsed": 0, "stalled": 2, "collapsed": 0, "diverged": 1, "nonfinite": 0
    }  # fmt: skip
    assert table.loc["stalled", "improving"] == 1
    assert table.loc["stable", "share"] == 0.5
    bootstrapped = share_interval(np.array([1, 0.5, 0]), seed=4)
    assert (table.loc["stable", "low"], table.loc["stable", "high"]) == bootstrapped
    assert (table.loc["collapsed", "low"], table.loc["collapsed", "high"]) == wilson(0, 3)  # configurations


def test_confirmed_members_have_wilsons_interval_and_adaptive_ones_none():
    table = pd.concat([members_of("exploit", "stable,stable"), members_of("confirm", "stable,stable,nonfinite")])
    table = outcomes(table, seed=0).set_index(["phase", "outcome"])
    assert table.loc["exploit"][["low", "high"]].isna().all(axis=None)
    assert (table.loc[("confirm", "stable"), "low"], table.loc[("confirm", "stable"), "high"]) == wilson(2, 3)


def test_shares_of_a_phase_add_up_and_given_up_members_are_among_them():
    table = outcomes(members_of("explore", "stable,nonfinite", f"{GIVEN_UP},{GIVEN_UP}"), seed=0)
    assert table["share"].sum() == pytest.approx(1)
    assert table["outcome"].tolist() == [*OUTCOMES, GIVEN_UP]
    assert table["members"].iloc[-1] == 2
    assert table.dtypes.astype(str).to_dict() == OUTCOME_SHARES
