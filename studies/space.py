"""Distributions that may stand wherever a value may stand, and the draws from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, isfinite, log, prod
from typing import Any
from zlib import crc32

import numpy as np

from studies.errors import InputError
from studies.sentences import LARGEST_INTEGER, printable, shown

Value = int | float | str | bool


@dataclass(frozen=True)
class Uniform:
    """Any number between two ends, each equally likely: `low (1 - u) + high u`."""

    low: float
    high: float

    def quantile(self, u: float) -> float:
        """The number below which a share u of the draws lies."""
        return _within(self.low * (1 - u) + self.high * u, self.low, self.high)

    def extremes(self) -> tuple[float, float]:
        """The values that must be valid so that all are."""
        return self.low, self.high

    def table(self) -> dict[str, list[float]]:
        """As it stands in a study file."""
        return {"uniform": [self.low, self.high]}


@dataclass(frozen=True)
class LogUniform:
    """Any number between two positive ends, each order of magnitude equally likely: `low^(1 - u) high^u`."""

    low: float
    high: float

    def quantile(self, u: float) -> float:
        """The number below which a share u of the draws lies."""
        return _within(exp(log(self.low) * (1 - u) + log(self.high) * u), self.low, self.high)

    def extremes(self) -> tuple[float, float]:
        """The values that must be valid so that all are."""
        return self.low, self.high

    def table(self) -> dict[str, list[float]]:
        """As it stands in a study file."""
        return {"log_uniform": [self.low, self.high]}


@dataclass(frozen=True)
class IntUniform:
    """Any integer from low to high, both included, each equally likely."""

    low: int
    high: int

    def quantile(self, u: float) -> int:
        """The integer at share u of the ordered integers."""
        return min(self.low + int(u * (self.high - self.low + 1)), self.high)

    def extremes(self) -> tuple[int, int]:
        """The values that must be valid so that all are."""
        return self.low, self.high

    def table(self) -> dict[str, list[int]]:
        """As it stands in a study file."""
        return {"int_uniform": [self.low, self.high]}


@dataclass(frozen=True)
class Choice:
    """One of a few values, each equally likely."""

    values: tuple[Value, ...]

    def quantile(self, u: float) -> Value:
        """The value at share u of the list."""
        return _at_share(self.values, u)

    def extremes(self) -> tuple[Value, ...]:
        """Every value: each must be valid."""
        return self.values

    def table(self) -> dict[str, list[Value]]:
        """As it stands in a study file."""
        return {"choice": list(self.values)}


@dataclass(frozen=True)
class Grid:
    """A few values that explore takes in turn, combined with every value of the condition's other grids."""

    values: tuple[Value, ...]

    def quantile(self, u: float) -> Value:
        """The value at share u of the list, for whoever draws at random all the same."""
        return _at_share(self.values, u)

    def extremes(self) -> tuple[Value, ...]:
        """Every value: each must be valid."""
        return self.values

    def table(self) -> dict[str, list[Value]]:
        """As it stands in a study file."""
        return {"grid": list(self.values)}


Distribution = Uniform | LogUniform | IntUniform | Choice | Grid
KEYS = ("uniform", "log_uniform", "int_uniform", "choice", "grid")


def draw(knobs: Mapping[str, Distribution], *, seed: int, index: int) -> dict[str, Value]:
    """Draw number `index` of every knob, by its dotted path.

    A knob's value is `quantile(U(seed, path, index))`: it depends on no other knob, nor on the condition, its name or
    its place. Grids take their combinations in turn, the last path fastest, and all of them before any again.

    Source of U in [0, 1): numpy's SeedSequence([seed, crc32(path), index]), the upper 53 of 64 bits.
    """
    grids = {path: knob for path, knob in sorted(knobs.items()) if isinstance(knob, Grid)}
    combination = _combination(grids, index)
    return {
        path: combination[path] if path in combination else knob.quantile(_unit(seed, path, index))
        for path, knob in knobs.items()
    }


def may_draw(knob: Distribution, value: Any) -> bool:
    """Whether the value is one that the distribution may give."""
    match knob:
        case Choice() | Grid():
            return any(type(value) is type(one) and value == one for one in knob.values)
        case IntUniform():
            return isinstance(value, int) and _is_number(value) and knob.low <= value <= knob.high
        case _:
            return _is_number(value) and knob.low <= value <= knob.high


