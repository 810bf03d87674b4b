"""The table of chances of success: its first value, its interval, and conditions without rows."""

from math import inf

import numpy as np
import pytest
from simulated import explore_trials

from studies.analysis.chances import CHANCES, chances
from studies.analysis.explore_trials import Target
from studies.file.distributions import Grid
from studies.statistics.intervals import wilson

HALF = Target(0.5, 0.75)


def test_the_chance_of_one_draw_is_the_volume_and_the_interval_follows_from_wilsons():
    table = chances([explore_trials([0.1, 0.9, inf, 0.2, 0.6, 0.7, 0.8])], [HALF])
    low, high = wilson(2, 7)
    assert table["n"].tolist() == [1, 2, 3]
    assert table.loc[0, "chance"] == pytest.approx(2 / 7)
    np.testing.assert_allclose(table["chance_low"], [1 - (1 - low) ** n for n in (1, 2, 3)])
    np.testing.assert_allclose(table["chance_high"], [1 - (1 - high) ** n for n in (1, 2, 3)])


def test_a_grid_and_a_single_configuration_have_no_rows():
    grid = explore_trials([0.1, 0.2], {"n": Grid((1, 2))}, n=[1, 2])
    table = chances([grid, explore_trials([0.1]), explore_trials(np.zeros((0, 2)))], [HALF])
    assert table.empty
    assert table.dtypes.astype(str).to_dict() == CHANCES
