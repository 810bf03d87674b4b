"""Commands that read results: results, compare, report, paper."""

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.completion import study_names
from services.cli.options import (
    AsJson,
    Evaluation,
    NoTracking,
    Output,
    Root,
    StudyOrFolder,
    TableFormat,
    TableName,
    Tau,
    Tracking,
    VerdictFormat,
)
from services.cli.output import console, print_or_write, records, refuse_unwritable, write_file, writing
from studies.errors import InputError, TrackingError
from studies.written_files import write_text

if TYPE_CHECKING:
    import pandas as pd

    from studies.tables.results import Results


OF_RESULTS = (TableName.ranking, TableName.trials, TableName.members, TableName.curves)
"""Tables that are attributes of `Results`; all others are attributes of `Comparison`."""


def results(
    study: StudyOrFolder,
    table: Annotated[TableName, typer.Option(help="Table.")] = TableName.ranking,
    format_: Annotated[TableFormat, typer.Option("--format", help="Format.")] = TableFormat.text,
    output: Output = None,
    root: Root = None,
    tracking: Tracking = None,
    evaluation: Evaluation = None,
    as_json: AsJson = False,
) -> None:
    """Print or write a table of a study's results so far.

    The page Tables of the documentation describes every table and column.

    \b
    Examples:
      gan-study results first-study
      gan-study results first-study --table members --format csv --output members.csv
      gan-study results gan-studies/studies/first-study --json
    """
    from studies.analysis.comparison import Comparison
    from studies.reporting.terminal.ranking_table import markdown, print_ranking

    study_results = _read(study, root, tracking, evaluation)
    chosen_format = TableFormat.json if as_json else format_
    if chosen_format is TableFormat.text and table is TableName.ranking and output is None:
        print_ranking(Comparison(study_results), console())
        return
    frame = _frame(study_results, table)
    if chosen_format is TableFormat.text and frame.empty:
        print_or_write(
            f"{study_results.study.name}: the table {table.value} has no rows; docs/tables.md says when", output
        )
        return
    if chosen_format is TableFormat.parquet:
        if output is None:
            raise InputError("--output: must name a file, since Parquet is no text")
        write_file(output, lambda path: frame.to_parquet(path, index=False))
        return
    if chosen_format is TableFormat.latex:
        print_or_write(_latex(study_results, table), output)
        return
    text = {
        TableFormat.text: lambda: frame.to_string(index=False),
        TableFormat.csv: lambda: frame.to_csv(index=False),
        TableFormat.json: lambda: json.dumps(records(frame), indent=1),
        TableFormat.markdown: lambda: markdown(frame),
    }[chosen_format]()
    print_or_write(text, output)


def _frame(study_results: "Results", table: TableName) -> "pd.DataFrame":
    if table in OF_RESULTS:
        return getattr(study_results, table.value)
    from studies.analysis.comparison import Comparison

    return getattr(Comparison(study_results), table.value)


def _latex(study_results: "Results", table: TableName) -> str:
    from studies.analysis.comparison import Comparison
    from studies.reporting.paper import latex_frame, latex_table, ranking_table

    name = study_results.study.name
    if table is TableName.ranking:
        return latex_table(ranking_table(Comparison(study_results)), name)
    return latex_frame(_frame(study_results, table), table.value, name)


def compare(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME|FOLDER ...", help="One or several studies.", autocompletion=study_names),
    ],
    tau: Tau = None,
    format_: Annotated[VerdictFormat, typer.Option("--format", help="Format.")] = VerdictFormat.text,
    output: Output = None,
    root: Root = None,
    tracking: Tracking = None,
    evaluation: Evaluation = None,
    as_json: AsJson = False,
) -> None:
    """Compare the conditions of one or several studies.

    Prints the ranking, the shares of settings that work, and a verdict in words. For several studies it prints this
    for each of them, and then how close every condition comes to the best condition of each study.

    \b
    Examples:
      gan-study compare first-study
      gan-study compare first-study --tau 0.1 --format markdown
      gan-study compare presets-on-ring presets-on-grid
    """
    from studies.analysis.comparison import Comparison
    from studies.reporting.terminal import verdict_text

    taus = _distances(tau)
    refuse_unwritable(output)
    read = _read_distinct(names, root, tracking, evaluation)
    comparisons = [Comparison(study_results, tau=taus) for study_results in read]
    chosen_format = VerdictFormat.json if as_json else format_
    if chosen_format is VerdictFormat.text and output is None:
        verdict_text.print_verdicts(comparisons, console())
        return
    text = {
        VerdictFormat.text: verdict_text.text,
        VerdictFormat.markdown: verdict_text.markdown,
        VerdictFormat.json: lambda compared: json.dumps(verdict_text.content(compared, records), indent=1),
    }[chosen_format](comparisons)
    print_or_write(text, output)


