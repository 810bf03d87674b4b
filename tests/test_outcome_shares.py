"""Shares of outcomes: counts, intervals by phase, members of failed trials."""

import numpy as np
import pandas as pd
import pytest

from gan_core.outcomes import OUTCOMES
from studies.analysis.outcome_shares import OUTCOME_SHARES, outcomes
from studies.ledger.unfinished import WITHOUT_RESULT
from studies.statistics.intervals import share_interval, wilson


def members_of(phase, *trials, condition="wgan"):
    """Members of trials, each written as its outcomes; a trailing + marks a member that still improved."""
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


def test_outcomes_are_counted_and_their_intervals_are_over_configurations():
    table = outcomes(members_of("explore", "stable,stable", "stable,stalled+", "stalled,diverged"), seed=4)
    table = table.set_index("outcome")
    assert table["members"].to_dict() == {
        "stable": 3, "relapsed": 0, "stalled": 2, "collapsed": 0, "diverged": 1, "nonfinite": 0
    }  # fmt: skip
    assert table.loc["stalled", "improving"] == 1
    assert table.loc["stable", "share"] == 0.5
    bootstrapped = share_interval(np.array([1, 0.5, 0]), seed=4)
    assert (table.loc["stable", "low"], table.loc["stable", "high"]) == bootstrapped
    assert (table.loc["collapsed", "low"], table.loc["collapsed", "high"]) == wilson(0, 3)  # 3 configurations


def test_confirm_has_wilsons_interval_and_exploit_has_none():
    table = pd.concat([members_of("exploit", "stable,stable"), members_of("confirm", "stable,stable,nonfinite")])
    table = outcomes(table, seed=0).set_index(["phase", "outcome"])
    assert table.loc["exploit"][["low", "high"]].isna().all(axis=None)
    assert (table.loc[("confirm", "stable"), "low"], table.loc[("confirm", "stable"), "high"]) == wilson(2, 3)


def test_shares_of_a_phase_sum_to_1_with_members_of_failed_trials():
    table = outcomes(members_of("explore", "stable,nonfinite", f"{WITHOUT_RESULT[2]},{WITHOUT_RESULT[2]}"), seed=0)
    assert table["share"].sum() == pytest.approx(1)
    assert table["outcome"].tolist() == [*OUTCOMES, WITHOUT_RESULT[2]]
    assert table["members"].iloc[-1] == 2
    assert table.dtypes.astype(str).to_dict() == OUTCOME_SHARES
