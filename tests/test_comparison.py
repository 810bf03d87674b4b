"""Intervals and the ranking: closed forms, sourced numbers, coverage on simulated data."""

from math import inf, nan, sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from studies.comparison import RANKING, bootstrap_interval, interquartile_mean, interquartile_means, rank, wilson

# --- Wilson's interval


@pytest.mark.parametrize(
    ("failures", "n", "low", "high"),
    [
        (0, 8, 0.00, 0.32),
        (4, 8, 0.22, 0.78),
        (0, 16, 0.00, 0.19),
        (8, 16, 0.28, 0.72),
        (0, 32, 0.00, 0.11),
        (16, 32, 0.34, 0.66),
        (0, 64, 0.00, 0.06),
        (32, 64, 0.38, 0.62),
        (0, 5, 0.00, 0.43),
        (0, 10, 0.00, 0.28),
        (0, 20, 0.00, 0.16),
    ],
)
def test_wilson_gives_the_ends_that_objectives_7_lists(failures, n, low, high):
    assert wilson(failures, n) == pytest.approx((low, high), abs=0.005001)


def test_wilson_solves_its_own_equation():
    # the ends are where (p - share)^2 = z^2 p (1 - p)/n
    low, high = wilson(3, 11, confidence=0.9)
    assert low < 3 / 11 < high
    for end in (low, high):
        assert abs(end - 3 / 11) == pytest.approx(1.6448536269514722 * sqrt(end * (1 - end) / 11), rel=1e-9)


def test_wilson_keeps_a_width_at_its_extremes_and_mirrors():
    assert wilson(0, 7)[0] == 0
    assert wilson(7, 7)[1] == 1
    assert wilson(7, 7)[0] == pytest.approx(1 - wilson(0, 7)[1], rel=1e-12)
    assert 0.3 < wilson(0, 7)[1] < 0.4


@pytest.mark.parametrize(("failures", "n"), [(0, 0), (-1, 4), (5, 4)])
def test_wilson_refuses_counts_that_cannot_be(failures, n):
    with pytest.raises(ValueError, match="0 <= failures <= n"):
        wilson(failures, n)


@pytest.mark.parametrize("n", [5, 10, 20])
def test_wilson_covers_what_it_says_on_average(n):
    rate = np.linspace(0.0005, 0.9995, 1000)[:, None]
    low, high = np.array([wilson(failures, n) for failures in range(n + 1)]).T
    coverage = (binom.pmf(np.arange(n + 1), n, rate) * ((low <= rate) & (rate <= high))).sum(1)
    assert 0.94 < coverage.mean() < 0.96


# --- the interquartile mean


@pytest.mark.parametrize(
    ("distances", "mean"),
    [
        ([7.0], 7.0),
        ([1.0, 2.0, 6.0], 3.0),  # below four nothing is cut
        ([9.0, 1.0, 2.0, 4.0], 3.0),
        ([1.0, 2.0, 3.0, 7.0, 50.0], 4.0),  # one cut at each end
        ([-90.0, 0.0, 1.0, 2.0, 4.0, 5.0, 60.0, 70.0], 3.0),
        (list(range(10)), 4.5),  # two cut at each end
        ([0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 14.0, 90.0, 90.0], 5.0),  # 11: still two
    ],
)
def test_interquartile_mean_cuts_a_quarter_at_each_end_rounded_down(distances, mean):
    assert interquartile_mean(np.array(distances)) == pytest.approx(mean, rel=1e-14)


@pytest.mark.parametrize(
    ("n", "failures", "mean"),
    [(3, 1, inf), (4, 1, 2.5), (4, 2, inf), (7, 1, 4.0), (7, 2, inf), (8, 2, 4.5), (8, 3, inf)],
)
def test_interquartile_mean_fails_once_a_failure_reaches_the_middle_half(n, failures, mean):
    distances = np.arange(1.0, n + 1)
    distances[n - failures :] = inf
    assert interquartile_mean(distances) == mean


def test_interquartile_means_of_many_are_those_of_each_to_the_last_bit():
    rng = np.random.default_rng(0)
    trials = [rng.exponential(size=rng.integers(1, 30)) for _ in range(200)]
    trials[7][0] = inf
    assert interquartile_means(trials) == [interquartile_mean(distances) for distances in trials]
    assert interquartile_means([]) == []


@pytest.mark.parametrize("distances", [[], [1.0, nan], [1.0, -inf]])
def test_what_ranks_nowhere_is_refused(distances):
    with pytest.raises(ValueError, match="distances: must be one or more numbers"):
        interquartile_mean(np.array(distances))
    with pytest.raises(ValueError, match="distances: must be one or more numbers"):
        bootstrap_interval(np.array(distances), seed=0)


# --- the bootstrap


def test_bootstrap_is_reproducible_and_its_seed_matters():
    distances = np.random.default_rng(1).normal(3, 1, 12)
    assert bootstrap_interval(distances, seed=4) == bootstrap_interval(distances, seed=4)
    assert bootstrap_interval(distances, seed=4) != bootstrap_interval(distances, seed=5)


def test_bootstrap_does_not_depend_on_the_order_of_members():
    distances = np.array([0.3, inf, 0.1, 0.7, 0.2, 0.9])
    assert bootstrap_interval(distances, seed=4) == bootstrap_interval(distances[::-1], seed=4)


def test_bootstrap_of_two_has_the_exact_ends():
    # four equally likely resamples: (1, 1), (1, 5) twice, (5, 5); a quarter lies below .25
    assert bootstrap_interval(np.array([1.0, 5.0]), seed=0) == (1.0, 5.0)
    assert bootstrap_interval(np.array([1.0, 5.0]), seed=0, confidence=0.4) == (3.0, 3.0)


