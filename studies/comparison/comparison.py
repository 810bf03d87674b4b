"""A study compared: every table of the verdict, each computed when it is first asked for."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float

from gan_core.stability import progress
from gan_core.training import Training
from studies.comparison.budget import chances
from studies.comparison.explored import Explored, Target, defaults_of, prefix
from studies.comparison.notes import notes
from studies.comparison.outcomes import outcomes
from studies.comparison.pairs import pairs
from studies.comparison.ranking import FIRST, failed_as_infinity, first_confirmed, rank
from studies.comparison.robustness import Confirmed, equal_critic_steps, robustness
from studies.comparison.tuning import tuning
from studies.comparison.volume import volume_differences, volumes
from studies.comparison.width import shares, widths
from studies.validation import build

if TYPE_CHECKING:
    from studies.results import Results

PROGRESS = (0.75, 0.9, 0.95)
"""How far towards real data the distances lie that a configuration is to reach, unless others are given."""
STEPS = 40
"""Distances of a curve of volumes, from the constant at the data's mean to real data."""


class Comparison:
    """What one study says about its conditions. Explore gives the volumes, confirm the ranking, exploit neither.

    volumes             how much of its ranges each condition is stable in, `volume.VOLUMES`
    volume_curves       the same at `STEPS` distances between real data and the constant
    volume_differences  of every two conditions, `volume.VOLUME_DIFFERENCES`
    widths              of each knob with a range, `width.WIDTHS`
    shares              of each listed value of a knob, `width.SHARES`
    chances             of success against the number of draws, `budget.CHANCES`
    ranking             the confirmed conditions, best first, `ranking.RANKING`
    pairs               tests of every two of them, `pairs.PAIRS`
    tuning              each setting that was found beside the authors', `tuning.TUNING`
    robustness          the ranking under other thresholds, `robustness.ROBUSTNESS`
    equal_critic_steps  the ranking at equal critic steps, `robustness.EQUAL_CRITIC_STEPS`
    outcomes            what became of the members, `outcomes.OUTCOME_SHARES`
    notes               what the data cannot support, and why, in plain sentences

    `tau` are the distances to reach, the same for all conditions; left out, those at `PROGRESS` on the line from the
    constant to real data of the search reference. Everything random is drawn from the study's `search.seed`.
    """

    def __init__(self, results: "Results", *, tau: Sequence[float] | None = None):
        self.results, self._tau = results, tau

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """The distances to reach; none before a trial of explore has finished, unless they are given."""
        lines = self.results.search_lines
        ref, floor = lines.get("ref"), lines.get("floor")
        if ref is None or floor is None:
            return tuple(Target(float(tau), np.nan) for tau in self._tau or ())
        taus = [ref - share * (ref - floor) for share in PROGRESS] if self._tau is None else self._tau
        reached = progress(np.array(taus, dtype=np.float64), ref=ref, floor=floor)
        return tuple(Target(float(tau), float(share)) for tau, share in zip(taus, reached, strict=True))

    @cached_property
    def explored(self) -> tuple[Explored, ...]:
        """The explore trials that count, of each condition: those of the longest prefix in which every trial ended."""
        study, results = self.results.study, self.results
        counted = prefix(results.trials, [condition.name for condition in study.conditions], study.search.explore)
        return tuple(
            Explored(
                condition=condition.name,
                knobs=condition.knobs,
                configurations=[
                    trial.configuration
                    for trial in results.planned
                    if (trial.condition, trial.phase) == (condition.name, "explore")
                    and trial.index < counted[condition.name]
                ],
                distances=self._distances(condition.name, counted[condition.name]),
                planned=study.search.explore,
                defaults=defaults_of(condition),
            )
            for condition in study.conditions
        )

    def _distances(self, condition: str, count: int) -> Float[np.ndarray, "configurations seeds"]:
        """A trial that was given up has no members: all of them failed."""
        members = self.results.members
        explore = members[(members["condition"] == condition) & (members["phase"] == "explore")]
        distances = np.full((count, self.results.study.seeds), np.inf)
        for trial, group in explore[explore["trial"] < count].groupby("trial"):
            distances[trial] = failed_as_infinity(group)
        return distances

    @cached_property
    def confirmed(self) -> list[Confirmed]:
        """The confirm trials that count, in the order of the ranking."""
        curves = self.results.member_curves
        found = {
            trial.condition: Confirmed(
                condition=trial.condition,
                trial=trial.index,
                curves=curves.get(trial.address) or dict.fromkeys(trial.seeds),
                training=build(Training, trial.identity["training"], ("training",)),
                budget=self.results.study.budget,
            )
            for trial in self.results.planned
            if (trial.phase, trial.index) == ("confirm", FIRST)
        }
        return [found[condition] for condition in self.ranking["condition"]]

    @cached_property
    def volumes(self) -> pd.DataFrame:
        return volumes(self.explored, self.targets, seed=self._seed)

    @cached_property
    def volume_curves(self) -> pd.DataFrame:
        ref, floor = self.results.search_lines.get("ref"), self.results.search_lines.get("floor")
        if ref is None or floor is None:
            return self.volumes
        curve = [Target(ref - share * (ref - floor), share) for share in np.linspace(0, 1, STEPS + 1)[1:]]
        return volumes(self.explored, curve, seed=self._seed)

    @cached_property
    def volume_differences(self) -> pd.DataFrame:
        return volume_differences(self.explored, self.targets, seed=self._seed)

    @cached_property
    def widths(self) -> pd.DataFrame:
        return widths(self.explored, self.targets, seed=self._seed)

    @cached_property
    def shares(self) -> pd.DataFrame:
        return shares(self.explored, self.targets)

    @cached_property
    def chances(self) -> pd.DataFrame:
        return chances(self.explored, self.targets)

    @cached_property
    def ranking(self) -> pd.DataFrame:
        return rank(self.results.ended_members, seed=self._seed)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        found = {condition: distances for condition, _, distances in first_confirmed(self.results.ended_members)}
        return pairs({condition: found[condition] for condition in self.ranking["condition"]}, seed=self._seed)

    @cached_property
    def tuning(self) -> pd.DataFrame:
        return tuning(self.results.ended_members, seed=self._seed)

    @cached_property
    def robustness(self) -> pd.DataFrame:
        return robustness(self.confirmed, self.results.study.stability)

    @cached_property
    def equal_critic_steps(self) -> pd.DataFrame:
        return equal_critic_steps(self.confirmed, self.results.study.stability, seed=self._seed)

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        return outcomes(self._counted_members, seed=self._seed)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        return tuple(notes(self))

    @property
    def _seed(self) -> int:
        return self.results.study.search.seed

    @cached_property
    def _counted_members(self) -> pd.DataFrame:
        """The members of the trials that count, with those of trials that were given up."""
        members = self.results.ended_members
        counted = {one.condition: len(one.configurations) for one in self.explored}
        counts = [
            phase in ("exploit", "authors")
            or (phase == "explore" and trial < counted[condition])
            or (phase == "confirm" and trial == FIRST)
            for condition, phase, trial in zip(members["condition"], members["phase"], members["trial"], strict=True)
        ]
        return members[np.array(counts, dtype=bool)]
