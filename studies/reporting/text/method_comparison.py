"""Findings about the conditions as methods under search: which is best when n random settings of each are tried."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.analysis.explore_trials import ExploreTrials
from studies.analysis.search_comparison import FEWEST_DRAWS, comparable_methods, ranked_methods
from studies.reporting.text.decided_pairs import decided_groups
from studies.reporting.text.finding import (
    MAX_NAMES,
    Finding,
    Interval,
    LargestP,
    Names,
    Part,
    first_findings,
    largest_p,
)
from studies.reporting.text.target_distance import goal
from studies.statistics.permutation import LEVEL


class Obstacle(NamedTuple):
    """The reason why a condition cannot be compared as a method; `settings` counts the random settings if too few."""

    reason: Literal["fixed", "listed", "few"]
    settings: int | None = None
    needed: int = FEWEST_DRAWS


@dataclass(frozen=True, kw_only=True)
class BestMethod(Finding):
    """The method whose best of `draws` settings is decided to come closer than that of `behind`.

    others  number of all other methods
    """

    best: str
    behind: Names
    undecided: Names
    others: int
    draws: int
    goal: str
    p: LargestP


@dataclass(frozen=True, kw_only=True)
class UndecidedMethods(Finding):
    """No method is decided to be ahead of another one; `smallest_p` is the smallest of `tests` with the first."""

    methods: Names
    draws: int
    goal: str
    smallest_p: float
    tests: int


@dataclass(frozen=True, kw_only=True)
class IncomparableMethods(Finding):
    """The reasons why no two methods under search can be compared, each with the conditions that it keeps out.

    is_single  True if one reason keeps all conditions out
    """

    obstacles: tuple[tuple[Obstacle, Names], ...]
    is_single: bool


@dataclass(frozen=True, kw_only=True)
class MethodScoreRule(Finding):
    """The definition of a method's score."""

    draws: int


@dataclass(frozen=True, kw_only=True)
class MethodScores(Finding):
    """The score of each method with its simultaneous band, None where unknown."""

    scores: tuple[tuple[str, float, Interval | None], ...]


@dataclass(frozen=True, kw_only=True)
class NotCompared(Finding):
    """The conditions that are not compared as methods, with the reason."""

    conditions: tuple[tuple[str, Obstacle], ...]


@dataclass(frozen=True, kw_only=True)
class MethodTests(Finding):
    """The tests of pairs of methods."""

    pairs: int
    level: float = LEVEL


@dataclass(frozen=True, kw_only=True)
class LargerScore(Finding):
    """The scores of `leaders` are decided to be larger than those of `others`."""

    leaders: Names
    others: Names
    p: LargestP


@dataclass(frozen=True, kw_only=True)
class UndecidedMethodPairs(Finding):
    """Number of undecided pairs of methods, of all pairs."""

    undecided: Part


def best_method(comparison: Comparison) -> Iterator[Finding]:
    """The method under search that is the best, or that this is undecided; none if no two methods can be compared."""
    pairs = comparison.search_pairs
    if pairs.empty:
        return
    best, *others = ranked_methods(pairs)
    of_best = pairs[(pairs["condition"] == best) | (pairs["other"] == best)]
    decided = of_best[of_best["decided"]]
    ahead_of = {*decided["condition"], *decided["other"]}
    if not ahead_of:
        yield UndecidedMethods(
            methods=(best, *others),
            draws=_draws(pairs),
            goal=goal(comparison),
            smallest_p=float(of_best["p_adjusted"].min()),
            tests=len(of_best),
        )
        return
    yield BestMethod(
        best=best,
        behind=tuple(name for name in others if name in ahead_of),
        undecided=tuple(name for name in others if name not in ahead_of),
        others=len(others),
        draws=_draws(pairs),
        goal=goal(comparison),
        p=largest_p(decided, pairs),
    )


def incomparable_methods(comparison: Comparison) -> Iterator[Finding]:
    """Reasons why no two methods under search can be compared; none if two can, or without a ranking of distances."""
    ranking = comparison.ranking
    if len(ranking) < 2 or ranking["distance"].isna().all() or not comparison.search_pairs.empty or comparison.maps:
        return
    methods = {trials.condition for trials in comparable_methods(comparison.explored)}
    conditions: dict[Obstacle, list[str]] = {}
    for trials in comparison.explored:
        if trials.condition not in methods:
            conditions.setdefault(_obstacle(trials), []).append(trials.condition)
    yield IncomparableMethods(
        obstacles=tuple((obstacle, tuple(names)) for obstacle, names in conditions.items()),
        is_single=len(conditions) == 1 and not methods,
    )


def method_findings(comparison: Comparison) -> Iterator[Finding]:
    """Findings on the expected best score of every method under search, the decided pairs and the undecided ones."""
    pairs = comparison.search_pairs
    if pairs.empty:
        return
    names = ranked_methods(pairs)
    yield MethodScoreRule(draws=_draws(pairs))
    yield MethodScores(scores=tuple(_scores(comparison)))
    left_out = tuple((each.condition, _obstacle(each)) for each in comparison.explored if each.condition not in names)
    if left_out:
        yield NotCompared(conditions=left_out)
    yield MethodTests(pairs=len(pairs))
    larger = (
        LargerScore(leaders=tuple(leaders), others=tuple(others), p=largest_p(rows, pairs))
        for leaders, others, rows in decided_groups(pairs, pairs["difference"] > 0, names)
    )
    yield from first_findings(larger, "search_pairs")
    if undecided := int((~pairs["decided"]).sum()):
        yield UndecidedMethodPairs(undecided=Part(undecided, len(pairs)))


def _draws(pairs: pd.DataFrame) -> int:
    return int(pairs["n"].min())


def _scores(comparison: Comparison) -> Iterator[tuple[str, float, Interval | None]]:
    pairs, curves = comparison.search_pairs, comparison.tuning_curves
    at = curves[curves["n"] == _draws(pairs)].set_index("condition")
    for name in ranked_methods(pairs)[:MAX_NAMES]:
        row = at.loc[name]
        band = None if pd.isna(row["score_low"]) else (float(row["score_low"]), float(row["score_high"]))
        yield name, float(row["score"]), band


def _obstacle(trials: ExploreTrials) -> Obstacle:
    if not trials.hyperparameters:
        return Obstacle("fixed")
    if trials.grids:
        return Obstacle("listed")
    return Obstacle("few", len(trials.configurations))
