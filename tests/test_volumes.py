"""Stable volumes and their differences: estimates, intervals, and conditions without an interval."""

from math import inf

import numpy as np
import pandas as pd
import pytest
from simulated import explore_trials, where

from studies.analysis.explore_trials import Target
from studies.analysis.volumes import VOLUME_DIFFERENCES, VOLUMES, volume_differences, volumes
from studies.file.distributions import Choice, Distribution, Grid, LogUniform
from studies.statistics.intervals import newcombe, share_interval, wilson
from studies.statistics.permutation import holm

HALF = Target(0.5, 0.75)
LR = LogUniform(1e-5, 1e-2)


def row_of(explored, target=HALF):
    return volumes([explored], [target], seed=0).iloc[0]


# --- estimates


def test_a_configuration_reaches_with_four_fifths_of_its_seeds_and_at_the_distance_itself():
    distances = [
        [0.1, 0.2, 0.3, 0.5, 0.9],  # four of five
        [0.1, 0.2, 0.3, 0.51, 0.9],
        [0.1, 0.2, 0.3, inf, inf],  # failed members reach nothing
        [0.4] * 5,
    ]
    row = row_of(explore_trials(distances))
    assert (row["configurations"], row["seeds"], row["reached"], row["volume"]) == (4, 5, 2, 0.5)
    assert (row["volume_low"], row["volume_high"]) == wilson(2, 4)
    assert row["seeds_share"] == pytest.approx((4 + 3 + 3 + 5) / 20)
    assert (row["seeds_share_low"], row["seeds_share_high"]) == share_interval(np.array([0.8, 0.6, 0.6, 1]), seed=0)
    assert row["draws_per_success"] == 2


def test_a_condition_that_failed_everywhere_has_a_volume_of_0_with_a_width():
    row = row_of(explore_trials(np.full((8, 3), inf)))
    assert (row["reached"], row["volume"], row["seeds_share"]) == (0, 0, 0)
    assert (row["volume_low"], row["volume_high"]) == (row["seeds_share_low"], row["seeds_share_high"]) == wilson(0, 8)
    assert np.isnan(row["draws_per_success"])


def test_with_one_seed_that_seed_must_reach():
    row = row_of(explore_trials([0.4, 0.6, 0.5]))
    assert (row["volume"], row["seeds_share"]) == (2 / 3, 2 / 3)


def test_volume_does_not_decrease_with_the_distance():
    explored = explore_trials(np.random.default_rng(0).random((20, 3)))
    table = volumes([explored], [Target(tau, np.nan) for tau in (0.2, 0.5, 0.8)], seed=0)
    assert table["volume"].is_monotonic_increasing
    assert table["seeds_share"].is_monotonic_increasing
    assert table["progress"].isna().all()


def test_volume_and_share_of_seeds_are_unbiased_for_independent_draws():
    # a seed succeeds with chance c of its configuration; c is 1 in a fifth of the range, 1/2 in another fifth, else 0
    rng, estimates = np.random.default_rng(0), []
    for _ in range(2000):
        chance = np.select([(u := rng.random(16)) < 0.2, u < 0.4], [1, 0.5], 0)
        explored = explore_trials(where(rng.random((16, 3)) < chance[:, None]))
        estimates.append((explored.reaching(0.5).mean(), explored.seeds_reaching(0.5).mean()))
    # all three seeds must succeed, since 0.8 of them are more than two
    error = np.std(estimates, axis=0) / np.sqrt(len(estimates))
    assert (np.abs(np.mean(estimates, axis=0) - [0.2 + 0.2 / 8, 0.3]) < 3.5 * error).all()


def test_wilsons_interval_of_the_volume_has_its_nominal_coverage():
    reached = np.random.default_rng(0).binomial(20, 0.3, 3000)
    ends = np.array([wilson(m, 20) for m in range(21)])[reached]
    assert 0.93 < ((ends[:, 0] <= 0.3) & (ends[:, 1] >= 0.3)).mean() < 0.985


# --- grids, empty conditions, columns


def test_a_grid_has_a_share_of_its_points_and_no_interval():
    hyperparameters: dict[str, Distribution] = {"n": Grid((1, 2, 3, 4)), "lr": LR}
    explored = explore_trials(
        [0.1, 0.9, 0.1, 0.2], hyperparameters, n=[1, 2, 3, 4], lr=[1e-3] * 4, defaults={"lr": 1e-3}
    )
    row = row_of(explored)
    assert row["volume"] == row["seeds_share"] == 0.75
    empty = ["volume_low", "volume_high", "seeds_share_low", "seeds_share_high", "half_volume", "half_low", "half_high"]
    assert row[empty].isna().all()
    assert row["half_configurations"] == 0
    assert volume_differences([explored, explored], [HALF], seed=0).empty


