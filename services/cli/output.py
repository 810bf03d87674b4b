"""Printing and writing: console, JSON, files, and errors as one sentence."""

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studies.errors import GanStudyError, InputError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

WIDTH = 160
"""Width of printed tables if the output is not a terminal, in characters: wider than every table."""


def console(*, stderr: bool = False) -> "Console":
    """A console as wide as the terminal, or of the width `WIDTH` if the output is not a terminal."""
    from rich.console import Console

    return Console(stderr=stderr, width=None if sys.stdout.isatty() else WIDTH, highlight=False)


def print_json(content: Any) -> None:
    """Print JSON on standard output."""
    print(json.dumps(content, indent=1))


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
        print(text.rstrip("\n"))
    else:
        write_file(output, lambda path: path.write_text(text.rstrip("\n") + "\n"))


def write_file(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file by the call `write(path)`.

    Errors: `InputError` if the file cannot be written.
    """
    try:
        write(path)
    except OSError as error:
        raise InputError(f"--output: cannot write {path} ({error.strerror or error})") from error


def refuse_unwritable(output: Path | None) -> None:
    """Check that a file can be written, before anything is computed for it.

    Errors: `InputError` for a folder, and for a file in a folder that does not exist.
    """
    if output is None:
        return
    if output.is_dir():
        raise InputError(f"--output: must be a file, but {output} is a folder")
    if not output.absolute().parent.is_dir():
        raise InputError(f"--output: cannot write {output}, since there is no folder {output.parent}")


def print_error(error: GanStudyError) -> int:
    """Print each line of the message of an error on standard error, and return its exit code."""
    for line in str(error).splitlines():
        print(f"gan-study: {line}", file=sys.stderr)
    return error.exit_code


def print_interrupted() -> int:
    """Print that the command was interrupted, and return the exit code 130."""
    print("gan-study: interrupted; the same command resumes the study", file=sys.stderr)
    return 130
