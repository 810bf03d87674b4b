"""The trials of a study's plan, held against the study's record."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from studies.design import (
    PHASES,
    Configuration,
    Design,
    Place,
    Provenance,
    TrialSpec,
    content_address,
    counts,
    evaluation_address,
)
from studies.errors import DamagedError
from studies.file.condition import PARTS, Condition, described_by
from studies.file.distributions import as_value, may_draw
from studies.file.messages import format_value
from studies.file.study import Study
from studies.file.trees import substitute
from studies.file.validation import plain


def planned_trials(
    tables: Iterable[Mapping[str, Any]], study: Study, provenance: Provenance, place: str
) -> list[TrialSpec]:
    """The trials of a plan; those of conditions and numbers that the study no longer has are left out.

    tables  the trials as read, from a ledger or a server
    place   path or address of the plan, for messages

    Errors: `DamagedError` for a trial that the study cannot have: with another data set, budget or evaluation, with
    seeds that are not those of its number, with a configuration outside of its ranges, or with settings that are not
    those of its configuration; and for a trial that is there twice.
    """
    design, conditions = Design(study, provenance), {condition.name: condition for condition in study.conditions}
    planned = {condition.name: counts(study, condition) for condition in study.conditions}
    trials: dict[str, TrialSpec] = {}
    for table in tables:
        try:
            if table["condition"] in conditions:
                trial = _checked(table, design, conditions[table["condition"]], place)
                if trial.name in trials:
                    raise DamagedError(place, f"its trial {trial.name} is there twice")
                if trial.index < planned[trial.condition].get(trial.phase, 0):
                    trials[trial.name] = trial
        except DamagedError:
            raise
        except Exception as error:  # forged tables can have any shape
            raise DamagedError(place, f"it holds a trial that cannot be read ({error!r})"[:200]) from None
    return list(trials.values())


def plan_table(trial: TrialSpec, design: Design) -> dict[str, Any]:
    """A trial as a JSON-serialisable table for a plan, without what follows from the study and the configuration."""
    table = asdict(trial)
    expected = _expected(table, design, design.study.condition(trial.condition))
    follows = ("identity", "evaluation") if expected.key == trial.key else ()
    return {name: value for name, value in table.items() if name not in follows}


def _checked(table: Mapping[str, Any], design: Design, condition: Condition, place: str) -> TrialSpec:
    """The trial of a table, held against the study."""
    phase, index = table["phase"], table["index"]
    if phase not in PHASES or type(index) is not int or index < 0:
        raise DamagedError(place, f"{condition.name} has no trial {phase!r} {index!r}"[:200])
    expected = _expected(table, design, condition)
    follow = {"identity": expected.identity, "evaluation": expected.evaluation}
    trial = TrialSpec(**{**follow, **table, "configuration": _configuration(table), "place": expected.place})
    if trial.key == expected.key and "identity" not in table:
        return trial
    # compared as values, since a whole number of a choice is a float in a field of floats
    if (trial.identity, trial.evaluation) != (expected.identity, expected.evaluation):
        raise DamagedError(place, f"its trial {trial.name} is not one that the study can have")
    if (content_address(trial.identity), evaluation_address(trial.evaluation)) != (
        trial.address,
        trial.evaluation_address,
    ):
        raise DamagedError(place, f"the addresses of its trial {trial.name} are wrong")
    return trial


def _expected(table: Mapping[str, Any], design: Design, condition: Condition) -> TrialSpec:
    """The trial that the study has for the phase, index and configuration in a table."""
    configuration, place = _configuration(table), table.get("place")
    setting = _setting(condition, table["phase"], configuration)
    return design.spec(
        condition, table["phase"], table["index"], configuration, setting, None if place is None else _place(place)
    )


def _place(table: Mapping[str, Any]) -> Place:
    place = Place(**table)
    if any(type(number) is not int for number in table.values()) or not 0 <= place.slot < place.trials:
        raise ValueError(f"there is no place {format_value(dict(table))} in a pack")
    return place


def _setting(condition: Condition, phase: str, configuration: Configuration) -> dict[str, Any]:
    """The table of a trial's setting, made without building a user's classes."""
    if phase == "authors":
        if configuration != condition.authors_configuration():
            raise ValueError("its configuration is not the authors'")
        return {part: (condition.authors or {})[part] for part in PARTS}
    on_path = phase in ("path_choice", "path") and condition.authors is not None
    authors = condition.authors_configuration() if on_path else {}
    values = condition.values(configuration)
    for path, value in configuration.items():
        if not may_draw(condition.hyperparameters[path], value) and not (on_path and authors.get(path) == value):
            raise ValueError(f"{path} cannot be {format_value(value)}")
    return {part: plain(substitute(table, values, part)) for part, table in described_by(condition.table).items()}


def _configuration(table: Mapping[str, Any]) -> Configuration:
    """The configuration in a trial's table; the lists of JSON become tuples."""
    return {path: as_value(value) for path, value in table["configuration"].items()}
