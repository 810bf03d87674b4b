"""A study whose trials take a tenth of a second, and ways to run it: in this process without Ray, or by the command."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd

from gan_core.data import Digits
from studies.driver_entry import Prepared, run_prepared, study_of_file
from studies.errors import StudyFailed
from studies.execution.pack_training import PackTraining
from studies.execution.ray_pack import RayPack
from studies.execution.resources import Allocation, Resources
from studies.execution.runner import RunResult, run_in_this_process
from studies.execution.searcher import DesignSearcher
from studies.file.compared_features import path_of
from studies.file.study import Study
from studies.file.validation import plain
from studies.ledger.entries import Entry
from studies.ledger.ledger import Ledger
from studies.progress.events import Broadcast, Listener
from studies.progress.pending import StudyProgress

TINY = """
# Scores differ from trial to trial, and Optuna's sampler has the ten that it learns from.
name = "tiny"
seeds = 2
budget = {unit = "generator_steps", steps = 36}
search = {explore = 10, packs = false, exploit = {trials = 2, batch = 1}, confirm = {best = 1, seeds = 3}}
evaluation = {measurements = 6, samples = 64, directions = 16, cells = 4}
outcomes = {moved = 0, cells = 0, spread = 0, near = 0.1, swing = 9}

[networks]
generator = {kind = "mlp", width = 12, depth = 1, latent = 4}
critic = {kind = "mlp", width = 12, depth = 1}

[training]
batch = 8
critic_optimizer = {kind = "adam", lr = 0.02, betas = [0.5, 0.9]}
generator_optimizer = {kind = "adam", lr = 0.02, betas = [0.5, 0.9]}

[[conditions]]
name = "wgan"
preset = "wgan"
training.n_critic = 1
constraint.clip_value = {log_uniform = [0.03, 1.0]}

[[conditions]]
name = "gan"
preset = "gan"
training.n_critic = {grid = [1, 2, 3]}
training.critic_optimizer.lr = {log_uniform = [1e-3, 1e-1]}
"""

SMALLER = ("search.explore=3", "search.exploit.trials=1")

DIRAC = """
name = "dirac"
seeds = 1
budget = {unit = "generator_steps", steps = 20}
evaluation.measurements = 20
search = {explore = 1, packs = false, exploit = {trials = 0}, confirm = {best = 1, seeds = 2}}
data.kind = "dirac"
networks = {kind = "dirac", theta = 1.0, psi = -1.0}

[training]
batch = 1
update_order = "simultaneous"
critic_optimizer = {kind = "sgd", lr = 0.2}
generator_optimizer = {kind = "sgd", lr = 0.2}

[[conditions]]
name = "wasserstein"
objective.kind = "wasserstein"
"""

CONV = """
# Fewer held-out images than any figure shows, of a size that is no power of two; fakes of a batch are coupled.
name = "conv"
seeds = 1
budget = {unit = "generator_steps", steps = 8}
search = {explore = 1, exploit = {trials = 0}, confirm = {best = 1, seeds = 3}}
evaluation = {measurements = 4, samples = 50, directions = 16, cells = 4, neighbours = 2}
data = {kind = "images", path = "photos", size = 28, held_out = 5}

[networks]
generator = {kind = "conv", base = 2, latent = 4, normalisation = "batch"}
critic = {kind = "conv", base = 2}

[training]
batch = 8
critic_optimizer = {kind = "adam", lr = 0.002, betas = [0.5, 0.9]}
generator_optimizer = {kind = "adam", lr = 0.002, betas = [0.5, 0.9]}

