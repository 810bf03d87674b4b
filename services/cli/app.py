"""The command gan-study: groups of commands, entry point, exit codes."""

import sys
from typing import Annotated

import typer

from services.cli import (
    cluster_commands,
    evaluation_commands,
    file_commands,
    ledger_commands,
    result_commands,
    run_commands,
    tracking_commands,
)
from services.cli.output import print_error, print_interrupted
from studies.errors import GanStudyError

app = typer.Typer(
    name="gan-study",
    help="Compare the objectives of GANs: train each with many settings of its hyperparameters, and find out which "
    "one is stable.\n\n"
    "A study is a TOML file, or the name of a study in the catalog (first-study). Its results are written to a ledger, "
    "which is the folder ./gan-studies unless the study file names another one. A study that is run again runs only "
    "the trials that are missing there.\n\n"
    "Exit codes: 0 done; 1 failed, or trials ended without a result; 2 wrong input, or a ledger that cannot be used; "
    "3 a limit of the study ended the run, and the same command resumes it; 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (
    file_commands,
    run_commands,
    cluster_commands,
    result_commands,
    evaluation_commands,
    ledger_commands,
    tracking_commands,
):
    for command in group.COMMANDS:
        app.command()(command)
app.command(hidden=True)(run_commands.drive)


def _print_versions(wanted: bool) -> None:
    if wanted:
        from studies.execution.environment import versions

        for name, version in versions().items():
            print(f"{name} {version or 'not installed'}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_versions,
            is_eager=True,
            help="Print the versions of gan-studies and of its dependencies. Default: run a command.",
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command. A `GanStudyError` is printed as one sentence and determines the exit code."""
    try:
        app(prog_name="gan-study")
    except GanStudyError as error:
        sys.exit(print_error(error))
    except KeyboardInterrupt:
        sys.exit(print_interrupted())
    except BrokenPipeError:
        sys.exit(0)
