"""Reading MLflow stores in tests, and one recorded study that the tests share."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from recorded import load_tiny, run_pending

from studies.ledger.ledger import Ledger
from studies.locate import results
from studies.tables.results import Results
from studies.tracking.bundle import BUNDLE_TAG, FIRST_BUNDLE_TAG
from studies.tracking.connection import mlflow_module
from studies.tracking.run_search import search
from studies.tracking.tracker import Tracker, sync

TABLES = ("trials", "members", "curves", "ranking")


@dataclass(frozen=True)
class Recorded:
    """A finished study in a ledger and in an MLflow store."""

    results: Results
    uri: str

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.results.place)

    @property
    def folder(self) -> Path:
        """Working folder of the study: its ledger and MLflow's files lie here."""
        return self.ledger.root.parent


def recorded_tiny(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """The tiny study, recorded by a tracker during its run. Several test files share it: no test may change it."""
    return _record(tmp_path_factory.getbasetemp() / "recorded-tiny")


ADAM = "{kind = 'adam', lr = 0.01, betas = [0.5, 0.9]}"
RANKED = (
    "budget.steps = 80",
    f"training = {{critic_optimizer = {ADAM}, generator_optimizer = {ADAM}}}",
    "conditions.gan.training.critic_optimizer = {kind = 'adam', lr = {log_uniform = [1e-3, 1e-2]}, betas = [0.5, 0.9]}",
    "outcomes = {moved = 0, cells = 0, spread = 0, near = 0, modes = 0, relapse = 0, swing = 9}",
)
"""Changes of the tiny study with which all its confirmed members are stable and wgan is clearly before gan."""


def recorded_ranked(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """The tiny study with these changes, recorded in the same way."""
    return _record(tmp_path_factory.getbasetemp() / "recorded-ranked", *RANKED)


@cache
def _record(folder: Path, *overrides: str) -> Recorded:
    study, uri = load_tiny(folder, *overrides), f"sqlite:///{folder}/mlflow.db"
    client_of(uri).create_experiment("tiny", artifact_location=str(folder / "mlruns"))
    run_pending(study, Tracker(study, print, uri=uri))
    sync(Ledger(study.ledger.root), "tiny", uri)  # the tracker's 10 s may be too short on a busy machine
    return Recorded(results("tiny", root=study.ledger.root), uri)


def client_of(uri: str | None) -> Any:
    return mlflow_module().MlflowClient(uri)


def runs_of(uri: str, name: str = "tiny") -> tuple[list[Any], list[Any]]:
    """The study's own runs and the runs of its trials; none if there is no such experiment."""
    client = client_of(uri)
    experiment = client.get_experiment_by_name(name)
    runs = search(client, experiment.experiment_id, "") if experiment else []
    studies, trials = ([run for run in runs if run.data.tags["kind"] == kind] for kind in ("study", "trial"))
    return studies, trials


def times_of(uri: str) -> dict[str, tuple[int, int]]:
    """Start and end of every run of the tiny study in milliseconds since 1970, by the run's name."""
    studies, trials = runs_of(uri)
    return {run.info.run_name: (run.info.start_time, run.info.end_time) for run in studies + trials}


def contents(uri: str, name: str = "tiny") -> dict[str, dict[str, Any]]:
    """Everything that MLflow has of a study, by run name, except identifiers, times and the user."""
    client, runs = client_of(uri), {}
    ignored = {"mlflow.parentRunId", "mlflow.user", BUNDLE_TAG, FIRST_BUNDLE_TAG}  # the number of bundles may differ
    studies, trials = runs_of(uri, name)
    for run in studies + trials:
        assert run.info.run_name not in runs, "two runs of one name"
        files = {
            file.path: None if file.is_dir else artifact(client, run, file.path).read_bytes()
            for file in client.list_artifacts(run.info.run_id)
        }
        runs[run.info.run_name] = {
            "status": run.info.status,
            "params": run.data.params,
            "tags": {key: value for key, value in run.data.tags.items() if key not in ignored},
            "metrics": {
                key: [(metric.step, metric.value) for metric in client.get_metric_history(run.info.run_id, key)]
                for key in run.data.metrics
            },
            "files": {path: files[path] for path in sorted(files)},
            "data": [(data.dataset.name, data.dataset.digest) for data in run.inputs.dataset_inputs],
        }
    return runs


def artifact(client: Any, run: Any, path: str) -> Path:
    return Path(client.download_artifacts(run.info.run_id, path))


def assert_equal_results(first: Results, second: Results) -> None:
    for table in TABLES:
        pd.testing.assert_frame_equal(getattr(first, table), getattr(second, table), check_exact=True)


def rows_of(table: pd.DataFrame, trial: dict[str, Any]) -> pd.DataFrame:
    """The rows of `table` that belong to one row of the table of trials."""
    matching = pd.Series(True, table.index)
    for key in ("condition", "phase", "trial"):
        matching &= table[key] == trial[key]
    return table[matching]
