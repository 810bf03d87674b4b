"""Display of a running study: a live table on a terminal, one line per trial in a pipe or file.

`TalliedProgress` keeps the table, which the view for notebooks draws too.
"""

from collections.abc import Iterator, Mapping, Sequence
from time import monotonic

import numpy as np
import pandas as pd
import rich.live
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from gan_core.outcomes import OUTCOMES
from studies.design import Phase, TrialSpec, counts, least, most_groups, total
from studies.file.messages import count_noun
from studies.file.study import Study
from studies.forecast.run_forecast import Range
from studies.ledger.trial_records import TrialRecord
from studies.numbers import MISSING, format_distance, format_duration, format_setting
from studies.progress.events import Listener, TimeForecast
from studies.progress.standing import Needed, Standing
from studies.progress.summaries import EvaluationSummary
from studies.progress.tallies import WITHOUT_RESULT, Tallies
from studies.reporting.terminal.plan_text import duration_range
from studies.reporting.text.ranking_rows import count_outcomes
from studies.tables.member_outcomes import classify_members, late_distance


def listener(study: Study, console: Console) -> "PlainProgress":
    """A listener that prints progress: a live table on a terminal, plain lines elsewhere."""
    kind = LiveProgress if console.is_terminal else PlainProgress
    return kind(study, console)


def trial_label(spec: TrialSpec) -> str:
    """Condition, phase and number of a trial, as in "wgan explore 0"."""
    return f"{spec.condition} {spec.phase} {spec.index}"


FIRST_STATUS_SECONDS, STATUS_SHARE = 30.0, 0.05
"""Least time between two status lines in a log, and their least distance as a share of the elapsed time: a log of many
hours has about as many of them as one of an hour."""
MOST_RUNNING = 8
"""Largest number of running trials in a status line."""
MUCH_LONGER = 1.5
"""Least time of a run, over the upper end of its forecast, after which a likely reason is printed."""


