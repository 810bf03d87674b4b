"""A study as a tracking server holds it: from its gathered file, and what is newer from the trials' own runs."""

import json
import re
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from studies.design import Planned
from studies.errors import InputError, TrackingError
from studies.ledger import Entry, Ledger, checksum
from studies.recorded import Elsewhere, Recorded, Unfinished, read, recorded
from studies.sentences import nearest, printable
from studies.tracking.connection import mlflow_module, shown_address, telling
from studies.tracking.gathering import ROUND, Gathering
from studies.tracking.store import search

DOWNLOADS = 8
_ADDRESS = re.compile(r"[0-9a-f]{24}")


def fetch(name: str, uri: str | None, folder: Path, *, beside: Ledger | None = None) -> tuple[Ledger, Elsewhere]:
    """One study, with a ledger in this folder for what is brought later; `beside` was searched for it before.

    Errors: `InputError` where the server has no such study; `TrackingError` where it cannot be reached or refuses, or
    holds a damaged file.
    """
    with telling(uri):
        mlflow = mlflow_module()
        client, address = mlflow.MlflowClient(uri), shown_address(str(uri or mlflow.get_tracking_uri()))
        parent = _parent(client, name)
        if parent is None:
            raise _unknown(client, name, address, beside)
        ledger = Ledger(folder)
        _download(parent, ["study.json"], ledger.study_folder(name), uri)
        gathered, trials = _gathered(client, parent, name, address, uri)
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            newer = list(pool.map(lambda run: _newer(client, run, ledger, uri), _runs(client, parent, gathered)))
    known = {one.planned.name: one for one in (*trials, *newer) if one is not None}

    def bring(entry: Entry, files: Sequence[str]) -> None:
        missing = [file for file in files if not (entry.folder / file).is_file()]
        with telling(uri):
            runs = search(client, parent.info.experiment_id, _below(parent, f"tags.address = '{entry.address}'"))
            _download(runs[0], missing, entry.folder, uri)

    return ledger, Elsewhere(list(known.values()), bring)


def _parent(client: Any, name: str) -> Any | None:
    """The study's run; of several studies of one name the last that was begun."""
    experiment = client.get_experiment_by_name(name)
    parents = search(client, experiment.experiment_id, "tags.kind = 'study'") if experiment else []
    return parents[0] if parents else None


def _unknown(client: Any, name: str, address: str, beside: Ledger | None) -> InputError:
    known = {one.name for one in client.search_experiments()} | set(beside.studies() if beside else ())
    near = nearest(name, sorted(known - {name}))
    hint = f"did you mean {near}?" if near else "gan-study sync brings it there from its ledger"
    if beside is None:
        return InputError(f"{printable(name)}: MLflow at {address} has no such study; {hint}")
    return InputError(f"{printable(name)}: there is no such study in {beside.root} nor in MLflow at {address}; {hint}")


def _gathered(client: Any, parent: Any, name: str, address: str, uri: str | None) -> tuple[Gathering, list[Recorded]]:
    """The valid file of the study's run; the next one where that is written over while it is read."""
    tags = parent.data.tags
    while (gathered := Gathering.told(tags)).number:
        with tempfile.TemporaryDirectory() as folder:
            _download(parent, [gathered.file], Path(folder), uri)
            path = Path(folder) / Path(gathered.file).name
            if checksum(path.read_bytes()) == gathered.checksum:
                return gathered, read(path)
        tags = client.get_run(parent.info.run_id).data.tags
        if Gathering.told(tags) == gathered:
            raise TrackingError(
                f"{name}: {gathered.file} of its run in MLflow at {address} is damaged (its checksum is not the one in "
                "the run's tag); gan-study sync writes it again from the ledger"
            )
    return gathered, []


def _runs(client: Any, parent: Any, gathered: Gathering) -> list[Any]:
    """The runs of the trials that are newer than the gathered file; of all where there is none."""
    newer = f"tags.`{ROUND}` = '{gathered.next_round}'" if gathered.number else "tags.kind = 'trial'"
    found = search(client, parent.info.experiment_id, _below(parent, newer))
    return [run for run in found if _ADDRESS.fullmatch(run.data.tags.get("address", ""))]


def _below(parent: Any, condition: str) -> str:
    return f"tags.`mlflow.parentRunId` = '{parent.info.run_id}' AND {condition}"


def _newer(client: Any, run: Any, ledger: Ledger, uri: str | None) -> Recorded | None:
    """A trial by its own run's files; None where the run has only just begun."""
    entry = ledger.entry(run.data.tags["address"])
    there = {file.path for file in client.list_artifacts(run.info.run_id)}
    if "planned.json" not in there:
        return None
    _download(run, ["planned.json"], entry.folder, uri)
    planned = Planned(**json.loads((entry.folder / "planned.json").read_text()))
    if run.info.status not in ("FINISHED", "FAILED"):
        return Unfinished(planned, None)
    files = ("error.json", "curves.parquet", "facts.json")  # facts last, as in every ledger: they make it count
    _download(run, [file for file in files if file in there], entry.folder, uri)
    return recorded(planned, entry)


def _download(run: Any, files: list[str], folder: Path, uri: str | None) -> None:
    from mlflow.artifacts import download_artifacts

    folder.mkdir(parents=True, exist_ok=True)
    for file in files:  # by its own address: by the run's id each file would cost two questions more
        place = f"{run.info.artifact_uri}/{file}"
        download_artifacts(artifact_uri=place, dst_path=str(folder), tracking_uri=uri)
