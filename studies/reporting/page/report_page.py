"""A self-contained HTML page about a study: verdict, figures, tables, methods, citations, commands to repeat it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from inspect import cleandoc
from typing import Any, get_args

from gan_core.constraints import Constraint
from gan_core.objectives import Objective
from studies.analysis.comparison import Comparison
from studies.file.modules import is_reference
from studies.reporting import figures
from studies.reporting.figures import DrawnFigure, ThemeName
from studies.reporting.page.page_tables import Column, PageTable, format_table
from studies.reporting.page.page_text import METHODS, TABLES
from studies.reporting.paper import references
from studies.reporting.text.ranking_legend import ColumnAtEqualCriticSteps, ranking_legend
from studies.reporting.text.ranking_rows import ranking_rows
from studies.reporting.text.sentences import sentences
from studies.reporting.text.target_distance import rows_at_target
from studies.reporting.text.template_environment import template_environment
from studies.reporting.text.verdict import verdict
from studies.tables.results import Results

SECTIONS = (
    ("verdict", "Verdict"),
    ("figures", "Figures"),
    ("tables", "Tables"),
    ("methods", "Methods"),
    ("citations", "Citations"),
    ("again", "Run it again"),
)

OPENING = ("confirmed", "ranked-samples")
"""Names of the figures that stand beside the answer."""
FURTHER = ("best-and-late", "chance-of-success", "tuning", "survival", "class-shares")
"""Names of the figures that are folded, so that a phone shows what decides within a few screens."""
HIGHEST = 8.5
"""Height in inches above which a figure is folded: one with panels of more than eight conditions."""
SENTENCES = 6
"""Number of sentences of the answer that are not folded."""


@dataclass(frozen=True)
class PageFigure:
    """A figure as it stands on the report page, drawn and captioned.

    element    its SVG element, as text
    height     in inches
    condition  the one condition that it is about; empty for a figure of all
    """

    name: str
    caption: str
    element: str
    height: float
    condition: str = ""


@dataclass(frozen=True)
class Formula:
    """Title of an objective or a constraint, and its docstring, which states the formula."""

    title: str
    text: str


def render_page(compared: Comparison) -> str:
    """The page as HTML that needs no network, no script and no other file."""
    results = compared.results
    answer, *topics = verdict(compared)
    shown, letters = page_figures(compared)
    of_all = [figure for figure in shown if not figure.condition and figure.name not in OPENING]
    open_figures = [figure for figure in of_all if figure.name not in FURTHER and figure.height <= HIGHEST]
    environment = template_environment("studies.reporting.page", autoescape=True)
    return environment.get_template("page.html.jinja").render(
        name=results.study.name,
        question=results.question,
        answer=answer.sentences[:SENTENCES],
        rest_of_answer=answer.sentences[SENTENCES:],
        topics=topics,
        headline=headline_table(compared),
        opening=[figure for figure in shown if figure.name in OPENING],
        figures=open_figures,
        further_figures=[figure for figure in of_all if figure not in open_figures],
        figures_of_conditions=_by_condition(shown),
        letters=letters,
        style=figures.STYLE,
        light=figures.css_variables("light"),
        dark=figures.css_variables("dark"),
        tables=list(_tables(compared)),
        sections=SECTIONS,
        methods=METHODS,
        formulas=list(_formulas(results)),
        resolved=json.dumps(results.study.table(), indent=1),
        citations=references(compared),
        versions=_versions(results),
        commands=_commands(results),
    )


# -- figures ---------------------------------------------------------------------------------------------------------


def page_figures(compared: Comparison) -> tuple[list[PageFigure], str]:
    """The figures of the page, and one hidden SVG element that defines the shapes of the letters in all of them."""
    drawn = [figure for figure in draw_figures(compared, "both") if figure is not None]
    names = [condition.name for condition in compared.results.study.conditions]
    shown = [
        PageFigure(
            figure.name,
            figure.caption,
            figures.svg(figure),
            figure.figure.get_figheight(),
            _condition(figure.name, names),
        )
        for figure in drawn
    ]
    elements, letters = figures.split_letters(figure.element for figure in shown)
    return [replace(figure, element=element) for figure, element in zip(shown, elements, strict=True)], letters


def _condition(figure: str, names: list[str]) -> str:
    """The condition that a figure is about, whose name ends with that of the condition; empty for one about all."""
    return max((name for name in names if figure.endswith(f"-{name}")), key=len, default="")


def _by_condition(shown: list[PageFigure]) -> list[tuple[str, list[PageFigure]]]:
    names = dict.fromkeys(figure.condition for figure in shown if figure.condition)
    return [(name, [figure for figure in shown if figure.condition == name]) for name in names]


def draw_figures(compared: Comparison, theme: ThemeName) -> Iterator[DrawnFigure | None]:
    """Every figure in the order of the page: ranking, stable settings, failures, samples; None for one without data."""
    results = compared.results
    names = [condition.name for condition in results.study.conditions]
    yield figures.confirmed(results, theme)
    yield figures.ranked_samples(results, theme)
    yield figures.tuning_curves(compared.tuning_curves, theme)
    yield figures.precision_coverage(results, theme)
    yield figures.learning_curves(results, theme)
    yield figures.best_and_late(results, theme)
    yield figures.stable_volume(compared.volume_curves, theme)
    yield figures.profiles(
        compared.profiles, rows_at_target(compared, compared.stable_ranges), results.study.short_names, theme
    )
    yield figures.chance_of_success(rows_at_target(compared, compared.chances), theme)
    yield figures.tuning(results, theme)
    yield figures.stability_map(compared.maps, compared.stable_areas, theme)
    yield figures.growth_map(results, compared.maps, theme) or figures.metric_map(results, compared.maps, theme)
    for draw in (figures.outcome_map, figures.hyperparameter_pairs):
        for name in [] if compared.maps else names:
            yield draw(results, name, theme)
    yield figures.survival(results, theme)
    for name in names:
        yield figures.importances(compared.importances, name, results.study.short_names, theme)
        yield figures.path(compared.paths, name, theme)
    for name in names:
        yield figures.gradients(results, name, theme)
    yield figures.modes(results, theme)
    yield figures.class_shares(results, theme)
    for name in names:
        yield figures.plane(results, name, theme)
    for name in names:
        for draw in (
            figures.sample_snapshots,
            figures.samples,
            figures.class_samples,
            figures.nearest_images,
            figures.interpolations,
        ):
            yield draw(results, name, theme)


# -- tables ----------------------------------------------------------------------------------------------------------

RANKING_COLUMNS = {
    "rank": Column("rank", False),
    "condition": Column("condition", True),
    "distance": Column("distance", False),
    "interval": Column("95% interval", False),
    "equal_steps": Column("at equal critic steps", False),
    "failure_rate": Column("failure rate", False),
    "failure_interval": Column("95% interval", False),
    "outcomes": Column("outcomes", True),
    "setting": Column("setting found", True, wraps=True),
}
"""Columns of the ranking, by the fields of `RankingRow`."""


def headline_table(compared: Comparison) -> PageTable | None:
    """The ranking with the hyperparameters of each setting found in one column; None before one is confirmed."""
    rows = [{name: cell for name, cell in asdict(row).items() if cell is not None} for row in ranking_rows(compared)]
    if not rows:
        return None
    description, columns = TABLES["ranking"], [RANKING_COLUMNS[name] for name in rows[0]]
    explained = [finding for finding in ranking_legend(compared) if isinstance(finding, ColumnAtEqualCriticSteps)]
    caption = " ".join((description.caption, *sentences(explained)))
    return PageTable(description.title, caption, columns, [list(row.values()) for row in rows])


def _tables(compared: Comparison) -> Iterator[PageTable]:
    for name, description in TABLES.items():
        table = getattr(compared, name)
        if name != "ranking" and not table.empty:
            yield format_table(table, description)


# -- methods and reproduction ----------------------------------------------------------------------------------------


def _formulas(results: Results) -> Iterator[Formula]:
    """The docstring of each objective and constraint in the study, each once; those of the user's own are left out."""
    seen: set[str] = set()
    for part, union in (("objective", Objective), ("constraint", Constraint)):
        for condition in results.study.conditions:
            kind = condition.kind(part)
            if not kind or kind in seen or is_reference(kind):
                continue
            seen.add(kind)
            (description,) = [member for member in get_args(union) if member.kind == kind]
            yield Formula(f"{part} {kind}", cleandoc(description.__doc__))


def _commands(results: Results) -> str:
    name = results.study.name
    return (
        f"gan-study run {name}.toml\n"
        f"gan-study compare {name}\n"
        f"gan-study report {name} --output {name}.html\n"
        f"python -c 'import studies; print(studies.results(\"{name}\").ranking)'"
    )


def _versions(results: Results) -> PageTable:
    environment: Mapping[str, Any] = results.environment
    rows = [[name, str(value)] for name, value in environment.get("versions", {}).items()]
    git = environment.get("git") or {}
    if git:
        rows.append(
            ["commit of the study file", git["commit"] + (" with uncommitted changes" if git.get("dirty") else "")]
        )
    for name, value in environment.get("hardware", {}).items():
        if value:
            rows.append([name.replace("_", " "), ", ".join(value) if isinstance(value, list) else str(value)])
    columns = [Column("part", True), Column("version", True)]
    return PageTable("Versions and hardware", "Software and hardware of the last run.", columns, rows)
