"""The configuration that Optuna suggests next."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

import numpy as np

from studies.design.specification import Configuration
from studies.file.condition import Condition
from studies.file.distributions import (
    Choice,
    Distribution,
    Grid,
    IntLogUniform,
    IntUniform,
    LogUniform,
    Uniform,
    Value,
    as_value,
    is_searched,
)
from studies.file.trees import by_path

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution


def suggest(
    hyperparameters: Mapping[str, Distribution],
    *,
    ended: list[tuple[Configuration, float]],
    running: list[Configuration],
    fixed: Configuration,
    sampler: str,
    seed: int,
) -> Configuration:
    """The configuration that Optuna suggests next, a pure function of its arguments.

    hyperparameters  distribution of each hyperparameter, by path
    ended            configurations that were tried, with their scores, which are maximised
    running          configurations that are being tried
    fixed            values that the suggestion must have; the sampler chooses the others
    sampler, seed    `tpe`, `random` or `gp`, and its seed
    """
    import optuna
    from optuna.trial import TrialState, create_trial

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=_sampler(sampler, hyperparameters, seed))
    space = {path: optuna_distribution(hyperparameter) for path, hyperparameter in sorted(hyperparameters.items())}

    def past(configuration: Configuration) -> dict[str, Any]:
        params = {path: optuna_value(value) for path, value in configuration.items()}
        return {"params": params, "distributions": {path: space[path] for path in space if path in params}}

    if sampler != "random":  # which draws without regard to the past, and telling Optuna of it takes most of the time
        for configuration, value in ended:
            study.add_trial(create_trial(value=value, **past(configuration)))
        for configuration in running:
            study.add_trial(create_trial(state=TrialState.RUNNING, **past(configuration)))
    if fixed:
        study.enqueue_trial({path: optuna_value(value) for path, value in fixed.items()})
    return _asked(study, hyperparameters, space)


def start_values(start: Sequence[Mapping[str, Any]], condition: Condition, index: int) -> Configuration:
    """Values of the condition's hyperparameters that `search.start` sets for exploit trial `index`; may be empty."""
    table = by_path(start[index]) if index < len(start) else {}
    return {path: as_value(value) for path, value in table.items() if path in condition.hyperparameters}


def _sampler(name: str, hyperparameters: Mapping[str, Distribution], seed: int) -> Any:
    """Optuna's sampler of that name. Explore has drawn at random, so none needs a random start of its own."""
    from optuna.exceptions import ExperimentalWarning
    from optuna.samplers import GPSampler, RandomSampler, TPESampler

    if name == "random":
        return RandomSampler(seed=seed)
    if name == "gp":
        return GPSampler(n_startup_trials=1, seed=seed)
    # trials with and without a hyperparameter are fitted in groups
    conditional = any(hyperparameter.when for hyperparameter in hyperparameters.values())
    with catch_warnings():
        simplefilter("ignore", ExperimentalWarning)
        return TPESampler(n_startup_trials=1, seed=seed, group=conditional)


def _asked(
    study: "Study", hyperparameters: Mapping[str, Distribution], space: Mapping[str, "BaseDistribution"]
) -> Configuration:
    """The next configuration of an Optuna study; a hyperparameter with `when` is suggested after its parents."""
    trial = study.ask(fixed_distributions={path: space[path] for path in space if hyperparameters[path].when is None})
    suggested = {path: _from_optuna(hyperparameters[path], value) for path, value in trial.params.items()}
    waiting = [path for path in space if path not in suggested]
    while waiting:
        ready = [path for path in waiting if not any(parent in waiting for parent in _parents(hyperparameters[path]))]
        for path in ready:
            if is_searched(path, hyperparameters, suggested):
                suggested[path] = _from_optuna(hyperparameters[path], _suggested(trial, path, space[path]))
        waiting = [path for path in waiting if path not in ready]
    return suggested


def _suggested(trial: "Trial", path: str, distribution: "BaseDistribution") -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match distribution:
        case CategoricalDistribution():
            return trial.suggest_categorical(path, distribution.choices)
        case IntDistribution(low=low, high=high, step=step, log=is_log):
            return trial.suggest_int(path, low, high, step=step, log=is_log)
        case FloatDistribution(low=low, high=high, step=step, log=is_log):
            return trial.suggest_float(path, low, high, step=step, log=is_log)


def _parents(hyperparameter: Distribution) -> list[str]:
    return [parent for parent, _ in hyperparameter.when.parents] if hyperparameter.when else []


def optuna_distribution(hyperparameter: Distribution) -> "BaseDistribution":
    """The distribution as Optuna's."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match hyperparameter:
        case Choice() | Grid():
            return CategoricalDistribution([optuna_value(value) for value in hyperparameter.values])
        case IntUniform():
            return IntDistribution(hyperparameter.low, hyperparameter.high, step=hyperparameter.step or 1)
        case IntLogUniform():
            return IntDistribution(hyperparameter.low, hyperparameter.high, log=True)
        case Uniform():
            return FloatDistribution(hyperparameter.low, hyperparameter.high, step=hyperparameter.step)
        case LogUniform():
            return FloatDistribution(hyperparameter.low, hyperparameter.high, log=True)


def optuna_value(value: Value) -> Any:
    """The value as one that an Optuna trial may hold: a tuple as JSON text."""
    return json.dumps(value) if isinstance(value, tuple) else value


def _from_optuna(hyperparameter: Distribution, value: Any) -> Value:
    if isinstance(hyperparameter, Choice | Grid):
        return next(listed for listed in hyperparameter.values if optuna_value(listed) == value)
    return hyperparameter.nearest(value) if isinstance(hyperparameter, Uniform) else value


def sampler_seed(seed: int, condition: str, index: int) -> int:
    """Seed of the sampler of exploit trial `index` of a condition."""
    words = [seed, int.from_bytes(sha256(condition.encode()).digest()[:4]), index]
    return int(np.random.SeedSequence(words).generate_state(1)[0])
