"""A study's results as they might have come out, without any training."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from studies.ledger import Ledger
from studies.results import MEMBER_MEASURES, TRIAL_MEASURES, Results
from studies.space import draw
from studies.study import Study, load_study

STEPS = np.arange(0, 101, 10)
CAUSES = ("critic_slope", "critic_gradient_norm", "generator_gradient_norm")
FLOORS = {"precision": 0.96, "coverage": 0.99}
GAUSSIANS = {"precision": 0.39, "coverage": 0.36}
LINES = {"floor": 0.03, "ref": 0.45, "gaussian": 0.05}

Fate = tuple[str, int | None]
"""An outcome and its step."""
Distances = Callable[[str, str, int, int], np.ndarray]
Fates = Callable[[str, str, int, int], Fate]


def falling(condition: str, phase: str, trial: int, seed: int) -> np.ndarray:
    """From .6 to about .1, a little different for each seed."""
    return 0.1 + 0.01 * (seed % 7) + 0.5 * np.exp(-STEPS / 25)


def always_stable(condition: str, phase: str, trial: int, seed: int) -> Fate:
    return "stable", None


def study_of(conditions: Sequence[str], folder: Path, *, seeds: int, explore: int, confirm: int, data: str) -> Study:
    tables = "".join(
        f'[[conditions]]\nname = "{name}"\npreset = "wgan-gp"\nconstraint.gp_weight = {{log_uniform = [0.1, 100]}}\n'
        "training.n_critic = {choice = [1, 5]}\n"
        "training.critic_optimizer = {kind = 'adam', lr = {log_uniform = [1e-5, 1e-2]}}\n"
        for name in conditions
    )
    file = folder / "invented.toml"
    file.write_text(
        f'name = "invented"\nseeds = {seeds}\nbudget = {{steps = 100, measurements = 10}}\ndata = {{kind = "{data}"}}\n'
        f"search = {{explore = {explore}, exploit = 0, confirm = {{best = 1, seeds = {max(confirm, 1)}}}}}\n{tables}"
    )
    return load_study(file)


def results_of(
    folder: Path,
    *conditions: str,
    seeds: int = 3,
    explore: int = 4,
    confirm: int = 3,
    distances: Distances = falling,
    fates: Fates = always_stable,
    data: str = "digits",
    given_up: Sequence[int] = (),
) -> Results:
    """Those of every explore trial and of a confirm trial (none at `confirm` 0); the explore trials in `given_up`
    ended without a member."""
    study = study_of(conditions, folder, seeds=seeds, explore=explore, confirm=confirm, data=data)
    found = Results.__new__(Results)
    found.study, found.ledger = study, Ledger(folder)
    trials, members, curves = [], [], []
    for condition in study.conditions:
        for phase, index in [*(("explore", i) for i in range(explore)), *([("confirm", 0)] if confirm else [])]:
            lost = phase == "explore" and index in given_up
            key = {"condition": condition.name, "phase": phase, "trial": index}
            first, count = (0, seeds) if phase == "explore" else (2_000_000, confirm)
            own = [] if lost else [(first + count * index + k) for k in range(count)]
            rows = [
                key | {"seed": seed} | _member(condition.name, phase, index, seed, distances, fates) for seed in own
            ]
            stable = [row["late_distance"] for row in rows if row["outcome"] == "stable"]
            trials.append(
                key
                | draw(condition.knobs, seed=0, index=index)
                | {
                    "study": "invented",
                    "state": "failed" if lost else "finished",
                    "address": f"{condition.name}{index}",
                }
                | {"distance": np.mean(stable) if len(stable) == len(rows) > 0 else np.nan}
            )
            members += rows
            for seed in own:
                curves += _curves(key | {"seed": seed}, distances(condition.name, phase, index, seed), data)
    typed = {name: "float64" for name in TRIAL_MEASURES if name != "state"} | {"state": TRIAL_MEASURES["state"]}
    found.trials = found._typed(
        pd.DataFrame(trials).reindex(columns=[*trials[0], *(set(typed) - set(trials[0]))]).astype(typed)
    )
    found.members = found._typed(pd.DataFrame(members).astype(MEMBER_MEASURES))
    found.curves = found._typed(pd.concat(curves, ignore_index=True).astype({"metric": "category"}))
    found.lines, found.recorded = dict(LINES), []
    found.floors, found.gaussians = dict(FLOORS), dict(GAUSSIANS)
    return found


def _member(condition: str, phase: str, trial: int, seed: int, distances: Distances, fates: Fates) -> dict:
    outcome, step = fates(condition, phase, trial, seed)
    late = float(np.median(distances(condition, phase, trial, seed)[-3:]))
    measures = {name: np.nan for name in MEMBER_MEASURES} | {"late_distance": late, "improving": False}
    return measures | {"outcome": outcome, "outcome_step": pd.NA if step is None else step}


def _curves(key: dict, distances: np.ndarray, data: str) -> list[pd.DataFrame]:
    metrics = {"sliced_wasserstein": distances} | {name: 1 + np.abs(distances) for name in CAUSES}
    if data == "ring":
        metrics |= {"modes_covered": np.minimum(8, STEPS // 12), "high_quality": STEPS / 200}
    if data == "digits":
        metrics |= {"precision": 0.9 - distances, "coverage": STEPS / 125 - distances}
    return [pd.DataFrame({**key, "step": STEPS, "metric": name, "value": values}) for name, values in metrics.items()]
