"""The path from the authors' setting to the setting found: how fresh seeds end after each change."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from studies.analysis.adjusted_tests import adjusted
from studies.errors import DamagedError
from studies.file.authors_path import AuthorsPath, Change, possible_changes
from studies.file.condition import Condition
from studies.numbers import format_setting, value_text
from studies.statistics.permutation import effect, permutation_test
from studies.tables.columns import table_of
from studies.tables.ranking import FIRST, failed_as_infinity, interval_ends, point_estimates
from studies.tables.results import Results

AUTHORS = "authors' setting"
"""Entry of `change` in the first row of a path."""
NOT_SEARCHED = "what is not searched"
"""Name of the change of everything that the condition does not search."""
PATHS: dict[str, str] = {
    "condition": "str",
    "step": "int64",
    "change": "str",
    "distance": "float64",
    "distance_low": "float64",
    "distance_high": "float64",
    "late_distance": "float64",
    "failure_rate": "float64",
    "seeds": "int64",
    "gain": "float64",
    "effect": "float64",
    "p_value": "float64",
    "p_adjusted": "float64",
    "exact": "bool",
    "decided": "bool",
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """A setting of a path.

    change     the change that leads to it from the setting before, by dotted path: old and new value; empty for the
               authors' setting
    searched   False for the change of everything that the condition does not search
    distances  late distance of every fresh seed, +inf for a failed one
    late       median of the late distances, of failed seeds too
    """

    change: Mapping[str, tuple[Any, Any]]
    searched: bool
    distances: Float[np.ndarray, "seeds"]
    late: float


def paths(results: Results) -> dict[str, list[Step]]:
    """The steps of each condition's path, once all of its trials have finished, by condition.

    The first step is the authors' setting, the last one the setting found. A hyperparameter with equal values in both
    is no step.
    """
    if not results.study.search.confirm.path:
        return {}
    found = {(spec.condition, spec.phase, spec.index): spec.configuration for spec in results.specs}
    steps = {
        condition.name: _steps(results, condition, AuthorsPath(condition, goal))
        for condition in results.study.conditions
        if (goal := found.get((condition.name, "confirm", FIRST))) is not None and possible_changes(condition)
    }
    return {condition: of_path for condition, of_path in steps.items() if of_path}


def _steps(results: Results, condition: Condition, path: AuthorsPath) -> list[Step]:
    """The steps of one path; none unless all of its trials have finished."""
    changes = possible_changes(condition)
    settings = [("authors", FIRST), *(("path", index) for index in range(len(changes))), ("confirm", FIRST)]
    members = [_members(results, condition.name, phase, index) for phase, index in settings]
    if any(of_setting.empty for of_setting in members):
        return []
    order = _order(results, condition, path)
    moved: list[Mapping[str, tuple[Any, Any]]] = [{}, path.first_differences(), *map(path.values, order)]
    return [
        Step(
            change=change,
            searched=number > 1,
            distances=failed_as_infinity(of_setting),
            late=float(of_setting["late_distance"].median()),
        )
        for number, (change, of_setting) in enumerate(zip(moved, members, strict=True))
        if change or number == 0
    ]


def _members(results: Results, condition: str, phase: str, index: int) -> pd.DataFrame:
    members = results.members
    of_trial = (members["condition"] == condition) & (members["phase"] == phase) & (members["trial"] == index)
    return members[of_trial]


def _order(results: Results, condition: Condition, path: AuthorsPath) -> list[Change]:
    """The changes in the order in which they were made, from the configurations of the path trials."""
    trained = {spec.index: spec.configuration for spec in results.specs if _is_on_path(spec, condition)}
    order: list[Change] = []
    for index in range(1, len(trained)):
        left = [change for change in possible_changes(condition) if change not in order]
        fitting = [change for change in left if path.configuration([*order, change]) == trained[index]]
        if not fitting:
            raise DamagedError(results.place, f"the path trials of {condition.name} are on no path")
        order.append(fitting[0])
    return [*order, *(change for change in possible_changes(condition) if change not in order)]


def _is_on_path(spec: Any, condition: Condition) -> bool:
    return (spec.condition, spec.phase) == (condition.name, "path")


def path_table(of_conditions: Mapping[str, list[Step]], names: Mapping[str, str], *, seed: int) -> pd.DataFrame:
    """A row per setting on a path from the authors' setting to the setting found; columns as in `PATHS`.

    A condition has rows once all trials of its path have finished, with `search.confirm.path`.

    step            0 for the authors' setting, then 1, 2, ...; the last one is the setting found
    change          the change from the setting before, as "hyperparameter: old -> new"; several that are made together
                    are separated by ";". "what is not searched: ..." is the change of everything that the condition
                    does not search, always the first one; it is missing where the authors' setting and the study agree
                    in it. Fields that one of two kinds of optimizer, objective or constraint lacks are not listed
    distance        interquartile mean of the late distances, empty if too many seeds failed, with its bootstrap
    distance_low    interval, as in the ranking. All settings have the seeds of confirm, and no change was chosen by
    distance_high   their results
    late_distance   median of the late distances, of failed seeds too
    failure_rate    failed seeds / `seeds`
    gain            distance of the setting before less that of this one, positive if the change brings it closer to
                    real data; empty if one of them has no distance
    effect          estimated chance that a seed of this setting ends at a smaller distance than one of the setting
                    before, plus half the chance of a tie
    p_value,        as in `pairs`, of this setting against the one before, adjusted for the number of changes of the
    p_adjusted,     condition; empty for step 0. The test is unpaired although both have the same seeds
    exact, decided

    The order was chosen greedily: in each step the change after which a setting scores best on other seeds. In another
    order a change may gain more or less, where hyperparameters depend on each other.

    Source: Fawcett & Hoos 2016, doi:10.1007/s10732-014-9275-9.
    """
    rows = (row for condition, steps in of_conditions.items() for row in _rows(condition, steps, names, seed))
    return table_of(rows, PATHS)


def _rows(condition: str, steps: list[Step], names: Mapping[str, str], seed: int) -> Iterator[dict[str, Any]]:
    settings = [_setting(condition, number, step, names, seed) for number, step in enumerate(steps)]
    first, *later = settings
    untested = {"gain": np.nan, "effect": np.nan, "p_value": np.nan, "p_adjusted": np.nan}
    yield {**first, **untested, "exact": False, "decided": False}
    tests = [_test(before, after, seed) for before, after in pairwise(steps)]
    for setting, before, test in zip(later, settings, adjusted(tests), strict=False):
        yield {**setting, **test, "gain": before["distance"] - setting["distance"]}


def _setting(condition: str, number: int, step: Step, names: Mapping[str, str], seed: int) -> dict[str, Any]:
    estimates, ends = point_estimates(step.distances), interval_ends(step.distances, seed)
    return {
        "condition": condition,
        "step": number,
        "change": change_in_words(step, names),
        "distance": estimates["distance"],
        "distance_low": ends["distance_low"],
        "distance_high": ends["distance_high"],
        "late_distance": step.late,
        "failure_rate": estimates["failure_rate"],
        "seeds": len(step.distances),
    }


def _test(before: Step, after: Step, seed: int) -> dict[str, Any]:
    p_value, exact = permutation_test(after.distances, before.distances, seed=seed)
    return {"effect": effect(after.distances, before.distances), "p_value": p_value, "exact": exact}


def change_in_words(step: Step, names: Mapping[str, str]) -> str:
    """The change of a step, as in "n_critic: 5 -> 1"; `AUTHORS` for the authors' setting.

    names  short names of the searched hyperparameters
    """
    parts = [
        f"{names.get(path, path.removeprefix('training.'))}: {_old_and_new(old, new)}"
        for path, (old, new) in step.change.items()
        if path in names or not _follows_from_kind(path, step)
    ]
    if not parts:
        return AUTHORS
    return "; ".join(parts) if step.searched else f"{NOT_SEARCHED}: {'; '.join(parts)}"


def _follows_from_kind(path: str, step: Step) -> bool:
    """True for a field that one of two kinds of its table lacks."""
    return None in step.change[path] and f"{path.rpartition('.')[0]}.kind" in step.change


def _text(value: Any) -> str:
    """A value with three significant digits; a list as in "[0.5, 0.9]", "none" for a missing value."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    return "none" if value is None else format_setting(value)


def _old_and_new(old: Any, new: Any) -> str:
    """Two values as in "5 -> 1", with every digit where they would look the same otherwise."""
    texts = (_text(old), _text(new))
    return " -> ".join(texts if texts[0] != texts[1] else (value_text(old), value_text(new)))
