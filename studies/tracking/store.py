"""MLflow's runs of one study: found before they are made, so that whatever is repeated doubles nothing."""

import getpass
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from studies.comparison import Comparison
from studies.design import CONFIRMING, Planned
from studies.figures import draw_samples
from studies.ledger import Entry, Ledger
from studies.recorded import Recorded
from studies.results import Results
from studies.samples import loaded
from studies.study import Study, fixed_part
from studies.tracking import projection
from studies.tracking.gathering import GATHERED, ROUND, Gathering
from studies.tracking.projection import MEASURED, Measurement
from studies.verdict import answer

METRICS_PER_REQUEST = 900
"""MLflow takes 1000 entities in one request; params and tags need some room."""


@dataclass
class Run:
    """An MLflow run of this study, as far as it is known here.

    stopped_ms  of an interrupted trial: when its last checkpoint was written, where no later moment is known
    """

    run_id: str
    start_ms: int
    status: str
    mark: str = ""
    values: dict[str, float] = field(default_factory=dict)
    steps: set[int] | None = None
    stopped_ms: int | None = None


Key = tuple[str, str, str, str]


def key_of(planned: Planned) -> Key:
    """What a trial's run is found by."""
    return planned.condition, planned.phase, str(planned.index), planned.address


class Store:
    """One study's experiment, its parent run and its trials' runs.

    Every method may raise whatever MLflow raises; repeating it after that writes nothing twice.
    """

    def __init__(self, study: Study, ledger: Ledger, uri: str | None = None):
        from mlflow import MlflowClient

        self.study, self.ledger, self._data = study, ledger, loaded(study.data)
        self._client = MlflowClient(uri)
        self._record = ledger.read_study(study.name) or {}
        self._question = self._record.get("question", "")
        self.experiment_id = self._experiment()
        self._parent, self._runs = self._find_runs()

    # -- find before create ------------------------------------------------------------------------------------------

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(self.study.name)
        if found is None:
            found = self._client.get_experiment(self._client.create_experiment(self.study.name))
        elif found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        experiment_id, held = found.experiment_id, found.tags
        tags = {
            "mlflow.experimentKind": "custom_model_development",
            "mlflow.note.content": projection.experiment_note(self.study, self._question),
            "question": self._question,
        }
        for name, value in tags.items():
            if value and held.get(name) != value:
                self._client.set_experiment_tag(experiment_id, name, value)
        for name, view in projection.views(self.study, found.creation_time or 0).items():
            if name not in held:  # somebody may have changed it in the browser since
                self._client.set_experiment_tag(experiment_id, name, view)
        return experiment_id

    def _find_runs(self) -> tuple[Run, dict[Key, Run]]:
        """The study's parent run, made if there is none, and the trials' runs below it."""
        definition = definition_of(self.study)
        found = search(self._client, self.experiment_id, f"tags.kind = 'study' AND tags.definition = '{definition}'")
        parent = _known(found[0]) if found else self._create_parent(definition)
        self._gathered = Gathering.told(found[0].data.tags if found else {})
        runs: dict[Key, Run] = {}
        for one in self._children(parent):
            tags = one.data.tags
            key = tags["condition"], tags["phase"], tags["trial"], tags["address"]
            if key in runs:  # a request that was repeated because the first answer came too late
                double = one.info.run_id if runs[key].mark else runs[key].run_id
                self._client.delete_run(double)
                if double == one.info.run_id:
                    continue
            runs[key] = _known(one)
        return parent, runs

    def _children(self, parent: Run) -> list[Any]:
        found = search(self._client, self.experiment_id, f"tags.`mlflow.parentRunId` = '{parent.run_id}'")
        return [run for run in found if run.data.tags.get("kind") == "trial"]

    def _create_parent(self, definition: str) -> Run:
        tags = {"kind": "study", "study": self.study.name, "definition": definition, "outcome": "running"}
        return self._create(self.study.name, tags, start_ms=None)

    def _create(self, name: str, tags: Mapping[str, str], start_ms: int | None) -> Run:
        git = (self._record.get("environment") or {}).get("git") or {}
        everywhere = {"mlflow.source.name": "gan-study", "mlflow.source.type": "LOCAL", "mlflow.user": _user()}
        if git.get("commit"):
            everywhere["mlflow.source.git.commit"] = git["commit"]
        made = self._client.create_run(self.experiment_id, start_ms, {**everywhere, **tags}, name)
        return Run(made.info.run_id, made.info.start_time, made.info.status, steps=set())

    def _run(self, planned: Planned, *, start_ms: int | None = None) -> Run:
        """A trial's run, running."""
        run = self._runs.get(key_of(planned))
        if run is None:
            tags = projection.tags(self.study, planned) | {
                "mlflow.parentRunId": self._parent.run_id,
                "outcome": "running",
                ROUND: self._gathered.next_round,
            }
            run = self._runs[key_of(planned)] = self._create(planned.name, tags, start_ms)
            self._describe(run, planned)
        elif run.status != "RUNNING":
            again = {"outcome": "running", ROUND: self._gathered.next_round}
            self._client.log_batch(run.run_id, tags=_tags(again))
            self._set_status(run, "RUNNING")
        return run

    def _describe(self, run: Run, planned: Planned) -> None:
        self._client.log_batch(run.run_id, params=_params(projection.params(planned)))
        self._client.log_text(run.run_id, json.dumps(asdict(planned)), "planned.json")
        self._log_data(run)

    def _set_status(self, run: Run, status: str) -> None:
        self._client.update_run(run.run_id, status=status)
        run.status = status

    # -- the study -----------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Say what is run and with what."""
        if self._parent.status != "RUNNING":
            self._client.set_tag(self._parent.run_id, "outcome", "running")
            self._set_status(self._parent, "RUNNING")
        self._log_data(self._parent)
        self._client.log_artifact(self._parent.run_id, str(self.ledger.study_folder(self.study.name) / "study.json"))
        if self._record.get("environment"):
            self._client.log_text(
                self._parent.run_id, json.dumps(self._record["environment"], indent=1), "environment.json"
            )

    def close(self, status: str, outcome: str) -> None:
        """End the study's run, and whatever else of it is still running."""
        for run in self._runs.values():
            if run.status == "RUNNING":
                self._end(run, "KILLED", key_outcome="interrupted", at_ms=run.stopped_ms)
        known = {run.run_id for run in self._runs.values()}
        for double in self._children(self._parent):
            if double.info.run_id not in known:
                self._client.delete_run(double.info.run_id)
        self._end(self._parent, status, key_outcome=outcome)

    def gather(self, trials: Sequence[Recorded]) -> None:
        """Write what is known of all trials into one file, which holds once the run's tag says so."""
        run_id = self._parent.run_id
        with tempfile.TemporaryDirectory() as folder:
            gathered, file = self._gathered.followed_by(trials, Path(folder))
            self._client.log_artifact(run_id, str(file), GATHERED)
        self._client.set_tag(run_id, GATHERED, str(gathered))
        self._gathered = gathered

    def write_tables(self, results: Results, draw_sheets: Callable[[Path], None]) -> None:
        """The study's tables, its description and its sample sheets."""
        client, run_id = self._client, self._parent.run_id
        verdict = answer(Comparison(results))
        client.set_tag(run_id, "mlflow.note.content", projection.study_note(results, self._question, verdict))
        note = projection.experiment_note(self.study, self._question, verdict)
        client.set_experiment_tag(self.experiment_id, "mlflow.note.content", note)
        trials = results.trials["state"].value_counts()
        counts = {f"trials.{state}": float(trials.get(state, 0)) for state in ("finished", "failed")}
        self._log_changed(self._parent, counts, step=int(sum(counts.values())))
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

    def _end(self, run: Run, status: str, *, key_outcome: str, at_ms: int | None = None) -> None:
        self._client.set_tag(run.run_id, "outcome", key_outcome)
        self._client.set_terminated(run.run_id, status, at_ms)
        run.status = status

    # -- a trial -------------------------------------------------------------------------------------------------------

    def measured(self, planned: Planned, measurements: Iterable[Measurement]) -> None:
        """Log what a running trial measured, as far as MLflow does not have it."""
        from mlflow.utils.time import get_current_time_millis

        told = list(measurements)
        trained = told[-1].seconds if told else None
        self._log_measurements(
            self._run(planned, start_ms=get_current_time_millis() - round(1000 * (trained or 0))), told
        )

    def started(self, planned: Planned) -> None:
        """A trial that began and did not end has a run too, with what it had measured at its last checkpoint."""
        entry = self.ledger.entry(planned.address)
        checkpoint = entry.checkpoint()
        if checkpoint is None:
            self._run(planned)
            return
        stopped_ms = _written_ms(entry)
        run = self._run(planned, start_ms=stopped_ms - round(1000 * checkpoint["seconds"]))
        run.stopped_ms = stopped_ms
        self._log_measurements(run, projection.measurements_so_far(planned, checkpoint))

    def ended(self, planned: Planned) -> None:
        """Make the run of a trial that ended hold what the ledger holds."""
        entry = self.ledger.entry(planned.address)
        facts = entry.facts() if entry.finished else {"error": entry.error()}
        mark = projection.mark(self.study, planned, facts)
        run = self._runs.get(key_of(planned))
        if run is not None and run.mark == mark and run.status in ("FINISHED", "FAILED"):
            return
        if run is not None and run.mark and run.mark != mark:  # judged otherwise now: numbers cannot be taken back
            self._client.delete_run(run.run_id)
            del self._runs[key_of(planned)]
        whole = projection.trial_run(self.study, planned, entry)
        known = key_of(planned) in self._runs
        run = self._run(planned, start_ms=_written_ms(entry) - round(1000 * whole.seconds))
        if known:  # by an attempt that may have ended before it said this
            self._describe(run, planned)
        self._log_measurements(run, whole.measurements)
        last = whole.measurements[-1].step if whole.measurements else 0
        self._log_changed(run, whole.summary, step=last)
        outcome = whole.tags["outcome"]
        ended_ms = run.start_ms + round(1000 * whole.seconds)  # so that the duration is that of the training
        tags = {k: v for k, v in whole.tags.items() if k != "outcome"} | {ROUND: self._gathered.next_round}
        self._client.log_batch(run.run_id, tags=_tags(tags))
        self._log_files(run, planned, entry, whole)
        self._client.set_tag(run.run_id, "mark", whole.mark)
        run.mark = whole.mark
        self._end(run, "FINISHED" if entry.finished else "FAILED", key_outcome=outcome, at_ms=ended_ms)

    def _log_files(self, run: Run, planned: Planned, entry: Entry, whole: projection.TrialRun) -> None:
        """The files of the ledger that `reading` makes a ledger of again, and what a reader likes to look at."""
        names = ["log.txt", "error.json"] if not entry.finished else ["curves.parquet", "samples.npz", "log.txt"]
        if entry.finished and planned.phase in CONFIRMING:
            names += ["generator_best.pt", "generator_last.pt"]
        names += ["facts.json"] if entry.finished else []
        for name in names:
            if (entry.folder / name).is_file():
                self._client.log_artifact(run.run_id, str(entry.folder / name))
        if entry.finished:
            with tempfile.TemporaryDirectory() as folder:
                whole.members.to_parquet(Path(folder) / "members.parquet", index=False)
                whole.members.to_csv(Path(folder) / "members.csv", index=False)
                labels = [f"seed {row.seed}: {row.outcome}" for row in whole.members.itertuples()]
                draw_samples(self._data, entry.samples()["last"], labels, Path(folder) / "samples.png")
                self._client.log_artifacts(run.run_id, folder)

    # -- numbers -------------------------------------------------------------------------------------------------------

    def _log_measurements(self, run: Run, measurements: Iterable[Measurement]) -> None:
        from mlflow.entities import Metric

        if run.steps is None:
            run.steps = {metric.step for metric in self._client.get_metric_history(run.run_id, MEASURED)}
        batch: list[Any] = []
        steps: set[int] = set()
        for place, one in enumerate(measurements):
            if one.step in run.steps:
                continue
            at = run.start_ms + (place if one.seconds is None else round(1000 * one.seconds))
            if len(batch) + len(one.metrics) > METRICS_PER_REQUEST:
                self._log_steps(run, batch, steps)
                batch, steps = [], set()
            batch += [Metric(name, value, at, one.step) for name, value in one.metrics.items()]
            steps.add(one.step)
        self._log_steps(run, batch, steps)

    def _log_steps(self, run: Run, batch: list[Any], steps: set[int]) -> None:
        if batch:
            self._client.log_batch(run.run_id, metrics=batch)
        assert run.steps is not None
        run.steps |= steps

    def _log_changed(self, run: Run, values: Mapping[str, float], *, step: int) -> None:
        """Log single numbers, unless they are there."""
        from mlflow.entities import Metric
        from mlflow.utils.time import get_current_time_millis

        now = get_current_time_millis()
        changed = {name: value for name, value in values.items() if run.values.get(name) != value}
        if changed:
            self._client.log_batch(run.run_id, metrics=[Metric(name, v, now, step) for name, v in changed.items()])
            run.values |= changed

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


def search(client: Any, experiment_id: str, condition: str) -> list[Any]:
    """All runs that fulfil a condition, the newest first."""
    found, token = [], None
    while True:
        page = client.search_runs([experiment_id], condition, max_results=1000, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _known(run: Any) -> Run:
    tags, info = run.data.tags, run.info
    return Run(info.run_id, info.start_time, info.status, tags.get("mark", ""), values=dict(run.data.metrics))


def _params(params: Mapping[str, str]) -> list[Any]:
    from mlflow.entities import Param

    return [Param(name, value) for name, value in params.items()]


def _tags(tags: Mapping[str, str]) -> list[Any]:
    from mlflow.entities import RunTag

    return [RunTag(name, value) for name, value in tags.items()]


def _written_ms(entry: Entry) -> int:
    """When a trial ended or was interrupted: its last file's own time."""
    given_up = entry.error() is not None
    name = "facts.json" if entry.finished else "error.json" if given_up else "checkpoint.pt"
    return round(1000 * (entry.folder / name).stat().st_mtime)


def definition_of(study: Study) -> str:
    """What a study's run is found by: the hash of what its name stands for."""
    return sha256(json.dumps(fixed_part(study.table()), sort_keys=True).encode()).hexdigest()[:16]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
