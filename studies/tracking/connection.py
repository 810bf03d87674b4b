"""Talking to an MLflow server: with patience that ends, and in one sentence where it does not answer as hoped."""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from studies.errors import GanStudyError, TrackingError, TrackingRefused

_ENVIRONMENT = {
    # Its own 7 tries of 120 s would be four minutes for one call to a server that is gone.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
    "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT": "5",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_AGENT_HINT": "true",
}
_TIMEOUTS = ("MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT")
PATIENCE_SECONDS = "60"
_REFUSALS = (401, 403)
_UNREACHABLE = ("Connection", "Timeout", "Max retries", "timed out", "refused")


def mlflow_module() -> Any:
    """MLflow, imported (which takes seconds) with settings under which a dead server cannot hold anybody up."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    return mlflow


def shown_address(uri: str) -> str:
    """An address without the credentials that it may hold."""
    return re.sub(r"//[^/\s]*@", "//", uri)


@contextmanager
def telling(uri: str | None) -> Iterator[None]:
    """For whoever waits for the server's answers, and has them late rather than not at all.

    Errors: `TrackingError`, one sentence without credentials, for whatever goes wrong with the server inside;
    `TrackingRefused` where it asks for other credentials.
    """
    try:
        with _patience():
            yield
    except GanStudyError:
        raise
    except Exception as error:
        kind = TrackingRefused if _http_status(error) in _REFUSALS else TrackingError
        raise kind(why(error, uri)) from error


@contextmanager
def _patience() -> Iterator[None]:
    """No study waits: a server that is busy with many requests at once may take its time, unless the user says less."""
    before = {name: os.environ.get(name) for name in _TIMEOUTS}
    os.environ.update({name: PATIENCE_SECONDS for name, held in before.items() if held in (None, _ENVIRONMENT[name])})
    try:
        yield
    finally:
        for name, held in before.items():
            os.environ[name] = _ENVIRONMENT[name] if held is None else held


def why(error: Exception, uri: str | None) -> str:
    """What went wrong with the server, in one sentence."""
    address = shown_address(uri or default_address())
    text = shown_address(str(error).partition("\n")[0])
    if (status := _http_status(error)) in _REFUSALS:
        return f"MLflow at {address} {_refusal(status, text, uri or default_address())}"
    if any(sign in text or sign in type(error).__name__ for sign in _UNREACHABLE):
        return f"MLflow at {address} cannot be reached; start it, or set MLFLOW_TRACKING_URI to where it is"
    return f"MLflow at {address} answers: {text[:200] or type(error).__name__}"


def _http_status(error: Exception) -> int | None:
    """What the server answered, where it answered: MLflow's own exceptions say it, those of its downloads bear it."""
    told = getattr(error, "get_http_status_code", None)
    return told() if told else getattr(getattr(error, "response", None), "status_code", None)


def _refusal(status: int, text: str, uri: str) -> str:
    names = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
    if status == 401 and shown_address(uri) != uri:
        return "refuses the user and the password in its address (HTTP 401)"
    if status == 401 and any(os.environ.get(name) for name in (*names.split(" and "), "MLFLOW_TRACKING_TOKEN")):
        return f"refuses the credentials of the environment (HTTP 401); correct {names}"
    if status == 401:
        return f"asks for a user and a password (HTTP 401), and none were given; set {names}"
    if "Host header" in text:
        return "does not answer to that name (HTTP 403); its own option --allowed-hosts must list it"
    return "does not permit that to this user (HTTP 403); whoever runs it can give the permission"


def default_address() -> str:
    """Where MLflow records: MLFLOW_TRACKING_URI, or its own default in the working folder."""
    return str(mlflow_module().get_tracking_uri())
