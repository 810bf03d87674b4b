"""The estimated chance of success: the share of all subsets, without bias."""

from itertools import combinations

import numpy as np
import pytest

from studies.statistics.success_chance import chance_of_success


@pytest.mark.parametrize(("draws", "successes"), [(c, m) for c in (1, 2, 5, 8) for m in range(c + 1)])
def test_the_chance_is_the_share_of_all_subsets_that_hold_a_success(draws, successes):
    shares = [
        np.mean([min(subset) < successes for subset in combinations(range(draws), n)]) for n in range(1, draws // 2 + 1)
    ]
    np.testing.assert_allclose(chance_of_success(successes, draws), shares, rtol=1e-12, atol=1e-15)


def test_the_chance_is_unbiased_for_independent_draws():
    successes = np.random.default_rng(0).binomial(12, 0.2, 20_000)
    curves = np.array([chance_of_success(m, 12) for m in range(13)])[successes]
    expected = 1 - 0.8 ** np.arange(1, 7)
    error = curves.std(axis=0) / np.sqrt(len(curves))
    assert (np.abs(curves.mean(axis=0) - expected) < 4 * error).all()


def test_many_draws_do_not_overflow():
    curve = chance_of_success(3, 2000)
    assert len(curve) == 1000
    assert np.isfinite(curve).all()
    assert curve[-1] == pytest.approx(1 - (1000 * 999 * 998) / (2000 * 1999 * 1998))
