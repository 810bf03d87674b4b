"""The answer in a few findings: how the confirmed settings differ, and which of the settings that were tried work."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.analysis.explore_trials import seeds_that_must_reach
from studies.reporting.text.constraint_effect import constraint_effect
from studies.reporting.text.decided_pairs import decided_with_first, without_distance
from studies.reporting.text.failures import ShortBudget, short_budget
from studies.reporting.text.finding import Finding, LargestP, Names, Part, failed_seeds, largest_p
from studies.reporting.text.fresh_seeds import tested_by_groups
from studies.reporting.text.initial_divergences import initial_divergences
from studies.reporting.text.map_findings import largest_area
from studies.reporting.text.method_comparison import best_method, incomparable_methods
from studies.reporting.text.metric_agreement import disagreeing_metrics, gaussian_as_good
from studies.reporting.text.mode_coverage import mode_coverage
from studies.reporting.text.target_distance import goal
from studies.reporting.text.tried_settings import tried_settings
from studies.reporting.text.without_result import ends_without_result
from studies.statistics.permutation import LEVEL
from studies.statistics.power import rank_test_power


@dataclass(frozen=True, kw_only=True)
class NoResultsYet(Finding):
    """Nothing is known."""


@dataclass(frozen=True, kw_only=True)
class ConfirmedSoFar(Finding):
    """The conditions that are confirmed on fresh seeds, of all; `is_over` is True if no other one will be."""

    conditions: Part
    is_over: bool


@dataclass(frozen=True, kw_only=True)
class AllSettingsFailed(Finding):
    """No setting found has a distance, since too many of its fresh seeds failed.

    failed      each condition with the number of its fresh seeds that failed, of all
    every_seed  True if all fresh seeds of all conditions failed
    """

    failed: tuple[tuple[str, Part], ...]
    every_seed: bool


@dataclass(frozen=True, kw_only=True)
class OnlyDistance(Finding):
    """Distance and failed fresh seeds of the only setting found."""

    condition: str
    distance: float
    goal: str
    failed: Part


@dataclass(frozen=True, kw_only=True)
class FirstIsAhead(Finding):
    """The first of the ranking is decided to end closer than the settings found for `behind`, of all `others`.

    no_distance  True if those behind have no distance, since too many of their fresh seeds failed
    """

    first: str
    behind: Names
    others: int
    no_distance: bool
    goal: str
    p: LargestP


@dataclass(frozen=True, kw_only=True)
class SeedsTendCloser(Finding):
    """The order of the seeds is decided against the first of the ranking, which compares interquartile means."""

    first: str
    closer: Names
    goal: str
    p: LargestP


@dataclass(frozen=True, kw_only=True)
class FirstUndecidedAgainst(Finding):
    """The pairs of the first of the ranking with `others` are undecided; `also` is True if it is ahead of others."""

    first: str
    others: Names
    also: bool
    level: float = LEVEL


@dataclass(frozen=True, kw_only=True)
class FirstUndecided(Finding):
    """No pair with the first of the ranking is decided.

    conditions  those of the ranking, the first one first
    seeds       smallest and largest number of fresh seeds of a setting found
    pairs       number of tested pairs; of the only one `p` is the p-value
    reason      "one seed" and "too few": no test could decide
    """

    conditions: Names
    goal: str
    seeds: tuple[int, int]
    pairs: int
    p: float | None
    reason: Literal["one seed", "only pair", "too few", "no pair"]


@dataclass(frozen=True, kw_only=True)
class NoWorkingSetting(Finding):
    """Conditions of which no setting that was tried in the search works, and whose setting found has no rank.

    conditions  each with the number of fresh seeds of the setting found that failed
    tried       smallest and largest number of settings that were tried for one of them; 0 if none is searched
    """

    conditions: tuple[tuple[str, Part], ...]
    tried: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class TooManyFailed(Finding):
    """Conditions whose setting found has no rank, since too many of its fresh seeds failed, though others worked.

    conditions  each with the number of fresh seeds that failed; some setting that was tried in the search worked
    """

    conditions: tuple[tuple[str, Part], ...]


def headline(comparison: Comparison) -> tuple[list[Finding], list[Finding]]:
    """The first findings of the answer, and others, less important ones; undecided comparisons are called undecided.

    First they say if the budget was too short for the first of the ranking or for all, if metrics disagree on the
    first, and if a Gaussian is as good as every setting found by the distance that decides; what is so for others alone
    is not stated first. Then they are about stability maps, the modes covered and the kinds of constraint if
    `largest_area`, `mode_coverage` or `constraint_effect` has a finding, else about the methods under search, the
    distances of the confirmed settings (mostly left out if there is only one) and the settings that work in explore.
    That all settings found failed is stated before either. What is not stated first for that reason is among the
    others.
    """
    first, others = _results(comparison)
    short = list(short_budget(comparison))
    if any(comparison.ranking["distance"].notna()) and not _concerns_first(short, comparison):
        others, short = [*short, *others], []
    first = [*short, *_confirmed_so_far(comparison), *first]
    return first or [NoResultsYet()], others


def _concerns_first(short: list[ShortBudget], comparison: Comparison) -> bool:
    """True if the budget may have been too short for the first of the ranking."""
    first = comparison.ranking["condition"].iloc[0]
    return any(name == first for finding in short for name, _ in finding.conditions)


def _confirmed_so_far(comparison: Comparison) -> Iterator[Finding]:
    ranked, conditions = len(comparison.ranking), len(comparison.results.study.conditions)
    if comparison.results.study.search.confirm.best and ranked < conditions:
        is_over = ranked + len(ends_without_result(comparison)) == conditions
        yield ConfirmedSoFar(conditions=Part(ranked, conditions), is_over=is_over)


def _results(comparison: Comparison) -> tuple[list[Finding], list[Finding]]:
    """The findings on results that are stated first, and the others."""
    special = [*largest_area(comparison), *mode_coverage(comparison), *constraint_effect(comparison)]
    distances, works = list(_distances(comparison)), list(tried_settings(comparison))
    metrics, further = list(disagreeing_metrics(comparison)), list[Finding]()
    for finding in gaussian_as_good(comparison):
        (metrics if comparison.results.study.distance in finding.metrics else further).append(finding)
    compared = [*best_method(comparison), *distances, *works, *incomparable_methods(comparison)]
    failed = len(comparison.ranking) > 0 and bool(comparison.ranking["distance"].isna().all())
    if special and failed:
        return [*distances, *special], [finding for finding in compared if finding not in distances]
    if special:
        return [*metrics, *special], [*compared, *further]
    initial = list(initial_divergences(comparison))
    if works and len(comparison.explored) == 1 and comparison.explored[0].grids:
        return [*initial, *works], distances if failed else []
    if works and len(comparison.ranking) == 1 and not failed:
        return [*initial, *works, *metrics], further
    return [*initial, *metrics, *compared], further


# -- distances of the confirmed settings -------------------------------------------------------------------------------


def _distances(comparison: Comparison) -> Iterator[Finding]:
    ranking = comparison.ranking
    if ranking.empty:
        return
    if ranking["distance"].isna().all():
        failed = tuple((row["condition"], failed_seeds(row)) for _, row in ranking.iterrows())
        yield AllSettingsFailed(failed=failed, every_seed=all(part.number == part.of for _, part in failed))
    elif len(ranking) == 1:
        row = ranking.iloc[0]
        yield OnlyDistance(
            condition=row["condition"],
            distance=float(row["distance"]),
            goal=goal(comparison),
            failed=failed_seeds(row),
        )
    else:
        yield from _first_against_others(comparison)
        yield from _without_rank(comparison)
        yield from tested_by_groups(comparison)


def _without_rank(comparison: Comparison) -> Iterator[Finding]:
    """Findings on the conditions without a rank; a setting that was tried works if at least 80% of its seeds do."""
    ranking = comparison.ranking
    failed = [(row["condition"], failed_seeds(row)) for _, row in ranking[ranking["distance"].isna()].iterrows()]
    trials, study = comparison.results.trials, comparison.results.study
    searched = trials[trials["phase"].isin(("explore", "exploit"))]
    most_failures = study.seeds - seeds_that_must_reach(study.seeds)
    works = set(searched.loc[(searched["failure_rate"] * study.seeds).round() <= most_failures, "condition"])
    if none_works := [(name, part) for name, part in failed if name not in works]:
        counts = searched["condition"].value_counts()
        tried = [int(counts.get(name, 0)) for name, _ in none_works if study.condition(name).hyperparameters]
        yield NoWorkingSetting(conditions=tuple(none_works), tried=(min(tried, default=0), max(tried, default=0)))
    if others := [(name, part) for name, part in failed if name in works]:
        yield TooManyFailed(conditions=tuple(others))


def _first_against_others(comparison: Comparison) -> Iterator[Finding]:
    """Findings on the decided pairs with the first of the ranking, and on the undecided ones."""
    first, *others = comparison.ranking["condition"].tolist()
    ahead, behind = decided_with_first(comparison)
    farther, closer = (
        tuple(name for name in others if name in {*pairs["condition"], *pairs["other"]}) for pairs in (ahead, behind)
    )
    if not farther and not closer:
        yield _first_undecided(comparison)
        return
    if farther:
        yield FirstIsAhead(
            first=first,
            behind=farther,
            others=len(others),
            no_distance=set(farther) <= set(without_distance(comparison.ranking)),
            goal=goal(comparison),
            p=largest_p(ahead, comparison.pairs),
        )
    if closer:
        p = largest_p(behind, comparison.pairs)
        yield SeedsTendCloser(first=first, closer=closer, goal=goal(comparison), p=p)
    undecided = tuple(name for name in others if name not in (*farther, *closer))
    if undecided:
        yield FirstUndecidedAgainst(first=first, others=undecided, also=bool(farther))


def _first_undecided(comparison: Comparison) -> FirstUndecided:
    ranking, pairs = comparison.ranking, comparison.pairs
    seeds = int(ranking["members"].min()), int(ranking["members"].max())
    return FirstUndecided(
        conditions=tuple(ranking["condition"]),
        goal=goal(comparison),
        seeds=seeds,
        pairs=len(pairs),
        p=float(pairs["p_adjusted"].iloc[0]) if len(pairs) == 1 and seeds[0] > 1 else None,
        reason=_reason(pairs, seeds[0]),
    )


def _reason(pairs: pd.DataFrame, seeds: int) -> Literal["one seed", "only pair", "too few", "no pair"]:
    """The reason why no setting is called the closest; `seeds` is the smallest number of fresh seeds."""
    if seeds == 1:
        return "one seed"
    if len(pairs) == 1:
        return "only pair"
    return "too few" if rank_test_power(1.0, seeds, comparisons=len(pairs)) == 0 else "no pair"
