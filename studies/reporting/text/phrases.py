"""Parts of sentences: lists, counts, intervals and p-values in words, as functions and filters of templates."""

import math
from collections.abc import Callable, Collection, Iterable, Sequence

from studies.file.budget import Budget
from studies.ledger.unfinished import END_NAMES, TrialEnd
from studies.numbers import format_distance, format_interval, format_p, format_setting, format_significant, value_text
from studies.reporting.text.finding import MAX_ITEMS, MAX_NAMES, Interval, LargestP, Part
from studies.reporting.wording import budget_label


def join_words(words: Sequence[str], last: str = "and", most: int = MAX_ITEMS) -> str:
    """The words joined as in "a, b and c", where "and" is `last`; more than `most` words as in "a, b and 3 more"."""
    if len(words) > most:
        return f"{', '.join(words[: most - 1])} {last} {len(words) - most + 1} more"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


CallBlock = Callable[..., str]
"""Body of a call block of a template, which phrases one item; the elements of a tuple are its arguments."""


def listing(items: Iterable[object], last: str = "and", most: int = MAX_ITEMS, *, caller: CallBlock) -> str:
    """The items, each phrased by a call block, joined as by `join_words`."""
    return join_words(_phrased(items, caller), last, most)


def series(items: Iterable[object], separator: str = ", ", *, caller: CallBlock) -> str:
    """The items, each phrased by a call block, with a separator between them."""
    return separator.join(_phrased(items, caller))


def distinct_series(items: Iterable[object], *, caller: CallBlock) -> str:
    """The items as by `series`, with semicolons between them if one has a comma."""
    phrased = _phrased(items, caller)
    return ("; " if any("," in item for item in phrased) else ", ").join(phrased)


def _phrased(items: Iterable[object], caller: CallBlock) -> list[str]:
    return [(caller(*item) if isinstance(item, tuple) else caller(item)).strip() for item in items]


def plural(count: int | Collection[object], one: str, many: str) -> str:
    """The form of a word for this number, or for the number of these things."""
    number = count if isinstance(count, int) else len(count)
    return one if number == 1 else many


def capitalize(text: str) -> str:
    """The text with its first letter in upper case, the others unchanged."""
    return text[0].upper() + text[1:]


def budget_in_words(budget: Budget) -> str:
    """The budget of each GAN, as in "750 generator steps"."""
    return f"{budget.steps} {budget_label(budget)}"


def found_for(conditions: Sequence[str], most: int = MAX_NAMES) -> str:
    """Phrase that names the settings found for these conditions, as in "the settings found for a and b"."""
    return f"the setting{'s' if len(conditions) > 1 else ''} found for {join_words(conditions, most=most)}"


def ones_found_for(conditions: Sequence[str], most: int = MAX_ITEMS) -> str:
    """The phrase of `found_for` where "setting" has just been said, as in "the ones found for c and d"."""
    return f"the one{'s' if len(conditions) > 1 else ''} found for {join_words(conditions, most=most)}"


def distance_in_words(distance: float) -> str:
    """A distance as text, or "no distance" with the reason that too many seeds failed."""
    return format_distance(distance) if math.isfinite(distance) else "no distance (too many seeds failed)"


def interval_in_words(interval: Interval) -> str:
    """The 95 % interval of a distance; without an upper end if at least 2.5 % of the resamples have no distance."""
    low, high = interval
    if math.isfinite(high):
        return f"95% interval {format_interval(low, high)}"
    return (
        f"95% interval from {format_distance(low)} upwards, since in at least 2.5% of the resamples too many seeds "
        "failed for a distance"
    )


def within(tau: float, goal: str) -> str:
    """A target distance, as in "within 0.138 of the real data"."""
    return f"within {format_distance(tau)} of {goal}"


def out_of(part: Part) -> str:
    """A number of things of all, as in "2 of 10"."""
    return f"{part.number} of {part.of}"


def p_in_words(p: LargestP) -> str:
    """The only p-value, as in "p = 0.01", or the largest of several, as in "p <= 0.01, adjusted for 10 tests"."""
    family = f", adjusted for {p.family} tests" if p.family > 1 else ""
    return f"p {'=' if p.tests == 1 else '<='} {format_p(p.value)}{family}"


def counts_by_name(counts: Iterable[tuple[str, int]]) -> str:
    """A number for each name, equal numbers together, as in "3 for wgan-gp and wgan, 4 for gan"."""
    names_by_count: dict[int, list[str]] = {}
    for name, count in counts:
        names_by_count.setdefault(count, []).append(name)
    return ", ".join(f"{count} for {join_words(names, most=MAX_NAMES)}" for count, names in names_by_count.items())


def end_in_words(end: TrialEnd) -> str:
    """An end without a result with its reason, as in "error: ValueError: no such thing"."""
    return f"{END_NAMES[end.state]}: {end.reason.rstrip('.')}"


def format_width(width: float, unit: str) -> str:
    """A width with its unit, as in "3 decades"; a width in the units of the values is a number alone."""
    if unit != "decades":
        return f"a width of {format_significant(width)}"
    return f"{format_significant(width)} decade{'' if format_significant(width) == '1' else 's'}"


def plain_value(value: object) -> str:
    """A value listed in the study file: numbers with at most six significant digits and without trailing zeros."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:g}" if is_number else value_text(value)


def range_end(side: str, value: object) -> str:
    """An end of a searched range, as in "upper end (0.01)"."""
    return f"{side} end ({format_setting(value)})"
