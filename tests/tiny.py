"""A study whose trials take a tenth of a second, and ways to run it: here without Ray, or as a user would."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd

from studies.ledger import Entry, Ledger
from studies.place import Place, Share
from studies.progress import Progress
from studies.runner import Ending, Listener, run
from studies.searcher import DesignSearcher
from studies.study import Study, load_study
from studies.trial import RayTrial, TrialRun

TINY = """
# Scores differ from trial to trial, and Optuna's sampler has the ten that it learns from.
name = "tiny"
seeds = 2
budget = {steps = 36, measurements = 6}
search = {explore = 10, exploit = 2, exploit_lag = 1, confirm = {best = 1, seeds = 3}}
measures = {samples = 64, directions = 16, cells = 4}
stability = {moved = 0, cells = 0, spread = 0, near = 0.1, swing = 9}

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

SMALLER = ("search.explore=3", "search.exploit=1")

DIRAC = """
name = "dirac"
seeds = 1
budget = {steps = 20, measurements = 20}
search = {explore = 1, exploit = 0, confirm = {best = 1, seeds = 2}}
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


def study_in(folder: Path, *overrides: str, text: str = TINY) -> Study:
    """The study with its ledger in this folder."""
    file = folder / "study.toml"
    file.write_text(text)
    return load_study(file, overrides=[f"ledger.root={folder / 'ledger'}", *overrides])


def ledger_of(study: Study) -> Ledger:
    return Ledger(study.ledger.root)


def actor(root: Path, order: str) -> RayTrial:
    """The Trainable without Ray, with a working folder that is not the user's home."""
    with patch("ray.tune.trainable.trainable.DEFAULT_STORAGE_PATH", str(root / "actors")):
        return RayTrial({**settings(root), "order": order})


def settings(root: Path, checkpoint_seconds: float = 1e9) -> dict[str, Any]:
    return {"ledger": str(root), "threads": 1, "checkpoint_seconds": checkpoint_seconds}


def play_in_order(study: Study, share: Share, progress: Progress, audience: Listener, place: Place) -> None:
    """What Ray Tune does, one trial after the other in this process, every one by the same actor."""
    searcher, player = DesignSearcher(progress, settings(progress.ledger.root), audience, retries=3), None
    while isinstance(config := searcher.suggest("the only one"), dict):
        if player is None:
            player = actor(progress.ledger.root, config["order"])
        else:
            player.reset_config(config)
        while not player.step()["done"]:
            pass
        searcher.on_trial_complete("the only one")
    if searcher.failure is not None:
        raise searcher.failure


def run_without_ray(study: Study, listener: Listener | None = None) -> Ending:
    """The runner's own `run` but for Ray."""
    with patch("studies.runner._schedule", play_in_order):
        return run(study, *([] if listener is None else [listener]))


def finish(trial: TrialRun) -> None:
    while not trial.done:
        trial.play(60)
    trial.commit()


def gan_study(*arguments: str | Path, folder: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command, to its end."""
    return subprocess.run(
        command(arguments), cwd=folder, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL, **options
    )


def command(arguments: Sequence[str | Path]) -> list[str]:
    return [str(Path(sys.executable).with_name("gan-study")), *map(str, arguments)]


def clean_environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", **changes}


def finished(ledger: Ledger) -> dict[str, Entry]:
    entries = (Entry(folder) for folder in sorted((ledger.root / "trials").iterdir()))
    return {entry.address: entry for entry in entries if entry.finished}


def same_numbers(one: Entry, other: Entry) -> bool:
    """Whether two trials have the same bits in every curve, generator and sample."""
    mine, theirs = one.facts(), other.facts()
    for facts in (mine, theirs):
        for clock in ("elapsed_seconds", "measured_seconds"):  # the only facts that may differ
            facts.pop(clock)
    pd.testing.assert_frame_equal(one.curves(), other.curves(), check_exact=True)
    return mine == theirs  # the files' checksums among them
