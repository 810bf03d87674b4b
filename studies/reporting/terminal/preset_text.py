"""Presets as a table or text for a terminal, and as values for JSON."""

import json
from collections.abc import Mapping
from inspect import cleandoc
from textwrap import indent
from typing import TYPE_CHECKING, Any, get_args

from gan_core.citations import citation, papers
from gan_core.presets import Preset
from studies.file.trees import by_path

if TYPE_CHECKING:
    from rich.table import Table


def preset_list(presets: list[Preset]) -> "Table":
    """A table with one row per preset."""
    from rich.table import Table

    table = Table("preset", "method", "objective", "constraint", "own hyperparameters", "paper")
    for preset in presets:
        own = [path.partition(".")[2] for path in preset.ranges if not path.startswith("training.")]
        kinds = [preset.table[part]["kind"] for part in ("objective", "constraint")]
        table.add_row(preset.name, preset.title, *kinds, ", ".join(own), papers(preset)[0])
    return table


def preset_text(preset: Preset) -> str:
    """One preset: formulas, authors' settings, ranges to search, BibTeX of its papers."""
    from gan_core.constraints import Constraint
    from gan_core.objectives import Objective

    lines = [f"{preset.name}: {preset.title}", f"  {preset.source}"]
    for part, union in {"objective": Objective, "constraint": Constraint}.items():
        kind = preset.table[part]["kind"]
        (description,) = [member for member in get_args(union) if member.kind == kind]
        lines += ["", f"{part} {kind}", indent(cleandoc(description.__doc__), "  ")]
    lines += ["", "authors' settings"]
    lines += [f"  {path} = {json.dumps(value)}" for path, value in by_path(preset.table).items()]
    lines += ["", 'ranges that "search" stands for']
    lines += [f"  {path} = {format_distribution(table)}" for path, table in preset.ranges.items()]
    return "\n".join([*lines, "", citation(preset)])


def preset_table(preset: Preset) -> dict[str, Any]:
    """A preset as values that JSON can hold."""
    return {
        "name": preset.name,
        "title": preset.title,
        "source": preset.source,
        "settings": preset.table,
        "ranges": dict(preset.ranges),
        "bibtex": citation(preset),
    }


def format_distribution(table: Mapping[str, Any]) -> str:
    """Text of a distribution from its table in a study file, as in `log_uniform [0.001, 1.0]`."""
    (kind, content), *options = table.items()
    return "".join([f"{kind} {json.dumps(content)}", *(f", {name} {json.dumps(value)}" for name, value in options)])
