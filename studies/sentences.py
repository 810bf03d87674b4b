"""What the sentences about a study file are made of."""

import json
from collections.abc import Iterable, Mapping
from datetime import date, time
from difflib import get_close_matches
from typing import Any

LARGEST_INTEGER = 2**63 - 1
"""TOML's own range; Python's reader would take any."""
_LONGEST = 60


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was most likely meant, or None if none is near."""
    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


def shown(value: Any) -> str:
    """A value as a study file would say it, cut to a length that a sentence can hold."""
    text = _in_toml(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def printable(text: str) -> str:
    """The text with its control characters written out."""
    return text if text.isprintable() else json.dumps(text)


def counted(number: Any, thing: str) -> str:
    """As in "1 seed" and "3 seeds"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def knob_name(path: str) -> str:
    """A knob's own name; with that of what it belongs to where it says too little alone."""
    parts = path.split(".")
    return ".".join(parts[-2:]) if "optimizer" in path or "networks" in path else parts[-1]


def _in_toml(value: Any) -> str:
    match value:
        case Mapping():
            return "a table"
        case list() | tuple():
            return f"[{', '.join(_in_toml(element) for element in value)}]"
        case bool():
            return "true" if value else "false"
        case int() if abs(value) > LARGEST_INTEGER:
            return "an integer beyond 64 bits"
        case str():
            return json.dumps(value, ensure_ascii=not value.isprintable())
        case int() | float() | date() | time():
            return str(value)
        case _:
            return repr(value)
