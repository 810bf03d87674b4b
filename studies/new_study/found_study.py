"""The setting that a study has found, as a study file of its own and as Python that needs gan_core alone."""

from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from gan_core.data import AnyData, Data
from gan_core.evaluation import EvaluationSettings
from gan_core.networks import without_labels
from studies.design import seeds_of
from studies.errors import InputError
from studies.file.condition import PARTS, Setting
from studies.file.modules import is_reference, modules_in
from studies.file.study import Study
from studies.file.validation import build, is_required
from studies.new_study.sized_study import beside
from studies.new_study.study_text import rendered
from studies.numbers import format_setting
from studies.tables.results import Results

SCRIPT_SEEDS = 3
"""Number of GANs that the script trains."""
MOST_REPLICATES = 100
"""Number of different seeds of equal conditions that a study file can name."""


@dataclass(frozen=True, kw_only=True)
class FoundStudy:
    """The setting found for a condition of a study.

    text    study file that trains it with fresh seeds
    study   the study in it
    script  Python that trains it with gan_core alone
    """

    text: str
    study: Study
    script: str


def found_study(results: Results, condition: str, *, name: str, folder: Path) -> FoundStudy:
    """The setting that the study of these results has found for a condition, in a study of this name.

    folder  folder of the new study file, in which user's modules are looked up

    Errors: `InputError` if the study has not found a setting for the condition, and if a user's class cannot be
    imported.
    """
    trial, study = results.found(condition), results.study
    own = study.condition(condition)
    if own.own_loop:
        raise InputError(
            f"{condition}: must be a condition that this library trains, but has a loop of its own; a study file with "
            "the loop's values at the setting found trains it"
        )
    with modules_in(folder):
        setting: Setting = build(Setting, {part: trial.identity[part] for part in PARTS}, ())
        data: Any = build(Data | AnyData, beside(study.table()["data"], folder), ("data",))
        evaluation: EvaluationSettings = build(EvaluationSettings, study.table()["evaluation"], ("evaluation",))
    described = {
        "source": study.name,
        "condition": condition,
        "found": ", ".join(
            f"{short} {format_setting(trial.configuration[path])}"
            for path, short in study.short_names.items()
            if path in trial.configuration
        ),
        "setting": setting,
        "data": data,
        "evaluation": evaluation,
    }
    text = rendered(
        "found.toml.jinja",
        **described,
        name=name,
        preset=own.preset,
        budget=study.budget,
        confirm_seeds=study.search.confirm.seeds,
        outcomes=study.outcomes,
        resources=study.resources,
        replicate=(own.replicate + 1) % MOST_REPLICATES,
        changed=changed,
        table=table,
        every=lambda description: {field.name: getattr(description, field.name) for field in fields(description)},
    )
    made = Study.parse(text, folder)
    script = rendered(
        "found.py.jinja",
        **described,
        loaded=_beside_script(expression(data), getattr(data, "path", "")),
        iterations=study.budget.iterations(setting.training),
        seeds=seeds_of(made, made.conditions[0], "confirm", 0)[:SCRIPT_SEEDS],
        imports=_imports(setting, data, evaluation),
        changed=changed,
        expression=expression,
    )
    return FoundStudy(text=text, study=made, script=script)


def changed(description: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults, in their order; `kind` is none of them."""
    fields_of = [field for field in fields(description) if field.name != "kind"]
    values = {field: without_labels(getattr(description, field.name)) for field in fields_of}
    return {field.name: value for field, value in values.items() if is_required(field) or value != _default(field)}


def table(value: Any) -> Any:
    """A value as TOML has it: a dataclass as a table of its kind, if it has one, and of what differs from defaults."""
    if isinstance(value, tuple):
        return [table(element) for element in value]
    if not is_dataclass(value):
        return value
    kind = {"kind": value.kind} if hasattr(value, "kind") else {}
    return kind | {name: table(element) for name, element in changed(value).items()}


def expression(value: Any) -> str:
    """A value as Python: a dataclass as a call of its class with what differs from the defaults."""
    if isinstance(value, tuple):
        elements = ", ".join(map(expression, value))
        return f"({elements}{',' if len(value) == 1 else ''})"
    if not is_dataclass(value):
        return repr(value)
    arguments = (f"{name}={expression(element)}" for name, element in changed(value).items())
    return f"{type(value).__name__}({', '.join(arguments)})"


def _beside_script(data: str, path: str) -> str:
    """The expression of a data set, with a relative path that begins at the folder of the script."""
    given = f"path={path!r}"
    if not path or Path(path).is_absolute() or data.count(given) != 1:
        return data
    return data.replace(given, f"path=str(Path(__file__).parent / {path!r})")


def _default(field: "Field[Any]") -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _imports(*values: Any) -> list[tuple[str, list[str]]]:
    """Modules and the names that are imported from each, for the expressions of these values."""
    names: dict[str, set[str]] = {"gan_core": {"Evaluator", "Trainer"}}
    for value in values:
        for described in _descriptions(value):
            kind = getattr(described, "kind", None)
            module = str(kind).partition(":")[0] if is_reference(kind) else "gan_core"
            names.setdefault(module, set()).add(type(described).__name__)
    return [(module, sorted(of_module)) for module, of_module in sorted(names.items())]


def _descriptions(value: Any) -> Iterator[Any]:
    """The dataclasses that an expression of a value calls."""
    if isinstance(value, tuple):
        for element in value:
            yield from _descriptions(element)
    elif is_dataclass(value):
        if not isinstance(value, Setting):  # its parts stand in the script
            yield value
        for element in changed(value).values():
            yield from _descriptions(element)
