"""The configuration that Optuna suggests next."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np

from studies.design.specification import Configuration
from studies.file.condition import Condition
from studies.file.distributions import Choice, Distribution, Grid, IntUniform, LogUniform
from studies.file.trees import by_path


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
    sampler, seed    `tpe` or `random`, and its seed
    """
    import optuna
    from optuna.trial import TrialState, create_trial

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # explore has drawn at random, so TPE needs no random start of its own
    sampler_of = {
        "tpe": lambda: optuna.samplers.TPESampler(n_startup_trials=1, seed=seed),
        "random": lambda: optuna.samplers.RandomSampler(seed=seed),
    }
    study = optuna.create_study(direction="maximize", sampler=sampler_of[sampler]())
    space = {path: _optuna_distribution(hyperparameter) for path, hyperparameter in sorted(hyperparameters.items())}
    for configuration, value in ended:
        study.add_trial(create_trial(params=configuration, distributions=space, value=value))
    for configuration in running:
        study.add_trial(create_trial(state=TrialState.RUNNING, params=configuration, distributions=space))
    if fixed:
        study.enqueue_trial(fixed)
    return dict(study.ask(fixed_distributions=space).params)


def start_values(start: Sequence[Mapping[str, Any]], condition: Condition, index: int) -> Configuration:
    """Values of the condition's hyperparameters that `search.start` sets for exploit trial `index`; may be empty."""
    table = by_path(start[index]) if index < len(start) else {}
    return {path: value for path, value in table.items() if path in condition.hyperparameters}


def _optuna_distribution(hyperparameter: Distribution) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match hyperparameter:
        case Choice() | Grid():
            return CategoricalDistribution(hyperparameter.values)
        case IntUniform():
            return IntDistribution(hyperparameter.low, hyperparameter.high)
        case _:
            return FloatDistribution(
                hyperparameter.low, hyperparameter.high, log=isinstance(hyperparameter, LogUniform)
            )


def sampler_seed(seed: int, condition: str, index: int) -> int:
    """Seed of the sampler of exploit trial `index` of a condition."""
    words = [seed, int.from_bytes(sha256(condition.encode()).digest()[:4]), index]
    return int(np.random.SeedSequence(words).generate_state(1)[0])
