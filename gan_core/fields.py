"""Types of bounded hyperparameters, the check of their bounds, and copies with other numbers."""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from math import inf, isfinite
from numbers import Integral
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Fraction = Annotated[float, Ge(0), Lt(1)]
Count = Annotated[int, Ge(1)]
Whole = Annotated[int, Ge(0)]
Depth = Annotated[int, Ge(1), Le(1000)]
"""Number of layers of a network."""
MOST_STEPS = 10**9
"""Largest number of training steps; a billion of the smallest networks take days."""
Steps = Annotated[int, Ge(1), Le(MOST_STEPS)]
"""Number of training steps."""
StepsOrNone = Annotated[int, Ge(0), Le(MOST_STEPS)]
"""Number of training steps, or 0."""
StepsInIteration = Annotated[int, Ge(1), Le(10**6)]
"""Number of critic steps in one iteration."""

_BOUNDS = {
    Gt: ("gt", ">", lambda value, bound: value > bound),
    Ge: ("ge", ">=", lambda value, bound: value >= bound),
    Lt: ("lt", "<", lambda value, bound: value < bound),
    Le: ("le", "<=", lambda value, bound: value <= bound),
}


def check_fields(description: Any) -> None:
    """Check the numbers in a dataclass of hyperparameters against the bounds in the annotations of its fields.

    Errors: `ValueError("clip_value: must be > 0, but is -0.01")` for the first field that is out of bounds, infinite or
    NaN.
    """
    bounds = _bounds(description.__class__)
    for field in fields(description):
        value = getattr(description, field.name)
        if isinstance(value, float) and not isfinite(value):
            raise ValueError(f"{field.name}: must be a finite number, but is {value}")
        if not isinstance(value, int | float):
            continue  # a choice such as "auto" in place of a number, or a table
        for bound in bounds[field.name]:
            attribute, sign, holds = _BOUNDS[type(bound)]
            limit = getattr(bound, attribute)
            if not holds(value, limit):
                raise ValueError(f"{field.name}: must be {sign} {limit}, but is {value}")


@cache
def _bounds(kind: type) -> dict[str, list[Any]]:
    """The bounds in the annotation of each field; an annotation of a user's class may hold other metadata."""
    hints = get_type_hints(kind, include_extras=True)
    choices = {field.name: (hints[field.name], *get_args(hints[field.name])) for field in fields(kind)}
    return {
        name: [item for part in parts for item in getattr(part, "__metadata__", ()) if type(item) in _BOUNDS]
        for name, parts in choices.items()
    }


Described = TypeVar("Described")


def numbers(description: Any) -> dict[str, Any]:
    """Hyperparameters that may differ between the members of a pack, by name: fields annotated as a float, or floats.

    A field at one of its class's `special_values` is left out: there the mathematics takes another branch.
    """
    hints = _hints(description.__class__)
    special = getattr(description, "special_values", {})
    values = {field.name: getattr(description, field.name) for field in fields(description)}
    return {
        name: value
        for name, value in values.items()
        if _is_number(hints[name], value) and not (name in special and is_exactly(value, special[name]))
    }


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _is_number(hint: Any, value: Any) -> bool:
    if isinstance(value, tuple):
        return len(value) > 0 and get_args(hint) == (float,) * len(value)
    return hint is float and isinstance(value, int | float)


def is_exactly(value: Any, number: int | float) -> bool:
    """True if a hyperparameter has this value; False for a tensor with a number per member of a pack.

    For fields in `special_values`, whose members agree in it. Such a field in an `if` does not hinder a pack.
    """
    return isinstance(value, int | float) and value == number


def with_numbers(description: Described, values: Mapping[str, Any]) -> Described:
    """A copy with other values of some fields, without `__post_init__` and what was computed from the old values."""
    kind: Any = type(description)
    changed = object.__new__(kind)
    for field in fields(kind):
        value = values[field.name] if field.name in values else getattr(description, field.name)
        object.__setattr__(changed, field.name, value)  # a description is frozen
    return changed


def check_integer(name: str, value: Any, least: int, most: float = inf) -> None:
    """Check an argument of a function.

    Errors: `ValueError` with the argument's name if it is no integer in `least .. most`.
    """
    if not isinstance(value, Integral) or not least <= int(value) <= most:
        limits = f">= {least}" if most == inf else f"in {least} .. {most}"
        raise ValueError(f"{name}: must be an integer {limits}, but is {value!r}")
