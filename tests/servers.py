"""MLflow servers and sockets for tests."""

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

from recorded import process_environment


@dataclass(frozen=True)
class Owner:
    """Administrator of a server."""

    name: str
    password: str

    def environment(self) -> dict[str, str]:
        """Variables that MLflow's clients read."""
        return {"MLFLOW_TRACKING_USERNAME": self.name, "MLFLOW_TRACKING_PASSWORD": self.password}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_mlflow(folder: Path, port: int, backend: str | None = None, owner: Owner | None = None) -> subprocess.Popen:
    """Start a server that serves its artifacts, and wait until it answers.

    backend  address of its database; None for SQLite in `folder`
    owner    if given, the server requires a password, and no other user may read the owner's experiments
    """
    folder.mkdir(parents=True, exist_ok=True)
    store = backend or f"sqlite:///{folder}/server.db"
    address = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", store, "--artifacts-destination", str(folder / "artifacts")]
    authentication = ["--app-name", "basic-auth"] if owner else []
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *authentication, *address, *stores],
            env=process_environment(**(_authentication(folder, owner) if owner else {})),
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


def _authentication(folder: Path, owner: Owner) -> dict[str, str]:
    settings = folder / "authentication.ini"
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
    """End a server and its child processes by SIGKILL."""
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
    """A server that accepts connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
