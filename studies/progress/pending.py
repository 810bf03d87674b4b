"""StudyProgress: the trials of a design that ended, and those that are pending."""

from dataclasses import asdict

from studies.design import Design, TrialSpec
from studies.ledger.ledger import Ledger
from studies.tables.member_outcomes import score


class StudyProgress:
    """The ended and the pending trials of a design; each ended trial is read from the ledger once."""

    def __init__(self, design: Design, ledger: Ledger):
        self.design, self.ledger = design, ledger
        self._scores: dict[str, float] = {}
        self._written: set[str] = set()

    def trials(self) -> list[TrialSpec]:
        """Every trial whose configuration is determined by the trials that ended so far."""
        while True:  # the scores of trials that ended may determine further configurations
            known = list(self.design.trials(self._scores))
            ended = [trial for trial in known if trial.address not in self._scores and self._has_ended(trial)]
            if not ended:
                return known
            for trial in ended:
                self._scores[trial.address] = score(self.ledger.entry(trial.address), self.design.study.outcomes)

    def _has_ended(self, trial: TrialSpec) -> bool:
        entry = self.ledger.entry(trial.address)
        return entry.finished or entry.error() is not None

    def write_plan(self) -> None:
        """Write the known trials into the study's plan in the ledger, so that results can be read without Optuna."""
        known = self.trials()
        unwritten = [asdict(trial) for trial in known if trial.name not in self._written]
        if unwritten:
            self.ledger.write_plan(self.design.study.name, unwritten, append=bool(self._written))
            self._written |= {trial.name for trial in known}

    def pending(self) -> list[TrialSpec]:
        """The known trials that have not ended."""
        return [trial for trial in self.trials() if trial.address not in self._scores]
