"""Ledger: all trials and studies below one folder.

trials/CHECKSUM.parquet    entries of trials that were committed together, see `segments`
running/KEY/               what there is of a trial that is not finished, see `unfinished`
studies/NAME/study.json    the record of a study
studies/NAME/plan/         its trials whose configurations are known, in parts written one after the other
studies/NAME/lease/        the run that writes the study at this moment, see `leases`
set-aside/                 what was found damaged
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from studies.errors import DamagedError, InputError
from studies.ledger import leases
from studies.ledger.entries import Entry, checked_row, entry_row, from_row
from studies.ledger.folder_storage import FolderStorage
from studies.ledger.leases import Lease
from studies.ledger.plan_parts import parts, read_parts, write_part
from studies.ledger.sealed import seal, unseal
from studies.ledger.segment_index import SegmentIndex, segment_key
from studies.ledger.segments import Row, to_segment
from studies.ledger.storage import SET_ASIDE
from studies.ledger.unfinished import FOLDER as RUNNING
from studies.ledger.unfinished import Unfinished

STUDIES = "studies"
"""Prefix of the keys of what belongs to a study."""


class Ledger:
    """All trials and studies below one folder.

    Errors: `InputError` if `root` cannot be resolved to a folder.
    """

    def __init__(self, root: Path | str):
        self.storage = FolderStorage(root)
        self._index = SegmentIndex(self.storage)

    @property
    def root(self) -> Path:
        """The folder."""
        return self.storage.root

    def create(self) -> None:
        """Create the folder, if there is none.

        Errors: `InputError` if it cannot be created.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"ledger.root: cannot write below {self.root} ({error.strerror})") from None

    # -- finished trials -------------------------------------------------------------------------------------------

    def commit(self, rows: Sequence[Row]) -> str:
        """Write the entries of trials that ended together, then delete what was kept of them while they ran.

        Returns the key of their segment.

        Errors: `StudyFailed` if they cannot be written.
        """
        name = self.add_segment(to_segment(rows))
        for row in rows:
            self.unfinished(row.key).clear()
        return name

    def add_segment(self, segment: bytes) -> str:
        """Write a segment, unless it exists already; something else under its name is set aside. Returns its key.

        Errors: `StudyFailed` if it cannot be written.
        """
        name = segment_key(segment)
        while not self.storage.create(name, segment) and not self._holds(name, segment):
            self.storage.set_aside(name)
        return name

    def _holds(self, name: str, content: bytes) -> bool:
        try:
            file = self.storage.opened(name)
        except DamagedError:
            return False
        if file is None:  # it was deleted in the meantime
            return False
        with file:
            return file.read(len(content) + 1) == content

    def finished(self, keys: Iterable[str], *, segment: str | None = None) -> set[str]:
        """Those of the keys that have an entry.

        segment  key of the segment that is said to hold them; None: all segments are looked at
        """
        if segment is None:
            self._index.scan()
        else:
            self._index.add(segment)
        return {key for key in keys if key in self._index}

    def committed(self) -> set[str]:
        """Keys of all entries."""
        self._index.scan()
        return {key for keys in self._index.segments.values() for key in keys}

    def entries(self, keys: Iterable[str], *, scanned: bool = False) -> dict[str, Entry]:
        """The entries of those keys that have one, checked.

        scanned  True: keys that `finished` has just found are not looked for again

        Errors: `DamagedError` for a damaged entry, and for any damaged segment if a key has no entry, since the segment
        may be the one that holds it.
        """
        wanted = list(dict.fromkeys(keys))
        found: dict[str, Entry] = {}
        missing = wanted
        while missing:
            if not scanned or not all(key in self._index for key in missing):
                self._index.scan()
            scanned = False  # what was found in the index and could not be read there is elsewhere now
            by_segment = self._index.by_segment(missing)
            if self._index.damaged and not all(key in self._index for key in missing):
                raise next(iter(self._index.damaged.values()))
            for name, held in by_segment.items():
                found |= self._read(name, held)
            # another process has just written them into another segment
            missing = [key for held in by_segment.values() for key in held if key not in found]
        return {key: found[key] for key in wanted if key in found}

    def entry(self, key: str) -> Entry | None:
        """The entry of a key, checked; None if the trial is not finished.

        Errors: as for `entries`.
        """
        return self.entries([key]).get(key)

    def rows(self, keys: Iterable[str]) -> Iterator[Row]:
        """All columns of the entries of some keys, checked.

        Errors: as for `entries`.
        """
        for entry in self.entries(keys).values():
            yield entry_row(entry)

    def damaged_segments(self, *, thorough: bool = False) -> list[tuple[str, DamagedError]]:
        """Keys of the segments that cannot be opened or hold a damaged entry, with the first error.

        thorough  True: the heavy columns of every entry are checked too
        """
        self._index.scan()
        damaged = dict(self._index.damaged)
        for name, keys in self._index.segments.items():
            try:
                for entry in self._read(name, set(keys)).values():
                    if thorough:
                        entry_row(entry)
            except DamagedError as error:
                damaged[name] = error
        return sorted(damaged.items())

    def set_aside(self, name: str) -> tuple[list[Row], str]:
        """Commit those entries of a damaged segment that are whole again, and set the segment aside.

        Returns these entries, and the key that the segment has now.
        """
        rows = self._whole_rows(name)
        if rows:
            segment = to_segment(rows)
            self.add_segment(segment)
            if name == segment_key(segment):  # another process has written it again
                return rows, name
        return rows, self.storage.set_aside(name)

    def _whole_rows(self, name: str) -> list[Row]:
        rows = []
        with suppress(InputError), self._index.opened(name) as segment:
            if segment is None:
                return []
            for light in segment.light_rows():
                with suppress(DamagedError):
                    rows.append(checked_row(segment, light))
        return rows

    def sizes(self) -> dict[str, int]:
        """Number of bytes of each entry, by key; those of one segment share its size equally."""
        self._index.scan()
        sizes: dict[str, int] = defaultdict(int)
        for name, keys in self._index.segments.items():
            share = self.storage.size(name) // max(1, len(keys))
            for key in keys:
                sizes[key] += share
        return dict(sizes)

    def remove(self, keys: Iterable[str]) -> None:
        """Delete entries; the other entries of their segments are committed again before.

        Errors: `DamagedError` if one of those is damaged; their segment stays.
        """
        self._index.scan()
        removed = set(keys)
        for name in [name for name, held in self._index.segments.items() if removed.intersection(held)]:
            with self._index.opened(name) as segment:
                if segment is None:
                    continue
                rest = [checked_row(segment, row) for row in segment.light_rows() if row.key not in removed]
            if rest:
                self.add_segment(to_segment(rest))
            self.storage.delete(name)

    def set_entry_aside(self, key: str) -> str | None:
        """Move an entry below `SET_ASIDE`, and return the key of the segment that holds it now; None if there is none.

        Errors: `DamagedError` if the entry or one in the same segment is damaged.
        """
        rows = list(self.rows([key]))
        if not rows:
            return None
        target, segment, number = f"{SET_ASIDE}/{key}.parquet", to_segment(rows), 0
        while not self.storage.create(target, segment):
            number += 1
            target = f"{SET_ASIDE}/{key}.{number}.parquet"
        self.remove([key])
        return target

    def _read(self, name: str, keys: set[str]) -> dict[str, Entry]:
        """The entries of some keys in one segment; none if the segment is gone."""
        with self._index.opened(name) as segment:
            if segment is None:
                return {}
            return {
                row.key: from_row(row, segment.place, partial(self._heavy, name, row.key, row.number))
                for row in segment.light_rows()
                if row.key in keys
            }

    def _heavy(self, name: str, key: str, number: int, column: str) -> Any:
        with self._index.opened(name) as segment:
            if segment is not None:
                return segment.heavy(number, column)
        entry = self.entry(key)  # another process has written it into another segment
        if entry is None:
            raise DamagedError(self.storage.place(name), "it is gone")
        return entry.heavy(column)

    # -- unfinished trials -------------------------------------------------------------------------------------------

    def unfinished(self, key: str) -> Unfinished:
        """The objects of a trial that is not finished; it need not have started."""
        return Unfinished(self.storage, key)

    def checkpoint(self, key: str) -> dict[str, Any] | None:
        """The last checkpoint of the pack that a trial was started in; None if there is none that holds the trial.

        Errors: as for `Unfinished.checkpoint`.
        """
        state = self.unfinished(self.unfinished(key).checkpoint_key()).checkpoint()
        return state if state is not None and key in state["trials"] else None

    def started(self) -> set[str]:
        """Keys of all trials that were started and are not finished."""
        names = (name.split("/") for name in self.storage.keys(RUNNING))
        return {parts[1] for parts in names if len(parts) > 2}

    # -- studies -----------------------------------------------------------------------------------------------------

    def study_folder(self, name: str) -> Path:
        """Path of a study's folder, which need not exist."""
        return self.root / STUDIES / name

    def studies(self) -> list[str]:
        """Names of all studies, sorted."""
        keys = (key.split("/") for key in self.storage.keys(STUDIES))
        return sorted({parts[1] for parts in keys if parts[2:3] == ["study.json"]})

    def planned_studies(self) -> list[str]:
        """Names of all studies that have a plan, those without a record included, sorted."""
        keys = (key.split("/") for key in self.storage.keys(STUDIES))
        return sorted({parts[1] for parts in keys if parts[2:3] == ["plan"]})

    def read_study(self, name: str) -> dict[str, Any] | None:
        """The record of a study, None if there is none.

        Errors: `DamagedError` for a damaged record; `InputError` for one that another version wrote.
        """
        key = f"{STUDIES}/{name}/study.json"
        content = self.storage.read(key)
        if content is None:
            return None
        record = unseal(content, self.storage.place(key))
        study = record.get("study")
        if not isinstance(study, dict) or study.get("name") != name:
            raise DamagedError(self.storage.place(key), "it is not the record of this study")
        return record

    def write_study(self, name: str, record: Mapping[str, Any]) -> None:
        """Replace the record of a study."""
        self.storage.replace(f"{STUDIES}/{name}/study.json", seal(record))

    def read_plan(self, name: str) -> list[dict[str, Any]]:
        """The trials of a study whose configurations were known when the study last ran.

        Errors: `DamagedError` for a damaged part of the plan.
        """
        return read_parts(self.storage, f"{STUDIES}/{name}/plan")

    def write_plan(self, name: str, trials: Sequence[Mapping[str, Any]], *, run: int, part: int) -> None:
        """Write a part of a study's plan.

        run   number of the run's lease; a plan holds the parts of one run, and those of earlier runs are deleted
        part  number of the part in this run, from 0
        """
        write_part(self.storage, f"{STUDIES}/{name}/plan", trials, run=run, part=part)

    @contextmanager
    def writing(self, name: str) -> Iterator[Lease]:
        """Context in which this process alone writes a study.

        Errors: `InputError` if another run writes it at this moment; `StudyFailed` if the folder cannot be written.
        """
        folder = f"{STUDIES}/{name}"
        # a plan is that of the largest number
        after = max((run for run, _ in parts(self.storage, f"{folder}/plan")), default=0)
        with leases.held(self.storage, folder, name, after=after) as lease:
            yield lease

    def is_running(self, name: str) -> bool:
        """True if a run writes the study at this moment."""
        folder = f"{STUDIES}/{name}"
        taken = leases.numbers(self.storage, folder)
        return bool(taken) and leases.holder_of(self.storage, folder, taken[-1]) is not None

    def last_limit(self, name: str) -> str:
        """Sentence about the limit of `[limits]` that ended the last run of a study; empty if none did."""
        folder = f"{STUDIES}/{name}"
        taken = leases.numbers(self.storage, folder)
        return leases.limit_of(self.storage, folder, taken[-1]) if taken else ""
