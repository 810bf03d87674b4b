"""Commands about a ledger: ls, rm, doctor, archive, import."""

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.completion import study_names
from services.cli.options import AsJson, Root, StudyOrFolder
from services.cli.output import console, print_json, refuse_unwritable, write_file
from studies.errors import InputError, TrackingError

if TYPE_CHECKING:
    from studies.ledger.inventory import Holding
    from studies.ledger.ledger import Ledger
    from studies.tracking.run_faults import RunFault

DEFAULT_ROOT = "gan-studies"
LIMITED = "ended by a limit"
MOST_ORPHANS = 3
"""Largest number of trials that no study holds which `doctor` lists one by one."""


def ls(root: Root = None, as_json: AsJson = False) -> None:
    """List the studies of a ledger with their sizes.

    Also prints how many trials are finished of those whose settings are known, what studies share, and when each study
    was last run or imported.

    \b
    Examples:
      gan-study ls
      gan-study ls --root /mnt/ledger --json
    """
    from rich.table import Table

    from studies.ledger.inventory import holdings
    from studies.numbers import format_bytes

    ledger = _existing_ledger(root)
    held = list(holdings(ledger))
    if as_json:
        print_json([vars(holding) for holding in held])
        return
    if not held:
        print(f"{ledger.root} holds no study.")
        return
    table = Table("study", "trials", "state", "own size", "shared with other studies", "last run")
    for holding in held:
        shared = f"{holding.shared} trials, {format_bytes(holding.shared_bytes)}" if holding.shared else ""
        trials = f"{holding.finished} finished of {holding.planned} planned"
        changed = f"{datetime.fromtimestamp(holding.written):%Y-%m-%d %H:%M}"
        table.add_row(holding.name, trials, _state(holding), format_bytes(holding.own_bytes), shared, changed)
    screen = console()
    screen.print(table)
    for holding in held:
        if _state(holding) == LIMITED:
            screen.print(f"{holding.name}: {holding.limit}", markup=False, soft_wrap=True)
    screen.print(f"ledger: {ledger.root}", markup=False, soft_wrap=True)


def rm(
    study: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of a study of the ledger.", autocompletion=study_names)
    ],
    root: Root = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Delete without a question, as a script must. Default: ask first.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a study, and the trials that only it holds.

    Prints what is deleted before it asks. The study's runs in MLflow stay.

    \b
    Examples:
      gan-study rm first-study
      gan-study rm first-study-smoke --yes
    """
    from studies.ledger.inventory import holdings, remove_study
    from studies.numbers import format_bytes

    ledger = _existing_ledger(root)
    holding = next((holding for holding in holdings(ledger) if holding.name == study), None)
    if holding is None:
        raise InputError(f"{study}: there is no such study in {ledger.root}; gan-study ls lists them")
    own = holding.finished - holding.shared
    said = sys.stderr if as_json else sys.stdout
    print(
        f"{study} in {ledger.root}: {own} finished trials that only it holds, {format_bytes(holding.own_bytes)}.",
        file=said,
    )
    if holding.shared:
        print(f"{holding.shared} trials are held by other studies too and stay.", file=said)
    if not yes and not (sys.stdin.isatty() and typer.confirm("Delete this study?")):
        raise InputError(f"{study}: nothing was deleted; add --yes to delete it")
    remove_study(ledger, study)
    if as_json:
        print_json({"deleted": study, "trials": own, "bytes": holding.own_bytes})
    else:
        print(f"{study} was deleted.")


def doctor(
    root: Root = None,
    mend: Annotated[
        bool, typer.Option("--mend", help="Mend what can be mended. Default: only say what was found.")
    ] = False,
    tracking: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="MLflow store to examine too. Default: the one in the environment variable MLFLOW_TRACKING_URI, or "
            "mlflow.db in the working folder, if there is one.",
        ),
    ] = None,
    no_tracking: Annotated[
        bool,
        typer.Option(
            "--no-tracking",
            envvar="GAN_STUDY_NO_TRACKING",
            show_envvar=False,
            help="Examine the ledger only. Default: examine MLflow too, unless the environment variable "
            "GAN_STUDY_NO_TRACKING is 1.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Examine a ledger, and the runs of its studies in MLflow.

    Finds wrong checksums, foreign and half-written files, trials that no study holds, and in MLflow runs that are open,
    incomplete, missing, duplicate, or of no trial. With --mend, damaged files and trials that no study plans are moved
    to the folder set-aside of the ledger, leftovers and surplus runs are deleted, and missing or incomplete runs are
    recorded again. What damaged files held, and a damaged record of a study, is repaired by running the study again.
    Exits 1 if something was found and is not mended, and if MLflow cannot be examined.

    \b
    Examples:
      gan-study doctor
      gan-study doctor --mend
    """
    from services.tracking_server import has_store
    from studies.file.messages import count_noun
    from studies.ledger import examination
    from studies.tracking import run_faults

    ledger = _existing_ledger(root)
    with_runs = tracking is not None or (not no_tracking and has_store())
    findings = examination.examine(ledger)
    faults, examined = _run_faults(ledger, tracking) if with_runs else ([], False)
    if mend:
        said = sys.stderr if as_json else sys.stdout
        for finding in findings:
            print(examination.mend(ledger, finding), file=said)
        for sentence in run_faults.mend(ledger, faults, tracking):
            print(sentence, file=said)
        findings = examination.examine(ledger)
        faults, examined = _run_faults(ledger, tracking) if examined else ([], False)
    found = [*findings, *faults]
    if as_json:
        print_json([vars(finding) for finding in found])
    else:
        orphans = [finding for finding in findings if finding.kind == "orphan"]
        grouped = orphans if len(orphans) > MOST_ORPHANS else []
        for each in found:
            if each not in grouped:
                print(each)
        if grouped:
            print(
                f"{ledger.root}: {len(grouped)} trials that no study holds, as after a change to a study file: a run "
                "of the former file finds them until --mend sets them aside; --json lists them"
            )
        hint = "" if mend else "; gan-study doctor --mend mends what can be mended"
        result = f"{count_noun(len(found), 'finding')}{hint}" if found else "nothing is wrong"
        print(f"{ledger.root}{' and its runs in MLflow' if examined else ''}: {result}")
    raise typer.Exit(1 if found or (with_runs and not examined) else 0)


