"""Sentences about the ranges and listed values of hyperparameters at which settings work."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.analysis.explore_trials import ExploreTrials
from studies.numbers import format_setting
from studies.reporting.text.phrases import MAX_NAMES, first_sentences, join_words
from studies.reporting.text.stable_settings import (
    MAX_VALUES,
    counts_in_words,
    rows_at_target,
    searched_conditions,
    volumes_at_target,
)

FEWEST_FOR_A_RANGE = 3
"""Smallest number of working settings for which a range is reported."""


def range_sentences(comparison: Comparison) -> Iterator[str]:
    """The ranges and values at which settings of each condition work; conditions with the largest share come first."""
    volumes = volumes_at_target(comparison)
    widths, shares = rows_at_target(comparison, comparison.widths), rows_at_target(comparison, comparison.shares)
    searched = {condition.condition: condition for condition in searched_conditions(comparison)}
    volumes = volumes[volumes["condition"].isin(list(searched))]
    if not volumes["reached"].any():
        return
    names = comparison.results.study.short_names
    by_text: dict[str, list[str]] = {}
    for condition, row in volumes[volumes["reached"] > 0].set_index("condition").iterrows():
        own_widths, own_shares = (table[table["condition"] == condition] for table in (widths, shares))
        text = _range(searched[str(condition)], row, own_widths, own_shares, names)
        by_text.setdefault(text, []).append(str(condition))
    sentences = (f"{join_words(group, most=MAX_NAMES)}: {text}." for text, group in by_text.items())
    yield from first_sentences(sentences, "widths" if len(widths) else "shares")
    without = volumes.loc[volumes["reached"] == 0, "condition"].tolist()
    if without:
        yield f"No setting of {join_words(without, 'or', MAX_NAMES)} works, so there is no range."


def _range(
    explored: ExploreTrials, row: pd.Series, widths: pd.DataFrame, shares: pd.DataFrame, names: Mapping[str, str]
) -> str:
    by_value = [_by_value(names[str(path)], own) for path, own in shares.groupby("hyperparameter", sort=False)]
    if len(widths) and row["reached"] < FEWEST_FOR_A_RANGE:
        verb = "works, which is" if row["reached"] == 1 else "work, which are"
        values = _working_values(explored, row, widths["hyperparameter"].tolist(), names)
        few = f"only {counts_in_words(row)} settings {verb} too few to estimate a range ({'; '.join(values)})"
        return "; ".join([few, *by_value])
    return "; ".join([*(width_in_words(width, explored, names) for _, width in widths.iterrows()), *by_value])


def _working_values(
    explored: ExploreTrials, row: pd.Series, paths: Sequence[str], names: Mapping[str, str]
) -> list[str]:
    """The values of each working setting, as in "gp_weight = 0.271 with critic lr = 0.00264"."""
    reaching = explored.reaching(row["tau"])
    working = [values for values, works in zip(explored.configurations, reaching, strict=True) if works]
    searched = [[path for path in paths if path in values] for values in working]
    return [
        _with([f"{names[path]} = {format_setting(values[path])}" for path in own])
        for values, own in zip(working, searched, strict=True)
        if own
    ]


def _with(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"{values[0]} with {join_words(values[1:])}"


def width_in_words(row: pd.Series, explored: ExploreTrials, names: Mapping[str, str]) -> str:
    """Clause on the width over which settings work, the extreme working values, and the ends they may extend to."""
    width = format_width(row["stated"], row["unit"])
    searched = f"the {width} searched" if row["unit"] == "decades" else f"the searched width {width}"
    averaged = ", averaged over the other hyperparameters" if len(explored.hyperparameters) > 1 else ""
    beyond = ""
    if ends := touched_ends(row, explored):
        few = {
            f"smaller than {format_setting(row['lowest'])}": row["border_low"],
            f"larger than {format_setting(row['highest'])}": row["border_high"],
        }
        values = join_words([side for side, touched in few.items() if touched], "or")
        beyond = (
            f"; too few values {values} were drawn to show that the range that works ends before the {join_words(ends)}"
        )
    return (
        f"settings work over an estimated {row['width']:.2g} of {searched} of {names[row['hyperparameter']]} "
        f"(95% interval {row['width_low']:.2g} to {row['width_high']:.2g}){averaged}; smallest working value drawn "
        f"{format_setting(row['lowest'])}, largest {format_setting(row['highest'])}{beyond}"
    )


def format_width(width: float, unit: str) -> str:
    """A width with its unit, as in "3 decades"; widths in the units of the values have none."""
    if unit != "decades":
        return f"{width:.2g}"
    return f"{width:.2g} decade{'' if width == 1 else 's'}"


def touched_ends(row: pd.Series, explored: ExploreTrials) -> list[str]:
    """The ends of the searched range that working values may extend to, as in "upper end (0.01)"."""
    low, high = (format_setting(value) for value in explored.hyperparameters[row["hyperparameter"]].extremes())
    ends = {"border_low": f"lower end ({low})", "border_high": f"upper end ({high})"}
    return [end for column, end in ends.items() if row[column]]


def _by_value(name: str, shares: pd.DataFrame) -> str:
    """The listed values of a hyperparameter at which settings work."""
    shares = shares[shares["configurations"] > 0]
    if (shares["configurations"] == 1).all():
        works, fails = (
            shares.loc[mask, "value"].map(_listed_value).tolist()
            for mask in (shares["reached"] > 0, shares["reached"] == 0)
        )
        not_at = f", but not at {join_words(fails, 'or', MAX_VALUES)}" if fails else ""
        return f"{name} works at {join_words(works, most=MAX_VALUES)}{not_at}"
    counts = [
        f"{row.reached} of {row.configurations} with {name} = {_listed_value(row.value)}" for row in shares.itertuples()
    ]
    return f"working settings for each {name}: {join_words(counts, most=MAX_VALUES)}"


def _listed_value(text: str) -> str:
    return text.removesuffix(".0")
