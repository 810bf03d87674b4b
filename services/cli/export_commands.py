"""Commands that write what a study found in the formats of other programs: export."""

import sys
from enum import StrEnum
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.options import AsJson, Root, StudyOrFolder, Tracking
from services.cli.output import print_json, refuse_existing, refuse_unwritable, writing
from studies.errors import InputError
from studies.file.messages import escape_control

if TYPE_CHECKING:
    from studies.tables.results import Results


class Target(StrEnum):
    """Format of an export."""

    generator = "generator"
    mlflow = "mlflow"
    optuna = "optuna"


class WhichSeeds(StrEnum):
    """Seeds whose generators are written."""

    median = "median"
    all = "all"


class WhichGenerators(StrEnum):
    """Generators of a training."""

    last = "last"
    best = "best"
    average = "average"


def export(
    study: StudyOrFolder,
    condition: Annotated[
        str | None, typer.Argument(metavar="[CONDITION]", help="Condition whose trained generator is written.")
    ] = None,
    to: Annotated[
        Target,
        typer.Option(
            help="generator: files that gan_core samples; mlflow: a model that mlflow.pyfunc loads; optuna: the search "
            "as an Optuna storage."
        ),
    ] = Target.generator,
    register: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="With --to mlflow: register the model under this name. Default: it belongs to its run alone.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Folder of a generator, or file of the Optuna storage. Default: STUDY-CONDITION-generator or "
            "STUDY-optuna.db in the working folder.",
        ),
    ] = None,
    seeds: Annotated[
        WhichSeeds,
        typer.Option(help="median: the generator of median late distance; all: that of each fresh seed."),
    ] = WhichSeeds.median,
    which: Annotated[
        WhichGenerators,
        typer.Option(
            help="last: at the end of training; best: each seed's at its smallest distance; average: moving averages "
            "at the end, if training.generator_average > 0."
        ),
    ] = WhichGenerators.last,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files. Default: they are left alone.")] = False,
    root: Root = None,
    tracking: Tracking = None,
    as_json: AsJson = False,
) -> None:
    """Write a trained generator, or the search for Optuna.

    gan-study export first-study wgan-gp writes a folder with generator.safetensors, generator.json (all that is needed
    to rebuild the generator, and where it comes from) and sample.py, ten lines that sample it with gan_core alone. The
    generator is that of the setting found for the condition, trained with a fresh seed.

    gan-study export first-study wgan-gp --to mlflow --register digits logs the generator as a model to the run of its
    trial in MLflow and registers it: mlflow.pyfunc.load_model("models:/digits/1").predict({"count": 16}) samples it in
    an environment of its own requirements. The store is that of --tracking, or else of MLFLOW_TRACKING_URI, or else
    mlflow.db in the working folder.

    gan-study export first-study --to optuna writes a SQLite file with an Optuna study for each condition, which
    optuna-dashboard sqlite:///first-study-optuna.db shows: hyperparameters, scores, failures, importances.

    \b
    Examples:
      gan-study export first-study wgan-gp --seeds all
      gan-study export first-study --to optuna --output search.db
    """
    from studies.locate import results

    if register is not None and to is not Target.mlflow:
        raise InputError("--register: must be given with --to mlflow alone")
    study_results = results(study, root=root, tracking_uri=tracking)
    if to is Target.optuna:
        _export_optuna(study_results, condition, output, force=force, as_json=as_json)
        return
    if condition is None:
        names = ", ".join(known.name for known in study_results.study.conditions)
        raise InputError(f"CONDITION: must be given, one of {names}")
    if to is Target.generator:
        _export_generator(study_results, condition, output, seeds, which, force=force, as_json=as_json)
        return
    if output is not None:
        raise InputError("--output: must be left out with --to mlflow, which writes no file here")
    _export_model(study_results, condition, seeds, which, register, tracking, as_json=as_json)


def _export_generator(
    study_results: "Results",
    condition: str,
    output: Path | None,
    seeds: WhichSeeds,
    which: WhichGenerators,
    *,
    force: bool,
    as_json: bool,
) -> None:
    from gan_core.generator_files import DESCRIPTION, PARAMETERS
    from studies.exporting.exported_generator import SCRIPT, exported_generator

    name = study_results.study.name
    folder = output or Path(f"{name}-{condition}-generator")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--output: must be a folder, but {escape_control(str(folder))} is a file")
    for file in (PARAMETERS, DESCRIPTION, SCRIPT):
        refuse_existing(folder / file, force=force)
    exported = exported_generator(study_results, condition, seeds=seeds.value, which=which.value, folder=Path())
    with writing(folder):
        exported.write(folder)
    script, trained = folder / SCRIPT, list(exported.generator.seeds)
    if as_json:
        table = {"study": name, "condition": condition, "folder": str(folder), "script": str(script), "seeds": trained}
        print_json({**table, "notes": list(exported.file_notes)})
        return
    seed = f"seed {trained[0]}" if len(trained) == 1 else f"{len(trained)} seeds"
    print(f"{folder} has the generator that {name} trained for {condition} ({seed}); gan_core alone samples it:")
    print(f"  python {quote(str(script))}")
    for note in exported.file_notes:
        print(f"{name}: {note}", file=sys.stderr)


def _export_model(
    study_results: "Results",
    condition: str,
    seeds: WhichSeeds,
    which: WhichGenerators,
    register: str | None,
    tracking: str | None,
    *,
    as_json: bool,
) -> None:
    from studies.exporting.exported_generator import exported_generator
    from studies.tracking.logged_generator import log_generator

    exported = exported_generator(study_results, condition, seeds=seeds.value, which=which.value, folder=Path())
    logged = log_generator(study_results, exported, register=register, uri=tracking, folder=Path())
    name, trained = study_results.study.name, list(exported.generator.seeds)
    if as_json:
        table = {"study": name, "condition": condition, "model": logged.uri, "tracking": logged.address}
        print_json({**table, "run": logged.run, "seeds": trained, "new": logged.new, "notes": list(exported.notes)})
        return
    has = "has" if logged.new else "had already"
    print(
        f"MLflow at {logged.address} {has} the generator that {name} trained for {condition} as {logged.uri}, of the "
        f"run {logged.run}; in Python:"
    )
    print(f'  mlflow.set_tracking_uri("{logged.address}")')
    print(f'  mlflow.pyfunc.load_model("{logged.uri}").predict({{"count": 16}}, params={{"seed": 0}})')
    for note in exported.notes:
        print(f"{name}: {note}", file=sys.stderr)


def _export_optuna(
    study_results: "Results", condition: str | None, output: Path | None, *, force: bool, as_json: bool
) -> None:
    from studies.exporting.optuna_storage import write_optuna

    if condition is not None:
        raise InputError("CONDITION: must be left out with --to optuna, which writes all conditions")
    name = study_results.study.name
    path = output or Path(f"{name}-optuna.db")
    refuse_unwritable(path)
    refuse_existing(path, force=force)
    with writing(path):
        counts = write_optuna(study_results, path)
    if as_json:
        print_json({"study": name, "file": str(path), "studies": counts})
        return
    listed = ", ".join(f"{optuna_study} ({trials} trials)" for optuna_study, trials in counts.items())
    print(f"{path} has the Optuna studies {listed}; to see them, pip install optuna-dashboard, then:")
    print(f"  optuna-dashboard {quote(f'sqlite:///{path}')}")


COMMANDS = (export,)
