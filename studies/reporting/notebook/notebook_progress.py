"""Progress of a run in a notebook: a bar and the table of the conditions, in one output that is replaced."""

from collections.abc import Sequence
from time import monotonic
from typing import Any

from rich.console import Console

from studies.design import TrialSpec
from studies.file.study import Study
from studies.ledger.trial_records import TrialRecord
from studies.progress.events import TimeForecast
from studies.progress.standing import Needed, Standing
from studies.progress.summaries import EvaluationSummary
from studies.reporting.notebook.notebook_views import render
from studies.reporting.terminal.progress_view import TalliedProgress

REFRESH_SECONDS = 0.5
"""Least time between two drawings: a browser takes longer for each than a terminal."""


class NotebookProgress(TalliedProgress):
    """The table below a bar; rich's live displays need the package ipywidgets, this one IPython alone."""

    def __init__(self, study: Study, console: Console):
        super().__init__(study, console)
        self._display: Any = None
        self._drawn = monotonic()

    def opened(self, standing: Standing, needed: Needed) -> None:
        super().opened(standing, needed)
        if standing.pending:
            from IPython.display import HTML, display

            self._display = display(HTML(self.html()), display_id=True)

    def measured(self, spec: TrialSpec, summaries: Sequence[EvaluationSummary]) -> None:
        super().measured(spec, summaries)
        self._draw_if_due()

    def ended(self, trial: TrialRecord) -> None:
        super().ended(trial)
        self._draw_if_due()

    def found(self, trials: Sequence[TrialRecord]) -> None:
        super().found(trials)
        self._draw_if_due()

    def forecast(self, forecast: TimeForecast) -> None:
        super().forecast(forecast)
        self._draw_if_due()

    def closed(self, standing: Standing, interrupted: bool) -> None:
        self._running.clear()
        self._draw()
        super().closed(standing, interrupted)

    def html(self) -> str:
        """The bar, the status line and the table."""
        return render(
            "progress.html.jinja",
            ended=self._ended,
            total=self._total,
            status=self._status_line(),
            headings=self._headings(),
            rows=list(self._rows()),
        )

    def _draw_if_due(self) -> None:
        if monotonic() - self._drawn >= REFRESH_SECONDS:
            self._draw()

    def _draw(self) -> None:
        """Replace the output, if there is one."""
        if self._display is not None:
            from IPython.display import HTML

            self._drawn = monotonic()
            self._display.update(HTML(self.html()))

    def _print(self, line: str) -> None:
        print(line, flush=True)  # through rich every line would be an output of its own
