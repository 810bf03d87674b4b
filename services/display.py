"""What a reader at a terminal sees."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from inspect import cleandoc
from pathlib import Path
from shlex import quote
from textwrap import indent
from typing import Any, get_args

import pandas as pd
from rich.console import Console
from rich.table import Table

from gan_core.citations import citation
from gan_core.constraints import Constraint
from gan_core.objectives import Objective
from gan_core.presets import Preset
from services.cluster import Attempt
from services.live import clock, count_words, short
from studies.comparison import Comparison
from studies.design import total
from studies.figures import ranking_picture, sample_sheet
from studies.results import Results
from studies.runner import Ending
from studies.study import Study
from studies.verdict import answer
from studies.verdict.phrases import distance


def presets(rows: list[Preset]) -> Table:
    """The presets as a table."""
    table = Table("preset", "method", "objective", "constraint", "own knobs", "paper")
    for row in rows:
        own = [path.partition(".")[2] for path in row.ranges if not path.startswith("training.")]
        kinds = [row.table[part]["kind"] for part in ("objective", "constraint")]
        table.add_row(row.name, row.title, *kinds, ", ".join(own), row.papers[0])
    return table


def preset(one: Preset) -> str:
    """One preset: what it computes, what its authors set, where to search and whom to cite."""
    chosen = {"objective": Objective, "constraint": Constraint}
    lines = [f"{one.name}: {one.title}", f"  {one.source}"]
    for part, union in chosen.items():
        kind = one.table[part]["kind"]
        (description,) = [member for member in get_args(union) if member.kind == kind]
        lines += ["", f"{part} {kind}", indent(cleandoc(description.__doc__), "  ")]
    lines += ["", "authors' settings"]
    lines += [f"  {path} = {json.dumps(value)}" for path, value in _flat(one.table)]
    lines += ["", 'ranges that "search" stands for']
    lines += [f"  {path} = {_compact(law)}" for path, law in one.ranges.items()]
    return "\n".join([*lines, "", citation(one)])


def _flat(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def preset_table(one: Preset) -> dict[str, Any]:
    """A preset as JSON can hold it."""
    return {"name": one.name, "title": one.title, "source": one.source} | {
        "settings": one.table,
        "ranges": dict(one.ranges),
        "bibtex": citation(one),
    }


def outline(study: Study) -> str:
    """What a study would run."""
    arms = sum(condition.authors is not None for condition in study.conditions)
    beside = f", the authors' own settings of {arms}," if arms else ""
    lines = [
        f"{study.name} is valid: {len(study.conditions)} conditions x "
        f"({study.search.explore} explore + {study.search.exploit} exploit + {study.search.confirm.best} confirm)"
        f"{beside} = {total(study)} trials, "
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


def markdown(frame: pd.DataFrame) -> str:
    """A table in Markdown, every number in full."""
    rows = [list(frame.columns), ["---"] * len(frame.columns), *frame.astype("object").to_numpy().tolist()]
    return "\n".join("| " + " | ".join("" if pd.isna(cell) else str(cell) for cell in row) + " |" for row in rows)


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
        distance(row["distance"]),
        f"{distance(row['distance_low'])} .. {distance(row['distance_high'])}",
        f"{row['failure_rate']:.0%}",
        f"{row['failure_low']:.0%} .. {row['failure_high']:.0%}",
        count_words(own["outcome"]) or f"{row['members']} given up",
        "  ".join(f"{path.rpartition('.')[2]}={short(value)}" for path, value in configuration.items()),
    ]


def _legend(lines: dict[str, Any]) -> str:
    legend = "distance: interquartile mean over the seeds, lower is better"
    if lines.get("gaussian") is None:
        return legend
    return (
        f"{legend}; sliced Wasserstein. Real against real {distance(lines['floor'])}, a Gaussian with the data's "
        f"covariance {distance(lines['gaussian'])}, a constant {distance(lines['ref'])}."
    )


def attempts(rows: list[Attempt]) -> Table:
    """The attempts that a cluster remembers."""
    table = Table("study", "attempt", "status", "exit code", "started (UTC)", "took", "commit")
    for row in rows:
        code = "" if row.exit_code is None else str(row.exit_code)
        end = row.ended or datetime.now(UTC)
        took = "" if row.started is None else clock((end - row.started).total_seconds())
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
    console.print()
    for sentence in answer(Comparison(found)):
        console.print(sentence, markup=False, soft_wrap=not console.is_terminal)
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
        f"next:    gan-study compare {name}{elsewhere}\n"
        f"         gan-study report {name}{elsewhere}\n"
        f"         gan-study results {name}{elsewhere} --table members --format csv\n"
        f"         python -c {quote(program)}",
        markup=False,
        soft_wrap=True,
    )
