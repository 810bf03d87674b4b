"""A finished trial's curves -> what became of its members, under a study's thresholds.

Judged when it is read, never stored: the thresholds belong to the study, the measurements to the trial.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from gan_core.stability import OUTCOMES, Curve, Thresholds, Verdict, judge, search_score
from studies.comparison import interquartile_mean
from studies.ledger import Entry, Facts

DISTANCES = ("sliced_wasserstein", "distance_to_equilibrium")
"""The metric that decides: whichever of these a trial measured."""


def verdicts(facts: Facts, curves: pd.DataFrame, thresholds: Thresholds) -> dict[int, Verdict]:
    """The verdict on each member, by its seed."""
    return {seed: judge(curve, thresholds) for seed, curve in member_curves(facts, curves).items()}


def member_curves(facts: Facts, curves: pd.DataFrame) -> dict[int, Curve]:
    """What each member is judged by, by its seed."""
    wide = curves.pivot_table(
        index=["seed", "step"], columns="metric", values="value", dropna=False, sort=True, observed=True
    )
    nonfinite = dict(zip(facts["seeds"], facts["nonfinite_step"], strict=True))
    return {seed: _curve(facts, wide.loc[seed], nonfinite[seed]) for seed in facts["seeds"]}


def _curve(facts: Facts, wide: pd.DataFrame, nonfinite_step: int | None) -> Curve:
    def column(name: str) -> np.ndarray | None:
        return wide[name].to_numpy(np.float64) if name in wide else None

    distance = next(metric for metric in DISTANCES if metric in wide)
    return Curve(
        step=wide.index.to_numpy(np.int64),
        distance=wide[distance].to_numpy(np.float64),
        ref=facts["lines"]["ref"],
        floor=facts["lines"]["floor"],
        cells=column("cells"),
        real_cells=facts["real_cells"],
        spread=column("spread"),
        nonfinite_step=nonfinite_step,
    )


def score(entry: Entry, thresholds: Thresholds) -> float:
    """The search score of a trial that ended: larger is better, 0 where it was given up."""
    if not entry.finished:
        return 0.0
    return search_score(list(verdicts(entry.facts(), entry.curves(), thresholds).values()))


def ending(facts: Facts, judged: Sequence[Verdict]) -> dict[str, float]:
    """What a finished trial came to and what it cost; the distance is NaN where it "failed"."""
    stable = [verdict.outcome == "stable" for verdict in judged]
    distance = interquartile_mean(
        np.array([verdict.late_distance if ok else np.inf for verdict, ok in zip(judged, stable, strict=True)])
    )
    costs = ("generator_steps", "critic_steps", "real_samples_seen", "elapsed_seconds")
    return {
        "distance": distance if np.isfinite(distance) else np.nan,
        "failure_rate": 1 - float(np.mean(stable)),
        "search_score": search_score(judged),
        **{name: facts[name] for name in costs},
    }


def outcome_counts(judged: Iterable[Verdict]) -> dict[str, int]:
    """How many members came to each outcome, in the order of `OUTCOMES`."""
    outcomes = [verdict.outcome for verdict in judged]
    return {outcome: outcomes.count(outcome) for outcome in OUTCOMES}
