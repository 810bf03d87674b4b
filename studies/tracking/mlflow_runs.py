"""The MLflow runs of the trials of one study.

Runs are searched for before they are created, so every call may be repeated.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from studies.design import CONFIRMING, TrialSpec
from studies.ledger.entries import Entry, entry_row, row_without_generators
from studies.ledger.sealed import seal
from studies.ledger.segments import segment_name, to_segment
from studies.ledger.trial_records import TrialRecord
from studies.progress.summaries import EvaluationSummary, checkpoint_summaries
from studies.reporting.figures import draw_samples
from studies.tables.results import Results
from studies.tracking.bundle import FIRST_BUNDLE_TAG, to_table
from studies.tracking.metric_log import Run
from studies.tracking.recording import Recording
from studies.tracking.run_content import (
    CHECKSUM_TAG,
    ENTRY_FOLDER,
    TRIAL_FILE,
    RunContent,
    content_checksum,
    params,
    run_content,
    spec_checksum,
    tags,
)
from studies.tracking.run_search import KEY_TAG, trial_runs
from studies.tracking.study_run import StudyRun, local_copy

Key = tuple[str, str, str, str]
"""Condition, phase, number and ledger key of a trial."""


def key_of(spec: TrialSpec) -> Key:
    """The key under which `MlflowRuns` keeps a trial's run."""
    return spec.condition, spec.phase, str(spec.index), spec.key


def key_in(run: Any) -> Key:
    """The same key, from the tags of a trial's run in MLflow."""
    own_tags = run.data.tags
    return own_tags["condition"], own_tags["phase"], own_tags["trial"], own_tags.get(KEY_TAG, "")


