"""The confirmed ranking under other thresholds, and at equal critic steps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from gan_core.stability import Curve, Thresholds, judge
from gan_core.training import Training
from studies.comparison.ranking import RANKING, is_stable, rank, standings
from studies.comparison.schema import table_of
from studies.condition import Budget

ROBUSTNESS: dict[str, str] = {
    "threshold": "str",
    "value": "float64",
    "own": "bool",
    "condition": "str",
    "stable": "int64",
    "improving": "int64",
    "members": "int64",
    "rank": "int64",
    "distance": "float64",
}
EQUAL_CRITIC_STEPS: dict[str, str] = {**RANKING, "critic_steps": "int64", "measurements": "int64"}
LADDERS: Mapping[str, tuple[float, ...]] = {
    "moved": (0.0, 0.05, 0.1, 0.2, 0.4),
    "cells": (0.0, 0.25, 0.5, 0.75, 0.9),
    "spread": (0.0, 0.05, 0.1, 0.2, 0.4),
    "diverged": (0.0, 0.1, 0.25, 0.5),
    "relapse": (0.0, 0.25, 0.5, 0.75, 0.9),
    "swing": (0.125, 0.25, 0.5, 1.0, 2.0),
    "near": (0.25, 0.5, 0.75, 0.9, 0.95),
    "rise": (0.0125, 0.025, 0.05, 0.1, 0.2),
    "rise_gap": (0.0125, 0.025, 0.05, 0.1, 0.2),
    "late_share": (0.05, 0.1, 1 / 5, 0.4, 0.6),
    "rough_share": (0.1, 0.2, 1 / 3, 0.5, 0.7),
    "least": (1, 2, 3, 5, 8),
    "running": (1, 3, 5, 7),
    "quantile": (0.75, 0.8, 0.9, 0.95, 1.0),
}
"""The values that a study's own is held against: the next below it and the next above."""


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """The confirm trial of a condition that counts, as it was measured.

    curves  of every member, by its seed; None of each where the trial was given up
    """

    condition: str
    trial: int
    curves: Mapping[int, Curve | None]
    training: Training
    budget: Budget

    @property
    def critic_steps(self) -> int:
        """What its whole budget pays for, also where all members were lost before its end."""
        return self.training.critic_steps(self.budget.turns(self.training))

    def measured_critic_steps(self) -> list[int]:
        """The critic's steps at every measurement, step 0 included."""
        return [self.training.critic_steps(turns) for turns in self.budget.measured_turns(self.training)]

    def cut_at(self, critic_steps: int) -> "Confirmed":
        """The same trial as if it had ended with the last measurement that took no more critic steps."""
        due, taken = self.budget.measured_turns(self.training), self.measured_critic_steps()
        last = self.budget.clock(
            self.training, max(turns for turns, steps in zip(due, taken, strict=True) if steps <= critic_steps)
        )
        return replace(self, curves={seed: _cut(curve, last) for seed, curve in self.curves.items()})


def robustness(confirmed: list[Confirmed], thresholds: Thresholds) -> pd.DataFrame:
    """A row per threshold, value and condition; columns as in `ROBUSTNESS`.

    threshold, value   one of the study's thresholds, changed alone: its own value (`own`) and one to either side
    stable, improving  of the `members` how many are judged stable then, and how many failed but still improved
    rank, distance     of the condition then, as in the ranking; distance is empty where "failed"
    """
    own = judged(confirmed, thresholds)
    rows: list[dict[str, Any]] = []
    for field in fields(thresholds):
        for value in three_values(field.name, getattr(thresholds, field.name)):
            stands = value == getattr(thresholds, field.name)
            changed: dict[str, Any] = {field.name: value}
            members = own if stands else judged(confirmed, replace(thresholds, **changed))
            rows += ({"threshold": field.name, "value": value, "own": stands, **row} for row in _standings(members))
    return table_of(rows, ROBUSTNESS)


def three_values(threshold: str, own: float) -> list[float]:
    """The next value below the study's own, its own, the next above; two on one side where the other has none."""
    below = [value for value in LADDERS[threshold] if value < own][-2:]
    above = [value for value in LADDERS[threshold] if value > own][:2]
    return [*below[-1 if above else -2 :], own, *above[: 1 if below else 2]]


def judged(confirmed: list[Confirmed], thresholds: Thresholds) -> pd.DataFrame:
    """The members under other thresholds: condition, phase, trial, seed, outcome, improving, late_distance."""
    rows = []
    for one in confirmed:
        for seed, curve in one.curves.items():
            judgement: tuple[Any, ...] = (None, False, np.nan)
            if curve is not None:
                verdict = judge(curve, thresholds)
                judgement = (verdict.outcome, verdict.improving, verdict.late_distance)
            rows.append((one.condition, "confirm", one.trial, seed, *judgement))
    columns = ["condition", "phase", "trial", "seed", "outcome", "improving", "late_distance"]
    return pd.DataFrame(rows, columns=columns)


def equal_critic_steps(confirmed: list[Confirmed], thresholds: Thresholds, *, seed: int) -> pd.DataFrame:
    """The ranking with every curve cut where the condition with the fewest critic steps ends.

    Columns as in `RANKING`, and of each condition the `critic_steps` at its last measurement that is left, and how many
    `measurements` after step 0 are left. The late window is the last fifth of those, at least three.
    """
    steps = min((one.critic_steps for one in confirmed), default=0)
    left = {one.condition: [taken for taken in one.measured_critic_steps() if taken <= steps] for one in confirmed}
    table = rank(judged([one.cut_at(steps) for one in confirmed], thresholds), seed=seed)
    rows = (
        {**row, "critic_steps": left[row["condition"]][-1], "measurements": len(left[row["condition"]]) - 1}
        for row in table.to_dict("records")
    )
    return table_of(rows, EQUAL_CRITIC_STEPS)


def _standings(members: pd.DataFrame) -> Iterator[dict[str, Any]]:
    stable = is_stable(members)
    counted = members.assign(stable=stable, improving=members["improving"].astype(bool) & ~stable)
    counts = counted.groupby("condition")[["stable", "improving"]].sum()
    for row in standings(members).to_dict("records"):
        yield {**row, **counts.loc[row["condition"]].to_dict()}


def _cut(curve: Curve | None, last: int) -> Curve | None:
    """The curve up to that step; whatever became non-finite later had not yet."""
    if curve is None:
        return None
    kept = curve.step <= last

    def cut(column: np.ndarray | None) -> np.ndarray | None:
        return None if column is None else column[kept]

    lost = curve.nonfinite_step is not None and curve.nonfinite_step <= last
    return replace(
        curve,
        step=curve.step[kept],
        distance=curve.distance[kept],
        cells=cut(curve.cells),
        spread=cut(curve.spread),
        nonfinite_step=curve.nonfinite_step if lost else None,
    )
