"""Planned trials: only those that the study can have."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest
from ledger_contents import PROVENANCE, explore_trials, small_study

from studies.design import Design, TrialSpec, content_address, evaluation_address
from studies.errors import DamagedError
from studies.file.condition import PARTS
from studies.file.study import Study
from studies.ledger.plans import planned_trials


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return small_study(tmp_path_factory.mktemp("study"))


def tables(study: Study) -> list[dict[str, Any]]:
    """The plan as it is read."""
    return json.loads(json.dumps([asdict(trial) for trial in explore_trials(study)]))


def read(study: Study, plan: list[Any]) -> list[TrialSpec]:
    return planned_trials(plan, study, PROVENANCE, "place")


def test_the_trials_of_the_design_are_read_back(study: Study) -> None:
    trials = read(study, tables(study))
    assert [trial.name for trial in trials] == ["wgan-explore-0", "wgan-explore-1", "wgan-explore-2"]
    assert trials == explore_trials(study)


def test_trials_of_conditions_that_the_study_no_longer_has_are_left_out(study: Study) -> None:
    plan = tables(study)
    plan[0]["condition"] = "gone"
    assert [trial.index for trial in read(study, plan)] == [1, 2]


def hashed(table: dict[str, Any]) -> dict[str, Any]:
    """The table with the addresses of its contents."""
    return {
        **table,
        "address": content_address(table["identity"]),
        "evaluation_address": evaluation_address(table["evaluation"]),
    }


def change(*path: str, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def changed(table: dict[str, Any]) -> dict[str, Any]:
        inner = table
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        return hashed(table)

    return changed


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "other budget": change("identity", "budget", "steps", value=11),
    "other seeds": change("identity", "seeds", value=[5, 6]),
    "other data": change("identity", "provenance", "data_fingerprint", value="0" * 64),
    "other split": change("evaluation", "split", value="test"),
    "other setting": change("identity", "constraint", "clip_value", value=0.5),
    "other configuration": change("configuration", "constraint.clip_value", value=0.5),
    "other number": change("index", value=2),
    "negative number": change("index", value=-1),
    "number that is true": change("index", value=True),
    "unknown phase": change("phase", value="exploration"),
    "wrong address": lambda table: {**table, "address": "0" * 24},
    "wrong evaluation address": lambda table: {**table, "evaluation_address": "0" * 12},
    "configuration a list": change("configuration", value=[]),
    "no configuration": change("configuration", value={}),
    "condition a list": lambda table: {**table, "condition": []},
    "identity a list": lambda table: {**table, "identity": []},
    "additional field": lambda table: {**table, "x": 1},
    "missing field": lambda table: {name: value for name, value in table.items() if name != "configuration"},
    "a list": lambda table: [],
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_trial_that_the_study_cannot_have_is_refused(study: Study, name: str) -> None:
    plan: list[Any] = tables(study)
    plan[0] = CHANGES[name](plan[0])
    with pytest.raises(DamagedError) as refused:
        read(study, plan)
    assert str(refused.value).startswith("place: is damaged or foreign (")
    assert "\n" not in str(refused.value)


def test_a_plan_of_another_provenance_is_refused(study: Study) -> None:
    with pytest.raises(DamagedError, match="wgan-explore-0 is not one that the study can have"):
        planned_trials(tables(study), study, replace(PROVENANCE, torch_version="1"), "place")


def test_trials_beyond_the_numbers_that_the_study_has_now_are_left_out(study: Study) -> None:
    fewer = replace(study, search=replace(study.search, explore=2))
    assert [trial.index for trial in read(fewer, tables(study))] == [0, 1]


def test_a_trial_that_is_there_twice_is_refused(study: Study) -> None:
    plan = tables(study)
    with pytest.raises(DamagedError, match="its trial wgan-explore-1 is there twice"):
        read(study, [*plan, plan[1]])


def test_a_configuration_outside_of_the_studys_ranges_is_refused(study: Study) -> None:
    spec = explore_trials(study)[0]
    (condition,) = study.conditions
    design = Design(study, PROVENANCE)
    for value in (1e9, "much"):
        configuration = {"constraint.clip_value": value}
        table = {**spec.identity, "constraint": {**spec.identity["constraint"], "clip_value": value}}
        setting = {part: table[part] for part in PARTS}
        outside = design.spec(condition, "explore", 0, configuration, setting, spec.place)
        with pytest.raises(DamagedError, match=r"constraint\.clip_value cannot be"):
            read(study, [asdict(outside)])
