"""Parts of sentences: lists, intervals and p-values in words, and which conditions are ahead of which."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd

from gan_core.outcomes import OutcomeRules
from studies.analysis.comparison import Comparison
from studies.file.study import Study
from studies.numbers import format_distance, format_interval, format_p
from studies.statistics.permutation import LEVEL

MAX_ITEMS = 6
"""Largest number of names, pairs or sentences that are listed; a longer list ends with the number of the others."""
MAX_NAMES = 20
"""Largest number of conditions in a list in which each name is part of the answer."""


def join_words(words: Sequence[str], last: str = "and", most: int = MAX_ITEMS) -> str:
    """The words joined as in "a, b and c", where "and" is `last`; more than `most` words as in "a, b and 3 more"."""
    if len(words) > most:
        return f"{', '.join(words[: most - 1])} {last} {len(words) - most + 1} more"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def first_sentences(sentences: Iterable[str], table: str) -> Iterator[str]:
    """The sentences; if there are more than `MAX_ITEMS`, the first ones and a sentence that names the full table."""
    all_sentences = list(sentences)
    if len(all_sentences) <= MAX_ITEMS:
        yield from all_sentences
        return
    yield from all_sentences[: MAX_ITEMS - 1]
    yield f"The table `{table}` has {len(all_sentences) - MAX_ITEMS + 1} more."


def goal(comparison: Comparison) -> str:
    """The point that distances are measured to: "the equilibrium" for the Dirac pair, else "the real data"."""
    return "the equilibrium" if comparison.results.study.distance == "distance_to_equilibrium" else "the real data"


def budget_in_words(study: Study) -> str:
    """The budget of each GAN, as in "750 generator steps"."""
    return f"{study.budget.steps} {study.budget.unit.replace('_', ' ')}"


def late_evaluations(rules: OutcomeRules, evaluations: int) -> int:
    """Number of evaluations in the late window, of `evaluations` after step 0."""
    return max(math.ceil(round(rules.late_share * evaluations, 9)), rules.least)


def capitalize(text: str) -> str:
    """The text with its first letter in upper case, the others unchanged."""
    return text[0].upper() + text[1:]


def found_for(conditions: Sequence[str], most: int = MAX_NAMES) -> str:
    """Phrase that names the settings found for these conditions, as in "the settings found for a and b"."""
    return f"the setting{'s' if len(conditions) > 1 else ''} found for {join_words(conditions, most=most)}"


def ones_found_for(conditions: Sequence[str], most: int = MAX_ITEMS) -> str:
    """The phrase of `found_for` where "setting" has just been said, as in "the ones found for c and d"."""
    return f"the one{'s' if len(conditions) > 1 else ''} found for {join_words(conditions, most=most)}"


def distance_in_words(distance: float) -> str:
    """A distance as text, or "no distance" with the reason that too many seeds failed."""
    return format_distance(distance) if math.isfinite(distance) else "no distance (too many seeds failed)"


def interval_in_words(low: float, high: float) -> str:
    """The 95 % interval of a distance; without an upper end if at least 2.5 % of the resamples have no distance."""
    if math.isfinite(high):
        return f"95% interval {format_interval(low, high)}"
    return (
        f"95% interval from {format_distance(low)} upwards, since in at least 2.5% of the resamples too many seeds "
        "failed for a distance"
    )


def all_failed(ranking: pd.DataFrame) -> list[str]:
    """The conditions whose setting found failed on every fresh seed, in the order of the ranking."""
    return ranking.loc[ranking["failure_rate"] == 1, "condition"].tolist()


def counts_by_name(counts: Mapping[str, int]) -> str:
    """A number for each name, equal numbers together, as in "3 for wgan-gp and wgan, 4 for gan"."""
    names_by_count: dict[int, list[str]] = {}
    for name, count in counts.items():
        names_by_count.setdefault(count, []).append(name)
    return ", ".join(f"{count} for {join_words(names, most=MAX_NAMES)}" for count, names in names_by_count.items())


def failed_count(row: pd.Series) -> str:
    """Number of failed members in a row of the ranking, as in "2 of 10"."""
    return f"{round(row['failure_rate'] * row['members'])} of {row['members']}"


def largest_p(rows: pd.DataFrame) -> str:
    """The adjusted p-value of one row, or the largest of several, as in "p <= 0.01"."""
    return f"p {'=' if len(rows) == 1 else '<='} {format_p(rows['p_adjusted'].max())}"


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


def number_needed(undecided: pd.DataFrame, unit: str) -> Iterator[str]:
    """Sentences on how many `unit` would decide one undecided pair, and how many all; none if no number would."""
    needed = undecided["needed"].dropna().astype("int64")
    if needed.empty:
        return
    least, most = needed.min(), needed.max()
    nearest = undecided.loc[needed[needed == least].index]
    if len(nearest) == 1:
        pair = f"{nearest['condition'].iloc[0]} against {nearest['other'].iloc[0]}"
        pairs = f"{'the undecided pair that needs the fewest, ' if most > least else ''}{pair}"
    else:
        pairs = "every undecided pair" if len(nearest) == len(undecided) else f"{len(nearest)} of the undecided pairs"
    probability = f"with a probability of 80%{' for each pair' if len(nearest) > 1 else ''}"
    yield (
        "Rough estimate: if the true differences were as large as the observed ones, about "
        f"{least} {unit} per condition would be needed to decide {pairs}, {probability}."
    )
    if most > least:
        every = "every undecided pair"
        if len(needed) < len(undecided):
            every = f"{every} whose observed difference is not zero"
        yield (
            f"By the same estimate about {most} {unit} per condition would be needed to decide {every}, with a "
            "probability of 80% for each pair."
        )


def decided_if() -> str:
    """The rule by which a pair of settings is decided."""
    return (
        "All p-values are adjusted for the number of pairs (Holm); a pair is decided if its p-value is below "
        f"{LEVEL:g}."
    )
