"""Findings about the members that failed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from gan_core.outcomes import OUTCOMES
from studies.analysis.comparison import Comparison
from studies.ledger.unfinished import WITHOUT_RESULT
from studies.reporting.text.finding import Finding, Names, Part, first_findings

FEWEST_IMPROVING = 3
"""Smallest number of a condition's fresh seeds that were still improving for a remark on the budget."""
_PHASES = ("explore", "confirm")


class MemberGroup(NamedTuple):
    """Members of a phase that failed, or that have no result.

    outcomes   number of members with each outcome
    improving  number of members that failed while they were still improving
    """

    phase: str
    has_result: bool
    members: Part
    outcomes: tuple[tuple[int, str], ...]
    improving: int


@dataclass(frozen=True, kw_only=True)
class FailedMembers(Finding):
    """Members of a condition that failed or have no result, by phase."""

    condition: str
    groups: tuple[MemberGroup, ...]


@dataclass(frozen=True, kw_only=True)
class NoFailures(Finding):
    """Conditions of which no member failed."""

    conditions: Names


@dataclass(frozen=True, kw_only=True)
class FailedWhileImproving(Finding):
    """Some members failed while they were still improving."""


@dataclass(frozen=True, kw_only=True)
class ShortBudget(Finding):
    """Conditions whose budget may have been too short: failed fresh seeds that were still improving, of the failed."""

    conditions: tuple[tuple[str, Part], ...]


def failure_findings(comparison: Comparison) -> Iterator[Finding]:
    """Findings on each condition's failed members: their number by outcome, and how many were still improving.

    Members of trials that ended without a result are counted apart: they have no outcome.
    """
    outcomes = comparison.outcomes[comparison.outcomes["phase"].isin(_PHASES)]
    trained = set(outcomes["condition"])
    names = [condition.name for condition in comparison.results.study.conditions if condition.name in trained]
    if not names:
        return
    groups = {name: tuple(_groups(outcomes[outcomes["condition"] == name])) for name in names}
    failures = (FailedMembers(condition=name, groups=own) for name, own in groups.items() if own)
    yield from first_findings(failures, "outcomes")
    without = tuple(name for name, own in groups.items() if not own)
    if without:
        yield NoFailures(conditions=without)
    if (outcomes["improving"] * (outcomes["outcome"] != OUTCOMES[0])).any():
        yield FailedWhileImproving()


def short_budget(comparison: Comparison) -> Iterator[ShortBudget]:
    """The conditions whose budget may have been too short.

    At least `FEWEST_IMPROVING` fresh seeds of the setting found failed while they were still improving, and these are
    at least half of those that failed.
    """
    outcomes = comparison.outcomes
    failed = outcomes[(outcomes["phase"] == "confirm") & outcomes["outcome"].isin(OUTCOMES[1:])]
    counts = failed.groupby("condition", sort=False, observed=True)[["members", "improving"]].sum()
    short = counts[(counts["improving"] >= FEWEST_IMPROVING) & (2 * counts["improving"] >= counts["members"])]
    if not short.empty:
        yield ShortBudget(
            conditions=tuple((row.Index, Part(int(row.improving), int(row.members))) for row in short.itertuples())
        )


def _groups(outcomes: pd.DataFrame) -> Iterator[MemberGroup]:
    """The members of each phase that failed, and those without a result."""
    for phase in _PHASES:
        in_phase = outcomes[outcomes["phase"] == phase]
        total, present = int(in_phase["members"].sum()), in_phase[in_phase["members"] > 0]
        for has_result, ends in ((True, OUTCOMES[1:]), (False, WITHOUT_RESULT)):
            rows = present[present["outcome"].isin(ends)]
            if count := int(rows["members"].sum()):
                kinds = tuple((int(row.members), str(row.outcome)) for row in rows.itertuples())
                yield MemberGroup(phase, has_result, Part(count, total), kinds, int(rows["improving"].sum()))
