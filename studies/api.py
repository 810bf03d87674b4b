"""Functions of the Python interface, exported by `import studies`."""

from collections.abc import Callable, Sequence
from pathlib import Path

from studies.analysis.comparison import Comparison
from studies.exporting.exported_generator import Seeds, exported_generator
from studies.exporting.optuna_storage import write_optuna
from studies.file.study import Study
from studies.forecast.study_plan import Plan, plan_of
from studies.locate import results
from studies.reporting.paper import Paper
from studies.tables.results import Results
from studies.tracking.row_counts import tracking_rows

__all__ = ["compare", "export_generator", "export_optuna", "paper", "plan", "results"]


def plan(study: Study, *, calibrate: bool = False, note: Callable[[str], None] = lambda sentence: None) -> Plan:
    """The plan of a study on this machine: trials, steps, seconds, memory, bytes, and what its ledger has.

    Kinds of packs whose costs are not in the cache are measured for about a minute at most. Nothing else is written.

    study      as `Study.load` returns it
    calibrate  True: measure costs again that are in the cache
    note       called with one sentence before the first measurement

    Errors: `InputError` if the machine cannot run the study; `DamagedError` for a damaged ledger; `StudyFailed` if
    nothing can be measured.
    """
    return plan_of(study, tracking=tracking_rows(study), again=calibrate, note=note)


def compare(
    study: str | Path | Results,
    *,
    tau: Sequence[float] | None = None,
    root: str | Path | None = None,
    tracking_uri: str | None = None,
    evaluation: str | None = None,
) -> Comparison:
    """Tables that compare a study's conditions: stable volumes, stable ranges, pairwise tests and others.

    study                           the study's name or folder, or its results
    tau                             target distances; by default three between the reference distances `constant` and
                                    `real`
    root, tracking_uri, evaluation  as for `results`

    Errors: as for `results`.
    """
    if isinstance(study, Results):
        return Comparison(study, tau=tau)
    read = results(study, root=root, tracking_uri=tracking_uri, evaluation=evaluation)
    return Comparison(read, tau=tau)


def paper(
    study: str | Path | Results,
    *,
    tau: Sequence[float] | None = None,
    root: str | Path | None = None,
    tracking_uri: str | None = None,
    evaluation: str | None = None,
) -> Paper:
    """Methods, tables and references of a study as LaTeX and BibTeX; `write(folder)` writes them.

    study, tau, root, tracking_uri, evaluation  as for `compare`

    Errors: as for `results`.
    """
    return Paper.of(compare(study, tau=tau, root=root, tracking_uri=tracking_uri, evaluation=evaluation))


def export_generator(
    study: str | Path | Results,
    condition: str,
    folder: str | Path,
    *,
    seeds: Seeds = "median",
    which: str = "last",
    root: str | Path | None = None,
    tracking_uri: str | None = None,
) -> None:
    """Write the trained generators of the setting found for a condition; `gan_core.load_generator` reads them.

    The folder gets generator.safetensors, generator.json and sample.py, which samples them with gan_core alone. Files
    of these names are replaced.

    study               the study's name or folder, or its results
    seeds               `median`: the generator of median late distance; `all`: that of each fresh seed
    which               `last`, `best` or `average`, as for `Results.best`
    root, tracking_uri  as for `results`

    Errors: `InputError` as for `results` and `Results.best`; `OSError` if the folder cannot be written.
    """
    read = study if isinstance(study, Results) else results(study, root=root, tracking_uri=tracking_uri)
    exported_generator(read, condition, seeds=seeds, which=which, folder=Path()).write(Path(folder))


def export_optuna(
    study: str | Path | Results,
    file: str | Path,
    *,
    root: str | Path | None = None,
    tracking_uri: str | None = None,
) -> None:
    """Write the search of a study as a SQLite file, replaced if it exists, which Optuna and optuna-dashboard read.

    It holds an Optuna study STUDY:CONDITION for each condition, whose trials are those of explore and exploit that have
    ended. Values are search scores, which are maximised; `optuna.load_study` takes the address `sqlite:///FILE`.

    study               the study's name or folder, or its results
    root, tracking_uri  as for `results`

    Errors: `InputError` as for `results`; `OSError` if the file cannot be written.
    """
    read = study if isinstance(study, Results) else results(study, root=root, tracking_uri=tracking_uri)
    write_optuna(read, Path(file))