def by_path(table: Mapping[str, Any]) -> dict[str, Any]:
    """The values in a tree of tables, by their dotted paths."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        inner = (
            {f"{key}.{path}": one for path, one in by_path(value).items()}
            if isinstance(value, Mapping)
            else {key: value}
        )
        found |= inner
    return found


def is_distribution(value: Any) -> bool:
    """Whether a piece of a study file stands for a distribution; it may still be a wrong one."""
    if isinstance(value, Mapping):
        return "kind" not in value and any(key in value for key in KEYS)
    return isinstance(value, str) and value == "search"


def parse(table: Any, path: str, preset_range: Mapping[str, Any] | None = None) -> Distribution:
    """The distribution that a piece of a study file says; `"search"` is the preset's own range for that path.

    Errors: `InputError` for two distributions in one place, ends that are not two numbers or not in order, ends of a
    log-uniform that are not positive, values that are empty, repeated or no values, `"search"` without a range.
    """
    if table == "search":
        if preset_range is None:
            raise InputError(
                f'{path}: "search" stands for the preset\'s own range, but there is none here; '
                "write one, as in {log_uniform = [0.001, 1.0]}"
            )
        table = preset_range
    if len(table) != 1:
        keys = " and ".join(printable(key) for key in table)
        raise InputError(f"{path}: must hold one distribution and nothing else, but holds {keys}")
    ((key, content),) = table.items()
    return _parse_one(key, content, f"{path}.{key}")


def _parse_one(key: str, content: Any, path: str) -> Distribution:
    match key:
        case "uniform":
            return Uniform(*_ends(content, path))
        case "log_uniform":
            low, high = _ends(content, path)
            if low <= 0:
                raise InputError(f"{path}: must start above 0, but is {shown(content)}")
            return LogUniform(low, high)
        case "int_uniform":
            return IntUniform(*_integer_ends(content, path))
        case "choice":
            return Choice(_values(content, path))
        case "grid":
            return Grid(_values(content, path))
        case _:
            raise InputError(f"{path}: is no distribution; known are {', '.join(KEYS)}")


def _ends(content: Any, path: str) -> tuple[float, float]:
    if not (_is_pair(content) and all(_is_number(end) for end in content)):
        raise InputError(f"{path}: must be two finite numbers [low, high], but is {shown(content)}")
    _refuse_disorder(content, path)
    return float(content[0]), float(content[1])


def _integer_ends(content: Any, path: str) -> tuple[int, int]:
    if not (_is_pair(content) and all(_is_number(end) and isinstance(end, int) for end in content)):
        raise InputError(f"{path}: must be two integers [low, high], but is {shown(content)}")
    _refuse_disorder(content, path)
    return content[0], content[1]


def _refuse_disorder(ends: list[Any], path: str) -> None:
    if not ends[0] < ends[1]:
        raise InputError(f"{path}: must go from low to high, but is {shown(ends)}")


def _values(content: Any, path: str) -> tuple[Value, ...]:
    if not isinstance(content, list) or not content:
        raise InputError(f"{path}: must be a list of at least one value, but is {shown(content)}")
    for position, value in enumerate(content):
        if not (_is_number(value) or isinstance(value, str | bool)):
            raise InputError(f"{path}: must hold finite numbers, text or booleans, but holds {shown(value)}")
        if value in content[:position]:
            raise InputError(f"{path}: must hold distinct values, but holds {shown(value)} twice")
    return tuple(content)


def _is_pair(content: Any) -> bool:
    return isinstance(content, list) and len(content) == 2


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= LARGEST_INTEGER if isinstance(value, int) else isfinite(value)


def _within(number: float, low: float, high: float) -> float:
    return min(max(number, low), high)  # rounding may leave the range by one unit in the last place


def _at_share(values: tuple[Value, ...], u: float) -> Value:
    return values[min(int(u * len(values)), len(values) - 1)]


def _unit(seed: int, path: str, index: int) -> float:
    (bits,) = np.random.SeedSequence([seed, crc32(path.encode()), index]).generate_state(1, np.uint64)
    return (int(bits) >> 11) * 2.0**-53


def _combination(grids: dict[str, Grid], index: int) -> dict[str, Value]:
    """The combination number `index` of all grids: a mixed-radix number whose last digit is the last path's."""
    rest = index % prod(len(grid.values) for grid in grids.values())
    combination = {}
    for path, grid in reversed(grids.items()):
        rest, digit = divmod(rest, len(grid.values))
        combination[path] = grid.values[digit]
    return combination
