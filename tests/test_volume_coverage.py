"""Coverage of intervals of differences between stable volumes, over draws in stratified blocks of 8."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import t
from simulated import explore_trials, stratified, where

from studies.analysis.explore_trials import Target
from studies.analysis.volumes import volume_differences

Random = np.random.Generator
Region = Callable[[np.ndarray, Random], np.ndarray]
BLOCK = 8
SIMULATIONS = 1000
TARGET = Target(0.5, 0.75)


def by_chance(u: np.ndarray, random: Random, edge: float) -> np.ndarray:
    """A setting works for certain far below an edge, never far above it, and by chance between."""
    return random.random(len(u)) < 1 / (1 + np.exp(20 * (u[:, 0] - edge)))


REGIONS: dict[str, tuple[Region, Region]] = {
    "one in the other": (lambda u, r: u[:, 0] < 0.5, lambda u, r: u[:, 0] < 0.25),
    "overlap": (lambda u, r: u[:, 0] < 0.6, lambda u, r: u[:, 0] > 0.3),
    "apart": (lambda u, r: u[:, 0] < 0.3, lambda u, r: u[:, 0] > 0.7),
    "two hyperparameters": (lambda u, r: u[:, 0] < 0.5, lambda u, r: u[:, 1] < 0.3),
    "small": (lambda u, r: u[:, 0] < 0.3, lambda u, r: u[:, 0] < 0.1),
    "a corner": (lambda u, r: u[:, 0] < 0.5, lambda u, r: (u[:, 0] < 0.5) & (u[:, 1] < 0.5)),
    "by chance": (lambda u, r: by_chance(u, r, 0.6), lambda u, r: by_chance(u, r, 0.3)),
}
"""Settings that work with either of two methods, from draws of two hyperparameters in [0, 1]: (draws, 2)."""


def true_difference(name: str) -> float:
    random = np.random.default_rng(0)
    draws = random.random((1_000_000, 2))
    first, other = (region(draws, random).mean() for region in REGIONS[name])
    return float(first - other)


def resampled_blocks(difference: np.ndarray, random: Random) -> tuple[float, float]:
    """Percentile bootstrap interval over the means of blocks."""
    means = difference.reshape(-1, BLOCK).mean(axis=1)
    resampled = means[random.integers(0, len(means), (2000, len(means)))].mean(axis=1)
    low, high = np.quantile(resampled, [0.025, 0.975])
    return float(low), float(high)


def student(difference: np.ndarray) -> tuple[float, float]:
    """Student's interval over the means of blocks."""
    means = difference.reshape(-1, BLOCK).mean(axis=1)
    half = t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    return means.mean() - half, means.mean() + half


def coverage(name: str, configurations: int, simulations: int) -> dict[str, float]:
    """Share of simulated pairs of methods whose interval holds the true difference, by kind of interval."""
    truth, random = true_difference(name), np.random.default_rng([list(REGIONS).index(name), configurations])
    covered = {"configurations": 0, "blocks": 0, "student": 0}
    for _ in range(simulations):
        draws = stratified(random, configurations, 2)
        first, other = (region(draws, random) for region in REGIONS[name])
        explored = [explore_trials(where(works), condition=kind) for kind, works in [("a", first), ("b", other)]]
        row = volume_differences(explored, [TARGET], seed=0).iloc[0]
        difference = first.astype(float) - other
        intervals = {
            "configurations": (row["low"], row["high"]),
            "blocks": resampled_blocks(difference, random),
            "student": student(difference),
        }
        for kind, (low, high) in intervals.items():
            covered[kind] += low - 1e-3 <= truth <= high + 1e-3
    return {kind: float(count) / simulations for kind, count in covered.items()}


@pytest.mark.parametrize("name", ["two hyperparameters", "by chance"])
def test_an_interval_covers_the_difference_of_two_volumes(name: str) -> None:
    assert coverage(name, 16, 100)["configurations"] >= 0.95 - 2.6 * np.sqrt(0.95 * 0.05 / 100)


@pytest.mark.soak
@pytest.mark.parametrize("configurations", [16, 32, 64])
@pytest.mark.parametrize("name", REGIONS)
def test_intervals_cover_at_least_as_often_as_they_say(name: str, configurations: int) -> None:
    """The other two intervals, over blocks, are computed to print them; most of them are too narrow."""
    covered = coverage(name, configurations, SIMULATIONS)
    print(name, configurations, {kind: round(share, 3) for kind, share in covered.items()})
    assert covered["configurations"] >= 0.95 - 2.6 * np.sqrt(0.95 * 0.05 / SIMULATIONS)
