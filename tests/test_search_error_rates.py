"""Rates at which the test of two methods under search rejects, on simulated searches with a known truth."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from simulated import stratified

from studies.statistics import best_of_draws
from studies.statistics.best_of_draws import expected_best, search_test

Random = np.random.Generator
Pair = tuple[np.ndarray, np.ndarray]
SEEDS = 3
"""Number of seeds of a configuration; its score is their mean progress."""
SIMULATIONS = 400


def scores(random: Random, settings: np.ndarray, *, loss: float = 0.0, steepness: float = 1.0) -> np.ndarray:
    """Mean over `SEEDS` seeds of progress: best at .6 of each range, with seeds that vary and seeds that fail.

    settings  draws of three hyperparameters, (draws, 3)
    """
    off = steepness * ((settings - 0.6) ** 2) @ [1.0, 0.5, 0.1]
    progress = 0.95 - loss - off[:, None] + random.normal(0, 0.01, (len(settings), SEEDS))
    fails = random.random((len(settings), SEEDS)) < 1 / (1 + np.exp(-20 * (off[:, None] - 0.25)))
    return np.where(fails, 0, progress).clip(0).mean(axis=1)


def searched(random: Random, draws: int, *, own: int, in_blocks: bool = True, **second: float) -> Pair:
    """Scores of two methods of three hyperparameters, of which each draws the last `own` for itself."""

    def drawn() -> np.ndarray:
        return stratified(random, draws, 3) if in_blocks else random.random((draws, 3))

    shared = drawn()
    first, other = (np.hstack([shared[:, : 3 - own], drawn()[:, 3 - own :]]) for _ in range(2))
    return scores(random, first), scores(random, other, **second)


def heavy_tailed(random: Random, draws: int) -> np.ndarray:
    tail = np.clip(1 - 0.03 * random.pareto(1.2, draws), 0, 1)
    return np.where(random.random(draws) < 0.5, 0.0, tail)


def unsteady(random: Random, draws: int) -> np.ndarray:
    """6 of 10 scores 0, the others spread."""
    return np.where(random.random(draws) < 0.6, 0.0, random.normal(0.9, 0.05, draws))


def nearly_level(random: Random, draws: int, level: float) -> np.ndarray:
    """1 of 20 scores 0, the others within about .03 of a level."""
    return np.where(random.random(draws) < 0.05, 0.0, random.normal(level, 0.01, draws))


@cache
def level_of_equal_best(draws: int) -> float:
    """Level at which the best of a quarter of the draws of `nearly_level` is expected where that of `unsteady` is."""
    random, n = np.random.default_rng(draws), draws // 4
    wide = np.mean([expected_best(unsteady(random, draws), n) for _ in range(20_000)])
    return float(0.9 + wide - np.mean([expected_best(nearly_level(random, draws, 0.9), n) for _ in range(20_000)]))


def steady(random: Random, draws: int) -> np.ndarray:
    """Scores of a method that nearly always works, with the same expected best as those of `unsteady`."""
    return nearly_level(random, draws, level_of_equal_best(draws))


PairOf = Callable[[Random, int], Pair]
EQUAL: dict[str, PairOf] = {
    "the same draws": lambda r, c: searched(r, c, own=0),
    "one hyperparameter of their own": lambda r, c: searched(r, c, own=1),
    "all of their own": lambda r, c: searched(r, c, own=3),
    "independent draws": lambda r, c: searched(r, c, own=3, in_blocks=False),
    "heavy tails": lambda r, c: (heavy_tailed(r, c), heavy_tailed(r, c)),
    "other laws": lambda r, c: (unsteady(r, c), steady(r, c)),
}
"""Pairs of methods whose expected best is equal; but for the last pair, the laws of their scores are too."""
DIFFERENT: dict[str, tuple[PairOf, tuple[float, float, float]]] = {
    "smaller by .01, the same draws": (lambda r, c: searched(r, c, own=0, loss=0.01), (0.33, 0.72, 0.83)),
    "smaller by .02, one of their own": (lambda r, c: searched(r, c, own=1, loss=0.02), (0.47, 0.84, 0.94)),
    "three times as steep": (lambda r, c: searched(r, c, own=0, steepness=3.0), (1.0, 0.99, 0.99)),
}
"""Pairs of which the first method is better, and the power in docs/statistics.md with 16, 32 and 64 draws."""
DRAWS = (16, 32, 64)


def rejected(pair_of: PairOf, draws: int, simulations: int) -> float:
    """Share of simulated pairs whose p-value is at most .05."""
    random = np.random.default_rng(draws)
    pairs = (pair_of(random, draws) for _ in range(simulations))
    return float(np.mean([search_test(*pair, draws // 4, seed=0)[0] <= 0.05 for pair in pairs]))


def most(rate: float, simulations: int) -> float:
    """Largest share that so many simulations may have if this is the rate."""
    return rate + 2.6 * np.sqrt(rate * (1 - rate) / simulations)


@pytest.fixture(autouse=True)
def fewer_swaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(best_of_draws, "RANDOM_SWAPS", 999)


@pytest.mark.parametrize("name", EQUAL)
def test_equal_methods_are_rarely_told_apart(name: str) -> None:
    assert rejected(EQUAL[name], 32, 600) <= most(0.05, 600)


def test_a_method_that_is_better_everywhere_is_found() -> None:
    assert rejected(lambda r, c: searched(r, c, own=0, loss=0.05), 32, 100) > 0.9


@pytest.mark.soak
@pytest.mark.parametrize("draws", DRAWS)
@pytest.mark.parametrize("name", EQUAL)
def test_equal_methods_are_told_apart_at_the_rate_of_the_level(name: str, draws: int) -> None:
    """If the laws differ, 16 draws are too few: the rate is about .15."""
    rate = rejected(EQUAL[name], draws, SIMULATIONS)
    print(name, draws, rate)
    assert rate <= most(0.15 if (name, draws) == ("other laws", 16) else 0.05, SIMULATIONS)


@pytest.mark.soak
@pytest.mark.parametrize("draws", DRAWS)
@pytest.mark.parametrize("name", DIFFERENT)
def test_different_methods_are_told_apart_with_the_power_of_the_documentation(name: str, draws: int) -> None:
    pair_of, powers = DIFFERENT[name]
    rate = rejected(pair_of, draws, SIMULATIONS)
    print(name, draws, rate)
    assert abs(rate - powers[DRAWS.index(draws)]) <= 0.05
