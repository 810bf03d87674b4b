"""Methods under search: which conditions are compared, tuning curves with their bands, and tests of pairs."""

import numpy as np
import pytest
from simulated import explore_trials, stratified

from studies.analysis.explore_trials import ExploreTrials
from studies.analysis.search_comparison import (
    FEWEST_DRAWS,
    SEARCH_PAIRS,
    TUNING_CURVES,
    comparable_methods,
    distribution_band,
    ranked_methods,
    search_pairs,
    tuning_curves,
)
from studies.file.distributions import Grid, LogUniform
from studies.statistics.best_of_draws import expected_best, search_test
from studies.statistics.permutation import holm

LR = {"lr": LogUniform(1e-4, 1e-2)}


def drawn(scores: np.ndarray, condition: str = "wgan") -> ExploreTrials:
    rates = np.linspace(1e-4, 1e-2, len(scores))
    return explore_trials(np.zeros(len(scores)), LR, condition=condition, scores=scores, lr=rates)


def test_conditions_without_enough_random_draws_are_not_compared() -> None:
    enough = np.linspace(0, 1, FEWEST_DRAWS)
    grid = explore_trials(np.zeros(20), {"lr": Grid((1e-3, 1e-2))}, condition="grid", lr=np.ones(20))
    fixed = explore_trials(np.zeros(20), condition="fixed")
    few = drawn(enough[1:], "few")
    explored = [grid, fixed, few, drawn(enough, "one"), drawn(enough, "other")]
    assert [trials.condition for trials in comparable_methods(explored)] == ["one", "other"]
    assert set(search_pairs(explored, seed=0)["condition"]) == {"one"}
    assert set(tuning_curves(explored, highest=1.0)["condition"]) == {"one", "other"}


def test_without_methods_the_tables_are_empty_and_have_their_columns() -> None:
    assert list(search_pairs([], seed=0).columns) == list(SEARCH_PAIRS)
    assert list(tuning_curves([], highest=1.0).columns) == list(TUNING_CURVES)


def test_a_tuning_curve_is_the_expected_best_up_to_half_of_the_draws() -> None:
    scores = np.random.default_rng(0).random(33)
    curve = tuning_curves([drawn(scores)], highest=1.1)
    assert curve["n"].tolist() == list(range(1, 17))
    np.testing.assert_allclose(curve["score"], [expected_best(scores, n) for n in range(1, 17)])
    assert curve["score"].iloc[0] == pytest.approx(scores.mean())
    assert (curve["score_low"] < curve["score"]).all()
    assert (curve["score"] < curve["score_high"]).all()
    assert (curve["score_high"] <= 1.1).all()


def test_without_a_largest_score_a_tuning_curve_has_no_band() -> None:
    curve = tuning_curves([drawn(np.random.default_rng(0).random(16))], highest=np.nan)
    assert curve["score"].notna().all()
    assert curve[["score_low", "score_high"]].isna().all(axis=None)


def test_the_band_is_that_of_opda() -> None:
    from opda.nonparametric import EmpiricalDistribution

    scores = np.random.default_rng(1).random(32)
    lower, _, upper = EmpiricalDistribution.confidence_bands(
        scores, 0.95, a=0.0, b=1.1, generator=np.random.default_rng(0), method="ld_equal_tailed", n_jobs=1
    )
    curve = tuning_curves([drawn(scores)], highest=1.1)
    numbers = curve["n"].to_numpy()
    np.testing.assert_allclose(curve["score_low"], upper.average_tuning_curve(numbers), rtol=1e-12)
    np.testing.assert_allclose(curve["score_high"], lower.average_tuning_curve(numbers), rtol=1e-12)


@pytest.mark.parametrize("share_of_blocks", [0.0, 0.5, 1.0])
def test_a_band_holds_for_the_whole_curve_in_95_of_100_searches(share_of_blocks: float) -> None:
    """The best of n uniform draws is expected at n/(n + 1), also if scores follow from draws in blocks of 8.

    share_of_blocks  share of the simulated scores that follow from a hyperparameter drawn in blocks; of the others the
                     score is independent
    """
    generator, truth = np.random.default_rng(0), np.arange(1, 17) / np.arange(2, 18)
    held = []
    for _ in range(400):
        in_blocks = stratified(generator, 32, 1)[:, 0]
        scores = np.where(generator.random(32) < share_of_blocks, in_blocks, generator.random(32))
        curve = tuning_curves([drawn(scores)], highest=1.0)
        held.append(((curve["score_low"] <= truth) & (truth <= curve["score_high"])).all())
    assert np.mean(held) >= 0.95 - 2.6 * np.sqrt(0.05 * 0.95 / 400)
    if share_of_blocks == 1.0:
        assert np.mean(held) > 0.99, "the band is wider than needed"


def test_bands_of_many_draws_are_computed_at_once() -> None:
    lower, upper = distribution_band(5000)
    assert (np.diff(lower) >= 0).all()
    assert ((upper - lower)[1:-1] < 0.05).all()


def test_pairs_are_tested_over_the_draws_that_both_have() -> None:
    generator = np.random.default_rng(0)
    first, second = 0.5 + generator.random(20) / 2, generator.random(19) / 2
    (row,) = search_pairs([drawn(first, "one"), drawn(second, "other")], seed=3).to_dict("records")
    assert (row["configurations"], row["n"]) == (19, 4)
    assert row["score"] == pytest.approx(float(expected_best(first[:19], 4)))
    assert row["difference"] == pytest.approx(row["score"] - float(expected_best(second, 4)))
    assert (row["p_value"], row["exact"]) == search_test(first[:19], second, 4, seed=3)
    assert row["decided"]


def test_p_values_are_adjusted_for_all_pairs() -> None:
    generator = np.random.default_rng(0)
    better = 0.3 + 0.7 * generator.random(24)
    explored = [drawn(better, "a"), drawn(0.6 * better, "b"), drawn(0.59 * better, "c")]
    table = search_pairs(explored, seed=0).set_index(["condition", "other"])
    np.testing.assert_allclose(table["p_adjusted"], holm(table["p_value"].to_numpy()))
    assert (table["p_adjusted"] > table["p_value"]).any()
    assert ranked_methods(table.reset_index()) == ["a", "b", "c"]
