"""Intervals of importances: their coverage of the importances of many draws, and special cases."""

from collections.abc import Callable

import numpy as np
import pytest
from simulated import stratified

from studies.statistics.importance import FEWEST_BEST, QUANTILE, importance
from studies.statistics.ped_anova import Cells, best_weights, divergences

Draws = np.ndarray
CELLS = 50


def noise(random: np.random.Generator, draws: Draws, deviation: float) -> np.ndarray:
    return random.normal(0, deviation, len(draws))


ScoreOf = Callable[[Draws, np.random.Generator], np.ndarray]
SCORES: dict[str, tuple[int, ScoreOf]] = {
    "two peaks": (4, lambda u, r: -0.6 * (2 * u[:, 0] - 1) ** 2 - 0.2 * (2 * u[:, 1] - 1) ** 2 + noise(r, u, 0.03)),
    "linear": (4, lambda u, r: u @ [0.5, 0.3, 0.15, 0.0] + noise(r, u, 0.05)),
    "failures": (3, lambda u, r: np.where((u[:, 0] > 0.5) & (r.random(len(u)) < 0.9), 1 - 0.3 * u[:, 1], 0)),
    "mostly failures": (3, lambda u, r: np.where((u[:, 0] > 0.7) & (u[:, 1] < 0.6), 1 - 0.3 * u[:, 2], 0)),
    "one alone": (5, lambda u, r: -((2 * u[:, 0] - 1.2) ** 2) + noise(r, u, 0.05)),
    "interaction": (3, lambda u, r: -np.abs(u[:, 0] - u[:, 1]) - 0.3 * u[:, 2] + noise(r, u, 0.05)),
    "all equal": (3, lambda u, r: u.sum(axis=1) + noise(r, u, 0.05)),
    "noise": (4, lambda u, r: noise(r, u, 1.0)),
    "listed": (3, lambda u, r: 0.5 * (u[:, 0] > 0.75) + 0.4 * u[:, 1] + noise(r, u, 0.05)),
    "conditional": (3, lambda u, r: np.where(u[:, 0] > 0.5, 0.3 + 0.5 * u[:, 1], 0.5) + 0.2 * u[:, 2]),
}
"""Number of hyperparameters, uniform in [0, 1], and score of a configuration."""


def cells_of(name: str, draws: Draws) -> list[Cells]:
    """Ranges; the first of "listed" has four values, the second of "conditional" is searched at one of the first's."""
    numbers = np.clip(np.ceil(draws * (CELLS - 1) - 0.5), 0, CELLS - 1).astype(int)
    cells = [Cells(numbers=column, count=CELLS) for column in numbers.T]
    if name == "listed":
        cells[0] = Cells(numbers=(4 * draws[:, 0]).astype(int), count=4, ordered=False)
    if name == "conditional":
        cells[0] = Cells(numbers=(2 * draws[:, 0]).astype(int), count=2, ordered=False)
        cells[1] = Cells(numbers=np.where(draws[:, 0] > 0.5, numbers[:, 1], -1), count=CELLS)
    return cells


def true_shares(name: str) -> np.ndarray:
    """The shares that 100,000 independent draws have."""
    count, score_of = SCORES[name]
    random = np.random.default_rng(1)
    draws = random.random((100_000, count))
    once = np.ones((1, len(draws)), dtype=np.int64)
    (values,) = divergences(cells_of(name, draws), once, best_weights(score_of(draws, random), QUANTILE, once))
    return values / values.sum()


def simulated(name: str, configurations: int, simulations: int) -> tuple[np.ndarray, float, float]:
    """Coverage of each share, and the rates at which one is clear of the others, rightly and wrongly."""
    count, score_of = SCORES[name]
    truth, covered, clear, wrong, computed = true_shares(name), np.zeros(count), 0, 0, 0
    for seed in range(simulations):
        random = np.random.default_rng([seed, configurations])
        draws = stratified(random, configurations, count)
        result = importance(cells_of(name, draws), score_of(draws, random), seed=seed)
        if result is None:
            continue
        computed += 1
        covered += (result.low <= truth + 1e-3) & (truth - 1e-3 <= result.high)
        first = int(result.share.argmax())
        if result.low[first] > np.delete(result.high, first).max():
            clear += 1
            wrong += name in ("all equal", "noise") or first != truth.argmax()
    return covered / computed, clear / computed, wrong / computed


@pytest.mark.parametrize("name", ["linear", "one alone", "interaction"])
def test_an_interval_covers_the_importance_of_many_draws(name: str) -> None:
    covered, _, wrong = simulated(name, 32, 50)
    assert (covered >= 0.86).all(), covered
    assert wrong == 0


@pytest.mark.soak
@pytest.mark.parametrize("configurations", [20, 32, 64])
@pytest.mark.parametrize("name", SCORES)
def test_intervals_cover_at_least_as_often_as_the_documentation_says(name: str, configurations: int) -> None:
    covered, clear, wrong = simulated(name, configurations, 1000)
    print(f"{name}, {configurations}: covered {covered.round(3)}, clear {clear:.3f}, wrong {wrong:.3f}")
    assert (covered >= 0.9).all(), covered
    assert wrong <= 0.01


def test_one_hyperparameter_that_decides_alone_is_clear_of_the_others() -> None:
    _, clear, wrong = simulated("one alone", 64, 20)
    assert clear > 0.8
    assert wrong == 0


def test_a_hyperparameter_without_effect_has_an_interval_from_0() -> None:
    random = np.random.default_rng(0)
    draws = random.random((64, 3))
    result = importance(cells_of("", draws), draws[:, 0], seed=0)
    assert result is not None
    assert result.low[0] > 0
    assert result.low[1:].tolist() == [0, 0]
    assert result.high[0] == 1, "nothing else is known to matter"
    assert result.share.sum() == pytest.approx(1)
    assert (result.low <= result.share).all()
    assert (result.share <= result.high).all()


def test_without_a_score_above_the_others_there_is_no_importance() -> None:
    draws = np.random.default_rng(0).random((32, 2))
    cells = cells_of("", draws)
    assert importance(cells, np.full(32, 0.5), seed=0) is None
    few = np.where(np.arange(32) < FEWEST_BEST - 1, 1.0, 0.0)
    assert importance(cells, few, seed=0) is None
    assert importance(cells, np.where(np.arange(32) < FEWEST_BEST, 1.0, 0.0), seed=0) is not None


def test_the_same_seed_gives_the_same_interval() -> None:
    draws = np.random.default_rng(0).random((32, 3))
    first, second, other = (importance(cells_of("", draws), draws @ [1, 2, 3], seed=seed) for seed in (4, 4, 5))
    assert first is not None
    assert second is not None
    assert other is not None
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first.high, other.high)
