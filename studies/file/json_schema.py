"""JSON Schema of study files, derived from the dataclasses that study files describe."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from inspect import cleandoc, isabstract
from typing import Any

from pydantic import TypeAdapter

from gan_core.presets import PRESETS
from studies.file.condition import LOOP, PARTS, Replicate, Setting
from studies.file.map_settings import OwnAxes
from studies.file.modules import REFERENCE
from studies.file.study import Study
from studies.file.validation import NAME, descriptions, field_types, is_required, listed_tables, plain, value_and_table
from studies.file.values import alternatives

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Definitions = dict[str, Any]
"""Schemas by name, for `$defs`."""

_NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
_INTEGERS = {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}
_SCALAR: dict[str, Any] = {"type": ["number", "string", "boolean"]}
_ANY_VALUE = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}]}
_VALUES = {"type": "array", "items": _ANY_VALUE, "minItems": 1, "uniqueItems": True}
_DISTRIBUTIONS: Mapping[str, tuple[dict[str, Any], str]] = {
    "uniform": (_NUMBERS, "any number between two ends"),
    "log_uniform": (_NUMBERS, "any number between two positive ends, each order of magnitude equally likely"),
    "int_uniform": (_INTEGERS, "any integer between two ends, both included"),
    "int_log_uniform": (_INTEGERS, "any integer between two positive ends, each order of magnitude equally likely"),
    "choice": (_VALUES, "one of the values"),
    "grid": (_VALUES, "explore takes each value in turn"),
}


_WHEN = {
    "when": {
        "description": "searched only at these values of other searched hyperparameters, by path",
        "type": "object",
        "minProperties": 1,
    },
    "otherwise": {"description": "value at the others, by default that of the preset", **_ANY_VALUE},
}
_STEPS: Mapping[str, dict[str, Any]] = {
    "uniform": {"step": {"description": "distance of the values", "type": "number", "exclusiveMinimum": 0}},
    "int_uniform": {"step": {"description": "distance of the values", "type": "integer", "minimum": 1}},
}
_USERS_KIND = {"type": "string", "pattern": f"^{REFERENCE}$"}


def json_schema() -> dict[str, Any]:
    """The schema of a study file, in the 2020-12 dialect. It accepts every valid file and refuses misspelt keys.

    Rules that concern several fields, such as which objective needs which critic, are left to `gan-study validate`.
    """
    definitions: Definitions = {
        "name": {"type": "string", "pattern": f"^{NAME}$"},
        "distribution": {"anyOf": list(_distributions())},
    }
    for part, type_ in field_types(Setting).items():
        definitions[part] = _schema(type_, definitions, searchable=True)
    definitions["condition"] = _condition()
    types = field_types(Study)
    tables = [name for name in types if name not in ("name", "conditions")]
    outer = {name: _schema(types[name], definitions, searchable=False) for name in tables}
    properties: dict[str, Any] = {
        "name": {"$ref": "#/$defs/name", "description": "Name of the study; its results are stored under it."},
        **{name: _described(Study, name, schema) for name, schema in outer.items()},
        **_parts("Setting shared by all conditions; a condition may override it."),
        **_loop("A training loop of your own, of all conditions with neither a preset nor one of the tables above."),
        "conditions": {
            "description": "What is compared.",
            "type": "array",
            "minItems": 1,
            "items": {"$ref": "#/$defs/condition"},
        },
    }
    return {
        "$schema": DIALECT,
        "title": "gan-studies study file",
        **_object(properties, [field.name for field in fields(Study) if is_required(field)]),
        "$defs": definitions,
    }


def field_meanings(description: type) -> dict[str, str]:
    """Meaning of each field of a dataclass, from the aligned lines `name  meaning` of its docstring."""
    meanings: dict[str, str] = {}
    names: list[str] = []
    for line in cleandoc(description.__doc__ or "").splitlines():
        match = re.match(r"([a-z]\w*(?:, [a-z]\w*)*)(  +)(\S.*)$", line)
        if match and all(name in field_types(description) for name in match[1].split(", ")):
            names = match[1].split(", ")
            meanings |= dict.fromkeys(names, match[3])
        elif names and line.startswith("   "):
            meanings |= {name: f"{meanings[name]} {line.strip()}".strip() for name in names}
        elif line and all(name in field_types(description) for name in line.rstrip(",").split(", ")):
            names = line.rstrip(",").split(", ")
            meanings |= dict.fromkeys(names, "")
        else:
            names = []
    return meanings


def _condition() -> dict[str, Any]:
    properties = {
        "name": {"$ref": "#/$defs/name", "description": "Name of the condition, unique in the study."},
        "preset": {"description": "Method of the literature that it starts from.", "enum": list(PRESETS)},
        **_parts("Setting of this condition, on top of the shared table and the preset."),
        **_loop("A training loop of your own in place of the tables above, with the values of its fields."),
        "authors": {
            "description": "Setting of the authors' trials, on top of the preset.",
            **_object(_parts("Setting of the authors' trials."), ()),
        },
        "map": {
            "description": "Axes of this condition's stability map, in place of those of search.explore.map.",
            **_table(OwnAxes, {}, searchable=False),
        },
        "replicate": {
            "description": "Number of this condition among equal ones: each has its own seeds and draws.",
            **_leaf(Replicate),
        },
    }
    return _object(properties, ("name",))


def _parts(text: str) -> dict[str, Any]:
    """Schemas of the tables objective, constraint, networks and training, each with `text` as its description."""
    return {part: {"description": text, "$ref": f"#/$defs/{part}"} for part in PARTS}


def _loop(text: str) -> dict[str, Any]:
    """Schema of the table of a training loop of the user's own."""
    return {LOOP: {"description": text, "type": "object", "properties": {"kind": _USERS_KIND}}}


