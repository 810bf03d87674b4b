"""Contents of shared memory: the files of /dev/shm, and those that processes keep open there after deleting them."""

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

SHARED_MEMORY = "/dev/shm"


def shared_memory(processes: Iterable[psutil.Process]) -> dict[str, bytes]:
    """Content of each file in /dev/shm, and of each that one of the processes has open there, by a name for it."""
    contents: dict[tuple[int, int], tuple[str, bytes]] = {}
    places = list(Path(SHARED_MEMORY).iterdir())
    for process in processes:
        with suppress(OSError):
            places += Path(f"/proc/{process.pid}/fd").iterdir()
    for place in places:
        with suppress(OSError):  # it was closed or deleted in the meantime
            target = os.readlink(place) if place.is_symlink() else str(place)
            status = place.stat()
            file = status.st_dev, status.st_ino
            if target.startswith(f"{SHARED_MEMORY}/") and file not in contents:
                contents[file] = target, _written(place)
    return {f"{name} (inode {file[1]})": content for file, (name, content) in contents.items()}


def _written(path: Path) -> bytes:
    """The written parts of a file, one after the other, without holes: Ray's object store is nearly all holes."""
    content, position = b"", 0
    with path.open("rb") as file:
        while True:
            try:
                start = os.lseek(file.fileno(), position, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:  # no data beyond this position
                    return content
                raise
            position = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            content += os.pread(file.fileno(), position - start, start)
