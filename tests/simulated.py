"""Studies whose truth is known: explored conditions out of nothing, and ledgers that no GAN was trained for."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gan_core.training import Training
from studies.comparison.explored import Explored
from studies.design import Design, Planned, Surroundings
from studies.ledger import Ledger
from studies.progress import Progress
from studies.results import Results, results
from studies.space import Distribution
from studies.study import Study, load_study
from studies.validation import build

SURROUNDINGS = Surroundings(data_fingerprint="none", torch_version="none", device="cpu")
LINES = {
    "search": {"floor": 0.0, "ref": 1.0, "gaussian": None},
    "confirm": {"floor": 1.0, "ref": 3.0, "gaussian": None},
}
RISING = (0, 0.2, 0.5, 0.8)

STUDY = """
name = "simulated"
seeds = 2
budget = {steps = 20, measurements = 10}
search = {explore = 3, exploit = 0, confirm = {best = 1, seeds = 4}}
networks.generator = {kind = "mlp", width = 8, depth = 1, latent = 2}
networks.critic = {kind = "mlp", width = 8, depth = 1}

[training]
n_critic = 1
generator_optimizer = {kind = "adam", lr = 1e-4}
critic_optimizer = {kind = "adam", lr = {log_uniform = [1e-5, 1e-2]}}

[[conditions]]
name = "wgan"
preset = "wgan"
constraint.clip_value = {log_uniform = [1e-3, 1.0]}
training.n_critic = 2

[[conditions]]
name = "gan"
preset = "gan"
"""


def explored_of(
    distances: np.ndarray,
    knobs: Mapping[str, Distribution] | None = None,
    *,
    condition: str = "wgan",
    defaults: Mapping[str, float] | None = None,
    **values: Sequence[float],
) -> Explored:
    """A condition with these distances; the values of a knob are given under its name."""
    distances = np.asarray(distances, dtype=np.float64)
    distances = distances[:, None] if distances.ndim == 1 else distances
    return Explored(
        condition=condition,
        knobs=knobs or {},
        configurations=[{knob: column[i] for knob, column in values.items()} for i in range(len(distances))],
        distances=distances,
        planned=len(distances),
        defaults=defaults or {},
    )


def where(reached: np.ndarray) -> np.ndarray:
    """Distances that reach 0.5 there and fail elsewhere."""
    return np.where(reached, 0.5, np.inf)


Fate = Callable[[Planned, int], Sequence[float] | None]
"""A member's progress after each measurement, the last of them to the end; None gives its trial up."""


Measures = Callable[[Planned, int], Mapping[str, float]]
"""What else is measured of a member, the same at every measurement."""


def nothing_else(planned: Planned, seed: int) -> Mapping[str, float]:
    return {}


def simulate(
    folder: Path,
    fate: Fate,
    *overrides: str,
    trials: int | None = None,
    text: str = STUDY,
    measures: Measures = nothing_else,
) -> Results:
    """The results of a study whose members have these fates; of so many trials where it was interrupted."""
    file = folder / "study.toml"
    file.write_text(text)
    study = load_study(file, overrides=[f"ledger.root={folder / 'ledger'}", *overrides])
    ledger = Ledger(study.ledger.root)
    ledger.write_study(study.name, {"study": study.table()})
    progress = Progress(Design(study, SURROUNDINGS), ledger)
    progress.write_plan()
    while (pending := progress.pending()) and trials != 0:
        _play(ledger, pending[0], study, fate, measures)
        progress.write_plan()
        trials = None if trials is None else trials - 1
    return results(study.name, root=study.ledger.root)


def _play(ledger: Ledger, planned: Planned, study: Study, fate: Fate, measures: Measures) -> None:
    entry, budget = ledger.entry(planned.address), study.budget
    training = build(Training, planned.identity["training"], ("training",))
    steps = [budget.clock(training, turns) for turns in budget.measured_turns(training)]
    lines = LINES[planned.identity["split"]]
    rows = []
    for seed in planned.seeds:
        course = fate(planned, seed)
        if course is None:
            entry.log("started")
            entry.give_up("RuntimeError: out of luck")
            return
        p = [*course, *[course[-1]] * len(steps)][: len(steps)]
        rows += [
            (seed, step, "sliced_wasserstein", lines["ref"] - share * (lines["ref"] - lines["floor"]))
            for step, share in zip(steps, p, strict=True)
        ]
        rows += [(seed, step, name, value) for step in steps for name, value in measures(planned, seed).items()]
    entry.commit(
        curves=pd.DataFrame(rows, columns=["seed", "step", "metric", "value"]),
        generators={},
        samples={},
        facts={
            "address": planned.address,
            "seeds": planned.seeds,
            "lines": lines,
            "real_cells": None,
            "nonfinite_step": [None] * len(planned.seeds),
            "generator_steps": budget.turns(training),
            "critic_steps": training.critic_steps(budget.turns(training)),
            "real_samples_seen": 0,
            "elapsed_seconds": 0.0,
        },
    )
