"""Sentences about confirmed settings: their differences, the effect of tuning, their ranking under other rules."""

from collections.abc import Iterator, Sequence

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.file.messages import count_noun
from studies.numbers import format_p
from studies.reporting.text.caveats import fewest_evaluations
from studies.reporting.text.phrases import (
    MAX_ITEMS,
    all_failed,
    capitalize,
    counts_by_name,
    decided_groups,
    decided_if,
    distance_in_words,
    first_sentences,
    found_for,
    goal,
    join_words,
    largest_p,
    number_needed,
    ones_found_for,
)


def pair_sentences(comparison: Comparison) -> Iterator[str]:
    """Sentences on the decided pairs, the undecided pairs, and the number of seeds that would decide the latter."""
    pairs, names = comparison.pairs.dropna(subset="p_value"), comparison.ranking["condition"].tolist()
    if pairs.empty:
        return
    undecided = pairs[~pairs["decided"]].sort_values("p_adjusted", kind="stable")
    if len(pairs) > 1:
        yield decided_if()
        yield from first_sentences(_decided(comparison, pairs, names), "pairs")
        if len(undecided):
            yield _undecided(undecided, len(pairs))
    if len(undecided):
        yield from number_needed(undecided, "fresh seeds")


def _decided(comparison: Comparison, pairs: pd.DataFrame, names: Sequence[str]) -> Iterator[str]:
    """Sentences on the decided pairs, separate ones on pairs with a setting that failed on every fresh seed."""
    failed = all_failed(comparison.ranking)
    with_failed = pairs["condition"].isin(failed) | pairs["other"].isin(failed)
    for rows in (pairs[~with_failed], pairs[with_failed]):
        for closer, farther, decided in decided_groups(rows, rows["effect"] > 0.5, names):
            is_single = len(closer) == 1
            opening, p = capitalize(found_for(closer, MAX_ITEMS)), largest_p(decided)
            if farther[0] in failed:
                yield (
                    f"{opening} rank{'s' if is_single else ''} ahead of {ones_found_for(farther)}, whose fresh seeds "
                    f"all failed and count as infinitely far ({p})."
                )
            else:
                yield (
                    f"{opening} end{'s' if is_single else ''} closer to {goal(comparison)} than "
                    f"{ones_found_for(farther)} ({p})."
                )


def undecided_ranks(comparison: Comparison) -> str:
    """The pairs of the ranking that are not decided, in one sentence; empty if all are decided."""
    pairs = comparison.pairs
    undecided = pairs[~pairs["decided"]]
    if undecided.empty:
        return ""
    if len(undecided) == len(pairs) > 1:
        names = f"all {len(pairs)}"
    elif len(undecided) > MAX_ITEMS:
        names = f"{len(undecided)} of {len(pairs)}"
    else:
        names = ", ".join(f"{row.condition} and {row.other}" for row in undecided.itertuples())
    return f"Undecided pairs, whose order may be due to chance: {names}."


def _undecided(undecided: pd.DataFrame, pairs: int) -> str:
    if len(undecided) <= MAX_ITEMS:
        each = [f"{row.condition} and {row.other} (p = {format_p(row.p_adjusted)})" for row in undecided.itertuples()]
        names = f": {', '.join(each)}"
    else:
        least = undecided["p_adjusted"].min()
        names = f" (p {'>=' if least < 1 else '='} {format_p(least)})"
    return f"{len(undecided)} of {count_noun(pairs, 'pair')} {'is' if len(undecided) == 1 else 'are'} undecided{names}."


# -- tuning ------------------------------------------------------------------------------------------------------------


def tuning_sentences(comparison: Comparison) -> Iterator[str]:
    """A sentence for each condition that compares the setting found with the authors' setting."""
    yield from first_sentences((_tuning(row) for _, row in comparison.tuning.iterrows()), "tuning")


def _tuning(row: pd.Series) -> str:
    failed, authors_failed = (
        f"{round(row[f'{prefix}failure_rate'] * row[f'{prefix}members'])} of {row[f'{prefix}members']} seeds failed"
        for prefix in ("", "authors_")
    )
    distance = f"{'' if pd.isna(row['distance']) else 'distance '}{distance_in_words(row['distance'])}"
    return (
        f"{row['condition']}: {distance} with the setting found ({failed}), "
        f"{distance_in_words(row['authors_distance'])} with the authors' setting ({authors_failed}); {_tested(row)}."
    )


def _tested(row: pd.Series) -> str:
    if pd.isna(row["p_value"]):
        return "too few seeds for a test"
    p = f"p = {format_p(row['p_adjusted'])}"
    if not row["decided"]:
        return f"the difference is undecided ({p})"
    closer = "the setting found" if row["effect"] > 0.5 else "the authors' setting"
    return f"{closer} ends closer ({p})"


# -- other rules -------------------------------------------------------------------------------------------------------


def robustness_sentences(comparison: Comparison) -> Iterator[str]:
    """Sentences on which setting ranks first under other thresholds of the outcome rules, and at equal critic steps."""
    ranking = comparison.ranking
    if len(ranking) < 2 or ranking["distance"].isna().all():
        return
    first = ranking["condition"].iloc[0]
    rows = comparison.robustness
    yield from _under_other_rules(first, rows[(rows["rank"] == 1) & ~rows["own"]])
    yield from _at_equal_critic_steps(comparison, first)


def _under_other_rules(first: str, leaders: pd.DataFrame) -> Iterator[str]:
    """Sentences on variants of the outcome rules; `leaders` has the first row of the ranking under each variant.

    There are no variants where generators were not kept at every evaluation.
    """
    if leaders.empty:
        return
    changed = leaders[(leaders["condition"] != first) | leaders["distance"].isna()]
    variants = f"{len(leaders)} variants of the outcome rules (one threshold changed at a time)"
    if changed.empty:
        yield f"{capitalize(found_for([first]))} stays first in the ranking under all {variants}."
        return
    kept = len(leaders) - len(changed)
    yield f"{capitalize(found_for([first]))} stays first in the ranking under {kept} of {variants}."
    named = changed["condition"].where(changed["distance"].notna(), "")
    for other, rows in changed.groupby(named, sort=False):
        values = [f"{row.threshold} = {row.value:g}" for row in rows.itertuples()]
        result = f"{found_for([str(other)])} is first" if other else "every setting found failed"
        yield f"With {join_words(values, 'or')} {result}."


def _at_equal_critic_steps(comparison: Comparison, first: str) -> Iterator[str]:
    ranking = comparison.equal_critic_steps
    if ranking.empty or len({trial.critic_steps for trial in comparison.confirmed}) == 1:
        return
    leader, steps = ranking.iloc[0], min(trial.critic_steps for trial in comparison.confirmed)
    if pd.isna(leader["distance"]):
        result = "every setting found failed"
    else:
        result = f"{found_for([leader['condition']])} {'stays' if leader['condition'] == first else 'is'} first"
    yield (
        f"If all curves are cut at {steps} critic steps, the fewest that any setting found takes, {result}"
        f"{_evaluations_left(comparison)}."
    )


def _evaluations_left(comparison: Comparison) -> str:
    """Clause on the evaluations after step 0 that the cut curves have, or on the conditions with few of them."""
    ranking = comparison.equal_critic_steps
    left = {row.condition: int(row.measurements) for row in ranking.itertuples()}
    few = {name: count for name, count in left.items() if count < fewest_evaluations(comparison.results.study.outcomes)}
    if few:
        return f"; this rests on few evaluations: {counts_by_name(few)}"
    return f", with at least {count_noun(min(left.values()), 'evaluation')} left for each"
