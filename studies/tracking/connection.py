"""Requests to MLflow: settings, time limits, and errors as one sentence without credentials."""

import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from studies.errors import GanStudyError, InputError, TrackingError, TrackingRefused
from studies.file.messages import escape_control
from studies.tracking import sqlite_store
from studies.tracking.request_faults import request_fault
from studies.tracking.server_kind import ServerKind, server_kind

_ENVIRONMENT = {
    # With MLflow's defaults, 7 retries with growing pauses, a request to a server that is down takes four minutes.
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
LONG_TIMEOUT_SECONDS = "60"
"""Time limit of a request that a user waits for, in seconds; requests during a run have a shorter one."""
_REFUSALS = (401, 403)
_FOREIGN_ANSWER = re.compile(
    r"failed with error code (\d{3})|was successful but the response body was not in a valid JSON"
    r"|^INTERNAL_ERROR: Response: "
)
"""MLflow's words for an answer that no MLflow server gives: not JSON, with its HTTP status unless that is 200, or JSON
without MLflow's fields."""

_NAMED_STORES = ("databricks", "databricks-uc", "uc")
"""Stores that MLflow takes without `://`."""
_DAMAGED_STORE = re.compile("database disk image is malformed|malformed database schema|file is not a database")
"""SQLite's words for a file of which it cannot read a part."""


def mlflow_module() -> Any:
    """Import MLflow, which takes seconds, with short time limits for requests unless the user has set others."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # in a notebook without ipywidgets tqdm, which MLflow imports, recommends them for bars that are never shown
    warnings.filterwarnings("ignore", message="IProgress not found")
    import mlflow

    for name in ("mlflow", "alembic"):
        for handler in logging.getLogger(name).handlers:
            handler.addFilter(_not_ours)  # equal filters are added once
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    return mlflow


def _not_ours(record: logging.LogRecord) -> bool:
    """False for a message that MLflow logs in a call of this project, unless it is an error that is not raised too.

    A program or notebook that uses MLflow itself gets its messages as before.
    """
    if record.levelno >= logging.ERROR and record.name != "mlflow.store.db.utils":
        return True
    frame = sys._getframe()
    while (caller := frame.f_back) is not None:
        frame = caller
        if frame.f_globals.get("__name__", "").partition(".")[0] in ("studies", "services"):
            return False
    return True


def client_of(uri: str | None) -> Any:
    """A client of an MLflow store, by default that of `default_address`; a SQLite store is created if there is none.

    Errors: `InputError` for what is no address; `TrackingError` for a SQLite store in mid-migration; those of MLflow.
    """
    address = default_address() if uri is None else uri
    if "://" not in address and address not in _NAMED_STORES:
        must = "must be an address, as sqlite:///mlflow.db or http://HOST:5000"
        raise InputError(f"tracking: {must}, but is {escape_control(address)}")
    sqlite_store.prepare(address)
    return mlflow_module().MlflowClient(uri)


def shown_address(uri: str) -> str:
    """A text, usually an address, without the credentials in its addresses."""
    return re.sub(r"//[^/\s]*@", "//", uri)


@contextmanager
def requests_to(uri: str | None) -> Iterator[None]:
    """Context for requests to a server whose answers a user waits for: long time limits, errors as one sentence.

    Errors: `TrackingError`, without credentials, for any error of MLflow inside; `TrackingRefused` if the server
    rejects the credentials.
    """
    try:
        with _long_timeouts():
            yield
    except GanStudyError:
        raise
    except Exception as error:
        kind = TrackingRefused if _http_status(error) in _REFUSALS else TrackingError
        raise kind(describe_error(error, uri)) from error


@contextmanager
def _long_timeouts() -> Iterator[None]:
    """Context with long time limits, unless the user has set others: a server with many requests at once is slow."""
    before = {name: os.environ.get(name) for name in _TIMEOUTS}
    unset = [name for name, value in before.items() if value in (None, _ENVIRONMENT[name])]
    os.environ.update(dict.fromkeys(unset, LONG_TIMEOUT_SECONDS))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ[name] = _ENVIRONMENT[name] if value is None else value


def describe_error(error: Exception, uri: str | None) -> str:
    """One sentence, without credentials, about an error of a request to MLflow."""
    if isinstance(error, TrackingError):
        return str(error)
    uri = uri or default_address()
    return f"MLflow at {shown_address(uri)} {_predicate(error, uri)}"


def _predicate(error: Exception, uri: str) -> str:
    """The sentence about an error without its subject, the server at `uri`."""
    text = escape_control(shown_address(str(error).partition("\n")[0])[:200])
    if (fault := request_fault(error)) is not None and fault.status is not None:
        return _of_server_error(fault.status)
    foreign = _FOREIGN_ANSWER.search(str(error))
    status = int(foreign[1]) if foreign and foreign[1] else _http_status(error)
    if (foreign or status in _REFUSALS) and is_web_address(uri) and server_kind(bare_address(uri)) is ServerKind.RAY:
        return (
            "is Ray's dashboard; MLFLOW_TRACKING_URI and --tracking need an MLflow server, which usually has port 5000"
        )
    if status in _REFUSALS:
        return _refusal(status, text, uri)
    if foreign and status is not None and status >= 500 and foreign[1]:
        return _of_server_error(status)
    if foreign:
        answer = f"HTTP {foreign[1]}" if foreign[1] else "something else"
        return (
            f"is another server, or a proxy or login page in front of it: it answers with {answer}, not as MLflow does"
        )
    if fault is not None and fault.slow:
        return f"cannot be reached ({fault.words}); if it is only slow, set MLFLOW_HTTP_REQUEST_TIMEOUT to more seconds"
    if fault is not None:
        return f"cannot be reached ({fault.words}); start it, or set MLFLOW_TRACKING_URI to its address"
    if uri.startswith("sqlite") and (damage := _DAMAGED_STORE.search(text)):
        return f"is damaged ({damage[0]}); move the file away, and gan-study sync records each study again"
    return f"reports an error: {text or type(error).__name__}"


def _of_server_error(status: int) -> str:
    return f"answers, but with an error of its own (HTTP {status}); its log says why"


def is_web_address(uri: str) -> bool:
    """True for the address of a server, False for a database or folder."""
    return uri.startswith(("http://", "https://"))


def bare_address(uri: str) -> str:
    """The address of a server without credentials and without a slash at its end."""
    return shown_address(uri).rstrip("/")


def _http_status(error: Exception) -> int | None:
    """HTTP status of the server's answer, from an exception of MLflow or of its HTTP client; None if unknown."""
    status = getattr(error, "get_http_status_code", None)
    return status() if status else getattr(getattr(error, "response", None), "status_code", None)


def _refusal(status: int, text: str, uri: str) -> str:
    variables = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
    names, missing = " and ".join(variables), [name for name in variables if not os.environ.get(name)]
    has_token = bool(os.environ.get("MLFLOW_TRACKING_TOKEN"))
    if status == 401 and shown_address(uri) != uri:
        return "refuses the user and the password in its address (HTTP 401)"
    if status == 401 and len(missing) == 1 and not has_token:
        return f"requires a user and a password (HTTP 401), but {missing[0]} is not set"
    if status == 401 and (has_token or not missing):
        return f"refuses the credentials of the environment (HTTP 401); correct {names}"
    if status == 401:
        return f"requires a user and a password (HTTP 401), and none were given; set {names}"
    if "Host header" in text:
        return "does not accept this host name (HTTP 403); the server's option --allowed-hosts must list it"
    return "does not permit this user to do so (HTTP 403); an administrator of the server can grant the permission"


def default_address() -> str:
    """Address of MLflow's store: MLFLOW_TRACKING_URI, or MLflow's own default in the working folder."""
    return str(mlflow_module().get_tracking_uri())
