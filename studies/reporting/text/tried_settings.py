"""The settings tried in explore that work, as one clause: how many random settings, or which listed values."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from studies.analysis.comparison import Comparison
from studies.reporting.text.listed_values import clause_of_conditions, clause_of_one_condition
from studies.reporting.text.phrases import MAX_NAMES, join_words, largest_p
from studies.reporting.text.stable_settings import (
    counts_by_condition,
    counts_in_words,
    interval_in_brackets,
    rows_at_target,
    searched_conditions,
    volumes_at_target,
    within_target,
)


def working_clause(comparison: Comparison) -> str:
    """Clause on the tried settings that work; empty if no hyperparameter is searched or no target distance is known."""
    volumes = volumes_at_target(comparison)
    searched = {condition.condition: condition for condition in searched_conditions(comparison)}
    volumes = volumes[volumes["condition"].isin(list(searched))]
    if volumes.empty:
        return ""
    is_single = len(comparison.explored) == 1
    if all(len(condition.hyperparameters) == len(condition.grids) == 1 for condition in searched.values()):
        listed = [searched[name] for name in volumes["condition"]]
        return clause_of_one_condition(comparison, listed[0]) if is_single else clause_of_conditions(comparison, listed)
    if not volumes["reached"].any():
        return f"no setting that was tried is stable and ends {within_target(comparison, volumes)}"
    return _one_condition(comparison, volumes.iloc[0]) if is_single else _conditions(comparison, volumes)


def _one_condition(comparison: Comparison, row: pd.Series) -> str:
    tried = "settings tried" if np.isnan(row["volume_low"]) else "randomly drawn settings"
    return (
        f"{counts_in_words(row)} {tried} of {row['condition']} are stable and end "
        f"{within_target(comparison, row.to_frame().T)}{interval_in_brackets(row)}"
    )


def _conditions(comparison: Comparison, volumes: pd.DataFrame) -> str:
    """Clause on the number of working settings of each condition, and a remark on the largest share."""
    first, within = volumes.iloc[0], within_target(comparison, volumes)
    drawn = not any(condition.grids for condition in searched_conditions(comparison))
    settings = "randomly drawn settings" if drawn else "settings tried"
    works = f"{counts_in_words(first)} {settings} are stable and end {within}"
    if len(volumes) == 1:
        return f"of {first['condition']}, {works}"
    if volumes["volume"].nunique() == 1 and volumes["configurations"].nunique() == 1:
        return f"for each of {join_words(volumes['condition'].tolist(), most=MAX_NAMES)}, {works}"
    counts = f"{settings} that are stable and end {within}: {', '.join(counts_by_condition(volumes, intervals=False))}"
    return f"{counts} ({_decision(comparison, volumes)})" if drawn else counts


def _decision(comparison: Comparison, volumes: pd.DataFrame) -> str:
    """Remark on the largest share: it is decided if its differences from all others are."""
    names = volumes["condition"].tolist()
    leading = volumes.loc[volumes["volume"] == volumes["volume"].iloc[0], "condition"].tolist()
    if len(leading) == len(names):
        return "the shares are equal"
    against = _against_others(rows_at_target(comparison, comparison.volume_differences), leading)
    if not against["decided"].all():
        return f"which share is the largest is undecided, adjusted {largest_p(against)}"
    if len(names) == 2:
        return f"the difference is decided, adjusted {largest_p(against)}"
    larger = (
        f"shares of {join_words(leading)} are larger than the others"
        if len(leading) > 1
        else f"share of {leading[0]} is larger than each other share"
    )
    return f"the {larger}, adjusted {largest_p(against)}"


def _against_others(differences: pd.DataFrame, leading: Sequence[str]) -> pd.DataFrame:
    """The differences between a leading condition and another one."""
    first, second = (differences[column].isin(leading) for column in ("condition", "other"))
    return differences[first ^ second]
