"""An MLflow server for the studies recorded in the working folder, and the addresses of their pages."""

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import entry_points
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlencode

from studies.errors import InputError, TrackingError
from studies.tracking import sqlite_store
from studies.tracking.connection import client_of, default_address, requests_to, shown_address
from studies.tracking.view_tags import VIEW, VIEW_TAG

HOST = "127.0.0.1"
APP = "gan-studies"
"""Name of `services.mlflow_app` among the applications that MLflow's server can be started with."""
MAX_START_SECONDS = 120.0
LOOK_SECONDS = 0.2
"""Seconds of one sleep of `wait_for_interrupt`. Python handles a signal only between two calls, so one that arrives
just before a single long sleep would be handled at its end."""
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_ENABLE_AI_GATEWAY": "false",
    "PYTHONSAFEPATH": "1",  # modules of the working folder are not imported in place of packages
}
_SERVER = """
import gc, sys
gc.set_threshold(200_000)  # nearly all of the many objects that MLflow's import makes stay
import mlflow.server.handlers
from mlflow.cli import cli
if sys.stdin.readline():
    cli(sys.argv[1:], prog_name="mlflow")
"""
"""Program that imports MLflow, which takes seconds, and waits for a line before it does what its arguments say."""


def configured_server() -> str | None:
    """Address of the server in MLFLOW_TRACKING_URI; None if that variable names no server."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    return uri.rstrip("/") if uri.startswith(("http://", "https://")) else None


def has_store() -> bool:
    """True if MLFLOW_TRACKING_URI is set or the working folder has a store of MLflow."""
    return bool(os.environ.get("MLFLOW_TRACKING_URI")) or Path("mlflow.db").exists() or Path("mlruns").exists()


@contextmanager
def served(port: int | None) -> Iterator[str]:
    """Context in which an MLflow server runs, reachable from this machine alone; its value is the server's address.

    port  port of the server; None for any free one

    Errors: `InputError` if `has_store` is False, the port cannot be used, or the installation is older than `APP`;
    `TrackingError` if the server does not start.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not has_store():
        raise InputError(f"no study is recorded in {Path.cwd()}; run one there first, or set MLFLOW_TRACKING_URI")
    if not entry_points(group="mlflow.app", name=APP):
        raise InputError("gan-studies was changed after it was installed; install it again (make install)")
    _interrupt_at_sigterm()  # before there is a server that would be left behind
    free_port = _free_port(port)
    address = f"http://{HOST}:{free_port}"
    server = _start(free_port, uri)
    try:
        with requests_to(uri or None):
            sqlite_store.prepare(uri or default_address())
        _let_begin(server)
        _wait_for_answer(server, address)
        yield address
    finally:
        _end(server)


def studies_at(uri: str) -> dict[str, str]:
    """Address of each study's page on an MLflow server, by the study's name; a page lists the confirmed trials first.

    Errors: `TrackingError` if the server cannot be reached or refuses.
    """
    with requests_to(uri):
        client = client_of(uri)
        kind = "tags.`mlflow.experimentKind` = 'custom_model_development'"
        experiments = client.search_experiments(filter_string=kind, max_results=1000)
    return {
        experiment.name: f"{shown_address(uri)}/#/experiments/{experiment.experiment_id}/runs?{_query(experiment)}"
        for experiment in experiments
    }


def _query(experiment: Any) -> str:
    """Query string of an experiment's page: the saved view `VIEW` or else the trials by rank, menu for training."""
    menu = {"workflowType": "machine_learning"}
    if VIEW_TAG in experiment.tags:
        return urlencode({**menu, "viewStateShareKey": VIEW})
    order = {"orderByKey": "metrics.`rank`", "orderByAsc": "true"}
    return urlencode({**menu, "searchFilter": "tags.kind = 'trial'", **order})


def _free_port(wanted: int | None) -> int:
    """The wanted port after a check that it is free; for None any free port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted or 0))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or "must be in 1 .. 65535"
            raise InputError(
                f"--port: {wanted} cannot be used ({reason}); leave the option out for a free port"
            ) from None
        return probe.getsockname()[1]


def _start(port: int, uri: str) -> subprocess.Popen[bytes]:
    """Start a server that waits for `_let_begin`."""
    store = ["--backend-store-uri", uri] if uri else []  # MLflow's own default is in the working folder
    listening = ["--host", HOST, "--port", str(port)]
    return subprocess.Popen(
        [sys.executable, "-c", _SERVER, "server", "--app-name", APP, *listening, "--workers", "1", *store],
        env={**os.environ, **_SETTINGS},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches only this process, which then ends the server's processes
    )


def _let_begin(server: subprocess.Popen[bytes]) -> None:
    assert server.stdin is not None
    with suppress(BrokenPipeError), server.stdin:  # a server that has ended is found by who waits for it
        server.stdin.write(b"\n")


def _wait_for_answer(server: subprocess.Popen[bytes], address: str) -> None:
    end = monotonic() + MAX_START_SECONDS
    while server.poll() is None and monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):
                return
        except OSError:
            sleep(0.05)
    raise TrackingError(
        f"MLflow's server did not start at {address}; this command shows its error: "
        f"{sys.executable} -m mlflow server --app-name {APP}"
    )


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server's process group by SIGTERM, then by SIGKILL when the server has ended, or after 5 s."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, number)
            server.wait(timeout=5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _interrupt_at_sigterm() -> None:
    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, interrupt)


def wait_for_interrupt() -> None:
    """Return on Ctrl-C or, within `served`, on SIGTERM."""
    try:
        while True:
            sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        return
