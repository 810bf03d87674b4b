"""A table of a study file -> a frozen description, or one sentence that says what must hold.

Tables are walked here, so that the right description is chosen by `kind`, unknown keys are found and every sentence
has its path; pydantic checks each value against its field's annotation.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, asdict, fields, is_dataclass
from functools import lru_cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from studies.errors import InputError
from studies.sentences import LARGEST_INTEGER, nearest, printable, shown
from studies.space import is_distribution

Parts = tuple[str, ...]
"""Where a value stands: the keys from the top of the table down to it."""

_STRICT = ConfigDict(strict=True, allow_inf_nan=False)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Refusal(InputError):
    """A value that cannot stand where it stands: `must` says what holds there, `but` what was given instead."""

    def __init__(self, parts: Parts, must: str, but: str = ""):
        super().__init__(parts, must, but)
        self.parts, self.must, self.but = parts, must, but

    def at(self, parts: Parts) -> "Refusal":
        """The same sentence about another place."""
        return Refusal(parts, self.must, self.but)

    def under(self, *above: str) -> "Refusal":
        """The same sentence, seen from further up."""
        return self.at((*above, *self.parts))

    def __str__(self) -> str:
        sentence = f"{self.must}, but {self.but}" if self.but else self.must
        return f"{dotted(self.parts)}: {sentence}" if self.parts else sentence


def build(annotation: Any, value: Any, parts: Parts) -> Any:
    """What the annotation says, made of a value of a study file.

    Where it says a dataclass, or a union of dataclasses told apart by `kind`, the value must be a table without
    unknown keys; anything else is a value of exactly that type, where an integer may stand for a number and a list
    for a tuple.

    Errors: `Refusal`, for the first thing that does not hold.
    """
    if isinstance(value, Mapping) and is_distribution(value):
        raise Refusal(
            parts, "cannot be searched: a distribution may stand in objective, constraint, networks and training alone"
        )
    choices = descriptions(annotation)
    if not choices:
        return _build_value(annotation, value, parts)
    if not isinstance(value, Mapping):
        raise Refusal(parts, "must be a table", f"is {shown(value)}")
    return _build_description(_chosen(choices, value, parts), value, parts)


def plain(description: Any) -> dict[str, Any]:
    """The table that `build` makes this description of, every default written out; JSON and TOML can hold it."""
    return json.loads(json.dumps(asdict(description), allow_nan=False))


def check_name(value: Any, parts: Parts) -> str:
    """A name that can be a folder, a part of a URL and a part of a dotted path."""
    name = build(str, value, parts)
    if not _NAME.fullmatch(name):
        raise Refusal(
            parts, "must be 1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit", f"is {shown(name)}"
        )
    return name


def refuse_unknown(table: Mapping[str, Any], known: Iterable[str], parts: Parts, owner: str = "") -> None:
    """Errors: `Refusal` for the first key that is not known, with the nearest one or with all of them."""
    names = list(known)
    for key in table:
        if key not in names:
            near = nearest(key, names)
            all_of_them = f"{owner} knows {', '.join(names)}" if owner else f"known are {', '.join(names)}"
            hint = f"did you mean {near}?" if near else all_of_them
            raise Refusal((*parts, key), f"unknown key; {hint}")


def choose(value: Any, known: Iterable[str], parts: Parts) -> str:
    """One of the known words.

    Errors: `Refusal` with the nearest one, or with all of them.
    """
    names = list(known)
    if isinstance(value, str) and value in names:
        return value
    near = nearest(value, names) if isinstance(value, str) else None
    raise Refusal(
        parts, f"must be one of {', '.join(names)}", f"is {shown(value)}" + (f"; did you mean {near}?" if near else "")
    )


def dotted(parts: Parts) -> str:
    """The path as it is printed."""
    return ".".join(printable(part) for part in parts)


@lru_cache
def field_types(description: type) -> dict[str, Any]:
    """The annotation of each field, by its name."""
    hints = get_type_hints(description, include_extras=True)
    return {field.name: hints[field.name] for field in fields(description)}


def descriptions(annotation: Any) -> tuple[Any, ...]:
    """The dataclasses that an annotation chooses from, none if it says anything else."""
    choices = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return choices if all(is_dataclass(choice) for choice in choices) else ()


def _chosen(choices: tuple[Any, ...], table: Mapping[str, Any], parts: Parts) -> Any:
    if "kind" not in field_types(choices[0]):
        return choices[0]
    kinds = {choice.kind: choice for choice in choices}
    if "kind" not in table:
        raise Refusal((*parts, "kind"), f"must be given, one of {', '.join(kinds)}")
    return kinds[choose(table["kind"], kinds, (*parts, "kind"))]


def _build_description(description: Any, table: Mapping[str, Any], parts: Parts) -> Any:
    types = field_types(description)
    refuse_unknown(table, types, parts, owner=getattr(description, "kind", ""))
    for field in fields(description):
        if field.name not in table and _is_required(field):
            raise Refusal((*parts, field.name), "must be given")
    values = {name: build(types[name], value, (*parts, name)) for name, value in table.items()}
    try:
        return description(**values)
    except ValueError as error:
        raise _from_description(error, types, parts) from None


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _from_description(error: ValueError, names: Iterable[str], parts: Parts) -> Refusal:
    """The sentence of a description that checks more than its annotations say: "clip_value: must be ..."."""
    name, colon, sentence = str(error).partition(": ")
    known = bool(colon) and name.partition(".")[0] in names
    return Refusal((*parts, *name.split(".")), sentence) if known else Refusal(parts, str(error))


def _build_value(annotation: Any, value: Any, parts: Parts) -> Any:
    _refuse_unfit(value, parts)
    given = tuple(value) if isinstance(value, list) else value
    try:
        result = _adapter(annotation).validate_python(given)
    except ValidationError as error:
        raise _from_pydantic(error.errors()[0], annotation, value, parts) from None
    if type(result) is not type(given) and not (type(given) is int and type(result) is float):
        # Python says True == 1 == 1.0, and so does a Literal.
        raise Refusal(parts, f"must be {shown(result)}", f"is {shown(value)}")
    return result


@lru_cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation, config=_STRICT)


def _refuse_unfit(value: Any, parts: Parts) -> None:
    if not _fits(value):
        raise Refusal(parts, "must fit into 64 bits", f"is {shown(value)}")
    if isinstance(value, str) and not value.isprintable():
        raise Refusal(parts, "must not hold control characters", f"is {shown(value)}")


def _fits(value: Any) -> bool:
    if isinstance(value, list):
        return all(_fits(element) for element in value)
    return not isinstance(value, int) or abs(value) <= LARGEST_INTEGER


def _from_pydantic(error: ErrorDetails, annotation: Any, value: Any, parts: Parts) -> Refusal:
    if error["type"] in ("missing", "too_long", "tuple_type"):
        return Refusal(parts, f"must be a list of {len(get_args(annotation))} values", f"is {shown(value)}")
    place = (*parts, *(str(position) for position in error["loc"]))
    return Refusal(place, _must(error["type"], error.get("ctx", {}), error["msg"]), f"is {shown(error['input'])}")


def _must(kind: str, context: Mapping[str, Any], message: str) -> str:
    match kind:
        case "greater_than":
            return f"must be > {context['gt']:g}"
        case "greater_than_equal":
            return f"must be >= {context['ge']:g}"
        case "less_than":
            return f"must be < {context['lt']:g}"
        case "less_than_equal":
            return f"must be <= {context['le']:g}"
        case "int_type" | "int_from_float":
            return "must be an integer"
        case "float_type":
            return "must be a number"
        case "finite_number":
            return "must be a finite number"
        case "bool_type":
            return "must be true or false"
        case "string_type":
            return "must be text"
        case "string_too_short":
            return "must not be empty"
        case "literal_error":
            return f"must be one of {context['expected'].replace(' or ', ', ').replace(chr(39), '')}"
        case _:
            return f"does not fit ({message})"
