"""Sentences about the ranges and listed values of hyperparameters at which settings work."""

from collections.abc import Iterator, Mapping

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.design import profile_settings
from studies.file.distributions import Distribution
from studies.file.messages import count_noun
from studies.numbers import format_distance, format_setting
from studies.reporting.text.phrases import MAX_NAMES, first_sentences, goal, join_words
from studies.reporting.text.stable_settings import MAX_VALUES, rows_at_target, volumes_at_target

NOT_PROFILED = (
    "How far one hyperparameter can be moved from the settings found was not measured: --set search.profile=16 trains "
    "them again at 16 values of each hyperparameter."
)


def range_sentences(comparison: Comparison) -> Iterator[str]:
    """The stable ranges around the settings found, then the listed values at which settings of each condition work."""
    yield from _profiled(comparison)
    yield from _listed(comparison)


def _profiled(comparison: Comparison) -> Iterator[str]:
    rows = rows_at_target(comparison, comparison.stable_ranges)
    if rows.empty:
        if not comparison.results.study.search.profile and _could_be_profiled(comparison):
            yield NOT_PROFILED
        return
    names = comparison.results.study.short_names
    yield (
        f"One hyperparameter at a time was moved along its range, at {rows['values'].max()} values with "
        f"{count_noun(int(rows['seeds'].max()), 'seed')} each, with the others as in the setting found. A value "
        "belongs to the stable range if at least half of its seeds are expected to be stable and to end within "
        f"{format_distance(rows['tau'].iloc[0])} of {goal(comparison)}."
    )
    laws = {condition.name: condition.hyperparameters for condition in comparison.results.study.conditions}
    sentences = (
        f"{row['condition']}: {range_in_words(row, names, laws[row['condition']][row['hyperparameter']])}."
        for _, row in rows.iterrows()
    )
    yield from first_sentences(sentences, "stable_ranges")


def _could_be_profiled(comparison: Comparison) -> bool:
    conditions = comparison.results.study.conditions
    is_found = comparison.ranking["distance"].notna().any()
    return bool(is_found) and any(profile_settings(condition, 1) for condition in conditions)


def range_in_words(row: pd.Series, names: Mapping[str, str], law: Distribution) -> str:
    """Clause on the stable range of a hyperparameter around the setting found, with the intervals of its ends."""
    name = names[row["hyperparameter"]]
    if not row["works"]:
        return (
            f"{name} has no stable range, since most fresh seeds next to the setting found ({_number(row, 'found')}) "
            "do not end that close"
        )
    ends = " to ".join(
        f"{_number(row, end)} ({_number(row, f'{end}_low')} to {_number(row, f'{end}_high')})"
        for end in ("lower", "upper")
    )
    beyond = ""
    if touched := touched_ends(row, law):
        beyond = f"; it may go on beyond the {join_words(touched)} of the searched range"
    return (
        f"{name} = {_number(row, 'found')} can be moved from {ends}, over {format_width(row['width'], row['unit'])} "
        f"({row['width_low']:.2g} to {row['width_high']:.2g}){beyond}"
    )


def _number(row: pd.Series, column: str) -> str:
    return format_setting(float(f"{row[column]:.3g}"))


def format_width(width: float, unit: str) -> str:
    """A width with its unit, as in "3 decades"; a width in the units of the values is a number alone."""
    if unit != "decades":
        return f"a width of {width:.2g}"
    return f"{width:.2g} decade{'' if f'{width:.2g}' == '1' else 's'}"


def touched_ends(row: pd.Series, law: Distribution) -> list[str]:
    """The ends of the searched range that a stable range may go beyond, as in "upper end (0.01)"."""
    low, high = (format_setting(value) for value in law.extremes())
    ends = {"border_low": f"lower end ({low})", "border_high": f"upper end ({high})"}
    return [end for column, end in ends.items() if row[column]]


def _listed(comparison: Comparison) -> Iterator[str]:
    shares, volumes = rows_at_target(comparison, comparison.shares), volumes_at_target(comparison)
    names = comparison.results.study.short_names
    by_text: dict[str, list[str]] = {}
    for condition in volumes.loc[volumes["reached"] > 0, "condition"]:
        own = shares[shares["condition"] == condition]
        texts = (_by_value(names[str(path)], rows) for path, rows in own.groupby("hyperparameter", sort=False))
        by_value = [text for text in texts if text]
        if by_value:
            by_text.setdefault("; ".join(by_value), []).append(str(condition))
    sentences = (f"{join_words(group, most=MAX_NAMES)}: {text}." for text, group in by_text.items())
    yield from first_sentences(sentences, "shares")


def _by_value(name: str, shares: pd.DataFrame) -> str:
    """The listed values of a hyperparameter at which settings work; empty if no configuration has one of them."""
    shares = shares[shares["configurations"] > 0]
    if shares.empty:
        return ""
    if (shares["configurations"] == 1).all():
        works, fails = (
            shares.loc[mask, "value"].map(_listed_value).tolist()
            for mask in (shares["reached"] > 0, shares["reached"] == 0)
        )
        if not works:
            return f"{name} works at none of {join_words(fails, 'or', MAX_VALUES)}"
        not_at = f", but not at {join_words(fails, 'or', MAX_VALUES)}" if fails else ""
        return f"{name} works at {join_words(works, most=MAX_VALUES)}{not_at}"
    counts = [
        f"{row.reached} of {row.configurations} with {name} = {_listed_value(row.value)}" for row in shares.itertuples()
    ]
    return f"working settings for each {name}: {join_words(counts, most=MAX_VALUES)}"


def _listed_value(text: str) -> str:
    return text.removesuffix(".0")
