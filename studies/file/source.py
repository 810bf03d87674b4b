"""Study files as trees of tables: find, read, override. Nothing is validated here."""

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any

import numpy as np

from studies.errors import InputError
from studies.file.distribution_tables import is_distribution
from studies.file.messages import cut, escape_control, nearest
from studies.file.trees import Tree

LARGEST_FILE = 2**20
"""Largest size of a study file in bytes."""
_MANY_KEYS = re.compile(r"""(?<![\w."'-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){64}""")
"""64 keys joined by dots; the time in which `tomllib` reads them grows with the square of their number."""
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def read(source: str | Path) -> Tree:
    """The tree of tables in a study file; without a file at this path, of the study of this name in the catalog.

    Errors: `InputError` for a missing file (with the most similar name of the catalog), for a folder, and for a file
    that cannot be read or is not TOML (with the line).
    """
    return parsed(_content(_locate(source)), escape_control(str(source)))


def plain_tree(tables: Mapping[str, Any]) -> Tree:
    """The tables of a study file as plain dicts and lists, which Python has in other types too.

    Numbers of NumPy become those of Python.

    Errors: `InputError` for a value that TOML has not, with the path of its key.
    """
    return {str(key): _plain_value(value, str(key)) for key, value in tables.items()}


def _plain_value(value: Any, path: str) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain_value(inner, f"{path}.{key}") for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_value(inner, f"{path}.{position}") for position, inner in enumerate(value)]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    of_data = path.partition(".")[0] == "data"
    hint = "; write it to a file with numpy.save, and name that as path" if of_data else "; write array.tolist()"
    shown = "None" if value is None else f"of type {type(value).__name__}"
    raise InputError(
        f"{path}: must be a table, list, text or number, but is {shown}{hint if isinstance(value, np.ndarray) else ''}"
    )


def question(source: str | Path) -> str:
    """The question of a study file: its opening comment, a line for each paragraph; empty if there is none.

    A first line `#:schema PATH`, which editors read, is not part of it.
    """
    lines = _content(_locate(source)).decode("utf-8-sig", errors="replace").splitlines()
    opening = takewhile(lambda line: line.startswith("#"), (line for line in lines if not line.startswith("#:")))
    texts = groupby((line.lstrip("# ").rstrip() for line in opening), key=bool)
    return "\n".join(" ".join(paragraph) for has_text, paragraph in texts if has_text)


def catalog() -> dict[str, Traversable]:
    """The study files that ship with the package, by name of the study."""
    shipped = files("studies").joinpath("catalog").iterdir()
    return {entry.name.removesuffix(".toml"): entry for entry in shipped if entry.name.endswith(".toml")}


def merge(base: Any, over: Any) -> Any:
    """The result of merging `over` into `base`: two tables are merged key by key, anything else replaces `base`.

    An `over` with a `kind` also replaces `base`. A distribution counts as a value, not as a table.
    """
    if not (_is_mergeable(base) and _is_mergeable(over)) or "kind" in over:
        return over
    return {**base, **{key: merge(base[key], value) if key in base else value for key, value in over.items()}}


def override(tree: Tree, assignments: Sequence[str]) -> Tree:
    """The tree with each assignment `key.path=value` applied in turn; a value that is not TOML is text.

    A condition is addressed by its name: `conditions.wgan.training.n_critic=5`.

    Errors: `InputError` for a text in place of a list, for an assignment without `=` or with an invalid key, and for a
    condition that does not exist.
    """
    if isinstance(assignments, str):
        raise InputError(f"overrides: must be a list of assignments, as in [{assignments!r}]")
    if not isinstance(assignments, Sequence) or not all(isinstance(one, str) for one in assignments):
        raise InputError(
            f"overrides: must be a list of assignments, as in ['budget.steps=100'], but is {assignments!r}"
        )
    for assignment in assignments:
        key, sign, text = assignment.partition("=")
        if not sign:
            raise InputError(f"{cut(escape_control(assignment))}: must be an assignment, as in budget.steps=100")
        tree = _assigned(tree, key.strip(), _value(text.strip()))
    return tree


