"""The text of study files and of scripts, from templates."""

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from studies.reporting.text.template_environment import template_environment

if TYPE_CHECKING:
    from jinja2 import Environment


def rendered(template: str, **values: Any) -> str:
    """The text of a template of this package; the filter `toml` writes a value as TOML."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> "Environment":
    environment = template_environment("studies.new_study", keep_trailing_newline=True)
    environment.filters["toml"] = toml
    return environment


def toml(value: Any) -> str:
    """A value on one line of TOML; a table as an inline table, with quotes around keys that need them."""
    match value:
        case Mapping():
            return f"{{{', '.join(f'{_key(key)} = {toml(element)}' for key, element in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(toml, value))}]"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case bool():
            return "true" if value else "false"
        case _:
            return repr(value)


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "_").isidentifier()
    return key if bare else toml(key)
