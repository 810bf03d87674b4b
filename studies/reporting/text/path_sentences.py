"""Sentences about the change that accounts for most of the way from the authors' setting to the setting found."""

from collections.abc import Iterator

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.numbers import format_distance, format_p, format_share
from studies.reporting.text.phrases import first_sentences, goal


def path_sentences(comparison: Comparison) -> Iterator[str]:
    """A sentence for each condition whose setting found is better and owes most of that to one decided change."""
    tuning = comparison.tuning
    better = tuning.loc[tuning["decided"] & (tuning["effect"] > 0.5), "condition"]
    paths = comparison.paths[comparison.paths["condition"].isin(better)]
    sentences = (_main_change(comparison, rows) for _, rows in paths.groupby("condition", sort=False))
    yield from first_sentences([sentence for sentence in sentences if sentence], "paths")


def _main_change(comparison: Comparison, rows: pd.DataFrame) -> str:
    """The sentence on one path; empty unless one decided change accounts for most of it."""
    first, last = rows.iloc[0], rows.iloc[-1]
    helpful = rows[rows["decided"] & (rows["effect"] > 0.5)]
    if helpful.empty or pd.isna(last["distance"]):
        return ""
    if pd.isna(first["distance"]):
        return _fewer_failures(rows, helpful)
    main, total = helpful.sort_values("gain", ascending=False).iloc[0], first["distance"] - last["distance"]
    if not main["gain"] > total / 2 > 0:
        return ""
    return (
        f"{first['condition']}: of the {format_distance(total)} by which the setting found ends closer to "
        f"{goal(comparison)} than the authors', one change accounts for most, {main['change']} "
        f"({format_share(main['gain'] / total)}, p = {format_p(main['p_adjusted'])})."
    )


def _fewer_failures(rows: pd.DataFrame, helpful: pd.DataFrame) -> str:
    """The sentence on a path from a setting without a distance, by the number of seeds that fail."""
    fewer = (-rows["failure_rate"].diff())[helpful.index].sort_values(ascending=False)
    first, last = rows.iloc[0], rows.iloc[-1]
    if not fewer.iloc[0] > (first["failure_rate"] - last["failure_rate"]) / 2:
        return ""
    after, before = rows.loc[fewer.index[0]], rows.loc[fewer.index[0] - 1]
    return (
        f"{first['condition']}: {_failed(first)} fail with the authors' setting and {_failed(last)} with the setting "
        f"found, and one change accounts for most of that, {after['change']} ({_failed(before)} failed before, "
        f"{_failed(after)} after; p = {format_p(after['p_adjusted'])})."
    )


def _failed(row: pd.Series) -> str:
    return f"{round(row['failure_rate'] * row['seeds'])} of {row['seeds']} seeds"
