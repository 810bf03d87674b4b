"""Recording a study in MLflow: `Tracker` during its run, `sync` afterwards."""

import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic

from studies.analysis.comparison import Comparison
from studies.design import TrialSpec, least, total
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.ledger.trial_records import TrialRecord, read_records
from studies.progress.events import Listener
from studies.progress.standing import Needed, Standing
from studies.progress.summaries import EvaluationSummary
from studies.progress.tallies import READ_TOGETHER
from studies.reporting.figures import SampleSheets
from studies.reporting.text.fresh_seeds import undecided_names
from studies.tables.results import Results
from studies.tracking.bundle import is_due
from studies.tracking.connection import default_address, describe_error, is_web_address, requests_to
from studies.tracking.mlflow_runs import Key, MlflowRuns, key_of
from studies.tracking.one_run import OneRun
from studies.tracking.recording import Recording
from studies.tracking.run_count import has_one_run, in_words
from studies.tracking.study_run import StudyRun
from studies.tracking.system_metrics import SystemMetrics, wanted

MAX_END_SECONDS, END_SECONDS_PER_TRIAL = 20.0, 0.005
"""Longest time for which the end of a run waits for the tracking server and the pictures that it gets, and what is
added for each trial of the study: its tables take 30 seconds of processor time at 20,000 trials. While as many trials
are recorded as `SLOWEST` says, it waits as long again: a study may be finished and not in MLflow at all."""
SLOWEST = 0.2
"""Trials that must be recorded per second for the end of a run to wait on; a server on a busy machine records .7."""
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
    ended    trials that ended; their records are read from the ledger when they are sent
    closing  the end of the run; None while the study is running
    """

    live: dict[Key, tuple[TrialSpec, list[EvaluationSummary]]] = field(default_factory=dict)
    ended: dict[Key, TrialSpec] = field(default_factory=dict)
    closing: _Closing | None = None


class Tracker(Listener):
    """Records a study in MLflow during its run, in a background thread.

    It never raises into the run, and delays it only at its end, by at most `MAX_END_SECONDS` and for each trial
    `END_SECONDS_PER_TRIAL`, and longer only while it records trials.

    warn    called with one sentence if the server fails, and with one more if at the end MLflow is incomplete
    note    called at the start with one sentence if the study's own run holds all trials
    sheets  pictures of the samples, which the summary of the run shows too; None: in a temporary folder
    uri     address of the MLflow store; None: MLFLOW_TRACKING_URI, or MLflow's default in the working folder
    """

    def __init__(
        self,
        study: Study,
        warn: Callable[[str], None],
        *,
        note: Callable[[str], None] | None = None,
        sheets: SampleSheets | None = None,
        uri: str | None = None,
    ):
        self._study, self._warn, self._note, self._sheets, self._uri = study, warn, note, sheets, uri
        self._queue: SimpleQueue[Callable[[_Backlog], None]] = SimpleQueue()
        self._backlog = _Backlog()
        self._recording: Recording | None = None
        self._system_metrics: SystemMetrics | None = None
        self._warned, self._pause, self._not_before = False, FIRST_PAUSE_SECONDS, 0.0
        self._thread: threading.Thread | None = None
        self._complete, self._running, self._one_run = False, True, has_one_run(study)
        self._whole = self._abandoned = False
        self._ended, self._ended_since_bundle = 0, 0
        self._before: list[TrialSpec] = []
        self._seen: set[Key] = set()

    # -- events, called in the thread of the run ---------------------------------------------------------------------

    def opened(self, standing: Standing, needed: Needed) -> None:
        self._ledger = Ledger(standing.root)
        self._running = standing.pending > 0
        self._before = list(standing.ended)
        self._seen, self._ended = {key_of(spec) for spec in self._before}, len(self._before)
        if self._note is not None and (sentence := in_words(self._study)):
            self._note(sentence)
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
        self._thread.start()

    def measured(self, spec: TrialSpec, summaries: Sequence[EvaluationSummary]) -> None:
        def add(backlog: _Backlog) -> None:
            backlog.live.setdefault(key_of(spec), (spec, []))[1].extend(summaries)

        if not self._one_run:
            self._queue.put(add)

    def ended(self, trial: TrialRecord) -> None:
        spec = trial.spec

        def add(backlog: _Backlog) -> None:
            backlog.live.pop(key_of(spec), None)
            backlog.ended[key_of(spec)] = spec

        self._seen.add(key_of(spec))
        self._queue.put(add)

    def closed(self, standing: Standing, interrupted: bool) -> None:
        if self._thread is None:
            return
        new = {key_of(spec): spec for spec in standing.ended if key_of(spec) not in self._seen}

        def add(backlog: _Backlog) -> None:
            backlog.ended |= new
            backlog.closing = _Closing(interrupted, standing.without_result)

        self._queue.put(add)
        self._wait(self._thread)
        self._abandoned = not self._complete
        if self._abandoned:
            self._warn(
                f"MLflow does not have all of {self._study.name}, but the ledger does; {self._when_to_sync()} "
                f"gan-study sync {self._ledger.study_folder(self._study.name)}, or run or submit it again"
            )

    def _when_to_sync(self) -> str:
        if not self._warned:
            return "MLflow is slow; to record the rest, run"
        server = is_web_address(default_address() if self._uri is None else self._uri)
        return f"once {'the server answers' if server else 'its store can be written'}, run"

    def _wait(self, thread: threading.Thread) -> None:
        longest = MAX_END_SECONDS + END_SECONDS_PER_TRIAL * total(self._study)
        recorded = -longest
        while thread.is_alive() and self._ended - recorded >= SLOWEST * longest:
            recorded = self._ended
            thread.join(longest)

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
        end = monotonic() + (FLUSH_SECONDS if self._recording is not None or self._warned else 0.0)
        while self._backlog.closing is None:
            try:
                self._queue.get(timeout=max(0.0, end - monotonic()))(self._backlog)
            except Empty:
                return

    def _flush(self) -> None:
        backlog, recording = self._backlog, self._opened_recording()
        while backlog.ended:
            self._send_ended(recording, list(backlog.ended.values())[:READ_TOGETHER])
        for key, (spec, summaries) in list(backlog.live.items()):
            recording.measured(spec, summaries)
            del backlog.live[key]
        recording.flush()
        if backlog.closing is not None:
            closing = backlog.closing
            self._stop_system_metrics()
            if not self._whole:
                close(
                    recording,
                    self._sheets,
                    interrupted=closing.interrupted,
                    without_result=closing.without_result,
                )
            self._complete = True
        elif is_due(self._ended_since_bundle, self._ended):
            recording.study_run.write_bundle(self._running_records())
            self._ended_since_bundle = 0
        self._pause = FIRST_PAUSE_SECONDS

    def _send_ended(self, recording: Recording, specs: Sequence[TrialSpec]) -> None:
        """Send the records of some trials that ended, read from the ledger together."""
        records = {key_of(trial.spec): trial for trial in read_records(self._ledger, specs, running=True)}
        for spec in specs:
            trial = records.get(key_of(spec))
            if trial is not None and (trial.finished or trial.end is not None):
                recording.ended(trial)
            del self._backlog.ended[key_of(spec)]
            self._ended, self._ended_since_bundle = self._ended + 1, self._ended_since_bundle + 1

    def _opened_recording(self) -> Recording:
        if self._recording is None:
            recording = recording_of(self._study, self._ledger, self._uri)
            self._whole = self._is_whole(recording)
            if not self._whole:
                recording.study_run.open(running=self._running)
                recording.open(self._running_records)
            new = {key_of(spec): spec for spec in self._before if not recording.has(spec)}
            self._backlog.ended = new | self._backlog.ended
            self._before = []
            self._recording = recording
            if self._running and wanted():
                self._system_metrics = SystemMetrics(recording.study_run.run.run_id, self._uri)
        return self._recording

    def _is_whole(self, recording: Recording) -> bool:
        """True if the study was finished when it was opened and MLflow has all of it: then nothing is written."""
        if self._running or not all(recording.has(spec) for spec in self._before):
            return False
        return recording.study_run.is_whole(self._running_records())

    def _stop_system_metrics(self) -> None:
        if self._system_metrics is not None:
            self._system_metrics.stop()
            self._system_metrics = None

    def _running_records(self) -> list[TrialRecord]:
        return Results.of_ledger(self._ledger, self._study.name, running=True).trial_records

    def _pause_requests(self, error: Exception) -> None:
        """Send nothing for a while, and warn at the first error; the runs are then read from the server again."""
        self._recording = None
        self._stop_system_metrics()
        self._not_before, self._pause = monotonic() + self._pause, min(2 * self._pause, MAX_PAUSE_SECONDS)
        if not self._warned and not self._abandoned:  # it is said already
            self._warned = True
            sentence = "recording in MLflow fails"
            with suppress(Exception):
                sentence = describe_error(error, self._uri)
            self._warn(f"{sentence}. The study continues without MLflow.")


def recording_of(study: Study, ledger: Ledger, uri: str | None = None) -> Recording:
    """The recording of a study: in one run for each trial, or in its own run alone."""
    study_run = StudyRun(study, ledger, uri)
    return OneRun(study_run) if has_one_run(study) else MlflowRuns(study_run)


def close(recording: Recording, sheets: SampleSheets | None, *, interrupted: bool, without_result: bool) -> None:
    """End the runs of a study, then write its bundle and its tables."""
    study_run = recording.study_run
    recording.close()
    if interrupted:
        study_run.close("KILLED", "interrupted; the same command resumes it")
    elif without_result:
        study_run.close("FAILED", "finished; some trials ended without a result")
    else:
        study_run.close("FINISHED", "finished")
    results = Results.of_ledger(study_run.ledger, study_run.study.name, running=False)
    study_run.write_bundle(results.trial_records)
    recording.log_ranks(results)
    with tempfile.TemporaryDirectory() as folder:
        study_run.write_tables(results, sheets or SampleSheets(Path(folder)))
    if not (interrupted or without_result):
        study_run.mark_whole(results.trial_records)


def sync(ledger: Ledger, name: str, uri: str | None = None) -> str:
    """Record a study in MLflow from its ledger, and return the address of the MLflow store.

    Trials' runs that are up to date stay as they are, with their start and end times.

    Errors: `TrackingError` if the server cannot be reached or refuses; `InputError` while the study is running, and if
    there is no such study.
    """
    Results.of_ledger(ledger, name)  # before a lease is written: there may be no such study
    with ledger.writing(name), requests_to(uri):
        results = Results.of_ledger(ledger, name, running=False)
        recording = recording_of(results.study, ledger, uri)
        recording.study_run.open(running=False)
        recording.open(lambda: results.trial_records)
        for trial in results.trial_records:
            if trial.finished or trial.end is not None:
                recording.ended(trial)
            else:
                recording.started(trial.spec)
        ended = [trial for trial in results.trial_records if trial.finished or trial.end is not None]
        close(
            recording,
            None,
            interrupted=_is_interrupted(results, len(ended)),
            without_result=any(not trial.finished for trial in ended),
        )
        return uri or default_address()


def _is_interrupted(results: Results, ended: int) -> bool:
    """True if trials of a study have not ended, or further fresh seeds are due."""
    if ended < max(least(results.study), len(results.trial_records)):
        return True
    return bool(undecided_names(Comparison(results)))