def report(
    study: StudyOrFolder,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File to write. Default: NAME.html in the working folder.")
    ] = None,
    tau: Tau = None,
    root: Root = None,
    tracking: Tracking = None,
    evaluation: Evaluation = None,
    no_tracking: NoTracking = False,
) -> None:
    """Write a study's results as one HTML file.

    It has the verdict, figures, tables, methods and citations, and can be read without a network. If MLflow has a run
    of the study, the file is also added to that run.

    \b
    Examples:
      gan-study report first-study
      gan-study report first-study --output report.html
    """
    from studies.analysis.comparison import Comparison
    from studies.reporting.page import render_page

    taus = _distances(tau)
    comparison = Comparison(_read(study, root, tracking, evaluation), tau=taus)
    path = output or Path(f"{comparison.results.study.name}.html")
    refuse_unwritable(path)
    text = render_page(comparison)
    with writing(path):
        write_text(path, text)
    print(f"{comparison.results.study.name}: {path} has the verdict, figures and tables; open it in a browser")
    if not no_tracking:
        _attach(comparison.results, path, tracking)


def paper(
    study: StudyOrFolder,
    output: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder to write. Default: NAME-paper in the working folder.")
    ] = None,
    tau: Tau = None,
    root: Root = None,
    tracking: Tracking = None,
    evaluation: Evaluation = None,
) -> None:
    """Write a study's methods, tables and references as LaTeX.

    They are LaTeX and BibTeX, with the numbers of the study's record. The folder gets methods.tex, tables/NAME.tex
    (with the lines of the package booktabs) and references.bib, which has the papers and programs that methods.tex
    cites.

    \b
    Examples:
      gan-study paper first-study --output paper
    """
    from studies.analysis.comparison import Comparison
    from studies.reporting.paper import Paper

    taus = _distances(tau)
    study_results = _read(study, root, tracking, evaluation)
    name = study_results.study.name
    folder = output or Path(f"{name}-paper")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--output: must be a folder, but {folder} is a file")
    material = Paper.of(Comparison(study_results, tau=taus))
    with writing(folder):
        material.write(folder)
    print(f"{name}: {folder} has methods.tex, references.bib and {len(material.tables)} tables")
    if material.missing:
        print(f"{name}: {material.missing[0].lower()}{material.missing[1:]}", file=sys.stderr)


def _attach(study_results: "Results", page: Path, tracking: str | None) -> None:
    """Log the page on the study's run in MLflow, if there is one; print a warning if the server is down."""
    from services.tracking_server import has_store
    from studies.tracking.attachment import attach
    from studies.tracking.connection import default_address, shown_address

    if tracking is None and not has_store():
        return
    try:
        if attach(study_results, page, "report", tracking):
            address = shown_address(tracking or default_address())
            print(f"{study_results.study.name}: the page is also an artifact of its run in MLflow at {address}")
    except TrackingError as error:
        print(
            f"gan-study: the page is written, but not added to the run of {study_results.study.name}: {error}",
            file=sys.stderr,
        )


def _distances(tau: list[float] | None) -> list[float] | None:
    """The distances of the option --tau without repetitions; None if it was not given.

    Errors: `InputError` for a distance that is not finite and positive.
    """
    for distance in tau or []:
        if not (math.isfinite(distance) and distance > 0):
            raise InputError(f"--tau: must be a finite distance > 0, but is {distance:g}")
    return list(dict.fromkeys(tau)) if tau else None


def _read_distinct(
    names: list[str], root: Path | None, tracking: str | None, evaluation: str | None
) -> "list[Results]":
    """The results of several studies, each given by its name or its folder.

    Errors: `InputError` if two of them have the same name.
    """
    by_name: dict[str, Results] = {}
    for name in names:
        study_results = _read(name, root, tracking, evaluation)
        study = study_results.study.name
        if study in by_name:
            repeated = study_results.place == by_name[study].place
            reason = f"{study} is given twice" if repeated else f"two of the studies are called {study}"
            raise InputError(f"{name}: must be another study, but {reason}")
        by_name[study] = study_results
    return list(by_name.values())


def _read(name: str, root: Path | None, tracking: str | None, evaluation: str | None) -> "Results":
    from studies.file.messages import count_noun
    from studies.locate import results as read_results

    read = read_results(name, root=root, tracking_uri=tracking, evaluation=evaluation)
    if read.incomplete:
        name, trials = read.study.name, count_noun(len(read.trial_records), "trial")
        print(
            f"gan-study: MLflow at {read.place} has {trials} of {name} so far, and calls it {read.incomplete}: a "
            f"run records it at this moment, or has ended before it was recorded; then gan-study sync {name}, where "
            "its ledger is, records the others",
            file=sys.stderr,
        )
    return read


COMMANDS = (results, compare, report, paper)
