"""Forecasts of a run's time among its events, computed beside the run in the process that has the study's classes."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from time import monotonic

from studies.design import TrialSpec
from studies.errors import GanStudyError
from studies.execution.resources import Resources
from studies.file.study import Study
from studies.forecast.remaining_time import RunForecast
from studies.ledger.trial_records import TrialRecord
from studies.progress.events import Listener, TimeForecast
from studies.progress.standing import Needed, Standing
from studies.progress.summaries import EvaluationSummary

SECONDS_BETWEEN = 1.0
"""Least seconds between two forecasts of the remaining time."""
CLOSING_SECONDS = 3.0
"""Longest time in which the end of a run waits for a forecast that is still being computed."""


class ForecastEvents(Listener):
    """Wraps a listener of a run: passes every event on to it, and adds forecasts of the remaining time as events.

    A thread computes the forecasts, since simulating a large study takes seconds. The listener is called by the thread
    of the run alone.

    resources  machine or cluster that the study runs on; None: this machine
    """

    def __init__(self, listener: Listener, study: Study, resources: Resources | None = None):
        self._listener, self._study, self._resources = listener, study, resources
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forecast")
        self._forecast: RunForecast | None = None
        self._new: TimeForecast | None = None
        self._running: dict[str, tuple[TrialSpec, int]] = {}
        self._last_asked = 0.0
        self._last: Future[None] = Future()
        self._last.set_result(None)

    def opened(self, standing: Standing, needed: Needed) -> None:
        self._listener.opened(standing, needed)
        if standing.pending:
            self._compute(lambda: self._begin(standing.root))
            self._ask()

    def measured(self, spec: TrialSpec, summaries: Sequence[EvaluationSummary]) -> None:
        step = summaries[-1].step if summaries else self._running.get(spec.key, (spec, 0))[1]
        self._running[spec.key] = (spec, step)
        if monotonic() - self._last_asked > SECONDS_BETWEEN:
            self._ask()
        self._pass_on()
        self._listener.measured(spec, summaries)

    def ended(self, trial: TrialRecord) -> None:
        self._running.pop(trial.spec.key, None)
        self._tell(lambda forecast: forecast.ended(trial))
        self._listener.ended(trial)

    def found(self, trials: Sequence[TrialRecord]) -> None:
        self._listener.found(trials)

    def planned(self, needed: Needed) -> None:
        self._tell(lambda forecast: forecast.planned(needed))
        self._ask()
        self._listener.planned(needed)
        self._pass_on()

    def warned(self, sentence: str) -> None:
        self._listener.warned(sentence)

    def closed(self, standing: Standing, interrupted: bool) -> None:
        if not interrupted:
            wait([self._last], timeout=CLOSING_SECONDS)
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._pass_on()
        self._listener.closed(standing, interrupted)

    def _begin(self, root: Path) -> None:
        self._forecast = RunForecast(self._study, root, self._resources)

    def _ask(self) -> None:
        """Have the remaining time computed from what runs now."""
        self._last_asked, running = monotonic(), dict(self._running)

        def remaining(forecast: RunForecast) -> None:
            seconds = forecast.seconds
            run = None if seconds is None else (seconds.low, seconds.middle, seconds.high)
            self._new = TimeForecast(run, forecast.remaining(running))

        self._tell(remaining)

    def _tell(self, step: Callable[[RunForecast], None]) -> None:
        """Call a function with the forecast of the run, if there is one."""

        def with_forecast() -> None:
            if self._forecast is not None:
                step(self._forecast)

        self._compute(with_forecast)

    def _compute(self, step: Callable[[], None]) -> None:
        """Call a function in the thread, after those before; a study that cannot be forecast runs all the same."""

        def guarded() -> None:
            try:
                step()
            except GanStudyError:
                pass
            except Exception:
                logging.getLogger(__name__).exception("while forecasting the time of the run")

        self._last = self._thread.submit(guarded)

    def _pass_on(self) -> None:
        """Pass the newest forecast on, if there is one."""
        new, self._new = self._new, None
        if new is not None:
            self._listener.forecast(new)
