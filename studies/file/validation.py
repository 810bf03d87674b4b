"""Building of frozen dataclasses from tables of a study file; a wrong table raises an error of one sentence.

This module chooses the dataclass by `kind`, finds unknown keys and adds the path to every error.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from inspect import isabstract
from typing import Any, get_args, get_origin, get_type_hints

from gan_core.data import AnyData, Sizes
from gan_core.metric_description import Direction
from gan_core.metrics import AVERAGE, AnyMetric
from gan_core.networks import AnyCritic, AnyGenerator, ConditionalCritic, ConditionalGenerator
from gan_core.objectives import AnyObjective
from gan_core.shapes import CriticForm
from gan_core.training import OwnLoop
from studies.file.distribution_tables import is_distribution
from studies.file.hung_code import hung_code_ended
from studies.file.messages import format_value, nearest
from studies.file.modules import describe_error, is_reference, kind_class
from studies.file.refusal import Faults, Listed, Refusal, Unreadable
from studies.file.trees import Parts
from studies.file.values import alternatives, build_value

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""Regular expression of the name of a study or condition."""


USERS_ONLY = (AnyMetric, OwnLoop)
"""Contracts for which a study file names users' classes alone: those of the library need no table."""


def build(annotation: Any, value: Any, parts: Parts) -> Any:
    """An object of the annotated type, built from a value of a study file.

    If the annotation is a dataclass, or a union of dataclasses distinguished by `kind`, the value must be a table
    without unknown keys. If the union also holds a contract (`AnyObjective`, ...), `kind` may name a user's class.
    Otherwise the value must have exactly the annotated type, except that an integer may stand for a float and a list
    for a tuple.

    Errors: `Refusal` for a rule that does not hold, `Refusals` for several in different fields.
    """
    if isinstance(value, Unreadable) or (isinstance(value, list) and any(isinstance(e, Unreadable) for e in value)):
        raise Listed
    if isinstance(value, Mapping) and is_distribution(value):
        raise Refusal(
            parts,
            "cannot be searched: only objective, constraint, networks, training, trainer may hold distributions",
        )
    if _of_plain_values(annotation):
        return build_value(annotation, value, parts)
    if (choices := value_and_table(annotation)) is not None:
        return build(choices[isinstance(value, Mapping)], value, parts)
    if (element := listed_tables(annotation)) is not None:
        if not isinstance(value, list | tuple):
            raise Refusal(parts, "must be a list of tables", f"is {format_value(value)}")
        return _build_all(element, value, parts)
    if not isinstance(value, Mapping):
        example = TABLES_BY_EXAMPLE.get(".".join(parts))
        raise Refusal(parts, f"must be a table{f', as in {example}' if example else ''}", f"is {format_value(value)}")
    if (user_class := _user_class(annotation, value, parts)) is not None:
        return _build_user_class(user_class, value, parts)
    users = any(isabstract(choice) for choice in alternatives(annotation))
    return _build_description(_chosen(descriptions(annotation), value, parts, users=users), value, parts)


@cache
def _of_plain_values(annotation: Any) -> bool:
    """True for numbers, text, true or false, and tuples of those."""
    of_tables = value_and_table(annotation) is not None or listed_tables(annotation) is not None
    return not of_tables and not descriptions(annotation) and annotation not in USERS_ONLY


def _build_all(annotation: Any, values: Iterable[Any], parts: Parts) -> tuple[Any, ...]:
    faults, built = Faults(), []
    for position, value in enumerate(values):
        with faults.collected():
            built.append(build(annotation, value, (*parts, str(position))))
    faults.raise_found()
    return tuple(built)


@cache
def value_and_table(annotation: Any) -> tuple[Any, Any] | None:
    """The members of a union of a plain type and a dataclass, in this order; None for any other annotation."""
    choices = alternatives(annotation)
    if len(choices) != 2 or is_dataclass(choices[0]) or not is_dataclass(choices[1]) or isabstract(choices[0]):
        return None
    return choices[0], choices[1]


def plain(value: Any) -> Any:
    """A dataclass as a JSON-serialisable table with every default, from which `build` makes an equal dataclass.

    A tuple becomes a list; numbers and text stay as they are. A class's `left_out` names the values of fields that its
    table lacks, since older tables, and what is hashed, lack the field.
    """
    return json.loads(json.dumps(_table(value), allow_nan=False))


@cache
def listed_tables(annotation: Any) -> Any | None:
    """The annotation of the tables in a list of tables of any length; None for any other annotation."""
    if get_origin(annotation) is not tuple or get_args(annotation)[1:] != (Ellipsis,):
        return None
    element = get_args(annotation)[0]
    return element if descriptions(element) or element in USERS_ONLY else None