def _run_faults(ledger: "Ledger", tracking: str | None) -> "tuple[list[RunFault], bool]":
    """Faults of the studies' runs in MLflow, and True if all of these could be examined.

    If MLflow cannot be read, the reason is printed and the studies after it are left out; so is a damaged study.
    """
    from studies.tracking.run_faults import examine

    faults: list[RunFault] = []
    for name in ledger.studies():
        try:
            faults += examine(ledger, name, tracking)
        except InputError:
            continue  # damaged or of another version: the examination of the ledger has found it
        except TrackingError as error:
            print(f"gan-study: {error}; its runs were not examined", file=sys.stderr)
            return faults, False
    return faults, True


def archive(
    study: StudyOrFolder,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File to write. Default: NAME.zip in the working folder.")
    ] = None,
    root: Root = None,
    as_json: AsJson = False,
) -> None:
    """Write a study with its trials into one file.

    The file holds all finished trials with checksums and versions, and can accompany a paper; gan-study import verifies
    it on another machine.

    \b
    Examples:
      gan-study archive first-study --output first-study.zip
    """
    from studies.execution.environment import versions
    from studies.ledger.archives import write_archive
    from studies.locate import ledger_of
    from studies.numbers import format_bytes

    ledger, name = ledger_of(study, root)
    path = output or Path(f"{name}.zip")
    refuse_unwritable(path)
    counts: list[int] = []

    def write(file: Path) -> None:
        with file.open("wb") as stream:
            counts.append(write_archive(ledger, name, stream, versions=versions()))

    write_file(path, write)
    if as_json:
        print_json({"file": str(path), "study": name, "trials": counts[0], "bytes": path.stat().st_size})
    else:
        print(f"{path} holds {name} with {counts[0]} finished trials ({format_bytes(path.stat().st_size)})")


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Archive that gan-study archive wrote.")],
    root: Root = None,
    as_json: AsJson = False,
) -> None:
    """Verify an archive, and write its study into a ledger.

    Nothing is written unless every checksum and address is right. A study of the same name in the ledger must be the
    same one, without further trials.

    \b
    Examples:
      gan-study import first-study.zip --root other-ledger
    """
    from studies.ledger.archives import read_archive
    from studies.ledger.ledger import Ledger

    ledger = Ledger(root or DEFAULT_ROOT)
    name, trials = read_archive(ledger, file)
    if as_json:
        print_json({"study": name, "trials": trials, "root": str(ledger.root)})
        return
    print(f"{name} with {trials} finished trials is in {ledger.root}; gan-study results {name} shows its ranking")


def _state(holding: "Holding") -> str:
    if holding.running:
        return "running"
    ended = holding.finished + holding.without_result
    if ended >= holding.planned:
        return "finished"
    return LIMITED if holding.limit else "interrupted"


def _existing_ledger(root: Path | None) -> "Ledger":
    """The ledger in a folder.

    Errors: `InputError` if there is no such folder.
    """
    from studies.ledger.ledger import Ledger

    ledger = Ledger(root or DEFAULT_ROOT)
    if not ledger.root.is_dir():
        raise InputError(
            f"--root: must be the folder of a ledger, but there is no folder {ledger.root}; it is made where a study "
            "runs, and MLflow has the studies that ran on a cluster"
        )
    return ledger


import_.__name__ = "import"
COMMANDS = (ls, rm, doctor, archive, import_)
