"""Check of the folder for temporary files, in which Ray keeps its logs and sockets."""

import os
import shutil
import tempfile
from pathlib import Path

from studies.errors import MachineError
from studies.file.messages import escape_control
from studies.numbers import format_bytes

NEEDED_BYTES = 50 * 2**20
"""Bytes that a run of a few hours writes there: Ray's logs are 5 to 20 MB."""


def check_temporary_folder() -> None:
    """Check that the folder for temporary files can be written and is not full.

    Errors: `MachineError`; without this check Ray waits half a minute, and then fails with an error about its ports.
    """
    named = os.environ.get("TMPDIR")
    try:
        folder = Path(named or tempfile.gettempdir()).absolute()
    except OSError as error:  # Python has tried /tmp, /var/tmp and the working folder
        reason = error.strerror
        raise MachineError(f"TMPDIR: must be a folder that can be written, but there is none ({reason})") from None
    existing = next(place for place in (folder, *folder.parents) if place.is_dir())
    shown = escape_control(str(folder))
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        reason = error.strerror
        raise MachineError(f"TMPDIR: must be a folder that can be written, but {shown} is not ({reason})") from None
    free = shutil.disk_usage(existing).free
    if free < NEEDED_BYTES:
        raise MachineError(f"TMPDIR: must have {format_bytes(NEEDED_BYTES)} free, but {shown} has {format_bytes(free)}")
