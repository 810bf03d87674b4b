"""Files of MLflow runs, read with their names and sizes checked: nothing that a server says is trusted."""

import tempfile
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from studies.errors import TrackingError
from studies.file.messages import escape_control

LARGEST_FILE = 2**30
"""Largest number of bytes of a file that is downloaded."""
OBJECT_STORES = ("s3", "gs", "wasbs", "abfss")
"""Schemes of artifacts that a tracking server may leave to an object store."""
_CHUNK = 2**16
"""Bytes that are read at once; a compressed answer of this size decompresses to at most a thousand times as much."""


class RunFiles:
    """Reads artifacts of runs, each run's from the address that the server gives for it.

    uri      address of the tracking server, or of another MLflow store
    address  the same without credentials, for messages
    """

    def __init__(self, uri: str, address: str):
        self._uri, self._address = uri, address
        self._listings: dict[tuple[str, str], dict[str, int]] = {}

    def names(self, run: Any, folder: str = "") -> list[str]:
        """Names of the files in a folder of a run's artifacts."""
        return sorted(self._sizes(run, folder))

    def read(self, run: Any, path: str) -> bytes | None:
        """Content of an artifact; None if the run has no file of this path.

        Errors: `TrackingError` for a file that is too large or has another size than the server says, and for
        artifacts that the server places on this machine or on a third one.
        """
        folder, _, name = path.rpartition("/")
        size = self._sizes(run, folder).get(name)
        if size is None:
            return None
        if not 0 <= size <= LARGEST_FILE:
            raise TrackingError(f"MLflow at {self._address} offers {path} with {size} bytes, which is too large")
        store = self._store(run)
        served = urlsplit(store.artifact_uri).scheme in ("http", "https")
        content = _streamed(store, path, size) if served else _copied(store, path)
        if len(content) != size:
            raise TrackingError(f"MLflow at {self._address} sends {path} with another size than it says")
        return content

    def forget(self, run: Any) -> None:
        """Forget the sizes of a run's files, which have been replaced."""
        self._listings = {key: sizes for key, sizes in self._listings.items() if key[0] != run.info.run_id}

    def _store(self, run: Any) -> Any:
        """MLflow's access to the artifacts of a run."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(self._artifact_uri(run), tracking_uri=self._uri)

    def _artifact_uri(self, run: Any) -> str:
        """Address of a run's artifacts; that of a server over HTTP must be on this server or in an object store."""
        address, server = str(run.info.artifact_uri), urlsplit(self._uri)
        if server.scheme not in ("http", "https"):
            return address
        parts = urlsplit(address)
        if parts.scheme in OBJECT_STORES:
            return address
        if parts.scheme in ("", "file"):
            raise TrackingError(
                f"MLflow at {self._address} keeps its artifacts in {escape_control(address)}, a path of another "
                "machine; start the server with --serve-artifacts"
            )
        own = (server.hostname, server.port)
        if parts.scheme in ("mlflow-artifacts", "http", "https") and (
            not parts.netloc or (parts.hostname, parts.port) == own
        ):
            return address
        raise TrackingError(
            f"MLflow at {self._address} keeps its artifacts in {escape_control(address)}, which is not on this server"
        )

    def _sizes(self, run: Any, folder: str) -> dict[str, int]:
        """Size of each file in a folder of a run's artifacts, by name; anything with an odd name is left out."""
        key = (run.info.run_id, folder)
        if key not in self._listings:
            listed = self._store(run).list_artifacts(folder or None)
            self._listings[key] = {
                PurePosixPath(item.path).name: int(item.file_size or 0)
                for item in listed
                if not item.is_dir and str(PurePosixPath(item.path).parent) == (folder or ".")
            }
        return self._listings[key]


def _streamed(store: Any, path: str, size: int) -> bytes:
    """Content of an artifact that is served over HTTP, up to the first chunk beyond `size` bytes.

    MLflow's own download asks again for the list of files and writes all that it then has, wherever it says.
    """
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import augmented_raise_for_status, http_request

    content = bytearray()
    with http_request(get_default_host_creds(store.artifact_uri), f"/{path}", "GET", stream=True) as response:
        augmented_raise_for_status(response)
        for chunk in response.iter_content(_CHUNK):
            content += chunk
            if len(content) > size:
                break
    return bytes(content)


def _copied(store: Any, path: str) -> bytes:
    """Content of an artifact in a folder or an object store."""
    with tempfile.TemporaryDirectory(prefix="gan-studies-") as folder:
        file = Path(folder) / "artifact"
        store._download_file(path, str(file))  # exactly one file: the public method follows the listing
        return file.read_bytes()
