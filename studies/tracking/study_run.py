"""A study's experiment and its own run in MLflow."""

import getpass
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from studies.analysis.comparison import Comparison
from studies.file.real_samples import load_samples
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.ledger.trial_records import TrialRecord
from studies.ledger.unfinished import EndState
from studies.reporting.figures import SampleSheets, write_maps
from studies.reporting.text.answer import answer
from studies.reporting.text.sentences import sentences
from studies.tables.results import Results
from studies.tracking.bundle import BUNDLE_TAG, Bundle
from studies.tracking.connection import client_of
from studies.tracking.experiment import open_experiment
from studies.tracking.metric_log import MetricLog, Run
from studies.tracking.notes import experiment_note, study_note
from studies.tracking.run_content import CHECKSUM_TAG, study_checksum
from studies.tracking.run_count import RUNS_TAG, has_one_run
from studies.tracking.run_search import DEFINITION_TAG, definition_of, search, study_filter


class StudyRun:
    """The experiment of one study and the study's own run, which is searched for and created if there is none.

    run      local copy of the study's run
    bundle   the valid bundle among its artifacts
    resumed  True if the study's run existed before

    Methods raise the errors of MLflow; if a call is repeated after an error, nothing is logged twice.
    """

    def __init__(self, study: Study, ledger: Ledger, uri: str | None = None):
        self.study, self.ledger, self.data = study, ledger, load_samples(study.data)
        self.client = client_of(uri)
        self.metrics = MetricLog(self.client, study.distance)
        self._record = ledger.read_study(study.name) or {}
        self._question = self._record.get("question", "")
        self.experiment_id = open_experiment(self.client, study, self._question)
        found = search(self.client, self.experiment_id, study_filter(study))
        self.resumed = bool(found)
        self.run = local_copy(found[0]) if found else self._create()
        self.bundle = Bundle.from_tags(found[0].data.tags if found else {})

    def _create(self) -> Run:
        own_tags = {
            "kind": "study",
            "study": self.study.name,
            DEFINITION_TAG: definition_of(self.study),
            "outcome": "running",
        }
        return self.create_run(self.study.name, own_tags, start_ms=None)

    def create_run(self, name: str, own_tags: Mapping[str, str], start_ms: int | None) -> Run:
        """Create a run of the experiment; `start_ms` is in milliseconds since 1970, None: now."""
        git = (self._record.get("environment") or {}).get("git") or {}
        source = {"mlflow.source.name": "gan-study", "mlflow.source.type": "LOCAL", "mlflow.user": _user()}
        if git.get("commit"):
            source["mlflow.source.git.commit"] = git["commit"]
        created = self.client.create_run(self.experiment_id, start_ms, {**source, **own_tags}, name)
        return Run(created.info.run_id, created.info.start_time, created.info.status, steps=set())

    def open(self, *, running: bool) -> None:
        """Log the study, its environment and its data in the study's run.

        running  True if trials are still to be trained: the study's run then gets the status RUNNING again
        """
        if running and self.run.status != "RUNNING":
            self.client.set_tag(self.run.run_id, "outcome", "running")
            self.set_status(self.run, "RUNNING")
        self.client.set_tag(self.run.run_id, RUNS_TAG, "study" if has_one_run(self.study) else "trials")
        self.log_data(self.run)
        self.client.log_artifact(self.run.run_id, str(self.ledger.study_folder(self.study.name) / "study.json"))
        if self._record.get("environment"):
            environment = json.dumps(self._record["environment"], indent=1)
            self.client.log_text(self.run.run_id, environment, "environment.json")

    def close(self, status: str, outcome: str) -> None:
        """End the study's run; if it has this status already, it keeps its end time."""
        if self.run.status == status:
            self.client.set_tag(self.run.run_id, "outcome", outcome)
        else:
            self.end(self.run, status, outcome=outcome)

    def is_whole(self, trials: Sequence[TrialRecord]) -> bool:
        """True if this run is finished and holds all that is computed from these records of all trials."""
        if self.run.status != "FINISHED" or any(not trial.finished for trial in trials):
            return False
        return self.run.checksum == study_checksum(self.study, self._record, trials)

    def mark_whole(self, trials: Sequence[TrialRecord]) -> None:
        """Set the tag by which `is_whole` knows that everything of a finished study has been written."""
        checksum = study_checksum(self.study, self._record, trials)
        self.client.set_tag(self.run.run_id, CHECKSUM_TAG, checksum)
        self.run.checksum = checksum

    def write_bundle(self, trials: Sequence[TrialRecord]) -> None:
        """Upload the records of all trials as a bundle, then set the tag that makes this bundle the valid one."""
        bundle, files = self.bundle.next(trials)
        self.log_contents(self.run.run_id, files, bundle.folder)
        self.client.set_tag(self.run.run_id, BUNDLE_TAG, str(bundle))
        self.bundle = bundle

    def write_tables(self, results: Results, sheets: SampleSheets) -> None:
        """Log the study's tables, notes, sample sheets and stability maps."""
        client, run_id = self.client, self.run.run_id
        comparison = Comparison(results)
        answered = sentences(answer(comparison))
        client.set_tag(run_id, "mlflow.note.content", study_note(results, self._question, answered))
        note = experiment_note(self.study, self._question, answered)
        client.set_experiment_tag(self.experiment_id, "mlflow.note.content", note)
        trials = results.trials["state"].value_counts()
        without_result = sum(int(trials.get(state, 0)) for state in get_args(EndState))
        counts = {"trials.finished": float(trials.get("finished", 0)), "trials.without_result": float(without_result)}
        self.metrics.log_changed(self.run, counts, step=int(sum(counts.values())))
        with tempfile.TemporaryDirectory() as folder:
            tables = Path(folder) / "tables"
            tables.mkdir()
            for name in ("trials", "members", "curves", "ranking"):
                frame = getattr(results, name)
                frame.to_parquet(tables / f"{name}.parquet", index=False)
                if name != "curves":
                    frame.to_csv(tables / f"{name}.csv", index=False)
            sheets.copy(results, Path(folder) / "samples")
            write_maps(comparison, Path(folder) / "maps")
            client.log_artifacts(run_id, folder)

    # -- what the runs of trials need too --------------------------------------------------------------------------

    def log_contents(self, run_id: str, files: Mapping[str, bytes], folder: str = "") -> None:
        """Upload files, given by name, to a folder among the artifacts of a run."""
        with tempfile.TemporaryDirectory() as local:
            for name, content in files.items():
                (Path(local) / name).write_bytes(content)
            self.client.log_artifacts(run_id, local, folder or None)

    def set_status(self, run: Run, status: str) -> None:
        """Set the status of a run."""
        self.client.update_run(run.run_id, status=status)
        run.status = status

    def end(self, run: Run, status: str, *, outcome: str, at_ms: int | None = None) -> None:
        """Set the tag `outcome` of a run and end it; `at_ms` is in milliseconds since 1970, None: now."""
        self.client.set_tag(run.run_id, "outcome", outcome)
        self.client.set_terminated(run.run_id, status, at_ms)
        run.status = status

    def log_data(self, run: Run) -> None:
        """Log the study's data as the input of a run."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        table = self.study.table()["data"]
        dataset = Dataset(
            name=self.data.name,
            digest=self.data.fingerprint[:36],
            source_type="gan-studies",
            source=json.dumps(table),
            profile=json.dumps({"samples": len(self.data.train), "shape": list(self.data.shape)}),
        )
        self.client.log_inputs(run.run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def local_copy(run: Any) -> Run:
    """The state of a run of MLflow."""
    own_tags, info = run.data.tags, run.info
    checksum = own_tags.get(CHECKSUM_TAG, "")
    return Run(info.run_id, info.start_time, info.status, checksum, values=dict(run.data.metrics))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
