"""Validation of the values of a study file against the annotations of dataclass fields, with pydantic."""

from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from studies.file.distribution_tables import SEARCHABLE, unknown_distribution
from studies.file.messages import LARGEST_INTEGER, format_value
from studies.file.refusal import Refusal
from studies.file.trees import Parts, leaves

_STRICT = ConfigDict(strict=True, allow_inf_nan=False)


@cache
def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The members of an annotation that is a union; otherwise a tuple of the annotation alone."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def build_value(annotation: Any, value: Any, parts: Parts) -> Any:
    """The value, converted to the annotated type: an integer to a float, a list to a tuple, nothing else.

    Errors: `Refusal` with the rule of the annotation that the value breaks.
    """
    _check_representable(value, parts)
    given = tuple(value) if isinstance(value, list) else value
    kind: type = type(value)
    try:
        result = _adapter(annotation, kind).validate_python(given)
    except PydanticUserError:
        raise Refusal(parts, "must be annotated as a number, text, true or false, or a tuple of those") from None
    except ValidationError as error:
        raise _from_pydantic(error.errors()[0], annotation, value, parts) from None
    if type(result) is not type(given) and not (type(given) is int and type(result) is float):
        # True == 1 == 1.0 in Python, so a Literal accepts any of them for another
        raise Refusal(parts, f"must be {format_value(result)}", f"is {format_value(value)}")
    return result


def _alternative(annotation: Any, given: type) -> Any:
    """The union member that fits a value of the type, if one of two is a Literal or a tuple; else the annotation."""
    for origin, fitting in ((Literal, str), (tuple, list | tuple)):
        special = [choice for choice in alternatives(annotation) if get_origin(choice) is origin]
        others = [choice for choice in alternatives(annotation) if get_origin(choice) is not origin]
        if len(special) == len(others) == 1:
            return special[0] if issubclass(given, fitting) else others[0]
    return annotation


@cache
def _adapter(annotation: Any, given: type) -> TypeAdapter[Any]:
    return TypeAdapter(_alternative(annotation, given), config=_STRICT)


def _check_representable(value: Any, parts: Parts) -> None:
    numbers = (leaf for _, leaf in leaves(value, lambda node: isinstance(node, Mapping)) if isinstance(leaf, int))
    if any(abs(number) > LARGEST_INTEGER for number in numbers):
        raise Refusal(parts, "must fit into 64 bits", f"is {format_value(value)}")
    if isinstance(value, str) and not value.isprintable():
        raise Refusal(parts, "must not hold control characters", f"is {format_value(value)}")


def _from_pydantic(error: ErrorDetails, annotation: Any, value: Any, parts: Parts) -> Refusal:
    if error["type"] in ("missing", "too_long", "tuple_type"):
        of_any_length = Ellipsis in get_args(annotation)
        length = "" if of_any_length else f" of {len(get_args(annotation))} values"
        return Refusal(parts, f"must be a list{length}", f"is {format_value(value)}")
    path = (*parts, *(str(position) for position in error["loc"]))
    given = error["input"]
    searchable = isinstance(given, Mapping) and parts[0] in SEARCHABLE
    but = unknown_distribution(given) if searchable else format_value(given)
    return Refusal(path, _must(error["type"], error.get("ctx", {}), error["msg"]), f"is {but}")


def _bound(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else f"{bound:g}"


def _must(kind: str, context: Mapping[str, Any], message: str) -> str:
    match kind:
        case "greater_than":
            return f"must be > {_bound(context['gt'])}"
        case "greater_than_equal":
            return f"must be >= {_bound(context['ge'])}"
        case "less_than":
            return f"must be < {_bound(context['lt'])}"
        case "less_than_equal":
            return f"must be <= {_bound(context['le'])}"
        case "int_type" | "int_from_float":
            return "must be an integer"
        case "float_type":
            return "must be a number"
        case "finite_number":
            return "must be a finite number"
        case "bool_type":
            return "must be true or false"
        case "dict_type":
            return "must be a table"
        case "string_type":
            return "must be text"
        case "string_too_short":
            return "must not be empty"
        case "literal_error":
            return f"must be one of {context['expected'].replace(' or ', ', ').replace(chr(39), '')}"
        case _:
            return f"must fit its annotation ({message})"
