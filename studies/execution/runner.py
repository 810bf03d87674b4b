"""Run the pending trials of a study with Ray Tune."""

import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gan_core.features import features_hash
from studies.design import FINGERPRINTS, Design, Provenance
from studies.errors import DamagedError, InputError, StudyFailed
from studies.execution.disk_space import check_space
from studies.execution.environment import environment
from studies.execution.interruption import graceful_termination
from studies.execution.memory_need import check_memory
from studies.execution.object_store import object_store
from studies.execution.resources import Allocation, Resources, this_machine
from studies.file import modules
from studies.file.code_errors import printable
from studies.file.compared_features import path_of
from studies.file.real_samples import load_samples
from studies.file.recorded import metric_tables
from studies.file.study import Study, fixed_part
from studies.file.trees import differences
from studies.file.validation import plain
from studies.ledger.leases import Lease
from studies.ledger.ledger import Ledger
from studies.ledger.mending import mend_segments, mend_study
from studies.ledger.trial_records import TrialRecord
from studies.progress.events import Listener
from studies.progress.former_study import FormerStudy
from studies.progress.pending import StudyProgress


@dataclass(frozen=True)
class RunResult:
    """Result of a run.

    without_result  records of the trials that ended without a result, lost ones included
    interrupted     True if trials are still pending because the run was interrupted or reached a limit
    limit           sentence about the limit of `[limits]` that ended the run; empty if none did
    """

    without_result: list[TrialRecord]
    interrupted: bool
    limit: str = ""


def run_in_this_process(
    study: Study,
    listener: Listener,
    *,
    fail: Callable[[StudyFailed], object],
    question: str = "",
    resources: Resources | None = None,
) -> RunResult:
    """Run the trials of a study that are not finished in the ledger, on `resources` or by default on this machine.

    Ray and the study's classes get all that this process has: `driver_process.run` calls this function in a process
    without secrets.

    listener  receives the events of the run
    fail      called in another thread if a process of the local Ray dies; must end this process, since no call of Ray
              may ever return then
    question  question that the study answers, stored with its record in the ledger

    Errors: `InputError` before any trial starts; `StudyFailed` if Ray cannot run the study or the ledger cannot be
    written.
    """
    resources = resources or this_machine()
    ledger = Ledger(study.ledger.root)
    allocation = check_resources(study, ledger, resources)
    ledger.create()
    for sentence in mend_study(ledger, study.name):
        listener.warned(sentence)
    with ledger.writing(study.name) as lease:
        provenance = _provenance(study, "cuda" if allocation.gpu else "cpu")
        former = _former(study, ledger)
        for sentence in _register(study, ledger, provenance, question):
            listener.warned(sentence)
        progress = _mended_progress(study, provenance, ledger, lease, listener)
        if former is not None:
            for sentence in former.changes(study, ledger.committed(), progress.trials()).sentences():
                listener.warned(sentence)
        for condition, reason in progress.design.packs.unpacked().items():
            listener.warned(f"conditions.{condition}.{reason}; its trials train one by one")
        progress.write_plan()
        listener.opened(progress.standing(), progress.needed)
        limit = ""
        try:
            if progress.pending():
                limit = _schedule(study, allocation, progress, listener, resources, fail)
        finally:
            standing = progress.standing()
            listener.closed(standing, standing.pending > 0)
        interrupted = standing.pending > 0
        lease.limit = limit if interrupted else ""
        return RunResult(progress.without_result(), interrupted, lease.limit)


def check_resources(study: Study, ledger: Ledger, resources: Resources | None = None) -> Allocation:
    """The share of a node for one process, after checking that processors, memory and disk are enough.

    Errors: `InputError` with what is needed and what there is.
    """
    resources = resources or this_machine()
    allocation = resources.allocation(study.resources)
    resources.refuse_too_large(allocation)
    check_memory(study, resources, allocation)
    check_space(study, ledger)
    return allocation


def _mended_progress(
    study: Study, provenance: Provenance, ledger: Ledger, lease: Lease, listener: Listener
) -> StudyProgress:
    """The progress of a study after setting damaged entries aside; trials that ended without a result are pending."""
    while True:
        try:
            StudyProgress(Design(study, provenance), ledger, lease).clear_ends()
            # new objects: the former ones have counted the cleared trials as ended, with their scores
            progress = StudyProgress(Design(study, provenance), ledger, lease)
            progress.trials()
            return progress
        except DamagedError:
            sentences = list(mend_segments(ledger))
            if not sentences:
                raise
        for sentence in sentences:
            listener.warned(sentence)


def _provenance(study: Study, device: str = "cpu") -> Provenance:
    samples = load_samples(study.data)
    return Provenance(
        data_fingerprint=samples.fingerprint,
        labels_fingerprint=samples.labels_fingerprint,
        torch_version=torch.__version__.split("+")[0],
        device=device,
        sources=modules.sources(study.table()),
        features=features_hash(study.evaluation.features, samples),
    )


# -- the study's record in the ledger --------------------------------------------------------------------------------


def _former(study: Study, ledger: Ledger) -> FormerStudy | None:
    """The study of this name as it was last run, if its file has changed since then; None if it cannot be read."""
    with suppress(DamagedError):  # what is damaged is mended or refused where it is needed
        record = ledger.read_study(study.name)
        if record is not None and record["study"] != json.loads(json.dumps(study.table())):
            return FormerStudy.read(ledger, study.name)
    return None


