"""The background thread that keeps MLflow up with a running study."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

from studies.design import Planned, total
from studies.errors import TrackingError
from studies.figures import sample_sheet
from studies.ledger import Entry, Ledger
from studies.progress import Progress
from studies.results import Results
from studies.runner import Listener
from studies.study import Study
from studies.tracking.connection import mlflow_module, telling, why
from studies.tracking.gathering import is_due
from studies.tracking.projection import Measurement
from studies.tracking.store import Key, Store, key_of

LONGEST_END_SECONDS = 10.0
"""How long a study that is over waits for its tracking server."""
FLUSH_SECONDS = 2.0
"""How long measurements are gathered before they go in one request."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 60.0
"""How long a server that failed is left alone, doubled each time."""


@dataclass
class _Closing:
    interrupted: bool
    failed: bool


@dataclass
class _Backlog:
    """What MLflow does not hold yet; the ledger holds it, so that it may be tried again at any time."""

    live: dict[Key, tuple[Planned, list[Measurement]]] = field(default_factory=dict)
    ended: dict[Key, Planned] = field(default_factory=dict)
    closing: _Closing | None = None


class Tracker(Listener):
    """Projects a run into MLflow while it goes on: never raises into it, never lets it wait but at its end.

    `warn` gets one sentence when the server is down, and one more if at the end something is missing there.
    """

    def __init__(self, study: Study, warn: Callable[[str], None], *, uri: str | None = None):
        self._study, self._warn, self._uri = study, warn, uri
        self._queue: SimpleQueue[Callable[[_Backlog], None]] = SimpleQueue()
        self._backlog = _Backlog()
        self._store: Store | None = None
        self._warned, self._pause, self._not_before = False, FIRST_PAUSE_SECONDS, 0.0
        self._thread: threading.Thread | None = None
        self._complete = False
        self._ended, self._since = 0, 0  # trials in all, and since they were last gathered

    # -- told by the run, in its thread ------------------------------------------------------------------------------

    def opened(self, progress: Progress) -> None:
        self._ledger: Ledger = progress.ledger
        pending = {trial.address for trial in progress.pending()}
        for trial in progress.trials():
            if trial.address not in pending:
                self._backlog.ended[key_of(trial)] = trial
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
        self._thread.start()

    def measured(self, planned: Planned, measurements: Sequence[Measurement]) -> None:
        def note(backlog: _Backlog) -> None:
            backlog.live.setdefault(key_of(planned), (planned, []))[1].extend(measurements)

        self._queue.put(note)

    def ended(self, planned: Planned, entry: Entry) -> None:
        def note(backlog: _Backlog) -> None:
            backlog.live.pop(key_of(planned), None)
            backlog.ended[key_of(planned)] = planned

        self._queue.put(note)

    def closed(self, progress: Progress, interrupted: bool) -> None:
        if self._thread is None:
            return
        pending = {trial.address for trial in progress.pending()}
        over = [trial for trial in progress.trials() if trial.address not in pending]
        failed = any(self._ledger.entry(trial.address).error() is not None for trial in over)

        def note(backlog: _Backlog) -> None:
            backlog.ended |= {key_of(trial): trial for trial in over}
            backlog.closing = _Closing(interrupted, failed)

        self._queue.put(note)
        self._thread.join(LONGEST_END_SECONDS)
        if not self._complete:
            self._warn(
                f"MLflow does not hold all of {self._study.name} (the ledger does); once the server answers: "
                f"gan-study sync {self._ledger.study_folder(self._study.name)}"
            )

    # -- the thread ---------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._complete:
            self._gather()
            closing = self._backlog.closing is not None
            if closing or monotonic() >= self._not_before:
                try:
                    self._flush()
                except Exception as error:
                    self._failed(error)
            if closing:
                return

    def _gather(self) -> None:
        """Take what was told within the next seconds, or at once when the study is over."""
        end = monotonic() + (FLUSH_SECONDS if self._store is not None or self._warned else 0.0)
        while self._backlog.closing is None:
            try:
                self._queue.get(timeout=max(0.0, end - monotonic()))(self._backlog)
            except Empty:
                return

    def _flush(self) -> None:
        backlog, store = self._backlog, self._opened_store()
        for key, planned in list(backlog.ended.items()):
            store.ended(planned)
            del backlog.ended[key]
            self._ended, self._since = self._ended + 1, self._since + 1
        for key, (planned, measurements) in list(backlog.live.items()):
            store.measured(planned, measurements)
            del backlog.live[key]
        if backlog.closing is not None:
            close(store, interrupted=backlog.closing.interrupted, failed=backlog.closing.failed)
            self._complete = True
        elif is_due(self._since, self._ended):
            store.gather(_results(store).recorded)
            self._since = 0
        self._pause = FIRST_PAUSE_SECONDS

    def _opened_store(self) -> Store:
        if self._store is None:
            mlflow_module()
            store = Store(self._study, self._ledger, self._uri)
            store.open()
            self._store = store
        return self._store

    def _failed(self, error: Exception) -> None:
        """Leave the server alone for a while; what it holds is looked up again after that."""
        self._store = None
        self._not_before, self._pause = monotonic() + self._pause, min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        if not self._warned:
            self._warned = True
            sentence = "tracking fails"
            with suppress(Exception):
                sentence = why(error, self._uri)
            self._warn(f"{sentence}. The study goes on without it.")


def close(store: Store, *, interrupted: bool, failed: bool) -> None:
    """End the study's runs as they ended, then gather its trials and write its tables."""
    if interrupted:
        store.close("KILLED", "interrupted; the same command goes on where it stopped")
    elif failed:
        store.close("FAILED", "finished, but some trials were given up")
    else:
        store.close("FINISHED", "finished")
    results = _results(store)
    store.gather(results.recorded)
    store.write_tables(results, lambda folder: _draw_sheets(results, folder))


def sync(results: Results, uri: str | None = None) -> str:
    """Project a study again from its ledger alone, and say where to.

    Trials that MLflow holds as they are now are left alone, so this repairs and repeats nothing.

    Errors: `TrackingError` where the server cannot be reached or refuses; `InputError` while the study is running.
    """
    study, ledger = results.study, results.ledger
    with ledger.writing(study.name), telling(uri):
        mlflow = mlflow_module()
        store = Store(study, ledger, uri)
        store.open()
        states = Counter(one.state for one in results.recorded)
        for one in results.recorded:
            if one.state == "running":
                store.started(one.planned)
            else:
                store.ended(one.planned)
        close(
            store,
            interrupted=states["finished"] + states["failed"] < total(study),
            failed=states["failed"] > 0,
        )
        return str(uri or mlflow.get_tracking_uri())


def _results(store: Store) -> Results:
    record = store.ledger.read_study(store.study.name)
    if record is None:
        raise TrackingError(f"{store.study.name}: its study.json is gone from {store.ledger.root}")
    return Results(store.ledger, record)


def _draw_sheets(results: Results, folder: Path) -> Any:
    for condition in results.study.conditions:
        sample_sheet(results, condition.name, folder / f"{condition.name}.png")
