"""The MLflow runs of one study.

Runs are searched for before they are created, so every call may be repeated.
"""

import getpass
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from studies.analysis.comparison import Comparison
from studies.design import CONFIRMING, TrialSpec
from studies.file.real_samples import load_samples
from studies.file.study import Study
from studies.ledger.entries import Entry, entry_row, row_without_generators
from studies.ledger.ledger import Ledger
from studies.ledger.sealed import seal
from studies.ledger.segments import segment_name, to_segment
from studies.ledger.trial_records import TrialRecord
from studies.ledger.unfinished import EndState
from studies.progress.summaries import EvaluationSummary, checkpoint_summaries
from studies.reporting.figures import draw_samples
from studies.reporting.text.answer import answer
from studies.tables.results import Results
from studies.tracking.bundle import BUNDLE_TAG, FIRST_BUNDLE_TAG, Bundle, to_table
from studies.tracking.experiment import open_experiment
from studies.tracking.metric_log import MetricLog, Run
from studies.tracking.notes import experiment_note, study_note
from studies.tracking.run_content import (
    CHECKSUM_TAG,
    ENTRY_FOLDER,
    TRIAL_FILE,
    RunContent,
    content_checksum,
    params,
    run_content,
    tags,
)
from studies.tracking.run_search import DEFINITION_TAG, KEY_TAG, definition_of, search, study_filter, trial_runs

Key = tuple[str, str, str, str]
"""Condition, phase, number and ledger key of a trial."""


def key_of(spec: TrialSpec) -> Key:
    """The key under which `MlflowRuns` keeps a trial's run."""
    return spec.condition, spec.phase, str(spec.index), spec.key


def key_in(run: Any) -> Key:
    """The same key, from the tags of a trial's run in MLflow."""
    own_tags = run.data.tags
    return own_tags["condition"], own_tags["phase"], own_tags["trial"], own_tags.get(KEY_TAG, "")


