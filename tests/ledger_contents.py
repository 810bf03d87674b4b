"""Contents of ledgers without training: rows of finished trials, and a small study with its plan and record."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from studies.design import Design, Provenance, TrialSpec, content_address, evaluation_address
from studies.file.study import Study
from studies.ledger.curves import Curves
from studies.ledger.entries import Entry, GeneratorSnapshots, to_row
from studies.ledger.ledger import Ledger
from studies.ledger.segments import Row

STUDY = """
name = "{name}"
seeds = 2
budget = {{unit = "generator_steps", steps = 10}}
evaluation.measurements = 5
search = {{explore = 3, exploit = {{trials = 0}}, confirm = {{best = 1, seeds = 3}}}}

[networks]
generator = {{kind = "mlp", width = 4, depth = 1, latent = 2}}
critic = {{kind = "mlp", width = 4, depth = 1}}

[training]
batch = 8
critic_optimizer = {{kind = "adam", lr = 0.02, betas = [0.5, 0.9]}}
generator_optimizer = {{kind = "adam", lr = 0.02, betas = [0.5, 0.9]}}

[[conditions]]
name = "wgan"
preset = "wgan"
constraint.clip_value = {{log_uniform = [0.03, 1.0]}}
"""
PROVENANCE = Provenance(data_fingerprint="f" * 64, torch_version="2", device="cpu")
STEPS = (0, 5, 10)
MEASURED: dict[str, Any] = {
    "distance": "a",
    "highest": None,
    "reference_distances": {"real": 0.1, "constant": 1.0, "gaussian": None},
    "real_cells": None,
    "known_modes": None,
    "real_values": {"a": 0.1},
    "gaussian_values": {},
    "generator_steps": 10,
    "critic_steps": 10,
    "real_samples_seen": 80,
    "elapsed_seconds": 0.5,
    "ended_at": 0.0,
}
"""Facts that the tables need, of a trial with the metric `a`."""


def row(index: int, **facts: Any) -> Row:
    """The row of a trial that no study has."""
    return row_of({"seeds": [3, 4], "index": index}, {"split": "test"}, index, **facts)


def row_of(identity: dict[str, Any], evaluation: dict[str, Any], index: int, **facts: Any) -> Row:
    """The row of a trial with random contents: three metrics, of which `w1` was measured at the last step alone."""
    seeds, rng = identity["seeds"], np.random.default_rng(index)
    evaluations: list[dict[str, list[float]]] = [
        {"a": rng.random(len(seeds)).tolist(), "b": [1.0, np.nan, np.inf, -0.0][: len(seeds)]} for _ in STEPS
    ]
    evaluations[-1]["w1"] = rng.random(len(seeds)).tolist()
    described = {
        "address": content_address(identity),
        "identity": identity,
        "evaluation_address": evaluation_address(evaluation),
        "evaluation": evaluation,
        "nonfinite_step": [None for _ in seeds],
        **MEASURED,
    }
    return to_row(
        {**described, **facts},
        Curves.from_evaluations(seeds, STEPS, evaluations),
        generators=GeneratorSnapshots((0, 10), {"w": (2, 3), "b": (2,)}, rng.random((2, 1, len(seeds), 8), np.float32)),
        samples={"last": rng.random((len(seeds), 4)).astype(np.float16)},
        log=["started", "ended"],
    )


def content(entry: Entry) -> tuple[Any, ...]:
    """Everything that an entry holds, its arrays as bytes."""
    curves, generators = entry.curves, entry.generators()
    arrays = (curves.seeds, curves.steps, curves.values, curves.measured, generators.values)
    samples = {name: array.tobytes() for name, array in entry.samples().items()}
    shapes = (curves.metrics, generators.steps, dict(generators.shapes))
    return entry.key, entry.facts, [array.tobytes() for array in arrays], shapes, samples, entry.log()


def contents(ledger: Ledger, keys: list[str]) -> list[tuple[Any, ...]]:
    """The `content` of every entry of these keys."""
    return [content(entry) for entry in ledger.entries(keys).values()]


def check_sentence(error: Exception) -> None:
    """Check that a message can be printed in one line."""
    assert str(error).isprintable()


def small_study(folder: Path, name: str = "small") -> Study:
    """A study of three explore trials, and of a confirm trial that depends on them."""
    file = folder / f"{name}.toml"
    file.write_text(STUDY.format(name=name))
    return Study.load(file)


def explore_trials(study: Study) -> list[TrialSpec]:
    """The trials that are known before any has ended."""
    return list(Design(study, PROVENANCE).trials({}))


def record_of(study: Study) -> dict[str, Any]:
    """The record of a study."""
    return {"study": study.table(), "provenance": PROVENANCE.table(), "question": "?", "environment": {}}


def write_finished(ledger: Ledger, study: Study) -> list[TrialSpec]:
    """Write a study with its plan and entries of all trials of the plan, and return these trials."""
    trials = explore_trials(study)
    with ledger.writing(study.name) as lease:
        ledger.write_study(study.name, record_of(study))
        ledger.write_plan(study.name, [asdict(trial) for trial in trials], run=lease.number, part=0)
        ledger.commit([row_of(trial.identity, trial.evaluation, trial.index) for trial in trials])
    return trials
