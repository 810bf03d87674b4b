"""Ray Tune Searcher that issues the trials of a study's design."""

import json
from collections import Counter
from typing import Any

from ray.tune.search import Searcher

from studies.design import TrialSpec
from studies.errors import GanStudyError
from studies.progress.events import Listener
from studies.progress.pending import StudyProgress
from studies.progress.summaries import EvaluationSummary


class DesignSearcher(Searcher):
    """Issues the first trial of the design that has neither ended nor been issued; waits while there is none.

    Lasting state is in the ledger, so the state that Tune saves of this searcher is empty. A trial whose worker died
    is issued again, up to `retries` times. Tune's own retries are off: they would cover running trials only, not one
    that was pending on a node that died.

    failure  error of the ledger after which no further trial is issued, else None
    """

    def __init__(self, progress: StudyProgress, trial_config: dict[str, Any], listener: Listener, *, retries: int):
        super().__init__(metric="iteration", mode="max")
        self._retries, self._deaths = retries, Counter[str]()
        self._progress, self._trial_config, self._listener = progress, trial_config, listener
        self._issued: dict[str, TrialSpec] = {}
        self.failure: GanStudyError | None = None

    def suggest(self, trial_id: str) -> Any:
        """Tune's configuration of the next trial; None to wait for running trials, `Searcher.FINISHED` at the end."""
        try:
            pending = [] if self.failure else self._progress.pending()
            self._progress.write_plan()
        except GanStudyError as error:
            pending, self.failure = [], error
        issued = {spec.address for spec in self._issued.values()}
        for spec in pending:
            if spec.address not in issued:
                self._issued[trial_id] = spec
                return {**self._trial_config, "payload": spec.payload()}
        return None if issued else Searcher.FINISHED

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        spec = self._issued.get(trial_id)
        if spec is not None:
            summaries = [EvaluationSummary(**summary) for summary in json.loads(result.get("summaries", "[]"))]
            self._listener.measured(spec, summaries)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        spec = self._issued.pop(trial_id, None)
        if spec is None:
            return
        entry = self._progress.ledger.entry(spec.address)
        if error and not entry.finished:
            self._deaths[spec.address] += 1
            if self._deaths[spec.address] <= self._retries:
                return
            try:
                entry.record_failure("the trial's worker died more often than limits.trial_retries allows")
            except GanStudyError as failure:
                self.failure = failure
                return
        self._listener.ended(spec, entry)

    def __getstate__(self) -> dict[str, Any]:
        """An empty state: Tune pickles the searcher at the start, but this project never restores it."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        pass

    def restore(self, checkpoint_path: str) -> None:
        pass
