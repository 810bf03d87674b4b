"""Types of bounded hyperparameters, and the check of their bounds."""

from dataclasses import fields
from math import isfinite
from typing import Annotated, Any, get_args, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Fraction = Annotated[float, Ge(0), Lt(1)]
Count = Annotated[int, Ge(1)]
Whole = Annotated[int, Ge(0)]

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
    hints = get_type_hints(type(description), include_extras=True)
    for field in fields(description):
        value = getattr(description, field.name)
        if isinstance(value, float) and not isfinite(value):
            raise ValueError(f"{field.name}: must be a finite number, but is {value}")
        if not isinstance(value, int | float):
            continue  # a choice such as "auto" in place of a number, or a table
        choices = (hints[field.name], *get_args(hints[field.name]))
        for bound in (item for choice in choices for item in getattr(choice, "__metadata__", ())):
            if type(bound) not in _BOUNDS:
                continue  # an annotation of a user's class may hold other metadata
            attribute, sign, holds = _BOUNDS[type(bound)]
            limit = getattr(bound, attribute)
            if not holds(value, limit):
                raise ValueError(f"{field.name}: must be {sign} {limit}, but is {value}")
