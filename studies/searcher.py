"""The design behind one Ray Tune Searcher: Tune asks, the design and the ledger answer."""

import json
from collections import Counter
from typing import Any, Protocol

from ray.tune.search import Searcher

from studies.design import Planned
from studies.errors import GanStudyError
from studies.ledger import Entry
from studies.progress import Progress
from studies.tracking.projection import Measurement


class Audience(Protocol):
    """Who is told how the trials go on; must not raise."""

    def measured(self, planned: Planned, measurements: list[Measurement]) -> None: ...

    def ended(self, planned: Planned, entry: Entry) -> None: ...


class DesignSearcher(Searcher):
    """Hands out the first trial of the design that neither ended nor was issued; waits; finishes.

    It remembers nothing that the ledger does not hold but what it issued and whose workers died, so Tune's snapshots of
    it are left empty. A trial whose worker died is handed out again, up to `retries` times: Tune itself would try again
    only what was running, and give up a trial that was about to start on a node that died.

    failure  why the ledger could not be read or written; nothing is handed out from then on
    """

    def __init__(self, progress: Progress, trial_config: dict[str, Any], audience: Audience, *, retries: int):
        super().__init__(metric="turn", mode="max")
        self._retries, self._deaths = retries, Counter[str]()
        self._progress, self._trial_config, self._audience = progress, trial_config, audience
        self._issued: dict[str, Planned] = {}
        self.failure: GanStudyError | None = None

    def suggest(self, trial_id: str) -> Any:
        try:
            pending = [] if self.failure else self._progress.pending()
            self._progress.write_plan()
        except GanStudyError as error:
            pending, self.failure = [], error
        issued = {planned.address for planned in self._issued.values()}
        for planned in pending:
            if planned.address not in issued:
                self._issued[trial_id] = planned
                return {**self._trial_config, "order": planned.order()}
        return None if issued else Searcher.FINISHED

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        planned = self._issued.get(trial_id)
        if planned is not None:
            measured = [Measurement(*one) for one in json.loads(result.get("measured", "[]"))]
            self._audience.measured(planned, measured)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        planned = self._issued.pop(trial_id, None)
        if planned is None:
            return
        entry = self._progress.ledger.entry(planned.address)
        if error and not entry.finished:
            self._deaths[planned.address] += 1
            if self._deaths[planned.address] <= self._retries:
                return
            try:
                entry.give_up("the trial's worker failed more often than limits.trial_retries allows")
            except GanStudyError as failure:
                self.failure = failure
                return
        self._audience.ended(planned, entry)

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its searcher when it starts; nothing is ever restored from that."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        pass

    def restore(self, checkpoint_path: str) -> None:
        pass
