"""Findings: statements about a study as values, which `sentences` phrases."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

MAX_ITEMS = 6
"""Largest number of names, pairs or findings that are listed; a longer list ends with the number of the others."""
MAX_NAMES = 20
"""Largest number of conditions in a list in which each name is part of the answer."""

Interval = tuple[float, float]
"""Lower and upper end of a 95 % interval."""
Names = tuple[str, ...]
"""Names of conditions, hyperparameters, metrics or studies, in the order in which they are listed."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A statement about a study: its class says which statement it is, its fields hold the names and numbers.

    The macro of the same name in `templates/` phrases it; the template is named after the module of the class.
    """


class LargestP(NamedTuple):
    """The largest of several adjusted p-values, or the only one.

    tests   number of these p-values
    family  number of tests for which each of them is adjusted
    """

    value: float
    tests: int
    family: int


class Part(NamedTuple):
    """A number of things, of all of their kind, as 2 failed seeds of 10."""

    number: int
    of: int


@dataclass(frozen=True, kw_only=True)
class MoreRows(Finding):
    """Number of further findings of a kind, which stand in a table alone."""

    table: str
    count: int


def first_findings(findings: Iterable[Finding], table: str) -> Iterator[Finding]:
    """The findings; if there are more than `MAX_ITEMS`, the first ones and the name of the full table."""
    every = list(findings)
    if len(every) <= MAX_ITEMS:
        yield from every
        return
    yield from every[: MAX_ITEMS - 1]
    yield MoreRows(table=table, count=len(every) - MAX_ITEMS + 1)


def largest_p(rows: "pd.DataFrame", tests: "pd.DataFrame") -> LargestP:
    """The largest adjusted p-value of some rows of a table of tests."""
    return LargestP(float(rows["p_adjusted"].max()), len(rows), int(tests["p_adjusted"].notna().sum()))


def failed_seeds(row: "pd.Series") -> Part:
    """Number of failed members in a row of the ranking."""
    return Part(round(row["failure_rate"] * row["members"]), int(row["members"]))
