"""Findings about several studies together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.analysis.cross_study import cross_study_ranking, performance_profile
from studies.file.budget import Budget
from studies.reporting.text.finding import Finding, Names
from studies.reporting.text.literature import literature_findings


@dataclass(frozen=True, kw_only=True)
class SameData(Finding):
    """All studies use the same data."""

    studies: int
    kind: str


@dataclass(frozen=True, kw_only=True)
class SameKindOfData(Finding):
    """The studies use data of one kind with different settings."""

    kind: str


@dataclass(frozen=True, kw_only=True)
class DifferentData(Finding):
    """The kind of data of each study, with its name."""

    data: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class DifferentBudgets(Finding):
    """The budget of each study, with its name."""

    budgets: tuple[tuple[Budget, str], ...]


@dataclass(frozen=True, kw_only=True)
class NothingConfirmedIn(Finding):
    """Studies in which no setting is confirmed."""

    studies: Names


@dataclass(frozen=True, kw_only=True)
class NoRankingsToCompare(Finding):
    """Fewer than two studies have a ranking."""


@dataclass(frozen=True, kw_only=True)
class NoCommonCondition(Finding):
    """No condition is ranked in every study."""


@dataclass(frozen=True, kw_only=True)
class RankedInAll(Finding):
    """The conditions that all of the studies with a ranking rank."""

    studies: int
    conditions: Names


@dataclass(frozen=True, kw_only=True)
class PerformanceProfileRule(Finding):
    """The definition of the performance profile."""


@dataclass(frozen=True, kw_only=True)
class SmallestInStudies(Finding):
    """Number of studies in which each condition has the smallest distance."""

    conditions: tuple[tuple[str, int], ...]
    studies: int


@dataclass(frozen=True, kw_only=True)
class RatiosInAllStudies(Finding):
    """The ratio to the smallest distance that each condition keeps in every study."""

    conditions: tuple[tuple[str, float], ...]


@dataclass(frozen=True, kw_only=True)
class NoRatioInAllStudies(Finding):
    """No condition keeps the largest ratio of the profile in every study."""

    largest_ratio: float


def several_studies(comparisons: Sequence[Comparison]) -> Iterator[Finding]:
    """Findings on their data and budgets, on claims of papers, and on the conditions that all of the studies rank."""
    yield _data(comparisons)
    yield from _budgets(comparisons)
    yield from literature_findings(comparisons)
    names = {comparison.results.study.name: len(comparison.ranking) > 0 for comparison in comparisons}
    if unconfirmed := tuple(name for name, ranked in names.items() if not ranked):
        yield NothingConfirmedIn(studies=unconfirmed)
    if sum(names.values()) < 2:
        yield NoRankingsToCompare()
        return
    profile = performance_profile(cross_study_ranking(comparisons))
    if profile.empty:
        yield NoCommonCondition()
        return
    conditions = tuple(dict.fromkeys(profile["condition"]))
    yield RankedInAll(studies=sum(names.values()), conditions=conditions)
    if len(conditions) > 1:
        yield PerformanceProfileRule()
        yield from _profile(profile)


def _data(comparisons: Sequence[Comparison]) -> Finding:
    studies = [comparison.results.study for comparison in comparisons]
    kinds = {study.data.kind for study in studies}
    if all(study.table()["data"] == studies[0].table()["data"] for study in studies):
        return SameData(studies=len(studies), kind=studies[0].data.kind)
    if len(kinds) == 1:
        return SameKindOfData(kind=studies[0].data.kind)
    return DifferentData(data=tuple((study.data.kind, study.name) for study in studies))


def _budgets(comparisons: Sequence[Comparison]) -> Iterator[Finding]:
    studies = [comparison.results.study for comparison in comparisons]
    budgets = tuple((study.budget, study.name) for study in studies)
    if len({budget for budget, _ in budgets}) > 1:
        yield DifferentBudgets(budgets=budgets)


def _profile(profile: pd.DataFrame) -> Iterator[Finding]:
    """Findings on the number of studies in which each condition is best, and on the ratio it keeps in all."""
    studies = int(profile["studies"].iloc[0])
    smallest = profile[(profile["ratio"] == 1.0) & (profile["share"] > 0)]
    if len(smallest):
        counts = tuple((row.condition, round(row.share * studies)) for row in smallest.itertuples())
        yield SmallestInStudies(conditions=counts, studies=studies)
    always = profile[profile["share"] == 1].groupby("condition", sort=False)["ratio"].min()
    if len(always):
        yield RatiosInAllStudies(conditions=tuple((str(name), float(ratio)) for name, ratio in always.items()))
    else:
        yield NoRatioInAllStudies(largest_ratio=float(profile["ratio"].max()))