def _table(value: Any) -> Any:
    if isinstance(value, RecordedTable):
        return dict(value.table)
    if is_dataclass(value):
        if isinstance(value, ConditionalGenerator | ConditionalCritic):
            return _table(value.network)  # the pair's table says that they get labels
        absent = getattr(value, "left_out", {})
        values = {field.name: getattr(value, field.name) for field in fields(value)}
        table = {name: _table(one) for name, one in values.items() if name not in absent or one != absent[name]}
        kind = getattr(value, "kind", None)  # a user's class need not have a field `kind`
        return {"kind": kind} | table if is_reference(kind) else table
    return [_table(element) for element in value] if isinstance(value, tuple) else value


def check_name(value: Any, parts: Parts) -> str:
    """The value, if it is a name that can be a folder, a part of a URL and a part of a dotted path.

    Errors: `Refusal` otherwise.
    """
    name = build(str, value, parts)
    if not re.fullmatch(NAME, name):
        raise Refusal(
            parts,
            "must be 1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit",
            f"is {format_value(name)}",
        )
    return name


def refuse_unknown(table: Mapping[str, Any], known: Iterable[str], parts: Parts, owner: str = "") -> None:
    """Check that a table holds known keys only; `owner` is the noun for the table in the message.

    Errors: those of `unknown_keys`.
    """
    faults = Faults()
    faults.add(unknown_keys(table, known, parts, owner))
    faults.raise_found()


def unknown_keys(table: Mapping[str, Any], known: Iterable[str], parts: Parts, owner: str = "") -> Iterator[Refusal]:
    """A refusal for each unknown key; it names the new key if it was renamed, else a similar key or all keys."""
    names = list(known)
    for key in table:
        if key not in names:
            yield Refusal((*parts, key), f"unknown key; {_hint(key, names, parts, owner)}")


FORMER_NAMES: Mapping[str, str] = {
    "measures": "evaluation",
    "stability": "outcomes",
    "data.reference": "data.held_out",
    "budget.measurements": "evaluation.measurements",
    "search.exploit_lag": "search.exploit.batch",
}
"""Present path of each renamed or moved key, by its former path."""


TABLES_BY_EXAMPLE: Mapping[str, str] = {"search.exploit": "{trials = 6, batch = 8}"}
"""Example of each table that was a number in earlier versions, by path."""


def _hint(key: str, names: list[str], parts: Parts, owner: str) -> str:
    present = FORMER_NAMES.get(".".join((*parts, key)), "")
    table, _, name = present.rpartition(".")
    if present and (table != ".".join(parts) or name in names):  # a kind of table may lack the present key
        return f"it is called {present} now"
    if (near := nearest(key, names)) is not None:
        return f"did you mean {near}?"
    return f"the keys of {owner} are {', '.join(names)}" if owner else f"known keys are {', '.join(names)}"


def choose(value: Any, known: Iterable[str], parts: Parts, *, own: str = "") -> str:
    """The value, if it is one of the known words; `own` says in the message what else could be given.

    Errors: `Refusal` with all known words and the most similar one.
    """
    names = list(known)
    if isinstance(value, str) and value in names:
        return value
    near = nearest(value, names) if isinstance(value, str) else None
    raise Refusal(
        parts,
        f"must be one of {_listed(names, own)}",
        f"is {format_value(value)}" + (f"; did you mean {near}?" if near else ""),
    )


def _listed(names: Iterable[str], own: str) -> str:
    return f"{', '.join(names)}{f', or {own}' if own else ''}"


@cache
def field_types(description: type) -> dict[str, Any]:
    """The annotation of each field of a dataclass, by name."""
    hints = get_type_hints(description, include_extras=True)
    return {field.name: hints[field.name] for field in fields(description)}


@cache
def descriptions(annotation: Any) -> tuple[Any, ...]:
    """The classes of an annotation that is a dataclass or a union of dataclasses; empty for any other annotation."""
    choices = tuple(choice for choice in alternatives(annotation) if not isabstract(choice))
    return choices if all(is_dataclass(choice) for choice in choices) else ()


def known_keys(annotation: Any, table: Mapping[str, Any], parts: Parts) -> list[str]:
    """The fields of all kinds of an annotation, and of the user's kind that the table names."""
    user_class = _user_class(annotation, table, parts)
    choices = descriptions(annotation) if user_class is None else (*descriptions(annotation), user_class)
    return sorted({key for choice in choices for key in field_types(choice)})


def _user_class(annotation: Any, table: Mapping[str, Any], parts: Parts) -> type | None:
    """The user's class that a table names as its kind, None if it names none or the annotation has no contract."""
    contracts = [choice for choice in alternatives(annotation) if isabstract(choice)]
    if not contracts or not is_reference(table.get("kind")):
        return None
    user_class = kind_class(table["kind"], contracts[0], (*parts, "kind"))
    try:
        field_types(user_class)
    except Exception as error:
        raise Refusal(
            parts, f"the annotations of {table['kind']} must be readable, but it {describe_error(error)}"
        ) from None
    return user_class


