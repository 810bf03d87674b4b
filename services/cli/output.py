"""Printing and writing: console, JSON, files, and errors as one sentence."""

import errno
import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.cli.streams import output_stream
from studies.errors import GanStudyError, InputError, MachineError
from studies.file.messages import escape_control, nearest
from studies.written_files import whole_file, write_text

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

WIDTH = 160
"""Width of printed tables if the output is not a terminal, in characters: wider than every table."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of a disk on which a file of that name could have been written."""


def console(*, stderr: bool = False) -> "Console":
    """A console as wide as the terminal, or of the width `WIDTH` if the output is not a terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else WIDTH, highlight=False)


def print_json(content: Any) -> None:
    """Print JSON on standard output."""
    print(json.dumps(content, indent=1), file=output_stream())


def records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """The rows of a table for JSON; missing, NaN and infinite values are None."""
    rows = frame.to_dict("records")  # not to_json, which rounds small learning rates to 0
    return [{name: None if _is_empty(value) else value for name, value in row.items()} for row in rows]


def _is_empty(value: Any) -> bool:
    import pandas as pd

    return value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value))


def print_or_write(text: str, output: Path | None) -> None:
    """Print a text, or write it to a file if one is given."""
    if output is None:
        print(text.rstrip("\n"), file=output_stream())
    else:
        with writing(output):
            write_text(output, text.rstrip("\n") + "\n")


def write_file(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file by the call `write(temporary path)`, whole or not at all.

    Errors: those of `writing`.
    """
    with writing(path), whole_file(path) as temporary:
        write(temporary)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Context in which a file or a folder of the option --output is written.

    Errors: `InputError` if nothing can be written there; `MachineError` if the disk is full.
    """
    try:
        yield
    except OSError as error:
        kind = MachineError if error.errno in _FULL else InputError
        raise kind(f"--output: cannot write {escape_control(str(path))} ({error.strerror or error})") from error


def refuse_unwritable(output: Path | None) -> None:
    """Check that a file can be written, before anything is computed for it.

    Errors: `InputError` for a folder, and for a file in a folder that does not exist.
    """
    if output is None:
        return
    shown, folder = escape_control(str(output)), escape_control(str(output.parent))
    with writing(output):
        if output.is_dir():
            raise InputError(f"--output: must be a file, but {shown} is a folder")
        if not output.absolute().parent.is_dir():
            raise InputError(f"--output: cannot write {shown}, since there is no folder {folder}")


def refuse_existing(output: Path, *, force: bool) -> None:
    """Check that a file does not exist yet, unless it may be overwritten.

    Errors: `InputError` for a file that exists.
    """
    if output.exists() and not force:
        raise InputError(f"--output: {escape_control(str(output))} exists already; --force overwrites it")


def print_error(error: GanStudyError) -> int:
    """Print each line of the message of an error on standard error, and return its exit code."""
    for line in str(error).splitlines():
        print(f"gan-study: {line}", file=sys.stderr)
    return error.exit_code


def print_usage_error(error: Any) -> int:
    """Print what is wrong with a command line as one sentence, or the help that was asked for; returns the exit code.

    error  typer's `UsageError`
    """
    help_ = error.ctx.get_help() if error.ctx is not None else ""
    message = " ".join(error.format_message().split())
    if help_ and message == " ".join(help_.split()):
        print(help_, file=sys.stderr)
        return int(error.exit_code)
    sentence = message.replace("Value error, ", "").rstrip(".")
    if choices := re.search(r"'([^']*)' is not one of (.*)", sentence):
        near = nearest(choices[1], re.findall("'([^']*)'", choices[2]))
        sentence += f"; did you mean {near}?" if near else ""
    program = "gan-study" if error.ctx is None else error.ctx.command_path
    print(f"gan-study: {escape_control(sentence)}; see {program} --help", file=sys.stderr)
    return int(error.exit_code)


def print_interrupted() -> int:
    """Print that the command was interrupted, and return the exit code 130."""
    print("gan-study: interrupted; nothing is lost, and the same command may be given again", file=sys.stderr)
    return 130
