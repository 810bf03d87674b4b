"""Sentences about the conditions as methods under search: which is best when n random settings of each are tried."""

from collections.abc import Iterator

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.analysis.explore_trials import ExploreTrials
from studies.analysis.search_comparison import FEWEST_DRAWS, comparable_methods, ranked_methods
from studies.file.messages import count_noun
from studies.numbers import format_p, format_share
from studies.reporting.text.phrases import (
    MAX_ITEMS,
    MAX_NAMES,
    decided_groups,
    first_sentences,
    goal,
    join_words,
    largest_p,
)
from studies.statistics.permutation import LEVEL


def method_clause(comparison: Comparison) -> str:
    """Which method under search is the best, or that this is undecided; empty if no two methods can be compared."""
    if comparison.search_pairs.empty:
        return ""
    pairs, names = comparison.search_pairs, ranked_methods(comparison.search_pairs)
    best, *others = names
    of_best = pairs[pairs["decided"] & ((pairs["condition"] == best) | (pairs["other"] == best))]
    behind = [name for name in others if name in {*of_best["condition"], *of_best["other"]}]
    searched = f"if {_draws(pairs)} random settings of each method are tried"
    if not behind:
        against = pairs[(pairs["condition"] == best) | (pairs["other"] == best)]
        is_pair = len(others) == 1
        which = f"whether {best} or {others[0]}" if is_pair else f"which of the {len(names)} methods"
        comes = f"comes {'closer' if is_pair else 'closest'} to {goal(comparison)} {searched}"
        return f"{which} {comes} is undecided ({_smallest_p(against)})"
    than = (
        f"than that of {join_words(behind, most=MAX_ITEMS)}"
        if len(behind) < len(others) or len(behind) <= MAX_ITEMS
        else f"than that of the {len(others)} others"
    )
    clause = f"{searched}, the best of {best} comes closer to {goal(comparison)} {than} ({largest_p(of_best)})"
    undecided = [name for name in others if name not in behind]
    return f"{clause}; against {join_words(undecided, most=MAX_ITEMS)} it is undecided" if undecided else clause


def incomparable_methods(comparison: Comparison) -> str:
    """Reason why no two methods under search can be compared; empty if two can, and without a ranking of distances."""
    ranking = comparison.ranking
    if len(ranking) < 2 or ranking["distance"].isna().all() or not comparison.search_pairs.empty or comparison.maps:
        return ""
    return f"the ranking compares single settings, not methods under search: {_reason(comparison)}"


def method_sentences(comparison: Comparison) -> Iterator[str]:
    """Sentences on the expected best score of every method under search, the decided pairs and the undecided ones."""
    pairs = comparison.search_pairs
    if pairs.empty:
        return
    yield (
        "A method under search is a condition whose hyperparameters are drawn at random: its score is the expected "
        f"search score of the best of {_draws(pairs)} settings (the mean over seeds of the way from a constant to real "
        "data; 0 for seeds that collapsed, diverged or became non-finite)."
    )
    yield f"Scores: {', '.join(_scores(comparison))}."
    left_out = [trials for trials in comparison.explored if trials.condition not in ranked_methods(pairs)]
    if left_out:
        yield f"Not compared as methods: {'; '.join(_why_not(trials) for trials in left_out)}."
    yield (
        "Pairs are tested by permutations over configurations, so that the p-value includes the variation from search "
        f"to search; p-values are adjusted for {count_noun(len(pairs), 'pair')} (Holm), decided below {LEVEL:g}."
    )
    names = ranked_methods(pairs)
    sentences = (
        f"{join_words(leaders)} {'has' if len(leaders) == 1 else 'have'} a larger score than {join_words(others)} "
        f"({largest_p(rows)})."
        for leaders, others, rows in decided_groups(pairs, pairs["difference"] > 0, names)
    )
    yield from first_sentences(sentences, "search_pairs")
    undecided = int((~pairs["decided"]).sum())
    if undecided:
        yield f"{undecided} of {count_noun(len(pairs), 'pair')} {'is' if undecided == 1 else 'are'} undecided."


def _draws(pairs: pd.DataFrame) -> int:
    return int(pairs["n"].min())


def _smallest_p(pairs: pd.DataFrame) -> str:
    p = f"p = {format_p(pairs['p_adjusted'].min())}"
    return p if len(pairs) == 1 else f"smallest adjusted {p}"


def _scores(comparison: Comparison) -> Iterator[str]:
    pairs, curves = comparison.search_pairs, comparison.tuning_curves
    at = curves[curves["n"] == _draws(pairs)].set_index("condition")
    for name in ranked_methods(pairs)[:MAX_NAMES]:
        row = at.loc[name]
        band = (
            ""
            if pd.isna(row["score_low"])
            else f" ({format_share(row['score_low'])} to {format_share(row['score_high'])})"
        )
        yield f"{name} {format_share(row['score'])}{band}"


def _reason(comparison: Comparison) -> str:
    """The reason why there are not two methods to compare."""
    methods = {trials.condition for trials in comparable_methods(comparison.explored)}
    by_reason: dict[str, list[str]] = {}
    for trials in comparison.explored:
        if trials.condition not in methods:
            by_reason.setdefault(_obstacle(trials), []).append(trials.condition)
    if len(by_reason) == 1 and not methods:
        return next(iter(by_reason))
    return "; ".join(f"for {join_words(names, most=MAX_NAMES)}, {reason}" for reason, names in by_reason.items())


def _why_not(trials: ExploreTrials) -> str:
    return f"{trials.condition}, since {_obstacle(trials)}"


def _obstacle(trials: ExploreTrials) -> str:
    if not trials.hyperparameters:
        return "no hyperparameter is searched"
    if trials.grids:
        return "values are listed in the study file, not drawn at random"
    count = len(trials.configurations)
    return f"{count_noun(count, 'random setting')} {'counts' if count == 1 else 'count'}, and {FEWEST_DRAWS} are needed"