class MlflowRuns(Recording):
    """The runs of a study's trials, beside the study's own run.

    study_run  the study's own run

    Methods raise the errors of MLflow; if a call is repeated after an error, nothing is logged twice.
    """

    def __init__(self, study_run: StudyRun):
        self.study_run = study_run
        self._study, self._ledger, self._client = study_run.study, study_run.ledger, study_run.client
        self._runs = self._find_runs()

    # -- search before create ----------------------------------------------------------------------------------------

    def _find_runs(self) -> dict[Key, Run]:
        """The runs of the study's trials; deletes duplicates."""
        runs: dict[Key, Run] = {}
        for child in self._children():
            key = key_in(child)
            if key in runs:  # a request to create the run was repeated because its answer came too late
                duplicate = child.info.run_id if runs[key].checksum else runs[key].run_id
                self._client.delete_run(duplicate)
                if duplicate == child.info.run_id:
                    continue
            runs[key] = local_copy(child)
        return runs

    def _children(self) -> list[Any]:
        return trial_runs(self._client, self.study_run.experiment_id, self.study_run.run.run_id)

    def _run(self, spec: TrialSpec, *, start_ms: int | None = None) -> Run:
        """A trial's run, created if there is none, and set to the status RUNNING."""
        run = self._runs.get(key_of(spec))
        first_bundle = {FIRST_BUNDLE_TAG: self.study_run.bundle.next_number, "outcome": "running"}
        if run is None:
            own_tags = tags(self._study, spec) | {"mlflow.parentRunId": self.study_run.run.run_id} | first_bundle
            run = self._runs[key_of(spec)] = self.study_run.create_run(spec.name, own_tags, start_ms)
            self._describe(run, spec)
        elif run.status != "RUNNING":
            self._client.log_batch(run.run_id, tags=_tags(first_bundle))
            self.study_run.set_status(run, "RUNNING")
        return run

    def _describe(self, run: Run, spec: TrialSpec) -> None:
        self._client.log_batch(run.run_id, params=_params(params(self._study, spec)))
        self._log_trial(run, TrialRecord(spec, "running"))
        self.study_run.log_data(run)

    def _log_trial(self, run: Run, trial: TrialRecord) -> None:
        self.study_run.log_contents(run.run_id, {TRIAL_FILE: seal(to_table(trial))})

    # -- all trials ----------------------------------------------------------------------------------------------------

    def open(self, records: Callable[[], Sequence[TrialRecord]]) -> None:
        """Log what the ledger has before a trial of this run ends: a bundle, if the study's run existed before.

        records  reads the records of all trials from the ledger
        """
        if self.study_run.resumed:  # its bundle may be that of other conditions
            self.study_run.write_bundle(records())

    def close(self) -> None:
        """End as interrupted the runs that are still running, and delete duplicate runs."""
        for run in self._runs.values():
            if run.status == "RUNNING":
                self.study_run.end(run, "KILLED", outcome="interrupted", at_ms=run.stopped_ms)
        run_ids = {run.run_id for run in self._runs.values()}
        for child in self._children():
            if child.info.run_id not in run_ids:
                self._client.delete_run(child.info.run_id)

    def log_ranks(self, results: Results) -> None:
        """Log the rank of each condition in the runs of its ranked trials: the saved views sort runs by this metric."""
        rank_of = results.ranks
        trials = results.ranked(results.trials)
        ranks = {
            (row.condition, "confirm", str(row.trial)): float(rank_of[row.condition])
            for row in trials[trials["state"] == "finished"].itertuples()
            if row.condition in rank_of
        }
        for (condition, phase, trial, _), run in self._runs.items():
            if (rank := ranks.get((condition, phase, trial))) is not None:
                self.study_run.metrics.log_changed(run, {"rank": rank}, step=0)

    def flush(self) -> None:
        """Do nothing: each trial is logged at once."""

    # -- a trial -------------------------------------------------------------------------------------------------------

    def has(self, spec: TrialSpec) -> bool:
        """True if the trial has a finished run with all of its content, as far as can be known without its entry."""
        run = self._runs.get(key_of(spec))
        return (
            run is not None and run.status == "FINISHED" and run.checksum.startswith(spec_checksum(self._study, spec))
        )

    def measured(self, spec: TrialSpec, summaries: Iterable[EvaluationSummary]) -> None:
        """Log those evaluations of a running trial that MLflow does not have yet."""
        from mlflow.utils.time import get_current_time_millis

        evaluations = list(summaries)
        seconds = evaluations[-1].seconds if evaluations else None
        start_ms = get_current_time_millis() - round(1000 * (seconds or 0))
        self.study_run.metrics.log_summaries(self._run(spec, start_ms=start_ms), evaluations)

    def started(self, spec: TrialSpec) -> None:
        """Log a trial that was started and has not ended, with its evaluations up to its last checkpoint."""
        checkpoint = self._ledger.checkpoint(spec.key)
        if checkpoint is None:
            if key_of(spec) not in self._runs:  # a run that was recorded as interrupted keeps its end time
                self._run(spec)
            return
        stopped_ms = round(1000 * checkpoint["saved_at"])
        run = self._run(spec, start_ms=stopped_ms - round(1000 * checkpoint["seconds"]))
        run.stopped_ms = stopped_ms
        self.study_run.metrics.log_summaries(run, checkpoint_summaries(spec, checkpoint, self._study.distance))

    def ended(self, trial: TrialRecord) -> None:
        """Log a trial that ended, from its entry or the record of its end; a run with different content is replaced."""
        spec, checksum = trial.spec, content_checksum(self._study, trial)
        run = self._runs.get(key_of(spec))
        if run is not None and run.checksum == checksum and run.status in ("FINISHED", "FAILED"):
            return
        if run is not None and run.checksum and run.checksum != checksum:  # logged numbers cannot be replaced
            self._client.delete_run(run.run_id)
            del self._runs[key_of(spec)]
        content = run_content(self._study, trial)
        exists = key_of(spec) in self._runs
        run = self._run(spec, start_ms=_ended_ms(trial) - round(1000 * content.seconds))
        if exists:  # an earlier attempt may have failed between creating and describing the run
            self._describe(run, spec)
        self.study_run.metrics.log_summaries(run, content.summaries)
        last = content.summaries[-1].step if content.summaries else 0
        self.study_run.metrics.log_changed(run, content.values, step=last)
        own_tags = {name: value for name, value in content.tags.items() if name != "outcome"}
        self._client.log_batch(run.run_id, tags=_tags(own_tags | {FIRST_BUNDLE_TAG: self.study_run.bundle.next_number}))
        self._log_files(run, trial, content)
        self._client.set_tag(run.run_id, CHECKSUM_TAG, checksum)
        run.checksum = checksum
        ended_ms = run.start_ms + round(1000 * content.seconds)  # the run's duration is that of the training
        status = "FINISHED" if trial.finished else "FAILED"
        self.study_run.end(run, status, outcome=content.tags["outcome"], at_ms=ended_ms)

    def _log_files(self, run: Run, trial: TrialRecord, content: RunContent) -> None:
        """Upload the entry, and for readers its tables, log and a picture of samples; last the trial's state."""
        if trial.end is not None:
            self.study_run.log_contents(run.run_id, {"log.txt": f"{trial.end.reason}\n{trial.end.detail}".encode()})
        if trial.entry is not None:
            entry, confirming = trial.entry, trial.spec.phase in CONFIRMING
            segment = to_segment([entry_row(entry) if confirming else row_without_generators(entry)])
            self.study_run.log_contents(run.run_id, {f"{segment_name(segment)}.parquet": segment}, ENTRY_FOLDER)
            with tempfile.TemporaryDirectory() as folder:
                _write_readable(entry, content.members, Path(folder))
                labels = [f"seed {row.seed}: {row.outcome}" for row in content.members.itertuples()]
                draw_samples(self.study_run.data, entry.samples()["last"], labels, Path(folder) / "samples.png")
                self._client.log_artifacts(run.run_id, folder)
        self._log_trial(run, trial)


def _params(values: Mapping[str, str]) -> list[Any]:
    from mlflow.entities import Param

    return [Param(name, value) for name, value in values.items()]


def _tags(values: Mapping[str, str]) -> list[Any]:
    from mlflow.entities import RunTag

    return [RunTag(name, value) for name, value in values.items()]


def _ended_ms(trial: TrialRecord) -> int:
    """Time at which a trial ended, in milliseconds since 1970."""
    return round(1000 * (trial.facts["ended_at"] if trial.end is None else trial.end.at))


def _write_readable(entry: Entry, members: pd.DataFrame, folder: Path) -> None:
    """Write an entry's tables, facts and log as files that need no gan-studies to be read."""
    entry.curves.frame().to_parquet(folder / "curves.parquet", index=False)
    members.to_parquet(folder / "members.parquet", index=False)
    members.to_csv(folder / "members.csv", index=False)
    (folder / "facts.json").write_text(json.dumps(entry.facts, indent=1), encoding="utf-8")
    (folder / "log.txt").write_text(entry.log(), encoding="utf-8")
