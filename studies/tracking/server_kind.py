"""Kind of the server at an address, found by requests that need no credentials and that get none.

Sources: `/api/authentication_mode` of Ray's dashboard is public (ray/dashboard/http_server_head.py, Ray 2.60), older
ones have `/api/version`; `/api/3.0/mlflow/server-info` of MLflow is public (mlflow/server/auth, MLflow 3.17).
"""

from enum import Enum
from typing import Any

import requests

ASK_SECONDS = 5.0


class ServerKind(Enum):
    """Servers that users mix up; the value describes the server in a sentence."""

    RAY = "Ray's dashboard"
    MLFLOW = "an MLflow server"


def server_kind(url: str) -> ServerKind | None:
    """Kind of the server at `url`, without a slash at its end; None if none answers or it is of another kind."""
    with requests.Session() as session:
        session.auth = _without_credentials
        if "authentication_mode" in _json(session, f"{url}/api/authentication_mode"):
            return ServerKind.RAY
        if "store_type" in _json(session, f"{url}/api/3.0/mlflow/server-info"):
            return ServerKind.MLFLOW
        if "ray_version" in _json(session, f"{url}/api/version"):
            return ServerKind.RAY
        version = _get(session, f"{url}/version")
        if version is not None and 'realm="mlflow"' in version.headers.get("WWW-Authenticate", ""):
            return ServerKind.MLFLOW
    return None


def _without_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep `requests` from adding the credentials of ~/.netrc."""
    return request


def _get(session: requests.Session, url: str) -> requests.Response | None:
    try:
        return session.get(url, timeout=ASK_SECONDS, allow_redirects=False)
    except requests.RequestException:
        return None


def _json(session: requests.Session, url: str) -> dict[str, Any]:
    """The JSON object at an address; empty if there is none."""
    answer = _get(session, url)
    try:
        content = answer.json() if answer is not None and answer.status_code == 200 else {}
    except ValueError:
        content = {}
    return content if isinstance(content, dict) else {}
