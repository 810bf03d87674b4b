"""Stable widths: the same whatever range is stated, flagged at its border, covered by their intervals."""

from math import comb, inf, log10

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from simulated import explored_of, where

from studies.comparison.explored import Target
from studies.comparison.intervals import wilson
from studies.comparison.width import SHARES, WIDTHS, in_decades, shares, touches_border, width, widths
from studies.space import Choice, Grid, IntUniform, LogUniform, Uniform

HALF = Target(0.5, 0.75)


def drawn(knob, n, rng):
    return np.array([knob.quantile(u) for u in rng.random(n)], dtype=np.float64)


def row_of(knob, values, reached, seed=0):
    return widths([explored_of(where(reached), {"k": knob}, k=values)], [HALF], seed=seed).iloc[0]


# --- what is estimated


@pytest.mark.parametrize(
    ("knob", "low", "high", "unit", "truth"),
    [
        (LogUniform(1e-5, 1e-2), 1e-4, 1e-3, "decades", 1.0),
        (LogUniform(1e-7, 1.0), 1e-4, 1e-3, "decades", 1.0),  # a wider range
        (Uniform(0, 1), 0.25, 0.75, "units", 0.5),
        (Uniform(-3, 5), 0.25, 0.75, "units", 0.5),
        (Uniform(1, 20), 2, 8, "decades", log10(4)),
        (Uniform(0.5, 100), 2, 8, "decades", log10(4)),
        (IntUniform(1, 5), 2, 4, "units", 3),
        (IntUniform(0, 9), 2, 4, "units", 3),
        (IntUniform(1, 20), 2, 4, "decades", log10(4.5 / 1.5)),
        (IntUniform(1, 64), 2, 4, "decades", log10(4.5 / 1.5)),
    ],
)
def test_the_width_is_that_of_the_values_that_reach_whatever_range_is_stated(knob, low, high, unit, truth):
    rng, found = np.random.default_rng(0), []
    for _ in range(400):
        values = drawn(knob, 64, rng)
        found.append(width(knob, values, (low <= values) & (values <= high)))
    assert np.mean(found) == pytest.approx(truth, abs=4 * np.std(found) / np.sqrt(len(found)))
    assert ("decades" if in_decades(knob) else "units") == unit


def test_values_that_reach_half_of_the_time_count_half():
    knob, rng = LogUniform(1e-4, 1.0), np.random.default_rng(0)
    values = drawn(knob, 4000, rng)
    reached = (values >= 1e-3) & (values <= 1e-1) & (rng.random(4000) < 0.5)
    assert width(knob, values, reached) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("knob", "stated"),
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
def test_what_reaches_everywhere_is_as_wide_as_the_range(knob, stated):
    values = drawn(knob, 40, np.random.default_rng(0))
    row = row_of(knob, values, np.ones(40, dtype=bool))
    assert row["stated"] == pytest.approx(stated)
    assert row["width_low"] < row["width"] <= row["width_high"] == row["stated"]
    assert (row["lowest"], row["highest"]) == (values.min(), values.max())
    assert row["border_low"]
    assert row["border_high"]


@pytest.mark.parametrize("knob", [LogUniform(1e-3, 1.0), Uniform(0, 1), Uniform(1, 100), IntUniform(1, 10)])
def test_what_reaches_nowhere_has_no_width_but_an_upper_end(knob):
    row = row_of(knob, drawn(knob, 16, np.random.default_rng(0)), np.zeros(16, dtype=bool))
    assert row["width"] == row["width_low"] == 0
    assert 0 < row["width_high"] < row["stated"]
    assert np.isnan([row["lowest"], row["highest"]]).all()
    assert not row["border_low"]
    assert not row["border_high"]


def test_the_width_of_a_log_uniform_knob_is_the_volume_in_decades():
    reached = np.arange(12) < 5
    row = row_of(LogUniform(1e-3, 1.0), np.logspace(-3, 0, 12), reached)
    assert (row["width"], row["width_low"], row["width_high"]) == pytest.approx(
        (3 * 5 / 12, *(3 * end for end in wilson(5, 12)))
    )


def test_where_nothing_reaches_the_upper_end_is_the_widest_that_the_missed_draws_allow():
    # .19 of the draws at most, and the lowest .19 of them cover most decades
    row = row_of(Uniform(1, 100), np.linspace(1, 100, 16), np.zeros(16, dtype=bool))
    assert row["width_high"] == pytest.approx(log10(1 + 99 * wilson(0, 16)[1]))


# --- intervals


