"""Data with a known truth: explore trials made from arrays, and ledgers of studies for which no GAN was trained."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from gan_core.data import Ring
from gan_core.training import Training
from studies.analysis.explore_trials import ExploreTrials
from studies.design import Design, Provenance, TrialSpec
from studies.file.distributions import Distribution
from studies.file.study import Study
from studies.file.validation import build
from studies.ledger.curves import Curves
from studies.ledger.entries import GeneratorSnapshots, to_row
from studies.ledger.ledger import Ledger
from studies.ledger.unfinished import EndState, TrialEnd
from studies.locate import results
from studies.progress.pending import StudyProgress
from studies.tables.results import Results

PROVENANCE = Provenance(data_fingerprint="none", torch_version="none", device="cpu")
REFERENCE_DISTANCES = {
    "validation": {"real": 0.0, "constant": 1.0, "gaussian": None},
    "test": {"real": 1.0, "constant": 3.0, "gaussian": None},
}
RISING = (0, 0.2, 0.5, 0.8)

STUDY = """
name = "simulated"
seeds = 2
budget = {unit = "generator_steps", steps = 20}
evaluation.measurements = 10
search = {explore = 3, exploit = {trials = 0}, confirm = {best = 1, seeds = 4}}
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


def explore_trials(
    distances: np.ndarray | Sequence[float] | Sequence[Sequence[float]],
    hyperparameters: Mapping[str, Distribution] | None = None,
    *,
    condition: str = "wgan",
    defaults: Mapping[str, float] | None = None,
    scores: Sequence[float] | np.ndarray | None = None,
    **values: Sequence[float | str] | np.ndarray,
) -> ExploreTrials:
    """The explore trials of a condition, with these distances and the given values of each hyperparameter.

    Without `scores`, the score of a configuration is the share of its members that did not fail.
    """
    distances = np.asarray(distances, dtype=np.float64)
    distances = distances[:, None] if distances.ndim == 1 else distances
    return ExploreTrials(
        condition=condition,
        hyperparameters=hyperparameters or {},
        configurations=[{path: column[trial] for path, column in values.items()} for trial in range(len(distances))],
        distances=distances,
        scores=np.isfinite(distances).mean(axis=1) if scores is None else np.asarray(scores, dtype=np.float64),
        planned=len(distances),
        defaults=defaults or {},
    )


def where(reached: np.ndarray) -> np.ndarray:
    """Distances of 0.5 where `reached` is True, else of a failed member."""
    return np.where(reached, 0.5, np.inf)


def stratified(random: np.random.Generator, count: int, hyperparameters: int) -> np.ndarray:
    """Draws in [0, 1] in blocks of 8, one in each eighth of every range: (count, hyperparameters)."""
    blocks = [
        [(random.permutation(8) + random.random(8)) / 8 for _ in range(hyperparameters)] for _ in range(-(-count // 8))
    ]
    return np.concatenate([np.transpose(block) for block in blocks])[:count]


ProgressOf = Callable[[TrialSpec, int], Sequence[float] | EndState | None]
"""Progress of a member, given by trial and seed, at each evaluation; the last value holds to the end.

None if the trial ends with an exception; another state of `EndState` for another end without a result."""

MetricsOf = Callable[[TrialSpec, int], Mapping[str, float]]
"""Values of further metrics of a member, the same at every evaluation."""


def no_metrics(trial: TrialSpec, seed: int) -> Mapping[str, float]:
    return {}


def simulate(
    folder: Path,
    progress_of: ProgressOf,
    *overrides: str,
    trials: int | None = None,
    text: str = STUDY,
    metrics: MetricsOf = no_metrics,
) -> Results:
    """Results of a study whose members have this progress, interrupted after `trials` trials if that is given."""
    file = folder / "study.toml"
    file.write_text(text)
    study = Study.load(file, overrides=[f"ledger.root={folder / 'ledger'}", *overrides])
    ledger = Ledger(study.ledger.root)
    record = {"study": study.table(), "provenance": PROVENANCE.table(), "question": "", "environment": {}}
    ledger.write_study(study.name, record)
    with ledger.writing(study.name) as lease:
        study_progress = StudyProgress(Design(study, PROVENANCE), ledger, lease)
        study_progress.write_plan()
        while (pending := study_progress.pending()) and trials != 0:
            _write_entry(ledger, pending[0], study, progress_of, metrics)
            study_progress.write_plan()
            trials = None if trials is None else trials - 1
    return results(study.name, root=study.ledger.root)


def _write_entry(ledger: Ledger, trial: TrialSpec, study: Study, progress_of: ProgressOf, metrics: MetricsOf) -> None:
    budget = study.budget
    training = build(Training, trial.identity["training"], ("training",))
    due = budget.evaluation_iterations(training, study.evaluation.measurements)
    steps = [budget.elapsed_steps(training, iterations) for iterations in due]
    references = REFERENCE_DISTANCES[trial.evaluation["split"]]
    constant, real = references["constant"], references["real"]
    assert constant is not None
    assert real is not None
    evaluations: list[dict[str, list[float]]] = [{} for _ in steps]
    for seed in trial.seeds:
        progress = progress_of(trial, seed)
        if progress is None or isinstance(progress, str):
            end = TrialEnd(state=progress or "error", reason="RuntimeError: out of luck")
            ledger.unfinished(trial.key).mark_started("a node")
            ledger.unfinished(trial.key).record_end(end)
            return
        values = [*progress, *[progress[-1]] * len(steps)][: len(steps)]
        for evaluation, value in zip(evaluations, values, strict=True):
            of_member = {study.distance: constant - value * (constant - real), **metrics(trial, seed)}
            for name, number in of_member.items():
                evaluation.setdefault(name, []).append(number)
    facts = {
        **{name: getattr(trial, name) for name in ("address", "identity", "evaluation_address", "evaluation")},
        "seeds": trial.seeds,
        "distance": study.distance,
        "highest": None,
        "known_modes": study.data.modes if isinstance(study.data, Ring) else None,
        "reference_distances": references,
        "real_cells": None,
        "real_values": {},
        "gaussian_values": {},
        "nonfinite_step": [None] * len(trial.seeds),
        "generator_steps": budget.iterations(training),
        "critic_steps": training.critic_steps(budget.iterations(training)),
        "real_samples_seen": 0,
        "elapsed_seconds": 0.0,
        "ended_at": 0.0,
    }
    curves = Curves.from_evaluations(trial.seeds, steps, evaluations)
    nothing = GeneratorSnapshots((), {}, np.empty((0, 1, len(trial.seeds), 0), dtype=np.float32))
    ledger.commit([to_row(facts, curves, generators=nothing, samples={}, log=[])])
