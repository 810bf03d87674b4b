"""The ranking of a study for a terminal, and tables in Markdown."""

from textwrap import wrap

import pandas as pd
from rich.console import Console
from rich.table import Table

from studies.analysis.comparison import Comparison
from studies.reporting.text.differences import undecided_ranks
from studies.reporting.text.ranking_legend import ranking_legend, reference_distances
from studies.reporting.text.ranking_rows import NO_BREAK, RankingRow, ranking_rows
from studies.reporting.text.sentences import sentence, sentences
from studies.tables.results import Results

SETTING = "setting found"
SETTING_WIDTH = 28
"""Largest number of characters in a line of a setting found; with it the table fits into 100 columns."""
NARROW_SETTING_WIDTH = 24
"""The same in a table with a column at equal critic steps."""


def print_ranking(comparison: Comparison, console: Console) -> None:
    """Print the ranking and the reference distances, or that no setting is confirmed."""
    results = comparison.results
    ranking, name = results.ranking, results.study.name
    if ranking.empty:
        console.print(
            f"{name}: no setting is confirmed on fresh seeds, so there is no ranking; results of "
            f"{len(results.members)} members are there (gan-study results {name} --table members).",
            markup=False,
            soft_wrap=True,
        )
        return
    table = Table(title=f"{name}: the setting found for each condition, on {_seeds(results)} fresh seeds")
    rows = [_cells(row) for row in ranking_rows(comparison)]
    for heading in rows[0]:
        table.add_column(heading, justify="left" if heading else "right", no_wrap=heading == SETTING)
    for cells in rows:
        table.add_row(*cells.values())
    console.print(table)
    console.print(" ".join(sentences(ranking_legend(comparison))), markup=False, soft_wrap=True)
    for line in sentences(reference_distances(comparison)):
        console.print(line, markup=False, soft_wrap=True)


def print_undecided_pairs(comparison: Comparison, console: Console) -> None:
    """Print one sentence about the undecided pairs of conditions in the ranking; nothing if there are none."""
    if finding := undecided_ranks(comparison):
        console.print(sentence(finding), markup=False, soft_wrap=True)


def _seeds(results: Results) -> str:
    """Number of fresh seeds of each setting found, as in "10" or "10 to 40"."""
    least, most = results.ranking["members"].min(), results.ranking["members"].max()
    return str(least) if least == most else f"{least} to {most}"


def _cells(row: RankingRow) -> dict[str, str]:
    """Cells of a row by the headings of their columns."""
    cells = {"": row.rank, "condition": row.condition, "distance,\n95% interval": f"{row.distance}\n{row.interval}"}
    width = SETTING_WIDTH if row.equal_steps is None else NARROW_SETTING_WIDTH
    if row.equal_steps is not None:
        cells["at equal\ncritic steps"] = row.equal_steps
    return {
        **cells,
        "outcomes, failure rate\n(95% interval)": f"{row.outcomes}\n{row.failure_rate} ({row.failure_interval})",
        SETTING: "\n".join(wrap(row.setting, width, break_long_words=False)).replace(NO_BREAK, " "),
    }


def markdown(frame: pd.DataFrame) -> str:
    """A table in Markdown, every number with all its digits."""
    rows = [list(frame.columns), ["---"] * len(frame.columns), *frame.astype("object").to_numpy().tolist()]
    return "\n".join("| " + " | ".join("" if pd.isna(cell) else str(cell) for cell in row) + " |" for row in rows)
