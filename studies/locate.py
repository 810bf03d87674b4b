"""Finding a study: by name or folder, in a ledger or on a tracking server."""

import os
from pathlib import Path

from studies.errors import InputError, TrackingError
from studies.file.messages import escape_control, nearest
from studies.file.study import Study
from studies.file.validation import check_name
from studies.ledger.ledger import Ledger
from studies.tables.results import Results

MOST_NAMES = 12
"""Largest number of study names listed in an error message."""


def results(
    study: str | Path | Study,
    *,
    root: str | Path | None = None,
    tracking_uri: str | None = None,
    evaluation: str | None = None,
) -> Results:
    """Results of a study, finished or running.

    study         its name, its folder in a ledger, or the study itself
    root          the ledger's folder; that of the study itself, or else ./gan-studies by default
    tracking_uri  address of an MLflow server to read from instead of a ledger. If neither this nor `root` is given, a
                  study that the ledger lacks is read from the server in MLFLOW_TRACKING_URI, if that is set. A server's
                  tables equal those of the ledger bit for bit
    evaluation    identifier of a further evaluation that `gan-study evaluate` made; None: the study's own. A ledger
                  has them, a server does not

    Errors: `InputError` if there is no such study, with the most similar name or the known names, and for a record
    that another version wrote.
    `TrackingError` if the server cannot be reached or refuses access.
    """
    if tracking_uri is not None:
        if evaluation is not None:
            raise InputError("evaluation: must be read from a ledger, which alone holds further evaluations")
        return _from_tracking(study.name if isinstance(study, Study) else str(study), tracking_uri)
    ledger, name = ledger_of(study, root)
    if name in ledger.studies():
        return Results.of_ledger(ledger, name, evaluation=evaluation)
    if root is None and evaluation is None and os.environ.get("MLFLOW_TRACKING_URI") and "/" not in name:
        return _from_tracking(name, None, searched=ledger)
    known = ledger.studies()
    near = nearest(name.removesuffix(".toml"), known)
    listed = f"it holds {', '.join(known)}" if len(known) <= MOST_NAMES else "give its name, or its folder there"
    if not known:
        listed = "run it first, or name the ledger or the MLflow server that has it"
    hint = f"did you mean {near}?" if near else listed
    raise InputError(f"{escape_control(name)}: there is no such study in {ledger.root}; {hint}")


def require_study(study: Study) -> None:
    """Check that an argument is a study.

    Errors: `InputError` for anything else, as a study's name, with how to read one.
    """
    if not isinstance(study, Study):
        raise InputError(f"study: must be a Study, as studies.Study.load(FILE) returns it, but is {study!r}")


def ledger_of(study: str | Path | Study, root: str | Path | None) -> tuple[Ledger, str]:
    """The ledger of a study that is given by its name, its folder or itself, and its name; it need not exist.

    Errors: `InputError` for anything else.
    """
    if isinstance(study, Study):
        return Ledger(root or study.ledger.root), study.name
    if not isinstance(study, str | Path):
        raise InputError(f"study: must be a study's name, its folder, a Study or its results, but is {study!r}")
    folder = Path(study)
    if os.path.lexists(folder / "study.json"):
        folder = folder.resolve()
        return Ledger(folder.parent.parent), folder.name
    return Ledger(root or "gan-studies"), str(study)


def _from_tracking(name: str, uri: str | None, *, searched: Ledger | None = None) -> Results:
    """Results of a study on a tracking server; `searched` is a ledger without the study, named in errors."""
    from studies.tracking.download import fetch

    check_name(name, ("NAME",))
    try:
        return fetch(name, uri, searched=searched)
    except TrackingError as error:
        if searched is None:
            raise
        raise type(error)(f"there is no study {name} in {searched.root}, and {error}") from error
