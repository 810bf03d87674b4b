"""Explore trials: which of them count, when a configuration reaches a distance, and where the defaults lie."""

from dataclasses import replace
from math import ceil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated import explore_trials

from gan_core.presets import PRESETS
from studies.analysis.explore_trials import (
    Target,
    near_defaults,
    prefix_lengths,
    preset_defaults,
    seeds_that_must_reach,
    share_below,
)
from studies.analysis.volumes import volumes
from studies.file.condition import condition_from
from studies.file.distributions import Choice, Distribution, IntLogUniform, IntUniform, LogUniform, Uniform, Value, When
from studies.statistics.intervals import wilson

HALF = Target(0.5, 0.75)
LR = LogUniform(1e-5, 1e-2)


@pytest.mark.parametrize("seeds", range(1, 31))
def test_four_fifths_of_the_seeds_must_reach_a_distance(seeds):
    assert seeds_that_must_reach(seeds) == ceil(round(0.8 * seeds, 9))


# --- which trials count


def trials_of(ended, state="finished"):
    """Explore trials that ended, as (condition, index)."""
    rows = [{"condition": name, "phase": "explore", "trial": index, "state": state} for name, index in ended]
    return pd.DataFrame(rows, columns=["condition", "phase", "trial", "state"])


@given(ended=st.sets(st.tuples(st.sampled_from("abc"), st.integers(0, 5))))
def test_the_longest_prefix_in_order_of_issue_counts(ended):
    order = [(name, index) for index in range(6) for name in "abc"]
    length = next((index for index, trial in enumerate(order) if trial not in ended), len(order))
    lengths = {name: sum(condition == name for condition, _ in order[:length]) for name in "abc"}
    assert prefix_lengths(trials_of(ended), "abc", 6) == lengths


@pytest.mark.parametrize("end", ["error", "out_of_memory", "timed_out"])
def test_trials_without_a_result_have_ended_and_running_ones_have_not(end):
    failed = trials_of([("a", 0), ("b", 0)], state=end)
    running = trials_of([("a", 1)], state="running")
    later = trials_of([("b", 1), ("a", 2)])
    assert prefix_lengths(pd.concat([failed, running, later]), "ab", 3) == {"a": 1, "b": 1}


def test_exploit_trials_never_count():
    exploit = trials_of([("a", 0)]).assign(phase="exploit")
    assert prefix_lengths(exploit, "a", 3) == {"a": 0}


# --- half of the ranges, around the defaults


@pytest.mark.parametrize(
    "hyperparameter",
    [
        Uniform(-1, 3),
        LogUniform(1e-3, 10),
        IntUniform(2, 9),
        IntUniform(2, 16, step=2),
        Uniform(0, 3.5, step=0.5),
    ],
)
@pytest.mark.parametrize("u", [0.0625, 0.3125, 0.9375])
def test_the_share_below_is_the_inverse_of_the_quantile(hyperparameter, u):
    assert share_below(hyperparameter, hyperparameter.quantile(u)) == pytest.approx(u)


def test_the_share_below_an_integer_on_a_logarithmic_scale_is_the_middle_of_its_interval():
    for k in range(1, 5):
        ends = [np.log((k + side) / 0.5) / np.log(9) for side in (-0.5, 0.5)]
        assert share_below(IntLogUniform(1, 4), k) == pytest.approx(np.mean(ends))


def test_a_configuration_that_does_not_search_a_hyperparameter_is_not_restricted_by_it():
    conditional = Uniform(0.0, 1.0, when=When(parents=(("n", (5,)),), otherwise=0.5))
    explored = explore_trials([1.0] * 3, {"n": Choice((1, 5)), "x": conditional}, defaults={"x": 0.5}, n=[5, 5, 1])
    configurations: list[dict[str, Value]] = [{"n": 5, "x": 0.5}, {"n": 5, "x": 0.9}, {"n": 1}]
    near = near_defaults(replace(explored, configurations=configurations))
    assert near is not None
    assert near.tolist() == [True, False, True]


def test_the_half_range_is_centred_on_the_default_but_stays_within_the_range():
    u = np.linspace(0.04, 0.94, 10)
    values = [LR.quantile(share) for share in u]
    for default, low, high in [(0.5, 0.25, 0.75), (0.6, 0.35, 0.85), (0.1, 0, 0.5), (1, 0.5, 1)]:
        near = near_defaults(explore_trials(np.zeros(10), {"lr": LR}, lr=values, defaults={"lr": LR.quantile(default)}))
        assert near is not None
        assert near.tolist() == ((low <= u) & (u <= high)).tolist()


def test_only_ranges_with_a_default_are_halved():
    hyperparameters: dict[str, Distribution] = {"lr": LR, "clip": LR, "n": Choice((1, 5))}
    explored = explore_trials(
        [0.1, 0.9, 0.1],
        hyperparameters,
        defaults={"lr": 3e-4, "n": 5},
        lr=[1e-4, 1e-3, 1e-5],
        clip=[1e-5] * 3,
        n=[1, 5, 1],
    )
    row = volumes([explored], [HALF], seed=0).iloc[0]
    assert (row["half_configurations"], row["half_volume"]) == (2, 0.5)
    assert (row["half_low"], row["half_high"]) == wilson(1, 2)
    assert near_defaults(replace(explored, defaults={"n": 5})) is None


def test_defaults_are_the_presets_values_within_the_range_for_the_same_optimizer():
    def defaults(name, clip=(1e-3, 1.0), **training):
        critic = {"kind": "adam", "lr": {"log_uniform": [1e-5, 1e-2]}}
        table = {"name": name, "preset": name, "training": {"critic_optimizer": critic, **training}}
        if name == "wgan":
            table["constraint"] = {"clip_value": {"log_uniform": list(clip)}}
        return preset_defaults(condition_from(table, {}, PRESETS))

    assert defaults("gan") == {"training.critic_optimizer.lr": 2e-4}
    assert defaults("wgan") == {"constraint.clip_value": 0.01}  # the learning rate of its preset is RMSProp's
    assert defaults("wgan", clip=(0.1, 1.0)) == {}
    assert defaults("gan", n_critic={"choice": [1, 5]})["training.n_critic"] == 1
    assert defaults("gan", n_critic={"choice": [2, 5]}).keys() == {"training.critic_optimizer.lr"}


def test_a_condition_without_a_preset_has_no_defaults():
    table = {"name": "mine", "objective": {"kind": "wasserstein"}, "training": {"n_critic": {"choice": [1, 5]}}}
    assert preset_defaults(condition_from(table, {}, PRESETS)) == {}
