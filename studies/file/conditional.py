"""Hyperparameters that are searched at some values of others only: checks, values and extremes."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from studies.file.distribution_tables import is_distribution
from studies.file.distributions import (
    Choice,
    Distribution,
    Grid,
    IntLogUniform,
    IntUniform,
    Value,
    When,
    is_searched,
    may_draw,
)
from studies.file.messages import format_value
from studies.file.refusal import Refusal
from studies.file.trees import Parts


def check_parents(hyperparameters: Mapping[str, Distribution], source_path: Callable[[Parts], Parts]) -> None:
    """Check that every hyperparameter with `when` depends on values that other hyperparameters can have.

    source_path  path in the study file of the value at a path

    Errors: `Refusal` for a parent that is not searched or is a range of real numbers, for a value that it cannot have,
    and for a hyperparameter that depends on itself.
    """
    for path, hyperparameter in hyperparameters.items():
        if hyperparameter.when is None:
            continue
        place = (*source_path(tuple(path.split("."))), "when")
        for parent, values in hyperparameter.when.parents:
            _check_parent(hyperparameters, parent, values, (*place, parent))
        chain = _chain_to_itself(path, hyperparameters)
        if chain:
            raise Refusal(place, "must not depend on the hyperparameter itself", f"depends on {' -> '.join(chain)}")


def full_values(hyperparameters: Mapping[str, Distribution], values: Mapping[str, Value]) -> dict[str, Value]:
    """The value of every hyperparameter: that in `values`, and `otherwise` for those that are not searched there."""
    return {path: _value(path, hyperparameters, values) for path in hyperparameters}


def extreme_configurations(hyperparameters: Mapping[str, Distribution]) -> Iterator[dict[str, Value]]:
    """Configurations with each hyperparameter in turn at each of its extremes and the others at their first extreme.

    For a hyperparameter with `when`, its parents have the first values at which it is searched.
    """
    first: dict[str, Value] = {path: hyperparameter.extremes()[0] for path, hyperparameter in hyperparameters.items()}
    yield _searched(hyperparameters, first)
    for path, hyperparameter in hyperparameters.items():
        extremes = hyperparameter.extremes()
        for value in extremes if hyperparameter.when else extremes[1:]:
            yield _searched(hyperparameters, {**first, **_fitting(path, hyperparameters), path: value})


def without_conditional(tree: Any) -> Any:
    """A copy of a tree without its distributions with `when`, and without the lists that hold one."""
    if not isinstance(tree, Mapping) or is_distribution(tree):
        return tree
    return {key: without_conditional(value) for key, value in tree.items() if not _holds_conditional(value)}


def _holds_conditional(value: Any) -> bool:
    if isinstance(value, list):
        return any(_holds_conditional(element) for element in value)
    return isinstance(value, Mapping) and is_distribution(value) and "when" in value


def _check_parent(
    hyperparameters: Mapping[str, Distribution], parent: str, values: tuple[Value, ...], place: Parts
) -> None:
    if parent not in hyperparameters:
        others = ", ".join(hyperparameters)
        raise Refusal(place, f"must be a searched hyperparameter of the condition: {others}")
    distribution = hyperparameters[parent]
    if not isinstance(distribution, Choice | Grid | IntUniform | IntLogUniform):
        raise Refusal(place, "must be a choice, a grid or a range of integers", f"is {distribution.key}")
    for value in values:
        if not may_draw(distribution, value):
            content = format_value(distribution.content())
            must = f"must be values of {distribution.key} {content}"
            raise Refusal(place, must, f"holds {format_value(value)}")


def _chain_to_itself(path: str, hyperparameters: Mapping[str, Distribution]) -> tuple[str, ...]:
    """The chain of parents from a hyperparameter back to itself; empty if there is none."""
    chains: list[tuple[str, ...]] = [(path,)]
    while chains:
        chain = chains.pop()
        for parent in _parents(hyperparameters[chain[-1]].when):
            if parent == path:
                return (*chain[1:], parent)
            if parent in hyperparameters and parent not in chain:
                chains.append((*chain, parent))
    return ()


def _parents(when: When | None) -> tuple[str, ...]:
    return () if when is None else tuple(parent for parent, _ in when.parents)


def _fitting(path: str, hyperparameters: Mapping[str, Distribution]) -> dict[str, Value]:
    """The first values of the parents, and of their parents, at which a hyperparameter is searched."""
    when = hyperparameters[path].when
    fitting: dict[str, Value] = {}
    for parent, values in () if when is None else when.parents:
        fitting |= {**_fitting(parent, hyperparameters), parent: values[0]}
    return fitting


def _searched(hyperparameters: Mapping[str, Distribution], values: dict[str, Value]) -> dict[str, Value]:
    return {path: value for path, value in values.items() if is_searched(path, hyperparameters, values)}


def _value(path: str, hyperparameters: Mapping[str, Distribution], values: Mapping[str, Value]) -> Value:
    when = hyperparameters[path].when
    return values[path] if path in values or when is None else when.otherwise
