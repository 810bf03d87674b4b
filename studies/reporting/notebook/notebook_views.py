"""HTML and text of results, comparisons, plans and settings found.

Importing this module registers them with `html_view` and `text_view`.
"""

from collections.abc import Sequence
from io import StringIO
from textwrap import fill
from typing import Any, cast

from rich.console import Console

from studies.analysis.comparison import Comparison
from studies.forecast.study_plan import Plan
from studies.numbers import format_setting
from studies.reporting import figures
from studies.reporting.page import headline_table
from studies.reporting.terminal.plan_text import print_plan
from studies.reporting.terminal.ranking_table import print_ranking
from studies.reporting.terminal.verdict_text import text as verdict_text
from studies.reporting.text.answer import answer
from studies.reporting.text.sentences import sentences
from studies.reporting.text.template_environment import template_environment
from studies.reporting.text.verdict import Topic, verdict
from studies.shown_values import html_view, text_view
from studies.tables.results import Results
from studies.tables.trained_generators import TrainedConfiguration

WIDTH = 120
"""Characters in a line of a table."""


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
    lines = text_view(plan).splitlines()
    return render("plan.html.jinja", text="\n".join(fill(line, WIDTH) if len(line) > WIDTH else line for line in lines))


@text_view.register
def _(results: Results) -> str:
    comparison, output = Comparison(results), _console()
    print_ranking(comparison, output)
    for sentence in sentences(answer(comparison)):
        output.print(sentence, markup=False, soft_wrap=True)
    return _written(output)


@text_view.register
def _(comparison: Comparison) -> str:
    return verdict_text([comparison]).rstrip()


@text_view.register
def _(plan: Plan) -> str:
    output = _console()
    print_plan(plan, output)
    return _written(output)


@html_view.register
def _(found: TrainedConfiguration) -> str:
    values = {path: format_setting(value) for path, value in found.configuration.items()}
    return render(
        "found.html.jinja",
        condition=found.condition,
        values=values,
        seeds=found.seeds,
        failed=found.failed,
        **_figure(figures.found_fakes(found)),
    )


def _console() -> Console:
    """A console whose output is kept as plain text, without colours, for `_written`."""
    return Console(
        file=StringIO(), width=WIDTH, force_terminal=False, force_jupyter=False, color_system=None, highlight=False
    )


def _written(console: Console) -> str:
    """The text that was printed on a console of `_console`, without the last line's end."""
    return cast(StringIO, console.file).getvalue().rstrip()


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
