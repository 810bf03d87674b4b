"""Stable volumes: what counts, what it estimates, and where there is no interval."""

from dataclasses import replace
from math import ceil, inf

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated import explored_of, where

from gan_core.presets import PRESETS
from studies.comparison.explored import Target, defaults_of, near_defaults, prefix, seeds_that_must_reach, share_below
from studies.comparison.intervals import newcombe, share_interval, wilson
from studies.comparison.volume import VOLUME_DIFFERENCES, VOLUMES, volume_differences, volumes
from studies.condition import condition_from
from studies.space import Choice, Grid, IntUniform, LogUniform, Uniform

HALF = Target(0.5, 0.75)
LR = LogUniform(1e-5, 1e-2)


def row_of(explored, target=HALF):
    return volumes([explored], [target], seed=0).iloc[0]


# --- what reaches


@pytest.mark.parametrize("seeds", range(1, 31))
def test_four_fifths_of_the_seeds_must_reach(seeds):
    assert seeds_that_must_reach(seeds) == ceil(round(0.8 * seeds, 9))


def test_a_configuration_reaches_with_four_fifths_of_its_seeds_and_at_the_distance_itself():
    distances = [
        [0.1, 0.2, 0.3, 0.5, 0.9],  # four of five
        [0.1, 0.2, 0.3, 0.51, 0.9],
        [0.1, 0.2, 0.3, inf, inf],  # failed members reach nothing
        [0.4] * 5,
    ]
    row = row_of(explored_of(distances))
    assert (row["configurations"], row["seeds"], row["reached"], row["volume"]) == (4, 5, 2, 0.5)
    assert (row["volume_low"], row["volume_high"]) == wilson(2, 4)
    assert row["seeds_share"] == pytest.approx((4 + 3 + 3 + 5) / 20)
    assert (row["seeds_share_low"], row["seeds_share_high"]) == share_interval(np.array([0.8, 0.6, 0.6, 1]), seed=0)
    assert row["draws_per_success"] == 2


def test_a_condition_that_failed_everywhere_has_a_volume_of_0_with_a_width():
    row = row_of(explored_of(np.full((8, 3), inf)))
    assert (row["reached"], row["volume"], row["seeds_share"]) == (0, 0, 0)
    assert (row["volume_low"], row["volume_high"]) == (row["seeds_share_low"], row["seeds_share_high"]) == wilson(0, 8)
    assert np.isnan(row["draws_per_success"])


def test_one_seed_must_reach_alone():
    row = row_of(explored_of([0.4, 0.6, 0.5]))
    assert (row["volume"], row["seeds_share"]) == (2 / 3, 2 / 3)


def test_a_farther_distance_is_reached_by_no_fewer():
    explored = explored_of(np.random.default_rng(0).random((20, 3)))
    table = volumes([explored], [Target(tau, np.nan) for tau in (0.2, 0.5, 0.8)], seed=0)
    assert table["volume"].is_monotonic_increasing
    assert table["seeds_share"].is_monotonic_increasing
    assert table["progress"].isna().all()


def test_volume_and_share_of_seeds_are_unbiased_for_independent_draws():
    # a seed reaches with chance c of its configuration, c is 1 in a fifth of the range and 1/2 in another
    rng, found = np.random.default_rng(0), []
    for _ in range(2000):
        chance = np.select([(u := rng.random(16)) < 0.2, u < 0.4], [1, 0.5], 0)
        explored = explored_of(where(rng.random((16, 3)) < chance[:, None]))
        found.append((explored.reaching(0.5).mean(), explored.seeds_reaching(0.5).mean()))
    # all three seeds must reach, since 0.8 of them are more than two
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert (np.abs(np.mean(found, axis=0) - [0.2 + 0.2 / 8, 0.3]) < 3.5 * error).all()


def test_wilson_covers_the_volume_as_often_as_said():
    reached = np.random.default_rng(0).binomial(20, 0.3, 3000)
    ends = np.array([wilson(m, 20) for m in range(21)])[reached]
    assert 0.93 < ((ends[:, 0] <= 0.3) & (ends[:, 1] >= 0.3)).mean() < 0.985


