"""Distributions of hyperparameters in a study file, and random draws from them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from math import exp, floor, isfinite, log, prod
from typing import Any, ClassVar, Generic, TypeVar, get_args
from zlib import crc32

import numpy as np

from studies.file.messages import LARGEST_INTEGER

Scalar = int | float | str | bool
Value = Scalar | tuple[Scalar, ...]
"""Value of a hyperparameter; a list of a study file is a tuple."""
Number = TypeVar("Number", int, float)


@dataclass(frozen=True, kw_only=True)
class When:
    """Values of other hyperparameters at which a hyperparameter is searched.

    parents    values that each of the other hyperparameters may have, by path
    otherwise  value that the hyperparameter has at their other values
    """

    parents: tuple[tuple[str, tuple[Value, ...]], ...]
    otherwise: Value

    def table(self) -> dict[str, Any]:
        """The keys `when` and `otherwise` of a distribution in a study file."""
        (otherwise,) = plain_values((self.otherwise,))
        return {"when": {path: plain_values(values) for path, values in self.parents}, "otherwise": otherwise}


@dataclass(frozen=True)
class _Searched(ABC):
    """Base class of all distributions; `when` is None for a hyperparameter that is searched in every trial."""

    when: When | None = field(default=None, kw_only=True)
    key: ClassVar[str]

    @abstractmethod
    def content(self) -> list[Any]:
        """The value of the distribution's key in a study file."""

    def table(self) -> dict[str, Any]:
        """The table that describes this distribution in a study file; the distribution's key comes first."""
        step = getattr(self, "step", None)
        stepped = {} if step is None else {"step": step}
        return {self.key: self.content(), **stepped, **(self.when.table() if self.when else {})}


@dataclass(frozen=True)
class _Range(_Searched, Generic[Number]):
    """Base class of the distributions on a range [low, high]."""

    low: Number
    high: Number

    def extremes(self) -> tuple[Number, Number]:
        """Both ends; if both are valid values of a hyperparameter, so is every number between them."""
        return self.low, self.high

    def content(self) -> list[Number]:
        return [self.low, self.high]


@dataclass(frozen=True)
class _Listed(_Searched):
    """Base class of the distributions on a list of values."""

    values: tuple[Value, ...]

    def quantile(self, u: float) -> Value:
        """The value at position floor(u n) of the list of n values, counted from 0; 0 <= u < 1."""
        return self.values[min(int(u * len(self.values)), len(self.values) - 1)]

    def extremes(self) -> tuple[Value, ...]:
        """All values, since the validity of one implies nothing about the others."""
        return self.values

    def content(self) -> list[Any]:
        return plain_values(self.values)


