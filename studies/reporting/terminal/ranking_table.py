"""The ranking of a study for a terminal, and tables in Markdown."""

from math import isfinite
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from gan_core.outcomes import OUTCOMES
from studies.analysis.comparison import Comparison
from studies.numbers import format_distance, format_interval, format_setting, format_share, format_shares
from studies.reporting.text.differences import undecided_ranks
from studies.tables.results import Results

_NUMBERS = ("distance", "95% interval\nof the distance", "failed", "95% interval of\nthe failure rate")
"""Headings of the columns of numbers."""


def print_ranking(results: Results, console: Console) -> None:
    """Print the ranking and the reference distances, or that no setting is confirmed."""
    ranking, name = results.ranking, results.study.name
    if ranking.empty:
        console.print(
            f"{name}: no setting is confirmed on fresh seeds, so there is no ranking; results of "
            f"{len(results.members)} members are in the ledger (gan-study results {name} --table members).",
            markup=False,
            soft_wrap=True,
        )
        return
    seeds = results.study.search.confirm.seeds
    table = Table(title=f"{name}: the setting found for each condition, on {seeds} fresh seeds")
    for heading in ("", "condition", *_NUMBERS, "outcomes", "setting found"):
        table.add_column(heading, justify="right" if heading in ("", *_NUMBERS) else "left")
    for row in ranking.to_dict("records"):
        table.add_row(*_cells(results, row))
    console.print(table)
    console.print(_legend(results), markup=False, soft_wrap=True)


def print_undecided_pairs(comparison: Comparison, console: Console) -> None:
    """Print one sentence about the undecided pairs of conditions in the ranking; nothing if there are none."""
    if sentence := undecided_ranks(comparison):
        console.print(sentence, markup=False, soft_wrap=True)


def _cells(results: Results, row: dict[str, Any]) -> list[str]:
    members = results.members
    confirmed = members[
        (members["condition"] == row["condition"])
        & (members["phase"] == "confirm")
        & (members["trial"] == row["trial"])
    ]
    names = results.study.short_names
    hyperparameters = results.study.condition(row["condition"]).hyperparameters
    setting = {names[path]: row[path] for path in hyperparameters if not pd.isna(row[path])}
    return [
        str(row["rank"]),
        row["condition"],
        format_distance(row["distance"]) if isfinite(row["distance"]) else "none (failed)",
        format_interval(row["distance_low"], row["distance_high"]),
        format_share(row["failure_rate"]),
        format_shares(row["failure_low"], row["failure_high"]),
        count_outcomes(confirmed["outcome"]),
        "  ".join(f"{name}={format_setting(value)}" for name, value in setting.items()),
    ]


def _legend(results: Results) -> str:
    ranking = results.ranking
    legend = "Distance: interquartile mean over the seeds; failed seeds count as infinitely far; lower is better."
    if ranking["distance"].isna().any():
        legend += (
            " A condition has no distance if a failed seed lies in the middle half of its seeds, ordered by distance."
        )
    if (ranking["distance_low"].notna() & ranking["distance_high"].isna()).any():
        legend += ' "At least": no upper end, since too many seeds failed in at least 2.5% of the resamples.'
    references = results.reference_distances
    if (gaussian := references.get("gaussian")) is None:
        return legend
    real, constant = references["real"], references["constant"]
    assert real is not None
    assert constant is not None
    return (
        f"{legend}\nReference distances: real against real {format_distance(real)}, a Gaussian with the data's mean "
        f"and covariance {format_distance(gaussian)}, a constant at the data's mean {format_distance(constant)}."
    )


def count_outcomes(outcomes: pd.Series) -> str:
    """Numbers of members by outcome, as in "2 stable, 1 collapsed"."""
    counts = outcomes.value_counts()
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts.get(outcome, 0))


def markdown(frame: pd.DataFrame) -> str:
    """A table in Markdown, every number with all its digits."""
    rows = [list(frame.columns), ["---"] * len(frame.columns), *frame.astype("object").to_numpy().tolist()]
    return "\n".join("| " + " | ".join("" if pd.isna(cell) else str(cell) for cell in row) + " |" for row in rows)
