"""Distributions of hyperparameters in a study file, and random draws from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, isfinite, log, prod
from typing import Any, ClassVar, Generic, TypeVar, get_args
from zlib import crc32

import numpy as np

from studies.errors import InputError
from studies.file.messages import LARGEST_INTEGER, escape_control, format_value

Value = int | float | str | bool
"""Value of a hyperparameter."""
Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class _Range(Generic[Number]):
    """Base class of the distributions on a range [low, high]."""

    low: Number
    high: Number
    key: ClassVar[str]

    def extremes(self) -> tuple[Number, Number]:
        """Both ends; if both are valid values of a hyperparameter, so is every number between them."""
        return self.low, self.high

    def table(self) -> dict[str, list[Number]]:
        """The table that describes this distribution in a study file."""
        return {self.key: [self.low, self.high]}


@dataclass(frozen=True)
class _Listed:
    """Base class of the distributions on a list of values."""

    values: tuple[Value, ...]
    key: ClassVar[str]

    def quantile(self, u: float) -> Value:
        """The value at position floor(u n) of the list of n values, counted from 0; 0 <= u < 1."""
        return self.values[min(int(u * len(self.values)), len(self.values) - 1)]

    def extremes(self) -> tuple[Value, ...]:
        """All values, since the validity of one implies nothing about the others."""
        return self.values

    def table(self) -> dict[str, list[Value]]:
        """The table that describes this distribution in a study file."""
        return {self.key: list(self.values)}


@dataclass(frozen=True)
class Uniform(_Range[float]):
    """Uniform distribution on [low, high].

    quantile  low (1 - u) + high u
    """

    key: ClassVar[str] = "uniform"

    def quantile(self, u: float) -> float:
        """The number below which a share u of the draws lies; 0 <= u < 1."""
        return _clamp(self.low * (1 - u) + self.high * u, self.low, self.high)


@dataclass(frozen=True)
class LogUniform(_Range[float]):
    """Log-uniform distribution on [low, high], low > 0: every order of magnitude is equally likely.

    quantile  low^(1 - u) high^u
    """

    key: ClassVar[str] = "log_uniform"

    def quantile(self, u: float) -> float:
        """The number below which a share u of the draws lies; 0 <= u < 1."""
        return _clamp(exp(log(self.low) * (1 - u) + log(self.high) * u), self.low, self.high)


@dataclass(frozen=True)
class IntUniform(_Range[int]):
    """Uniform distribution on the integers low, low + 1, ..., high.

    quantile  low + floor(u (high - low + 1))
    """

    key: ClassVar[str] = "int_uniform"

    def quantile(self, u: float) -> int:
        """The integer low + floor(u (high - low + 1)); 0 <= u < 1."""
        return min(self.low + int(u * (self.high - self.low + 1)), self.high)


@dataclass(frozen=True)
class Choice(_Listed):
    """Uniform distribution on the listed values."""

    key: ClassVar[str] = "choice"


@dataclass(frozen=True)
class Grid(_Listed):
    """List of values that explore takes in order, in every combination with the condition's other grids."""

    key: ClassVar[str] = "grid"


Distribution = Uniform | LogUniform | IntUniform | Choice | Grid
KEYS = tuple(distribution.key for distribution in get_args(Distribution))
"""Key of each distribution in a study file."""


BLOCK = 8
"""Number of consecutive draws that are stratified together."""


def draw(
    hyperparameters: Mapping[str, Distribution], *, seed: int, index: int, stratified: bool = True
) -> dict[str, Value]:
    """Values of all hyperparameters in the random draw with number `index`, by dotted path.

    The value of a hyperparameter is `quantile(U)`. U depends on (seed, path, index) alone, neither on the other
    hyperparameters nor on the condition. Grids go through their combinations in order, the last path changing fastest,
    and start again after the last combination.

    stratified  True: U = (permutation[index mod 8] + u) / 8, so that of the draws 8 b, ..., 8 b + 7 one lies in each
                eighth of [0, 1); each U is uniform by itself. False: U = u, and all draws are independent
    u           the upper 53 of the 64 bits of numpy's SeedSequence([seed, crc32(path), index]), uniform in [0, 1)
    permutation the order of the 8 64-bit words of SeedSequence([seed, crc32(path), index // 8, 8])

    Source: one-dimensional stratified sampling of each coordinate, McKay et al. 1979, doi:10.2307/1268522.
    """
    grids = {
        path: hyperparameter
        for path, hyperparameter in sorted(hyperparameters.items())
        if isinstance(hyperparameter, Grid)
    }
    combination = _combination(grids, index)
    return {
        path: combination[path]
        if path in combination
        else hyperparameter.quantile(_unit(seed, path, index, stratified=stratified))
        for path, hyperparameter in hyperparameters.items()
    }


def may_draw(hyperparameter: Distribution, value: Any) -> bool:
    """True if `value` lies in the range or list of the distribution and has a type that the hyperparameter accepts."""
    match hyperparameter:
        case Choice() | Grid():
            return any(type(value) is type(listed) and value == listed for listed in hyperparameter.values)
        case IntUniform():
            return isinstance(value, int) and _is_number(value) and hyperparameter.low <= value <= hyperparameter.high
        case _:
            return _is_number(value) and hyperparameter.low <= value <= hyperparameter.high