class MlflowRuns:
    """The experiment of one study, the study's own run and the runs of its trials.

    resumed  True if the study's run existed before

    Methods raise the errors of MLflow; if a call is repeated after an error, nothing is logged twice.
    """

    def __init__(self, study: Study, ledger: Ledger, uri: str | None = None):
        from mlflow import MlflowClient

        self.study, self.ledger, self._data = study, ledger, load_samples(study.data)
        self._client = MlflowClient(uri)
        self._metrics = MetricLog(self._client, study.distance)
        self._record = ledger.read_study(study.name) or {}
        self._question = self._record.get("question", "")
        self.experiment_id = open_experiment(self._client, study, self._question)
        self._parent, self._runs = self._find_runs()

    # -- search before create ----------------------------------------------------------------------------------------

    def _find_runs(self) -> tuple[Run, dict[Key, Run]]:
        """The study's own run, created if there is none, and the runs of its trials; deletes duplicates of these."""
        definition = definition_of(self.study)
        parents = search(self._client, self.experiment_id, study_filter(self.study))
        self.resumed = bool(parents)
        parent = _local_copy(parents[0]) if parents else self._create_parent(definition)
        self._bundle = Bundle.from_tags(parents[0].data.tags if parents else {})
        runs: dict[Key, Run] = {}
        for child in trial_runs(self._client, self.experiment_id, parent.run_id):
            key = key_in(child)
            if key in runs:  # a request to create the run was repeated because its answer came too late
                duplicate = child.info.run_id if runs[key].checksum else runs[key].run_id
                self._client.delete_run(duplicate)
                if duplicate == child.info.run_id:
                    continue
            runs[key] = _local_copy(child)
        return parent, runs

    def _create_parent(self, definition: str) -> Run:
        own_tags = {"kind": "study", "study": self.study.name, DEFINITION_TAG: definition, "outcome": "running"}
        return self._create(self.study.name, own_tags, start_ms=None)

    def _create(self, name: str, own_tags: Mapping[str, str], start_ms: int | None) -> Run:
        git = (self._record.get("environment") or {}).get("git") or {}
        source = {"mlflow.source.name": "gan-study", "mlflow.source.type": "LOCAL", "mlflow.user": _user()}
        if git.get("commit"):
            source["mlflow.source.git.commit"] = git["commit"]
        created = self._client.create_run(self.experiment_id, start_ms, {**source, **own_tags}, name)
        return Run(created.info.run_id, created.info.start_time, created.info.status, steps=set())

    def _run(self, spec: TrialSpec, *, start_ms: int | None = None) -> Run:
        """A trial's run, created if there is none, and set to the status RUNNING."""
        run = self._runs.get(key_of(spec))
        first_bundle = {FIRST_BUNDLE_TAG: self._bundle.next_number, "outcome": "running"}
        if run is None:
            own_tags = tags(self.study, spec) | {"mlflow.parentRunId": self._parent.run_id} | first_bundle
            run = self._runs[key_of(spec)] = self._create(spec.name, own_tags, start_ms)
            self._describe(run, spec)
        elif run.status != "RUNNING":
            self._client.log_batch(run.run_id, tags=_tags(first_bundle))
            self._set_status(run, "RUNNING")
        return run

    def _describe(self, run: Run, spec: TrialSpec) -> None:
        self._client.log_batch(run.run_id, params=_params(params(self.study, spec)))
        self._log_trial(run, TrialRecord(spec, "running"))
        self._log_data(run)

    def _log_trial(self, run: Run, trial: TrialRecord) -> None:
        self._log_contents(run.run_id, {TRIAL_FILE: seal(to_table(trial))})

    def _log_contents(self, run_id: str, files: Mapping[str, bytes], folder: str = "") -> None:
        """Upload files, given by name, to a folder among the artifacts of a run."""
        with tempfile.TemporaryDirectory() as local:
            for name, content in files.items():
                (Path(local) / name).write_bytes(content)
            self._client.log_artifacts(run_id, local, folder or None)

    def _set_status(self, run: Run, status: str) -> None:
        self._client.update_run(run.run_id, status=status)
        run.status = status

    # -- the study -----------------------------------------------------------------------------------------------------

    def open(self, *, running: bool) -> None:
        """Log the study, its environment and its data in the study's run.

        running  True if trials are still to be trained: the study's run then gets the status RUNNING again
        """
        if running and self._parent.status != "RUNNING":
            self._client.set_tag(self._parent.run_id, "outcome", "running")
            self._set_status(self._parent, "RUNNING")
        self._log_data(self._parent)
        self._client.log_artifact(self._parent.run_id, str(self.ledger.study_folder(self.study.name) / "study.json"))
        if self._record.get("environment"):
            environment = json.dumps(self._record["environment"], indent=1)
            self._client.log_text(self._parent.run_id, environment, "environment.json")

    def close(self, status: str, outcome: str) -> None:
        """End the study's run; end as interrupted the trials' runs that are still running; delete duplicate runs.

        If the study's run has this status already, it keeps its end time.
        """
        for run in self._runs.values():
            if run.status == "RUNNING":
                self._end(run, "KILLED", outcome="interrupted", at_ms=run.stopped_ms)
        run_ids = {run.run_id for run in self._runs.values()}
        for child in trial_runs(self._client, self.experiment_id, self._parent.run_id):
            if child.info.run_id not in run_ids:
                self._client.delete_run(child.info.run_id)
        if self._parent.status == status:
            self._client.set_tag(self._parent.run_id, "outcome", outcome)
        else:
            self._end(self._parent, status, outcome=outcome)

    def write_bundle(self, trials: Sequence[TrialRecord]) -> None:
        """Upload the records of all trials as a bundle, then set the tag that makes this bundle the valid one."""
        run_id = self._parent.run_id
        bundle, files = self._bundle.next(trials)
        self._log_contents(run_id, files, bundle.folder)
        self._client.set_tag(run_id, BUNDLE_TAG, str(bundle))
        self._bundle = bundle

    def write_tables(self, results: Results, draw_sheets: Callable[[Path], Any]) -> None:
        """Log the study's tables, notes and sample sheets, and the rank of each condition."""
        client, run_id = self._client, self._parent.run_id
        sentences = answer(Comparison(results))
        client.set_tag(run_id, "mlflow.note.content", study_note(results, self._question, sentences))
        note = experiment_note(self.study, self._question, sentences)
        client.set_experiment_tag(self.experiment_id, "mlflow.note.content", note)
        trials = results.trials["state"].value_counts()
        without_result = sum(int(trials.get(state, 0)) for state in get_args(EndState))
        counts = {"trials.finished": float(trials.get("finished", 0)), "trials.without_result": float(without_result)}
        self._metrics.log_changed(self._parent, counts, step=int(sum(counts.values())))
        self._log_ranks(results)
        with tempfile.TemporaryDirectory() as folder:
            tables = Path(folder) / "tables"
            tables.mkdir()
            for name in ("trials", "members", "curves", "ranking"):
                frame = getattr(results, name)
                frame.to_parquet(tables / f"{name}.parquet", index=False)
                if name != "curves":
                    frame.to_csv(tables / f"{name}.csv", index=False)
            draw_sheets(Path(folder) / "samples")
            client.log_artifacts(run_id, folder)

    def _log_ranks(self, results: Results) -> None:
        """Log the rank of each condition in the run of its confirm trial: the saved views sort runs by this metric."""
        ranks = {(row.condition, "confirm", str(row.trial)): float(row.rank) for row in results.ranking.itertuples()}
        for (condition, phase, trial, _), run in self._runs.items():
            if (rank := ranks.get((condition, phase, trial))) is not None:
                self._metrics.log_changed(run, {"rank": rank}, step=0)

    def _end(self, run: Run, status: str, *, outcome: str, at_ms: int | None = None) -> None:
        self._client.set_tag(run.run_id, "outcome", outcome)
        self._client.set_terminated(run.run_id, status, at_ms)
        run.status = status

    # -- a trial -------------------------------------------------------------------------------------------------------

    def measured(self, spec: TrialSpec, summaries: Iterable[EvaluationSummary]) -> None:
        """Log those evaluations of a running trial that MLflow does not have yet."""
        from mlflow.utils.time import get_current_time_millis

        evaluations = list(summaries)
        seconds = evaluations[-1].seconds if evaluations else None
        start_ms = get_current_time_millis() - round(1000 * (seconds or 0))
        self._metrics.log_summaries(self._run(spec, start_ms=start_ms), evaluations)

    def started(self, spec: TrialSpec) -> None:
        """Log a trial that was started and has not ended, with its evaluations up to its last checkpoint."""
        checkpoint = self.ledger.checkpoint(spec.key)
        if checkpoint is None:
            if key_of(spec) not in self._runs:  # a run that was recorded as interrupted keeps its end time
                self._run(spec)
            return
        stopped_ms = round(1000 * checkpoint["saved_at"])
        run = self._run(spec, start_ms=stopped_ms - round(1000 * checkpoint["seconds"]))
        run.stopped_ms = stopped_ms
        self._metrics.log_summaries(run, checkpoint_summaries(spec, checkpoint, self.study.distance))

    def ended(self, trial: TrialRecord) -> None:
        """Log a trial that ended, from its entry or the record of its end; a run with different content is replaced."""
        spec, checksum = trial.spec, content_checksum(self.study, trial)
        run = self._runs.get(key_of(spec))
        if run is not None and run.checksum == checksum and run.status in ("FINISHED", "FAILED"):
            return
        if run is not None and run.checksum and run.checksum != checksum:  # logged numbers cannot be replaced
            self._client.delete_run(run.run_id)
            del self._runs[key_of(spec)]
        content = run_content(self.study, trial)
        exists = key_of(spec) in self._runs
        run = self._run(spec, start_ms=_ended_ms(trial) - round(1000 * content.seconds))
        if exists:  # an earlier attempt may have failed between creating and describing the run
            self._describe(run, spec)
        self._metrics.log_summaries(run, content.summaries)
        last = content.summaries[-1].step if content.summaries else 0
        self._metrics.log_changed(run, content.values, step=last)
        own_tags = {name: value for name, value in content.tags.items() if name != "outcome"}
        self._client.log_batch(run.run_id, tags=_tags(own_tags | {FIRST_BUNDLE_TAG: self._bundle.next_number}))
        self._log_files(run, trial, content)
        self._client.set_tag(run.run_id, CHECKSUM_TAG, checksum)
        run.checksum = checksum
        ended_ms = run.start_ms + round(1000 * content.seconds)  # the run's duration is that of the training
        status = "FINISHED" if trial.finished else "FAILED"
        self._end(run, status, outcome=content.tags["outcome"], at_ms=ended_ms)

    def _log_files(self, run: Run, trial: TrialRecord, content: RunContent) -> None:
        """Upload the entry, and for readers its tables, log and a picture of samples; last the trial's state."""
        if trial.end is not None:
            self._log_contents(run.run_id, {"log.txt": f"{trial.end.reason}\n{trial.end.detail}".encode()})
        if trial.entry is not None:
            entry, confirming = trial.entry, trial.spec.phase in CONFIRMING
            segment = to_segment([entry_row(entry) if confirming else row_without_generators(entry)])
            self._log_contents(run.run_id, {f"{segment_name(segment)}.parquet": segment}, ENTRY_FOLDER)
            with tempfile.TemporaryDirectory() as folder:
                _write_readable(entry, content.members, Path(folder))
                labels = [f"seed {row.seed}: {row.outcome}" for row in content.members.itertuples()]
                draw_samples(self._data, entry.samples()["last"], labels, Path(folder) / "samples.png")
                self._client.log_artifacts(run.run_id, folder)
        self._log_trial(run, trial)

    def _log_data(self, run: Run) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        data, table = self._data, self.study.table()["data"]
        dataset = Dataset(
            name=data.name,
            digest=data.fingerprint[:36],
            source_type="gan-studies",
            source=json.dumps(table),
            profile=json.dumps({"samples": len(data.train), "shape": list(data.shape)}),
        )
        self._client.log_inputs(run.run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def _local_copy(run: Any) -> Run:
    own_tags, info = run.data.tags, run.info
    checksum = own_tags.get(CHECKSUM_TAG, "")
    return Run(info.run_id, info.start_time, info.status, checksum, values=dict(run.data.metrics))


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
    (folder / "facts.json").write_text(json.dumps(entry.facts, indent=1))
    (folder / "log.txt").write_text(entry.log())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