[[conditions]]
name = "gan"
preset = "gan"
training.n_critic = {grid = [1, 2]}
"""


def study_in(folder: Path, *overrides: str, text: str = TINY) -> Study:
    """The study with its ledger in this folder."""
    file = folder / "study.toml"
    file.write_text(text)
    return Study.load(file, overrides=[f"ledger.root={folder / 'ledger'}", *overrides])


def ledger_of(study: Study) -> Ledger:
    return Ledger(study.ledger.root)


def actor(root: Path, payload: str, **config: Any) -> RayPack:
    """The Trainable without Ray; Tune's storage path is below `root` instead of the user's home."""
    with patch("ray.tune.trainable.trainable.DEFAULT_STORAGE_PATH", str(root / "actors")):
        return RayPack({**trial_config(root), "payloads": [payload], **config})


def trial_config(root: Path, checkpoint_seconds: float = 1e9) -> dict[str, Any]:
    return {
        "ledger": str(root),
        "threads": 1,
        "checkpoint_seconds": checkpoint_seconds,
        "kept": "late",
        "data": json.dumps(plain(Digits())),
        "feature_file": "",
        "limits": {},
        "watched": False,
        "gpu_share": 0.0,
    }


def schedule_without_ray(
    study: Study,
    allocation: Allocation,
    progress: StudyProgress,
    listener: Listener,
    resources: Resources,
    fail: Callable[[StudyFailed], object],
) -> str:
    """Replaces `runner._schedule`: one trial after the other in this process, all by the same actor."""
    root, trainable = progress.ledger.root, None
    config = {
        **trial_config(root),
        "kept": study.checkpoint.snapshots,
        "limits": plain(study.limits),
        "data": json.dumps(plain(study.data)),
        "feature_file": path_of(study.evaluation),
    }
    per_process, limits = study.resources.packs_per_process, study.limits
    searcher = DesignSearcher(
        progress, config, listener, retries=3, per_process=per_process, failures=limits.condition_failures
    )
    while isinstance(config := searcher.suggest("only"), dict):
        if trainable is None:
            trainable = actor(root, "null", **config)
        else:
            trainable.reset_config(config)
        while not (result := trainable.step())["done"]:
            searcher.on_trial_result("only", result)
        searcher.on_trial_complete("only", result)
    if searcher.failure is not None:
        raise searcher.failure
    return ""


def unexpected(error: StudyFailed) -> None:
    """Fail: a run without Ray has no process of Ray that could die."""
    raise AssertionError(error)


def run_without_ray(study: Study, listener: Listener | None = None) -> RunResult:
    """`run_in_this_process` with `schedule_without_ray`."""
    with patch("studies.execution.runner._schedule", schedule_without_ray):
        return run_in_this_process(study, Broadcast([] if listener is None else [listener]), fail=unexpected)


class DriverHere:
    """A driver in this process, in place of `driver_connection.Driver`."""

    resources = None

    def __init__(self, prepared: Prepared):
        self._prepared = prepared

    def study(self) -> Study:
        return self._prepared.study

    def run(self, study: Study, *listeners: Listener) -> RunResult:
        return run_prepared(self._prepared, Broadcast(listeners), fail=unexpected)


@contextmanager
def driver_here(file: str, *, overrides: list[str], smoke: bool) -> Iterator[DriverHere]:
    """Replaces `driver_process.driver_of_file`: a process of its own takes seconds to start."""
    with study_of_file({"file": file, "overrides": overrides, "smoke": smoke}) as prepared:
        yield DriverHere(prepared)


def finish(training: PackTraining, ledger: Ledger) -> Entry:
    """Train a trial to its end and commit it."""
    while not training.done:
        training.advance(60)
    (row,) = training.rows()
    ledger.commit([row])
    entry = ledger.entry(row.key)
    assert entry is not None
    return entry


def gan_study(*arguments: str | Path, folder: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        command(arguments), cwd=folder, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL, **options
    )


def command(arguments: Sequence[str | Path]) -> list[str]:
    return [str(Path(sys.executable).with_name("gan-study")), *map(str, arguments)]


def clean_environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", **changes}


def finished(ledger: Ledger) -> dict[str, Entry]:
    """Every entry of a ledger, by key."""
    return ledger.entries(ledger.sizes())


def same_numbers(first: Entry, second: Entry) -> bool:
    """True if two trials have the same bits in every curve, generator and sample."""
    pd.testing.assert_frame_equal(first.curves.frame(), second.curves.frame(), check_exact=True)
    return _timeless(first) == _timeless(second)  # the columns' checksums among them


def _timeless(entry: Entry) -> dict[str, Any]:
    """The facts without those that may differ between two runs or in another company; the log names seconds."""
    timed = ("elapsed_seconds", "measured_seconds", "ended_at", "trials_sharing_seconds")
    facts = {name: value for name, value in entry.facts.items() if name not in timed}
    return {**facts, "checksums": {name: value for name, value in facts["checksums"].items() if name != "log"}}