# --- what is no draw


def test_a_grid_has_a_share_of_its_points_and_no_interval():
    knobs = {"n": Grid((1, 2, 3, 4)), "lr": LR}
    explored = explored_of([0.1, 0.9, 0.1, 0.2], knobs, n=[1, 2, 3, 4], lr=[1e-3] * 4, defaults={"lr": 1e-3})
    row = row_of(explored)
    assert row["volume"] == row["seeds_share"] == 0.75
    empty = ["volume_low", "volume_high", "seeds_share_low", "seeds_share_high", "half_volume", "half_low", "half_high"]
    assert row[empty].isna().all()
    assert row["half_configurations"] == 0
    assert volume_differences([explored, explored], [HALF], seed=0).empty


def test_a_condition_without_configurations_has_no_row():
    nothing = explored_of(np.zeros((0, 3)))
    for table, schema in [
        (volumes([nothing], [HALF], seed=0), VOLUMES),
        (volume_differences([nothing, nothing], [HALF], seed=0), VOLUME_DIFFERENCES),
    ]:
        assert table.empty
        assert {name: str(kind) for name, kind in table.dtypes.items()} == schema


def test_the_columns_have_their_documented_types():
    explored = [explored_of([0.1, 0.9], condition=name) for name in ("a", "b")]
    assert volumes(explored, [HALF], seed=0).dtypes.astype(str).to_dict() == VOLUMES
    assert volume_differences(explored, [HALF], seed=0).dtypes.astype(str).to_dict() == VOLUME_DIFFERENCES


def test_the_ranges_stand_beside_the_volume():
    knobs = {"lr": LR, "n": Choice((1, 5))}
    row = row_of(explored_of([0.1], knobs, lr=[1e-3], n=[5]))
    assert row["ranges"] == "lr = {log_uniform = [1e-05, 0.01]}, n = {choice = [1, 5]}"


# --- which trials count


def trials_of(ended, state="finished"):
    """Explore trials that ended, as (condition, index)."""
    rows = [{"condition": name, "phase": "explore", "trial": index, "state": state} for name, index in ended]
    return pd.DataFrame(rows, columns=["condition", "phase", "trial", "state"])


@given(ended=st.sets(st.tuples(st.sampled_from("abc"), st.integers(0, 5))))
def test_the_longest_prefix_of_the_issue_order_counts(ended):
    order = [(name, index) for index in range(6) for name in "abc"]
    length = next((place for place, trial in enumerate(order) if trial not in ended), len(order))
    counted = {name: sum(one == name for one, _ in order[:length]) for name in "abc"}
    assert prefix(trials_of(ended), "abc", 6) == counted


def test_trials_that_were_given_up_end_and_running_ones_do_not():
    given_up = trials_of([("a", 0), ("b", 0)], state="failed")
    running = trials_of([("a", 1)], state="running")
    later = trials_of([("b", 1), ("a", 2)])
    assert prefix(pd.concat([given_up, running, later]), "ab", 3) == {"a": 1, "b": 1}


def test_exploit_never_counts():
    exploit = trials_of([("a", 0)]).assign(phase="exploit")
    assert prefix(exploit, "a", 3) == {"a": 0}


# --- half of the ranges, around the defaults


@pytest.mark.parametrize("knob", [Uniform(-1, 3), LogUniform(1e-3, 10), IntUniform(2, 9)])
@pytest.mark.parametrize("u", [0.0625, 0.3125, 0.9375])
def test_the_share_below_is_the_inverse_of_the_quantile(knob, u):
    assert share_below(knob, knob.quantile(u)) == pytest.approx(u)


def test_the_half_range_lies_around_the_default_or_at_the_border():
    u = np.linspace(0.04, 0.94, 10)
    values = [LR.quantile(share) for share in u]
    for default, low, high in [(0.5, 0.25, 0.75), (0.6, 0.35, 0.85), (0.1, 0, 0.5), (1, 0.5, 1)]:
        near = near_defaults(explored_of(np.zeros(10), {"lr": LR}, lr=values, defaults={"lr": LR.quantile(default)}))
        assert near.tolist() == ((low <= u) & (u <= high)).tolist()


