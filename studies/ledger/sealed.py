"""Sealed records: JSON objects that hold the format of the ledger and a checksum of their content."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from studies.errors import DamagedError, InputError

FORMAT = 3
"""Format of everything in a ledger, increased when a format changes."""


def checksum(content: bytes) -> str:
    """SHA-256 of some bytes, in hexadecimal digits."""
    return sha256(content).hexdigest()


def seal(content: Mapping[str, Any], *, indent: int | None = 1) -> bytes:
    """A record as JSON text with `format` and `checksum`; on one line if `indent` is None."""
    return json.dumps({"format": FORMAT, "checksum": _digest(content), **content}, indent=indent).encode()


def unseal(text: bytes, place: str) -> dict[str, Any]:
    """The record in a text that `seal` wrote; `place` is its path or address for messages.

    Errors: `DamagedError` for anything else; `InputError` for a record of another format.
    """
    record = parse_object(text, place)
    number, stated = record.pop("format", None), record.pop("checksum", None)
    try:
        whole = stated == _digest(record)
    except RecursionError:  # nested too deeply to be written again
        whole = False
    if whole and type(number) is int and number != FORMAT:
        raise DamagedError(place, "its format number is damaged")
    refuse_other_format(number, place)
    if not whole:
        raise DamagedError(place, "its checksum is not that of its content")
    return record


def parse_object(text: bytes, place: str) -> dict[str, Any]:
    """The JSON object in a text.

    Errors: `DamagedError` for a text that holds no JSON object.
    """
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):  # not UTF-8, cut off, or nested too deeply
        record = None
    if not isinstance(record, dict):
        raise DamagedError(place, "it holds no JSON object" if text else "it is empty")
    return record


def refuse_other_format(number: Any, place: str) -> None:
    """Check the format that is recorded in a file.

    Errors: `InputError` for another format than this version's; `DamagedError` if it is no number.
    """
    if type(number) is not int:
        raise DamagedError(place, "it has no format number")
    if number != FORMAT:
        raise InputError(
            f"{place}: was written by another version of gan-studies (format {number}, this version reads {FORMAT}); "
            "run the study again with another ledger.root"
        )


def _digest(content: Mapping[str, Any]) -> str:
    """Checksum of a record of this format, which another format's checksum of the same content cannot be."""
    return checksum(json.dumps({**content, "format": FORMAT}, sort_keys=True, separators=(",", ":")).encode())
