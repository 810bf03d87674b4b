"""Settings in which the conditions of a study differ although it compares something else, and what only some search."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gan_core.presets import PRESETS
from studies.file.condition import Condition
from studies.file.distribution_tables import written
from studies.file.study import Study
from studies.file.trees import contains

COMPARED = ("objective", "constraint")
"""Parts of a setting that a study compares, if its conditions differ in them."""
_OWN = tuple(f"{part}." for part in COMPARED)
SHARED = ("networks", "training")
"""Parts that should then be the same for all conditions, or searched alike."""
OF_ENERGIES = ("networks.critic.form", "networks.critic.energy", "networks.critic.code")
"""Settings that an objective may need to differ: those that make a critic's output an energy."""
AUTOENCODER = "autoencoder"
"""Part of the kinds of critics that some objectives need."""


@dataclass(frozen=True)
class UnequalSetting:
    """A setting that is not the same for all conditions.

    path       its dotted path in a condition, `training.n_critic`
    by_value   names of the conditions for each value, as text: a number, or the distribution that is searched
    """

    path: str
    by_value: Mapping[str, list[str]]


@dataclass(frozen=True)
class UnequalSearch:
    """Hyperparameters of objectives and constraints by condition: some conditions search theirs, others none of theirs.

    searched  dotted paths that a condition searches
    fixed     dotted paths that a condition could search
    """

    searched: Mapping[str, list[str]]
    fixed: Mapping[str, list[str]]


def unequal_search(study: Study) -> UnequalSearch | None:
    """The conditions that search no hyperparameter of their objective or constraint beside others that do.

    None if all search alike. A condition could search what its preset has a range for, and what it has in common with
    a condition that searches it.
    """
    searched = {
        condition.name: [path for path in condition.hyperparameters if path.startswith(_OWN)]
        for condition in study.conditions
    }
    elsewhere = {path for paths in searched.values() for path in paths}
    fixed = {}
    for condition in study.conditions:
        if not searched[condition.name] and not condition.own_loop:
            preset = PRESETS.get(condition.preset or "")
            suggested = {} if preset is None else preset.ranges
            present = [path for path in sorted(elsewhere) if contains(condition.table, path.split("."))]
            if own := [path for path in dict.fromkeys([*suggested, *present]) if path.startswith(_OWN)]:
                fixed[condition.name] = own
    if not elsewhere or not fixed:
        return None
    return UnequalSearch(searched={name: paths for name, paths in searched.items() if paths}, fixed=fixed)


def unequal_settings(study: Study) -> list[UnequalSetting]:
    """The settings of networks and training that differ between conditions with different objectives or constraints.

    Conditions with a loop of their own have none of these settings. None if all conditions have the same objective
    and constraint: then such a difference is what the study compares. A setting whose values are each combined with
    the same objectives and constraints is left out, since it favours none of them, and so is an autoencoder as
    critic beside one other kind, since some objectives need it. Tables of different kinds are compared by their
    kind alone.
    """
    conditions = [condition for condition in study.conditions if not condition.own_loop]
    if not conditions or all(_compared(condition) == _compared(conditions[0]) for condition in conditions):
        return []
    flat = {condition.name: dict(_leaves(condition)) for condition in conditions}
    compared = {condition.name: repr(_compared(condition)) for condition in conditions}
    paths = dict.fromkeys(path for leaves in flat.values() for path in leaves)
    found = []
    for path in paths:
        if path in OF_ENERGIES or any(len(_by_value(flat, kind)) > 1 for kind in _kinds_above(path)):
            continue
        by_value = _by_value(flat, path)
        if len(by_value) > 1 and not _is_crossed(by_value, compared) and not _is_needed(path, by_value):
            found.append(UnequalSetting(path, by_value))
    return found


def _is_crossed(by_value: Mapping[str, list[str]], compared: Mapping[str, str]) -> bool:
    """True if every value is combined with the same objectives and constraints."""
    combined = [sorted(compared[name] for name in names) for names in by_value.values()]
    return all(each == combined[0] for each in combined)


def _is_needed(path: str, by_value: Mapping[str, list[str]]) -> bool:
    return path == "networks.critic.kind" and sum(AUTOENCODER not in kind for kind in by_value) <= 1


def _by_value(flat: Mapping[str, Mapping[str, str]], path: str) -> dict[str, list[str]]:
    """Names of the conditions for each value of a setting; conditions without it are left out."""
    names: dict[str, list[str]] = {}
    for name, leaves in flat.items():
        if path in leaves:
            names.setdefault(leaves[path], []).append(name)
    return names


def _compared(condition: Condition) -> list[Any]:
    return [condition.table.get(part) for part in COMPARED]


def _leaves(condition: Condition) -> Iterator[tuple[str, str]]:
    for part in SHARED:
        yield from _below(condition, part, condition.table.get(part, {}))
    if not condition.classes:  # a table leaves out the default
        yield "networks.classes", "0"


def _below(condition: Condition, path: str, value: Any) -> Iterator[tuple[str, str]]:
    if path in condition.hyperparameters:
        yield path, f"drawn from {written(condition.hyperparameters[path])}"
    elif isinstance(value, Mapping):
        for key in sorted(value, key=lambda key: (key != "kind", key)):  # a table's kind first
            yield from _below(condition, f"{path}.{key}", value[key])
    else:
        yield path, str(value)


def _kinds_above(path: str) -> list[str]:
    """Paths of the kinds of all tables around a setting, but not of the setting itself if it is a kind."""
    parts = path.split(".")
    kinds = [".".join([*parts[:depth], "kind"]) for depth in range(1, len(parts))]
    return [kind for kind in kinds if kind != path]
