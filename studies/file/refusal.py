"""The errors for wrong values of a study file: one, or all that independent parts of the file have."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from studies.errors import InputError
from studies.file.messages import count_noun, cut, escape_control
from studies.file.trees import Parts

MOST_LINES = 20
"""Largest number of faults of a file that are listed."""


class Refusal(InputError):
    """A wrong value in a study file; the message is "PATH: MUST, but BUT".

    parts  path of the value
    must   rule that the value breaks, as in "must be > 0"
    but    what was given instead, as in "is -0.01"; empty if `must` says everything
    """

    def __init__(self, parts: Parts, must: str, but: str = ""):
        super().__init__(parts, must, but)
        self.parts, self.must, self.but = parts, must, but

    def moved(self, path: Callable[[Parts], Parts]) -> "Refusal":
        """The same error at the path that the function gives for its own."""
        return Refusal(path(self.parts), self.must, self.but)

    def under(self, *above: str) -> "Refusal":
        """The same error with the path of the enclosing table in front of its own."""
        return self.moved(lambda parts: (*above, *parts))

    def changed(self, change: "Callable[[Refusal], Refusal]") -> "Refusal":
        """The result of the function for this error, or for each of several."""
        return change(self)

    def __str__(self) -> str:
        sentence = f"{self.must}, but {self.but}" if self.but else self.must
        return f"{dotted(self.parts)}: {sentence}" if self.parts else sentence


class Listed(Refusal):
    """A value that cannot be used because of another error, which is listed."""

    def __init__(self) -> None:
        super().__init__((), "cannot be used")

    def __reduce__(self) -> Any:
        return Listed, ()

    def moved(self, path: Callable[[Parts], Parts]) -> Refusal:
        return self

    def changed(self, change: Callable[[Refusal], Refusal]) -> Refusal:
        return self


class Refusals(Refusal):
    """Several errors of a study file; the message has a line for each, up to `MOST_LINES`.

    faults  the errors, none of them a `Refusals`
    """

    def __init__(self, faults: Sequence[InputError]):
        super().__init__((), "")
        self.args, self.faults = (tuple(faults),), tuple(faults)

    def moved(self, path: Callable[[Parts], Parts]) -> Refusal:
        return self.changed(lambda fault: fault.moved(path))

    def changed(self, change: Callable[[Refusal], Refusal]) -> Refusal:
        return Refusals([fault.changed(change) if isinstance(fault, Refusal) else fault for fault in self.faults])

    def __str__(self) -> str:
        lines = [str(fault) for fault in self.faults]
        more = len(lines) - MOST_LINES
        return "\n".join(lines[:MOST_LINES] + ([f"and {count_noun(more, 'more fault')}"] if more > 0 else []))


class Unreadable:
    """Stands in a tree for a value whose error is listed already; building it raises `Listed`."""


class Faults:
    """Collects the errors of parts that are checked independently of each other."""

    def __init__(self) -> None:
        self._found: list[InputError] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, errors: Iterable[InputError]) -> None:
        """Add errors; those of a `Refusals` one by one."""
        for error in errors:
            self._found += error.faults if isinstance(error, Refusals) else [error]

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Context whose `InputError` is added, not raised."""
        try:
            yield
        except InputError as error:
            self.add([error])

    def raise_found(self, tree: Mapping[str, Any] | None = None) -> None:
        """Raise what was found, if anything was: one error itself, several as `Refusals`, of each path the first.

        tree  tree of the study file, in whose order the errors are listed; None: in the order in which they were found
        """
        if not self._found:
            return
        by_path: dict[str, InputError] = {}
        for error in self._found:
            if not isinstance(error, Listed):
                by_path.setdefault(_path(error), error)
        faults = list(by_path.values()) or self._found[:1]
        if tree is not None:
            faults.sort(key=lambda fault: _position(tree, _path(fault)))
        raise faults[0] if len(faults) == 1 else Refusals(faults)


def _path(error: InputError) -> str:
    return dotted(error.parts) if isinstance(error, Refusal) else str(error).partition(": ")[0]


def _position(tree: Any, path: str) -> list[int]:
    """Place of a dotted path in a tree: at each level the number of the key, for a missing key that after the last."""
    position = []
    while isinstance(tree, Mapping | list) and path:
        first = path.partition(".")[0]
        if isinstance(tree, list) and first.isdecimal():
            key, number = first, int(first)
        else:  # a key, or the name of a condition, may hold dots: the longest that fits is meant
            keys = [str(key) for key in tree] if isinstance(tree, Mapping) else list(map(_name, tree))
            key = max((key for key in keys if f"{path}.".startswith(f"{key}.")), key=len, default="")
            number = keys.index(key) if key in keys else len(keys)
        position.append(number)
        below = list(tree.values()) if isinstance(tree, Mapping) else tree
        if number >= len(below):
            break
        path, tree = path[len(key) + 1 :], below[number]
    return position


def _name(element: Any) -> str:
    return str(element.get("name", "")) if isinstance(element, Mapping) else ""


def dotted(parts: Parts) -> str:
    """The path as it is printed: its keys, of each the first characters, joined by dots."""
    return ".".join(cut(escape_control(part)) for part in parts)
