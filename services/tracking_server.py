"""Start, find and check MLflow."""

import json
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

HOST = "127.0.0.1"
LONGEST_START_SECONDS = 120.0


@contextmanager
def served(port: int | None) -> Iterator[str]:
    """MLflow's address, served on this machine alone from what is recorded in the working folder.

    Where MLFLOW_TRACKING_URI is a server's address it is that one, and nothing is started.

    Errors: `InputError` where nothing is recorded and for a port that is taken; `TrackingError` if it does not start.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if uri.startswith(("http://", "https://")):
        yield uri.rstrip("/")
        return
    if not uri and not Path("mlflow.db").exists() and not Path("mlruns").exists():
        raise InputError(f"nothing is recorded in {Path.cwd()}; run a study there first, or set MLFLOW_TRACKING_URI")
    chosen = _free_port(port)
    address = f"http://{HOST}:{chosen}"
    server = _start(chosen, uri)
    try:
        _wait(server, address)
        yield address
    finally:
        _end(server)


def studies_at(address: str) -> dict[str, str]:
    """The page of every study that is recorded there, by its name: its trials, the best first."""
    wanted = {"max_results": 1000, "filter": "tags.`mlflow.experimentKind` = 'custom_model_development'"}
    request = urllib.request.Request(
        f"{address}/api/2.0/mlflow/experiments/search",
        data=json.dumps(wanted).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        found = json.load(answer).get("experiments", [])
    trials = urlencode(
        {"searchFilter": "tags.kind = 'trial'", "orderByKey": "metrics.`distance`", "orderByAsc": "true"}
    )
    return {one["name"]: f"{address}/#/experiments/{one['experiment_id']}/runs?{trials}" for one in found}


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
