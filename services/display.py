"""What a reader at a terminal sees."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from time import monotonic
from typing import Any

import numpy as np
import pandas as pd
import rich.live
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from gan_core.presets import Preset
from gan_core.stability import OUTCOMES
from services.cluster import Attempt
from studies.design import Planned, counts
from studies.judgement import ending, verdicts
from studies.ledger import Entry
from studies.progress import Progress
from studies.report import ranking_picture, sample_sheet
from studies.results import Results
from studies.runner import Ending, Listener
from studies.study import Study
from studies.tracking.projection import Measurement


def presets(rows: list[Preset]) -> Table:
    """The presets as a table."""
    table = Table("preset", "method", "objective", "constraint", "own knob and its range", "source")
    for preset in rows:
        own = [f"{path} {_compact(preset.ranges[path])}" for path in preset.ranges if not path.startswith("training.")]
        constraint = preset.table["constraint"]["kind"]
        table.add_row(
            preset.name, preset.title, preset.table["objective"]["kind"], constraint, "\n".join(own), preset.source
        )
    return table


def preset_table(preset: Preset) -> dict[str, Any]:
    """A preset as JSON can hold it."""
    return {"name": preset.name, "title": preset.title, "source": preset.source} | {
        "settings": preset.table,
        "ranges": dict(preset.ranges),
    }


def outline(study: Study) -> str:
    """What a study would run."""
    planned = sum(counts(study).values()) * len(study.conditions)
    lines = [
        f"{study.name} is valid: {len(study.conditions)} conditions x "
        f"({study.search.explore} explore + {study.search.exploit} exploit + {study.search.confirm.best} confirm) = "
        f"{planned} trials, "
        f"{study.seeds} seeds each and {study.search.confirm.seeds} to confirm, "
        f"{study.budget.steps} {study.budget.unit.replace('_', ' ')}."
    ]
    for condition in study.conditions:
        setting = next(condition.extreme_settings())
        lines.append(f"  {condition.name}: {setting.objective.kind} x {setting.constraint.kind}")
        lines += [f"    {path} {_compact(knob.table())}" for path, knob in condition.knobs.items()]
    return "\n".join(lines)


def _compact(distribution: Any) -> str:
    ((kind, content),) = dict(distribution).items()
    return f"{kind} {json.dumps(content)}"


def listener(study: Study, console: Console) -> "Lines":
    """What shows a run: a live table where there is a terminal, plain lines elsewhere."""
    return Live(study, console) if console.is_terminal else Lines(study, console)


class Lines(Listener):
    """A line for every trial that ends."""

    def __init__(self, study: Study, console: Console):
        self._study, self._console = study, console
        self._total = sum(counts(study).values()) * len(study.conditions)
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
        head = f"[{self._ended:>{len(str(self._total))}}/{self._total} {_clock(monotonic() - self._started)}] "
        self._say(head + self._told(planned, entry))

    def _told(self, planned: Planned, entry: Entry) -> str:
        knobs = "  ".join(f"{path.rpartition('.')[2]}={_short(v)}" for path, v in planned.configuration.items())
        name = f"{planned.condition:<{self._width}} {planned.phase} {planned.index + 1}"
        if not entry.finished:
            return f"{name:<{self._width + 12}} FAILED: {entry.error()}  {knobs}"
        judged = list(verdicts(entry.facts(), entry.curves(), self._study.stability).values())
        distances = [verdict.late_distance for verdict in judged]
        median = f"{np.nanmedian(distances):.3f}" if np.isfinite(distances).any() else "  -  "
        outcomes = _count_words(pd.Series([verdict.outcome for verdict in judged]))
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
        judged = list(verdicts(facts, entry.curves(), self._study.stability).values())
        distance = ending(facts, judged)["distance"]
        if np.isfinite(distance):
            tally.best = min(tally.best, distance)
        tally.outcomes.update(verdict.outcome for verdict in judged)

    def _table(self) -> Group:
        planned = counts(self._study)
        table = Table("condition", *planned, "best distance", "stable", "failed members", title=self._study.name)
        for name, tally in self._conditions.items():
            phases = [f"{tally.done[phase]}/{count}" for phase, count in planned.items()]
            best = "-" if np.isinf(tally.best) else f"{tally.best:.3f}"
            failed = [f"{tally.outcomes[one]} {one}" for one in (*OUTCOMES, "given up") if one != "stable"]
            lost = ", ".join(text for text in failed if not text.startswith("0 "))
            table.add_row(name, *phases, best, str(tally.outcomes["stable"]), lost)
        return Group(table, Text(self._rate(), no_wrap=True, overflow="ellipsis"))

    def _rate(self) -> str:
        """How fast it goes, by the trials of this run; confirm's have more seeds, so that this is a rough guess."""
        ended = self._ended - self._before
        head = f"{self._ended}/{self._total} trials, {_clock(monotonic() - self._started)}"
        if ended and self._first:
            each = (monotonic() - self._first) / ended
            head += f", {60 / each:.1f} trials a minute, about {_clock((self._total - self._ended) * each)} left"
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


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _count_words(outcomes: pd.Series) -> str:
    members = outcomes.value_counts()
    return ", ".join(f"{members[outcome]} {outcome}" for outcome in OUTCOMES if members.get(outcome, 0))


