"""Finding a study: by name or folder, in a ledger or on a tracking server."""

import os
import shutil
import tempfile
import weakref
from pathlib import Path

from studies.errors import InputError, TrackingError
from studies.file.messages import escape_control, nearest
from studies.file.validation import check_name
from studies.ledger.ledger import Ledger
from studies.tables.results import Results

MOST_NAMES = 12
"""Largest number of study names listed in an error message."""


def results(study: str | Path, *, root: str | Path | None = None, tracking_uri: str | None = None) -> Results:
    """Results of a study, finished or running.

    study         its name, or its folder in a ledger
    root          the ledger's folder; ./gan-studies by default
    tracking_uri  address of an MLflow server to read from instead of a ledger. If neither this nor `root` is given, a
                  study that the ledger lacks is read from the server in MLFLOW_TRACKING_URI, if that is set. A server's
                  tables equal those of the ledger bit for bit

    Errors: `InputError` if there is no such study, with the most similar name or the known names, and for a record
    that another version wrote.
    `TrackingError` if the server cannot be reached or refuses access.
    """
    if tracking_uri is not None:
        return _from_tracking(str(study), tracking_uri)
    folder = Path(study)
    if os.path.isfile(folder / "study.json"):
        folder = folder.resolve()
        ledger, name = Ledger(folder.parent.parent), folder.name
    else:
        ledger, name = Ledger(root or "gan-studies"), str(study)
    record = ledger.read_study(name) if "/" not in name else None
    if record is None and root is None and os.environ.get("MLFLOW_TRACKING_URI") and "/" not in name:
        return _from_tracking(name, None, searched=ledger)
    if record is None:
        known = sorted(ledger.studies())
        near = nearest(name, known)
        listed = (
            f"it holds {', '.join(known)}" if 0 < len(known) <= MOST_NAMES else "give its name, or its folder there"
        )
        hint = f"did you mean {near}?" if near else listed
        raise InputError(f"{escape_control(name)}: there is no such study in {ledger.root}; {hint}")
    return Results(ledger, record)


def _from_tracking(name: str, uri: str | None, *, searched: Ledger | None = None) -> Results:
    """Results of a study on a tracking server; `searched` is a ledger without the study, named in errors."""
    from studies.tracking.download import fetch

    check_name(name, ("NAME",))
    folder = tempfile.mkdtemp(prefix="gan-studies-")
    try:
        ledger, remote_trials = fetch(name, uri, Path(folder), searched=searched)
        remote = Results(ledger, ledger.read_study(name) or {}, remote_trials)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if searched is not None and isinstance(error, TrackingError):
            raise type(error)(f"there is no study {name} in {searched.root}, and {error}") from error
        raise
    weakref.finalize(remote, shutil.rmtree, folder, ignore_errors=True)
    return remote
