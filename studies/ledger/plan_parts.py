"""Plan of a study: its trials whose configurations are known, in parts that a run writes one after the other."""

import gzip
import re
import zlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from studies.errors import DamagedError
from studies.ledger.sealed import seal, unseal
from studies.ledger.storage import LARGEST_RECORD, Storage

NAME = r"(?P<run>[0-9]{8,12})-(?P<part>[0-9]{6})\.json\.gz"
"""Regular expression of the name of a part."""


def read_parts(storage: Storage, folder: str) -> list[dict[str, Any]]:
    """The trials in all parts of the newest run; `folder` is the prefix of the parts.

    Errors: `DamagedError` for a damaged or missing part.
    """
    while True:
        listed = parts(storage, folder)
        newest = [part for part in listed if part[0] == listed[-1][0]]
        contents = [storage.read(part_key(folder, *part)) for part in newest]
        # read again if another run has replaced the plan in the meantime
        if None not in contents and parts(storage, folder) == listed:
            break
    trials: list[dict[str, Any]] = []
    for number, (part, content) in enumerate(zip(newest, contents, strict=True)):
        key = part_key(folder, *part)
        if part[1] != number:
            raise DamagedError(storage.place(key), "the part before it is missing")
        trials += unpack_plan(content or b"", storage.place(key), key)
    return trials


def write_part(storage: Storage, folder: str, trials: Sequence[Mapping[str, Any]], *, run: int, part: int) -> None:
    """Write a part; the first part of a run replaces the parts of all earlier runs."""
    key = part_key(folder, run, part)
    storage.replace(key, pack_plan(trials, key))
    if part == 0:
        for former in parts(storage, folder):
            if former[0] < run:
                _delete(storage, part_key(folder, *former))


def _delete(storage: Storage, key: str) -> None:
    try:
        storage.delete(key)
    except DamagedError:  # a folder has this name
        storage.set_aside(key)


def parts(storage: Storage, folder: str) -> list[tuple[int, int]]:
    """Run and number of every part that exists, sorted."""
    names = {key.removeprefix(f"{folder}/").partition("/")[0] for key in storage.keys(folder)}
    found = (re.fullmatch(NAME, name) for name in names)
    return sorted((int(match["run"]), int(match["part"])) for match in found if match)


def part_key(folder: str, run: int, part: int) -> str:
    """Key of a part."""
    return f"{folder}/{run:08d}-{part:06d}.json.gz"


def pack_plan(trials: Sequence[Mapping[str, Any]], key: str = "") -> bytes:
    """Trials as compressed JSON with a checksum; equal arguments give equal bytes.

    key  key of the object that it becomes; empty outside of a ledger
    """
    return gzip.compress(seal({"key": key, "trials": list(trials)}), mtime=0)


def unpack_plan(content: bytes, place: str, key: str = "") -> list[dict[str, Any]]:
    """The trials in what `pack_plan` wrote with the same key.

    Errors: `DamagedError` for anything else; `InputError` for what another version wrote.
    """
    try:
        with gzip.GzipFile(fileobj=BytesIO(content)) as file:
            text = file.read(LARGEST_RECORD + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DamagedError(place, f"it cannot be read: {error}") from None
    if len(text) > LARGEST_RECORD:
        raise DamagedError(place, "it is larger than a plan")
    record = unseal(text, place)
    trials = record.get("trials")
    if not isinstance(trials, list) or not all(isinstance(trial, dict) for trial in trials):
        raise DamagedError(place, "it holds no list of trials")
    if record.get("key") != key:
        raise DamagedError(place, "it is a part of another plan")
    return trials
