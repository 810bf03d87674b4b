"""Files of MLflow runs, downloaded with their names and sizes checked: nothing that a server says is trusted."""

import os
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from studies.errors import TrackingError
from studies.file.messages import escape_control

LARGEST_FILE = 2**32
"""Largest number of bytes of a file that is downloaded."""


class RunFiles:
    """Reads artifacts of runs through one MLflow client.

    uri      address of the tracking server, or of another MLflow store; None for the default
    address  the same without credentials, for messages
    """

    def __init__(self, client: Any, uri: str | None, address: str):
        self._client, self._uri, self._address = client, uri, address
        self._listings: dict[tuple[str, str], dict[str, int]] = {}

    def names(self, run: Any, folder: str = "") -> list[str]:
        """Names of the files in a folder of a run's artifacts."""
        return sorted(self._sizes(run, folder))

    def read(self, run: Any, path: str) -> bytes | None:
        """Content of an artifact; None if the run has no file of this path.

        Errors: `TrackingError` for a file that is too large, and for artifacts that the server places on this machine.
        """
        folder, _, name = path.rpartition("/")
        size = self._sizes(run, folder).get(name)
        if size is None:
            return None
        if size > LARGEST_FILE:
            raise TrackingError(f"MLflow at {self._address} offers {path} with {size} bytes, which is too large")
        with tempfile.TemporaryDirectory(prefix="gan-studies-") as target:
            return self._downloaded(run, path, Path(target))

    def _downloaded(self, run: Any, path: str, target: Path) -> bytes:
        from mlflow.artifacts import download_artifacts

        # by the artifact's URI: with the run's id instead, each file would take two more requests
        address = f"{self._artifact_uri(run)}/{path}"
        file = Path(download_artifacts(artifact_uri=address, dst_path=str(target), tracking_uri=self._uri))
        if file.is_symlink() or not file.resolve().is_relative_to(target.resolve()) or not file.is_file():
            raise TrackingError(f"MLflow at {self._address} answers to {path} with something that is no file")
        if os.path.getsize(file) > LARGEST_FILE:
            raise TrackingError(f"MLflow at {self._address} sends more of {path} than it says")
        return file.read_bytes()

    def _artifact_uri(self, run: Any) -> str:
        """Address of a run's artifacts; that of a server over HTTP must not be a path of this machine."""
        address = str(run.info.artifact_uri)
        served = urlsplit(self._uri or self._address).scheme in ("http", "https")
        if served and urlsplit(address).scheme in ("", "file"):
            raise TrackingError(
                f"MLflow at {self._address} keeps its artifacts in {escape_control(address)}, a path of another "
                "machine; start the server with --serve-artifacts"
            )
        return address

    def _sizes(self, run: Any, folder: str) -> dict[str, int]:
        """Size of each file in a folder of a run's artifacts, by name; anything with an odd name is left out."""
        key = (run.info.run_id, folder)
        if key not in self._listings:
            listed = self._client.list_artifacts(run.info.run_id, folder or None)
            self._listings[key] = {
                PurePosixPath(item.path).name: int(item.file_size or 0)
                for item in listed
                if not item.is_dir and str(PurePosixPath(item.path).parent) == (folder or ".")
            }
        return self._listings[key]