class PlainProgress(Listener):
    """Listener that prints lines: number of trials at the start, warnings, each trial that ends, at times a status.

    At the end it prints how long the run took, beside its forecast.
    """

    def __init__(self, study: Study, console: Console):
        self._study, self._console = study, console
        self._trains = False
        self._run_forecast: Range | None = None
        self._ends_at: float | None = None
        self._total, self._groups = least(study), dict[str, int]()
        self._longest_name = max(len(condition.name) for condition in study.conditions)
        self._longest_phase = max(len(phase) for condition in study.conditions for phase in counts(study, condition))
        self._ended, self._started = 0, monotonic()
        self._ended_before, self._last_status = 0, self._started
        self._running: dict[str, tuple[TrialSpec, int]] = {}
        self._first_report: float | None = None

    def opened(self, standing: Standing, needed: Needed) -> None:
        self._ended = self._ended_before = len(standing.ended)
        self._total, self._groups = needed.trials, dict(needed.groups)
        in_ledger = f", {self._ended} of them in the ledger already" if self._ended else ""
        most = total(self._study)
        trials = f"{self._total}" if self._total == most else f"{self._total} to {most}"
        self._print(f"{self._study.name}: {trials} trials of {self._seeds()}{in_ledger}")
        self._print(f"ledger: {standing.root}")
        begun = standing.begun
        if standing.pending and (self._ended or begun):
            from_last = "from the last checkpoint or, without one, from the start"
            resumed = f"; {count_noun(begun, 'trial')} begun before {from_last}" if begun else ""
            self._print(f"goes on from trial {self._ended} of {trials}{resumed}")
        self._trains = standing.pending > 0

    def forecast(self, forecast: TimeForecast) -> None:
        if forecast.run is not None and self._run_forecast is None:
            self._run_forecast = Range(*forecast.run)
            self._print(f"forecast: {duration_range(self._run_forecast)}")
        self._ends_at = None if forecast.remaining is None else monotonic() + forecast.remaining

    def measured(self, spec: TrialSpec, summaries: Sequence[EvaluationSummary]) -> None:
        self._note_step(spec, summaries)
        now = monotonic()
        if now - self._last_status >= max(FIRST_STATUS_SECONDS, STATUS_SHARE * (now - self._started)):
            self._last_status = now
            self._print(self._status_line())

    def _note_step(self, spec: TrialSpec, summaries: Sequence[EvaluationSummary]) -> None:
        """Remember how far a running trial is."""
        self._first_report = self._first_report or monotonic()
        if summaries:
            self._running[spec.key] = (spec, summaries[-1].step)
        else:
            self._running.setdefault(spec.key, (spec, 0))

    def warn(self, sentence: str) -> None:
        """Print a warning, which does not stop the study."""
        self._print(f"warning: {sentence}")

    def note(self, sentence: str) -> None:
        """Print a sentence about the run."""
        self._print(sentence)

    def warned(self, sentence: str) -> None:
        self.warn(sentence)

    def closed(self, standing: Standing, interrupted: bool) -> None:
        if interrupted or not self._trains:
            return
        took, expected = monotonic() - self._started, self._run_forecast
        beside = "" if expected is None else f"; forecast {duration_range(expected)}"
        if expected is not None and took > MUCH_LONGER * expected.high:
            beside += ". Other programs that use the machine make a run longer than its forecast."
        self._print(f"took {format_duration(took)}{beside}")

    def ended(self, trial: TrialRecord) -> None:
        self._first_report = self._first_report or monotonic()
        self._running.pop(trial.spec.key, None)
        self._ended += 1
        width = len(str(self._total))
        elapsed = format_duration(monotonic() - self._started)
        self._print(f"[{self._ended:>{width}}/{self._total} {elapsed}] {self._result_line(trial)}")

    def found(self, trials: Sequence[TrialRecord]) -> None:
        self._count_found(trials)
        more = "1 more trial is" if len(trials) == 1 else f"{len(trials)} more trials are"
        self._print(f"{more} in the ledger already")

    def _count_found(self, trials: Sequence[TrialRecord]) -> None:
        self._ended += len(trials)
        self._ended_before += len(trials)  # they do not belong to the rate of this run

    def planned(self, needed: Needed) -> None:
        """Print which conditions get further fresh seeds, once this is known."""
        groups = dict(needed.groups)
        further = [name for name, count in groups.items() if count > max(1, self._groups.get(name, 0))]
        if further and groups != self._groups and most_groups(self._study) > 1:
            confirm, number = self._study.search.confirm, groups[further[0]]
            self._print(
                f"some pairs are undecided with {(number - 1) * confirm.seeds} fresh seeds each: {confirm.seeds} more "
                f"(up to {confirm.most}) for {', '.join(further)}"
            )
        self._groups, self._total = groups, needed.trials

    def _seeds(self) -> str:
        """Number of seeds of a trial; that of a trial of confirm too if it is another one."""
        confirm, seeds = self._study.search.confirm, self._study.seeds
        fresh = f" ({confirm.seeds} in confirm)" if confirm.best and confirm.seeds != seeds else ""
        return f"{count_noun(seeds, 'seed')}{fresh}"

    def _result_line(self, trial: TrialRecord) -> str:
        """Label and setting of a trial that ended, with its late distance, outcomes and seconds, or with its error."""
        names, spec = self._study.short_names, trial.spec
        setting = "  ".join(f"{names[path]}={format_setting(value)}" for path, value in spec.configuration.items())
        # 5: a space before and after the phase, three digits
        label = f"{trial_label(spec):<{self._longest_name + self._longest_phase + 5}}"
        if trial.end is not None:
            return f"{label} {trial.state.replace('_', ' ').upper()}: {trial.end.reason}  {setting}"
        facts = trial.facts
        members = classify_members([(facts, trial.curves)], self._study.outcomes)
        late = late_distance(members)
        distance = MISSING if np.isnan(late) else format_distance(late)
        outcomes = count_outcomes(pd.Series(members.names))
        return (
            f"{label} late distance {distance:<7} {outcomes:<26} {facts['elapsed_seconds']:5.1f} s  {setting}".rstrip()
        )

    def _status_line(self) -> str:
        """Trials ended, elapsed time, rate of the trials that ended in this run, remaining time, running trials."""
        ended = self._ended - self._ended_before
        line = f"{self._ended}/{self._total} trials ended, {format_duration(monotonic() - self._started)} elapsed"
        if self._first_report is None:
            line += ", starting Ray"
        elif ended:
            line += f", {60 * ended / (monotonic() - self._started):.1f} trials per minute"
        if self._ends_at is not None:
            line += f", about {format_duration(max(0.0, self._ends_at - monotonic()))} left"
        budget = self._study.budget.steps
        shown = list(self._running.values())[:MOST_RUNNING]
        running = ", ".join(f"{trial_label(spec)} {100 * step // budget}%" for spec, step in shown)
        more = f" and {len(self._running) - len(shown)} more" if len(self._running) > len(shown) else ""
        return f"{line}; running: {running}{more}" if running else line

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)


