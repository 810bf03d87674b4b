"""The trained generators of a condition as files that need gan_core alone, with a script that samples them."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from gan_core.data import Table, Units
from gan_core.generator_files import PIXELS, SavedGenerator, save_generator
from gan_core.networks import without_labels
from studies.errors import InputError
from studies.execution.environment import versions
from studies.file.messages import format_value
from studies.file.modules import is_reference, modules_in
from studies.new_study.found_study import expression
from studies.reporting.text.template_environment import template_environment
from studies.tables.ranking import last_evaluations, winners
from studies.tables.results import Results
from studies.tables.trained_generators import TrainedConfiguration
from studies.written_files import write_text

SCRIPT = "sample.py"
"""Name of the script that is written beside the files of a generator."""
PICTURE_CHANNELS = (1, 3)
"""Numbers of channels of the images that the script writes as PNG files."""
Seeds = Literal["median", "all"]


@dataclass(frozen=True, kw_only=True)
class OwnNetwork:
    """The class of a generator that its author has written.

    module      name of its module
    name        name of the class
    expression  Python that builds the generator
    """

    module: str
    name: str
    expression: str


@dataclass(frozen=True, kw_only=True)
class ExportedGenerator:
    """Trained generators of a condition, ready to be written.

    generator  the generators with their description
    script     Python that loads and samples them
    own        the class of their network, if it is not of gan_core
    notes      sentences about what the samples lack
    """

    generator: SavedGenerator
    script: str
    own: OwnNetwork | None
    notes: tuple[str, ...]

    @property
    def file_notes(self) -> tuple[str, ...]:
        """Sentences about what the files lack, and with them the samples."""
        if self.own is None:
            return self.notes
        needed = f"its network is {self.own.name} of the module {self.own.module}"
        return (*self.notes, f"{needed}, which must be importable where it is sampled")

    def write(self, folder: Path) -> None:
        """Write generator.safetensors, generator.json and sample.py into a folder, which is made if need be.

        Errors: `OSError` if the folder cannot be written.
        """
        save_generator(folder, self.generator)
        write_text(folder / SCRIPT, self.script)


def exported_generator(
    results: Results, condition: str, *, seeds: Seeds = "median", which: str = "last", folder: Path | None = None
) -> ExportedGenerator:
    """The generators that confirm trained at the best setting found for a condition, with a script that samples them.

    seeds   `median`: the generator of median late distance, the nearer of two; `all`: that of each fresh seed
    which   `last`, `best` or `average`, as for `Results.best`
    folder  where a user's module is looked up besides `sys.path`

    Errors: `InputError` as for `Results.best`, for other words, and if a user's class cannot be imported or its source
    has changed.
    """
    if seeds not in get_args(Seeds):
        raise InputError(f"seeds: must be median or all, but is {format_value(seeds)}")
    found = results.best(condition, which)
    members = winners(results.members)
    members = members[members["condition"] == condition].reset_index(drop=True)
    chosen = list(range(len(members))) if seeds == "all" else [found.median]
    with modules_in(folder):
        network = found.network
    pixels = found.shape.of_images and found.shape.bounded
    units, notes = (PIXELS, ()) if pixels else _table_units(results, found)
    notes += _failures(members.iloc[chosen])
    own = None
    if is_reference(found.identity["networks"].get("generator", {}).get("kind")):
        described = without_labels(network)
        own = OwnNetwork(
            module=type(described).__module__, name=type(described).__name__, expression=expression(described)
        )
    generator = SavedGenerator(
        network=network,
        parameters={name: value[chosen] for name, value in found.parameters.items()},
        shape=found.shape,
        seeds=tuple(found.seeds[member] for member in chosen),
        units=units,
        classes=found.classes,
        about=_about(results, found, which, [found.seeds[member] for member in chosen]),
    )
    script = template_environment("studies.exporting", keep_trailing_newline=True).get_template("sample.py.jinja")
    return ExportedGenerator(
        generator=generator,
        own=own,
        notes=notes,
        script=script.render(
            study=results.study.name,
            condition=condition,
            own=own,
            pictures=generator.in_pixels and found.shape.shape[0] in PICTURE_CHANNELS,
            classes=[] if found.classes is None else list(found.classes.names),
            columns=",".join(units.columns) if units is not None else "",
            rows=len(found.shape.shape) == 1,
        ),
    )


def _failures(members: pd.DataFrame) -> tuple[str, ...]:
    """A note with the outcomes of members that failed; none if all are stable."""
    failed = members.loc[members["outcome"] != "stable", "outcome"].astype("str").value_counts()
    if failed.empty:
        return ()
    if len(members) == 1:
        return (f"its training failed, with the outcome {failed.index[0]}",)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in failed.items())
    return (f"{failed.sum()} of {len(members)} trainings failed: {counts}",)


def _table_units(results: Results, found: TrainedConfiguration) -> tuple[Units | None, tuple[str, ...]]:
    """Units of the samples, if they are rows of a table that was standardised, and a note if the table has changed.

    A table whose columns were only shifted or scaled since gives the same rows: its present units are taken.
    """
    table = results.study.data
    if not isinstance(table, Table) or not table.standardise:
        return None, ()
    try:
        unchanged = results.data.fingerprint == found.identity["provenance"]["data_fingerprint"]
    except InputError:
        unchanged = False
    if unchanged:
        return table.units(), ()
    return None, (f"its samples stay standardised, since {table.path} does not hold the rows that were trained on",)


def _about(results: Results, found: TrainedConfiguration, which: str, seeds: list[int]) -> dict[str, Any]:
    """The origin of the generators as JSON; `seeds` are those of the exported ones."""
    spec = results.found(found.condition)
    members = winners(results.members).set_index(["condition", "seed"]).loc[found.condition]
    curves = winners(results.curves)
    curves = last_evaluations(curves[curves["condition"] == found.condition])
    described = [
        {
            "seed": seed,
            "outcome": str(members.loc[seed, "outcome"]),
            "late_distance": _number(members.loc[seed, "late_distance"]),
            "last_metrics": {
                row.metric: _number(row.value) for row in curves[curves["seed"] == seed].itertuples(index=False)
            },
        }
        for seed in seeds
    ]
    return {
        "study": results.study.name,
        "question": results.question,
        "condition": found.condition,
        "trial": spec.name,
        "address": spec.address,
        "configuration": found.configuration,
        "which": which,
        "distance": results.study.distance,
        "members": described,
        "module_sources": found.identity["provenance"].get("sources", {}),
        "versions": {name: version for name, version in versions().items() if name in ("gan-studies", "torch")},
    }


def _number(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
