"""Commands that read a submitted study's results on this machine, each of which has been found to work here."""

import json
import os
from pathlib import Path
from shlex import quote

from services.cluster import Attempt
from services.package import log_name
from studies.errors import TrackingError
from studies.ledger.ledger import Ledger
from studies.tracking.connection import is_web_address, mlflow_module, requests_to, shown_address


def next_commands(attempt: Attempt) -> str:
    """Lines with the commands, or with what is missing for them.

    A ledger on storage that this machine shares with the cluster is read itself; otherwise the MLflow server in
    MLFLOW_TRACKING_URI is, if it has the study.
    """
    name = attempt.study
    if _is_shared(attempt):
        root = str(Path(attempt.ledger).expanduser())
        return _commands(name, f"--root {quote(root)}", f"root={json.dumps(root)}")
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not is_web_address(uri):
        return (
            f"next:    the results of {name} are in the cluster's MLflow; set MLFLOW_TRACKING_URI to its address from "
            f"this machine, and MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD; then: gan-study results {name}"
        )
    try:
        with requests_to(uri):
            found = mlflow_module().MlflowClient(uri).get_experiment_by_name(name)
    except TrackingError as error:
        return f"next:    the results of {name} cannot be read from here yet: {error}"
    if found is None:
        return (
            f"next:    MLflow at {shown_address(uri)} has no study {name}; set MLFLOW_TRACKING_URI to the server that "
            f"the cluster writes to, then: gan-study results {name}"
        )
    # an address with a password in it is not printed
    named = quote(uri) if shown_address(uri) == uri else '"$MLFLOW_TRACKING_URI"'
    argument = f"tracking_uri={json.dumps(uri)}" if shown_address(uri) == uri else ""
    return _commands(name, f"--tracking {named}", argument)


def _is_shared(attempt: Attempt) -> bool:
    """True if this machine sees the log that the driver of the attempt wrote into the ledger."""
    root = Path(attempt.ledger).expanduser()
    if not attempt.ledger or not root.is_absolute():
        return False
    return (Ledger(root).study_folder(attempt.study) / log_name(attempt.number)).is_file()


def _commands(name: str, option: str, argument: str) -> str:
    program = f"import studies; print(studies.results({json.dumps(name)}{f', {argument}' if argument else ''}).trials)"
    return (
        f"next:    gan-study results {name} {option}\n"
        f"         gan-study compare {name} {option}\n"
        f"         gan-study report {name} {option}\n"
        f"         python -c {quote(program)}"
    )
