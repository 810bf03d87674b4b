"""One self-contained page on a study: the verdict, the figures, the tables, and how all of it was made."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from inspect import cleandoc
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pandas as pd

from gan_core.citations import citation
from gan_core.constraints import Constraint
from gan_core.objectives import Objective
from gan_core.presets import PRESETS
from studies import figures
from studies.comparison import Comparison
from studies.figures import Drawn, ThemeName
from studies.modules import is_reference
from studies.report.words import METHODS, TABLES, Told
from studies.results import Results
from studies.verdict import verdict
from studies.verdict.phrases import distance

SECTIONS = (
    ("verdict", "Verdict"),
    ("figures", "Figures"),
    ("tables", "Tables"),
    ("methods", "Methods"),
    ("citations", "Citations"),
    ("again", "Run it again"),
)


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, and whether it holds words."""

    name: str
    text: bool


@dataclass(frozen=True)
class Table:
    """A table as a reader sees it: every cell is text."""

    title: str
    caption: str
    columns: list[Column]
    rows: list[list[str]]


@dataclass(frozen=True)
class Figure:
    """A figure as an element of the page."""

    name: str
    caption: str
    element: str


@dataclass(frozen=True)
class Formula:
    """What one objective or constraint computes."""

    title: str
    text: str


def report_page(compared: Comparison) -> str:
    """The page as HTML, which needs no network, no script and no other file."""
    from jinja2 import Environment, StrictUndefined

    results = compared.results
    answer, *topics = verdict(compared)
    drawn, letters = _figures(compared)
    template = files("studies.report").joinpath("page.html.jinja").read_text()
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        name=results.study.name,
        question=results.question,
        answer=answer.sentences,
        topics=topics,
        headline=_headline(compared),
        figures=drawn,
        letters=letters,
        style=figures.STYLE,
        light=figures.variables("light"),
        dark=figures.variables("dark"),
        tables=list(_tables(compared)),
        sections=SECTIONS,
        methods=METHODS,
        formulas=list(_formulas(results)),
        resolved=json.dumps(results.study.table(), indent=1),
        citations=_citations(results),
        made_with=_made_with(results),
        again=_again(results),
        commands=_commands(results),
    )


# -- figures ---------------------------------------------------------------------------------------------------------


def _figures(compared: Comparison) -> tuple[list[Figure], str]:
    """The figures, and the letters that they are written with."""
    shown = [Figure(one.name, one.caption, figures.svg(one)) for one in _drawn(compared, "both") if one is not None]
    elements, letters = figures.letters(one.element for one in shown)
    return [replace(one, element=element) for one, element in zip(shown, elements, strict=True)], letters


def _drawn(compared: Comparison, theme: ThemeName) -> Iterator[Drawn | None]:
    """Every figure, in the order in which they answer: who wins, who is stable where, why, and what it looks like."""
    results = compared.results
    names = [condition.name for condition in results.study.conditions]
    yield figures.confirmed(results, theme)
    yield figures.precision_coverage(results, theme)
    yield figures.learning_curves(results, theme)
    yield figures.stable_volume(compared.volume_curves, theme)
    yield figures.stable_widths(compared.widths, theme)
    yield figures.chance_of_success(compared.chances, theme)
    yield figures.tuning(results, theme)
    for name in names:
        yield figures.outcome_map(results, name, theme)
    for name in names:
        yield figures.knob_pairs(results, name, theme)
    yield figures.survival(results, theme)
    for name in names:
        yield figures.causes(results, name, theme)
    yield figures.modes(results, theme)
    for name in names:
        yield figures.plane(results, name, theme)
    for name in names:
        yield from (figures.course_of_samples(results, name, theme), figures.samples(results, name, theme))


# -- tables ----------------------------------------------------------------------------------------------------------


def _headline(compared: Comparison) -> Table | None:
    ranking = compared.results.ranking
    return None if ranking.empty else table(ranking, TABLES["ranking"])


def _tables(compared: Comparison) -> Iterator[Table]:
    for name, told in TABLES.items():
        frame = getattr(compared, name)
        if name != "ranking" and not frame.empty:
            yield table(frame, told)


def table(frame: pd.DataFrame, told: Told) -> Table:
    """The columns that a reader needs, every cell as text; what is empty for every row is left out."""
    shown = [name for name in frame if name not in told.hidden and not frame[name].isna().all()]
    columns = [Column(name if "." in name else name.replace("_", " "), not _is_number(frame[name])) for name in shown]
    rows = [[cell(name, row[name]) for name in shown] for row in frame.to_dict("records")]
    return Table(told.title, told.caption, columns, rows)


def cell(column: str, value: Any) -> str:
    """A value as a reader sees it: shares in percent, distances with three decimals or "failed", nothing as a dash."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return "failed" if "distance" in column else "–"
    if isinstance(value, float | np.floating):
        if any(part in column for part in ("distance", "tau")):
            return distance(float(value))
        if any(part in column for part in ("share", "rate", "failure", "volume", "chance", "half_", "progress")):
            return f"{value:.0%}"
        return f"{value:.3g}"
    return str(value)


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


# -- how it was made -------------------------------------------------------------------------------------------------


def _formulas(results: Results) -> Iterator[Formula]:
    """The objectives and constraints that were compared, each once, in the words of the code."""
    seen: set[str] = set()
    for part, union in (("objective", Objective), ("constraint", Constraint)):
        for condition in results.study.conditions:
            kind = condition.table[part]["kind"]
            if kind in seen or is_reference(kind):
                continue
            seen.add(kind)
            (description,) = [member for member in get_args(union) if member.kind == kind]
            yield Formula(f"{part} {kind}", cleandoc(description.__doc__))


def _citations(results: Results) -> str:
    """Papers of the presets and of what stands in the conditions, each once."""
    used: list[Any] = []
    for condition in results.study.conditions:
        used += [PRESETS[name]] if (name := condition.preset or "") in PRESETS else []
        used += [SimpleNamespace(**condition.table[part]) for part in ("objective", "constraint")]
    return citation(*used)


def _again(results: Results) -> str:
    return (
        "A trial's numbers follow from its setting, its seeds and the versions below: the same machine gives the same "
        "bits. What a ledger holds already is not run again."
    )


def _commands(results: Results) -> str:
    name = results.study.name
    return (
        f"gan-study run {name}.toml\n"
        f"gan-study compare {name}\n"
        f"gan-study report {name} --output {name}.html\n"
        f"python -c 'import studies; print(studies.results(\"{name}\").ranking)'"
    )


def _made_with(results: Results) -> Table:
    environment: Mapping[str, Any] = results.environment
    rows = [[name, str(value)] for name, value in environment.get("versions", {}).items()]
    git = environment.get("git") or {}
    rows += [["study's commit", git["commit"] + (" with changes" if git.get("dirty") else "")]] if git else []
    for name, value in environment.get("hardware", {}).items():
        rows += [[name.replace("_", " "), ", ".join(value) if isinstance(value, list) else str(value)]] if value else []
    columns = [Column("what", True), Column("which", True)]
    return Table("Made with", "Versions and hardware of the last run.", columns, rows)
