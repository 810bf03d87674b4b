"""Ledger: all trials and studies below one folder.

trials/CHECKSUM.parquet    entries of trials that were committed together, see `segments`
running/KEY/               what there is of a trial that is not finished, see `unfinished`
studies/NAME/study.json    the record of a study
studies/NAME/plan/         its trials whose configurations are known, in parts written one after the other
studies/NAME/lease/        the run that writes the study at this moment, see `leases`
set-aside/                 what was found damaged
"""

import gzip
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from studies.errors import DamagedError, InputError
from studies.ledger import leases
from studies.ledger.entries import Entry, entry_row, from_row
from studies.ledger.leases import Lease
from studies.ledger.sealed import seal, unseal
from studies.ledger.segments import Row, Segment, segment_name, to_segment
from studies.ledger.storage import FolderStorage
from studies.ledger.unfinished import FOLDER as RUNNING
from studies.ledger.unfinished import Unfinished

TRIALS, STUDIES = "trials", "studies"
"""Prefixes of the keys of segments and of what belongs to a study."""
LARGEST_PLAN = 2**30
"""Largest number of bytes of a part of a plan without compression."""


class Ledger:
    """All trials and studies below one folder.

    Errors: `InputError` if `root` cannot be resolved to a folder.
    """

    def __init__(self, root: Path | str):
        self.storage = FolderStorage(root)
        self._rows: dict[str, tuple[str, int]] = {}
        self._segments: dict[str, tuple[str, ...]] = {}
        self._damaged: dict[str, DamagedError] = {}

    @property
    def root(self) -> Path:
        """The folder."""
        return self.storage.root

    # -- finished trials -------------------------------------------------------------------------------------------

    def commit(self, rows: Sequence[Row]) -> None:
        """Write the entries of trials that ended together, then delete what was kept of them while they ran.

        Errors: `StudyFailed` if they cannot be written.
        """
        segment = to_segment(rows)
        self.storage.create(f"{TRIALS}/{segment_name(segment)}.parquet", segment)
        for row in rows:
            self.unfinished(row.key).clear()

    def finished(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys that have an entry."""
        self._scan()
        return {key for key in keys if key in self._rows}

    def entries(self, keys: Iterable[str]) -> dict[str, Entry]:
        """The entries of those keys that have one, checked.

        Errors: `DamagedError` for a damaged entry, and for any damaged segment if a key has no entry, since the segment
        may be the one that holds it.
        """
        wanted = list(dict.fromkeys(keys))
        self._scan()
        by_segment: dict[str, list[str]] = defaultdict(list)
        for key in wanted:
            if key in self._rows:
                by_segment[self._rows[key][0]].append(key)
            elif self._damaged:
                raise next(iter(self._damaged.values()))
        found: dict[str, Entry] = {}
        for name, held in by_segment.items():
            found |= self._read(name, set(held))
        return {key: found[key] for key in wanted if key in found}

    def entry(self, key: str) -> Entry | None:
        """The entry of a key, checked; None if the trial is not finished.

        Errors: as for `entries`.
        """
        return self.entries([key]).get(key)

    def segment(self, name: str) -> Segment:
        """The segment in the object `name`.

        Errors: `DamagedError` if it is damaged or gone.
        """
        place = self.storage.place(name)
        file = self.storage.opened(name)
        if file is None:
            raise DamagedError(place, "it is gone")
        return Segment(file, name.rpartition("/")[2].removesuffix(".parquet"), place)

    def damaged_segments(self) -> list[tuple[str, DamagedError]]:
        """Keys of the segments that cannot be opened or whose curves or facts are damaged, with the first error."""
        self._scan()
        damaged = dict(self._damaged)
        for name, keys in self._segments.items():
            try:
                if name not in damaged:
                    self._read(name, set(keys))
            except DamagedError as error:
                damaged[name] = error
        return sorted(damaged.items())

    def set_aside(self, name: str) -> tuple[list[Row], str]:
        """Set a damaged segment aside, and commit again those of its entries that are whole.

        Returns these entries, and the key that the segment has now.
        """
        rows = self._whole_rows(name)
        if rows:
            segment = to_segment(rows)
            self.storage.create(f"{TRIALS}/{segment_name(segment)}.parquet", segment)
        return rows, self.storage.set_aside(name)

    def sizes(self) -> dict[str, int]:
        """Number of bytes of each entry, by key; those of one segment share its size equally."""
        self._scan()
        sizes: dict[str, int] = defaultdict(int)
        for name, keys in self._segments.items():
            for key in keys:
                sizes[key] += self.storage.path(name).stat().st_size // len(keys)
        return dict(sizes)

    def remove(self, keys: Iterable[str]) -> None:
        """Delete entries; the other entries of their segments are committed again before."""
        self._scan()
        removed = set(keys)
        for name in [name for name, held in self._segments.items() if removed.intersection(held)]:
            rest = [row for row in self.segment(name).rows() if row.key not in removed]
            if rest:
                segment = to_segment(rest)
                self.storage.create(f"{TRIALS}/{segment_name(segment)}.parquet", segment)
            self.storage.delete(name)

    def rows(self, keys: Iterable[str]) -> Iterator[Row]:
        """All columns of the entries of some keys, checked.

        Errors: as for `entries`.
        """
        for entry in self.entries(keys).values():
            yield entry_row(entry)

    def _whole_rows(self, name: str) -> list[Row]:
        try:
            segment = self.segment(name)
            light = segment.light_rows()
        except (DamagedError, InputError):
            return []
        rows = []
        for row in light:
            with suppress(DamagedError):
                rows.append(entry_row(from_row(row, segment.place, partial(segment.heavy, row.number))))
        return rows

    def _scan(self) -> None:
        """Read the footers of segments that were not read before; forget those that are gone."""
        present = set(self.storage.keys(TRIALS))
        gone = self._segments.keys() - present
        if gone:
            self._rows = {key: place for key, place in self._rows.items() if place[0] not in gone}
            self._damaged = {name: error for name, error in self._damaged.items() if name not in gone}
            self._segments = {name: keys for name, keys in self._segments.items() if name not in gone}
        for name in sorted(present - self._segments.keys()):
            self._segments[name] = ()
            try:
                self._segments[name] = self.segment(name).keys
            except DamagedError as error:
                self._damaged[name] = error
            for number, key in enumerate(self._segments[name]):
                self._rows.setdefault(key, (name, number))

    def _read(self, name: str, keys: set[str]) -> dict[str, Entry]:
        """The entries of some keys in one segment."""
        segment = self.segment(name)
        return {
            row.key: from_row(row, segment.place, partial(self._heavy, name, row.number))
            for row in segment.light_rows()
            if row.key in keys
        }

    def _heavy(self, name: str, number: int, column: str) -> Any:
        return self.segment(name).heavy(number, column)

    # -- unfinished trials -------------------------------------------------------------------------------------------

    def unfinished(self, key: str) -> Unfinished:
        """What the ledger holds of a trial that is not finished; it need not have started."""
        return Unfinished(self.storage, key)

    def started(self) -> set[str]:
        """Keys of all trials that were started and are not finished."""
        return {name.split("/")[1] for name in self.storage.keys(RUNNING)}

    # -- studies -----------------------------------------------------------------------------------------------------

    def study_folder(self, name: str) -> Path:
        """Path of a study's folder, which need not exist."""
        return self.root / STUDIES / name

    def studies(self) -> list[str]:
        """Names of all studies, sorted."""
        keys = (key.split("/") for key in self.storage.keys(STUDIES))
        return sorted(parts[1] for parts in keys if parts[2:] == ["study.json"])

    def read_study(self, name: str) -> dict[str, Any] | None:
        """The record of a study, None if there is none.

        Errors: `DamagedError` for a damaged record; `InputError` for one that another version wrote.
        """
        key = f"{STUDIES}/{name}/study.json"
        content = self.storage.read(key)
        return None if content is None else unseal(content, self.storage.place(key))

    def write_study(self, name: str, record: Mapping[str, Any]) -> None:
        """Replace the record of a study."""
        self.storage.replace(f"{STUDIES}/{name}/study.json", seal(record))

    def read_plan(self, name: str) -> list[dict[str, Any]]:
        """The trials of a study whose configurations were known when the study last ran.

        Errors: `DamagedError` for a damaged part of the plan.
        """
        parts = sorted(key.rpartition("/")[2] for key in self.storage.keys(f"{STUDIES}/{name}/plan"))
        newest = max((part.partition("-")[0] for part in parts), default="")
        trials: list[dict[str, Any]] = []
        for number, part in enumerate(part for part in parts if part.partition("-")[0] == newest):
            key = f"{STUDIES}/{name}/plan/{part}"
            content, place = self.storage.read(key), self.storage.place(key)
            if part != _part_name(int(newest) if newest.isdecimal() else -1, number):
                raise DamagedError(place, "the part before it is missing")
            trials += unpack_plan(content or b"", place)
        return trials

    def write_plan(self, name: str, trials: Sequence[Mapping[str, Any]], *, run: int, part: int) -> None:
        """Write a part of a study's plan.

        run   number of the run's lease; a plan holds the parts of one run, and those of earlier runs are deleted
        part  number of the part in this run, from 0
        """
        folder = f"{STUDIES}/{name}/plan"
        self.storage.replace(f"{folder}/{_part_name(run, part)}", pack_plan(trials))
        if part == 0:
            for key in self.storage.keys(folder):
                if not key.rpartition("/")[2].startswith(_part_name(run, 0).partition("-")[0]):
                    self.storage.delete(key)

    @contextmanager
    def writing(self, name: str) -> Iterator[Lease]:
        """Context in which this process alone writes a study.

        Errors: `InputError` if another run writes it at this moment; `StudyFailed` if the folder cannot be written.
        """
        with leases.held(self.storage, f"{STUDIES}/{name}", name) as lease:
            yield lease

    def is_running(self, name: str) -> bool:
        """True if a run writes the study at this moment."""
        folder = f"{STUDIES}/{name}"
        taken = leases.numbers(self.storage, folder)
        return bool(taken) and leases.holder_of(self.storage, folder, taken[-1]) is not None


def pack_plan(trials: Sequence[Mapping[str, Any]]) -> bytes:
    """Trials as compressed JSON with a checksum; equal trials give equal bytes."""
    return gzip.compress(seal({"trials": list(trials)}), mtime=0)


def unpack_plan(content: bytes, place: str) -> list[dict[str, Any]]:
    """The trials in what `pack_plan` wrote.

    Errors: `DamagedError` for anything else; `InputError` for what another version wrote.
    """
    try:
        with gzip.GzipFile(fileobj=BytesIO(content)) as file:
            text = file.read(LARGEST_PLAN)
    except (OSError, EOFError, ValueError) as error:
        raise DamagedError(place, f"it cannot be read: {error}") from None
    trials = unseal(text, place).get("trials")
    if not isinstance(trials, list) or not all(isinstance(trial, dict) for trial in trials):
        raise DamagedError(place, "it holds no list of trials")
    return trials


def _part_name(run: int, part: int) -> str:
    return f"{run:08d}-{part:06d}.json.gz"