def is_distribution(value: Any) -> bool:
    """True if a value of a study file is written as a distribution, even as an invalid one."""
    if isinstance(value, Mapping):
        return "kind" not in value and any(key in value for key in KEYS)
    return isinstance(value, str) and value == "search"


def parse(table: Any, path: str, preset_range: Mapping[str, Any] | None = None) -> Distribution:
    """The distribution that a value of a study file describes.

    path          dotted path of the value, for error messages
    preset_range  range that the preset gives for this path, used for `"search"`; None if it gives none

    Errors: `InputError` for two distributions in one table, for ends that are not two numbers in ascending order, for
    ends of a log-uniform that are not positive, for a list of values that is empty, holds a value twice or holds a
    table or list, and for `"search"` without a range.
    """
    if table == "search":
        if preset_range is None:
            raise InputError(
                f'{path}: "search" needs a preset with a range for this key, but there is none; '
                "write the range, as in {log_uniform = [0.001, 1.0]}"
            )
        table = preset_range
    if len(table) != 1:
        keys = " and ".join(escape_control(key) for key in table)
        raise InputError(f"{path}: must hold one distribution and nothing else, but holds {keys}")
    ((key, content),) = table.items()
    return _parse_keyed(key, content, f"{path}.{key}")


def _parse_keyed(key: str, content: Any, path: str) -> Distribution:
    match key:
        case "uniform":
            return Uniform(*_ends(content, path))
        case "log_uniform":
            low, high = _ends(content, path)
            if low <= 0:
                raise InputError(f"{path}: must start above 0, but is {format_value(content)}")
            return LogUniform(low, high)
        case "int_uniform":
            return IntUniform(*_integer_ends(content, path))
        case "choice":
            return Choice(_values(content, path))
        case "grid":
            return Grid(_values(content, path))
        case _:
            raise InputError(f"{path}: unknown distribution; known are {', '.join(KEYS)}")


def _ends(content: Any, path: str) -> tuple[float, float]:
    if not (_is_pair(content) and all(_is_number(end) for end in content)):
        raise InputError(f"{path}: must be two finite numbers [low, high], but is {format_value(content)}")
    _check_order(content, path)
    return float(content[0]), float(content[1])


def _integer_ends(content: Any, path: str) -> tuple[int, int]:
    if not (_is_pair(content) and all(_is_number(end) and isinstance(end, int) for end in content)):
        raise InputError(f"{path}: must be two integers [low, high], but is {format_value(content)}")
    _check_order(content, path)
    return content[0], content[1]


def _check_order(ends: list[Any], path: str) -> None:
    if not ends[0] < ends[1]:
        raise InputError(f"{path}: must go from low to high, but is {format_value(ends)}")


def _values(content: Any, path: str) -> tuple[Value, ...]:
    if not isinstance(content, list) or not content:
        raise InputError(f"{path}: must be a list of at least one value, but is {format_value(content)}")
    for position, value in enumerate(content):
        if not (_is_number(value) or isinstance(value, str | bool)):
            raise InputError(f"{path}: must hold finite numbers, text or booleans, but holds {format_value(value)}")
        if value in content[:position]:
            raise InputError(f"{path}: must hold distinct values, but holds {format_value(value)} twice")
    return tuple(content)


def _is_pair(content: Any) -> bool:
    return isinstance(content, list) and len(content) == 2


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= LARGEST_INTEGER if isinstance(value, int) else isfinite(value)


def _clamp(number: float, low: float, high: float) -> float:
    return min(max(number, low), high)  # rounding may leave the range by one unit in the last place


def _unit(seed: int, path: str, index: int, *, stratified: bool) -> float:
    """The random number U(seed, path, index) in [0, 1), as defined in `draw`."""
    key = crc32(path.encode())
    (bits,) = np.random.SeedSequence([seed, key, index]).generate_state(1, np.uint64)
    share = int(bits) >> 11
    if stratified:  # in integers: the sum of 7 and the largest u would round to 8
        share = (_permutation(seed, key, index // BLOCK)[index % BLOCK] * 2**53 + share) // BLOCK
    return share * 2.0**-53


def _permutation(seed: int, key: int, block: int) -> list[int]:
    """A random order of the eighths of [0, 1); every order is equally likely."""
    words = np.random.SeedSequence([seed, key, block, BLOCK]).generate_state(BLOCK, np.uint64)
    return [int(position) for position in words.argsort()]


def _combination(grids: dict[str, Grid], index: int) -> dict[str, Value]:
    """Combination number `index` of all grids: a mixed-radix number whose last digit belongs to the last path."""
    rest = index % prod(len(grid.values) for grid in grids.values())
    combination = {}
    for path, grid in reversed(grids.items()):
        rest, digit = divmod(rest, len(grid.values))
        combination[path] = grid.values[digit]
    return combination