def test_intervals_of_log_uniform_widths_cover_as_often_as_said():
    # a third of the range reaches: sum over the successes that 32 draws may have
    successes = np.arange(33)
    ends = [row_of(LogUniform(1e-3, 1.0), np.logspace(-3, 0, 32), np.arange(32) < m) for m in successes]
    covers = [row["width_low"] <= 1.0 <= row["width_high"] for row in ends]
    assert 0.93 < (binom.pmf(successes, 32, 1 / 3) * covers).sum() < 0.97


def test_intervals_of_widths_with_an_uneven_density_cover_as_often_as_said():
    knob, rng, hits = Uniform(1, 20), np.random.default_rng(0), 0
    for seed in range(100):
        values = drawn(knob, 48, rng)
        row = row_of(knob, values, (values >= 2) & (values <= 8), seed)
        hits += row["width_low"] <= log10(4) <= row["width_high"]
    assert hits / 100 > 0.89  # three Monte-Carlo standard errors are .065


# --- borders


def flags(knob, low, high, chance=1.0, simulations=400, n=32):
    rng, found = np.random.default_rng(0), []
    for _ in range(simulations):
        values = drawn(knob, n, rng)
        reached = (low <= values) & (values <= high) & (rng.random(n) < chance)
        found.append((touches_border(values, reached), touches_border(-values, reached)))
    return np.mean(found, axis=0)


def test_a_range_well_within_is_not_flagged():
    assert (flags(LogUniform(1e-4, 1.0), 1e-3, 1e-1) < 0.05).all()


def test_a_range_that_touches_a_border_is_flagged_there_alone():
    low, high = flags(LogUniform(1e-4, 1.0), 0, 1e-2)
    assert low == 1
    assert high < 0.05


@pytest.mark.parametrize("chance", [0.3, 0.7])
def test_what_reaches_up_to_the_border_now_and_then_is_flagged_all_but_one_time_in_twenty(chance):
    low, _ = flags(LogUniform(1e-4, 1.0), 0, 1e-2, chance)
    assert low > 0.95 - 3 * np.sqrt(0.05 * 0.95 / 400)


def test_a_single_success_excludes_no_border():
    reached = np.arange(9) == 4
    row = row_of(LogUniform(1e-3, 1.0), np.logspace(-3, 0, 9), reached)
    assert row["border_low"]
    assert row["border_high"]


@given(order=st.permutations([True] * 4 + [False] * 5))
def test_the_chance_of_failures_at_the_border_is_that_of_all_orders(order):
    reached = np.array(order)
    values = np.arange(9.0)
    first, last = np.flatnonzero(reached)[[0, -1]]
    chance = comb(last - first, 3) / comb(last, 3)  # 3 further successes among the `last` draws below the highest
    assert touches_border(values, reached) == (chance >= 0.05)


def test_the_border_does_not_depend_on_the_order_of_draws():
    rng = np.random.default_rng(0)
    values, reached = rng.random(20), rng.random(20) < 0.4
    order = rng.permutation(20)
    assert touches_border(values, reached) == touches_border(values[order], reached[order])


# --- listed values


def test_listed_values_have_shares_and_no_width():
    knobs = {"n": Choice((1, 5, 7)), "kind": Choice(("adam", "sgd"))}
    explored = explored_of([0.1, 0.2, inf, 0.3], knobs, n=[1, 1, 5, 5], kind=["adam", "sgd", "adam", "adam"])
    assert widths([explored], [HALF], seed=0).empty
    table = shares([explored], [HALF]).set_index(["knob", "value"])
    assert table["reached"].to_dict() == {
        ("n", "1"): 2, ("n", "5"): 1, ("n", "7"): 0, ("kind", "adam"): 2, ("kind", "sgd"): 1
    }  # fmt: skip
    assert table["configurations"].tolist() == [2, 2, 0, 3, 1]
    assert (table.loc[("n", "5"), "low"], table.loc[("n", "5"), "high"]) == wilson(1, 2)
    assert table.loc[("n", "7"), ["share", "low", "high"]].isna().all()


def test_a_share_beside_another_grid_has_no_interval():
    knobs = {"n": Grid((1, 5)), "m": Choice((1, 2))}
    table = shares([explored_of([0.1, 0.2], knobs, n=[1, 5], m=[1, 1])], [HALF]).set_index(["knob", "value"])
    assert table.loc["n"]["low"].notna().all()
    assert table.loc[("m", "1"), "share"] == 1
    assert table.loc["m"][["low", "high"]].isna().all(axis=None)


def test_the_columns_have_their_documented_types_with_and_without_rows():
    some = explored_of([0.1], {"k": LogUniform(1, 2), "n": Choice((1,))}, k=[1.5], n=[1])
    for explored in (some, explored_of(np.zeros((0, 1)))):
        assert widths([explored], [HALF], seed=0).dtypes.astype(str).to_dict() == WIDTHS
        assert shares([explored], [HALF]).dtypes.astype(str).to_dict() == SHARES
