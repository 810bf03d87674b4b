"""Cache on disk for values computed from a data set alone, which take up to minutes and are the same in every process.

The folder is that of the environment variable GAN_STUDY_CACHE, else `gan-studies` in the user's cache folder. A file
that is damaged, or that cannot be read or written, is ignored: the values are then computed.
"""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np

from gan_core.cache_folder import cache_folder
from gan_core.data import Dataset

EVALUATION_VERSION = 1
"""Increased by hand with every change of the code that changes a metric's values."""
_LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "POT")
_RECENT = 32
"""Number of files whose arrays are kept in the memory of a process."""
Arrays = dict[str, np.ndarray]
_recent: dict[Path, Arrays] = {}
"""The arrays used last by this process, which needs them for every trial even if the folder cannot be written."""


@dataclass(frozen=True, eq=False)
class ReferenceCache:
    """Cache of arrays computed from one data set.

    data    the data set
    dtype   floating-point type of the computations
    device  type of the device that they run on
    """

    data: Dataset
    dtype: str
    device: str

    def arrays(self, name: str, settings: Mapping[str, Any], compute: Callable[[], Arrays]) -> Arrays:
        """The arrays that `compute` returns: read from the cache if they are there, else computed and written.

        name      what the arrays are
        settings  JSON-serialisable values that they depend on, besides data, floating-point type and versions
        """
        path = cache_folder() / f"{self._key(name, settings)}.npz"
        arrays = _recent.get(path) or _read(path)
        if arrays is None:
            arrays = compute()
            with suppress(OSError):
                _write(path, arrays)
        _remember(path, arrays)
        return dict(arrays)

    def _key(self, name: str, settings: Mapping[str, Any]) -> str:
        modes = self.data.modes
        described = {
            "name": name,
            "settings": dict(settings),
            "evaluation_version": EVALUATION_VERSION,
            "data": self.data.fingerprint,
            "shape": self.data.shape,
            "modes": None if modes is None else [modes.centers.tolist(), modes.sigma],
            "dtype": self.dtype,
            "device": self.device,
            "libraries": {library: version(library) for library in _LIBRARIES},
        }
        return sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:32]


def _remember(path: Path, arrays: Arrays) -> None:
    _recent.pop(path, None)
    _recent[path] = arrays
    for oldest in list(_recent)[:-_RECENT]:
        _recent.pop(oldest, None)


def _read(path: Path) -> Arrays | None:
    """The arrays of a file, None if there is none or if its checksum is wrong."""
    try:
        checksum, content = path.read_bytes().split(b"\n", maxsplit=1)
    except (OSError, ValueError):
        return None
    if sha256(content).hexdigest().encode() != checksum:
        return None
    with np.load(BytesIO(content), allow_pickle=False) as stored:
        return dict(stored)


def _write(path: Path, arrays: Arrays) -> None:
    """Write the arrays and their checksum under a temporary name of its own, then rename the file.

    Errors: `OSError` if the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # its stubs take **kwds for allow_pickle
    content = buffer.getvalue()
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".tmp", delete=False) as file:
        try:
            file.write(sha256(content).hexdigest().encode() + b"\n" + content)
            file.close()
            os.replace(file.name, path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise
