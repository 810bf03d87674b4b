"""Progress of a run: a live table on a terminal, else one line per trial."""

from collections.abc import Sequence
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
from studies.ledger.trial_records import TrialRecord
from studies.numbers import MISSING, format_distance, format_duration, format_setting
from studies.progress.events import Listener
from studies.progress.standing import Needed, Standing
from studies.progress.summaries import EvaluationSummary
from studies.progress.tallies import WITHOUT_RESULT, Tallies
from studies.reporting.text.ranking_rows import count_outcomes
from studies.tables.member_outcomes import classify_members, late_distance


def listener(study: Study, console: Console) -> "PlainProgress":
    """A listener that prints progress: a live table on a terminal, plain lines elsewhere."""
    return LiveProgress(study, console) if console.is_terminal else PlainProgress(study, console)


def trial_label(spec: TrialSpec) -> str:
    """Condition, phase and number of a trial, as in "wgan explore 0"."""
    return f"{spec.condition} {spec.phase} {spec.index}"


class PlainProgress(Listener):
    """Listener that prints the number of trials at the start, warnings, and a line for each trial that ends."""

    def __init__(self, study: Study, console: Console):
        self._study, self._console = study, console
        self._total, self._groups = least(study), dict[str, int]()
        self._longest_name = max(len(condition.name) for condition in study.conditions)
        self._longest_phase = max(len(phase) for condition in study.conditions for phase in counts(study, condition))
        self._ended, self._started = 0, monotonic()

    def opened(self, standing: Standing, needed: Needed) -> None:
        self._ended = len(standing.ended)
        self._total, self._groups = needed.trials, dict(needed.groups)
        in_ledger = f", {self._ended} of them in the ledger already" if self._ended else ""
        most = total(self._study)
        trials = f"{self._total}" if self._total == most else f"{self._total} to {most}"
        self._print(f"{self._study.name}: {trials} trials of {count_noun(self._study.seeds, 'seed')}{in_ledger}")
        self._print(f"ledger: {standing.root}")

    def warn(self, sentence: str) -> None:
        """Print a warning, which does not stop the study."""
        self._print(f"warning: {sentence}")

    def note(self, sentence: str) -> None:
        """Print a sentence about the run."""
        self._print(sentence)

    def warned(self, sentence: str) -> None:
        self.warn(sentence)

    def ended(self, trial: TrialRecord) -> None:
        self._ended += 1
        width = len(str(self._total))
        elapsed = format_duration(monotonic() - self._started)
        self._print(f"[{self._ended:>{width}}/{self._total} {elapsed}] {self._result_line(trial)}")

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

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)


class LiveProgress(PlainProgress):
    """A table of the conditions that is redrawn during the run; lines of failed trials remain above it."""

    def __init__(self, study: Study, console: Console):
        super().__init__(study, console)
        self._tallies = Tallies(study)
        self._planned = {condition.name: counts(study, condition) for condition in study.conditions}
        self._running: dict[str, tuple[TrialSpec, int]] = {}
        self._ended_before = 0
        self._first_report: float | None = None
        self._live = rich.live.Live(
            get_renderable=self._table, console=console, refresh_per_second=2, transient=False, redirect_stderr=False
        )

    def opened(self, standing: Standing, needed: Needed) -> None:
        super().opened(standing, needed)
        self._tallies.add_ended(standing)
        self._ended_before = self._ended
        if standing.pending:
            self._live.start()

    def measured(self, spec: TrialSpec, summaries: Sequence[EvaluationSummary]) -> None:
        self._first_report = self._first_report or monotonic()
        if summaries:
            self._running[spec.key] = (spec, summaries[-1].step)
        else:
            self._running.setdefault(spec.key, (spec, 0))

    def ended(self, trial: TrialRecord) -> None:
        self._running.pop(trial.spec.key, None)
        self._tallies.add([trial])
        if trial.finished:
            self._ended += 1
        else:
            super().ended(trial)

    def closed(self, standing: Standing, interrupted: bool) -> None:
        self._running.clear()
        self._live.stop()

    def _table(self) -> Group:
        phases = max(self._planned.values(), key=len)
        table = Table(
            "condition", *phases, "smallest distance", "stable members", "failed members", title=self._study.name
        )
        for name, tally in self._tallies.by_condition.items():
            ended = [f"{tally.ended[phase]}/{count}" for phase, count in self._planned_so_far(name).items()]
            best = MISSING if np.isinf(tally.smallest_distance) else format_distance(tally.smallest_distance)
            failed = ", ".join(
                f"{tally.outcomes[outcome]} {outcome}"
                for outcome in (*OUTCOMES, WITHOUT_RESULT)
                if outcome != "stable" and tally.outcomes[outcome]
            )
            table.add_row(name, *ended, best, str(tally.outcomes["stable"]), failed)
        return Group(table, Text(self._status_line(), no_wrap=True, overflow="ellipsis"))

    def _planned_so_far(self, condition: str) -> dict[Phase, int]:
        """Number of trials of a condition in each phase, of confirm those that are known to be needed."""
        if most_groups(self._study) == 1:
            return self._planned[condition]
        return {**self._planned[condition], "confirm": self._groups.get(condition, 1)}

    def _status_line(self) -> str:
        """Trials ended, elapsed time, rate and rough remaining time, running trials.

        The rate is that of the trials that ended in this run. The remaining time is rough, since confirm trials usually
        have more seeds and take longer.
        """
        ended = self._ended - self._ended_before
        line = f"{self._ended}/{self._total} trials ended, {format_duration(monotonic() - self._started)} elapsed"
        if self._first_report is None:
            line += ", starting Ray"
        elif ended:
            seconds = (monotonic() - self._first_report) / ended
            left = format_duration((self._total - self._ended) * seconds)
            line += f", {60 / seconds:.1f} trials per minute, about {left} left"
        budget = self._study.budget.steps
        running = ", ".join(f"{trial_label(spec)} {100 * step // budget}%" for spec, step in self._running.values())
        return f"{line}; running: {running}" if running else line
