"""The pages objectives.md, with the presets, and constraints.md."""

import re
from collections.abc import Iterable
from itertools import product
from typing import Any, Literal, get_args

import gan_core.constraints
import gan_core.objectives
from gan_core.citations import BIBTEX, papers
from gan_core.constraints import Constraint, GradientPenalty, Location
from gan_core.objectives import Objective
from gan_core.presets import PRESETS, SHARED_RANGES, Preset
from pages_from_code.field_tables import fields_table, law_text, settings_text
from pages_from_code.markdown import linked, table, words


def objectives_page() -> Iterable[str]:
    """Paragraphs of objectives.md: each objective with formula, fields and papers, then the presets."""
    yield "# Objectives"
    yield words(gan_core.objectives)
    yield _where_to_go("`objective.kind`")
    for kind in get_args(Objective):
        critic = "scores, high on real samples" if kind.critic_form == "score" else "energies, low on real samples"
        yield f"## `{kind.kind}`"
        yield words(kind)
        yield f"Its critic gives {critic}. In Python: `{kind.__name__}`. {_presets_with('objective', kind.kind)}"
        yield fields_table(kind)
        yield _paper_list(_papers_of(kind))
    yield from _presets()


def constraints_page() -> Iterable[str]:
    """Paragraphs of constraints.md: each constraint with formula, fields and papers."""
    yield "# Constraints"
    yield words(gan_core.constraints)
    yield _where_to_go("`constraint.kind`")
    for kind in get_args(Constraint):
        yield f"## `{kind.kind}`"
        yield words(kind)
        yield f"In Python: `{kind.__name__}`. {_presets_with('constraint', kind.kind)}"
        yield fields_table(kind)
        yield _paper_list(_penalty_papers() if kind is GradientPenalty else _papers_of(kind))


def _papers_of(kind: type[Any]) -> tuple[str, ...]:
    """Keys of the papers of an objective or a constraint.

    Errors: `ValueError` for a class whose docstring names a source that has no entry.
    """
    keys = papers(kind())
    if not keys and "Source:" in (kind.__doc__ or ""):
        raise ValueError(f"{kind.__name__}: the papers of its Source need entries in gan_core/references.bib")
    return keys


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
    yield "\n".join(f"* `{path}`: {law_text(law)}" for path, law in SHARED_RANGES.items())
    rows = [[f"`{preset.name}`", preset.title, linked(preset.source)] for preset in PRESETS.values()]
    yield table(("preset", "method", "source"), rows)
    yield table(
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
        settings_text(table["objective"]),
        settings_text(table["constraint"]),
        "the study's" if critic is None else settings_text(critic),
        settings_text(training["critic_optimizer"]),
        str(training["n_critic"]),
        "<br>".join(f"`{path}`: {law_text(law)}" for path, law in own.items()),
    ]


def _presets_with(part: str, kind: str) -> str:
    names = [f"`{preset.name}`" for preset in PRESETS.values() if preset.table[part]["kind"] == kind]
    return f"Presets: {', '.join(names)}." if names else "No preset has it."


def _paper_list(keys: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(keys))
    if not distinct:
        return "It is of no paper."
    return "\n".join(f"* {_short_paper(key)}: {_plain(_entry(key, 'title'))}" for key in distinct)


def _short_paper(key: str) -> str:
    authors = [author.partition(",")[0] for author in _entry(key, "author").split(" and ")]
    by = authors[0] if len(authors) == 1 else " & ".join(authors) if len(authors) == 2 else f"{authors[0]} et al."
    named = f"{by} {_entry(key, 'year')}"
    for field, address in (("eprint", "https://arxiv.org/abs/"), ("doi", "https://doi.org/"), ("url", "")):
        if _has(key, field):
            return f"[{named}]({address}{_entry(key, field)})"
    return named


def _has(key: str, field: str) -> bool:
    return re.search(rf"^  {field} = ", BIBTEX[key], flags=re.MULTILINE) is not None


def _entry(key: str, field: str) -> str:
    match = re.search(rf"^  {field} = (.*?),?$", BIBTEX[key], flags=re.MULTILINE)
    assert match, f"{key} has no {field}"
    return match[1].removeprefix("{").removesuffix("}")


def _plain(title: str) -> str:
    return title.replace("{", "").replace("}", "")
