"""Commands that run a study: run, and drive, which a submitted job runs on its cluster."""

from typing import TYPE_CHECKING

import typer

from services.cli.options import AsJson, NoTracking, Overrides, Smoke, StudyFile
from services.cli.output import console, print_error, print_interrupted, print_json, records
from studies.errors import GanStudyError

if TYPE_CHECKING:
    from studies.execution.driver_connection import Driver
    from studies.file.study import Study

MANY = 5000
"""Number of trials from which on listing them takes seconds, of which a run says so."""
LIMIT_REACHED = 3
"""Exit code of a run that a limit of `[limits]` ended before all trials had ended."""
WORKS = (
    "It works: every phase of the study ran to its end on this machine. Its numbers mean nothing, since the training "
    "was far too short; the same command without --smoke runs the study."
)
"""Printed after a study that was made as small as possible."""


def run(
    file: StudyFile,
    overrides: Overrides = None,
    smoke: Smoke = False,
    no_tracking: NoTracking = False,
    as_json: AsJson = False,
) -> None:
    """Run a study on this machine and print the ranking.

    Trials that the ledger already has are not run again. A run may be interrupted at any time: the same command resumes
    it. The results are also written to MLflow, to the store in the environment variable MLFLOW_TRACKING_URI or else to
    mlflow.db in the working folder; gan-study ui shows them.

    \b
    Examples:
      gan-study run first-study
      gan-study run photos.toml --smoke
      gan-study run photos.toml --set budget.steps=500
    """
    from studies.execution.driver_process import driver_of_file

    with driver_of_file(file, overrides=overrides or [], smoke=smoke) as driver:
        code = _run(driver, driver.study(), tracking=not no_tracking, as_json=as_json)
    if smoke and code == 0:
        console(stderr=as_json).print(WORKS, soft_wrap=True)
    raise typer.Exit(code)


def _run(driver: "Driver", study: "Study", *, tracking: bool = True, as_json: bool = False) -> int:
    """Follow the run of a study in its driver and print its summary; return the exit code."""
    from studies.design import total
    from studies.ledger.ledger import Ledger
    from studies.locate import results
    from studies.reporting.figures import SampleSheets
    from studies.reporting.terminal.progress_view import listener
    from studies.reporting.terminal.run_summary import print_run_summary
    from studies.tracking.tracker import Tracker

    screen = console(stderr=as_json)
    if total(study) >= MANY:
        screen.print(f"{study.name}: listing {total(study):,} trials", soft_wrap=True)
    display = listener(study, screen)
    ledger = Ledger(study.ledger.root)
    sheets = SampleSheets(ledger.study_folder(study.name) / "samples")
    on_cluster = driver.resources is not None
    place = "on the cluster's head: " if on_cluster else ""  # its user reads the warning on another machine
    tracker = Tracker(study, lambda sentence: display.warn(place + sentence), note=display.note, sheets=sheets)
    trackers = [tracker] if tracking else []
    run_result = driver.run(study, display, *trackers)
    local = results(study.name, root=study.ledger.root)
    if as_json:
        print_json(
            {
                "interrupted": run_result.interrupted,
                "limit": run_result.limit or None,
                "ranking": records(local.ranking),
            }
        )
    print_run_summary(local, ledger, run_result, screen, sheets, on_cluster=on_cluster)
    if run_result.limit:
        return LIMIT_REACHED
    if run_result.interrupted:
        return 130
    return 1 if run_result.without_result else 0


def drive() -> None:
    """Run the submitted study in the working folder of this job."""
    from services.driver import drive as drive_study

    raise typer.Exit(drive_study(_run_submitted))


def _run_submitted(driver: "Driver", study: "Study") -> int:
    """Follow the run and return its exit code; print errors here, so that the attempt's log in the ledger has them."""
    try:
        return _run(driver, study)
    except GanStudyError as error:
        return print_error(error)
    except KeyboardInterrupt:
        return print_interrupted()


COMMANDS = (run,)
