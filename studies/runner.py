"""Run a study from preflight to verdict."""

import logging
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from studies.design import Design, Planned, Surroundings
from studies.errors import InputError, StudyFailed
from studies.ledger import Entry, Ledger
from studies.progress import Progress
from studies.study import Study

CHANGEABLE = ("conditions", "search", "stability", "resources", "limits", "checkpoint", "ledger")
"""The tables that a study of the same name may change; of `search` only the counts."""

SEARCH_COUNTS = ("explore", "exploit", "confirm")


@dataclass(frozen=True)
class Ending:
    """How a run ended: the trials that were given up, and whether it was interrupted before its end."""

    failed: list[Planned]
    interrupted: bool


class Listener:
    """Told what happens in a run; says nothing unless a subclass of the caller's does."""

    def opened(self, progress: Progress) -> None:
        """The study is valid and held; `progress` says what the ledger has already."""

    def ended(self, planned: Planned, entry: Entry) -> None:
        """A trial ended, finished or given up."""


def run(study: Study, listener: Listener | None = None) -> Ending:
    """Run what the ledger does not hold yet, on this machine, and leave everything in the ledger.

    Errors: `InputError` before anything starts; `StudyFailed` if Ray could not run it.
    """
    listener = listener or Listener()
    ledger = Ledger(study.ledger.root)
    _refuse_impossible_resources(study)
    with ledger.writing(study.name):
        surroundings = _surroundings(study)
        _register(study, ledger, surroundings)
        progress = Progress(Design(study, surroundings), ledger)
        for planned in progress.trials():
            ledger.entry(planned.address).try_again()
        progress = Progress(Design(study, surroundings), ledger)  # afresh: exploit had learned from those failures
        progress.write_plan()
        listener.opened(progress)
        if progress.pending():
            _schedule(study, progress, listener)
        failed = [trial for trial in progress.trials() if ledger.entry(trial.address).error() is not None]
        return Ending(failed=failed, interrupted=bool(progress.pending()))


def _surroundings(study: Study) -> Surroundings:
    return Surroundings(
        data_fingerprint=study.data.load().fingerprint,
        torch_version=torch.__version__.split("+")[0],
        device="cuda" if study.resources.gpu else "cpu",
    )


def _refuse_impossible_resources(study: Study) -> None:
    """A trial that no machine can hold would wait for ever."""
    cores, devices = os.cpu_count() or 1, torch.cuda.device_count()
    for name, wanted, there in (("cpu", study.resources.cpu, cores), ("gpu", study.resources.gpu, devices)):
        if wanted > there:
            raise InputError(f"resources.{name}: must be <= {there}, which is what this machine has, but is {wanted}")


# -- the study's place in the ledger --------------------------------------------------------------------------------


def _register(study: Study, ledger: Ledger, surroundings: Surroundings) -> None:
    """Write the resolved study down, or refuse if the ledger holds a different one of this name."""
    table = study.table()
    held = ledger.read_study(study.name)
    if held is not None:
        _refuse_changes(study.name, old=held["study"], new=table)
    ledger.write_study(study.name, {"study": table, "surroundings": surroundings.table()})


def _refuse_changes(name: str, *, old: dict[str, Any], new: dict[str, Any]) -> None:
    for path, before, after in _differences(_fixed(old), _fixed(new), ""):
        raise InputError(
            f"{path}: the ledger holds a study {name!r} with {before!r} here, but this file says {after!r}; "
            "give the new study another name"
        )


def _fixed(table: dict[str, Any]) -> dict[str, Any]:
    """The part of a study that its name stands for."""
    fixed = {key: value for key, value in table.items() if key not in CHANGEABLE}
    fixed["search"] = {key: value for key, value in table["search"].items() if key not in SEARCH_COUNTS}
    return fixed


def _differences(old: Any, new: Any, path: str) -> list[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        found = [_differences(old.get(key), new.get(key), f"{path}.{key}" if path else key) for key in keys]
        return [difference for differences in found for difference in differences]
    return [] if old == new else [(path, old, new)]


# -- Ray Tune -----------------------------------------------------------------------------------------------------


def _schedule(study: Study, progress: Progress, listener: Listener) -> None:
    """Let Ray Tune run the pending trials on a local Ray."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray
    from ray import tune

    from studies.searcher import DesignSearcher
    from studies.trial import RayTrial

    resources = {"cpu": study.resources.cpu, "gpu": study.resources.gpu}
    trial_config = {
        "ledger": str(progress.ledger.root),
        "threads": max(1, int(study.resources.cpu)),
        "checkpoint_seconds": study.checkpoint.every_seconds,
    }
    searcher = DesignSearcher(progress, trial_config, _harmless(listener.ended))
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # what fails is told by the listener, in one line
    ray.init(address="local", logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
    try:
        with tempfile.TemporaryDirectory(prefix="gan-studies-") as scratch:
            tune.Tuner(
                tune.with_resources(RayTrial, resources),
                tune_config=tune.TuneConfig(
                    search_alg=searcher,
                    num_samples=-1,
                    max_concurrent_trials=_concurrent_trials(study),
                    reuse_actors=True,
                ),
                run_config=tune.RunConfig(
                    name="attempt",
                    storage_path=str(Path(scratch)),
                    verbose=0,
                    failure_config=tune.FailureConfig(max_failures=study.limits.trial_retries),
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                ),
            ).fit()
    except ray.exceptions.RayError as error:
        raise StudyFailed(f"Ray could not run the study: {error}") from error
    finally:
        ray.shutdown()
    if searcher.failure is not None:
        raise searcher.failure


def _concurrent_trials(study: Study) -> int:
    cores = (os.cpu_count() or 1) / study.resources.cpu
    devices = torch.cuda.device_count() / study.resources.gpu if study.resources.gpu else cores
    return max(1, int(min(cores, devices)))


def _harmless(told: Callable[[Planned, Entry], None]) -> Callable[[Planned, Entry], None]:
    """An exception in what Tune calls would end the whole study: it is logged instead."""

    def tell(planned: Planned, entry: Entry) -> None:
        try:
            told(planned, entry)
        except Exception:
            logging.getLogger(__name__).exception("while reporting the end of %s", planned.name)

    return tell
