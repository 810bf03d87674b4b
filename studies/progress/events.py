"""Events of a run, and the listeners that receive them."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from studies.design import TrialSpec
from studies.ledger.trial_records import TrialRecord
from studies.progress.standing import Needed, Standing
from studies.progress.summaries import EvaluationSummary


@dataclass(frozen=True)
class TimeForecast:
    """Forecast of a run's time.

    run        seconds of the whole run: low end of a range that holds 80 % of such runs, median, high end; None if too
               little of it was measured on this machine
    remaining  seconds that are left; None if nothing is known yet
    """

    run: tuple[float, float, float] | None
    remaining: float | None


class Listener:
    """Receives the events of a run; every method does nothing unless a subclass overrides it."""

    def opened(self, standing: Standing, needed: Needed) -> None:
        """Called once, before any trial starts; `standing` has the trials that the ledger already holds."""

    def measured(self, spec: TrialSpec, summaries: Sequence[EvaluationSummary]) -> None:
        """Called repeatedly while a trial runs; `summaries` are its evaluations since the last call, possibly none."""

    def ended(self, trial: TrialRecord) -> None:
        """Called when a trial has ended, with or without a result."""

    def found(self, trials: Sequence[TrialRecord]) -> None:
        """Called when trials have ended that this run did not train.

        These are trials that the study is known to need only now and that the ledger already has, and those of another
        condition that trains the same.
        """

    def planned(self, needed: Needed) -> None:
        """Called after trials ended, since their results may determine how many further ones are needed."""

    def forecast(self, forecast: TimeForecast) -> None:
        """Called repeatedly while trials run, not for a run without trials."""

    def warned(self, sentence: str) -> None:
        """Called with one sentence about something that the run has mended or that the user should know."""

    def closed(self, standing: Standing, interrupted: bool) -> None:
        """Called once at the end of the run, also after an exception; `interrupted` is True if trials are pending."""


class Broadcast(Listener):
    """Passes every event to several listeners and logs their exceptions, which would otherwise end the Tune run."""

    def __init__(self, listeners: Sequence[Listener]):
        self._listeners = listeners

    def opened(self, standing: Standing, needed: Needed) -> None:
        self._send(lambda listener: listener.opened(standing, needed))

    def measured(self, spec: TrialSpec, summaries: Sequence[EvaluationSummary]) -> None:
        self._send(lambda listener: listener.measured(spec, summaries))

    def ended(self, trial: TrialRecord) -> None:
        self._send(lambda listener: listener.ended(trial))

    def found(self, trials: Sequence[TrialRecord]) -> None:
        self._send(lambda listener: listener.found(trials))

    def planned(self, needed: Needed) -> None:
        self._send(lambda listener: listener.planned(needed))

    def forecast(self, forecast: TimeForecast) -> None:
        self._send(lambda listener: listener.forecast(forecast))

    def warned(self, sentence: str) -> None:
        self._send(lambda listener: listener.warned(sentence))

    def closed(self, standing: Standing, interrupted: bool) -> None:
        self._send(lambda listener: listener.closed(standing, interrupted))

    def _send(self, event: Callable[[Listener], None]) -> None:
        for listener in self._listeners:
            try:
                event(listener)
            except Exception:
                logging.getLogger(__name__).exception("while reporting the progress of the study")
