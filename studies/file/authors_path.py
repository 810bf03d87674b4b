"""The path from the authors' setting of a condition to another configuration, one change at a time.

The first change, if there is one, concerns everything that the condition does not search: it takes the study's values.
From there on every setting is a configuration of the condition. Each further change gives one hyperparameter its value
in the other configuration. Hyperparameters that are tied by `when` change together.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from studies.file.condition import PARTS, Condition, Setting
from studies.file.conditional import extreme_configurations, full_values
from studies.file.distributions import Value, is_searched
from studies.file.trees import differences, substitute
from studies.file.validation import plain

Change = tuple[str, ...]
"""Dotted paths of the hyperparameters that change together: one, or several that are tied by `when`."""


@dataclass(frozen=True)
class AuthorsPath:
    """Settings between the authors' setting and the setting of a configuration.

    condition  must have an authors' setting
    goal       the configuration that the path leads to
    """

    condition: Condition
    goal: Mapping[str, Value]

    def configuration(self, changed: Collection[Change]) -> dict[str, Value]:
        """The configuration after these changes and that of everything that is not searched.

        The other hyperparameters have the authors' values. One for which the authors' setting has no value, since it
        has another optimizer or constraint, has that of the goal from the start.
        """
        paths = {path for change in changed for path in change}
        authors = {path: value for path, value in self.condition.authors_configuration().items() if path not in paths}
        values = {**self._goal, **authors}
        laws = self.condition.hyperparameters
        return {path: value for path, value in values.items() if is_searched(path, laws, values)}

    def first_differences(self) -> dict[str, tuple[object, object]]:
        """Old and new value of everything that the first change concerns, by path; empty if there is none."""
        values = self.condition.values(self.configuration(()))
        first = {part: plain(substitute(self.condition.table[part], values, part)) for part in PARTS}
        return {path: (old, new) for path, old, new in differences(self.condition.authors, first)}

    def values(self, change: Change) -> dict[str, tuple[Value, Value]]:
        """Old and new value of each hyperparameter of a change whose value differs, by path."""
        laws = self.condition.hyperparameters
        first = full_values(laws, self.configuration(()))
        return {path: (first[path], self._goal[path]) for path in change if first[path] != self._goal[path]}

    @cached_property
    def _goal(self) -> dict[str, Value]:
        return full_values(self.condition.hyperparameters, self.goal)


def possible_changes(condition: Condition) -> list[Change]:
    """Every change on a path from the authors' setting, sorted; none if the condition has no authors' setting.

    A change is possible if the authors' setting has a value for one of its hyperparameters.
    """
    if condition.authors is None:
        return []
    known = condition.authors_configuration()
    return [change for change in _tied(condition) if any(path in known for path in change)]


def settings_on_paths(condition: Condition) -> Iterator[Setting]:
    """Settings whose validity implies that of all settings on paths from the authors' setting.

    As for `Condition.extreme_settings`, the values are taken at their extremes and changed one at a time.
    """
    for goal in extreme_configurations(condition.hyperparameters) if condition.authors is not None else ():
        path = AuthorsPath(condition, goal)
        yield condition.setting(path.configuration(()))
        for change in possible_changes(condition):
            yield condition.setting(path.configuration([change]))


def _tied(condition: Condition) -> list[Change]:
    """The hyperparameters, those that are tied by `when` together."""
    groups = [{path} for path in sorted(condition.hyperparameters)]
    for path, hyperparameter in condition.hyperparameters.items():
        for parent, _ in hyperparameter.when.parents if hyperparameter.when else ():
            tied = [group for group in groups if path in group or parent in group]
            groups = [group for group in groups if group not in tied] + [set().union(*tied)]
    return sorted(tuple(sorted(group)) for group in groups)
