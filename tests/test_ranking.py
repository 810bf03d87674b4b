"""The ranking of confirmed conditions."""

from math import inf, nan

import numpy as np
import pandas as pd
import pytest

from studies.statistics.intervals import bootstrap_interval, interquartile_mean, wilson
from studies.tables.ranking import RANKING, rank


def members_of(condition, distances, *, outcome="stable", phase="confirm", trial=0):
    """Members of one trial; None stands for a diverged member at distance 99."""
    return pd.DataFrame(
        {
            "condition": condition,
            "phase": phase,
            "trial": trial,
            "seed": range(2_000_000, 2_000_000 + len(distances)),
            "outcome": ["diverged" if distance is None else outcome for distance in distances],
            "late_distance": [99.0 if distance is None else distance for distance in distances],
            "roughness": 0.01,
        }
    )


def ranked(*parts, seed=0):
    return rank(pd.concat(parts, ignore_index=True), seed=seed)


def test_conditions_are_ranked_by_their_interquartile_mean():
    table = ranked(
        members_of("gan", [0.5, 0.6, 0.4, 0.9]),
        members_of("wgan", [0.1, 0.3, 0.2, 7.0]),
        members_of("began", [0.4] * 3),
    )
    assert table["condition"].tolist() == ["wgan", "began", "gan"]
    assert table["rank"].tolist() == [1, 2, 3]
    assert table["members"].tolist() == [4, 3, 4]
    np.testing.assert_allclose(table["distance"], [0.25, 0.4, 0.55], rtol=1e-12)


def test_a_row_holds_the_intervals_of_its_members():
    distances = [0.11, 0.15, 0.12, 0.31, 0.19, None]
    row = ranked(members_of("wgan", distances), seed=8).iloc[0]
    as_ranked = np.array([*distances[:-1], inf])
    low, high = bootstrap_interval(as_ranked, seed=8)
    assert (row["trial"], row["distance"]) == (0, interquartile_mean(as_ranked))
    assert row["distance_low"] == low
    assert np.isnan(row["distance_high"])
    assert high == inf
    assert (row["failure_rate"], row["failure_low"], row["failure_high"]) == (1 / 6, *wilson(1, 6))


@pytest.mark.parametrize("outcome", ["relapsed", "stalled", "collapsed", "diverged", "nonfinite", None])
def test_every_outcome_but_stable_is_a_failure_at_any_distance(outcome):
    row = ranked(members_of("wgan", [0.1, 0.2], outcome=outcome)).iloc[0]
    assert row["failure_rate"] == 1
    assert row[["distance", "distance_low", "distance_high"]].isna().all()


def test_a_nonfinite_member_needs_no_distance_but_a_stable_one_does():
    nonfinite = members_of("wgan", [nan], outcome="nonfinite")
    assert ranked(members_of("wgan", [0.1, 0.2, 0.3, 0.4]), nonfinite).loc[0, "failure_rate"] == 0.2
    with pytest.raises(ValueError, match="values: must be"):
        ranked(members_of("wgan", [0.1, nan]))


def test_only_confirm_trials_count():
    table = ranked(
        members_of("wgan", [0.5, 0.7]),
        members_of("wgan", [0.0, 0.1], phase="explore"),
        members_of("gan", [0.0], phase="exploit"),
    )
    assert table["condition"].tolist() == ["wgan"]
    assert table.loc[0, "distance"] == pytest.approx(0.6)


def test_only_the_configuration_ranked_first_before_confirm_counts():
    table = ranked(
        members_of("wgan", [0.1, 0.1], trial=1),
        members_of("wgan", [0.5, 0.7, 0.9]),
        members_of("gan", [0.3, 0.3, 0.3], trial=1),
    )
    assert table["condition"].tolist() == ["wgan"]  # the first of gan has not ended, so gan is not confirmed
    assert table["trial"].tolist() == [0]
    assert table["members"].tolist() == [3]


def test_failed_conditions_come_last_by_failure_rate_and_then_by_name():
    table = ranked(
        members_of("a-none", [None, None, None]),
        members_of("c-half", [0.1, None]),
        members_of("b-half", [0.2, None]),
        members_of("poor", [55.0, 56.0]),
    )
    assert table["condition"].tolist() == ["poor", "b-half", "c-half", "a-none"]
    assert table["distance"].isna().tolist() == [False, True, True, True]
    assert table["rank"].tolist() == [1, pd.NA, pd.NA, pd.NA]  # no working setting, no rank


def test_equal_distances_are_ranked_by_failure_rate_and_then_by_name():
    table = ranked(members_of("a", [0.2, 0.2, 0.2, None]), members_of("c", [0.2] * 4), members_of("b", [0.2] * 4))
    assert table["condition"].tolist() == ["b", "c", "a"]


def test_a_failed_condition_keeps_the_finite_end_of_its_interval():
    row = ranked(members_of("wgan", [0.1, 0.2, 0.3, None, None])).iloc[0]
    assert np.isnan(row["distance"])
    assert np.isnan(row["distance_high"])
    assert 0.1 <= row["distance_low"] <= 0.3


def test_no_number_of_the_ranking_is_infinite():
    table = ranked(members_of("a", [0.2, None]), members_of("b", [None]), members_of("c", [0.1]))
    assert not np.isinf(table.select_dtypes("number").to_numpy(np.float64)).any()


def test_the_row_of_a_condition_does_not_depend_on_the_others_nor_on_the_order():
    wgan = members_of("wgan", [0.5, 0.7, 0.4, 0.45, 0.52])
    other = members_of("gan", [0.3, 0.1, 0.2])
    alone = ranked(wgan, seed=5).drop(columns="rank")
    among_others = rank(pd.concat([wgan, other]).iloc[::-1], seed=5).query("condition == 'wgan'").drop(columns="rank")
    pd.testing.assert_frame_equal(alone, among_others.reset_index(drop=True))


@pytest.mark.parametrize("phase", ["explore", "confirm"])
def test_the_columns_and_their_types_are_the_same_with_and_without_confirm(phase):
    table = ranked(members_of("wgan", [0.5, 0.7], phase=phase))
    assert len(table) == (phase == "confirm")
    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == RANKING


def test_categorical_columns_give_the_same_ranking():
    plain = pd.concat([members_of("wgan", [0.5, 0.7]), members_of("gan", [0.3, None])], ignore_index=True)
    categorical = plain.astype(dict.fromkeys(["condition", "phase", "outcome"], "category"))
    pd.testing.assert_frame_equal(rank(categorical, seed=1), rank(plain, seed=1))


def test_rank_does_not_change_its_input():
    members = members_of("wgan", [0.5, None])
    before = members.copy()
    rank(members, seed=1)
    pd.testing.assert_frame_equal(members, before)
