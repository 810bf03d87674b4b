"""How far a study has come: its design held against its ledger."""

from dataclasses import asdict

from studies.design import Design, Planned
from studies.judgement import score
from studies.ledger import Ledger


class Progress:
    """What has ended so far, read from the ledger once per trial."""

    def __init__(self, design: Design, ledger: Ledger):
        self.design, self.ledger = design, ledger
        self._scores: dict[str, float] = {}
        self._written: set[str] = set()

    def trials(self) -> list[Planned]:
        """The trials that can be known by now; what this reads may make further ones known."""
        while True:
            known = list(self.design.trials(self._scores))
            fresh = [trial for trial in known if trial.address not in self._scores and self._has_ended(trial)]
            if not fresh:
                return known
            for trial in fresh:
                self._scores[trial.address] = score(self.ledger.entry(trial.address), self.design.study.stability)

    def _has_ended(self, trial: Planned) -> bool:
        entry = self.ledger.entry(trial.address)
        return entry.finished or entry.error() is not None

    def write_plan(self) -> None:
        """Write down which trials are the study's: its results are read from that, whatever Optuna says by then."""
        known = self.trials()
        fresh = [asdict(trial) for trial in known if trial.name not in self._written]
        if fresh:
            self.ledger.write_plan(self.design.study.name, fresh, append=bool(self._written))
            self._written |= {trial.name for trial in known}

    def pending(self) -> list[Planned]:
        """Those of them that have not ended."""
        return [trial for trial in self.trials() if trial.address not in self._scores]
