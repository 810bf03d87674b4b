"""Reading and writing the files of a ledger: writes are atomic, reads are checked."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from studies.errors import InputError, StudyFailed

FORMAT = 3
"""Format number in every `study.json` and `facts.json`, increased when the content of these files changes."""


def read_record(path: Path, remedy: str) -> dict[str, Any]:
    """The JSON object in a file of the format `FORMAT`; `remedy` is the advice in the error for a damaged file.

    Errors: `InputError` for a file that holds no JSON object, and for one of another format.
    """
    try:
        content = json.loads(path.read_text())
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise InputError(f"{path}: is damaged (it is no JSON object); {remedy}")
    if content.get("format") != FORMAT:
        raise InputError(
            f"{path}: was written by another version of gan-studies (format {content.get('format', 1)}, this version "
            f"reads {FORMAT}); run the study again with another ledger.root"
        )
    return content


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    write_file(path, lambda temporary: temporary.write_text(json.dumps(content, indent=1)))


def write_file(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file, whole or not at all: under a temporary name in its folder, flushed to the disk, then renamed.

    Errors: `StudyFailed` if it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        with failure_as_error(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write(temporary)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def failure_as_error(path: Path) -> Iterator[None]:
    """Context in which `path` is written: an `OSError` is raised as `StudyFailed` with that path."""
    try:
        yield
    except OSError as error:
        raise StudyFailed(f"the ledger cannot be written: {path} ({error.strerror or error})") from error


def checksum(content: bytes) -> str:
    """SHA-256 of a file's content, in hexadecimal digits."""
    return sha256(content).hexdigest()