def _is_mergeable(value: Any) -> bool:
    return isinstance(value, Mapping) and not is_distribution(value)


def _locate(source: str | Path) -> Path | Traversable:
    path = Path(source)
    shown = escape_control(str(source))
    try:
        if path.is_file():
            return path
        is_folder, exists = path.is_dir(), path.exists()
    except OSError as error:
        raise InputError(f"{shown}: cannot be read: {error.strerror}") from None
    shipped = catalog()
    if str(source) in shipped:
        return shipped[str(source)]
    if is_folder:
        raise InputError(f"{shown}: must be a study file, but is a folder")
    if exists and str(source) not in ("", "."):
        raise InputError(f"{shown}: must be a study file, but is a pipe or a device")
    near = nearest(path.name.removesuffix(".toml"), shipped)
    if path.with_name(f"{path.name}.toml").is_file():
        near = f"{shown}.toml"
    hint = f"did you mean {near}?" if near else f"the catalog has {', '.join(sorted(shipped)) or 'none'}"
    raise InputError(f"{shown}: no such file, and no such study in the catalog; {hint}")


def _content(path: Path | Traversable) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def parsed(content: bytes, shown: str) -> Tree:
    """The tree of tables in the content of a study file, which is called `shown` in messages.

    Errors: `InputError` for a file that is not TOML (with the line), and for one that is too large.
    """
    if len(content) > LARGEST_FILE:
        raise InputError(f"{shown}: must be a study file of at most 1 MiB, but is larger")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{shown}: must be text in UTF-8, but is not") from None
    if "\0" in text:
        raise InputError(f"{shown}: must be text in UTF-8, but holds NUL characters")
    if _MANY_KEYS.search(text):
        raise InputError(f"{shown}: must be TOML, but is nested too deeply")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{shown}: must be TOML: {error}") from None
    except ValueError as error:  # Python reads no integer of more than 4300 digits
        raise InputError(f"{shown}: must be TOML: {str(error).partition(';')[0]}") from None
    except RecursionError:
        raise InputError(f"{shown}: must be TOML, but is nested too deeply") from None


def _value(text: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return parsed["value"] if parsed.keys() == {"value"} else text


def _assigned(tree: Tree, key: str, value: Any) -> Tree:
    if key.partition(".")[0] == "conditions":
        return _assigned_to_condition(tree, key.partition(".")[2], value)
    return _merged_at(tree, key, value, shown=key)


def _assigned_to_condition(tree: Tree, key: str, value: Any) -> Tree:
    conditions = tree.get("conditions")
    conditions = conditions if isinstance(conditions, list) else []
    names = [str(condition.get("name")) for condition in conditions if isinstance(condition, Mapping)]
    # a name may hold dots, and may begin with another condition's name: the longest that fits is meant
    addressed = max((name for name in names if key.startswith(f"{name}.")), key=len, default=None)
    if addressed is None:
        near = nearest(key.partition(".")[0], names)
        hint = f"did you mean {near}?" if near else f"the study has {', '.join(names) or 'none'}"
        example = "conditions.NAME.training.n_critic=5"
        raise InputError(
            f"{cut(escape_control(f'conditions.{key}'.rstrip('.')))}: must address a condition, as in {example}; {hint}"
        )
    rest = key.removeprefix(f"{addressed}.")
    changed = [
        _merged_at(condition, rest, value, shown=f"conditions.{key}")
        if isinstance(condition, Mapping) and condition.get("name") == addressed
        else condition
        for condition in conditions
    ]
    return {**tree, "conditions": changed}


def _merged_at(table: Mapping[str, Any], key: str, value: Any, *, shown: str) -> Tree:
    """The table with `value` merged in at the dotted key; errors show the key as `shown`."""
    parts = key.split(".")
    if not all(_BARE_KEY.fullmatch(part) for part in parts):
        raise InputError(f"{cut(escape_control(shown)) or '='}: must be keys joined by dots, as in budget.steps=100")
    for part in reversed(parts[1:]):
        value = {part: value}
    return {**table, parts[0]: merge(table.get(parts[0]), value)}
