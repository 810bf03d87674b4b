"""The answer in a few sentences: how the confirmed settings differ, and which of the settings that were tried work."""

from collections.abc import Iterator

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.numbers import format_distance, format_p
from studies.reporting.text.constraint_effect import constraint_clause
from studies.reporting.text.failures import short_budget_clause
from studies.reporting.text.fresh_seeds import looks_clause, seeds_in_words
from studies.reporting.text.initial_divergences import initial_divergence_clause
from studies.reporting.text.map_sentences import map_clause
from studies.reporting.text.method_comparison import incomparable_methods, method_clause
from studies.reporting.text.metric_agreement import disagreement_clause
from studies.reporting.text.mode_coverage import coverage_clause
from studies.reporting.text.phrases import (
    MAX_ITEMS,
    MAX_NAMES,
    all_failed,
    capitalize,
    decided_with_first,
    failed_count,
    found_for,
    goal,
    join_words,
    largest_p,
    ones_found_for,
)
from studies.reporting.text.tried_settings import working_clause
from studies.reporting.text.without_result import ends_without_result
from studies.statistics.permutation import LEVEL
from studies.statistics.power import rank_test_power

NONE_CONFIRMED_YET = "no setting has been confirmed on fresh seeds yet"


def headline(comparison: Comparison) -> tuple[str, ...]:
    """The first sentences of the answer; undecided comparisons are called undecided.

    First they say if the budget was too short. Then they are about stability maps, the modes covered and the kinds of
    constraint if `map_clause`, `coverage_clause` or `constraint_clause` is not empty, else about the methods under
    search, the distances of the confirmed settings (mostly left out if there is only one) and the settings that work in
    explore.
    """
    opening = (short_budget_clause(comparison), _progress_clause(comparison))
    clauses = [clause for clause in (*opening, *_clauses(comparison)[0]) if clause]
    return tuple(_sentence(comparison, clause) for clause in clauses or ["there are no results yet"])


def other_findings(comparison: Comparison) -> Iterator[str]:
    """Sentences on distances and working settings that `headline` leaves out because it states something else."""
    yield from (_sentence(comparison, clause) for clause in _clauses(comparison)[1] if clause)


def _sentence(comparison: Comparison, clause: str) -> str:
    names = {condition.name for condition in comparison.results.study.conditions}
    begins_with_a_name = clause.split(" ")[0].rstrip(",:") in names
    return f"{clause if begins_with_a_name else capitalize(clause)}."


def _progress_clause(comparison: Comparison) -> str:
    ranked, conditions = len(comparison.ranking), len(comparison.results.study.conditions)
    if not comparison.results.study.search.confirm.best or ranked == conditions:
        return ""
    is_over = ranked + len(ends_without_result(comparison)) == conditions
    if not ranked:
        return "no setting could be confirmed on fresh seeds" if is_over else NONE_CONFIRMED_YET
    only = "only" if is_over else "so far only"
    return f"{only} {ranked} of {conditions} conditions {'is' if ranked == 1 else 'are'} confirmed on fresh seeds"


def _clauses(comparison: Comparison) -> tuple[list[str], list[str]]:
    """The clauses of `headline` and those of `other_findings`; each becomes one sentence."""
    clauses = (map_clause(comparison), coverage_clause(comparison), constraint_clause(comparison))
    special = [clause for clause in clauses if clause]
    methods, incomparable = method_clause(comparison), incomparable_methods(comparison)
    distances, works = list(_distance_clauses(comparison)), working_clause(comparison)
    metrics = disagreement_clause(comparison)
    if special:
        return special, [metrics, methods, *distances, works, incomparable]
    failed = len(comparison.ranking) > 0 and bool(comparison.ranking["distance"].isna().all())
    if works and len(comparison.explored) == 1 and comparison.explored[0].grids:
        return [initial_divergence_clause(comparison), works], distances if failed else []
    if works and len(comparison.ranking) == 1 and not failed:
        return [initial_divergence_clause(comparison), works], []
    return [initial_divergence_clause(comparison), metrics, methods, *distances, works, incomparable], []


# -- distances of the confirmed settings -------------------------------------------------------------------------------


