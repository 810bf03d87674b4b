"""Findings on the hyperparameter whose change gains most between the authors' setting and the setting found."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.reporting.text.finding import Finding, Part, first_findings
from studies.reporting.text.target_distance import goal


@dataclass(frozen=True, kw_only=True)
class DecisiveChange(Finding):
    """The change that accounts for most of the `total` by which the setting found ends closer than the authors'."""

    condition: str
    total: float
    goal: str
    change: str
    share: float
    p: float


@dataclass(frozen=True, kw_only=True)
class FewerFailures(Finding):
    """The change that accounts for most of the failures that the authors' setting has and the setting found has not.

    authors, found  failed seeds with these settings
    before, after   failed seeds before and after the change
    """

    condition: str
    authors: Part
    found: Part
    change: str
    before: Part
    after: Part
    p: float


def path_findings(comparison: Comparison) -> Iterator[Finding]:
    """A finding for each condition whose setting found is better and owes most of that to one decided change."""
    tuning = comparison.tuning
    better = tuning.loc[tuning["decided"] & (tuning["effect"] > 0.5), "condition"]
    paths = comparison.paths[comparison.paths["condition"].isin(better)]
    changes = (_main_change(comparison, rows) for _, rows in paths.groupby("condition", sort=False))
    yield from first_findings((finding for finding in changes if finding), "paths")


def _main_change(comparison: Comparison, rows: pd.DataFrame) -> Finding | None:
    """The finding on one path; None unless one decided change accounts for most of it."""
    first, last = rows.iloc[0], rows.iloc[-1]
    helpful = rows[rows["decided"] & (rows["effect"] > 0.5)]
    if helpful.empty or pd.isna(last["distance"]):
        return None
    if pd.isna(first["distance"]):
        return _fewer_failures(rows, helpful)
    main, total = helpful.sort_values("gain", ascending=False).iloc[0], first["distance"] - last["distance"]
    if not main["gain"] > total / 2 > 0:
        return None
    return DecisiveChange(
        condition=first["condition"],
        total=float(total),
        goal=goal(comparison),
        change=main["change"],
        share=float(main["gain"] / total),
        p=float(main["p_adjusted"]),
    )


def _fewer_failures(rows: pd.DataFrame, helpful: pd.DataFrame) -> Finding | None:
    """The finding on a path from a setting without a distance, by the number of seeds that fail."""
    fewer = (-rows["failure_rate"].diff())[helpful.index].sort_values(ascending=False)
    first, last = rows.iloc[0], rows.iloc[-1]
    if not fewer.iloc[0] > (first["failure_rate"] - last["failure_rate"]) / 2:
        return None
    after, before = rows.loc[fewer.index[0]], rows.loc[fewer.index[0] - 1]
    return FewerFailures(
        condition=first["condition"],
        authors=_failed(first),
        found=_failed(last),
        change=after["change"],
        before=_failed(before),
        after=_failed(after),
        p=float(after["p_adjusted"]),
    )


def _failed(row: "pd.Series") -> Part:
    return Part(round(row["failure_rate"] * row["seeds"]), int(row["seeds"]))
