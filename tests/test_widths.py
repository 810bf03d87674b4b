"""Tables of stable widths and shares: extreme cases, coverage of intervals, borders, listed values."""

from math import inf, log10

import numpy as np
import pytest
from scipy.stats import binom
from simulated import explore_trials, where

from studies.analysis.explore_trials import Target
from studies.analysis.widths import SHARES, WIDTHS, shares, widths
from studies.file.distributions import Choice, Distribution, Grid, IntUniform, LogUniform, Uniform
from studies.statistics.intervals import wilson

HALF = Target(0.5, 0.75)


def drawn(hyperparameter, n, rng):
    return np.array([hyperparameter.quantile(u) for u in rng.random(n)], dtype=np.float64)


def row_of(hyperparameter, values, reached, seed=0):
    return widths([explore_trials(where(reached), {"k": hyperparameter}, k=values)], [HALF], seed=seed).iloc[0]


# --- extreme cases


@pytest.mark.parametrize(
    ("hyperparameter", "stated"),
    [
        (LogUniform(1e-3, 1.0), 3),
        (LogUniform(2.0, 3.0), log10(1.5)),
        (Uniform(0, 1), 1),
        (Uniform(2, 3), 1),  # less than a decade
        (Uniform(1, 10), 1),
        (IntUniform(1, 5), 5),
        (IntUniform(1, 10), log10(21)),
    ],
)
def test_if_all_draws_succeed_the_width_is_that_of_the_range(hyperparameter, stated):
    values = drawn(hyperparameter, 40, np.random.default_rng(0))
    row = row_of(hyperparameter, values, np.ones(40, dtype=bool))
    assert row["stated"] == pytest.approx(stated)
    assert row["width_low"] < row["width"] <= row["width_high"] == row["stated"]
    assert (row["lowest"], row["highest"]) == (values.min(), values.max())
    assert row["border_low"]
    assert row["border_high"]


@pytest.mark.parametrize("hyperparameter", [LogUniform(1e-3, 1.0), Uniform(0, 1), Uniform(1, 100), IntUniform(1, 10)])
def test_if_no_draw_succeeds_the_width_is_0_with_a_positive_upper_end(hyperparameter):
    row = row_of(hyperparameter, drawn(hyperparameter, 16, np.random.default_rng(0)), np.zeros(16, dtype=bool))
    assert row["width"] == row["width_low"] == 0
    assert 0 < row["width_high"] < row["stated"]
    assert np.isnan([row["lowest"], row["highest"]]).all()
    assert not row["border_low"]
    assert not row["border_high"]


def test_the_width_of_a_log_uniform_hyperparameter_is_the_volume_in_decades():
    reached = np.arange(12) < 5
    row = row_of(LogUniform(1e-3, 1.0), np.logspace(-3, 0, 12), reached)
    assert (row["width"], row["width_low"], row["width_high"]) == pytest.approx(
        (3 * 5 / 12, *(3 * end for end in wilson(5, 12)))
    )


def test_if_no_draw_succeeds_the_upper_end_is_the_widest_region_that_wilson_allows():
    # at most .19 of the draws may succeed, and the lowest .19 of the range covers most decades
    row = row_of(Uniform(1, 100), np.linspace(1, 100, 16), np.zeros(16, dtype=bool))
    assert row["width_high"] == pytest.approx(log10(1 + 99 * wilson(0, 16)[1]))


# --- intervals


def test_intervals_of_log_uniform_widths_have_their_nominal_coverage():
    # a third of the range succeeds: sum over the numbers of successes among 32 draws
    successes = np.arange(33)
    ends = [row_of(LogUniform(1e-3, 1.0), np.logspace(-3, 0, 32), np.arange(32) < m) for m in successes]
    covers = [row["width_low"] <= 1.0 <= row["width_high"] for row in ends]
    assert 0.93 < (binom.pmf(successes, 32, 1 / 3) * covers).sum() < 0.97


def test_intervals_of_widths_with_an_uneven_density_have_their_nominal_coverage():
    hyperparameter, rng, hits = Uniform(1, 20), np.random.default_rng(0), 0
    for seed in range(100):
        values = drawn(hyperparameter, 48, rng)
        row = row_of(hyperparameter, values, (values >= 2) & (values <= 8), seed)
        hits += row["width_low"] <= log10(4) <= row["width_high"]
    assert hits / 100 > 0.89  # three Monte-Carlo standard errors are .065


# --- borders


def test_a_single_success_excludes_no_border():
    reached = np.arange(9) == 4
    row = row_of(LogUniform(1e-3, 1.0), np.logspace(-3, 0, 9), reached)
    assert row["border_low"]
    assert row["border_high"]


# --- listed values


def test_listed_values_have_shares_and_no_width():
    hyperparameters: dict[str, Distribution] = {"n": Choice((1, 5, 7)), "kind": Choice(("adam", "sgd"))}
    explored = explore_trials(
        [0.1, 0.2, inf, 0.3], hyperparameters, n=[1, 1, 5, 5], kind=["adam", "sgd", "adam", "adam"]
    )
    assert widths([explored], [HALF], seed=0).empty
    table = shares([explored], [HALF]).set_index(["hyperparameter", "value"])
    assert table["reached"].to_dict() == {
        ("n", "1"): 2, ("n", "5"): 1, ("n", "7"): 0, ("kind", "adam"): 2, ("kind", "sgd"): 1
    }  # fmt: skip
    assert table["configurations"].tolist() == [2, 2, 0, 3, 1]
    assert (table.loc[("n", "5"), "low"], table.loc[("n", "5"), "high"]) == wilson(1, 2)
    assert table.loc[("n", "7"), ["share", "low", "high"]].isna().all()


def test_a_share_has_no_interval_if_another_hyperparameter_is_a_grid():
    hyperparameters: dict[str, Distribution] = {"n": Grid((1, 5)), "m": Choice((1, 2))}
    table = shares([explore_trials([0.1, 0.2], hyperparameters, n=[1, 5], m=[1, 1])], [HALF]).set_index(
        ["hyperparameter", "value"]
    )
    assert table.loc["n"]["low"].notna().all()
    assert table.loc[("m", "1"), "share"] == 1
    assert table.loc["m"][["low", "high"]].isna().all(axis=None)


def test_the_columns_have_their_documented_types_with_and_without_rows():
    trials = explore_trials([0.1], {"k": LogUniform(1, 2), "n": Choice((1,))}, k=[1.5], n=[1])
    for explored in (trials, explore_trials(np.zeros((0, 1)))):
        assert widths([explored], [HALF], seed=0).dtypes.astype(str).to_dict() == WIDTHS
        assert shares([explored], [HALF]).dtypes.astype(str).to_dict() == SHARES
