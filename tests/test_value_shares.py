"""The table of shares at listed values: counts, intervals, and values without configurations."""

from math import inf

import numpy as np
from simulated import explore_trials

from studies.analysis.explore_trials import Target
from studies.analysis.value_shares import SHARES, shares
from studies.file.distributions import Choice, Distribution, Grid, LogUniform
from studies.statistics.intervals import wilson

HALF = Target(0.5, 0.75)


def test_listed_values_have_shares():
    hyperparameters: dict[str, Distribution] = {"n": Choice((1, 5, 7)), "kind": Choice(("adam", "sgd"))}
    explored = explore_trials(
        [0.1, 0.2, inf, 0.3], hyperparameters, n=[1, 1, 5, 5], kind=["adam", "sgd", "adam", "adam"]
    )
    table = shares([explored], [HALF]).set_index(["hyperparameter", "value"])
    assert table["reached"].to_dict() == {
        ("n", "1"): 2, ("n", "5"): 1, ("n", "7"): 0, ("kind", "adam"): 2, ("kind", "sgd"): 1
    }  # fmt: skip
    assert table["configurations"].tolist() == [2, 2, 0, 3, 1]
    assert (table.loc[("n", "5"), "low"], table.loc[("n", "5"), "high"]) == wilson(1, 2)
    assert table.loc[("n", "7"), ["share", "low", "high"]].isna().all()


def test_a_share_has_no_interval_if_another_hyperparameter_is_a_grid():
    hyperparameters: dict[str, Distribution] = {"n": Grid((1, 5)), "m": Choice((1, 2))}
    table = shares([explore_trials([0.1, 0.2], hyperparameters, n=[1, 5], m=[1, 1])], [HALF]).set_index(
        ["hyperparameter", "value"]
    )
    assert table.loc["n"]["low"].notna().all()
    assert table.loc[("m", "1"), "share"] == 1
    assert table.loc["m"][["low", "high"]].isna().all(axis=None)


def test_the_columns_have_their_documented_types_with_and_without_rows():
    trials = explore_trials([0.1], {"k": LogUniform(1, 2), "n": Choice((1,))}, k=[1.5], n=[1])
    for explored in (trials, explore_trials(np.zeros((0, 1)))):
        assert shares([explored], [HALF]).dtypes.astype(str).to_dict() == SHARES
