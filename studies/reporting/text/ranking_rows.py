"""The ranking as text, for the terminal and for the page: a row per condition, its setting found in one column."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

import pandas as pd

from gan_core.outcomes import OUTCOMES
from studies.analysis.comparison import Comparison
from studies.numbers import format_distance, format_interval, format_setting, format_share, format_shares
from studies.tables.results import Results

NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class RankingRow:
    """A confirmed condition in the ranking, every cell as text.

    rank              empty without a distance
    interval          95% interval of the distance
    equal_steps       distance and rank at equal critic steps; None if all settings found took the same number
    failure_interval  95% interval of the failure rate
    outcomes          number of seeds with each outcome
    setting           hyperparameters of the setting found
    """

    rank: str
    condition: str
    distance: str
    interval: str
    equal_steps: str | None
    failure_rate: str
    failure_interval: str
    outcomes: str
    setting: str


def ranking_rows(comparison: Comparison) -> Iterator[RankingRow]:
    """Rows of the ranking, best first."""
    results = comparison.results
    members, equal_steps = results.ranked(results.members), _at_equal_steps(comparison)
    for row in results.ranking.to_dict("records"):
        yield RankingRow(
            rank=_rank(row),
            condition=row["condition"],
            distance=_distance(row),
            interval=format_interval(row["distance_low"], row["distance_high"]),
            equal_steps=equal_steps.get(row["condition"]),
            failure_rate=format_share(row["failure_rate"]),
            failure_interval=format_shares(row["failure_low"], row["failure_high"]),
            outcomes=count_outcomes(members[members["condition"] == row["condition"]]["outcome"]),
            setting=setting_in_words(results, row),
        )


def _at_equal_steps(comparison: Comparison) -> dict[str, str]:
    """Distance and rank of each condition at equal critic steps; empty if all settings found took the same number."""
    if not comparison.critic_steps_differ:
        return {}
    return {row["condition"]: _with_rank(row) for row in comparison.equal_critic_steps.to_dict("records")}


def _with_rank(row: dict[str, Any]) -> str:
    return f"{_distance(row)} ({rank})" if (rank := _rank(row)) else _distance(row)


def _rank(row: dict[str, Any]) -> str:
    return "" if pd.isna(row["rank"]) else str(row["rank"])


def _distance(row: dict[str, Any]) -> str:
    return format_distance(row["distance"]) if isfinite(row["distance"]) else "none (failed)"


def setting_in_words(results: Results, row: dict[str, Any]) -> str:
    """The searched hyperparameters of a row of the ranking, as in "gp_weight = 11.1, critic lr = 0.00268".

    Within a pair the spaces are such that no line breaks there. Empty for a condition that searches nothing.
    """
    names, paths = results.study.short_names, results.study.condition(row["condition"]).hyperparameters
    pairs = (f"{names[path]} = {format_setting(row[path])}" for path in paths if not pd.isna(row[path]))
    return ", ".join(pair.replace(" ", NO_BREAK) for pair in pairs)


def count_outcomes(outcomes: "pd.Series[str]") -> str:
    """Numbers of members by outcome, as in "2 stable, 1 collapsed"."""
    counts = outcomes.value_counts()
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts.get(outcome, 0))