@dataclass(frozen=True)
class Uniform(_Range[float]):
    """Uniform distribution on [low, high] or, with a step, on the numbers low, low + step, ..., high.

    quantile  low (1 - u) + high u; with a step low + floor(u n) step, n the number of values
    """

    key: ClassVar[str] = "uniform"
    step: float | None = field(default=None, kw_only=True)

    def quantile(self, u: float) -> float:
        """The number below which a share u of the draws lies; 0 <= u < 1."""
        if self.step is not None:
            count = round((self.high - self.low) / self.step) + 1
            return self._at(min(int(u * count), count - 1), self.step)
        return _clamp(self.low * (1 - u) + self.high * u, self.low, self.high)

    def nearest(self, number: float) -> float:
        """The value of the distribution that is nearest to a number in its range."""
        return number if self.step is None else self._at(round((number - self.low) / self.step), self.step)

    def _at(self, position: int, step: float) -> float:
        """low + position * step in decimal numbers: 0.1 + 2 * 0.1 is 0.3."""
        return float(Decimal(str(self.low)) + position * Decimal(str(step)))


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
    """Uniform distribution on the integers low, low + step, ..., high; the step is 1 if it is None.

    quantile  low + floor(u n) step, n the number of values
    """

    key: ClassVar[str] = "int_uniform"
    step: int | None = field(default=None, kw_only=True)

    def quantile(self, u: float) -> int:
        """The value at position floor(u n), counted from 0; 0 <= u < 1."""
        step = self.step or 1
        return min(self.low + int(u * ((self.high - self.low) // step + 1)) * step, self.high)


@dataclass(frozen=True)
class IntLogUniform(_Range[int]):
    """Log-uniform distribution on the integers low, ..., high, low >= 1: those nearest to log-uniform numbers.

    quantile  the integer nearest to (low - 1/2)^(1 - u) (high + 1/2)^u

    Source: Optuna's `IntDistribution(log=True)`.
    """

    key: ClassVar[str] = "int_log_uniform"

    def quantile(self, u: float) -> int:
        """The integer nearest to the number below which a share u of the log-uniform numbers lies; 0 <= u < 1."""
        number = exp(log(self.low - 0.5) * (1 - u) + log(self.high + 0.5) * u)
        return min(max(floor(number + 0.5), self.low), self.high)


@dataclass(frozen=True)
class Choice(_Listed):
    """Uniform distribution on the listed values; a range whose ends are equal is a choice of one value."""

    key: ClassVar[str] = "choice"


@dataclass(frozen=True)
class Grid(_Listed):
    """List of values that explore takes in order, in every combination with the condition's other grids."""

    key: ClassVar[str] = "grid"


Range = Uniform | LogUniform | IntUniform | IntLogUniform
Distribution = Range | Choice | Grid
KEYS = tuple(distribution.key for distribution in get_args(Distribution))
"""Key of each distribution in a study file."""
BLOCK = 8
"""Number of consecutive draws that are stratified together."""


def draw(
    hyperparameters: Mapping[str, Distribution], *, seed: int, index: int, stratified: bool = True, replicate: int = 0
) -> dict[str, Value]:
    """Values of the hyperparameters in the random draw with number `index`, by dotted path.

    The value of a hyperparameter is `quantile(U)`. U depends on (seed, path, index) and the condition's replicate
    alone, neither on the other hyperparameters nor on the rest of the condition. Grids go through their combinations in
    order, the last path changing fastest, and start again after the last combination. A hyperparameter with `when` is
    left out if it is not searched at the values of the others.

    stratified   True: U = (permutation[index mod 8] + u) / 8, so that of the draws 8 b, ..., 8 b + 7 one lies in each
                 eighth of [0, 1); each U is uniform by itself. False: U = u, and all draws are independent
    u            the upper 53 of the 64 bits of numpy's SeedSequence([seed, crc32(path), index]), uniform in [0, 1)
    permutation  the order of the 8 64-bit words of SeedSequence([seed, crc32(path), index // 8, 8])
    replicate    number of an equal condition that is searched anew; unless it is 0, "path#replicate" stands for the
                 path

    Source: one-dimensional stratified sampling of each coordinate, McKay et al. 1979, doi:10.2307/1268522.
    """
    grids = {
        path: hyperparameter
        for path, hyperparameter in sorted(hyperparameters.items())
        if isinstance(hyperparameter, Grid)
    }
    combination = _combination(grids, index)
    values = {
        path: combination[path]
        if path in combination
        else hyperparameter.quantile(_unit(seed, f"{path}#{replicate}" if replicate else path, index, stratified))
        for path, hyperparameter in hyperparameters.items()
    }
    return {path: value for path, value in values.items() if is_searched(path, hyperparameters, values)}


def is_searched(path: str, hyperparameters: Mapping[str, Distribution], values: Mapping[str, Any]) -> bool:
    """True if a hyperparameter is searched at these values of the others: it has no `when`, or its parents fit it."""
    when = hyperparameters[path].when
    return when is None or all(
        is_searched(parent, hyperparameters, values) and parent in values and values[parent] in fitting
        for parent, fitting in when.parents
    )


def may_draw(hyperparameter: Distribution, value: Any) -> bool:
    """True if `value` is one that the distribution can give, of a type that the hyperparameter accepts."""
    if isinstance(hyperparameter, Choice | Grid):
        return any(type(value) is type(listed) and value == listed for listed in hyperparameter.values)
    if not (is_number(value) and hyperparameter.low <= value <= hyperparameter.high):
        return False
    match hyperparameter:
        case IntUniform():
            return isinstance(value, int) and (value - hyperparameter.low) % (hyperparameter.step or 1) == 0
        case IntLogUniform():
            return isinstance(value, int)
        case Uniform():
            return hyperparameter.nearest(value) == value
        case _:
            return True


def as_number(value: Value) -> float:
    """A value of a hyperparameter with a range, as a float."""
    if isinstance(value, tuple | str):
        raise TypeError(f"{value!r} is no value of a range")
    return float(value)


def as_value(value: Any) -> Any:
    """A value of a study file or of JSON as the value of a hyperparameter: a list becomes a tuple."""
    return tuple(as_value(part) for part in value) if isinstance(value, list) else value


def plain_values(values: tuple[Value, ...]) -> list[Any]:
    """Values of a hyperparameter as in a study file: a tuple becomes a list."""
    return [list(value) if isinstance(value, tuple) else value for value in values]


def is_number(value: Any) -> bool:
    """True for a finite number within 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= LARGEST_INTEGER if isinstance(value, int) else isfinite(value)


def _clamp(number: float, low: float, high: float) -> float:
    return min(max(number, low), high)  # rounding may leave the range by one unit in the last place


def _unit(seed: int, path: str, index: int, stratified: bool) -> float:
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
