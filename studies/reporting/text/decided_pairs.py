"""Which conditions are decided to be ahead of which, and how many seeds or settings would decide the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.reporting.text.finding import Finding


def without_distance(ranking: pd.DataFrame) -> list[str]:
    """The conditions without a rank, since too many fresh seeds of their setting found failed."""
    return ranking.loc[ranking["distance"].isna(), "condition"].tolist()


def decided_with_first(comparison: Comparison) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Decided pairs with the first of the ranking: those in which it tends to be closer, those in which the other does.

    The second table can have rows: the ranking orders interquartile means, the test compares the order of all seeds.
    """
    first, pairs = comparison.ranking["condition"].iloc[0], comparison.pairs
    decided = pairs[pairs["decided"] & ((pairs["condition"] == first) | (pairs["other"] == first))]
    is_closer = (decided["effect"] > 0.5) == (decided["condition"] == first)
    return decided[is_closer], decided[~is_closer]


def decided_groups(
    pairs: pd.DataFrame, leads: "pd.Series[bool]", conditions: Sequence[str]
) -> Iterator[tuple[list[str], list[str], pd.DataFrame]]:
    """Conditions that are ahead of the same others, these others, and the rows of their pairs; for each such group.

    pairs       with the columns `condition`, `other` and `decided`
    leads       for each pair, True if `condition` is ahead of `other`
    conditions  all conditions, in the order in which the groups name them
    """
    ahead: dict[tuple[str, ...], list[str]] = {}
    for name in conditions:
        behind = set(pairs.loc[pairs["decided"] & leads & (pairs["condition"] == name), "other"])
        behind |= set(pairs.loc[pairs["decided"] & ~leads & (pairs["other"] == name), "condition"])
        if behind:
            ahead.setdefault(tuple(other for other in conditions if other in behind), []).append(name)
    for others, leaders in ahead.items():
        rows = pairs[
            (pairs["condition"].isin(leaders) & pairs["other"].isin(others))
            | (pairs["other"].isin(leaders) & pairs["condition"].isin(others))
        ]
        yield leaders, list(others), rows


@dataclass(frozen=True, kw_only=True)
class FewestNeeded(Finding):
    """Estimated number of fresh seeds or settings per condition that would decide the undecided pairs that need fewest.

    unit       noun of what is counted
    pair       the two conditions if only one pair needs so few, else None
    pairs      number of pairs that need so few
    undecided  number of undecided pairs
    is_fewest  True if another pair needs more
    """

    number: int
    unit: str
    pair: tuple[str, str] | None
    pairs: int
    undecided: int
    is_fewest: bool


@dataclass(frozen=True, kw_only=True)
class MostNeeded(Finding):
    """Estimated number per condition that would decide every undecided pair.

    some_equal  True if there is no estimate for pairs whose observed difference is zero
    """

    number: int
    unit: str
    some_equal: bool


def number_needed(undecided: pd.DataFrame, unit: str) -> Iterator[Finding]:
    """Findings on how many `unit` would decide one undecided pair, and how many all; none if no number would."""
    needed = undecided["needed"].dropna().astype("int64")
    if needed.empty:
        return
    least, most = int(needed.min()), int(needed.max())
    nearest = undecided.loc[needed[needed == least].index]
    first = nearest.iloc[0]
    yield FewestNeeded(
        number=least,
        unit=unit,
        pair=(first["condition"], first["other"]) if len(nearest) == 1 else None,
        pairs=len(nearest),
        undecided=len(undecided),
        is_fewest=most > least,
    )
    if most > least:
        yield MostNeeded(number=most, unit=unit, some_equal=len(needed) < len(undecided))
