"""The chance of success against the number of draws: every subset, no bias, its band."""

from itertools import combinations
from math import inf

import numpy as np
import pytest
from simulated import explored_of

from studies.comparison.budget import CHANCES, chance_of_success, chances
from studies.comparison.explored import Target
from studies.comparison.intervals import wilson
from studies.space import Grid

HALF = Target(0.5, 0.75)


@pytest.mark.parametrize(("configurations", "reached"), [(c, m) for c in (1, 2, 5, 8) for m in range(c + 1)])
def test_the_curve_is_the_share_of_all_subsets_that_hold_a_success(configurations, reached):
    found = [
        np.mean([min(subset) < reached for subset in combinations(range(configurations), n)])
        for n in range(1, configurations // 2 + 1)
    ]
    np.testing.assert_allclose(chance_of_success(reached, configurations), found, rtol=1e-12, atol=1e-15)


def test_the_curve_is_unbiased_for_independent_draws():
    reached = np.random.default_rng(0).binomial(12, 0.2, 20_000)
    curves = np.array([chance_of_success(m, 12) for m in range(13)])[reached]
    expected = 1 - 0.8 ** np.arange(1, 7)
    error = curves.std(axis=0) / np.sqrt(len(curves))
    assert (np.abs(curves.mean(axis=0) - expected) < 4 * error).all()


def test_the_first_chance_is_the_volume_and_the_band_is_wilsons():
    table = chances([explored_of([0.1, 0.9, inf, 0.2, 0.6, 0.7, 0.8])], [HALF])
    low, high = wilson(2, 7)
    assert table["n"].tolist() == [1, 2, 3]
    assert table.loc[0, "chance"] == pytest.approx(2 / 7)
    np.testing.assert_allclose(table["chance_low"], [1 - (1 - low) ** n for n in (1, 2, 3)])
    np.testing.assert_allclose(table["chance_high"], [1 - (1 - high) ** n for n in (1, 2, 3)])


def test_a_large_study_has_a_curve_without_overflow():
    curve = chance_of_success(3, 2000)
    assert len(curve) == 1000
    assert np.isfinite(curve).all()
    assert curve[-1] == pytest.approx(1 - (1000 * 999 * 998) / (2000 * 1999 * 1998))


def test_a_grid_and_a_single_configuration_have_no_curve():
    grid = explored_of([0.1, 0.2], {"n": Grid((1, 2))}, n=[1, 2])
    table = chances([grid, explored_of([0.1]), explored_of(np.zeros((0, 2)))], [HALF])
    assert table.empty
    assert table.dtypes.astype(str).to_dict() == CHANCES
