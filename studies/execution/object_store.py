"""Place and size of the object store of a local Ray, through which its processes pass large values."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

SHARED_MEMORY = Path("/dev/shm")
SIZE = 100 * 2**20
"""Bytes of the store: a run passes the settings of its trials, which are some kilobytes each."""


def object_store(shared_memory: Path = SHARED_MEMORY) -> dict[str, Any]:
    """Arguments of `ray.init` for its object store.

    It is in shared memory, or in the folder for temporary files if shared memory is missing, read-only or small, as in
    containers: Ray raises an error or prints a warning then, unless it is given a folder.
    """
    if os.access(shared_memory, os.W_OK) and shutil.disk_usage(shared_memory).free > SIZE:
        return {"object_store_memory": SIZE}
    return {"object_store_memory": SIZE, "_plasma_directory": tempfile.gettempdir()}
