"""Findings about confirmed settings: their differences, the effect of tuning, their ranking under other rules."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.reporting.text.confirm_caveats import fewest_evaluations
from studies.reporting.text.decided_pairs import decided_groups, number_needed, without_distance
from studies.reporting.text.finding import Finding, LargestP, Names, Part, first_findings, largest_p
from studies.reporting.text.target_distance import goal
from studies.statistics.permutation import LEVEL


@dataclass(frozen=True, kw_only=True)
class DecisionRule(Finding):
    """The rule by which a pair of settings is decided."""

    level: float = LEVEL


@dataclass(frozen=True, kw_only=True)
class EndsCloser(Finding):
    """The settings found for `closer` are decided to end closer than those for `farther`."""

    closer: Names
    farther: Names
    goal: str
    p: LargestP


@dataclass(frozen=True, kw_only=True)
class AheadOfFailed(Finding):
    """The settings found for `ahead` are decided to be ahead of those for `failed`, of which every seed failed."""

    ahead: Names
    failed: Names
    p: LargestP


@dataclass(frozen=True, kw_only=True)
class UndecidedPairs(Finding):
    """The undecided pairs with their adjusted p-values, the smallest first, and the number of all pairs."""

    undecided: tuple[tuple[str, str, float], ...]
    pairs: int


def pair_findings(comparison: Comparison) -> Iterator[Finding]:
    """Findings on the decided pairs, the undecided pairs, and the number of seeds that would decide the latter."""
    pairs, names = comparison.pairs.dropna(subset="p_value"), comparison.ranking["condition"].tolist()
    if pairs.empty:
        return
    undecided = pairs[~pairs["decided"]].sort_values("p_adjusted", kind="stable")
    if len(pairs) > 1:
        yield DecisionRule()
        yield from first_findings(_decided(comparison, pairs, names), "pairs")
        if len(undecided):
            yield UndecidedPairs(
                undecided=tuple((row.condition, row.other, row.p_adjusted) for row in undecided.itertuples()),
                pairs=len(pairs),
            )
    if len(undecided):
        yield from number_needed(undecided, "fresh seeds")


def _decided(comparison: Comparison, pairs: pd.DataFrame, names: Sequence[str]) -> Iterator[Finding]:
    """Findings on the decided pairs, separate ones on pairs with a setting that has no distance."""
    failed = without_distance(comparison.ranking)
    with_failed = pairs["condition"].isin(failed) | pairs["other"].isin(failed)
    for rows in (pairs[~with_failed], pairs[with_failed]):
        for closer, farther, decided in decided_groups(rows, rows["effect"] > 0.5, names):
            p = largest_p(decided, pairs)
            if farther[0] in failed:
                yield AheadOfFailed(ahead=tuple(closer), failed=tuple(farther), p=p)
            else:
                yield EndsCloser(closer=tuple(closer), farther=tuple(farther), goal=goal(comparison), p=p)


@dataclass(frozen=True, kw_only=True)
class UndecidedRanks(Finding):
    """The pairs of the ranking that are not decided, and the number of all pairs that have an order."""

    undecided: tuple[tuple[str, str], ...]
    pairs: int


def undecided_ranks(comparison: Comparison) -> UndecidedRanks | None:
    """The pairs of conditions whose order in the ranking no test decides; None if the order of every pair is decided.

    Two settings without a rank have no order, so their pair is left out.
    """
    pairs, failed = comparison.pairs, without_distance(comparison.ranking)
    pairs = pairs[~(pairs["condition"].isin(failed) & pairs["other"].isin(failed))]
    undecided = pairs[~pairs["decided"]]
    if undecided.empty:
        return None
    names = tuple((row.condition, row.other) for row in undecided.itertuples())
    return UndecidedRanks(undecided=names, pairs=len(pairs))


# -- tuning ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class TuningEffect(Finding):
    """The setting found for a condition against the authors' setting, on the same fresh seeds.

    distance, authors_distance  NaN if too many seeds failed
    p                           adjusted p-value, None if there are too few seeds for a test
    closer                      the setting that is decided to end closer
    """

    condition: str
    distance: float
    failed: Part
    authors_distance: float
    authors_failed: Part
    p: float | None
    closer: Literal["found", "authors", None]


def tuning_findings(comparison: Comparison) -> Iterator[Finding]:
    """A finding for each condition that compares the setting found with the authors' setting."""
    yield from first_findings((_tuning(row) for _, row in comparison.tuning.iterrows()), "tuning")


