"""The command gan-study: groups of commands, entry point, exit codes."""

import errno
import logging
import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from enum import Enum
from functools import wraps
from typing import Annotated, Any

import typer

from services.cli import (
    cluster_commands,
    evaluation_commands,
    export_commands,
    file_commands,
    lecture_commands,
    ledger_commands,
    new_commands,
    result_commands,
    run_commands,
    tracking_commands,
)
from services.cli.output import print_error, print_interrupted, print_usage_error
from services.cli.streams import reserved_output, steady_streams
from studies.errors import GanStudyError, MachineError
from studies.execution.allowed_environment import others_removed
from studies.file.hung_code import ended_by
from studies.file.messages import escape_control

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
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


_NEED_NO_SECRETS = (file_commands.validate, file_commands.plan, evaluation_commands.evaluate)
"""Commands that call a user's code and no server: the code sees the environment that it sees in a run."""


def _entry(command: Callable[..., None]) -> Callable[..., None]:
    """The command as it is called: standard output has JSON or a table alone if asked for, an interruption is said."""

    @wraps(command)
    def called(**options: Any) -> None:
        format_ = options.get("format_")
        alone = options.get("as_json") or (isinstance(format_, Enum) and format_.value != "text")
        environment = others_removed() if command in _NEED_NO_SECRETS else nullcontext()
        try:
            with reserved_output() if alone else nullcontext(), environment:
                command(**options)
        except KeyboardInterrupt:  # typer would exit without a word
            raise typer.Exit(print_interrupted()) from None

    return called


for group in (
    new_commands,
    file_commands,
    run_commands,
    cluster_commands,
    result_commands,
    export_commands,
    evaluation_commands,
    ledger_commands,
    tracking_commands,
    lecture_commands,
):
    for command in group.COMMANDS:
        app.command()(_entry(command))
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


_OF_THE_MACHINE = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.ESTALE),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EACCES, errno.EPERM),
)
"""Errors of the operating system that are no bugs of this project, wherever they occur: the machine has a limit."""


_USAGE_ERROR: type[Any] = typer.BadParameter.__bases__[0]
"""The error for a wrong command line, which typer does not export."""


def main(*, stacks: int = 2) -> None:
    """Run the command. A `GanStudyError` is printed as one sentence and determines the exit code.

    stacks  file descriptor to which the stacks are written before compiled code of a user that hangs ends the process
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns where the home folder cannot be written
    with steady_streams() as output:
        code = _exit_code(stacks)
        output.flush()
        if output.failure is not None:
            reason = output.failure.strerror or output.failure
            failed = print_error(MachineError(f"standard output cannot be written ({reason})"))
            code = code or failed
    sys.exit(code)


def _exit_code(stacks: int) -> Any:
    try:
        _check_working_folder()
        with ended_by(_exit_at_once, stacks=stacks):
            return app(prog_name="gan-study", standalone_mode=False) or 0
    except SystemExit as ended:
        return ended.code
    except _USAGE_ERROR as error:
        return print_usage_error(error)
    except GanStudyError as error:
        return print_error(error)
    except (KeyboardInterrupt, typer.Abort):
        return print_interrupted()
    except OSError as error:
        if error.errno not in _OF_THE_MACHINE:
            raise
        place = f" ({escape_control(os.fsdecode(error.filename))})" if isinstance(error.filename, str | bytes) else ""
        return print_error(MachineError(f"this machine reports: {error.strerror}{place}"))


def _exit_at_once(error: GanStudyError) -> None:
    """Print an error and end this process, without the code of users that runs in it."""
    code = print_error(error)
    sys.stderr.flush()
    os._exit(code)


def _check_working_folder() -> None:
    """Check that the working folder exists: PyTorch ends a process without one by a message about MKL."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise MachineError("the working folder has been deleted; change to another folder") from None
