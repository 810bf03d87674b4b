"""Download of a study's results from a tracking server: its bundle, and the runs of trials that are not in it."""

import json
import re
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from studies.design import TrialSpec
from studies.errors import InputError, TrackingError
from studies.file.messages import escape_control, nearest
from studies.ledger.entries import Entry
from studies.ledger.ledger import Ledger
from studies.ledger.storage import checksum
from studies.ledger.trial_records import RemoteTrials, TrialRecord, UnfinishedTrial, read_trial, read_trials
from studies.tracking.bundle import FIRST_BUNDLE_TAG, Bundle
from studies.tracking.connection import mlflow_module, requests_to, shown_address
from studies.tracking.run_search import search

DOWNLOADS = 8
"""Number of trials whose files are downloaded at the same time."""
_ADDRESS = re.compile(r"[0-9a-f]{24}")


def fetch(name: str, uri: str | None, folder: Path, *, searched: Ledger | None = None) -> tuple[Ledger, RemoteTrials]:
    """A ledger in `folder` for the files downloaded now and later, and the records of the study's trials on a server.

    searched  a ledger that was searched without finding the study, to be named in the error message

    Errors: `InputError` if the server has no such study; `TrackingError` if it cannot be reached, refuses, or has a
    damaged file.
    """
    with requests_to(uri):
        mlflow = mlflow_module()
        client, address = mlflow.MlflowClient(uri), shown_address(str(uri or mlflow.get_tracking_uri()))
        parent = _parent(client, name)
        if parent is None:
            raise _unknown(client, name, address, searched)
        ledger = Ledger(folder)
        _download(parent, ["study.json"], ledger.study_folder(name), uri)
        bundle, trials = _read_bundle(client, parent, name, address, uri)
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            newer = list(pool.map(lambda run: _newer(client, run, ledger, uri), _runs(client, parent, bundle)))
    records = {trial.spec.name: trial for trial in (*trials, *newer) if trial is not None}

    def download(entry: Entry, files: Sequence[str]) -> None:
        missing = [file for file in files if not (entry.folder / file).is_file()]
        with requests_to(uri):
            condition = _child_filter(parent, f"tags.address = '{entry.address}'")
            runs = search(client, parent.info.experiment_id, condition)
            _download(runs[0], missing, entry.folder, uri)

    return ledger, RemoteTrials(list(records.values()), download)


def _parent(client: Any, name: str) -> Any | None:
    """The run of the study with this name, the newest if there are several; None if there is none."""
    experiment = client.get_experiment_by_name(name)
    parents = search(client, experiment.experiment_id, "tags.kind = 'study'") if experiment else []
    return parents[0] if parents else None


def _unknown(client: Any, name: str, address: str, searched: Ledger | None) -> InputError:
    names = {experiment.name for experiment in client.search_experiments()}
    names |= set(searched.studies() if searched else ())
    near = nearest(name, sorted(names - {name}))
    hint = f"did you mean {near}?" if near else "gan-study sync records it there from its ledger"
    if searched is None:
        return InputError(f"{escape_control(name)}: MLflow at {address} has no such study; {hint}")
    return InputError(
        f"{escape_control(name)}: there is no such study in {searched.root} nor in MLflow at {address}; {hint}"
    )


def _read_bundle(
    client: Any, parent: Any, name: str, address: str, uri: str | None
) -> tuple[Bundle, list[TrialRecord]]:
    """The valid bundle and the trials in it; downloads the next one if this one is overwritten meanwhile."""
    tags = parent.data.tags
    while (bundle := Bundle.from_tags(tags)).number:
        with tempfile.TemporaryDirectory() as folder:
            _download(parent, [bundle.file], Path(folder), uri)
            path = Path(folder) / Path(bundle.file).name
            if checksum(path.read_bytes()) == bundle.checksum:
                return bundle, read_trials(path)
        tags = client.get_run(parent.info.run_id).data.tags
        if Bundle.from_tags(tags) == bundle:
            raise TrackingError(
                f"{name}: {bundle.file} of its run in MLflow at {address} is damaged (its checksum is not the one in "
                "the run's tag); gan-study sync writes it again from the ledger"
            )
    return bundle, []


def _runs(client: Any, parent: Any, bundle: Bundle) -> list[Any]:
    """The runs of trials whose latest state is not in the bundle; of all trials if there is no bundle."""
    newer = f"tags.`{FIRST_BUNDLE_TAG}` = '{bundle.next_number}'" if bundle.number else "tags.kind = 'trial'"
    runs = search(client, parent.info.experiment_id, _child_filter(parent, newer))
    return [run for run in runs if _ADDRESS.fullmatch(run.data.tags.get("address", ""))]


def _child_filter(parent: Any, condition: str) -> str:
    return f"tags.`mlflow.parentRunId` = '{parent.info.run_id}' AND {condition}"


def _newer(client: Any, run: Any, ledger: Ledger, uri: str | None) -> TrialRecord | None:
    """The record of a trial from the artifacts of its run; None if the run has no `trial.json` yet."""
    entry = ledger.entry(run.data.tags["address"])
    present = {file.path for file in client.list_artifacts(run.info.run_id)}
    if "trial.json" not in present:
        return None
    _download(run, ["trial.json"], entry.folder, uri)
    spec = TrialSpec(**json.loads((entry.folder / "trial.json").read_text()))
    if run.info.status not in ("FINISHED", "FAILED"):
        return UnfinishedTrial(spec, None)
    files = ("error.json", "curves.parquet", "facts.json")  # facts.json last: its presence marks an entry as finished
    _download(run, [file for file in files if file in present], entry.folder, uri)
    return read_trial(spec, entry)


def _download(run: Any, files: list[str], folder: Path, uri: str | None) -> None:
    from mlflow.artifacts import download_artifacts

    folder.mkdir(parents=True, exist_ok=True)
    for file in files:  # by the artifact's URI: with the run's id instead, each file would take two more requests
        address = f"{run.info.artifact_uri}/{file}"
        download_artifacts(artifact_uri=address, dst_path=str(folder), tracking_uri=uri)
