"""Ledger: all trials and studies below one folder.

ROOT/trials/ADDRESS/   the entry of a trial, see `entries`
ROOT/studies/NAME/     study.json, plan.jsonl (the trials of the study), pictures and logs
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from studies.errors import InputError
from studies.file.messages import escape_control
from studies.ledger.entries import Entry
from studies.ledger.storage import FORMAT, failure_as_error, read_record, write_file, write_json


class Ledger:
    """All trials and studies below one folder.

    Errors: `InputError` if `root` cannot be resolved to a folder.
    """

    def __init__(self, root: Path | str):
        try:
            self.root = Path(root).expanduser().resolve()
        except (RuntimeError, OSError) as error:
            raise InputError(f"ledger.root: must be a folder, but is {escape_control(str(root))} ({error})") from None

    def entry(self, address: str) -> Entry:
        """The entry of the trial with this address; its folder need not exist."""
        return Entry(self.root / "trials" / address)

    def study_folder(self, name: str) -> Path:
        """Path of a study's folder, which need not exist."""
        return self.root / "studies" / name

    def studies(self) -> list[str]:
        """Names of all studies, sorted."""
        return sorted(path.parent.name for path in (self.root / "studies").glob("*/study.json"))

    def read_study(self, name: str) -> dict[str, Any] | None:
        """The record of a study, None if there is none.

        Errors: `InputError` for a damaged record, and for one that another version wrote.
        """
        path = self.study_folder(name) / "study.json"
        if not os.path.isfile(path):  # Path.is_file raises for a name that is too long
            return None
        return read_record(path, "delete it and run the study again, which repeats no trial")

    def write_study(self, name: str, record: Mapping[str, Any]) -> None:
        """Replace the record of a study."""
        write_json(self.study_folder(name) / "study.json", {"format": FORMAT, **record})

    def read_plan(self, name: str) -> list[dict[str, Any]]:
        """The trials of a study whose configurations were known when the study last ran."""
        path = self.study_folder(name) / "plan.jsonl"
        text = path.read_text() if path.is_file() else ""
        return [json.loads(line) for line in text.split("\n")[:-1]]  # a kill may leave an incomplete last line

    def write_plan(self, name: str, trials: Iterable[Mapping[str, Any]], *, append: bool) -> None:
        """Write trials into the `plan.jsonl` of a study; `append` keeps the trials that the file holds already."""
        path, lines = self.study_folder(name) / "plan.jsonl", "".join(json.dumps(trial) + "\n" for trial in trials)
        if append:
            with failure_as_error(path), path.open("a") as plan:
                plan.write(lines)
        else:
            write_file(path, lambda temporary: temporary.write_text(lines))

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        """Context that locks a study for this process; the system releases the lock even if the process is killed.

        Errors: `InputError` if another process holds the lock, or the folder cannot be written.
        """
        folder = self.study_folder(name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"ledger.root: cannot write below {self.root} ({error.strerror})") from error
        lock = FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise InputError(
                f"name: another run is writing the study {name!r} in {self.root} at this moment; "
                "wait for it, stop it, or give this study another name"
            ) from None
        except OSError as error:
            raise InputError(f"ledger.root: cannot write below {folder} ({error.strerror})") from error
        try:
            yield
        finally:
            lock.release()
