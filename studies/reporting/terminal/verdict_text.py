"""The verdict on one or several studies as text, as Markdown, and as JSON."""

from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from studies.analysis.comparison import Comparison
from studies.analysis.cross_study import cross_study_ranking, performance_profile
from studies.file.distributions import Distribution
from studies.numbers import MISSING, format_distance, format_setting, format_significant
from studies.reporting.page.page_tables import format_cell
from studies.reporting.page.page_text import TABLES
from studies.reporting.terminal.ranking_table import markdown as markdown_table
from studies.reporting.terminal.ranking_table import print_ranking, print_undecided_pairs
from studies.reporting.text.metric_agreement import measures_in_words
from studies.reporting.text.phrases import format_width, join_words, range_end, within
from studies.reporting.text.sentences import sentence, sentences
from studies.reporting.text.several_studies import several_studies
from studies.reporting.text.stable_settings import working_rule
from studies.reporting.text.target_distance import goal, rows_at_target
from studies.reporting.text.verdict import Topic, verdict
from studies.reporting.text.working_ranges import touched_ends
from studies.reporting.wording import metric_label

WIDTH = 160
TOGETHER = "All studies together"
PROFILE = "Performance profile: share of the studies in which the distance is within a ratio to the smallest one"

Records = Callable[[pd.DataFrame], list[dict[str, Any]]]


def print_verdicts(comparisons: Sequence[Comparison], console: Console) -> None:
    """Print ranking, tables and sentences of each study; for several studies also those about all of them together."""
    for comparison in comparisons:
        print_ranking(comparison, console)
        print_undecided_pairs(comparison, console)
        _print_metrics(comparison, console)
        _print_shares(comparison, console)
        _print_ranges(comparison, console)
        for topic in verdict(comparison):
            _print_topic(topic, console)
        console.print()
    if len(comparisons) > 1:
        for title, frame in _tables_together(comparisons).items():
            console.print(_table(frame, title))
        _print_topic(Topic(TOGETHER, tuple(several_studies(comparisons))), console)


def _print_topic(topic: Topic, console: Console) -> None:
    console.print(f"\n[bold]{topic.title}[/bold]")
    for line in topic.sentences:
        console.print(f"  {line}", markup=False, soft_wrap=not console.is_terminal)


def _print_metrics(comparison: Comparison, console: Console) -> None:
    """Print the settings found under several metrics with their ranks, then the controls; nothing for one metric."""
    rankings = comparison.metric_rankings
    if rankings.empty:
        return
    table = Table(title=escape(f"{comparison.results.study.name}: the settings found under several metrics"))
    table.add_column("condition")
    by_metric = {str(metric): rows.set_index("condition") for metric, rows in rankings.groupby("metric", sort=False)}
    for metric in by_metric:
        table.add_column(f"{metric_label(metric)} (rank)", justify="right")
    for name in next(iter(by_metric.values())).index:
        table.add_row(
            name, *(_with_rank(rows.loc[name]) if name in rows.index else MISSING for rows in by_metric.values())
        )
    console.print(table)
    console.print(
        "The last rows are controls: other real samples, and samples of a Gaussian with their mean and covariance. "
        f"{measures_in_words(rankings)}",
        markup=False,
        soft_wrap=True,
    )


def _with_rank(row: pd.Series) -> str:
    failed = pd.isna(row["value"]) or (pd.isna(row["rank"]) and not row["control"])
    value = "failed" if failed else format_distance(row["value"])
    return value if pd.isna(row["rank"]) else f"{value} ({row['rank']})"


def _print_shares(comparison: Comparison, console: Console) -> None:
    """Print the shares of settings that work at the target distance of the verdict, and the rule by which one works."""
    volumes = rows_at_target(comparison, comparison.volumes)
    if volumes.empty:
        return
    drawn = volumes["volume_low"].notna()
    settings = "random settings" if drawn.all() else "settings" if drawn.any() else "listed settings"
    table = Table(title=escape(f"{comparison.results.study.name}: {settings} that work, see the rule below the table"))
    share_of_seeds = f"share of seeds that are stable\nand end {within(volumes['tau'].iloc[0], goal(comparison))}"
    for column in ("condition", "working settings", "share", "95% interval of the share", share_of_seeds):
        table.add_column(column, justify="left" if column == "condition" else "right")
    for row in volumes.itertuples():
        interval = f"{format_cell('volume', row.volume_low)} to {format_cell('volume', row.volume_high)}"
        table.add_row(
            row.condition,
            f"{row.reached} of {row.configurations}",
            format_cell("volume", row.volume),
            "none (listed values)" if pd.isna(row.volume_low) else interval,
            format_cell("share", row.seeds_share),
        )
    console.print(table)
    console.print(sentence(working_rule(comparison, volumes)), markup=False, soft_wrap=True)


_RANGES_LEGEND = (
    "Fresh seeds of the setting found with one hyperparameter moved at a time. Last column: the ends of the searched "
    "range that the stable range may go beyond."
)


