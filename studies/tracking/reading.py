"""A ledger made again from what a tracking server holds, so that the same code judges it."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from studies.errors import InputError
from studies.ledger import Ledger
from studies.sentences import nearest, printable
from studies.tracking.store import mlflow_module, search, shown_address, telling

FILES = ("error.json", "curves.parquet", "samples.npz", "generator_best.pt", "generator_last.pt", "log.txt")
DOWNLOADS = 8
_ADDRESS = re.compile(r"[0-9a-f]{24}")


def fetch(name: str, uri: str | None, folder: Path, *, beside: Ledger | None = None) -> Ledger:
    """The ledger of one study, made in this folder; `beside` is one that was searched for it before.

    Errors: `InputError` where the server has no such study; `TrackingError` where it cannot be reached or refuses.
    """
    with telling(uri):
        mlflow = mlflow_module()
        client = mlflow.MlflowClient(uri)
        runs = _runs(client, name)
        if runs is None:
            raise _unknown(client, name, shown_address(str(uri or mlflow.get_tracking_uri())), beside)
        parent, children = runs
        ledger = Ledger(folder)
        _download(parent, ["study.json"], ledger.study_folder(name), uri)
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            planned = list(pool.map(lambda run: _download_trial(client, run, ledger, uri), children))
    ledger.write_plan(name, [trial for trial in planned if trial is not None], append=False)
    return ledger


def _runs(client: Any, name: str) -> tuple[Any, list[Any]] | None:
    """The study's run and its trials' runs; of several studies of one name the last that was begun."""
    experiment = client.get_experiment_by_name(name)
    parents = search(client, experiment.experiment_id, "tags.kind = 'study'") if experiment else []
    if not parents:
        return None
    parent = parents[0]
    children = search(client, experiment.experiment_id, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    return parent, [run for run in children if _ADDRESS.fullmatch(run.data.tags.get("address", ""))]


def _unknown(client: Any, name: str, address: str, beside: Ledger | None) -> InputError:
    known = {one.name for one in client.search_experiments()} | set(beside.studies() if beside else ())
    near = nearest(name, sorted(known - {name}))
    hint = f"did you mean {near}?" if near else "gan-study sync brings it there from its ledger"
    if beside is None:
        return InputError(f"{printable(name)}: MLflow at {address} has no such study; {hint}")
    return InputError(f"{printable(name)}: there is no such study in {beside.root} nor in MLflow at {address}; {hint}")


def _download_trial(client: Any, run: Any, ledger: Ledger, uri: str | None) -> dict[str, Any] | None:
    """Bring a trial's files, and say what the study's plan says of it; None where its run has only just begun."""
    folder = ledger.entry(run.data.tags["address"]).folder
    folder.mkdir(parents=True, exist_ok=True)
    there = {file.path for file in client.list_artifacts(run.info.run_id)}
    if "planned.json" not in there:
        return None
    _download(run, ["planned.json"], folder, uri)
    planned = json.loads((folder / "planned.json").read_text())
    if run.info.status not in ("FINISHED", "FAILED"):
        return planned
    _download(run, [name for name in FILES if name in there], folder, uri)
    if "facts.json" in there:  # last, as in every ledger: it makes the trial count
        _download(run, ["facts.json"], folder, uri)
    return planned


def _download(run: Any, names: list[str], folder: Path, uri: str | None) -> None:
    from mlflow.artifacts import download_artifacts

    folder.mkdir(parents=True, exist_ok=True)
    for name in names:  # by its own address: by the run's id each file would cost two questions more
        place = f"{run.info.artifact_uri}/{name}"
        download_artifacts(artifact_uri=place, dst_path=str(folder), tracking_uri=uri)
