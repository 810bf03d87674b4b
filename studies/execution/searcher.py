"""Ray Tune Searcher that issues the trials of a study's design."""

import json
import pickle
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from studies.design import TrialSpec
from studies.errors import GanStudyError, StudyFailed
from studies.execution.worker_deaths import OUT_OF_MEMORY
from studies.ledger.unfinished import EndState, TrialEnd
from studies.progress.events import Listener
from studies.progress.pending import StudyProgress
from studies.progress.summaries import EvaluationSummary

RETRIES_OF_OWN_ENDS = {"out_of_memory": 1, "error": 1, "timed_out": 0}
"""Number of times that a trial is started again after an end that may be its configuration's own."""


class DesignSearcher(Searcher):
    """Issues the first trial of the design that has neither ended nor been issued; waits while there is none.

    Lasting state is in the ledger, so the state that Tune saves of this searcher is empty. A trial that was lost with
    its worker is issued again, up to `retries` times; one that raised an exception once more, and one that ran out of
    memory once more, alone. Tune's own retries are off: they would cover running trials only, not one that was pending
    on a node that died.

    failure  error of the ledger after which no further trial is issued, else None
    """

    def __init__(self, progress: StudyProgress, trial_config: dict[str, Any], listener: Listener, *, retries: int):
        super().__init__(metric="iteration", mode="max")
        self._retries: dict[str, int] = {**RETRIES_OF_OWN_ENDS, "lost": retries}
        self._attempts = Counter[tuple[str, EndState]]()
        self._progress, self._trial_config, self._listener = progress, trial_config, listener
        self._issued: dict[str, TrialSpec] = {}
        self._alone: set[str] = set()
        self._causes: dict[str, str] = {}
        self.failure: GanStudyError | None = None

    def suggest(self, trial_id: str) -> Any:
        """Tune's configuration of the next trial; None to wait for running trials, `Searcher.FINISHED` at the end."""
        try:
            pending = [] if self.failure else self._progress.pending()
            self._progress.write_plan()
        except GanStudyError as error:
            pending, self.failure = [], error
        issued = {spec.key for spec in self._issued.values()}
        spec = self._next(pending, issued)
        if spec is None:
            return None if issued else Searcher.FINISHED
        self._issued[trial_id] = spec
        return {**self._trial_config, "payload": spec.payload()}

    def _next(self, pending: list[TrialSpec], issued: set[str]) -> TrialSpec | None:
        """The next trial to start; None if none can start now.

        A trial that ran out of memory is tried again alone, since others beside it may have taken the memory.
        """
        if issued & self._alone:
            return None
        free = [spec for spec in pending if spec.key not in issued]
        together = [spec for spec in free if spec.key not in self._alone]
        candidates = together if together or issued else free
        return candidates[0] if candidates else None

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        spec = self._issued.get(trial_id)
        if spec is not None:
            summaries = [EvaluationSummary(**summary) for summary in json.loads(result.get("summaries", "[]"))]
            self._listener.measured(spec, summaries)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        spec = self._issued.pop(trial_id, None)
        if spec is None:
            return
        try:
            if not self._progress.ledger.finished([spec.key]):
                end, storage_failed = self._end(trial_id, result or {})
                if storage_failed:
                    raise StudyFailed(end.reason)
                self._attempts[spec.key, end.state] += 1
                if self._attempts[spec.key, end.state] <= self._retries[end.state]:
                    self._alone |= {spec.key} if end.state == "out_of_memory" else set()
                    return
                self._progress.ledger.unfinished(spec.key).record_end(end)
            self._progress.trials()
            record = self._progress.record(spec)
        except GanStudyError as failure:
            self.failure = failure
            return
        self._listener.ended(record)

    def _end(self, trial_id: str, result: dict[str, Any]) -> tuple[TrialEnd, bool]:
        """End of a trial without a result, and True if its worker could not write the ledger."""
        if "end" in result:
            reported = json.loads(result["end"])
            return TrialEnd(**reported["end"]), reported["storage_failed"]
        cause = self._causes.pop(trial_id, "its worker died")
        if OUT_OF_MEMORY in cause:
            return TrialEnd(
                state="out_of_memory", reason="Ray ended it because its node was running out of memory"
            ), False
        return TrialEnd(state="lost", reason=f"its worker or node was lost: {cause}"), False

    def note_cause(self, trial_id: str, error: Exception | None) -> None:
        """Remember the error with which a trial's worker ended; `on_trial_complete` is not given it."""
        text = str(error or "").strip().partition("\n")[0]
        self._causes[trial_id] = f"{type(error).__name__}: {text}" if error else "its worker died"

    def __getstate__(self) -> dict[str, Any]:
        """An empty state: Tune pickles the searcher at the start, but this project never restores it."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        pass

    def restore(self, checkpoint_path: str) -> None:
        pass


class CauseScheduler(FIFOScheduler):
    """First in, first out; notes with the searcher why a worker ended, since Tune tells a searcher only that it did."""

    def __init__(self, searcher: DesignSearcher):
        super().__init__()
        self._searcher = searcher

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        error = None
        with suppress(Exception):  # an exception here would end the whole study
            # `get_pickled_error` reads the storage, to which Tune copies this file later
            error = pickle.loads(Path(trial.pickled_error_file).read_bytes())
        self._searcher.note_cause(trial.trial_id, error)

    def __getstate__(self) -> dict[str, Any]:
        """An empty state, as the searcher's."""
        return {}
