"""Parts of messages: values in TOML notation, nearest words, counted nouns, short names of hyperparameters."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, time
from difflib import get_close_matches
from typing import Any

LARGEST_INTEGER = 2**63 - 1
"""Largest integer of TOML; `tomllib` accepts larger ones."""
MOST_NAMES = 8
"""Number of names in a message, after which `few_names` only counts the rest."""
_LONGEST = 60
"""Largest number of characters of a value in a message."""
_LONGEST_WORD = 200
"""Largest number of characters of a word that is compared with others, which takes time."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most similar to `word`, None if none is similar."""
    if len(word) > _LONGEST_WORD:
        return None
    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


def format_value(value: Any) -> str:
    """A value in TOML notation, cut to 60 characters."""
    return cut(_in_toml(value))


def cut(text: str) -> str:
    """The text, or its first characters and dots if it has more than 60."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def escape_control(text: str) -> str:
    """The text itself if it is printable, otherwise as a JSON string with its control characters escaped."""
    return text if text.isprintable() else json.dumps(text)


def count_noun(number: Any, noun: str) -> str:
    """A number and a noun in its singular or plural form, as in "1 seed" and "3 seeds"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def few_names(names: Iterable[str]) -> str:
    """Names separated by commas, those after the first `MOST_NAMES` as their number."""
    known = list(names)
    more = [f"{len(known) - MOST_NAMES} more"] if len(known) > MOST_NAMES else []
    return ", ".join([*known[:MOST_NAMES], *more])


def short_name(path: str) -> str:
    """Short name of a hyperparameter, as in `gp_weight`, `critic lr` or `generator width`.

    The last key of the path; below a network or its optimizer, "generator" or "critic" and all keys below that.
    """
    parts = path.split(".")
    for position, part in enumerate(parts):
        network = part.removesuffix("_optimizer")
        if network in ("generator", "critic") and position < len(parts) - 1:
            return f"{network} {'.'.join(parts[position + 1 :])}"
    return parts[-1]


def short_names(paths: Iterable[str]) -> dict[str, str]:
    """The `short_name` of each path, by path; the path itself where two short names are equal."""
    names = {path: short_name(path) for path in paths}
    counts = Counter(names.values())
    return {path: name if counts[name] == 1 else path for path, name in names.items()}


def _in_toml(value: Any) -> str:
    match value:
        case Mapping():
            return "a table"
        case list() | tuple():
            shown = ", ".join(_in_toml(element) for element in value[:_LONGEST])  # more would be cut off
            return f"[{shown}]"
        case bool():
            return "true" if value else "false"
        case int() if abs(value) > LARGEST_INTEGER:
            return "an integer beyond 64 bits"
        case str() if len(value) > _LONGEST:
            return f"{_in_toml(value[:_LONGEST])[:-1]}..."
        case str():
            return json.dumps(value, ensure_ascii=not value.isprintable())
        case int() | float() | date() | time():
            return str(value)
        case _:
            return repr(value)
