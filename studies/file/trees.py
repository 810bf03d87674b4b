"""Trees of tables and lists, as TOML and JSON have them: leaves, lookup, substitution, differences."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

Tree = dict[str, Any]
Parts = tuple[str, ...]
"""Path of a value: the keys from the top of the tree down to it; the positions in lists are keys too."""


def _never(value: Any) -> bool:
    return False


def leaves(tree: Any, is_leaf: Callable[[Any], bool] = _never, parts: Parts = ()) -> Iterator[tuple[Parts, Any]]:
    """Every value that is neither a table nor a list, with its path, depth first.

    Tables and lists for which `is_leaf` is true count as values.
    """
    if is_leaf(tree) or not isinstance(tree, Mapping | list | tuple):
        yield parts, tree
        return
    for key, value in tree.items() if isinstance(tree, Mapping) else enumerate(tree):
        yield from leaves(value, is_leaf, (*parts, str(key)))


def tables(tree: Any) -> Iterator[Mapping[str, Any]]:
    """Every table in the tree, the tree itself included if it is one."""
    if isinstance(tree, Mapping):
        yield tree
        tree = tree.values()
    elif not isinstance(tree, list | tuple):
        return
    for value in tree:
        yield from tables(value)


def lookup(tree: Any, parts: Sequence[str]) -> Any:
    """The value at a path.

    Errors: `KeyError` if there is none.
    """
    for part in parts:
        if isinstance(tree, list) and part.isdecimal() and int(part) < len(tree):
            tree = tree[int(part)]
        elif isinstance(tree, Mapping) and part in tree:
            tree = tree[part]
        else:
            raise KeyError(".".join(parts))
    return tree


def contains(tree: Any, parts: Sequence[str]) -> bool:
    """True if there is a value at that path."""
    try:
        lookup(tree, parts)
    except KeyError:
        return False
    return True


def substitute(tree: Any, values: Mapping[str, Any], path: str = "") -> Any:
    """The tree with new `values`, given by dotted path; `path` is the dotted path of the tree itself.

    Only the tables and lists above a new value are copied: thousands of trials share all others with their condition.
    """
    if path in values:
        return values[path]
    above = f"{path}." if path else ""
    if not any(name.startswith(above) for name in values):
        return tree
    if isinstance(tree, Mapping):
        return {key: substitute(value, values, f"{above}{key}") for key, value in tree.items()}
    if isinstance(tree, list):
        return [substitute(value, values, f"{above}{position}") for position, value in enumerate(tree)]
    return tree


def without(tree: Any, paths: Collection[str], path: str = "") -> Any:
    """A copy of the tree without the values at these dotted paths; `path` is the dotted path of the tree itself."""
    if not isinstance(tree, Mapping):
        return tree
    below = {key: f"{path}.{key}" if path else key for key in tree}
    return {key: without(value, paths, below[key]) for key, value in tree.items() if below[key] not in paths}


def by_path(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The values in nested tables by their dotted paths; lists are values."""
    return {".".join(parts): value for parts, value in leaves(tree, lambda value: isinstance(value, list | tuple))}


def differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted path, old value and new value of every difference of two trees; None for the value of a missing key."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif old != new:
        yield path, old, new
