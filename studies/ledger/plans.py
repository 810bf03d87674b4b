"""The trials of a study's plan, held against the study's record."""

from collections.abc import Iterable, Mapping
from typing import Any

from studies.design import PHASES, Configuration, Design, Provenance, TrialSpec, content_address, evaluation_address
from studies.errors import DamagedError
from studies.file.condition import PARTS, Condition
from studies.file.study import Study
from studies.file.trees import substitute


def planned_trials(
    tables: Iterable[Mapping[str, Any]], study: Study, provenance: Provenance, place: str
) -> list[TrialSpec]:
    """The trials of a plan; those of conditions that the study no longer has are left out.

    tables  the trials as read, from a ledger or a server
    place   path or address of the plan, for messages

    Errors: `DamagedError` for a trial that the study cannot have: with another data set, budget or evaluation, with
    seeds that are not those of its number, or with settings that are not those of its configuration.
    """
    design, conditions = Design(study, provenance), {condition.name: condition for condition in study.conditions}
    trials = []
    for table in tables:
        try:
            trial = TrialSpec(**table)
            if trial.condition in conditions:
                _check(trial, design, conditions[trial.condition], place)
                trials.append(trial)
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise DamagedError(place, f"it holds a trial that cannot be read ({error!r})") from None
    return trials


def _check(trial: TrialSpec, design: Design, condition: Condition, place: str) -> None:
    if trial.phase not in PHASES or type(trial.index) is not int or trial.index < 0:
        raise DamagedError(place, f"{trial.condition} has no trial {trial.phase} {trial.index}")
    setting = _setting(condition, trial.phase, trial.configuration)
    expected = design.spec(condition, trial.phase, trial.index, trial.configuration, setting)
    # compared as values, since a whole number of a choice is a float in a field of floats
    if (trial.identity, trial.evaluation) != (expected.identity, expected.evaluation):
        raise DamagedError(place, f"its trial {trial.name} is not one that the study can have")
    if (content_address(trial.identity), evaluation_address(trial.evaluation)) != (
        trial.address,
        trial.evaluation_address,
    ):
        raise DamagedError(place, f"the addresses of its trial {trial.name} are wrong")


def _setting(condition: Condition, phase: str, configuration: Configuration) -> dict[str, Any]:
    """The table of a trial's setting, made without building a user's classes."""
    if phase == "authors":
        return {part: (condition.authors or {})[part] for part in PARTS}
    if configuration.keys() != condition.hyperparameters.keys():
        raise ValueError(f"its configuration has the hyperparameters {', '.join(configuration)}")
    return {part: substitute(condition.table[part], configuration, part) for part in PARTS}
