"""Start, find and check MLflow."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlencode

from studies.errors import InputError, TrackingError
from studies.tracking.connection import mlflow_module, shown_address, telling
from studies.tracking.projection import VIEW, VIEW_TAG

HOST = "127.0.0.1"
LONGEST_START_SECONDS = 120.0


def elsewhere() -> str | None:
    """The server that MLFLOW_TRACKING_URI names, if it names one."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    return uri.rstrip("/") if uri.startswith(("http://", "https://")) else None


def recorded_here() -> bool:
    """Whether MLflow holds anything that this folder's studies were recorded in."""
    return bool(os.environ.get("MLFLOW_TRACKING_URI")) or Path("mlflow.db").exists() or Path("mlruns").exists()


@contextmanager
def served(port: int | None) -> Iterator[str]:
    """MLflow's address, served on this machine alone from what is recorded in the working folder.

    Errors: `InputError` where nothing is recorded and for a port that is taken; `TrackingError` if it does not start.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not recorded_here():
        raise InputError(f"nothing is recorded in {Path.cwd()}; run a study there first, or set MLFLOW_TRACKING_URI")
    chosen = _free_port(port)
    address = f"http://{HOST}:{chosen}"
    server = _start(chosen, uri)
    try:
        _wait(server, address)
        yield address
    finally:
        _end(server)


def studies_at(uri: str) -> dict[str, str]:
    """The page of every study that is recorded there, by its name: its trials, the best first.

    Errors: `TrackingError` where the server cannot be reached or refuses.
    """
    with telling(uri):
        client = mlflow_module().MlflowClient(uri)
        kind = "tags.`mlflow.experimentKind` = 'custom_model_development'"
        found = client.search_experiments(filter_string=kind, max_results=1000)
    return {one.name: f"{shown_address(uri)}/#/experiments/{one.experiment_id}/runs?{_view(one)}" for one in found}


def _view(experiment: Any) -> str:
    """What MLflow's page of an experiment's runs is to show, and not beside what is for chats and their traces."""
    side = {"workflowType": "machine_learning"}
    if VIEW_TAG in experiment.tags:
        return urlencode({**side, "viewStateShareKey": VIEW})
    order = {"orderByKey": "metrics.`distance`", "orderByAsc": "true"}
    return urlencode({**side, "searchFilter": "tags.kind = 'trial'", **order})


def _free_port(wanted: int | None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted or 0))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or "must lie in 1 .. 65535"
            raise InputError(f"--port: {wanted} cannot be used ({reason}); leave it out for a free one") from None
        return probe.getsockname()[1]


def _start(port: int, uri: str) -> subprocess.Popen[bytes]:
    store = ["--backend-store-uri", uri] if uri else []  # without, MLflow finds its own default here
    return subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1", *store],
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches us alone, and we end all of its processes
    )


def _wait(server: subprocess.Popen[bytes], address: str) -> None:
    end = monotonic() + LONGEST_START_SECONDS
    while server.poll() is None and monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):
                return
        except OSError:
            sleep(0.2)
    raise TrackingError(f"MLflow's server did not start at {address}; see what says: {sys.executable} -m mlflow server")


def _end(server: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, number)
            server.wait(timeout=5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def wait_for_interrupt() -> None:
    """Return when the user or the system wants this process to end."""

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        return
