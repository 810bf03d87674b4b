"""MLflow servers and sockets for the tests."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from recorded import surroundings


@dataclass(frozen=True)
class Owner:
    """Who may do everything on a server."""

    name: str
    password: str

    def environment(self) -> dict[str, str]:
        """What MLflow's clients read."""
        return {"MLFLOW_TRACKING_USERNAME": self.name, "MLFLOW_TRACKING_PASSWORD": self.password}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_mlflow(folder: Path, port: int, backend: str | None = None, owner: Owner | None = None) -> subprocess.Popen:
    """A real server on SQLite (or on `backend`) that serves its artifacts; it answers when this returns.

    With an owner it asks for a password, and nobody else may read what the owner records.
    """
    folder.mkdir(parents=True, exist_ok=True)
    store = backend or f"sqlite:///{folder}/server.db"
    where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    what = ["--backend-store-uri", store, "--artifacts-destination", str(folder / "artifacts")]
    guarded = ["--app-name", "basic-auth"] if owner else []
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *guarded, *where, *what],
            env=surroundings(**(_guard(folder, owner) if owner else {})),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    end = monotonic() + 120
    while monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                return server
        except OSError:
            sleep(0.3)
    stop(server)
    raise RuntimeError((folder / "server.log").read_text()[-2000:])


def _guard(folder: Path, owner: Owner) -> dict[str, str]:
    settings = folder / "guard.ini"
    settings.write_text(
        "[mlflow]\ndefault_permission = NO_PERMISSIONS\nauth_cache_ttl_seconds = 60\n"
        f"database_uri = sqlite:///{folder}/users.db\n"
    )
    return {
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_AUTH_ADMIN_USERNAME": owner.name,
        "MLFLOW_AUTH_ADMIN_PASSWORD": owner.password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "planted-key-of-the-server",
    }


def stop(server: subprocess.Popen) -> None:
    """End it and its children at once."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGKILL)
    server.wait(timeout=30)


@contextmanager
def mlflow_server(folder: Path, backend: str | None = None, owner: Owner | None = None):
    port = free_port()
    server = start_mlflow(folder, port, backend, owner)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(server)


@contextmanager
def black_hole():
    """A server that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
