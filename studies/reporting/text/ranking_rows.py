"""The ranking as text, for the terminal and for the page: a row per condition, its setting found in one column."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

import pandas as pd

from gan_core.outcomes import OUTCOMES
from studies.numbers import format_distance, format_interval, format_setting, format_share, format_shares
from studies.tables.results import Results

NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class RankingRow:
    """A confirmed condition in the ranking, every cell as text.

    interval          95% interval of the distance
    failure_interval  95% interval of the failure rate
    outcomes          number of seeds with each outcome
    setting           hyperparameters of the setting found
    """

    rank: str
    condition: str
    distance: str
    interval: str
    failure_rate: str
    failure_interval: str
    outcomes: str
    setting: str


def ranking_rows(results: Results) -> Iterator[RankingRow]:
    """Rows of the ranking, best first."""
    members = results.ranked(results.members)
    for row in results.ranking.to_dict("records"):
        yield RankingRow(
            rank=str(row["rank"]),
            condition=row["condition"],
            distance=format_distance(row["distance"]) if isfinite(row["distance"]) else "none (failed)",
            interval=format_interval(row["distance_low"], row["distance_high"]),
            failure_rate=format_share(row["failure_rate"]),
            failure_interval=format_shares(row["failure_low"], row["failure_high"]),
            outcomes=count_outcomes(members[members["condition"] == row["condition"]]["outcome"]),
            setting=setting_in_words(results, row),
        )


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