def _print_ranges(comparison: Comparison, console: Console) -> None:
    """Print the stable ranges around the settings found at the target distance of the verdict, if there are any."""
    rows = rows_at_target(comparison, comparison.stable_ranges)
    if rows.empty:
        return
    laws = {condition.name: condition.hyperparameters for condition in comparison.results.study.conditions}
    names = comparison.results.study.short_names
    table = Table(title=escape(f"{comparison.results.study.name}: stable ranges around the settings found"))
    for heading in (*_RANGE_TEXTS, *_RANGE_NUMBERS, _BEYOND):
        table.add_column(heading, justify="right" if heading in _RANGE_NUMBERS else "left")
    for _, row in rows.iterrows():
        law = laws[row["condition"]][row["hyperparameter"]]
        table.add_row(row["condition"], names[row["hyperparameter"]], *_range_cells(row, law))
    console.print(table)
    console.print(_RANGES_LEGEND, markup=False, soft_wrap=True)


_RANGE_TEXTS = ("condition", "hyperparameter", "searched range")
_RANGE_NUMBERS = (
    "setting\nfound",
    "lower end",
    "95% interval\nof the lower end",
    "upper end",
    "95% interval\nof the upper end",
    "width",
)
_BEYOND = "may go on\nbeyond"
"""Headings of the table of ranges."""


def _range_cells(row: pd.Series, law: Distribution) -> list[str]:
    """A row's cells after condition and hyperparameter; dashes if the setting found does not work on fresh seeds."""
    low, high = (format_setting(value) for value in law.extremes())
    cells = [f"{low} to {high}", format_significant(row["found"], 3)]
    if not row["works"]:
        return [*cells, *[MISSING] * (len(_RANGE_NUMBERS) - 1), MISSING]
    for end in ("lower", "upper"):
        interval = f"{format_significant(row[f'{end}_low'], 3)} to {format_significant(row[f'{end}_high'], 3)}"
        cells += [format_significant(row[end], 3), interval]
    beyond = [range_end(*end) for end in touched_ends(row, law)]
    return [*cells, format_width(row["width"], row["unit"]), join_words(beyond or [MISSING])]


def text(comparisons: Sequence[Comparison]) -> str:
    """The output of `print_verdicts` as text that can be written to a file."""
    output = StringIO()
    print_verdicts(comparisons, Console(file=output, width=WIDTH, highlight=False))
    return output.getvalue()


def markdown(comparisons: Sequence[Comparison]) -> str:
    """The verdicts and every table that has rows, in Markdown."""
    parts = []
    for comparison in comparisons:
        parts.append(f"# {comparison.results.study.name}")
        for topic in verdict(comparison):
            parts += [f"## {topic.title}", _bullets(topic.sentences)]
        for name, described in TABLES.items():
            if len(frame := _frame(comparison, name)):
                parts += [f"## {described.title}", described.caption, markdown_table(frame)]
    if len(comparisons) > 1:
        parts += [f"# {TOGETHER}", _bullets(sentences(several_studies(comparisons)))]
        for title, frame in _tables_together(comparisons).items():
            parts += [f"## {title}", markdown_table(frame)]
    return "\n\n".join(parts)


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"* {line}" for line in lines)


def content(comparisons: Sequence[Comparison], records: Records) -> dict[str, Any]:
    """Verdicts and tables of each study and of all studies together, as values that JSON can hold.

    records  converts a table to a list with a mapping for each row
    """
    together = cross_study_ranking(comparisons)
    return {
        "studies": [
            {
                "study": comparison.results.study.name,
                "data": comparison.results.study.data.kind,
                "reference_distances": comparison.results.reference_distances,
                "verdict": [
                    {"title": topic.title, "sentences": list(topic.sentences)} for topic in verdict(comparison)
                ],
                "tables": {name: records(_frame(comparison, name)) for name in TABLES},
            }
            for comparison in comparisons
        ],
        "together": {
            "sentences": list(sentences(several_studies(comparisons))) if len(comparisons) > 1 else [],
            "tables": {"together": records(together), "profile": records(performance_profile(together))},
        },
    }


def _frame(comparison: Comparison, name: str) -> pd.DataFrame:
    """The table `name` of a comparison; the ranking has columns for the hyperparameters of the settings found."""
    return comparison.results.ranking if name == "ranking" else getattr(comparison, name)


def _tables_together(comparisons: Sequence[Comparison]) -> dict[str, pd.DataFrame]:
    together = cross_study_ranking(comparisons)
    tables = {"Ranks and ratios": together, PROFILE: _by_ratio(performance_profile(together))}
    return {title: frame for title, frame in tables.items() if len(frame)}


def _by_ratio(profile: pd.DataFrame) -> pd.DataFrame:
    """The performance profile with a row per condition and a column per ratio."""
    wide = profile.pivot(index="condition", columns="ratio", values="share").reindex(profile["condition"].unique())
    return wide.set_axis([f"share within {ratio:g}" for ratio in wide.columns], axis=1).reset_index()


def _table(frame: pd.DataFrame, title: str) -> Table:
    shown = [column for column in frame if not frame[column].isna().all()]
    table = Table(title=escape(title))
    for column in shown:
        table.add_column(column.replace("_", " "), justify="left" if frame[column].dtype == "str" else "right")
    for row in frame.to_dict("records"):
        table.add_row(*(format_cell(column, row[column]) for column in shown))
    return table
