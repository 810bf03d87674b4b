"""Index of the segments of a ledger: which segment holds which entry, as of the last scan."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from studies.errors import DamagedError
from studies.ledger.segments import Segment, segment_name
from studies.ledger.storage import Storage

TRIALS = "trials"
"""Prefix of the keys of segments."""


def segment_key(segment: bytes) -> str:
    """Key of the object that a segment becomes."""
    return f"{TRIALS}/{segment_name(segment)}.parquet"


class SegmentIndex:
    """Keys of the entries in every whole segment of a storage; the footer of a segment is read once.

    segments  keys of the entries by segment
    damaged   the finding, by segment, for those that cannot be opened
    """

    def __init__(self, storage: Storage):
        self._storage = storage
        self.segments: dict[str, tuple[str, ...]] = {}
        self.damaged: dict[str, DamagedError] = {}
        self._holders: dict[str, list[str]] = defaultdict(list)

    def __contains__(self, key: str) -> bool:
        return key in self._holders

    def scan(self) -> None:
        """Read the footers of segments that were not read before or were damaged; forget those that are gone."""
        present = sorted({"/".join(key.split("/")[:2]) for key in self._storage.keys(TRIALS)})
        for name in self.segments.keys() - set(present):
            self._forget(name)
        self.damaged = {}
        for name in present:
            self.add(name)

    def add(self, name: str) -> None:
        """Read the footer of a segment, unless it was read before."""
        if name not in self.segments:
            try:
                self._add(name)
            except DamagedError as error:
                self.damaged[name] = error

    def by_segment(self, keys: Iterable[str]) -> dict[str, set[str]]:
        """Those of the keys that have an entry, by segment; of several segments with an entry, the first by name."""
        held: dict[str, set[str]] = defaultdict(set)
        for key in keys:
            if key in self._holders:
                held[min(self._holders[key])].add(key)
        return held

    @contextmanager
    def opened(self, name: str) -> Iterator[Segment | None]:
        """Context with the segment in the object `name`; None if it is gone.

        Errors: `DamagedError` if it is damaged; `InputError` for one of another format.
        """
        file = self._storage.opened(name)
        if file is None:
            yield None
            return
        with file:
            yield Segment(file, name.rpartition("/")[2].removesuffix(".parquet"), self._storage.place(name))

    def _add(self, name: str) -> None:
        with self.opened(name) as segment:
            if segment is None:
                return
            self.segments[name] = segment.keys
        for key in self.segments[name]:
            self._holders[key].append(name)

    def _forget(self, name: str) -> None:
        for key in self.segments.pop(name):
            self._holders[key].remove(name)
            if not self._holders[key]:
                del self._holders[key]