def test_bootstrap_ends_are_values_that_a_resample_took():
    low, high = bootstrap_interval(np.array([0.0, 3.0]), seed=0, resamples=7)
    assert {low, high} <= {0.0, 1.5, 3.0}


@pytest.mark.parametrize(
    ("distances", "ends"),
    [
        ([2.5], (2.5, 2.5)),
        ([inf], (inf, inf)),
        ([inf] * 6, (inf, inf)),
        ([1.25] * 6, (1.25, 1.25)),
        ([1, inf], (1, inf)),
    ],
)
def test_degenerate_members_give_sensible_ends(distances, ends):
    assert bootstrap_interval(np.array(distances, dtype=float), seed=0) == ends


def test_rare_failures_open_the_interval_upwards_only():
    distances = np.array([1.0, 2.0, 3.0, 4.0, inf])
    low, high = bootstrap_interval(distances, seed=0)
    assert 1 < low < interquartile_mean(distances) == 3
    assert high == inf


def test_a_higher_confidence_gives_a_wider_interval():
    distances = np.random.default_rng(2).normal(3, 1, 20)
    narrow = bootstrap_interval(distances, seed=0, confidence=0.8)
    wide = bootstrap_interval(distances, seed=0, confidence=0.99)
    assert wide[0] < narrow[0] < interquartile_mean(distances) < narrow[1] < wide[1]


def covered(truth, draw, simulations=600):
    rng = np.random.default_rng(0)
    ends = [bootstrap_interval(draw(rng), seed=seed, resamples=1000) for seed in range(simulations)]
    return np.mean([low <= truth <= high for low, high in ends])


def test_bootstrap_covers_the_interquartile_mean_of_normal_distances():
    # three Monte-Carlo standard errors are .027
    assert 0.92 < covered(3.0, lambda rng: rng.normal(3, 1, 20)) < 0.98


def test_bootstrap_covers_the_interquartile_mean_when_a_tenth_of_the_members_fail():
    # quantile u of all members is u/.9, so the mean over .25 < u < .75 is .5/.9
    def draw(rng):
        return np.where(rng.random(20) < 0.1, inf, rng.random(20))

    assert 0.91 < covered(0.5 / 0.9, draw) < 0.98


@settings(max_examples=50, deadline=None)
@given(distances=st.lists(st.floats(-1e30, 1e30) | st.just(inf), min_size=1, max_size=12), seed=st.integers(0, 2**32))
def test_bootstrap_ends_are_ordered_and_within_the_members(distances, seed):
    low, high = bootstrap_interval(np.array(distances), seed=seed, resamples=200)
    slack = 1e-12 * max(abs(distance) for distance in distances if distance < inf) if min(distances) < inf else 0
    assert min(distances) - slack <= low <= high <= max(distances) + slack


# --- the ranking


def members_of(condition, distances, *, outcome="stable", phase="confirm", trial=0):
    """Members of one trial; a None among the distances is a diverged member, measured at 99."""
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
def test_every_outcome_but_stable_is_a_failure_whatever_its_distance(outcome):
    row = ranked(members_of("wgan", [0.1, 0.2], outcome=outcome)).iloc[0]
    assert row["failure_rate"] == 1
    assert row[["distance", "distance_low", "distance_high"]].isna().all()


def test_a_nonfinite_member_needs_no_distance_but_a_stable_one_does():
    lost = members_of("wgan", [nan], outcome="nonfinite")
    assert ranked(members_of("wgan", [0.1, 0.2, 0.3, 0.4]), lost).loc[0, "failure_rate"] == 0.2
    with pytest.raises(ValueError, match="distances: must be"):
        ranked(members_of("wgan", [0.1, nan]))


def test_only_confirm_counts():
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
        members_of("a-lost", [None, None, None]),
        members_of("c-half", [0.1, None]),
        members_of("b-half", [0.2, None]),
        members_of("poor", [55.0, 56.0]),
    )
    assert table["condition"].tolist() == ["poor", "b-half", "c-half", "a-lost"]
    assert table["distance"].isna().tolist() == [False, True, True, True]
    assert table["rank"].tolist() == [1, 2, 3, 4]


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
    assert not np.isinf(table.select_dtypes("number").to_numpy()).any()


def test_the_row_of_a_condition_does_not_depend_on_the_others_nor_on_the_order():
    wgan = members_of("wgan", [0.5, 0.7, 0.4, 0.45, 0.52])
    other = members_of("gan", [0.3, 0.1, 0.2])
    alone = ranked(wgan, seed=5).drop(columns="rank")
    beside = rank(pd.concat([wgan, other]).iloc[::-1], seed=5).query("condition == 'wgan'").drop(columns="rank")
    pd.testing.assert_frame_equal(alone, beside.reset_index(drop=True))


@pytest.mark.parametrize("phase", ["explore", "confirm"])
def test_the_columns_and_their_types_are_the_same_with_and_without_confirm(phase):
    table = ranked(members_of("wgan", [0.5, 0.7], phase=phase))
    assert len(table) == (phase == "confirm")
    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == RANKING


def test_a_categorical_table_ranks_as_a_plain_one():
    plain = pd.concat([members_of("wgan", [0.5, 0.7]), members_of("gan", [0.3, None])], ignore_index=True)
    categorical = plain.astype(dict.fromkeys(["condition", "phase", "outcome"], "category"))
    pd.testing.assert_frame_equal(rank(categorical, seed=1), rank(plain, seed=1))


def test_rank_leaves_its_input_as_it_was():
    members = members_of("wgan", [0.5, None])
    before = members.copy()
    rank(members, seed=1)
    pd.testing.assert_frame_equal(members, before)
