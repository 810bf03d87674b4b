"""HTML of results, comparisons, plans and settings found; importing this module registers it with `html_view`."""

from collections.abc import Sequence
from io import StringIO
from textwrap import fill
from typing import Any

from rich.console import Console

from studies.analysis.comparison import Comparison
from studies.forecast.study_plan import Plan
from studies.html_view import html_view
from studies.numbers import format_setting
from studies.reporting import figures
from studies.reporting.page import headline_table
from studies.reporting.terminal.plan_text import print_plan
from studies.reporting.text.answer import answer
from studies.reporting.text.sentences import sentences
from studies.reporting.text.template_environment import template_environment
from studies.reporting.text.verdict import Topic, verdict
from studies.tables.results import Results
from studies.tables.trained_generators import TrainedConfiguration

PLAN_WIDTH = 120
"""Characters in a line of a plan."""


@html_view.register
def _(results: Results) -> str:
    comparison = Comparison(results)
    return _compared(comparison, sentences(answer(comparison)))


@html_view.register
def _(comparison: Comparison) -> str:
    first, *others = verdict(comparison)
    return _compared(comparison, first.sentences, others)


@html_view.register
def _(plan: Plan) -> str:
    output = StringIO()
    print_plan(
        plan, Console(file=output, width=PLAN_WIDTH, force_terminal=False, force_jupyter=False, color_system=None)
    )
    lines = [fill(line, PLAN_WIDTH) if len(line) > PLAN_WIDTH else line for line in output.getvalue().splitlines()]
    return render("plan.html.jinja", text="\n".join(lines))


@html_view.register
def _(found: TrainedConfiguration) -> str:
    values = {path: format_setting(value) for path, value in found.configuration.items()}
    return render(
        "found.html.jinja",
        condition=found.condition,
        values=values,
        seeds=found.seeds,
        **_figure(figures.found_fakes(found)),
    )


def _compared(comparison: Comparison, lead: Sequence[str], topics: Sequence[Topic] = ()) -> str:
    """Question, answer, ranking and the distances as a figure; then the other sentences, folded."""
    return render(
        "comparison.html.jinja",
        name=comparison.results.study.name,
        question=comparison.results.question,
        ranking=headline_table(comparison),
        answer=lead,
        topics=topics,
        **_figure(figures.confirmed(comparison.results)),
    )


def _figure(drawn: figures.DrawnFigure | None) -> dict[str, Any]:
    """The figure as a template needs it; None if there is nothing to draw."""
    return {"figure": drawn, "picture": "" if drawn is None else figures.png_address(drawn)}


def render(template: str, **values: Any) -> str:
    """The text of a template of this package, in which every value is escaped."""
    environment = template_environment("studies.reporting.notebook", autoescape=True)
    return environment.get_template(template).render(**values)
