"""The private temporary folder of a run, for Ray's session, its sockets and logs."""

import os
import tempfile
from pathlib import Path

from studies.errors import InputError
from studies.execution.temporary_folder import check_temporary_folder

PREFIX = "gan-"
LONGEST_PATH = 44
"""Largest number of bytes of the path of Ray's temporary folder: a socket's path below it may have only 107 bytes."""
RAY = "ray"
"""Name of Ray's temporary folder below the private one: Ray lets everybody read and write it."""
_OWN_LENGTH = len(f"/{PREFIX}12345678/{RAY}")


def create_private_folder(*, for_ray: bool = True) -> Path:
    """A new folder that only this user can enter, in the system's temporary folder or in /tmp if its path is too long.

    for_ray  True: Ray's sockets will be below it, so that its path must be short

    Errors: `InputError` if neither can be used, `MachineError` if the system's is full or cannot be written.
    """
    check_temporary_folder()
    tried = []
    for place in dict.fromkeys((tempfile.gettempdir(), "/tmp")):
        if for_ray and len(os.fsencode(place)) + _OWN_LENGTH > LONGEST_PATH:
            tried.append(f"the path {place} is longer than {LONGEST_PATH - _OWN_LENGTH} bytes")
            continue
        try:
            return Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))  # with the permissions 0700
        except OSError as error:
            tried.append(f"{place} cannot be used ({error.strerror})")
    raise InputError(f"TMPDIR: must be a folder for temporary files with a short path, but {' and '.join(tried)}")
