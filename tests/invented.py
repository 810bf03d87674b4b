"""Results of a study with chosen distances and outcomes, without any training."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from studies.design import TrialSpec
from studies.file.distributions import draw
from studies.file.study import Study
from studies.ledger.trial_records import TrialRecord
from studies.ledger.unfinished import EndState, TrialEnd
from studies.tables.columns import MEMBER_COLUMNS, TRIAL_COLUMNS
from studies.tables.results import Results

STEPS = np.arange(0, 101, 10)
HEALTH = ("critic_slope", "critic_gradient_norm", "generator_gradient_norm")
REAL_VALUES = {"precision": 0.96, "coverage": 0.99}
GAUSSIAN_VALUES = {"precision": 0.39, "coverage": 0.36}
REFERENCE_DISTANCES = {"real": 0.03, "constant": 0.45, "gaussian": 0.05}

OutcomeAndStep = tuple[str, int | None]
Distances = Callable[[str, str, int, int], np.ndarray]
"""Distances of a member at `STEPS`, from (condition, phase, trial, seed)."""
Outcomes = Callable[[str, str, int, int], OutcomeAndStep]
"""Outcome of a member, from (condition, phase, trial, seed)."""


def falling(condition: str, phase: str, trial: int, seed: int) -> np.ndarray:
    """From 0.6 to about 0.1, different for each of seven consecutive seeds."""
    return 0.1 + 0.01 * (seed % 7) + 0.5 * np.exp(-STEPS / 25)


def always_stable(condition: str, phase: str, trial: int, seed: int) -> OutcomeAndStep:
    return "stable", None


def study_of(conditions: Iterable[str], folder: Path, *, seeds: int, explore: int, confirm: int, data: str) -> Study:
    tables = "".join(
        f'[[conditions]]\nname = "{name}"\npreset = "wgan-gp"\nconstraint.gp_weight = {{log_uniform = [0.1, 100]}}\n'
        "training.n_critic = {choice = [1, 5]}\n"
        "training.critic_optimizer = {kind = 'adam', lr = {log_uniform = [1e-5, 1e-2]}}\n"
        for name in conditions
    )
    file = folder / "invented.toml"
    file.write_text(
        f'name = "invented"\nseeds = {seeds}\nbudget = {{unit = "generator_steps", steps = 100}}\n'
        f'evaluation.measurements = 10\ndata = {{kind = "{data}"}}\n'
        f"search.explore = {explore}\nsearch.exploit.trials = 0\n"
        f"search.confirm = {{best = 1, seeds = {max(confirm, 1)}}}\n"
        f"{tables}"
    )
    return Study.load(file)


def results_of(
    folder: Path,
    *conditions: str,
    seeds: int = 3,
    explore: int = 4,
    confirm: int = 3,
    distances: Distances = falling,
    outcomes: Outcomes = always_stable,
    data: str = "digits",
    ends: Mapping[int, EndState] = MappingProxyType({}),
) -> Results:
    """Every explore trial and one confirm trial (none if `confirm` is 0).

    ends  how explore trials ended without a result, by their index
    """
    study = study_of(conditions, folder, seeds=seeds, explore=explore, confirm=confirm, data=data)
    results = Results.__new__(Results)
    results.study, results.trial_records = study, []
    trials, members, curves = [], [], []
    for condition in study.conditions:
        for phase, index in [*(("explore", i) for i in range(explore)), *([("confirm", 0)] if confirm else [])]:
            end = ends.get(index) if phase == "explore" else None
            key = {"study": "invented", "condition": condition.name, "phase": phase, "trial": index}
            first, count = (0, seeds) if phase == "explore" else (2_000_000, confirm)
            planned = [(first + count * index + k) for k in range(count)]
            trial_seeds = planned if end is None else []
            if end is not None:
                results.trial_records.append(_without_result(condition.name, index, planned, end))
            rows = [
                key | {"seed": seed} | _member(condition.name, phase, index, seed, distances, outcomes)
                for seed in trial_seeds
            ]
            stable = [row["late_distance"] for row in rows if row["outcome"] == "stable"]
            trials.append(
                key
                | draw(condition.hyperparameters, seed=0, index=index)
                | {
                    "study": "invented",
                    "state": end or "finished",
                    "address": f"{condition.name}{index}",
                }
                | {"distance": np.mean(stable) if len(stable) == len(rows) > 0 else np.nan}
            )
            members += rows
            for seed in trial_seeds:
                curves += _curves(key | {"seed": seed}, distances(condition.name, phase, index, seed), data)
    typed = {name: "float64" for name in TRIAL_COLUMNS if name != "state"} | {"state": TRIAL_COLUMNS["state"]}
    results.trials = results._typed(
        pd.DataFrame(trials).reindex(columns=[*trials[0], *(set(typed) - set(trials[0]))]).astype(typed)
    )
    results.members = results._typed(pd.DataFrame(members).astype(MEMBER_COLUMNS))
    results.curves = results._typed(pd.concat(curves, ignore_index=True).astype({"metric": "category"}))
    results.reference_distances = dict(REFERENCE_DISTANCES)
    results.real_values, results.gaussian_values = dict(REAL_VALUES), dict(GAUSSIAN_VALUES)
    return results


def _without_result(condition: str, index: int, seeds: list[int], state: EndState) -> TrialRecord:
    spec = TrialSpec(
        condition=condition,
        phase="explore",
        index=index,
        configuration={},
        identity={"seeds": seeds},
        address=f"{condition}{index}",
        evaluation={},
        evaluation_address="",
    )
    return TrialRecord(spec, state, end=TrialEnd(state=state, reason="no luck"))


def _member(condition: str, phase: str, trial: int, seed: int, distances: Distances, outcomes: Outcomes) -> dict:
    outcome, step = outcomes(condition, phase, trial, seed)
    of_member = distances(condition, phase, trial, seed)
    late, best = (
        float(value) for value in (np.median(of_member[-3:]), np.median(sliding_window_view(of_member, 3), 1).min())
    )
    known = {"late_distance": late, "best_distance": best, "improving": False}
    values = {name: np.nan for name in MEMBER_COLUMNS} | known
    return values | {"outcome": outcome, "outcome_step": pd.NA if step is None else step}


def _curves(key: dict, distances: np.ndarray, data: str) -> list[pd.DataFrame]:
    metrics = {"sliced_wasserstein": distances} | {name: 1 + np.abs(distances) for name in HEALTH}
    if data == "ring":
        metrics |= {"modes_covered": np.minimum(8, STEPS // 12), "high_quality": STEPS / 200}
    if data == "digits":
        metrics |= {"precision": 0.9 - distances, "coverage": STEPS / 125 - distances}
    return [pd.DataFrame({**key, "step": STEPS, "metric": name, "value": values}) for name, values in metrics.items()]
