"""Run a study from preflight to verdict."""

import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from studies import modules
from studies.design import Design, Planned, Surroundings
from studies.environment import environment
from studies.errors import InputError, StudyFailed
from studies.interruption import graceful_termination
from studies.ledger import Entry, Ledger
from studies.place import Place, Share, this_machine
from studies.progress import Progress
from studies.samples import loaded
from studies.study import Study, fixed_part
from studies.tracking.projection import Measurement


@dataclass(frozen=True)
class Ending:
    """How a run ended: the trials that were given up, and whether it was interrupted before its end."""

    failed: list[Planned]
    interrupted: bool


class Listener:
    """Told what happens in a run; says nothing unless a subclass of the caller's does."""

    def opened(self, progress: Progress) -> None:
        """The study is valid and held; `progress` says what the ledger has already."""

    def measured(self, planned: Planned, measurements: Sequence[Measurement]) -> None:
        """A trial goes on; `measurements` are those since it was last heard of, if there are any."""

    def ended(self, planned: Planned, entry: Entry) -> None:
        """A trial ended, finished or given up."""

    def closed(self, progress: Progress, interrupted: bool) -> None:
        """The run is over, whatever ended it; told once, after `opened`."""


class _Audience(Listener):
    """Several listeners as one that never raises: an exception in what Tune calls would end the whole study."""

    def __init__(self, listeners: Sequence[Listener]):
        self._listeners = listeners

    def opened(self, progress: Progress) -> None:
        self._tell(lambda listener: listener.opened(progress))

    def measured(self, planned: Planned, measurements: Sequence[Measurement]) -> None:
        self._tell(lambda listener: listener.measured(planned, measurements))

    def ended(self, planned: Planned, entry: Entry) -> None:
        self._tell(lambda listener: listener.ended(planned, entry))

    def closed(self, progress: Progress, interrupted: bool) -> None:
        self._tell(lambda listener: listener.closed(progress, interrupted))

    def _tell(self, what: Callable[[Listener], None]) -> None:
        for listener in self._listeners:
            try:
                what(listener)
            except Exception:
                logging.getLogger(__name__).exception("while reporting the progress of the study")


def run(study: Study, *listeners: Listener, question: str = "", place: Place | None = None) -> Ending:
    """Run what the ledger does not hold yet, on this machine or at `place`, and leave everything in the ledger.

    `question` is what the study is to answer, in words for its readers.

    Errors: `InputError` before anything starts; `StudyFailed` if Ray could not run it.
    """
    audience = _Audience(listeners)
    place = place or this_machine()
    ledger = Ledger(study.ledger.root)
    share = place.share(study.resources)
    place.refuse_too_large(share)
    with ledger.writing(study.name):
        surroundings = _surroundings(study, "cuda" if share.gpu else "cpu")
        _register(study, ledger, surroundings, question)
        progress = Progress(Design(study, surroundings), ledger)
        for planned in progress.trials():
            ledger.entry(planned.address).try_again()
        progress = Progress(Design(study, surroundings), ledger)  # afresh: exploit had learned from those failures
        progress.write_plan()
        audience.opened(progress)
        try:
            if progress.pending():
                _schedule(study, share, progress, audience, place)
        finally:
            audience.closed(progress, bool(progress.pending()))
        failed = [trial for trial in progress.trials() if ledger.entry(trial.address).error() is not None]
        return Ending(failed=failed, interrupted=bool(progress.pending()))


def _surroundings(study: Study, device: str = "cpu") -> Surroundings:
    return Surroundings(
        data_fingerprint=loaded(study.data).fingerprint,
        torch_version=torch.__version__.split("+")[0],
        device=device,
        sources=modules.sources(study.table()),
    )


# -- the study's place in the ledger --------------------------------------------------------------------------------


def _register(study: Study, ledger: Ledger, surroundings: Surroundings, question: str = "") -> None:
    """Write the resolved study down, or refuse if the ledger holds a different one of this name."""
    table = study.table()
    held = ledger.read_study(study.name)
    if held is not None:  # read, so that what has become a field since then has its default
        recorded = Study.recorded(held["study"], held.get("surroundings", {}).get("sources", {}))
        _refuse_changes(study.name, old=recorded.table(), new=table)
    record = {"study": table, "surroundings": surroundings.table()}
    ledger.write_study(study.name, record | {"question": question, "environment": environment()})


def _refuse_changes(name: str, *, old: dict[str, Any], new: dict[str, Any]) -> None:
    for path, before, after in _differences(fixed_part(old), fixed_part(new), ""):
        raise InputError(
            f"{path}: the ledger holds a study {name!r} with {before!r} here, but this file says {after!r}; "
            "give the new study another name"
        )


def _differences(old: Any, new: Any, path: str) -> list[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        found = [_differences(old.get(key), new.get(key), f"{path}.{key}" if path else key) for key in keys]
        return [difference for differences in found for difference in differences]
    return [] if old == new else [(path, old, new)]


# -- Ray Tune -----------------------------------------------------------------------------------------------------


def _schedule(study: Study, share: Share, progress: Progress, audience: Listener, place: Place) -> None:
    """Let Ray Tune run the pending trials."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray
    from ray import tune

    from studies.searcher import DesignSearcher
    from studies.trial import RayTrial

    trial_config = {
        "ledger": str(progress.ledger.root),
        "threads": max(1, int(share.cpu)),
        "checkpoint_seconds": study.checkpoint.every_seconds,
        "modules": modules.folder_of(study.table()),
    }
    searcher = DesignSearcher(progress, trial_config, audience, retries=study.limits.trial_retries)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # what fails is told by the listener, in one line
    try:
        with _ray(place), graceful_termination(), tempfile.TemporaryDirectory(prefix="gan-studies-") as scratch:
            tune.Tuner(
                tune.with_resources(RayTrial, {"cpu": share.cpu, "gpu": share.gpu}),
                tune_config=tune.TuneConfig(
                    search_alg=searcher,
                    num_samples=-1,
                    max_concurrent_trials=place.trials_at_once(share),
                    reuse_actors=True,
                ),
                run_config=tune.RunConfig(
                    name="attempt",
                    storage_path=str(Path(scratch)),
                    verbose=0,
                    failure_config=tune.FailureConfig(max_failures=0),  # who tries again is the searcher
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                ),
            ).fit()
    except ray.exceptions.RayError as error:
        raise StudyFailed(f"Ray could not run the study: {error}") from error
    if searcher.failure is not None:
        raise searcher.failure


@contextmanager
def _ray(place: Place) -> Iterator[None]:
    """The Ray that this process has joined, or one of the study's own that ends with it."""
    if place.joined:
        yield
        return
    import ray

    # "local" is said: without it Ray joins whatever RAY_ADDRESS or an earlier `ray start` left behind.
    ray.init(address="local", logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
    try:
        yield
    finally:
        ray.shutdown()
