"""Functions of the Python interface, exported by `import studies`.

They are functions, not methods of `Study`: a study is what its file says, and the packages that plan and run it import
it, never the reverse. `services.submit` sends a study to a cluster. Notebooks show what these functions return as HTML
(`studies.reporting.notebook`).
"""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from studies.analysis.comparison import Comparison
from studies.errors import InputError
from studies.exporting.exported_generator import Seeds, exported_generator
from studies.exporting.optuna_storage import write_optuna
from studies.file.source import question
from studies.file.study import Study
from studies.forecast.study_plan import Plan, plan_of
from studies.locate import require_study, results
from studies.reporting.notebook import NotebookProgress
from studies.reporting.paper import Paper
from studies.tables.results import Results
from studies.tracking.logged_generator import log_generator
from studies.tracking.row_counts import tracking_rows

if TYPE_CHECKING:
    from studies.reporting.figures import SampleSheets
    from studies.reporting.terminal.progress_view import PlainProgress
    from studies.tracking.tracker import Tracker

__all__ = ["compare", "export_generator", "export_model", "export_optuna", "paper", "plan", "results", "run"]


def plan(study: Study, *, calibrate: bool = False, note: Callable[[str], None] = lambda sentence: None) -> Plan:
    """The plan of a study on this machine: trials, steps, seconds, memory, bytes, and what its ledger has.

    Kinds of packs whose costs are not in the cache are measured for about a minute at most. Nothing else is written.

    study      as `Study.load` returns it
    calibrate  True: measure costs again that are in the cache
    note       called with one sentence before the first measurement

    Errors: `InputError` if the machine cannot run the study; `DamagedError` for a damaged ledger; `StudyFailed` if
    nothing can be measured.
    """
    require_study(study)
    return plan_of(study, tracking=tracking_rows(study), again=calibrate, note=note)


def run(study: Study, *, tracking: bool = True) -> Results:
    """Run the trials of a study that its ledger lacks, on this machine, and return the results.

    Progress is shown as a bar and a table in a notebook, as a table on a terminal, and else as lines. The trials run in
    processes of their own, and pictures of the results are written into the study's folder in the ledger, as with
    `gan-study run`. If a limit of `[limits]` ended the run, the last line says so, and the same call continues it.

    study     as `Study.load` returns it; its file gives the question that the results answer
    tracking  True: also record it in MLflow, in MLFLOW_TRACKING_URI or else in mlflow.db in the working folder

    Errors: `InputError` before any trial starts; `StudyFailed` if Ray cannot run the study or the ledger cannot be
    written; `KeyboardInterrupt`, after Ctrl-C or the notebook's stop button and once the trials have written their
    checkpoints: the same call resumes them.
    """
    from studies.execution import driver_process
    from studies.ledger.ledger import Ledger
    from studies.reporting.figures import SampleSheets, write_pictures

    require_study(study)
    display, folder = _progress(study), Ledger(study.ledger.root).study_folder(study.name)
    samples = SampleSheets(folder / "samples")
    trackers = _trackers(study, display, samples) if tracking else []
    asked = "" if study.source is None else question(study.source)
    run_result = driver_process.run(study, display, *trackers, question=asked)
    if run_result.interrupted and not run_result.limit:
        raise KeyboardInterrupt(f"{study.name} was interrupted; the same call resumes it where it stopped")
    found = results(study.name, root=study.ledger.root)
    if run_result.limit:
        display.note(f"{run_result.limit}; the same call continues {study.name} where it stopped.")
    else:
        write_pictures(Comparison(found), folder, samples)
    return found


def _progress(study: Study) -> "PlainProgress":
    from rich.console import Console

    from studies.reporting.terminal.progress_view import listener

    console = Console(highlight=False)
    return NotebookProgress(study, console) if console.is_jupyter else listener(study, console)


def _trackers(study: Study, display: "PlainProgress", samples: "SampleSheets") -> "list[Tracker]":
    from studies.tracking.tracker import Tracker

    return [Tracker(study, display.warn, note=display.note, sheets=samples)]