def _distributions() -> Iterator[dict[str, Any]]:
    for key, (content, text) in _DISTRIBUTIONS.items():
        options = _STEPS.get(key, {}) | ({} if key == "grid" else _WHEN)
        yield {"description": text, **_object({key: content, **options}, (key,))}
    yield {"description": "the range of the preset", "const": "search"}


def _schema(annotation: Any, definitions: Definitions, *, searchable: bool) -> dict[str, Any]:
    if (choices := value_and_table(annotation)) is not None:
        return {"anyOf": [_schema(choice, definitions, searchable=searchable) for choice in choices]}
    kinds = descriptions(annotation)
    if listed_tables(annotation) is not None:
        return {"type": "array", "items": {"type": "object", "properties": {"kind": _USERS_KIND}, "required": ["kind"]}}
    if not kinds:
        return _value(annotation, searchable=searchable)
    if "kind" not in field_types(kinds[0]):
        return _reference(kinds[0], definitions, searchable=searchable)
    return _union(annotation, kinds, definitions, searchable=searchable)


def _union(annotation: Any, kinds: tuple[Any, ...], definitions: Definitions, *, searchable: bool) -> dict[str, Any]:
    """Schema of a table with the keys of its `kind`; without `kind`, which another layer may give, of all kinds."""
    rules = [
        {
            "if": {"properties": {"kind": {"const": kind.kind}}, "required": ["kind"]},
            "then": _reference(kind, definitions, searchable=searchable),
        }
        for kind in kinds
    ]
    homes: dict[str, list[str]] = {}
    for kind in kinds:
        for name in field_types(kind):
            homes.setdefault(name, []).append(kind.__name__)
    all_fields = {
        name: _any_of([{"$ref": f"#/$defs/{home}/properties/{name}"} for home in names])
        for name, names in homes.items()
        if name != "kind"
    }
    rules.append(
        {"if": {"not": {"required": ["kind"]}}, "then": {"properties": all_fields, "additionalProperties": False}}
    )
    names_of_kinds: dict[str, Any] = {"enum": [kind.kind for kind in kinds]}
    if any(isabstract(choice) for choice in alternatives(annotation)):
        names_of_kinds = {"anyOf": [names_of_kinds, _USERS_KIND]}
    return {"type": "object", "properties": {"kind": names_of_kinds}, "allOf": rules}


def _reference(description: Any, definitions: Definitions, *, searchable: bool) -> dict[str, Any]:
    """A reference to the schema of a dataclass in `definitions`, where the schema is added if it is missing."""
    name = description.__name__
    if name not in definitions:
        definitions[name] = {}  # before its fields, which may refer to it
        definitions[name] = _table(description, definitions, searchable=searchable)
    return {"$ref": f"#/$defs/{name}"}


def _table(description: Any, definitions: Definitions, *, searchable: bool) -> dict[str, Any]:
    types = field_types(description)
    properties = {
        name: {"const": description.kind}
        if name == "kind"
        else _described(description, name, _schema(type_, definitions, searchable=searchable))
        for name, type_ in types.items()
    }
    # a required field of a searchable table may come from another layer: the preset, or the shared table
    required = () if searchable else [field.name for field in fields(description) if is_required(field)]
    return _object(properties, required)


def _described(description: Any, name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a field with its meaning and its default."""
    (field,) = (field for field in fields(description) if field.name == name)
    meaning = field_meanings(description).get(name)
    text = {"description": meaning} if meaning else {}
    return {**text, **schema, **({} if name == "kind" or is_required(field) else {"default": plain(field.default)})}


def _value(annotation: Any, *, searchable: bool) -> dict[str, Any]:
    """Schema of a number, text or list; `searchable` allows distributions, also as elements of a fixed-length list."""
    schema = _leaf(annotation)
    if not searchable:
        return schema
    if "prefixItems" in schema:
        schema["prefixItems"] = [_searchable(item) for item in schema["prefixItems"]]
    return _searchable(schema)


def _searchable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"$ref": "#/$defs/distribution"}]}


def _leaf(annotation: Any) -> dict[str, Any]:
    schema = TypeAdapter(annotation).json_schema()
    schema.pop("title", None)
    return schema


def _any_of(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    distinct = [schema for i, schema in enumerate(schemas) if schema not in schemas[:i]]
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}


def _object(properties: Mapping[str, Any], required: Any) -> dict[str, Any]:
    listed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": dict(properties), **listed, "additionalProperties": False}