def _register(study: Study, ledger: Ledger, provenance: Provenance, question: str = "") -> list[str]:
    """Write the resolved study into the ledger; returns a sentence if versions differ from those of its last run.

    Errors: `InputError` if the ledger holds a different study of this name.
    """
    table = study.table()
    former = ledger.read_study(study.name)
    if former is not None:  # read as a Study, so that fields added since then get their defaults
        recorded = Study.from_record(former["study"], former.get("provenance", {}).get("sources", {}))
        _refuse_changes(study.name, old=recorded.table(), new=table)
    record = {"study": table, "provenance": provenance.table(), "metrics": metric_tables(study.evaluation)}
    ledger.write_study(study.name, record | {"question": question, "environment": environment()})
    return [] if former is None else list(_other_versions(former["provenance"], provenance.table()))


def _other_versions(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """A sentence if a study's trials have other addresses than in its last run."""
    changed = list(differences(old, new))
    data = ["other data"] if any(path in FINGERPRINTS for path, _, _ in changed) else []
    listed = [f"{path} was {before!r} and is {after!r}" for path, before, after in changed if path not in FINGERPRINTS]
    versions = [f"other versions ({', '.join(listed)})"] if listed else []
    if changed:
        yield (
            f"the study was last run with {' and '.join(data + versions)}: the trials whose numbers they determine are "
            "trained again, and the former ones leave its tables; the ledger keeps them"
        )


def _refuse_changes(name: str, *, old: dict[str, Any], new: dict[str, Any]) -> None:
    for path, before, after in differences(fixed_part(old), fixed_part(new)):
        raise InputError(
            f"{path}: the ledger holds a study {name!r} with {before!r} here, but this file says {after!r}; "
            "give the new study another name"
        )


# -- Ray Tune -----------------------------------------------------------------------------------------------------


def _schedule(
    study: Study,
    allocation: Allocation,
    progress: StudyProgress,
    listener: Listener,
    resources: Resources,
    fail: Callable[[StudyFailed], object],
) -> str:
    """Run the pending trials with Ray Tune; returns a sentence if a limit of the run ended it early."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray
    from ray import tune

    from studies.execution.ray_pack import RayPack
    from studies.execution.run_limits import RunLimits
    from studies.execution.searcher import CauseScheduler, DesignSearcher
    from studies.execution.worker_deaths import deaths_as_actor_errors

    trial_config = {
        "ledger": str(progress.ledger.root),
        "threads": max(1, int(allocation.cpu)),
        "checkpoint_seconds": study.checkpoint.every_seconds,
        "limits": plain(study.limits),
        "watched": True,
        "gpu_share": allocation.gpu,
        "kept": study.checkpoint.snapshots,
        "feature_file": path_of(study.evaluation),
        "modules": modules.folder_of(study.table()),
        "data": json.dumps(plain(study.data)),  # with the path, which is no part of the trial's address
    }
    searcher = DesignSearcher(
        progress,
        trial_config,
        listener,
        retries=study.limits.trial_retries,
        per_process=study.resources.packs_per_process,
        processes=resources.processes_at_once(allocation),
        failures=study.limits.condition_failures,
    )
    limits = RunLimits(study.limits, progress.ledger.root)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # failures are reported by the listeners, in one line
    try:
        with (
            _ray(resources, fail),
            graceful_termination(),
            deaths_as_actor_errors(),
            tempfile.TemporaryDirectory(prefix="gan-studies-") as scratch,
        ):
            tune.Tuner(
                tune.with_resources(RayPack, {"cpu": allocation.cpu, "gpu": allocation.gpu}),
                tune_config=tune.TuneConfig(
                    search_alg=searcher,
                    scheduler=CauseScheduler(searcher),
                    num_samples=-1,
                    max_concurrent_trials=resources.processes_at_once(allocation),
                    reuse_actors=True,
                ),
                run_config=tune.RunConfig(
                    name="attempt",
                    storage_path=str(Path(scratch)),
                    verbose=0,
                    failure_config=tune.FailureConfig(max_failures=0),  # the searcher retries
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                    stop=limits,
                ),
            ).fit()
    except ray.exceptions.RayError as error:
        raise StudyFailed(f"Ray could not run the study: {str(error).partition(chr(10))[0]}") from error
    if searcher.failure is not None:
        raise searcher.failure
    return limits.reached


@contextmanager
def _ray(resources: Resources, fail: Callable[[StudyFailed], object]) -> Iterator[None]:
    """Context with a running Ray: the cluster that this process has joined, or a new local one, which is watched."""
    if resources.joined:
        yield
        return
    import ray

    from studies.execution.ray_processes import watched_processes, without_messages

    # without "local" Ray would join a cluster of RAY_ADDRESS or of an earlier `ray start`
    cores = int(sum(node.cpu for node in resources.nodes))
    with without_messages():
        try:
            ray.init(
                address="local",
                num_cpus=cores,
                logging_level=logging.ERROR,
                log_to_driver=False,
                include_dashboard=False,
                **object_store(),
            )
        except Exception as error:  # of many kinds, some of them no subclass
            reason = printable(str(error).strip().partition("\n")[0])
            raise StudyFailed(
                f"Ray cannot be started on this machine: {type(error).__name__}: {reason} If other programs use all of "
                "its processors, the same command may succeed later."
            ) from error
        try:
            with watched_processes(fail):
                yield
        finally:
            ray.shutdown()
