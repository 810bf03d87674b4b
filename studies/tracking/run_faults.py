"""Faults of a study's runs in MLflow, found by comparing them with the ledger, and their mending."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from studies.ledger.inventory import keys_of
from studies.ledger.ledger import Ledger
from studies.ledger.trial_records import TrialRecord
from studies.tables.results import Results
from studies.tracking.connection import client_of, default_address, requests_to, shown_address
from studies.tracking.mlflow_runs import Key, key_in, key_of
from studies.tracking.run_content import CHECKSUM_TAG, content_checksum
from studies.tracking.run_count import has_one_run
from studies.tracking.run_search import search, study_filter, trial_runs
from studies.tracking.tracker import sync

Kind = Literal["duplicate", "orphan", "open", "incomplete", "missing"]
"""Kinds of faults.

duplicate   a second run of the study or of a trial: deleted
orphan      a run of a trial that the ledger's plan does not have: deleted
open        a run that is marked as running, while no run writes the study: closed as the ledger says
incomplete  a run of a trial that ended without all of its content: recorded again
missing     a trial that was started and has no run, unless the study's run holds all trials: recorded
"""


@dataclass(frozen=True, kw_only=True)
class RunFault:
    """A fault of a run in MLflow.

    study   name of the study
    run     name of the run
    run_id  identifier of the run; empty if it is missing
    place   address of the MLflow store, without credentials
    """

    kind: Kind
    study: str
    run: str
    run_id: str
    place: str

    def __str__(self) -> str:
        return f"{self.study}: the run of {self.run} in MLflow at {self.place} {_REASONS[self.kind]}"


_REASONS: dict[Kind, str] = {
    "duplicate": "is there twice",
    "orphan": "belongs to no trial of the ledger",
    "open": "is marked as running, but no run writes the study",
    "incomplete": "does not have all that the ledger has",
    "missing": "is missing",
}


def examine(ledger: Ledger, name: str, uri: str | None = None) -> list[RunFault]:
    """Faults of a study's runs; none for a study that is running or that MLflow does not have.

    Errors: `InputError` if the ledger has no such study or it is damaged; `TrackingError` if the server cannot be
    reached or refuses.
    """
    results = Results.of_ledger(ledger, name, running=False)
    if ledger.is_running(name):
        return []
    with requests_to(uri):
        client, place = client_of(uri), shown_address(uri or default_address())
        experiment = client.get_experiment_by_name(name)
        if experiment is None or experiment.lifecycle_stage == "deleted":
            return []
        parents = search(client, experiment.experiment_id, study_filter(results.study))
        if not parents:
            return []
        runs = trial_runs(client, experiment.experiment_id, parents[0].info.run_id)
    found: list[tuple[Kind, str, str]] = [("duplicate", name, run.info.run_id) for run in parents[1:]]
    if parents[0].info.status == "RUNNING":
        found.append(("open", name, parents[0].info.run_id))
    of_trials = _of_trials(results, runs, planned=keys_of(ledger, name))
    one_run = has_one_run(results.study)
    found += [fault for fault in of_trials if not (one_run and fault[0] == "missing")]
    return [RunFault(kind=kind, study=name, run=run, run_id=run_id, place=place) for kind, run, run_id in found]


def _of_trials(results: Results, runs: Sequence[Any], *, planned: set[str]) -> Iterator[tuple[Kind, str, str]]:
    """Kind, name and identifier of each faulty run of a trial.

    planned  keys of the trials in the plan: a run of one without an entry, which may have been set aside, is no orphan
    """
    records = {key_of(record.spec): record for record in results.trial_records}
    kept: dict[Key, Any] = {}
    for run in sorted(runs, key=lambda run: CHECKSUM_TAG not in run.data.tags):  # a complete one is kept
        key = key_in(run)
        if key not in records and key[3] in planned:
            continue
        if key not in records:
            yield "orphan", "-".join(key[:3]), run.info.run_id
        elif key in kept:
            yield "duplicate", records[key].spec.name, run.info.run_id
        else:
            kept[key] = run
    for key, record in records.items():
        if key not in kept:
            yield "missing", record.spec.name, ""
        elif (kind := _fault(results, record, kept[key])) is not None:
            yield kind, record.spec.name, kept[key].info.run_id


def _fault(results: Results, record: TrialRecord, run: Any) -> Kind | None:
    """Fault of the run of a trial that was started."""
    if run.info.status == "RUNNING":
        return "open"
    if record.finished or record.end is not None:
        whole = run.data.tags.get(CHECKSUM_TAG) == content_checksum(results.study, record)
        return None if whole and run.info.status in ("FINISHED", "FAILED") else "incomplete"
    return None


def mend(ledger: Ledger, faults: Iterable[RunFault], uri: str | None = None) -> Iterator[str]:
    """Mend what `examine` found; a sentence for each fault.

    Surplus runs are deleted, which MLflow can undo until its garbage is collected; a study with other faults is
    recorded again from the ledger.

    Errors: as for `sync`.
    """
    synced: set[str] = set()
    for fault in faults:
        if fault.kind in ("duplicate", "orphan"):
            with requests_to(uri):
                client_of(uri).delete_run(fault.run_id)
            yield f"{fault}; it was deleted"
            continue
        if fault.study not in synced:
            sync(ledger, fault.study, uri)
            synced.add(fault.study)
        yield f"{fault}; it was recorded again from the ledger"
