"""A run while it goes on: a live table where there is a terminal, a line per trial elsewhere."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import numpy as np
import pandas as pd
import rich.live
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from gan_core.stability import OUTCOMES
from studies.design import Planned, counts, total
from studies.judgement import ending, verdicts
from studies.ledger import Entry
from studies.progress import Progress
from studies.runner import Listener
from studies.study import Study
from studies.tracking.projection import Measurement


def listener(study: Study, console: Console) -> "Lines":
    """What shows a run: a live table where there is a terminal, plain lines elsewhere."""
    return Live(study, console) if console.is_terminal else Lines(study, console)


class Lines(Listener):
    """A line for every trial that ends."""

    def __init__(self, study: Study, console: Console):
        self._study, self._console = study, console
        self._total = total(study)
        self._ended, self._started = 0, monotonic()

    def opened(self, progress: Progress) -> None:
        known, pending = len(progress.trials()), len(progress.pending())
        self._ended = known - pending
        held = f", {self._ended} of them in the ledger already" if self._ended else ""
        self._say(f"{self._study.name}: {self._total} trials of {self._study.seeds} seeds{held}")
        self._say(f"ledger: {progress.ledger.root}")

    def warn(self, sentence: str) -> None:
        """Something that does not stop the study."""
        self._say(f"warning: {sentence}")

    def ended(self, planned: Planned, entry: Entry) -> None:
        self._ended += 1
        head = f"[{self._ended:>{len(str(self._total))}}/{self._total} {clock(monotonic() - self._started)}] "
        self._say(head + self._told(planned, entry))

    def _told(self, planned: Planned, entry: Entry) -> str:
        knobs = "  ".join(f"{path.rpartition('.')[2]}={short(v)}" for path, v in planned.configuration.items())
        name = f"{planned.condition:<{self._width}} {planned.phase} {planned.index + 1}"
        if not entry.finished:
            return f"{name:<{self._width + 12}} FAILED: {entry.error()}  {knobs}"
        judged = list(verdicts(entry.facts(), entry.course(), self._study.stability).values())
        distances = [verdict.late_distance for verdict in judged]
        median = f"{np.nanmedian(distances):.3f}" if np.isfinite(distances).any() else "  -  "
        outcomes = count_words(pd.Series([verdict.outcome for verdict in judged]))
        seconds = entry.facts()["elapsed_seconds"]
        return f"{name:<{self._width + 12}} distance {median}  {outcomes:<26} {seconds:5.1f} s  {knobs}"

    @property
    def _width(self) -> int:
        return max(len(condition.name) for condition in self._study.conditions)

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)


class Live(Lines):
    """A table of the conditions that is drawn anew while the study runs; the lines of failed trials stay above it."""

    def __init__(self, study: Study, console: Console):
        super().__init__(study, console)
        self._conditions = {condition.name: _Tally() for condition in study.conditions}
        self._running: dict[str, tuple[Planned, int]] = {}
        self._before = 0
        self._first = 0.0
        self._live = rich.live.Live(
            get_renderable=self._table, console=console, refresh_per_second=2, transient=False, redirect_stderr=False
        )

    def opened(self, progress: Progress) -> None:
        super().opened(progress)
        pending = {trial.address for trial in progress.pending()}
        for trial in progress.trials():
            if trial.address not in pending:
                self._count(trial, progress.ledger.entry(trial.address))
        self._before = self._ended
        if pending:
            self._live.start()

    def measured(self, planned: Planned, measurements: Sequence[Measurement]) -> None:
        self._first = self._first or monotonic()
        if measurements:
            self._running[planned.address] = (planned, measurements[-1].step)
        else:
            self._running.setdefault(planned.address, (planned, 0))

    def ended(self, planned: Planned, entry: Entry) -> None:
        self._running.pop(planned.address, None)
        self._count(planned, entry)
        if entry.finished:
            self._ended += 1
        else:
            super().ended(planned, entry)

    def closed(self, progress: Progress, interrupted: bool) -> None:
        self._running.clear()
        self._live.stop()

    def _count(self, planned: Planned, entry: Entry) -> None:
        tally = self._conditions[planned.condition]
        tally.done[planned.phase] += 1
        if not entry.finished:
            tally.outcomes["given up"] += len(planned.seeds)
            return
        facts = entry.facts()
        judged = list(verdicts(facts, entry.course(), self._study.stability).values())
        distance = ending(facts, judged)["distance"]
        if np.isfinite(distance):
            tally.best = min(tally.best, distance)
        tally.outcomes.update(verdict.outcome for verdict in judged)

    def _table(self) -> Group:
        planned = {condition.name: counts(self._study, condition) for condition in self._study.conditions}
        phases_of_all = max(planned.values(), key=len)
        table = Table("condition", *phases_of_all, "best distance", "stable", "failed members", title=self._study.name)
        for name, tally in self._conditions.items():
            phases = [f"{tally.done[phase]}/{count}" for phase, count in planned[name].items()]
            best = "-" if np.isinf(tally.best) else f"{tally.best:.3f}"
            failed = [f"{tally.outcomes[one]} {one}" for one in (*OUTCOMES, "given up") if one != "stable"]
            lost = ", ".join(text for text in failed if not text.startswith("0 "))
            table.add_row(name, *phases, best, str(tally.outcomes["stable"]), lost)
        return Group(table, Text(self._rate(), no_wrap=True, overflow="ellipsis"))

    def _rate(self) -> str:
        """How fast it goes, by the trials of this run; confirm's have more seeds, so that this is a rough guess."""
        ended = self._ended - self._before
        head = f"{self._ended}/{self._total} trials, {clock(monotonic() - self._started)}"
        if ended and self._first:
            each = (monotonic() - self._first) / ended
            head += f", {60 / each:.1f} trials a minute, about {clock((self._total - self._ended) * each)} left"
        elif not self._first:
            head += ", starting Ray"
        steps = self._study.budget.steps
        now = ", ".join(f"{planned.name} {100 * step // steps}%" for planned, step in self._running.values())
        return f"{head}; now {now}" if now else head


@dataclass
class _Tally:
    """What one condition has come to."""

    done: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    best: float = np.inf


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def count_words(outcomes: pd.Series) -> str:
    """Outcomes counted, the best first: "2 stable, 1 collapsed"."""
    members = outcomes.value_counts()
    return ", ".join(f"{members[outcome]} {outcome}" for outcome in OUTCOMES if members.get(outcome, 0))


def short(value: Any) -> str:
    """A knob's value as a line has room for it."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
