"""Tables of the fields of a dataclass, and values as a study file has them."""

from collections.abc import Mapping, Sequence
from dataclasses import Field, fields
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

from pages_from_code.markdown import table
from studies.file.json_schema import field_meanings
from studies.file.validation import descriptions, is_required, listed_tables


def fields_table(description: type, *, skip: Sequence[str] = ()) -> str:
    """A table of the fields of a dataclass, all but the kind."""
    hints = get_type_hints(description, include_extras=True)
    shown = [field for field in fields(description) if field.name not in ("kind", *skip)]
    if not shown:
        return "It has no field."
    meanings = field_meanings(description)
    rows = [
        [
            f"`{field.name}`",
            _type(hints[field.name]),
            _default(field),
            _bound(hints[field.name]),
            meanings.get(field.name, "").replace("|", "\\|"),
        ]
        for field in shown
    ]
    return table(("field", "type", "default", "range", "meaning"), rows)


def _type(hint: Any) -> str:
    if get_origin(hint) is Annotated:
        return _type(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(f"`{value_text(value)}`" for value in get_args(hint))
    if descriptions(hint):
        return "table"
    if listed_tables(hint) is not None:
        return "list of tables"
    if get_origin(hint) is tuple:
        element = get_args(hint)[0]
        return "list of tables" if get_origin(element) is dict else f"list of {_type(element)}s"
    if get_args(hint):
        return " or ".join(_type(choice) for choice in get_args(hint) if choice is not NoneType)
    return {"str": "text", "int": "integer", "float": "number", "bool": "true or false"}[hint.__name__]


def _default(field: Field[Any]) -> str:
    if is_required(field):
        return "required"
    if field.default is None:
        return "none"
    return "its defaults" if hasattr(field.default, "__dataclass_fields__") else f"`{value_text(field.default)}`"


def _bound(hint: Any) -> str:
    signs = {Gt: (">", "gt"), Ge: (">=", "ge"), Lt: ("<", "lt"), Le: ("<=", "le")}
    metadata = [item for part in (hint, *get_args(hint)) for item in getattr(part, "__metadata__", ())]
    bounds = dict.fromkeys(
        (*signs[type(bound)], getattr(bound, signs[type(bound)][1])) for bound in metadata if type(bound) in signs
    )
    return ", ".join(f"{sign} {value_text(limit)}" for sign, _, limit in bounds)


def value_text(value: Any) -> str:
    """A value as a study file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(value_text(element) for element in value)}]"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def settings_text(table: Mapping[str, Any]) -> str:
    """Kind and fields of a part, as a cell of a table has them."""
    rest = [f"`{key} = {value_text(value)}`" for key, value in table.items() if key != "kind"]
    return ", ".join([f"`{table['kind']}`", *rest])


def law_text(law: Mapping[str, Any]) -> str:
    """A distribution as a study file has it."""
    ((kind, content),) = law.items()
    return f"`{{{kind} = [{', '.join(value_text(value) for value in content)}]}}`"
