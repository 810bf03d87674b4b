"""The results of the finished trials of a study in a ledger."""

from collections.abc import Iterable

from gan_core.outcomes import OutcomeRules
from studies.forecast.simulated_trials import Result
from studies.ledger.ledger import Ledger
from studies.tables.member_outcomes import score


class HeldTrials:
    """Results of the finished trials of a ledger, which is only read; none if it does not exist."""

    def __init__(self, ledger: Ledger, rules: OutcomeRules):
        self._ledger, self._rules = ledger, rules
        self._committed = ledger.committed() if ledger.root.is_dir() else set[str]()
        self._read: dict[str, Result] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._committed

    def results(self, keys: Iterable[str]) -> dict[str, Result]:
        """The results of those of the keys that have an entry.

        Errors: `DamagedError` for a damaged entry.
        """
        wanted = self._committed.intersection(keys)
        for key, entry in self._ledger.entries(wanted - set(self._read)).items():
            self._read[key] = Result(*score(entry, self._rules))
        return {key: self._read[key] for key in wanted if key in self._read}