def _tuning(row: pd.Series) -> Finding:
    failed, authors_failed = (
        Part(round(row[f"{prefix}failure_rate"] * row[f"{prefix}members"]), int(row[f"{prefix}members"]))
        for prefix in ("", "authors_")
    )
    return TuningEffect(
        condition=row["condition"],
        distance=row["distance"],
        failed=failed,
        authors_distance=row["authors_distance"],
        authors_failed=authors_failed,
        p=None if pd.isna(row["p_value"]) else float(row["p_adjusted"]),
        closer=None if not row["decided"] else "found" if row["effect"] > 0.5 else "authors",
    )


# -- other rules -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class StaysFirst(Finding):
    """Number of variants of the outcome rules under which the first of the ranking stays first."""

    condition: str
    variants: Part


@dataclass(frozen=True, kw_only=True)
class FirstUnderOtherRules(Finding):
    """The thresholds under which another condition is first, or under which every setting found failed (None)."""

    condition: str | None
    thresholds: tuple[tuple[str, float], ...]


@dataclass(frozen=True, kw_only=True)
class FirstAtEqualCriticSteps(Finding):
    """The condition that is first if all curves are cut at the fewest critic steps; None if every setting failed.

    stays   True if it is the first of the ranking too
    fewest  smallest number of evaluations after step 0 that are left
    few     the conditions with too few of them, with their number
    """

    condition: str | None
    stays: bool
    steps: int
    fewest: int
    few: tuple[tuple[str, int], ...]


def robustness_findings(comparison: Comparison) -> Iterator[Finding]:
    """Findings on which setting ranks first under other thresholds of the outcome rules, and at equal critic steps."""
    ranking = comparison.ranking
    if len(ranking) < 2 or ranking["distance"].isna().all():
        return
    first = ranking["condition"].iloc[0]
    rows = comparison.robustness
    yield from _under_other_rules(first, rows[~rows["own"]].groupby(["threshold", "value"], sort=False).head(1))
    yield from _at_equal_critic_steps(comparison, first)


def _under_other_rules(first: str, leaders: pd.DataFrame) -> Iterator[Finding]:
    """Findings on variants of the outcome rules; `leaders` has the first row of the ranking under each variant.

    There are no variants where generators were not kept at every evaluation.
    """
    if leaders.empty:
        return
    changed = leaders[(leaders["condition"] != first) | leaders["distance"].isna()]
    yield StaysFirst(condition=first, variants=Part(len(leaders) - len(changed), len(leaders)))
    named = changed["condition"].where(changed["distance"].notna(), "")
    for other, rows in changed.groupby(named, sort=False):
        values = tuple((row.threshold, float(row.value)) for row in rows.itertuples())
        yield FirstUnderOtherRules(condition=str(other) or None, thresholds=values)


def _at_equal_critic_steps(comparison: Comparison, first: str) -> Iterator[Finding]:
    ranking = comparison.equal_critic_steps
    if ranking.empty or not comparison.critic_steps_differ:
        return
    leader, left = ranking.iloc[0], {row.condition: int(row.measurements) for row in ranking.itertuples()}
    enough = fewest_evaluations(comparison.results.study.outcomes)
    yield FirstAtEqualCriticSteps(
        condition=None if pd.isna(leader["distance"]) else leader["condition"],
        stays=leader["condition"] == first,
        steps=comparison.fewest_critic_steps,
        fewest=min(left.values()),
        few=tuple((name, count) for name, count in left.items() if count < enough),
    )
