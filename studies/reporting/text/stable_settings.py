"""Sentences about the settings tried in explore: how many of them work, by condition."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from studies.analysis.comparison import Comparison
from studies.analysis.explore_trials import ExploreTrials, seeds_that_must_reach
from studies.file.messages import count_noun
from studies.numbers import format_distance, format_share, format_shares
from studies.reporting.text.caveats import FEW_CONFIGURATIONS
from studies.reporting.text.phrases import (
    MAX_ITEMS,
    MAX_NAMES,
    decided_groups,
    first_sentences,
    goal,
    join_words,
    largest_p,
    number_needed,
)
from studies.statistics.permutation import LEVEL

MAX_VALUES = 9
"""Largest number of listed values in a sentence."""


def rows_at_target(comparison: Comparison, table: pd.DataFrame) -> pd.DataFrame:
    """Rows of `table` at the target distance used in the text.

    It is the smallest target that settings of two conditions reach, else the largest target.
    """
    if not comparison.targets:
        return table.iloc[:0]
    volumes = comparison.volumes
    conditions = volumes[volumes["reached"] > 0].groupby("tau")["condition"].nunique()
    shared = conditions[conditions >= 2]
    tau = shared.index.min() if len(shared) else max(target.tau for target in comparison.targets)
    return table[table["tau"] == tau]


def volumes_at_target(comparison: Comparison) -> pd.DataFrame:
    """The volumes at the target distance used in the text, the largest first."""
    return rows_at_target(comparison, comparison.volumes).sort_values(["volume", "condition"], ascending=[False, True])


def searched_conditions(comparison: Comparison) -> list[ExploreTrials]:
    """The explore trials of each condition that searches a hyperparameter and has explore trials that count."""
    return [condition for condition in comparison.explored if condition.hyperparameters and condition.configurations]


def within_target(comparison: Comparison, volumes: pd.DataFrame) -> str:
    """The target distance, as in "within 0.138 of the real data"."""
    return f"within {format_distance(volumes['tau'].iloc[0])} of {goal(comparison)}"


def counts_in_words(row: pd.Series) -> str:
    """Number of working settings, as in "3 of 8"."""
    return f"{row['reached']} of {row['configurations']}"


def interval_in_brackets(row: pd.Series) -> str:
    """Interval of the share, as in " (14% to 69%)"; empty if the settings were listed in the study file."""
    return "" if np.isnan(row["volume_low"]) else f" ({format_shares(row['volume_low'], row['volume_high'])})"


# -- share of settings that work ---------------------------------------------------------------------------------------


def share_sentences(comparison: Comparison) -> Iterator[str]:
    """The rule by which a setting works, the shares that work, and their decided and undecided differences."""
    volumes = volumes_at_target(comparison)
    if volumes.empty:
        return
    yield working_rule(comparison, volumes)
    yield from _choice_of_target(comparison, volumes)
    kinds = {condition.condition: _kind(condition) for condition in comparison.explored}
    for kind, rows in volumes.groupby(volumes["condition"].map(kinds), sort=False):
        yield f"{kind}: {joined(counts_by_condition(rows, most=MAX_NAMES))}."
    yield from _differences(comparison, volumes)


def _kind(explored: ExploreTrials) -> str:
    if explored.grids:
        return "Listed settings that work"
    if explored.hyperparameters:
        return "Randomly drawn settings that work, with the 95% interval of their share"
    return "Repetitions of the only setting that work, with the 95% interval of their share"


def working_rule(comparison: Comparison, volumes: pd.DataFrame) -> str:
    """The rule by which a setting works, as a sentence."""
    first = volumes.iloc[0]
    seeds, needed = int(first["seeds"]), seeds_that_must_reach(int(first["seeds"]))
    if seeds == 1:
        which = "its seed is stable and ends"
    else:
        number = f"all {seeds}" if needed == seeds else f"at least {needed}"
        which = f"{number} of its {'' if needed == seeds else f'{seeds} '}seeds are stable and end"
    has_way = not np.isnan(first["progress"]) and goal(comparison) != "the equilibrium"
    way = f", {format_share(first['progress'])} of the way from a constant to real data" if has_way else ""
    return f"A setting works if {which} {within_target(comparison, volumes)}{way}."


def _choice_of_target(comparison: Comparison, volumes: pd.DataFrame) -> Iterator[str]:
    """Sentences on the choice of the target distance, if there are several target distances."""
    targets = {format_distance(target.tau): format_share(target.progress) for target in comparison.targets}
    if len(targets) == 1 or len(volumes) == 1:
        return
    is_way = goal(comparison) != "the equilibrium"
    has_ways = is_way and not any(np.isnan(target.progress) for target in comparison.targets)
    ways = join_words(list(targets.values()), most=MAX_VALUES)
    tried = f"Target distances tried: {join_words(list(targets), most=MAX_VALUES)}"
    yield f"{tried} ({ways} of the way from a constant to real data)." if has_ways else f"{tried}."
    used = format_distance(volumes["tau"].iloc[0])
    if (volumes["reached"] > 0).sum() > 1:
        yield f"The smallest that settings of at least two conditions reach is used: {used}."
    else:
        yield f"None of them is reached by settings of two conditions, so the largest is used: {used}."
    yield "The shares are therefore those at a target chosen after the fact."


def counts_by_condition(volumes: pd.DataFrame, *, most: int = MAX_ITEMS, intervals: bool = True) -> list[str]:
    """Items as in "3 of 8 for gan (14% to 69%)" or "2 of 8 for each of a and b"; at most `most` conditions by name."""
    items = []
    for _, rows in volumes.groupby(["reached", "configurations"], sort=False):
        names = join_words(rows["condition"].tolist(), most=most)
        interval = interval_in_brackets(rows.iloc[0]) if intervals else ""
        items.append(f"{counts_in_words(rows.iloc[0])} for {'each of ' if len(rows) > 1 else ''}{names}{interval}")
    return items


def joined(items: list[str]) -> str:
    """The items with commas between them, or with semicolons if an item has a comma."""
    return "; ".join(items) if any("," in item for item in items) else ", ".join(items)


def _differences(comparison: Comparison, volumes: pd.DataFrame) -> Iterator[str]:
    differences = rows_at_target(comparison, comparison.volume_differences)
    if differences.empty:
        return
    groups = decided_groups(differences, differences["difference"] > 0, volumes["condition"].tolist())
    sentences = (
        f"The share is larger for {_each(larger)} than for {_each(smaller)} ({largest_p(rows)})."
        for larger, smaller, rows in groups
    )
    yield from first_sentences(sentences, "volume_differences")
    undecided = differences[~differences["decided"]]
    if len(differences) > 1:
        yield (
            "A difference between two shares is decided if its p-value is below "
            f"{LEVEL:g} (McNemar's test, adjusted by Holm's method for all pairs and target distances)."
        )
    if undecided.empty:
        return
    if len(differences) == 1:
        yield f"The difference between the two shares is undecided ({largest_p(differences)})."
    elif len(undecided) == len(differences):
        yield f"All {len(differences)} differences between two shares are undecided."
    else:
        verb = "is" if len(undecided) == 1 else "are"
        yield f"{len(undecided)} of {count_noun(len(differences), 'difference')} between two shares {verb} undecided."
    if differences["configurations"].min() >= FEW_CONFIGURATIONS:
        yield from number_needed(undecided, "random settings")


def _each(names: list[str]) -> str:
    return f"{'each of ' if len(names) > 1 else ''}{join_words(names)}"
