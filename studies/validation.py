"""A table of a study file -> a frozen description, or one sentence that says what must hold.

Tables are walked here, so that the right description is chosen by `kind`, unknown keys are found and every sentence
has its path; pydantic checks each value against its field's annotation.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import lru_cache
from inspect import isabstract
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from gan_core.data import AnyData, Data, Dataset, Sizes
from gan_core.networks import AnyCritic, AnyGenerator
from gan_core.objectives import AnyObjective, CriticForm
from studies.modules import is_reference, kind_class, names_in, raises, require
from studies.refusal import Parts, Refusal
from studies.sentences import LARGEST_INTEGER, nearest, shown
from studies.space import is_distribution

_STRICT = ConfigDict(strict=True, allow_inf_nan=False)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def build(annotation: Any, value: Any, parts: Parts) -> Any:
    """What the annotation says, made of a value of a study file.

    Where it says a dataclass, or a union of dataclasses told apart by `kind`, the value must be a table without
    unknown keys; where the union holds a contract too, a `kind` may name a class of the user's. Anything else is a
    value of exactly that type, where an integer may stand for a number and a list for a tuple.

    Errors: `Refusal`, for the first thing that does not hold.
    """
    if isinstance(value, Mapping) and is_distribution(value):
        raise Refusal(
            parts, "cannot be searched: a distribution may stand in objective, constraint, networks and training alone"
        )
    if not descriptions(annotation):
        return _build_value(annotation, value, parts)
    if not isinstance(value, Mapping):
        raise Refusal(parts, "must be a table", f"is {shown(value)}")
    if (own := _own(annotation, value, parts)) is not None:
        return _build_own(own, value, parts)
    return _build_description(_chosen(descriptions(annotation), value, parts), value, parts)


def plain(description: Any) -> dict[str, Any]:
    """The table that `build` makes this description of, every default written out; JSON and TOML can hold it."""
    return json.loads(json.dumps(_table(description), allow_nan=False))


def _table(value: Any) -> Any:
    if isinstance(value, Recorded):
        return dict(value.table)
    if is_dataclass(value):
        table = {field.name: _table(getattr(value, field.name)) for field in fields(value)}
        kind = getattr(value, "kind", None)  # of a user's own it need not be a field
        return {"kind": kind} | table if is_reference(kind) else table
    return [_table(element) for element in value] if isinstance(value, tuple) else value


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


@lru_cache
def field_types(description: type) -> dict[str, Any]:
    """The annotation of each field, by its name."""
    hints = get_type_hints(description, include_extras=True)
    return {field.name: hints[field.name] for field in fields(description)}


def descriptions(annotation: Any) -> tuple[Any, ...]:
    """The dataclasses of ours that an annotation chooses from, none if it says anything else."""
    choices = tuple(choice for choice in _choices(annotation) if not isabstract(choice))
    return choices if all(is_dataclass(choice) for choice in choices) else ()


def known_keys(annotation: Any, table: Mapping[str, Any], parts: Parts) -> list[str]:
    """Every key that one of the kinds of a description knows, and the user's own kind that the table names."""
    own = _own(annotation, table, parts)
    choices = descriptions(annotation) if own is None else (*descriptions(annotation), own)
    return sorted({key for choice in choices for key in field_types(choice)})