def test_only_knobs_with_a_default_are_halved_and_choices_never():
    knobs = {"lr": LR, "clip": LR, "n": Choice((1, 5))}
    values = {"lr": [1e-4, 1e-3, 1e-5], "clip": [1e-5] * 3, "n": [1, 5, 1]}
    explored = explored_of([0.1, 0.9, 0.1], knobs, defaults={"lr": 3e-4, "n": 5}, **values)
    row = row_of(explored)
    assert (row["half_configurations"], row["half_volume"]) == (2, 0.5)
    assert (row["half_low"], row["half_high"]) == wilson(1, 2)
    assert near_defaults(replace(explored, defaults={"n": 5})) is None


def test_defaults_are_the_presets_where_their_optimizer_is_the_same_and_their_range_holds_them():
    def defaults(name, clip=(1e-3, 1.0), **own):
        critic = {"kind": "adam", "lr": {"log_uniform": [1e-5, 1e-2]}}
        table = {"name": name, "preset": name, "training": {"critic_optimizer": critic, **own}}
        if name == "wgan":
            table["constraint"] = {"clip_value": {"log_uniform": list(clip)}}
        return defaults_of(condition_from(table, {}, PRESETS))

    assert defaults("gan") == {"training.critic_optimizer.lr": 2e-4}
    assert defaults("wgan") == {"constraint.clip_value": 0.01}  # its own rate is RMSProp's
    assert defaults("wgan", clip=(0.1, 1.0)) == {}
    assert defaults("gan", n_critic={"choice": [1, 5]})["training.n_critic"] == 1
    assert defaults("gan", n_critic={"choice": [2, 5]}).keys() == {"training.critic_optimizer.lr"}


def test_a_condition_without_a_preset_has_no_defaults():
    own = {"name": "mine", "objective": {"kind": "wasserstein"}, "training": {"n_critic": {"choice": [1, 5]}}}
    assert defaults_of(condition_from(own, {}, PRESETS)) == {}


# --- differences


def difference_of(first, second):
    explored = [explored_of(where(first), condition="a"), explored_of(where(second), condition="b")]
    return volume_differences(explored, [HALF], seed=0).iloc[0]


def test_a_difference_is_over_the_configurations_that_both_have():
    row = difference_of(np.array([True, True, False, True, True]), np.array([False, True, False, False]))
    assert (row["condition"], row["other"], row["configurations"]) == ("a", "b", 4)
    assert row["difference"] == 0.5


def test_what_conditions_have_in_common_does_not_widen_their_difference():
    u = np.random.default_rng(0).random(60)
    together = difference_of(u < 0.6, u < 0.4)
    apart = difference_of(u < 0.6, u[::-1] < 0.4)
    assert together["difference"] == apart["difference"]
    assert together["high"] - together["low"] < 0.7 * (apart["high"] - apart["low"])
    assert together["low"] > 0
    assert together["decided"]


def test_where_no_configuration_tells_conditions_apart_the_interval_is_newcombes():
    lost = np.zeros(8, dtype=bool)
    row = difference_of(lost, lost)
    assert (row["low"], row["high"]) == newcombe((0, 8), (0, 8))
    assert not row["decided"]
    assert pd.isna(row["needed"])
    row = difference_of(~lost, lost)
    assert (row["difference"], row["decided"]) == (1, True)
    assert (row["low"], row["high"]) == newcombe((8, 8), (0, 8))


def test_equal_conditions_are_rarely_told_apart():
    rng = np.random.default_rng(0)
    decided = [difference_of(rng.random(16) < 0.3, rng.random(16) < 0.3)["decided"] for _ in range(200)]
    assert np.mean(decided) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_one_condition_differs_from_none():
    assert volume_differences([explored_of([0.1])], [HALF], seed=0).empty
