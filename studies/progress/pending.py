"""StudyProgress: the trials of a design that ended, and those that are pending."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from studies.design import Design, TrialSpec, least, most_groups
from studies.errors import DamagedError
from studies.ledger.entries import Entry
from studies.ledger.leases import Lease
from studies.ledger.ledger import Ledger
from studies.ledger.plans import plan_table
from studies.ledger.trial_records import TrialRecord, read_records, record_of
from studies.ledger.unfinished import CONFIGURATIONS_OWN, TrialEnd
from studies.progress.standing import Needed, Standing
from studies.tables.member_outcomes import score

SEARCHING = ("explore", "exploit", "path_choice")
"""Phases whose scores determine further trials of their condition."""


class Update(NamedTuple):
    """The records of trials that have just ended, and the trials that became known, or can start, because they ended.

    ended    the records of these trials
    found    the records of further trials that have ended too: those of other conditions that train the same, and those
             that are known to be needed since now and that the ledger already has
    pending  further trials that can start now
    """

    ended: list[TrialRecord]
    found: list[TrialRecord]
    pending: list[TrialSpec]


class StudyProgress:
    """The ended and the pending trials of a design; each ended trial is read from the ledger once.

    A trial has ended if it is finished, or if the configuration itself made it end without a result: then its score is
    0. A lost trial has not ended: what depends on it waits for another run, so that the design does not depend on what
    was lost.

    lease   the right to write the study, which this run holds; None: nothing is written
    stopped conditions of which no further trial is started in this run
    groups  number of confirm trials of each condition that are known so far: the groups of fresh seeds, if a setting
            can have several
    """

    def __init__(self, design: Design, ledger: Ledger, lease: Lease | None = None):
        self.design, self.ledger, self._lease = design, ledger, lease
        self._known: list[TrialSpec] = []
        self._by_key: dict[str, dict[str, TrialSpec]] = defaultdict(dict)
        self._unended: Counter[tuple[str, ...]] = Counter()
        self._scores: dict[str, float] = {}
        self._failure_rates: dict[str, float] = {}
        self._distances: dict[str, np.ndarray] = {}
        self._ends: dict[str, TrialEnd] = {}
        self._unwritten: list[TrialSpec] = []
        self.stopped: set[str] = set()
        self.groups: dict[str, int] = {}
        self._parts = 0

    def trials(self) -> list[TrialSpec]:
        """Every trial whose configuration is determined by the trials that ended so far, in the ledger as it is now."""
        self._read([trial.key for trial in self._known if trial.key not in self._scores])
        self._extend()
        return list(self._known)

    def update(self, trials: Sequence[TrialSpec]) -> Update:
        """The records of `trials`, which just ended, and the further trials that ended or can start because of them.

        The time that it takes depends on the number of these trials, unless they are the last of a condition's phase
        or batch, or the last of a group of fresh seeds.
        """
        keys = [trial.key for trial in trials]
        for key in keys:
            self._ends.pop(key, None)
        entries = self._read(keys, scanned=True)
        same = [trial for key in dict.fromkeys(keys) for trial in self._by_key[key].values()]
        ended = [_together(trial) for trial in same if trial.key in self._scores and self._determines(trial)]
        self._unended.subtract(ended)
        new = self._extend() if any(self._unended[group] == 0 for group in ended) else []
        records = [
            record_of(trial, entry=entries.get(trial.key), end=self._ends.get(trial.key), running=True)
            for trial in trials
        ]
        given = {trial.name for trial in trials}
        found = [trial for trial in (*same, *new) if trial.name not in given and self.has_ended(trial)]
        pending = [trial for trial in new if self._is_pending(trial)]
        return Update(records, read_records(self.ledger, found, running=True), pending)

    def stop_condition(self, name: str) -> None:
        """Let no trial of a condition be pending any more."""
        self.stopped.add(name)

    def _is_pending(self, trial: TrialSpec) -> bool:
        return trial.condition not in self.stopped and not self.has_ended(trial)

    def has_ended(self, trial: TrialSpec) -> bool:
        """True if a trial is finished or ended without a result, lost ones included; as of the last reading."""
        return trial.key in self._scores or trial.key in self._ends

    def _extend(self) -> list[TrialSpec]:
        """Determine all trials that the scores determine, read how those ended, and return the new ones."""
        new: list[TrialSpec] = []
        while True:  # the scores of trials that ended may determine further configurations
            self._known = list(self.design.trials(self._scores, self._failure_rates, self._distances))
            added = [trial for trial in self._known if trial.name not in self._by_key[trial.key]]
            for trial in added:
                self._by_key[trial.key][trial.name] = trial
            self._read([trial.key for trial in added])
            new += added
            if not any(trial.key in self._scores for trial in added):
                break
        unended = [trial for trial in self._known if self._determines(trial) and trial.key not in self._scores]
        self._unended = Counter(map(_together, unended))
        self._unwritten += new
        self.groups = dict(Counter(trial.condition for trial in self._known if trial.phase == "confirm"))
        return new

    def _determines(self, trial: TrialSpec) -> bool:
        """True if further trials depend on how this one ends."""
        return trial.phase in SEARCHING or (trial.phase == "confirm" and most_groups(self.design.study) > 1)

    def _read(self, keys: list[str], *, scanned: bool = False) -> dict[str, Entry]:
        """Read the scores of trials that have ended, and the ends of trials without a result; returns the entries.

        Errors: `DamagedError` for a damaged entry, and for any damaged segment unless all trials have an entry.
        """
        entries = self.ledger.entries(keys, scanned=scanned)
        for key, entry in entries.items():
            self._scores[key], self._failure_rates[key], self._distances[key] = score(entry, self.design.study.outcomes)
            self._ends.pop(key, None)
        without = [key for key in keys if key not in entries]
        for key in self.ledger.started().intersection(without) if without else ():
            end = self._read_end(key)
            if end is not None:
                self._ends[key] = end
                if end.state in CONFIGURATIONS_OWN:
                    self._scores[key], self._failure_rates[key] = 0.0, 1.0
        return entries

    def _read_end(self, key: str) -> TrialEnd | None:
        unfinished = self.ledger.unfinished(key)
        try:
            return unfinished.end()
        except DamagedError:
            unfinished.set_aside("end")
            return None

    def clear_ends(self) -> None:
        """Forget how trials ended without a result, so that they are pending again."""
        self.trials()
        for key in list(self._ends):
            self.ledger.unfinished(key).clear_end()
            self._scores.pop(key, None)
            self._failure_rates.pop(key, None)
        self._ends.clear()

    def end(self, trial: TrialSpec) -> TrialEnd | None:
        """End of a trial without a result, None if it has none; as of the last reading."""
        return self._ends.get(trial.key)

    def without_result(self) -> list[TrialRecord]:
        """The records of the trials that ended without a result, lost ones included."""
        ended = [trial for trial in self.trials() if trial.key in self._ends]
        return [record_of(trial, entry=None, end=self.end(trial), running=True) for trial in ended]

    def write_plan(self) -> None:
        """Write the known trials into the study's plan in the ledger, so that results can be read without Optuna.

        Errors: `StudyFailed` if it cannot be written, or if another run has taken the study over.
        """
        assert self._lease is not None
        self._lease.check()
        if not self._known:
            self.trials()
        if self._unwritten:
            tables = [plan_table(trial, self.design) for trial in self._unwritten]
            self.ledger.write_plan(self.design.study.name, tables, run=self._lease.number, part=self._parts)
            self._parts += 1
            self._unwritten = []

    def pending(self) -> list[TrialSpec]:
        """The known trials that have not ended and are not lost, without those of stopped conditions."""
        return [trial for trial in self.trials() if self._is_pending(trial)]

    def standing(self) -> Standing:
        """The trials that have ended and the number of pending ones; nothing is read but what ended meanwhile."""
        known = self.trials()
        ended = tuple(spec for spec in known if self.has_ended(spec))
        pending = [spec for spec in known if self._is_pending(spec)]
        return Standing(
            root=self.ledger.root,
            ended=ended,
            pending=len(pending),
            begun=len(self.ledger.started().intersection(spec.key for spec in pending)),
            without_result=any(spec.key in self._ends for spec in ended),
        )

    @property
    def needed(self) -> Needed:
        """The number of trials that are known to be needed."""
        study = self.design.study
        further = sum(groups - 1 for groups in self.groups.values()) if most_groups(study) > 1 else 0
        return Needed(trials=least(study) + further, groups=self.groups)

    def unended(self) -> list[TrialSpec]:
        """The known trials that have not ended, lost ones included."""
        return [trial for trial in self.trials() if trial.key not in self._scores]


def _together(trial: TrialSpec) -> tuple[str, ...]:
    """The trials that all end before further ones are determined: of a condition's search, or of a group of seeds."""
    return ("confirm",) if trial.phase == "confirm" else ("search", trial.condition)
