"""A study file as a tree of tables: found, read, overridden; not yet understood."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import takewhile
from pathlib import Path
from typing import Any

from studies.errors import InputError
from studies.sentences import nearest, printable
from studies.space import is_distribution

Tree = dict[str, Any]
LARGEST_FILE = 2**20
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def read(source: str | Path) -> Tree:
    """The tree in a file, or in the catalog's study of that name where there is no such file.

    Errors: `InputError` for a missing file (with the nearest name of the catalog), a folder, a file that cannot be
    read, is no text or no TOML (with the line).
    """
    return _parsed(_content(_found(source)), printable(str(source)))


def question(source: str | Path) -> str:
    """What a study file asks: the comment that it opens with, as one line; empty if it opens with none."""
    lines = iter(_content(_found(source)).decode("utf-8-sig", errors="replace").splitlines())
    return " ".join(line.lstrip("# ").rstrip() for line in takewhile(lambda line: line.startswith("#"), lines))


def catalog() -> dict[str, Traversable]:
    """The studies that ship, by name."""
    shipped = files("studies").joinpath("catalog").iterdir()
    return {entry.name.removesuffix(".toml"): entry for entry in shipped if entry.name.endswith(".toml")}


def merge(base: Any, over: Any) -> Any:
    """What stands when `over` is laid on `base`: a table merges into a table, unless it has a `kind` of its own.

    A distribution is a value: it replaces and is replaced.
    """
    if not (_is_layered(base) and _is_layered(over)) or "kind" in over:
        return over
    return {**base, **{key: merge(base[key], value) if key in base else value for key, value in over.items()}}


def override(tree: Tree, assignments: Sequence[str]) -> Tree:
    """The tree after each `key.path=value`, the value in TOML's notation or else as text.

    A condition is addressed by its name: `conditions.wgan.training.n_critic=5`.

    Errors: `InputError` for an assignment without a key or a value, and for a condition that does not exist.
    """
    for assignment in assignments:
        key, sign, text = assignment.partition("=")
        if not sign:
            raise InputError(f"{printable(assignment)}: must be an assignment, as in budget.steps=100")
        tree = _assigned(tree, key.strip(), _value(text.strip()))
    return tree


def _is_layered(value: Any) -> bool:
    return isinstance(value, Mapping) and not is_distribution(value)


def _found(source: str | Path) -> Path | Traversable:
    path = Path(source)
    shown = printable(str(source))
    try:
        if path.is_file():
            return path
        is_folder = path.is_dir()
    except OSError as error:
        raise InputError(f"{shown}: cannot be read: {error.strerror}") from None
    shipped = catalog()
    if str(source) in shipped:
        return shipped[str(source)]
    if is_folder:
        raise InputError(f"{shown}: must be a study file, but is a folder")
    near = nearest(path.name.removesuffix(".toml"), shipped)
    hint = f"did you mean {near}?" if near else f"the catalog has {', '.join(sorted(shipped)) or 'none'}"
    raise InputError(f"{shown}: no such file, and no such study in the catalog; {hint}")


def _content(found: Path | Traversable) -> bytes:
    try:
        with found.open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise InputError(f"{found}: cannot be read: {error.strerror}") from None


def _parsed(content: bytes, shown: str) -> Tree:
    if len(content) > LARGEST_FILE:
        raise InputError(f"{shown}: must be a study file of at most 1 MiB, but is larger")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{shown}: must be text in UTF-8, but is not") from None
    if "\0" in text:
        raise InputError(f"{shown}: must be text in UTF-8, but holds NUL characters")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{shown}: must be TOML: {error}") from None
    except RecursionError:
        raise InputError(f"{shown}: must be TOML, but is nested too deeply") from None


def _value(text: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return parsed["value"] if parsed.keys() == {"value"} else text


def _assigned(tree: Tree, key: str, value: Any) -> Tree:
    if key.partition(".")[0] == "conditions":
        return _assigned_to_condition(tree, key.partition(".")[2], value)
    return _laid(tree, key, value, shown=key)


def _assigned_to_condition(tree: Tree, key: str, value: Any) -> Tree:
    conditions = tree.get("conditions")
    conditions = conditions if isinstance(conditions, list) else []
    names = [str(condition.get("name")) for condition in conditions if isinstance(condition, Mapping)]
    # A name may hold dots, and may begin with another condition's.
    addressed = max((name for name in names if key.startswith(f"{name}.")), key=len, default=None)
    if addressed is None:
        near = nearest(key.partition(".")[0], names)
        hint = f"did you mean {near}?" if near else f"the study has {', '.join(names) or 'none'}"
        example = "conditions.NAME.training.n_critic=5"
        raise InputError(
            f"{printable(f'conditions.{key}'.rstrip('.'))}: must address a condition, as in {example}; {hint}"
        )
    rest = key.removeprefix(f"{addressed}.")
    changed = [
        _laid(one, rest, value, shown=f"conditions.{key}")
        if isinstance(one, Mapping) and one.get("name") == addressed
        else one
        for one in conditions
    ]
    return {**tree, "conditions": changed}


def _laid(table: Mapping[str, Any], key: str, value: Any, *, shown: str) -> Tree:
    parts = key.split(".")
    if not all(_BARE_KEY.fullmatch(part) for part in parts):
        raise InputError(f"{printable(shown) or '='}: must be keys joined by dots, as in budget.steps=100")
    for part in reversed(parts[1:]):
        value = {part: value}
    return {**table, parts[0]: merge(table.get(parts[0]), value)}
