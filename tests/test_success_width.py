"""The width estimator: independent of the range that is drawn from, and flagged at its borders."""

from math import comb, log10

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.analysis.widths import in_decades, sampled_range
from studies.file.distributions import IntLogUniform, IntUniform, LogUniform, Uniform
from studies.statistics.success_width import success_width, touches_border


def drawn(hyperparameter, n, rng):
    return np.array([hyperparameter.quantile(u) for u in rng.random(n)], dtype=np.float64)


@pytest.mark.parametrize(
    ("hyperparameter", "low", "high", "unit", "truth"),
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
        (IntUniform(0, 10, step=2), 2, 4, "units", 4),
        (IntUniform(3, 39, step=3), 6, 9, "decades", log10(10.5 / 4.5)),
        (Uniform(0, 9, step=0.5), 2, 4, "units", 2.5),
        (Uniform(1, 20, step=0.5), 2, 4, "decades", log10(4.25 / 1.75)),
        (Uniform(0.1, 10.1, step=1), 2, 5, "units", 3),
        (IntLogUniform(1, 64), 2, 4, "decades", log10(4.5 / 1.5)),
        (IntLogUniform(2, 9), 2, 4, "decades", log10(4.5 / 1.5)),
    ],
)
def test_the_width_does_not_depend_on_the_range_that_is_drawn_from(hyperparameter, low, high, unit, truth):
    rng, estimates = np.random.default_rng(0), []
    for _ in range(400):
        values = drawn(hyperparameter, 64, rng)
        estimates.append(success_width(sampled_range(hyperparameter), values, (low <= values) & (values <= high)))
    assert np.mean(estimates) == pytest.approx(truth, abs=4 * np.std(estimates) / np.sqrt(len(estimates)))
    assert ("decades" if in_decades(hyperparameter) else "units") == unit


def test_values_that_succeed_half_of_the_time_count_half():
    hyperparameter, rng = LogUniform(1e-4, 1.0), np.random.default_rng(0)
    values = drawn(hyperparameter, 4000, rng)
    successes = (values >= 1e-3) & (values <= 1e-1) & (rng.random(4000) < 0.5)
    assert success_width(sampled_range(hyperparameter), values, successes) == pytest.approx(1.0, abs=0.1)


# --- borders


def shares_flagged(hyperparameter, low, high, chance=1.0, simulations=400, n=32):
    rng, flags = np.random.default_rng(0), []
    for _ in range(simulations):
        values = drawn(hyperparameter, n, rng)
        successes = (low <= values) & (values <= high) & (rng.random(n) < chance)
        flags.append((touches_border(values, successes), touches_border(-values, successes)))
    return np.mean(flags, axis=0)


def test_a_region_inside_the_range_is_not_flagged():
    assert (shares_flagged(LogUniform(1e-4, 1.0), 1e-3, 1e-1) < 0.05).all()


def test_a_region_that_touches_a_border_is_flagged_at_that_border_alone():
    low, high = shares_flagged(LogUniform(1e-4, 1.0), 0, 1e-2)
    assert low == 1
    assert high < 0.05


@pytest.mark.parametrize("chance", [0.3, 0.7])
def test_a_region_of_occasional_successes_at_the_border_is_flagged_in_19_cases_of_20(chance):
    low, _ = shares_flagged(LogUniform(1e-4, 1.0), 0, 1e-2, chance)
    assert low > 0.95 - 3 * np.sqrt(0.05 * 0.95 / 400)


@given(order=st.permutations([True] * 4 + [False] * 5))
def test_the_chance_of_failures_at_the_border_is_over_all_orders(order):
    successes = np.array(order)
    values = np.arange(9.0)
    first, last = np.flatnonzero(successes)[[0, -1]]
    chance = comb(last - first, 3) / comb(last, 3)  # 3 further successes among the `last` draws below the highest
    assert touches_border(values, successes) == (chance >= 0.05)


def test_the_flag_does_not_depend_on_the_order_of_draws():
    rng = np.random.default_rng(0)
    values, successes = rng.random(20), rng.random(20) < 0.4
    order = rng.permutation(20)
    assert touches_border(values, successes) == touches_border(values[order], successes[order])
