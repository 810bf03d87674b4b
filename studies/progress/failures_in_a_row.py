"""Trials of a condition that end without a result one after the other."""

from collections import Counter
from collections.abc import Iterable, Mapping

from studies.ledger.trial_records import TrialRecord
from studies.ledger.unfinished import CONFIGURATIONS_OWN


class FailuresInARow:
    """Counts, by condition, the trials that ended without a result since the last one that finished.

    Only ends that the configuration itself causes count, see `CONFIGURATIONS_OWN`. A lost trial changes nothing.

    most  number at which a condition is stopped; None: never
    """

    def __init__(self, most: int | None):
        self.most = most
        self._counts = Counter[str]()

    def reached(self, trial: TrialRecord) -> bool:
        """Count a trial that ended; True if it is the one with which its condition reaches the number."""
        name = trial.spec.condition
        if trial.finished:
            self._counts[name] = 0
        elif trial.end is not None and trial.end.state in CONFIGURATIONS_OWN:
            self._counts[name] += 1
            return self._counts[name] == self.most
        return False


def stopped_conditions(trials: Iterable[TrialRecord], most: int | None) -> Mapping[str, TrialRecord]:
    """Conditions that were stopped, by name, with the last of the trials that ended without a result.

    trials  records of all trials that were started
    most    as for `FailuresInARow`
    """
    failures, stopped = FailuresInARow(most), dict[str, TrialRecord]()
    for trial in sorted((trial for trial in trials if trial.finished or trial.end is not None), key=_ended_at):
        if trial.finished:
            stopped.pop(trial.spec.condition, None)
        if failures.reached(trial):
            stopped[trial.spec.condition] = trial
    return stopped


def _ended_at(trial: TrialRecord) -> float:
    if trial.finished:
        return float(trial.facts["ended_at"])
    return 0.0 if trial.end is None else trial.end.at
