"""Recording a study in MLflow: `Tracker` during its run, `sync` afterwards."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic

from studies.analysis.comparison import Comparison
from studies.design import TrialSpec, total
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.ledger.trial_records import TrialRecord
from studies.progress.events import Listener
from studies.progress.pending import StudyProgress
from studies.progress.summaries import EvaluationSummary
from studies.reporting.figures import write_maps, write_sheets
from studies.tables.results import Results
from studies.tracking.bundle import is_due
from studies.tracking.connection import describe_error, mlflow_module, requests_to
from studies.tracking.mlflow_runs import Key, MlflowRuns, key_of

MAX_END_SECONDS = 20.0
"""Longest time for which the end of a run waits for the tracking server and the pictures that it gets."""
FLUSH_SECONDS = 2.0
"""Time for which events are collected before they are sent."""
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 5.0, 60.0
"""Pause of all requests after the first error of the server, doubled with each further error, and its maximum."""


@dataclass
class _Closing:
    """End of the run.

    interrupted     True if trials are pending
    without_result  True if trials ended without a result
    """

    interrupted: bool
    without_result: bool


@dataclass
class _Backlog:
    """Events that are not in MLflow yet; sending them may be repeated, since nothing is logged twice.

    live     evaluations of running trials
    ended    trials that ended
    closing  the end of the run; None while the study is running
    """

    live: dict[Key, tuple[TrialSpec, list[EvaluationSummary]]] = field(default_factory=dict)
    ended: dict[Key, TrialRecord] = field(default_factory=dict)
    closing: _Closing | None = None


class Tracker(Listener):
    """Records a study in MLflow during its run, in a background thread.

    It never raises into the run, and delays it only at its end, by at most `MAX_END_SECONDS`.

    warn  called with one sentence if the server fails, and with one more if at the end MLflow is incomplete
    uri   address of the MLflow store; None: MLFLOW_TRACKING_URI, or MLflow's default in the working folder
    """

    def __init__(self, study: Study, warn: Callable[[str], None], *, uri: str | None = None):
        self._study, self._warn, self._uri = study, warn, uri
        self._queue: SimpleQueue[Callable[[_Backlog], None]] = SimpleQueue()
        self._backlog = _Backlog()
        self._mlflow: MlflowRuns | None = None
        self._warned, self._pause, self._not_before = False, FIRST_PAUSE_SECONDS, 0.0
        self._thread: threading.Thread | None = None
        self._complete, self._running = False, True
        self._ended, self._ended_since_bundle = 0, 0

    # -- events, called in the thread of the run ---------------------------------------------------------------------

    def opened(self, progress: StudyProgress) -> None:
        self._ledger: Ledger = progress.ledger
        self._running = bool(progress.pending())
        for trial in progress.records():
            self._backlog.ended[key_of(trial.spec)] = trial
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
        self._thread.start()

    def measured(self, spec: TrialSpec, summaries: Sequence[EvaluationSummary]) -> None:
        def add(backlog: _Backlog) -> None:
            backlog.live.setdefault(key_of(spec), (spec, []))[1].extend(summaries)

        self._queue.put(add)

    def ended(self, trial: TrialRecord) -> None:
        def add(backlog: _Backlog) -> None:
            backlog.live.pop(key_of(trial.spec), None)
            backlog.ended[key_of(trial.spec)] = trial

        self._queue.put(add)

    def closed(self, progress: StudyProgress, interrupted: bool) -> None:
        if self._thread is None:
            return
        ended = progress.records()
        without_result = any(not trial.finished for trial in ended)

        def add(backlog: _Backlog) -> None:
            backlog.ended |= {key_of(trial.spec): trial for trial in ended}
            backlog.closing = _Closing(interrupted, without_result)

        self._queue.put(add)
        self._thread.join(MAX_END_SECONDS)
        if not self._complete:
            self._warn(
                f"MLflow does not have all of {self._study.name}, but the ledger does; once the server answers, run "
                f"gan-study sync {self._ledger.study_folder(self._study.name)}"
            )

    # -- the background thread ---------------------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._complete:
            self._collect()
            closing = self._backlog.closing is not None
            if closing or monotonic() >= self._not_before:
                try:
                    self._flush()
                except Exception as error:
                    self._pause_requests(error)
            if closing:
                return

    def _collect(self) -> None:
        """Add events to the backlog for at most `FLUSH_SECONDS`; return at once when the run is over."""
        end = monotonic() + (FLUSH_SECONDS if self._mlflow is not None or self._warned else 0.0)
        while self._backlog.closing is None:
            try:
                self._queue.get(timeout=max(0.0, end - monotonic()))(self._backlog)
            except Empty:
                return

    def _flush(self) -> None:
        backlog, mlflow_runs = self._backlog, self._opened_mlflow()
        for key, trial in list(backlog.ended.items()):
            mlflow_runs.ended(trial)
            del backlog.ended[key]
            self._ended, self._ended_since_bundle = self._ended + 1, self._ended_since_bundle + 1
        for key, (spec, summaries) in list(backlog.live.items()):
            mlflow_runs.measured(spec, summaries)
            del backlog.live[key]
        if backlog.closing is not None:
            closing = backlog.closing
            close(mlflow_runs, interrupted=closing.interrupted, without_result=closing.without_result)
            self._complete = True
        elif is_due(self._ended_since_bundle, self._ended):
            mlflow_runs.write_bundle(self._running_results().trial_records)
            self._ended_since_bundle = 0
        self._pause = FIRST_PAUSE_SECONDS

    def _opened_mlflow(self) -> MlflowRuns:
        if self._mlflow is None:
            mlflow_module()
            mlflow_runs = MlflowRuns(self._study, self._ledger, self._uri)
            mlflow_runs.open(running=self._running)
            if mlflow_runs.resumed and not self._ended:  # the former bundle may be that of other conditions
                mlflow_runs.write_bundle(self._running_results().trial_records)
            self._mlflow = mlflow_runs
        return self._mlflow

    def _running_results(self) -> Results:
        return Results.of_ledger(self._ledger, self._study.name, running=True)

    def _pause_requests(self, error: Exception) -> None:
        """Send nothing for a while, and warn at the first error; the runs are then read from the server again."""
        self._mlflow = None
        self._not_before, self._pause = monotonic() + self._pause, min(2 * self._pause, MAX_PAUSE_SECONDS)
        if not self._warned:
            self._warned = True
            sentence = "recording in MLflow fails"
            with suppress(Exception):
                sentence = describe_error(error, self._uri)
            self._warn(f"{sentence}. The study continues without MLflow.")


def close(mlflow_runs: MlflowRuns, *, interrupted: bool, without_result: bool) -> None:
    """End the runs of a study, then write its bundle and its tables."""
    if interrupted:
        mlflow_runs.close("KILLED", "interrupted; the same command resumes it")
    elif without_result:
        mlflow_runs.close("FAILED", "finished; some trials ended without a result")
    else:
        mlflow_runs.close("FINISHED", "finished")
    results = Results.of_ledger(mlflow_runs.ledger, mlflow_runs.study.name, running=False)
    mlflow_runs.write_bundle(results.trial_records)
    mlflow_runs.write_tables(results, lambda folder: _write_pictures(results, folder))


def _write_pictures(results: Results, folder: Path) -> None:
    """Write the pictures that a study's run gets: sheets of samples into `folder`, and stability maps beside it."""
    write_sheets(results, folder)
    write_maps(Comparison(results), folder.parent / "maps")


def sync(ledger: Ledger, name: str, uri: str | None = None) -> str:
    """Record a study in MLflow from its ledger, and return the address of the MLflow store.

    Trials' runs that are up to date stay as they are, with their start and end times.

    Errors: `TrackingError` if the server cannot be reached or refuses; `InputError` while the study is running, and if
    there is no such study.
    """
    Results.of_ledger(ledger, name)  # before a lease is written: there may be no such study
    with ledger.writing(name), requests_to(uri):
        mlflow = mlflow_module()
        results = Results.of_ledger(ledger, name, running=False)
        mlflow_runs = MlflowRuns(results.study, ledger, uri)
        mlflow_runs.open(running=False)
        for trial in results.trial_records:
            if trial.finished or trial.end is not None:
                mlflow_runs.ended(trial)
            else:
                mlflow_runs.started(trial.spec)
        ended = [trial for trial in results.trial_records if trial.finished or trial.end is not None]
        close(
            mlflow_runs,
            interrupted=len(ended) < total(results.study),
            without_result=any(not trial.finished for trial in ended),
        )
        return str(uri or mlflow.get_tracking_uri())
