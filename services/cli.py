"""The command gan-study: parse, call, print."""

import json
import math
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from rich.console import Console

from gan_core.presets import PRESETS
from services import display
from studies.errors import GanStudyError, InputError
from studies.study import load_study

app = typer.Typer(
    name="gan-study",
    help="Write down which GAN objectives to compare and which knobs to turn; get back which one stays stable.\n\n"
    "A study is a TOML file, or the name of one that ships (first-study). What it finds goes into a ledger, a folder "
    "that is ./gan-studies unless the study says otherwise; running a study again runs only what is missing there.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

StudyFile = Annotated[str, typer.Argument(metavar="FILE", help="A study file, or the name of a study that ships.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a field: budget.steps=500, conditions.wgan.training.n_critic=5."
    ),
]
Smoke = Annotated[bool, typer.Option("--smoke", help="Run everything tiny, under the name NAME-smoke: does it work?")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program instead of text for a reader.")]
Root = Annotated[Path | None, typer.Option(metavar="FOLDER", help="The ledger to read, if it is not ./gan-studies.")]


class TableName(StrEnum):
    """The tables of a study's results."""

    ranking = "ranking"
    trials = "trials"
    members = "members"
    curves = "curves"


class Format(StrEnum):
    """How a table is written."""

    text = "text"
    csv = "csv"
    parquet = "parquet"
    json = "json"
    markdown = "markdown"


@app.command()
def objectives(as_json: AsJson = False) -> None:
    """List the methods that a study can name as a preset."""
    if as_json:
        _print_json([display.preset_table(preset) for preset in PRESETS.values()])
    else:
        _console().print(display.presets(list(PRESETS.values())))


@app.command()
def validate(file: StudyFile, overrides: Overrides = None, smoke: Smoke = False, as_json: AsJson = False) -> None:
    """Check a study file without running it, and show what it would run."""
    study = load_study(file, overrides=overrides or [], smoke=smoke)
    if as_json:
        _print_json(study.table())
    else:
        _console().print(display.outline(study), markup=False, soft_wrap=True)


@app.command()
def run(file: StudyFile, overrides: Overrides = None, smoke: Smoke = False, as_json: AsJson = False) -> None:
    """Run a study on this machine, or what is missing of it, and print the ranking.

    Interrupt it whenever you like: the same command goes on where it stopped.
    """
    from studies.results import results
    from studies.runner import run as run_study

    study = load_study(file, overrides=overrides or [], smoke=smoke)
    console = Console(stderr=True, width=_width()) if as_json else _console()
    ending = run_study(study, display.Lines(study, console))
    found = results(study.name, root=study.ledger.root)
    if as_json:
        _print_json({"interrupted": ending.interrupted, "ranking": _records(found.ranking)})
    display.verdict(found, ending, console)
    if ending.interrupted:
        raise typer.Exit(130)
    if ending.failed:
        raise typer.Exit(1)


@app.command()
def results(
    study: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="A study's name, or its folder in a ledger.")],
    table: Annotated[TableName, typer.Option(help="Which table.")] = TableName.ranking,
    format_: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.text,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write to a file instead of here.")] = None,
    root: Root = None,
    as_json: AsJson = False,
) -> None:
    """Print what a study has found so far, or write it to a file."""
    from studies.results import results as read_results

    found = read_results(study, root=root)
    chosen = Format.json if as_json else format_
    if chosen is Format.text and table is TableName.ranking and output is None:
        display.ranking(found, _console())
        return
    frame = getattr(found, table.value)
    if chosen is Format.parquet:
        if output is None:
            raise InputError("--output: must name a file, since Parquet is no text")
        _write_file(output, lambda path: frame.to_parquet(path, index=False))
        return
    text = {
        Format.text: lambda: frame.to_string(index=False),
        Format.csv: lambda: frame.to_csv(index=False),
        Format.json: lambda: json.dumps(_records(frame), indent=1),
        Format.markdown: lambda: display.markdown(frame),
    }[chosen]().rstrip("\n")
    if output is None:
        print(text)
    else:
        _write_file(output, lambda path: path.write_text(text + "\n"))


def _write_file(path: Path, write: Any) -> None:
    try:
        write(path)
    except OSError as error:
        raise InputError(f"--output: cannot write {path} ({error.strerror or error})") from error


def _records(frame: Any) -> list[dict[str, Any]]:
    """Rows as JSON can hold them: an empty value is null."""
    rows = frame.to_dict("records")  # not to_json, which rounds small learning rates away
    return [{name: None if _is_empty(value) else value for name, value in row.items()} for row in rows]


def _is_empty(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value))


def _print_json(content: Any) -> None:
    print(json.dumps(content, indent=1))


def _console() -> Console:
    return Console(width=_width(), highlight=False)


def _width() -> int | None:
    """A terminal's own width; elsewhere one that no table of ours is cut at."""
    return None if sys.stdout.isatty() else 160


def main() -> None:
    """The entry point: every error that a user can mend is one sentence and an exit code."""
    try:
        app(prog_name="gan-study")
    except GanStudyError as error:
        print(f"gan-study: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, InputError) else 1)
    except KeyboardInterrupt:
        print("gan-study: interrupted; the same command goes on where it stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
