"""Sentences about groups of fresh seeds: tests after each group, conditions that go on, groups without a result."""

from collections.abc import Iterator
from typing import Any

from studies.analysis.comparison import Comparison
from studies.file.messages import count_noun
from studies.numbers import format_p, format_share
from studies.reporting.text.phrases import MAX_ITEMS, found_for, join_words
from studies.reporting.text.without_result import end_in_words
from studies.statistics.group_sequential import smallest_p_value
from studies.statistics.permutation import LEVEL
from studies.tables.columns import END_NAMES
from studies.tables.ranking import is_stable


def seeds_in_words(comparison: Comparison) -> str:
    """Phrase for the numbers of fresh seeds of the settings: "10 fresh seeds each" or "20 to 40 fresh seeds each"."""
    members = comparison.ranking["members"]
    least, most = int(members.min()), int(members.max())
    return f"{count_noun(most, 'fresh seed') if least == most else f'{least} to {most} fresh seeds'} each"


def looks_clause(comparison: Comparison) -> str:
    """Clause on the tests after each group of fresh seeds; empty for a study with one group, or without a pair."""
    confirm, pairs = comparison.results.study.search.confirm, comparison.pairs
    if confirm.groups == 1 or pairs.empty:
        return ""
    decided = pairs[pairs["decided"]].groupby("members").size()
    undecided = pairs[~pairs["decided"]].groupby("members").size()
    counts = [f"{count_noun(count, 'pair')} decided with {seeds} seeds each" for seeds, count in decided.items()]
    counts += [f"{count_noun(count, 'pair')} undecided with {seeds} seeds each" for seeds, count in undecided.items()]
    return (
        f"pairs are tested after every {confirm.seeds} fresh seeds until they are decided, at most {confirm.groups} "
        f"times, which keeps the chance of any false difference below {format_share(LEVEL)} over all tests: "
        f"{join_words(counts)}"
    )


def undecided_names(comparison: Comparison) -> list[str]:
    """Conditions in an undecided pair that has not had all of its fresh seeds, and is to get further ones.

    Empty once a study has run to its end. A pair gets no more if a condition's training ended without a result, or if
    all seeds of both failed.
    """
    confirm, pairs, ends = comparison.results.study.search.confirm, comparison.pairs, _ends(comparison)
    open_pairs = pairs[~pairs["decided"] & (pairs["looks"] < confirm.groups)]
    if confirm.groups == 1:
        return []
    names = {
        name
        for row in open_pairs.itertuples()
        if not {row.condition, row.other} & ends.keys() and not _all_failed(comparison, row)
        for name in (row.condition, row.other)
    }
    return [name for name in comparison.ranking["condition"] if name in names]


def further_seeds_sentences(comparison: Comparison) -> Iterator[str]:
    """Sentences on conditions without all fresh seeds: the study goes on, all failed, or training had no result."""
    confirm, pairs = comparison.results.study.search.confirm, comparison.pairs
    if names := undecided_names(comparison):
        yield (
            f"The study is not finished: undecided pairs get {confirm.seeds} further fresh seeds, up to {confirm.most} "
            f"({join_words(names)})."
        )
    stopped = pairs[~pairs["decided"] & (pairs["looks"] < confirm.groups)]
    failed = [f"{row.condition} and {row.other}" for row in stopped.itertuples() if _all_failed(comparison, row)]
    if failed and confirm.groups > 1:
        yield f"Pairs of which every seed of both failed get no further seeds: {', '.join(failed[:MAX_ITEMS])}."
    for name, end in list(_ends(comparison).items())[:MAX_ITEMS]:
        yield (
            f"Training {found_for([name])} on further fresh seeds ended without a result ({end}), so it got no more of "
            "them; its undecided pairs are tested with the seeds before."
        )


def smallest_p_sentences(comparison: Comparison) -> Iterator[str]:
    """Sentence on the smallest possible p-value, if no pair can be decided with all groups of fresh seeds."""
    confirm, count = comparison.results.study.search.confirm, len(comparison.pairs)
    smallest = smallest_p_value(confirm.seeds, confirm.groups, confirm.groups)
    if smallest * count >= LEVEL:
        after = f", or {format_p(min(1, smallest * count))} after adjustment for {count} pairs" if count > 1 else ""
        yield (
            f"With groups of {confirm.seeds} fresh seeds and at most {confirm.most} the smallest possible p-value is "
            f"{format_p(smallest)}{after}, so no pair can be decided at the level {LEVEL:g}."
        )
    yield (
        "The p-values of pairs are estimated from random permutations and cannot fall below a smallest value. The "
        "ranking uses all fresh seeds of a condition, the test of a pair those that both had when it was decided."
    )


def _all_failed(comparison: Comparison, pair: Any) -> bool:
    """True if every seed on which a row of the table of pairs rests failed."""
    members = comparison.results.ranked(comparison.results.members)
    tested = members["condition"].isin([pair.condition, pair.other]) & (members["trial"] < pair.looks)
    return not is_stable(members[tested]).any()


def _ends(comparison: Comparison) -> dict[str, str]:
    """The end of a later group of fresh seeds that has no result because of its setting, in words, by condition."""
    return {
        trial.spec.condition: end_in_words(trial.end)
        for trial in comparison.results.trial_records
        if trial.spec.phase == "confirm" and trial.spec.index > 0 and trial.state in END_NAMES and trial.end is not None
    }
