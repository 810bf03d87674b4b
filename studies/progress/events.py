"""Events of a run, and the listeners that receive them."""

import logging
from collections.abc import Callable, Sequence

from studies.design import TrialSpec
from studies.ledger.entries import Entry
from studies.progress.pending import StudyProgress
from studies.progress.summaries import EvaluationSummary


class Listener:
    """Receives the events of a run; every method does nothing unless a subclass overrides it."""

    def opened(self, progress: StudyProgress) -> None:
        """The study is valid and locked for this run; `progress` has read what the ledger already holds."""

    def measured(self, spec: TrialSpec, summaries: Sequence[EvaluationSummary]) -> None:
        """A trial is running; `summaries` are its evaluations since the last call, possibly none."""

    def ended(self, spec: TrialSpec, entry: Entry) -> None:
        """A trial ended, finished or failed."""

    def closed(self, progress: StudyProgress, interrupted: bool) -> None:
        """The run is over, for whatever reason. Called once, after `opened`."""


class Broadcast(Listener):
    """Passes every event to several listeners and logs their exceptions: one raised in a Tune callback ends a study."""

    def __init__(self, listeners: Sequence[Listener]):
        self._listeners = listeners

    def opened(self, progress: StudyProgress) -> None:
        self._send(lambda listener: listener.opened(progress))

    def measured(self, spec: TrialSpec, summaries: Sequence[EvaluationSummary]) -> None:
        self._send(lambda listener: listener.measured(spec, summaries))

    def ended(self, spec: TrialSpec, entry: Entry) -> None:
        self._send(lambda listener: listener.ended(spec, entry))

    def closed(self, progress: StudyProgress, interrupted: bool) -> None:
        self._send(lambda listener: listener.closed(progress, interrupted))

    def _send(self, event: Callable[[Listener], None]) -> None:
        for listener in self._listeners:
            try:
                event(listener)
            except Exception:
                logging.getLogger(__name__).exception("while reporting the progress of the study")
