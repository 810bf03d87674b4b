"""The ranking of a study for a terminal, and tables in Markdown."""

from textwrap import wrap

import pandas as pd
from rich.console import Console
from rich.table import Table

from studies.analysis.comparison import Comparison
from studies.numbers import format_distance
from studies.reporting.text.differences import undecided_ranks
from studies.reporting.text.ranking_rows import NO_BREAK, RankingRow, ranking_rows
from studies.reporting.text.sentences import sentence
from studies.tables.results import Results

SETTING_WIDTH = 28
"""Largest number of characters in a line of a setting found; with it the table fits into 100 columns."""
_HEADINGS = ("", "condition", "distance,\n95% interval", "outcomes,\nfailure rate (95% interval)", "setting found")


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
    table = Table(title=f"{name}: the setting found for each condition, on {_seeds(results)} fresh seeds")
    for heading in _HEADINGS:
        table.add_column(heading, justify="left" if heading else "right")
    for row in ranking_rows(results):
        table.add_row(*_cells(row))
    console.print(table)
    console.print(_legend(results), markup=False, soft_wrap=True)


def print_undecided_pairs(comparison: Comparison, console: Console) -> None:
    """Print one sentence about the undecided pairs of conditions in the ranking; nothing if there are none."""
    if finding := undecided_ranks(comparison):
        console.print(sentence(finding), markup=False, soft_wrap=True)


def _seeds(results: Results) -> str:
    """Number of fresh seeds of each setting found, as in "10" or "10 to 40"."""
    least, most = results.ranking["members"].min(), results.ranking["members"].max()
    return str(least) if least == most else f"{least} to {most}"


def _cells(row: RankingRow) -> list[str]:
    setting = "\n".join(wrap(row.setting, SETTING_WIDTH)).replace(NO_BREAK, " ")
    return [
        row.rank,
        row.condition,
        f"{row.distance}\n{row.interval}",
        f"{row.outcomes}\n{row.failure_rate} ({row.failure_interval})",
        setting,
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


def markdown(frame: pd.DataFrame) -> str:
    """A table in Markdown, every number with all its digits."""
    rows = [list(frame.columns), ["---"] * len(frame.columns), *frame.astype("object").to_numpy().tolist()]
    return "\n".join("| " + " | ".join("" if pd.isna(cell) else str(cell) for cell in row) + " |" for row in rows)