class TalliedProgress(PlainProgress):
    """A table of the conditions instead of a line per trial; only lines of failed trials are printed."""

    def __init__(self, study: Study, console: Console):
        super().__init__(study, console)
        self._tallies = Tallies(study)
        self._planned = {condition.name: counts(study, condition) for condition in study.conditions}
        longest: Mapping[Phase, int] = max(self._planned.values(), key=len)
        self._phases = [phase for phase in longest if any(of.get(phase) for of in self._planned.values())]

    def opened(self, standing: Standing, needed: Needed) -> None:
        super().opened(standing, needed)
        self._tallies.add_ended(standing)

    def measured(self, spec: TrialSpec, summaries: Sequence[EvaluationSummary]) -> None:
        self._note_step(spec, summaries)

    def ended(self, trial: TrialRecord) -> None:
        self._running.pop(trial.spec.key, None)
        self._tallies.add([trial])
        if trial.finished:
            self._ended += 1
        else:
            super().ended(trial)

    def found(self, trials: Sequence[TrialRecord]) -> None:
        self._count_found(trials)
        self._tallies.add(trials)

    def _headings(self) -> list[str]:
        return ["condition", *self._phases, "best distance", "stable members", "failed members"]

    def _rows(self) -> Iterator[list[str]]:
        """Cells of each condition: trials that ended in each phase, smallest distance, members by outcome."""
        for name, tally in self._tallies.by_condition.items():
            planned = {phase: self._planned_so_far(name).get(phase, 0) for phase in self._phases}
            ended = [f"{tally.ended[phase]}/{count}" if count else MISSING for phase, count in planned.items()]
            best = MISSING if np.isinf(tally.smallest_distance) else format_distance(tally.smallest_distance)
            failed = ", ".join(
                f"{tally.outcomes[outcome]} {outcome}"
                for outcome in (*OUTCOMES, WITHOUT_RESULT)
                if outcome != "stable" and tally.outcomes[outcome]
            )
            yield [name, *ended, best, str(tally.outcomes["stable"]), failed]

    def _planned_so_far(self, condition: str) -> dict[Phase, int]:
        """Number of trials of a condition in each phase, of confirm those that are known to be needed."""
        if most_groups(self._study) == 1:
            return self._planned[condition]
        return {**self._planned[condition], "confirm": self._groups.get(condition, 1)}


class LiveProgress(TalliedProgress):
    """The table on a terminal, redrawn during the run; printed lines remain above it."""

    def __init__(self, study: Study, console: Console):
        super().__init__(study, console)
        self._live = rich.live.Live(
            get_renderable=self._table, console=console, refresh_per_second=2, transient=False, redirect_stderr=False
        )

    def opened(self, standing: Standing, needed: Needed) -> None:
        super().opened(standing, needed)
        if standing.pending:
            self._live.start()

    def closed(self, standing: Standing, interrupted: bool) -> None:
        self._running.clear()
        self._live.stop()
        super().closed(standing, interrupted)

    def _table(self) -> Group:
        table = Table(*self._headings(), title=self._study.name)
        for cells in self._rows():
            table.add_row(*cells)
        return Group(table, Text(self._status_line(), no_wrap=True, overflow="ellipsis"))