def test_a_condition_without_configurations_has_no_row():
    nothing = explore_trials(np.zeros((0, 3)))
    for table, schema in [
        (volumes([nothing], [HALF], seed=0), VOLUMES),
        (volume_differences([nothing, nothing], [HALF], seed=0), VOLUME_DIFFERENCES),
    ]:
        assert table.empty
        assert {name: str(kind) for name, kind in table.dtypes.items()} == schema


def test_the_columns_have_their_documented_types():
    explored = [explore_trials([0.1, 0.9], condition=name) for name in ("a", "b")]
    assert volumes(explored, [HALF], seed=0).dtypes.astype(str).to_dict() == VOLUMES
    assert volume_differences(explored, [HALF], seed=0).dtypes.astype(str).to_dict() == VOLUME_DIFFERENCES


def test_ranges_are_written_as_in_the_study_file():
    hyperparameters: dict[str, Distribution] = {"lr": LR, "n": Choice((1, 5))}
    row = row_of(explore_trials([0.1], hyperparameters, lr=[1e-3], n=[5]))
    assert row["ranges"] == "lr = {log_uniform = [1e-05, 0.01]}, n = {choice = [1, 5]}"


# --- differences


def difference_of(first, second):
    explored = [explore_trials(where(first), condition="a"), explore_trials(where(second), condition="b")]
    return volume_differences(explored, [HALF], seed=0).iloc[0]


def test_a_difference_is_over_the_configurations_that_both_have():
    row = difference_of(np.array([True, True, False, True, True]), np.array([False, True, False, False]))
    assert (row["condition"], row["other"], row["configurations"]) == ("a", "b", 4)
    assert row["difference"] == 0.5


def test_common_draws_do_not_widen_the_interval_of_a_difference():
    u = np.random.default_rng(0).random(60)
    common = difference_of(u < 0.6, u < 0.4)
    independent = difference_of(u < 0.6, u[::-1] < 0.4)
    assert common["difference"] == independent["difference"]
    assert common["high"] - common["low"] < 0.7 * (independent["high"] - independent["low"])
    assert common["low"] > 0
    assert common["decided"]
    assert not independent["decided"]


def test_the_p_value_is_that_of_mcnemars_exact_test():
    """One configuration works for a alone and 8 for b alone: 2 (1 + 9) / 2^9."""
    first = np.array([True] * 1 + [False] * 8 + [True] * 5 + [False] * 6)
    second = np.array([False] * 1 + [True] * 8 + [True] * 5 + [False] * 6)
    assert difference_of(first, second)["p_value"] == pytest.approx(20 / 512)


def test_p_values_are_adjusted_for_all_pairs_and_targets():
    rng = np.random.default_rng(0)
    explored = [
        explore_trials(np.where(rng.random(24) < share, 0.05, np.inf), condition=f"{share}")
        for share in (0.1, 0.5, 0.9)
    ]
    table = volume_differences(explored, [HALF, Target(0.1, 0.9)], seed=0)
    np.testing.assert_allclose(table["p_adjusted"], holm(table["p_value"].to_numpy()))
    assert (table["decided"] == (table["p_adjusted"] < 0.05)).all()
    assert table["decided"].any()


def test_equal_volumes_of_many_conditions_are_rarely_called_different():
    rng, false = np.random.default_rng(0), 0
    for _ in range(150):
        explored = [explore_trials(where(rng.random(16) < 0.4), condition=str(k)) for k in range(8)]
        false += volume_differences(explored, [HALF], seed=0)["decided"].any()
    assert false / 150 <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 150)


def test_without_varying_differences_the_interval_is_newcombes():
    none = np.zeros(8, dtype=bool)
    row = difference_of(none, none)
    assert (row["low"], row["high"]) == newcombe((0, 8), (0, 8))
    assert not row["decided"]
    assert pd.isna(row["needed"])
    row = difference_of(~none, none)
    assert (row["difference"], row["decided"]) == (1, True)
    assert (row["low"], row["high"]) == newcombe((8, 8), (0, 8))


def test_equal_conditions_are_decided_at_most_as_often_as_the_level_states():
    rng = np.random.default_rng(0)
    decided = [difference_of(rng.random(16) < 0.3, rng.random(16) < 0.3)["decided"] for _ in range(200)]
    assert np.mean(decided) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_one_condition_has_no_differences():
    assert volume_differences([explore_trials([0.1])], [HALF], seed=0).empty
