"""Writes the pages of this folder that are made from the code: `make docs`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from inspect import cleandoc
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

import gan_core.constraints
import gan_core.objectives
from gan_core import stability
from gan_core.citations import BIBTEX, papers
from gan_core.constraints import Constraint, GradientPenalty, Location
from gan_core.data import Data
from gan_core.data.planar import PlanarData
from gan_core.metrics import (
    Lines,
    Measures,
    jensen_shannon,
    mode_measures,
    neighbour_measures,
    sliced_wasserstein,
    wasserstein_1,
)
from gan_core.metrics.meanings import AVERAGE, MEANINGS
from gan_core.objectives import Objective
from gan_core.presets import PRESETS, SHARED_RANGES, Preset
from studies.comparison import RANKING, Comparison, rank
from studies.comparison.budget import CHANCES, chances
from studies.comparison.outcomes import OUTCOME_SHARES, outcomes
from studies.comparison.pairs import PAIRS, pairs
from studies.comparison.robustness import EQUAL_CRITIC_STEPS, ROBUSTNESS, equal_critic_steps, robustness
from studies.comparison.tuning import TUNING, tuning
from studies.comparison.volume import VOLUME_DIFFERENCES, VOLUMES, volume_differences, volumes
from studies.comparison.width import SHARES, WIDTHS, shares, widths
from studies.results import MEMBER_MEASURES, TRIAL_MEASURES, Results

FOLDER = Path(__file__).parent
TABLES: Mapping[str, tuple[Any, Mapping[str, Any]]] = {
    "volumes": (volumes, VOLUMES),
    "volume_differences": (volume_differences, VOLUME_DIFFERENCES),
    "widths": (widths, WIDTHS),
    "shares": (shares, SHARES),
    "chances": (chances, CHANCES),
    "pairs": (pairs, PAIRS),
    "tuning": (tuning, TUNING),
    "robustness": (robustness, ROBUSTNESS),
    "equal_critic_steps": (equal_critic_steps, EQUAL_CRITIC_STEPS),
    "outcomes": (outcomes, OUTCOME_SHARES),
}
"""The tables of a comparison: what makes each, and its columns."""
NOTE = "<!-- Written by docs/generate.py from the code's own words: change those, then `make docs`. -->"


def pages() -> dict[str, str]:
    """Every page that is made from the code, by its file name."""
    texts = {
        "objectives.md": [*_objectives(), *_presets()],
        "constraints.md": _constraints(),
        "measures.md": [*_measured(), *_data(), *_judged()],
        "tables.md": [*_results(), *_compared()],
    }
    return {name: "\n\n".join([NOTE, *parts]) + "\n" for name, parts in texts.items()}


# -- the pages ----------------------------------------------------------------------------------------------------


def _objectives() -> Iterable[str]:
    yield "# Objectives"
    yield words(gan_core.objectives)
    yield _where_to_go("`objective.kind`")
    for kind in get_args(Objective):
        critic = "scores, high on real samples" if kind.critic_form == "score" else "energies, low on real samples"
        yield f"## `{kind.kind}`"
        yield words(kind)
        yield f"Its critic gives {critic}. In Python: `{kind.__name__}`. {_presets_with('objective', kind.kind)}"
        yield _fields(kind)
        yield _papers(papers(kind()))


def _constraints() -> Iterable[str]:
    yield "# Constraints"
    yield words(gan_core.constraints)
    yield _where_to_go("`constraint.kind`")
    for kind in get_args(Constraint):
        yield f"## `{kind.kind}`"
        yield words(kind)
        yield f"In Python: `{kind.__name__}`. {_presets_with('constraint', kind.kind)}"
        yield _fields(kind)
        yield _papers(_penalty_papers() if kind is GradientPenalty else papers(kind()))


def _results() -> Iterable[str]:
    yield "# Tables"
    yield (
        "What `studies.results(NAME)` and `studies.comparison.Comparison(results)` give as DataFrames, and "
        "`gan-study results` and `gan-study compare --format json` write. Distances have the unit of the data (the "
        "Dirac pair's that of its parameters), shares and rates lie between 0 and 1, steps are counted on the clock "
        "that their name says, times are seconds. An empty value is something that does not exist; no number stands "
        "for it."
    )
    yield "## Of the results"
    schemas = {"trials": TRIAL_MEASURES, "members": MEMBER_MEASURES, "curves": None, "ranking": RANKING}
    for name, schema in schemas.items():
        yield f"### `{name}`"
        yield words(getattr(Results, name))
        if schema is not None:
            yield _types(schema)
    yield "What a member's columns say:"
    yield words(stability.Verdict)
    yield "Of the ranking:"
    yield words(rank)


def _compared() -> Iterable[str]:
    yield "## Of the comparison"
    yield words(Comparison)
    for name, (made_by, schema) in TABLES.items():
        yield f"### `{name}`"
        yield words(made_by)
        yield _types(schema)


def _types(schema: Mapping[str, Any]) -> str:
    return _table(("column", "type"), ([f"`{column}`", getattr(kind, "name", kind)] for column, kind in schema.items()))


def _where_to_go(place: str) -> str:
    return (
        f"A study names one by {place} and turns its fields; [how to choose](how-to-choose.md) says which, "
        "`gan-study objectives NAME` shows a preset at the terminal."
    )


def _penalty_papers() -> Iterable[str]:
    targets: tuple[Literal[0, 1], ...] = (1, 0)
    for location, target in product(get_args(Location), targets):
        yield from papers(GradientPenalty(location=location, target=target))
    yield from papers(GradientPenalty(sides="one"))


def _presets() -> Iterable[str]:
    yield "## Presets"
    yield (
        "Names from the literature: an objective, a constraint and the authors' settings. A study that names one may "
        'override any field; `"search"` in place of a value stands for the range given here. These ranges are the '
        "same for all:"
    )
    yield "\n".join(f"* `{path}`: {_law(law)}" for path, law in SHARED_RANGES.items())
    rows = [[f"`{preset.name}`", preset.title, _linked(preset.source)] for preset in PRESETS.values()]
    yield _table(("preset", "method", "source"), rows)
    yield _table(
        ("preset", "objective", "constraint", "critic", "optimizer", "`n_critic`", "further ranges"),
        [_preset_row(preset) for preset in PRESETS.values()],
    )


def _preset_row(preset: Preset) -> list[str]:
    table, training = preset.table, preset.table["training"]
    assert training["critic_optimizer"] == training["generator_optimizer"]
    critic = table.get("networks", {}).get("critic")
    own = {path: law for path, law in preset.ranges.items() if path not in SHARED_RANGES}
    return [
        f"`{preset.name}`",
        _settings(table["objective"]),
        _settings(table["constraint"]),
        "the study's" if critic is None else _settings(critic),
        _settings(training["critic_optimizer"]),
        str(training["n_critic"]),
        "<br>".join(f"`{path}`: {_law(law)}" for path, law in own.items()),
    ]


def _measured() -> Iterable[str]:
    yield "# Measures"
    yield (
        "What a `Trainer` measures of every member, under these names in `found.curves` and in MLflow. Measuring "
        "changes no number of the training."
    )
    rows = [[f"`{name}`", m.unit, m.better, m.where, m.says.replace("|", "\\|")] for name, m in MEANINGS.items()]
    yield _table(("metric", "unit", "better is", "measured", "what it says"), rows)
    yield (
        f"With `training.generator_average` above 0 the measures of the fakes are taken of the averaged generator too; "
        f"their names end in `{AVERAGE}`."
    )
    for function in (sliced_wasserstein, wasserstein_1, jensen_shannon, mode_measures, neighbour_measures):
        yield f"### How `{function.__name__}` is computed"
        yield words(function)
    yield "## What a distance is held against"
    yield words(Lines)
    yield "## The study's table `[measures]`"
    yield words(Measures)
    yield _fields(Measures)


def _data() -> Iterable[str]:
    yield "## Data"
    yield "A study names one by `data.kind`."
    yield "### Points of the plane"
    planar = [f"`{kind.kind}`" for kind in get_args(Data) if issubclass(kind, PlanarData)]
    yield f"They are {', '.join(planar)}."
    yield words(PlanarData)
    for kind in get_args(Data):
        yield f"### `{kind.kind}`"
        yield words(kind)
        yield _fields(kind)


def _judged() -> Iterable[str]:
    yield "## Outcomes"
    yield f"`{stability.progress.__name__}`: {words(stability.progress)}"
    yield f"Every member ends with one of {', '.join(f'`{outcome}`' for outcome in stability.OUTCOMES)}."
    yield words(stability.judge)
    yield "## What is known of a member"
    yield words(stability.Verdict)
    yield "## The search score"
    yield words(stability.search_score)
    yield "## The study's table `[stability]`"
    yield words(stability.Thresholds)
    yield _fields(stability.Thresholds)


# -- words --------------------------------------------------------------------------------------------------------


def words(described: Any) -> str:
    """A docstring in Markdown: aligned columns stay as they are, papers become links, errors are left to Python."""
    paragraphs = cleandoc(described.__doc__).split("\n\n")
    kept = [_paragraph(one) for one in paragraphs if not one.startswith("Errors:")]
    return "\n\n".join(kept).replace("\n```\n\n```text\n", "\n\n")


def _paragraph(text: str) -> str:
    if re.search(r"\S {2,}\S", text):
        return f"```text\n{text}\n```"
    return _linked(text)


def _linked(text: str) -> str:
    text = re.sub(r"arXiv:(\d{4}\.\d{5}|\d{4}\.\d{4})\b", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)
    return re.sub(r"doi:(10\.\d+/[\w./-]+\w)", r"[doi:\1](https://doi.org/\1)", text)


def _papers(keys: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(keys))
    if not distinct:
        return "No paper: it is what the others are held against."
    return "\n".join(f"* {_short_paper(key)}: {_plain(_entry(key, 'title'))}" for key in distinct)


def _short_paper(key: str) -> str:
    authors = [author.partition(",")[0] for author in _entry(key, "author").split(" and ")]
    by = authors[0] if len(authors) == 1 else " & ".join(authors) if len(authors) == 2 else f"{authors[0]} et al."
    return f"[{by} {_entry(key, 'year')}](https://arxiv.org/abs/{_entry(key, 'eprint')})"


def _entry(key: str, field: str) -> str:
    found = re.search(rf"^  {field} = (.*?),?$", BIBTEX[key], flags=re.MULTILINE)
    assert found, f"{key} has no {field}"
    return found[1].removeprefix("{").removesuffix("}")


def _plain(title: str) -> str:
    return title.replace("{", "").replace("}", "")


def _presets_with(part: str, kind: str) -> str:
    names = [f"`{preset.name}`" for preset in PRESETS.values() if preset.table[part]["kind"] == kind]
    return f"Presets: {', '.join(names)}." if names else "No preset has it."


# -- fields -------------------------------------------------------------------------------------------------------


def _fields(description: type) -> str:
    """A table of the knobs, which are all fields but the kind."""
    hints = get_type_hints(description, include_extras=True)
    knobs = [field for field in fields(description) if field.name != "kind"]
    if not knobs:
        return "It has no field."
    rows = [[f"`{knob.name}`", _type(hints[knob.name]), _default(knob), _bound(hints[knob.name])] for knob in knobs]
    return _table(("field", "type", "default", "bound"), rows)


def _type(hint: Any) -> str:
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(f"`{_value(value)}`" for value in get_args(hint))
    return str(hint.__name__)


def _default(knob: Field[Any]) -> str:
    return "must be given" if knob.default is MISSING else f"`{_value(knob.default)}`"


def _bound(hint: Any) -> str:
    signs = {Gt: (">", "gt"), Ge: (">=", "ge"), Lt: ("<", "lt"), Le: ("<=", "le")}
    said = [(*signs[type(bound)], bound) for bound in getattr(hint, "__metadata__", ())]
    return ", ".join(f"{sign} {getattr(bound, name)}" for sign, name, bound in said)


def _value(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def _settings(table: Mapping[str, Any]) -> str:
    rest = [f"`{key} = {_value(value)}`" for key, value in table.items() if key != "kind"]
    return ", ".join([f"`{table['kind']}`", *rest])


def _law(law: Mapping[str, Any]) -> str:
    ((kind, content),) = law.items()
    return f"`{{{kind} = [{', '.join(_value(value) for value in content)}]}}`"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
