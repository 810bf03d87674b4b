"""Curves as one array: what was measured, where, and in which order it becomes a table."""

import numpy as np
import pandas as pd

from studies.ledger.curves import Curves

# "b" is measured at the last step alone; the member of seed 3 was not finite there
CURVES = Curves.from_evaluations([4, 3], [0, 50], [{"c": [1.0, 2.0]}, {"c": [3.0, 4.0], "b": [5.0, np.nan]}])


def test_curves_from_evaluations_are_one_array_over_metric_seed_and_step():
    assert (CURVES.metrics, CURVES.seeds.tolist(), CURVES.steps.tolist()) == (("b", "c"), [4, 3], [0, 50])
    np.testing.assert_array_equal(CURVES.values, [[[np.nan, 5.0], [np.nan, np.nan]], [[1.0, 3.0], [2.0, 4.0]]])
    assert CURVES.measured.tolist() == [[False, True], [True, True]]


def test_values_of_one_metric_have_a_row_for_each_seed():
    np.testing.assert_array_equal(CURVES.of("c"), [[1.0, 3.0], [2.0, 4.0]])
    assert CURVES.of("a") is None


def test_measured_values_are_in_the_order_of_their_positions():
    positions = [[0, 0, 0, 1, 1, 1], [0, 1, 1, 0, 1, 1], [1, 0, 1, 1, 0, 1]]
    assert CURVES.positions().tolist() == positions
    np.testing.assert_array_equal(CURVES.measured_values(), [1.0, 5.0, 3.0, 2.0, np.nan, 4.0])
    everywhere = Curves.from_evaluations([4, 3], [0, 50], [{"b": [1.0, 2.0], "c": [3.0, 4.0]}] * 2)
    assert everywhere.measured_values().tolist() == [1.0, 3.0, 1.0, 3.0, 2.0, 4.0, 2.0, 4.0]


def test_the_table_is_sorted_by_seed_step_and_metric_and_leaves_out_what_was_not_measured():
    expected = pd.DataFrame(
        {
            "seed": [3, 3, 3, 4, 4, 4],
            "step": [0, 50, 50, 0, 50, 50],
            "metric": pd.Categorical(["c", "b", "c"] * 2, ["b", "c"]),
            "value": [2.0, np.nan, 4.0, 1.0, 5.0, 3.0],
        }
    )
    pd.testing.assert_frame_equal(CURVES.frame(), expected, check_exact=True)


def test_curves_without_evaluations_have_no_rows():
    empty = Curves.from_evaluations([4, 3], [], [])
    assert (empty.values.shape, len(empty.frame())) == ((0, 2, 0), 0)
