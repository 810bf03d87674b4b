"""The confirmed ranking under other outcome rules, and at equal critic steps."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from gan_core.outcomes import MemberCurves, OutcomeRules, classify
from studies.file.budget import Budget, LoopSteps, StepCounts
from studies.tables.columns import table_of
from studies.tables.ranking import RANKING, is_stable, rank, standings

ROBUSTNESS: dict[str, str] = {
    "threshold": "str",
    "value": "float64",
    "own": "bool",
    "condition": "str",
    "stable": "int64",
    "improving": "int64",
    "members": "int64",
    "rank": "Int64",
    "distance": "float64",
}
EQUAL_CRITIC_STEPS: dict[str, str] = {**RANKING, "critic_steps": "int64", "measurements": "int64"}
ALTERNATIVES: Mapping[str, tuple[float, ...]] = {
    "moved": (0.0, 0.05, 0.1, 0.2, 0.4),
    "cells": (0.0, 0.25, 0.5, 0.75, 0.9),
    "spread": (0.0, 0.05, 0.1, 0.2, 0.4),
    "diverged": (0.0, 0.1, 0.25, 0.5),
    "relapse": (0.0, 0.25, 0.5, 0.75, 0.9),
    "swing": (0.125, 0.25, 0.5, 1.0, 2.0),
    "near": (0.25, 0.5, 0.75, 0.9, 0.95),
    "modes": (0.0, 0.5, 0.75, 0.9, 1.0),
    "rise": (0.0125, 0.025, 0.05, 0.1, 0.2),
    "rise_gap": (0.0125, 0.025, 0.05, 0.1, 0.2),
    "late_share": (0.05, 0.1, 1 / 5, 0.4, 0.6),
    "rough_share": (0.1, 0.2, 1 / 3, 0.5, 0.7),
    "least": (1, 2, 3, 5, 8),
    "running": (1, 3, 5, 7),
    "quantile": (0.75, 0.8, 0.9, 0.95, 1.0),
}
"""Values of each threshold of the outcome rules to compare with a study's own value, in increasing order."""


@dataclass(frozen=True, kw_only=True)
class ConfirmTrial:
    """A confirm trial that enters the ranking, with its curves: a group of fresh seeds of a setting found.

    trial         number of the group, from 0
    curves        curves of the members, in the order of `seeds`
    training      numbers of steps in its iterations
    measurements  number of planned evaluations after step 0
    """

    condition: str
    trial: int
    seeds: Sequence[int]
    curves: MemberCurves
    training: StepCounts
    budget: Budget
    measurements: int

    @property
    def counts_critic_steps(self) -> bool:
        """False for a training by a user's loop, whose critic steps are unknown."""
        return not isinstance(self.training, LoopSteps)

    @property
    def critic_steps(self) -> int:
        """Critic steps in the whole budget, also if training ended early because no member was finite."""
        return self.training.critic_steps(self.budget.iterations(self.training))

    def measured_critic_steps(self) -> list[int]:
        """Critic steps at every planned evaluation, step 0 included."""
        return [self.training.critic_steps(iterations) for iterations in self._planned]

    @property
    def _planned(self) -> list[int]:
        return self.budget.evaluation_iterations(self.training, self.measurements)

    def cut_at(self, critic_steps: int) -> "ConfirmTrial":
        """The same trial, with only the evaluations made after at most `critic_steps` critic steps."""
        planned, taken = self._planned, self.measured_critic_steps()
        last_step = self.budget.elapsed_steps(
            self.training,
            max(iterations for iterations, steps in zip(planned, taken, strict=True) if steps <= critic_steps),
        )
        return replace(self, curves=_cut(self.curves, last_step))


