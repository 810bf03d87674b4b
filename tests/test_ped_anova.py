"""PED-ANOVA against Optuna's evaluator, for hyperparameters of every kind, resamples and equal scores."""

import warnings

import numpy as np
import optuna
import pytest
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import create_trial
from simulated import explore_trials

from studies.analysis.explore_trials import ExploreTrials
from studies.analysis.importances import cells
from studies.design.suggestions import optuna_distribution, optuna_value
from studies.file.distributions import (
    Choice,
    Distribution,
    IntLogUniform,
    IntUniform,
    LogUniform,
    Uniform,
    Value,
    When,
    draw,
)
from studies.statistics.ped_anova import best_weights, divergences

LAWS: dict[str, Distribution] = {
    "rate": LogUniform(1e-5, 1e-2),
    "share": Uniform(-1.0, 2.0),
    "stepped": Uniform(0.0, 1.0, step=0.1),
    "steps": IntUniform(2, 200, step=3),
    "few": IntUniform(1, 5),
    "width": IntLogUniform(1, 300),
    "betas": Choice(((0.0, 0.9), (0.5, 0.9), (0.5, 0.999))),
    "alone": Choice((7,)),
    "momentum": Uniform(0.0, 1.0, when=When(parents=(("few", (1, 2)),), otherwise=0.0)),
}
PATHS = list(LAWS)


def drawn(count: int, *, seed: int = 0) -> ExploreTrials:
    """Random configurations; the score grows with the rate, falls with the momentum, and is 0 for a third of them."""
    configurations = [draw(LAWS, seed=seed, index=index) for index in range(count)]
    noise = np.random.default_rng(seed).normal(0, 0.1, count)
    scores = [0.2 * np.log10(_number(c["rate"]) / 1e-4) - 0.3 * _number(c.get("momentum", 0.5)) for c in configurations]
    trials = explore_trials(np.zeros(count), LAWS, scores=np.maximum(0, np.array(scores) + noise))
    return ExploreTrials(**{**vars(trials), "configurations": configurations})


def _number(value: Value) -> float:
    assert isinstance(value, int | float)
    return value


def by_optuna(trials: ExploreTrials, quantile: float, weights: np.ndarray) -> np.ndarray:
    """Importances by Optuna's evaluator, for a study that holds each configuration as many times as `weights` says."""
    study = optuna.create_study(direction="maximize")
    space = {path: optuna_distribution(law) for path, law in LAWS.items()}
    for configuration, score, weight in zip(trials.configurations, trials.scores, weights, strict=True):
        params = {path: optuna_value(value) for path, value in configuration.items()}
        distributions = {path: space[path] for path in params}
        for _ in range(weight):
            study.add_trial(create_trial(value=float(score), params=params, distributions=distributions))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        computed = PedAnovaImportanceEvaluator(target_quantile=quantile).evaluate(study)
    values = np.array([computed.get(path, 0.0) for path in LAWS])
    return values / values.sum()


def shares(trials: ExploreTrials, quantile: float, weights: np.ndarray) -> np.ndarray:
    best = best_weights(trials.scores, quantile, weights)
    values = divergences([cells(trials, path) for path in PATHS], weights, best)
    return values / values.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("count", [20, 33, 64, 300])
@pytest.mark.parametrize("quantile", [0.1, 0.25])
def test_importances_are_those_of_optuna(count: int, quantile: float) -> None:
    trials, once = drawn(count), np.ones((1, count), dtype=np.int64)
    np.testing.assert_allclose(shares(trials, quantile, once)[0], by_optuna(trials, quantile, once[0]), atol=1e-12)


def test_a_resample_is_the_configurations_as_often_as_they_are_drawn() -> None:
    trials = drawn(40)
    weights = np.random.default_rng(1).multinomial(40, np.full(40, 1 / 40), size=3)
    computed = shares(trials, 0.25, weights)
    for row, resample in zip(computed, weights, strict=True):
        np.testing.assert_allclose(row, by_optuna(trials, 0.25, resample), atol=1e-12)


def test_the_best_are_a_quarter_with_ties_and_never_those_with_the_smallest_score() -> None:
    scores = np.array([0.0, 0.0, 0.5, 0.5, 0.7, 0.0, 0.0, 0.9])
    once = np.ones((1, 8), dtype=np.int64)
    assert np.flatnonzero(best_weights(scores, 0.25, once)).tolist() == [4, 7]
    assert np.flatnonzero(best_weights(scores, 0.3, once)).tolist() == [2, 3, 4, 7]
    assert np.flatnonzero(best_weights(scores, 0.9, once)).tolist() == [2, 3, 4, 7]
    assert not best_weights(np.full(8, 0.3), 0.25, once).any()
    resampled = np.array([[0, 0, 4, 0, 0, 4, 0, 0], [0, 0, 8, 0, 0, 0, 0, 0]])
    assert best_weights(scores, 0.25, resampled).tolist() == [[0, 0, 4, 0, 0, 0, 0, 0], [0] * 8]


def test_without_best_configurations_no_hyperparameter_differs() -> None:
    trials, once = drawn(20), np.ones((1, 20), dtype=np.int64)
    nothing = divergences([cells(trials, path) for path in PATHS], once, 0 * once)
    assert not nothing.any()