def _distance_clauses(comparison: Comparison) -> Iterator[str]:
    ranking = comparison.ranking
    if ranking.empty:
        return
    if ranking["distance"].isna().all():
        yield _all_failed_clause(ranking)
    elif len(ranking) == 1:
        row = ranking.iloc[0]
        yield (
            f"{found_for([row['condition']])} ends at a distance of {format_distance(row['distance'])} from "
            f"{goal(comparison)}, and {failed_count(row)} fresh seeds failed"
        )
    else:
        yield from _first_against_others(comparison)
        if failed := all_failed(ranking):
            yield f"all fresh seeds of {found_for(failed)} failed and count as infinitely far"
        yield looks_clause(comparison)


def _first_against_others(comparison: Comparison) -> Iterator[str]:
    """Clauses on the decided pairs with the first of the ranking, and on the undecided ones."""
    best, *others = comparison.ranking["condition"].tolist()
    ahead, behind = decided_with_first(comparison)
    farther, closer = (
        [name for name in others if name in {*pairs["condition"], *pairs["other"]}] for pairs in (ahead, behind)
    )
    if not farther and not closer:
        yield _undecided_clause(comparison, best)
        return
    if farther:
        yield _ahead_clause(comparison, farther, ahead)
    if closer:
        yield (
            f"fresh seeds of {found_for(closer)} tend to end closer to {goal(comparison)} than those of "
            f"{ones_found_for([best])} ({largest_p(behind)}); {best} is first in the ranking, which compares "
            "interquartile means of the distances"
        )
    undecided = [name for name in others if name not in (*farther, *closer)]
    if undecided:
        yield (
            f"whether {found_for([best])}{' also' if farther else ''} ends closer than {ones_found_for(undecided)} is "
            f"undecided (adjusted p >= {LEVEL:g})"
        )


def _ahead_clause(comparison: Comparison, farther: list[str], ahead: pd.DataFrame) -> str:
    """Clause on the conditions `farther`, which the first of the ranking is decided to be ahead of."""
    ranking = comparison.ranking
    best, *others = ranking["condition"].tolist()
    is_ahead = f"ends closer to {goal(comparison)} than"
    if set(farther) <= set(all_failed(ranking)):
        is_ahead = "ranks ahead of"
    if len(farther) == 1 or len(farther) <= min(MAX_ITEMS, len(others) - 1):
        than = ones_found_for(farther)
    elif len(farther) == len(others):
        than = f"the settings found for the {len(others)} other conditions"
    else:
        than = f"the settings found for {len(farther)} of the {len(others)} other conditions"
    return f"{found_for([best])} {is_ahead} {than} ({largest_p(ahead)})"


def _all_failed_clause(ranking: pd.DataFrame) -> str:
    names = ranking["condition"].tolist()
    if len(names) == 1:
        return f"{found_for(names)} failed on {failed_count(ranking.iloc[0])} fresh seeds"
    failed = [f"{failed_count(row)} for {row['condition']}" for _, row in ranking.iterrows()]
    return f"all settings found failed on fresh seeds: {join_words(failed, most=MAX_NAMES)}"


def _undecided_clause(comparison: Comparison, best: str) -> str:
    ranking = comparison.ranking
    _, *others = ranking["condition"].tolist()
    if len(others) == 1:
        question = f"{found_for([best])} or {ones_found_for(others)} ends closer to {goal(comparison)}"
        return f"whether {question} is undecided: {_reason(comparison)}"
    return (
        f"which of the {len(ranking)} settings found, one for each condition, ends closest to {goal(comparison)} is "
        f"undecided: {_reason(comparison)}"
    )


def _reason(comparison: Comparison) -> str:
    """The reason why no setting is called the closest."""
    seeds, pairs = int(comparison.ranking["members"].min()), comparison.pairs
    if seeds == 1:
        return "one fresh seed each is too few for a test"
    number = seeds_in_words(comparison)
    if len(pairs) == 1:
        return f"p = {format_p(pairs['p_adjusted'].iloc[0])} with {number}"
    if rank_test_power(1.0, seeds, comparisons=len(pairs)) == 0:
        return f"{number} are too few to decide any of {len(pairs)} pairs"
    return f"no pair with the first of the ranking is decided with {number}"
