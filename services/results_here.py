"""Commands that read a submitted study's results on this machine, each of which has been found to work here."""

import json
import os
from pathlib import Path
from shlex import quote

from services.cluster import Attempt
from services.credentials import cluster_ledger
from services.package import log_name
from studies.errors import TrackingError
from studies.ledger.ledger import Ledger
from studies.tracking.connection import is_web_address, mlflow_module, requests_to, shown_address


def next_commands(attempt: Attempt) -> str:
    """Lines with the commands, or with what is missing for them.

    A ledger on storage that this machine shares with the cluster is read itself; otherwise the MLflow server in
    MLFLOW_TRACKING_URI is, if it has the study, which the option says: a local ledger would be read before.
    """
    name = attempt.study
    if (shared := _shared_root(attempt)) is not None:
        root = str(shared)
        return _commands(name, f"--root {quote(root)}", f"root={json.dumps(root)}")
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not is_web_address(uri):
        return (
            f"next:    the cluster's MLflow has the results of {name}, but for those that a warning says are missing; "
            "set MLFLOW_TRACKING_URI to its address from this machine, and MLFLOW_TRACKING_USERNAME and "
            f'MLFLOW_TRACKING_PASSWORD; then: gan-study results {name} --tracking "$MLFLOW_TRACKING_URI"'
        )
    try:
        with requests_to(uri):
            found = mlflow_module().MlflowClient(uri).get_experiment_by_name(name)
    except TrackingError as error:
        return f"next:    the results of {name} cannot be read from here yet: {error}"
    if found is None:
        return (
            f"next:    MLflow at {shown_address(uri)} has no study {name}; set MLFLOW_TRACKING_URI to the server that "
            f'the cluster writes to, then: gan-study results {name} --tracking "$MLFLOW_TRACKING_URI"'
        )
    # an address with a password in it is not printed
    named = quote(uri) if shown_address(uri) == uri else '"$MLFLOW_TRACKING_URI"'
    argument = f"tracking_uri={json.dumps(uri)}" if shown_address(uri) == uri else ""
    return _commands(name, f"--tracking {named}", argument)


def _shared_root(attempt: Attempt) -> Path | None:
    """The ledger of an attempt, if this machine sees the log that its driver wrote there.

    A relative one lies below the folder in GAN_STUDY_LEDGER, as on the nodes.
    """
    root, folder = Path(attempt.ledger).expanduser(), cluster_ledger()
    if not root.is_absolute():
        if folder is None:
            return None
        root = folder.absolute() / root
    seen = attempt.ledger and (Ledger(root).study_folder(attempt.study) / log_name(attempt.number)).is_file()
    return root if seen else None


def _commands(name: str, option: str, argument: str) -> str:
    program = f"import studies; print(studies.results({json.dumps(name)}{f', {argument}' if argument else ''}).trials)"
    return (
        f"next:    gan-study results {name} {option}\n"
        f"         gan-study compare {name} {option}\n"
        f"         gan-study report {name} {option}\n"
        f"         python -c {quote(program)}"
    )
