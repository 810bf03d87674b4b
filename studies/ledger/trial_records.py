"""Trial records: specification of a trial that was started, its state, and its entry if it is finished."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from studies.design import TrialSpec
from studies.ledger.curves import Curves
from studies.ledger.entries import Entry, Facts
from studies.ledger.ledger import Ledger
from studies.ledger.unfinished import TrialEnd


@dataclass(frozen=True, eq=False)
class TrialRecord:
    """A trial that was started.

    state     one of `STATES`
    entry     entry of a finished trial, else None
    end       how a trial ended without a result, else None
    steering  entry of the study's own evaluation, if `entry` is that of a further one
    """

    spec: TrialSpec
    state: str
    entry: Entry | None = None
    end: TrialEnd | None = None
    steering: Entry | None = None

    @property
    def finished(self) -> bool:
        """True if the trial has an entry."""
        return self.entry is not None

    @property
    def facts(self) -> Facts:
        """Facts of a finished trial."""
        assert self.entry is not None
        return self.entry.facts

    @property
    def curves(self) -> Curves:
        """Curves of a finished trial."""
        assert self.entry is not None
        return self.entry.curves


@contextmanager
def without_collection() -> Iterator[None]:
    """Context in which Python does not search for unreachable cycles, for reading the records of many trials.

    Every search walks over all records that were read so far and finds nothing, which takes a third of the time at
    20,000 trials.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def record_of(spec: TrialSpec, *, entry: Entry | None, end: TrialEnd | None, running: bool) -> TrialRecord:
    """The record of a trial that was started; `running` is True if a run trains the study at this moment."""
    if entry is not None:
        return TrialRecord(spec, "finished", entry)
    if end is not None:
        return TrialRecord(spec, end.state, end=end)
    return TrialRecord(spec, "running" if running else "interrupted")


def read_records(ledger: Ledger, specs: Iterable[TrialSpec], *, running: bool) -> list[TrialRecord]:
    """Records of those of the trials that were started.

    Errors: `DamagedError` for a damaged entry or end.
    """
    specs = list(specs)  # several have one key if conditions train the same
    started = ledger.started()  # first: a trial that is finished in between has an entry and is no longer started
    entries = ledger.entries(spec.key for spec in specs)
    records = []
    for spec in specs:
        entry = entries.get(spec.key)
        if entry is not None:
            records.append(record_of(spec, entry=entry, end=None, running=running))
        elif spec.key in started:
            records.append(record_of(spec, entry=None, end=ledger.unfinished(spec.key).end(), running=running))
    return records
