"""Tests of pairs of conditions: false positives over all pairs, pairs that cannot be tested, columns."""

from math import inf, sqrt
from time import process_time

import numpy as np
import pytest

from studies.analysis.pairs import PAIRS, pairs


def distances_of(rng, conditions, seeds, failing=0.0, shift=0.0):
    """Distances in steps of .1, so that some tie."""
    drawn = np.round(rng.normal(3, 1, (conditions, seeds)) + shift * np.arange(conditions)[:, None], 1)
    drawn[rng.random(drawn.shape) < failing] = inf
    return {f"c{number}": [row] for number, row in enumerate(drawn)}


@pytest.mark.parametrize("failing", [0.0, 0.4])
def test_if_nothing_differs_at_most_one_study_in_twenty_has_a_decided_pair(failing):
    rng, simulations = np.random.default_rng(0), 200
    false_positives = [pairs(distances_of(rng, 3, 6, failing), seed=0)["decided"].any() for _ in range(simulations)]
    assert np.mean(false_positives) < 0.05 + 3 * sqrt(0.05 * 0.95 / simulations)


def test_five_conditions_of_ten_seeds_take_seconds():
    started = process_time()
    table = pairs(distances_of(np.random.default_rng(0), 5, 10, shift=1.5), seed=0)
    assert process_time() - started < 20
    assert len(table) == 10
    assert table["exact"].all()
    assert table.dtypes.astype(str).to_dict() == PAIRS
    assert table.loc[(table["condition"] == "c0") & (table["other"] == "c4"), "decided"].all()


def test_one_condition_has_no_pairs():
    table = pairs({"a": [np.arange(4.0)]}, seed=0)
    assert table.empty
    assert table.dtypes.astype(str).to_dict() == PAIRS


def test_a_condition_with_one_member_is_not_tested():
    table = pairs({"a": [np.array([1.0])], "b": [np.arange(5.0)], "c": [np.arange(5.0) + 9]}, seed=0)
    assert table["p_value"].isna().tolist() == [True, True, False]
    assert table["p_adjusted"].isna().tolist() == [True, True, False]
    assert table["decided"].tolist() == [False, False, True]
    assert table["p_adjusted"].iloc[2] == table["p_value"].iloc[2]  # the only one that was tested