def compare(
    study: str | Path | Study | Results,
    *,
    tau: float | Sequence[float] | None = None,
    root: str | Path | None = None,
    tracking_uri: str | None = None,
    evaluation: str | None = None,
) -> Comparison:
    """Tables that compare a study's conditions: stable volumes, stable ranges, pairwise tests and others.

    study                           the study, its name or folder, or its results
    tau                             target distances, or one; by default three between the reference distances
                                    `constant` and `real`
    root, tracking_uri, evaluation  as for `results`

    Errors: as for `results`; `InputError` for a target distance that is not finite and positive.
    """
    targets = None if tau is None else np.atleast_1d(np.asarray(tau)).tolist()
    if targets is not None and not all(isinstance(one, int | float) and 0 < one < np.inf for one in targets):
        raise InputError(f"tau: must be finite distances > 0, but is {tau!r}")
    if isinstance(study, Results):
        return Comparison(study, tau=targets)
    read = results(study, root=root, tracking_uri=tracking_uri, evaluation=evaluation)
    return Comparison(read, tau=targets)


def paper(
    study: str | Path | Study | Results,
    *,
    tau: float | Sequence[float] | None = None,
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
    study: str | Path | Study | Results,
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

    study               the study, its name or folder, or its results
    seeds               `median`: the generator of median late distance; `all`: that of each fresh seed
    which               `last`, `best` or `average`, as for `Results.best`
    root, tracking_uri  as for `results`

    What the samples lack, as of a training that failed, is a warning (`UserWarning`).

    Errors: `InputError` as for `results` and `Results.best`, and for a file in place of the folder; `OSError` if the
    folder cannot be written.
    """
    if Path(folder).is_file():
        raise InputError(f"folder: must be a folder, but {folder} is a file")
    read = study if isinstance(study, Results) else results(study, root=root, tracking_uri=tracking_uri)
    exported = exported_generator(read, condition, seeds=seeds, which=which, folder=Path())
    exported.write(Path(folder))
    for note in exported.file_notes:
        warnings.warn(f"{condition}: {note}", stacklevel=2)


def export_model(
    study: str | Path | Study | Results,
    condition: str,
    *,
    register: str | None = None,
    seeds: Seeds = "median",
    which: str = "last",
    root: str | Path | None = None,
    tracking_uri: str | None = None,
) -> str:
    """Log the trained generators of the setting found for a condition as a model of MLflow, and return its URI.

    The model belongs to the run of the trial that trained them. `mlflow.pyfunc.load_model(uri).predict({"count": 16},
    params={"seed": 0})` samples it where the model's own requirements are installed; parameters are `seed`, `member`
    (an index into the seeds) and `in_units` (True: grey levels of images, units of a table). A generator that is there
    already is not logged again. Warnings are as for `export_generator`.

    study         the study, its name or folder, or its results
    register      name in MLflow's registry, which gets a new version of it; None: the model is not registered
    seeds, which  as for `export_generator`
    root          as for `results`
    tracking_uri  address of the MLflow store, from which the study is read too; None: it is read as by `results`, and
                  the model goes to MLFLOW_TRACKING_URI, or else to mlflow.db in the working folder

    Errors: `InputError` as for `results` and `Results.best`, and for a name that MLflow does not take; `TrackingError`
    if the server cannot be reached or refuses, or has no run of the trial.
    """
    read = study if isinstance(study, Results) else results(study, root=root, tracking_uri=tracking_uri)
    exported = exported_generator(read, condition, seeds=seeds, which=which, folder=Path())
    for note in exported.notes:
        warnings.warn(f"{condition}: {note}", stacklevel=2)
    return log_generator(read, exported, register=register, uri=tracking_uri, folder=Path()).uri


def export_optuna(
    study: str | Path | Study | Results,
    file: str | Path,
    *,
    root: str | Path | None = None,
    tracking_uri: str | None = None,
) -> None:
    """Write the search of a study as a SQLite file, replaced if it exists, which Optuna and optuna-dashboard read.

    It holds an Optuna study STUDY:CONDITION for each condition, whose trials are those of explore and exploit that have
    ended. Values are search scores, which are maximised; `optuna.load_study` takes the address `sqlite:///FILE`.

    study               the study, its name or folder, or its results
    root, tracking_uri  as for `results`

    Errors: `InputError` as for `results`; `OSError` if the file cannot be written.
    """
    read = study if isinstance(study, Results) else results(study, root=root, tracking_uri=tracking_uri)
    write_optuna(read, Path(file))
