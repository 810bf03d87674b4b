"""Stability maps with a known truth, without any training."""

from collections.abc import Sequence
from pathlib import Path

from simulated import MetricsOf, simulate

from studies.design import TrialSpec
from studies.file.study import Study
from studies.tables.results import Results

MAP = """
name = "mapped"
seeds = 2
budget = {unit = "generator_steps", steps = 20}
evaluation.measurements = 10
data.kind = "ring"
training.critic_optimizer = {kind = "adam", lr = {log_uniform = [1e-4, 1.0]}, betas = [0.0, 0.9]}

[search]
explore = {map = {x = "constraint.gp_weight", y = "training.critic_optimizer.lr", resolution = [3, 4]}}
exploit = {trials = 0}
confirm = {best = 0}

[[conditions]]
name = "wgan-gp"
preset = "wgan-gp"
constraint.gp_weight = {log_uniform = [1e-2, 1e4]}

[[conditions]]
name = "clipped"
preset = "wgan"
constraint.clip_value = {log_uniform = [1e-3, 1.0]}
map.x = "constraint.clip_value"
"""
LEARNING_RATE = "training.critic_optimizer.lr"
TIED = f'search.explore.map.y=["{LEARNING_RATE}","training.generator_optimizer.lr"]'
GENERATOR_TOO = "training.generator_optimizer={kind='adam',lr={log_uniform=[1e-4,1.0]}}"


def load(folder: Path, *overrides: str, text: str = MAP, smoke: bool = False) -> Study:
    file = folder / "study.toml"
    file.write_text(text)
    return Study.load(file, overrides=overrides, smoke=smoke)


def rises_below_a_hundredth(trial: TrialSpec, seed: int) -> Sequence[float]:
    """Stable at learning rates below 0.01, and with every second seed of wgan-gp up to 0.1; else diverged."""
    rate = float(trial.configuration[LEARNING_RATE])
    half = trial.condition == "wgan-gp" and rate < 0.1 and seed % 2 == 0
    return (0.0, 0.5, 0.9) if rate < 0.01 or half else (0.0, -0.5)


def eight_modes_if_stable(trial: TrialSpec, seed: int) -> dict[str, float]:
    return {"modes_covered": 8.0 if rises_below_a_hundredth(trial, seed)[-1] > 0 else 1.0}


def mapped(
    folder: Path,
    *overrides: str,
    trials: int | None = None,
    metrics: MetricsOf = eight_modes_if_stable,
    text: str = MAP,
) -> Results:
    """Results of the two maps, interrupted after `trials` trials if that is given."""
    return simulate(folder, rises_below_a_hundredth, *overrides, trials=trials, text=text, metrics=metrics)
