"""Findings about groups of fresh seeds: tests after each group, conditions that go on, groups without a result."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.ledger.unfinished import END_NAMES, TrialEnd
from studies.reporting.text.finding import MAX_ITEMS, Finding, Names
from studies.statistics.group_sequential import smallest_p_value
from studies.statistics.permutation import LEVEL
from studies.tables.ranking import is_stable


class PairsTested(NamedTuple):
    """Number of pairs that were decided, or that are undecided, with this number of fresh seeds of each condition."""

    pairs: int
    is_decided: bool
    seeds: int


@dataclass(frozen=True, kw_only=True)
class GroupwiseTests(Finding):
    """Pairs are tested after each group of fresh seeds.

    seeds   fresh seeds in a group
    groups  largest number of groups
    """

    seeds: int
    groups: int
    pairs: tuple[PairsTested, ...]
    level: float = LEVEL


@dataclass(frozen=True, kw_only=True)
class FurtherSeeds(Finding):
    """The conditions that are to get a further group of fresh seeds, up to `most` seeds."""

    conditions: Names
    seeds: int
    most: int


@dataclass(frozen=True, kw_only=True)
class FailedPairs(Finding):
    """Pairs without further fresh seeds because every seed of both failed."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class GroupWithoutResult(Finding):
    """A condition whose training on further fresh seeds ended without a result."""

    condition: str
    end: TrialEnd


@dataclass(frozen=True, kw_only=True)
class NoneDecidableByGroups(Finding):
    """The smallest possible p-value with all groups, before and after adjustment, at which no pair can be decided."""

    seeds: int
    most: int
    smallest: float
    adjusted: float
    pairs: int
    level: float = LEVEL


@dataclass(frozen=True, kw_only=True)
class RandomPermutations(Finding):
    """The p-values of pairs tested by groups are estimated."""


def tested_by_groups(comparison: Comparison) -> Iterator[Finding]:
    """The tests after each group of fresh seeds; none for a study with one group, or without a pair."""
    confirm, pairs = comparison.results.study.search.confirm, comparison.pairs
    if confirm.groups == 1 or pairs.empty:
        return
    counts = (
        PairsTested(int(count), is_decided, int(seeds))
        for is_decided in (True, False)
        for seeds, count in pairs[pairs["decided"] == is_decided].groupby("members").size().items()
    )
    yield GroupwiseTests(seeds=confirm.seeds, groups=confirm.groups, pairs=tuple(counts))


def undecided_names(comparison: Comparison) -> list[str]:
    """Conditions in an undecided pair that has not had all of its fresh seeds, and is to get further ones.

    Empty once a study has run to its end. A pair gets no more if a condition's training ended without a result, or if
    all seeds of both failed.
    """
    if comparison.results.study.search.confirm.groups == 1:
        return []
    ends = _ends(comparison)
    names = {
        name
        for row in _open_pairs(comparison).itertuples()
        if not {row.condition, row.other} & ends.keys() and not _all_failed(comparison, row)
        for name in (row.condition, row.other)
    }
    return [name for name in comparison.ranking["condition"] if name in names]


def further_seeds(comparison: Comparison) -> Iterator[Finding]:
    """Findings on conditions without all fresh seeds: the study goes on, all failed, or training had no result."""
    confirm = comparison.results.study.search.confirm
    if names := undecided_names(comparison):
        yield FurtherSeeds(conditions=tuple(names), seeds=confirm.seeds, most=confirm.seeds * confirm.groups)
    open_pairs = _open_pairs(comparison).itertuples() if confirm.groups > 1 else ()
    failed = tuple((row.condition, row.other) for row in open_pairs if _all_failed(comparison, row))
    if failed:
        yield FailedPairs(pairs=failed[:MAX_ITEMS])
    for name, end in list(_ends(comparison).items())[:MAX_ITEMS]:
        yield GroupWithoutResult(condition=name, end=end)


def smallest_p(comparison: Comparison) -> Iterator[Finding]:
    """The smallest possible p-value, if no pair can be decided with all groups of fresh seeds, and its estimate."""
    confirm, count = comparison.results.study.search.confirm, len(comparison.pairs)
    smallest = smallest_p_value(confirm.seeds, confirm.groups, confirm.groups)
    if smallest * count >= LEVEL:
        yield NoneDecidableByGroups(
            seeds=confirm.seeds,
            most=confirm.seeds * confirm.groups,
            smallest=smallest,
            adjusted=min(1, smallest * count),
            pairs=count,
        )
    yield RandomPermutations()


def _open_pairs(comparison: Comparison) -> pd.DataFrame:
    """The undecided pairs that have not had all of their fresh seeds."""
    pairs = comparison.pairs
    return pairs[~pairs["decided"] & (pairs["looks"] < comparison.results.study.search.confirm.groups)]


def _all_failed(comparison: Comparison, pair: Any) -> bool:
    """True if every seed on which a row of the table of pairs rests failed."""
    members = comparison.results.ranked(comparison.results.members)
    tested = members["condition"].isin([pair.condition, pair.other]) & (members["trial"] < pair.looks)
    return not is_stable(members[tested]).any()


def _ends(comparison: Comparison) -> dict[str, TrialEnd]:
    """The end of a later group of fresh seeds that has no result because of its setting, by condition."""
    return {
        trial.spec.condition: trial.end
        for trial in comparison.results.trial_records
        if trial.spec.phase == "confirm" and trial.spec.index > 0 and trial.state in END_NAMES and trial.end is not None
    }