def robustness(confirmed: Sequence[ConfirmTrial], rules: OutcomeRules) -> pd.DataFrame:
    """The ranking under changed outcome rules: a row per threshold, value and condition; columns as in `ROBUSTNESS`.

    threshold, value   the one threshold that is changed, and its value: the study's own or one of two others, see
                       `three_values`
    own                True if the value is the study's own
    stable, improving  number of the condition's `members` that are stable under these rules, and number of those that
                       are not stable but improving
    rank, distance     as in the ranking, under these rules; the distance is empty if there is none
    """
    own_members = classified_members(confirmed, rules)
    rows: list[dict[str, Any]] = []
    for field in fields(rules):
        own_value = getattr(rules, field.name)
        for value in three_values(field.name, own_value):
            changed: dict[str, Any] = {field.name: value}
            is_own = value == own_value
            members = own_members if is_own else classified_members(confirmed, replace(rules, **changed))
            ranking = _ranking_rows(members, _groups(confirmed))
            rows += ({"threshold": field.name, "value": value, "own": is_own, **row} for row in ranking)
    return table_of(rows, ROBUSTNESS)


def _groups(confirmed: Sequence[ConfirmTrial]) -> int:
    return 1 + max((trial.trial for trial in confirmed), default=0)


def three_values(threshold: str, own_value: float) -> list[float]:
    """The next alternative below a study's own value, that value, and the next above; in increasing order.

    Two alternatives on one side if there is none on the other.
    """
    below = [value for value in ALTERNATIVES[threshold] if value < own_value][-2:]
    above = [value for value in ALTERNATIVES[threshold] if value > own_value][:2]
    return [*below[-1 if above else -2 :], own_value, *above[: 1 if below else 2]]


def classified_members(confirmed: Sequence[ConfirmTrial], rules: OutcomeRules) -> pd.DataFrame:
    """A row per member, classified by these rules: condition, phase, trial, seed, outcome, improving, late_distance."""
    rows = []
    for trial in confirmed:
        members = classify(trial.curves, rules)
        improving, late = members.improving.tolist(), members.late_distance.tolist()
        values = zip(members.names, improving, late, strict=True)
        keys = (trial.condition, "confirm", trial.trial)
        rows += [(*keys, seed, *of_member) for seed, of_member in zip(trial.seeds, values, strict=True)]
    columns = ["condition", "phase", "trial", "seed", "outcome", "improving", "late_distance"]
    return pd.DataFrame(rows, columns=columns)


def equal_critic_steps(confirmed: Sequence[ConfirmTrial], rules: OutcomeRules, *, seed: int) -> pd.DataFrame:
    """The ranking with every curve cut at the smallest number of critic steps that any condition takes.

    Columns as in `RANKING`, and for each condition the `critic_steps` at the last evaluation that is left, and the
    `measurements`, the number of evaluations after step 0 that are left. Late distances are computed from those.
    """
    smallest = min((trial.critic_steps for trial in confirmed), default=0)
    left = {
        trial.condition: [steps for steps in trial.measured_critic_steps() if steps <= smallest] for trial in confirmed
    }
    members = classified_members([trial.cut_at(smallest) for trial in confirmed], rules)
    table = rank(members, seed=seed, groups=_groups(confirmed))
    rows = (
        {**row, "critic_steps": left[row["condition"]][-1], "measurements": len(left[row["condition"]]) - 1}
        for row in table.to_dict("records")
    )
    return table_of(rows, EQUAL_CRITIC_STEPS)


def _ranking_rows(members: pd.DataFrame, groups: int) -> Iterator[dict[str, Any]]:
    """Rows of the ranking of these members, with the counts `stable` and `improving` of each condition."""
    stable = is_stable(members)
    flags = members.assign(stable=stable, improving=members["improving"].astype(bool) & ~stable)
    counts = flags.groupby("condition")[["stable", "improving"]].sum()
    for row in standings(members, groups).to_dict("records"):
        yield {**row, **counts.loc[row["condition"]].to_dict()}


def _cut(curves: MemberCurves, last_step: int) -> MemberCurves:
    """The evaluations of a trial's curves up to `last_step`; a member that became nonfinite later counts as finite."""
    kept = curves.step[0] <= last_step  # the members of a trial are evaluated at the same steps

    def cut(column: np.ndarray | None) -> np.ndarray | None:
        return None if column is None else column[:, kept]

    return replace(
        curves,
        step=curves.step[:, kept],
        distance=curves.distance[:, kept],
        cells=cut(curves.cells),
        spread=cut(curves.spread),
        modes_covered=cut(curves.modes_covered),
        nonfinite_step=np.where(curves.nonfinite_step <= last_step, curves.nonfinite_step, -1),
    )