def _choices(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _own(annotation: Any, table: Mapping[str, Any], parts: Parts) -> type | None:
    """The class of the user's that a table names as its kind, where there may be one."""
    contracts = [choice for choice in _choices(annotation) if isabstract(choice)]
    if not contracts or not is_reference(table.get("kind")):
        return None
    found = kind_class(table["kind"], contracts[0], (*parts, "kind"))
    try:
        field_types(found)
    except Exception as error:
        raise Refusal(parts, f"the annotations of {table['kind']} must be readable, but it {raises(error)}") from None
    return found


def _chosen(choices: tuple[Any, ...], table: Mapping[str, Any], parts: Parts) -> Any:
    if "kind" not in field_types(choices[0]):
        return choices[0]
    kinds = {choice.kind: choice for choice in choices}
    if "kind" not in table:
        raise Refusal((*parts, "kind"), f"must be given, one of {', '.join(kinds)}")
    return kinds[choose(table["kind"], kinds, (*parts, "kind"))]


def _build_description(description: Any, table: Mapping[str, Any], parts: Parts) -> Any:
    refuse_unknown(table, field_types(description), parts, owner=getattr(description, "kind", ""))
    return _made(description, table, parts)


def _made(description: Any, table: Mapping[str, Any], parts: Parts) -> Any:
    types = field_types(description)
    for field in fields(description):
        if field.name not in table and _is_required(field):
            raise Refusal((*parts, field.name), "must be given")
    values = {name: build(types[name], value, (*parts, name)) for name, value in table.items()}
    try:
        return description(**values)
    except ValueError as error:
        raise _from_description(error, types, parts) from None


def _build_own(description: Any, table: Mapping[str, Any], parts: Parts) -> Any:
    """A description of the user's. Its kind is the one that the table gives, whatever the class says of it."""
    kind, types = table["kind"], field_types(description)
    refuse_unknown(table, ["kind", *types], parts, owner=kind)
    given = {key: value for key, value in table.items() if key != "kind"}
    try:
        made = _made(description, given, parts)
        object.__setattr__(made, "kind", kind)
        _refuse_silent(made, parts)
        plain(made)
    except Refusal:
        raise
    except Exception as error:
        raise Refusal(parts, f"must be a table that {kind} can be made of", f"it {raises(error)}") from None
    return made


_MUST_SAY: dict[type, tuple[str, str, Callable[[Any], bool]]] = {
    AnyObjective: ("critic_form", '"score" or "energy"', lambda said: said in get_args(CriticForm)),
    AnyCritic: ("form", '"score" or "energy"', lambda said: said in get_args(CriticForm)),
    AnyGenerator: ("latent", "the number of coordinates of z", lambda said: isinstance(said, int) and said >= 1),
    AnyData: ("sizes", "a gan_core.Sizes", lambda said: isinstance(said, Sizes)),
}
"""What a contract asks for that Python does not: the attribute, what it must be, and whether it is."""


def _refuse_silent(made: Any, parts: Parts) -> None:
    kind = made.kind
    for contract, (name, must, holds) in _MUST_SAY.items():
        if isinstance(made, contract) and not holds(said := getattr(made, name, None)):
            but = "says nothing" if said is None else f"says {shown(said)}"
            raise Refusal((*parts, "kind"), f"{kind} must say {name}, {must}", f"it {but}")


@dataclass(frozen=True)
class Recorded(AnyData):
    """A user's own data as a study was recorded with it: its class is looked up when its samples are asked for.

    sources  the hash of the source of each module that the study was recorded with
    """

    kind: str
    table: Mapping[str, Any]
    sources: Mapping[str, str]

    @property
    def sizes(self) -> Sizes:
        return self._built().sizes

    def load(self) -> Dataset:
        return self._built().load()

    def _built(self) -> AnyData:
        require({name: source for name, source in self.sources.items() if name in names_in(self.table)})
        return build(Data | AnyData, self.table, ("data",))


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
        result = _adapter(_alternative(annotation, value)).validate_python(given)
    except PydanticUserError:
        raise Refusal(parts, "must be annotated as a number, text, true or false, or a tuple of those") from None
    except ValidationError as error:
        raise _from_pydantic(error.errors()[0], annotation, value, parts) from None
    if type(result) is not type(given) and not (type(given) is int and type(result) is float):
        # Python says True == 1 == 1.0, and so does a Literal.
        raise Refusal(parts, f"must be {shown(result)}", f"is {shown(value)}")
    return result


def _alternative(annotation: Any, value: Any) -> Any:
    """Of a number or a word the one that the value is meant as, so that a refusal speaks of that one."""
    words = [choice for choice in _choices(annotation) if get_origin(choice) is Literal]
    others = [choice for choice in _choices(annotation) if get_origin(choice) is not Literal]
    if len(words) == len(others) == 1:
        return words[0] if isinstance(value, str) else others[0]
    return annotation


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
        of_any_length = Ellipsis in get_args(annotation)
        length = "" if of_any_length else f" of {len(get_args(annotation))} values"
        return Refusal(parts, f"must be a list{length}", f"is {shown(value)}")
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
        case "dict_type":
            return "must be a table"
        case "string_type":
            return "must be text"
        case "string_too_short":
            return "must not be empty"
        case "literal_error":
            return f"must be one of {context['expected'].replace(' or ', ', ').replace(chr(39), '')}"
        case _:
            return f"does not fit ({message})"