def markdown(frame: pd.DataFrame) -> str:
    """A table in Markdown, every number in full."""
    rows = [list(frame.columns), ["---"] * len(frame.columns), *frame.astype("object").to_numpy().tolist()]
    return "\n".join("| " + " | ".join("" if pd.isna(cell) else str(cell) for cell in row) + " |" for row in rows)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def ranking(found: Results, console: Console) -> None:
    """The ranking table, and what its numbers are to be held against."""
    frame = found.ranking
    if frame.empty:
        console.print(
            f"{found.study.name}: nothing is confirmed yet, so there is no ranking; "
            f"{len(found.members)} members have finished (gan-study results {found.study.name} --table members).",
            markup=False,
            soft_wrap=True,
        )
        return
    seeds = found.study.search.confirm.seeds
    table = Table(title=f"{found.study.name}: the setting found for each condition, on {seeds} fresh seeds")
    for name in ("", "condition", "distance", "95 %", "failed", "95 %", "outcomes", "winning configuration"):
        table.add_column(
            name, justify="left" if name in ("condition", "outcomes", "winning configuration") else "right"
        )
    for row in frame.to_dict("records"):
        table.add_row(*_ranking_row(found, row))
    console.print(table)
    lines = found.lines
    console.print(_legend(lines), markup=False, soft_wrap=True)


def _ranking_row(found: Results, row: dict[str, Any]) -> list[str]:
    members = found.members
    own = members[
        (members["condition"] == row["condition"])
        & (members["phase"] == "confirm")
        & (members["trial"] == row["trial"])
    ]
    configuration = {path: row[path] for path in found.study.condition(row["condition"]).knobs}
    return [
        str(row["rank"]),
        row["condition"],
        _distance(row["distance"]),
        f"{_distance(row['distance_low'])} .. {_distance(row['distance_high'])}",
        f"{row['failure_rate']:.0%}",
        f"{row['failure_low']:.0%} .. {row['failure_high']:.0%}",
        _count_words(own["outcome"]),
        "  ".join(f"{path.rpartition('.')[2]}={_short(value)}" for path, value in configuration.items()),
    ]


def _distance(value: float) -> str:
    return "failed" if np.isnan(value) else f"{value:.3f}"


def _legend(lines: dict[str, Any]) -> str:
    legend = "distance: interquartile mean over the seeds, lower is better"
    if lines.get("gaussian") is None:
        return legend
    return (
        f"{legend}; sliced Wasserstein. Real against real {lines['floor']:.3f}, a Gaussian with the data's "
        f"covariance {lines['gaussian']:.3f}, a constant {lines['ref']:.3f}."
    )


def attempts(rows: list[Attempt]) -> Table:
    """The attempts that a cluster remembers."""
    table = Table("study", "attempt", "status", "exit code", "started (UTC)", "took", "commit")
    for row in rows:
        code = "" if row.exit_code is None else str(row.exit_code)
        end = row.ended or datetime.now(UTC)
        took = "" if row.started is None else _clock((end - row.started).total_seconds())
        started = "" if row.started is None else f"{row.started:%Y-%m-%d %H:%M:%S}"
        commit = f"{(row.commit or '')[:10]}{' and changes' if row.dirty else ''}"
        table.add_row(row.study, str(row.number), row.status.lower(), code, started, took, commit)
    return table


def attempt_table(attempt: Attempt) -> dict[str, Any]:
    """An attempt as JSON can hold it."""
    times = {name: None if (time := getattr(attempt, name)) is None else time.isoformat() for name in _TIMES}
    return {**vars(attempt), **times}


_TIMES = ("started", "ended")


def verdict(found: Results, ending: Ending, console: Console) -> None:
    """What a run leaves its reader with: the ranking, where everything lies, what to type next."""
    name, folder = found.study.name, found.ledger.study_folder(found.study.name)
    if ending.interrupted:
        console.print(f"\ninterrupted; the same command goes on where {name} stopped.", markup=False)
        return
    console.print()
    ranking(found, console)
    for trial in ending.failed:
        console.print(f"gave up {trial.name}: {found.ledger.entry(trial.address).error()}", markup=False)
    picture = ranking_picture(found, folder / "ranking.png")
    sheets = [sample_sheet(found, c.name, folder / "samples" / f"{c.name}.png") for c in found.study.conditions]
    where = found.ledger.root
    is_here = where == (Path.cwd() / "gan-studies").resolve()
    elsewhere, root = ("", "") if is_here else (f" --root {quote(str(where))}", f", root={json.dumps(str(where))}")
    program = f'import studies; print(studies.results("{name}"{root}).trials)'
    console.print()
    if picture is not None:
        console.print(f"picture: {picture}", markup=False, soft_wrap=True)
    if any(sheets):
        console.print(f"samples: {folder / 'samples'}, a sheet per condition", markup=False, soft_wrap=True)
    console.print(f"ledger:  {where}", markup=False, soft_wrap=True)
    console.print(
        f"next:    gan-study results {name}{elsewhere}\n"
        f"         gan-study results {name}{elsewhere} --table members --format csv\n"
        f"         python -c {quote(program)}",
        markup=False,
        soft_wrap=True,
    )
