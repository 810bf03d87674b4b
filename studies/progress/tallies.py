"""Tallies: counts and best results of the trials of each condition that ended."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from studies.design import CONFIRMING
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.ledger.trial_records import TrialRecord, read_records
from studies.progress.standing import Standing
from studies.tables.member_outcomes import classify_members, trial_results

WITHOUT_RESULT = "without a result"
"""Name under which the members of trials without a result are counted among the outcomes."""
READ_TOGETHER = 500
"""Number of trials that are in memory at the same time while the ended trials are read from the ledger."""


@dataclass
class Tally:
    """Counts of one condition.

    ended              number of ended trials, by phase
    outcomes           number of members with each outcome, those of trials without a result as `WITHOUT_RESULT`
    smallest_distance  smallest distance of a trial; +inf if none has one
    best_score         largest search score of a trial that is searched over, that is, not confirmed; 0 if there is none
    """

    ended: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    smallest_distance: float = np.inf
    best_score: float = 0.0

    @property
    def stable_share(self) -> float:
        """Share of the members of ended trials that are stable; 0 if no trial has ended."""
        return self.outcomes["stable"] / max(1, self.outcomes.total())


class Tallies:
    """The tally of each condition of a study, by name; a trial is counted once, however often it is added."""

    def __init__(self, study: Study):
        self._rules = study.outcomes
        self._counted: set[tuple[str, str, int]] = set()
        self.by_condition = {condition.name: Tally() for condition in study.conditions}

    @property
    def ended(self) -> int:
        """Number of trials that were counted."""
        return len(self._counted)

    def add(self, trials: Iterable[TrialRecord]) -> None:
        """Count trials that ended; others are left out."""
        new: list[TrialRecord] = []
        for trial in trials:
            name = (trial.spec.condition, trial.spec.phase, trial.spec.index)
            if name not in self._counted and (trial.finished or trial.end is not None):
                self._counted.add(name)
                new.append(trial)
        for trial in new:
            tally = self.by_condition[trial.spec.condition]
            tally.ended[trial.spec.phase] += 1
            if not trial.finished:
                tally.outcomes[WITHOUT_RESULT] += len(trial.spec.seeds)
        self._add_finished([trial for trial in new if trial.finished])

    def _add_finished(self, trials: Sequence[TrialRecord]) -> None:
        if not trials:
            return
        members = classify_members([(trial.facts, trial.curves) for trial in trials], self._rules)
        results = trial_results([trial.facts for trial in trials], members)
        names = iter(members.names)
        for number, trial in enumerate(trials):
            tally = self.by_condition[trial.spec.condition]
            tally.outcomes.update(islice(names, len(trial.curves.seeds)))
            if np.isfinite(distance := float(results["distance"][number])):
                tally.smallest_distance = min(tally.smallest_distance, distance)
            if trial.spec.phase not in CONFIRMING:
                tally.best_score = max(tally.best_score, float(results["search_score"][number]))

    def add_ended(self, standing: Standing) -> None:
        """Count the trials that have ended in the ledger, lost ones included, some of them in memory at a time."""
        ledger = Ledger(standing.root)
        for first in range(0, len(standing.ended), READ_TOGETHER):
            self.add(read_records(ledger, standing.ended[first : first + READ_TOGETHER], running=True))