def _chosen(choices: tuple[Any, ...], table: Mapping[str, Any], parts: Parts, *, users: bool) -> Any:
    """The class that a table names by its kind; `users`: True if it may also name a user's class."""
    if not choices:
        but = f"is {format_value(table['kind'])}" if "kind" in table else "is missing"
        raise Refusal((*parts, "kind"), "must be MODULE:CLASS, a class of your own", but)
    if "kind" not in field_types(choices[0]):
        return choices[0]
    kinds = {choice.kind: choice for choice in choices}
    own = "MODULE:CLASS, a class of your own" if users else ""
    if "kind" not in table:
        raise Refusal((*parts, "kind"), f"must be given, one of {_listed(kinds, own)}")
    return kinds[choose(table["kind"], kinds, (*parts, "kind"), own=own)]


def _build_description(description: Any, table: Mapping[str, Any], parts: Parts) -> Any:
    return _made(description, table, parts, unknown_keys(table, field_types(description), parts, _owner(description)))


def _owner(description: Any) -> str:
    return getattr(description, "kind", "")


def _made(description: Any, table: Mapping[str, Any], parts: Parts, unknown: Iterable[Refusal]) -> Any:
    """An object of a dataclass; the refusals of its unknown keys are raised together with those of its fields."""
    types, faults = field_types(description), Faults()
    faults.add(unknown)
    for field in fields(description):
        if field.name not in table and is_required(field):
            faults.add([Refusal((*parts, field.name), "must be given")])
    values = {}
    for name, value in table.items():
        if name in types:
            with faults.collected():
                values[name] = build(types[name], value, (*parts, name))
    faults.raise_found()
    try:
        return description(**values)
    except ValueError as error:
        raise _from_description(error, types, parts) from None


def _build_user_class(description: Any, table: Mapping[str, Any], parts: Parts) -> Any:
    """An object of a user's class; its `kind` is the reference in the table, even if the class defines another."""
    with hung_code_ended():
        return _built_user_class(description, table, parts)


def _built_user_class(description: Any, table: Mapping[str, Any], parts: Parts) -> Any:
    kind, types = table["kind"], field_types(description)
    given = {key: value for key, value in table.items() if key != "kind"}
    try:
        made = _made(description, given, parts, unknown_keys(table, ["kind", *types], parts, kind))
        object.__setattr__(made, "kind", kind)
        _check_attributes(made, parts)
        plain(made)
    except Refusal:
        raise
    except Exception as error:
        raise Refusal(parts, f"must be a table that {kind} accepts", f"it {describe_error(error)}") from None
    return made


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_metric_name(value: Any) -> bool:
    return _is_text(value) and bool(re.fullmatch(r"[a-z][a-z0-9_]{0,63}", value)) and not value.endswith(AVERAGE)


_ATTRIBUTES: Sequence[tuple[type, str, str, Callable[[Any], bool]]] = (
    (AnyObjective, "critic_form", '"score" or "energy"', lambda form: form in get_args(CriticForm)),
    (AnyCritic, "form", '"score" or "energy"', lambda form: form in get_args(CriticForm)),
    (AnyGenerator, "latent", "the number of coordinates of z", lambda latent: isinstance(latent, int) and latent >= 1),
    (AnyData, "sizes", "a gan_core.Sizes", lambda sizes: isinstance(sizes, Sizes)),
    (AnyMetric, "name", "lower-case letters, digits and _", _is_metric_name),
    (AnyMetric, "unit", "text", _is_text),
    (AnyMetric, "description", "text", _is_text),
    (AnyMetric, "direction", '"lower", "higher" or "neither"', lambda value: value in get_args(Direction)),
)
"""Attributes that a contract requires and Python does not check: name, what it must be, and the check."""


def _check_attributes(made: Any, parts: Parts) -> None:
    kind = made.kind
    for contract, name, must, holds in _ATTRIBUTES:
        if isinstance(made, contract) and not holds(value := getattr(made, name, None)):
            but = "it is not defined" if value is None else f"it is {format_value(value)}"
            raise Refusal((*parts, "kind"), f"{kind} must define {name}, {must}", but)


class RecordedTable:
    """A part of a recorded study that was read without its class, a user's; `table` is its table in the study file."""

    table: Mapping[str, Any]


def is_required(field: Field[Any]) -> bool:
    """True if a field has no default."""
    return field.default is MISSING and field.default_factory is MISSING


def _from_description(error: ValueError, names: Iterable[str], parts: Parts) -> Refusal:
    """The refusal for a `ValueError` that a dataclass raised itself, as in "clip_value: must be ..."."""
    name, colon, sentence = str(error).partition(": ")
    known = bool(colon) and name.partition(".")[0] in names
    return Refusal((*parts, *name.split(".")), sentence) if known else Refusal(parts, str(error))
