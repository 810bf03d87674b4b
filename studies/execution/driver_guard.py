"""The guard of a driver process: a process that ends all processes of a run and removes the run's folder.

It acts when its standard input closes or its parent is gone, so also after both the parent and the driver were killed.
Run as a program, it gets the path of the folder as an argument and the driver's process number on standard input.
"""

import os
import select
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic, sleep

import psutil  # type: ignore[import-untyped]

SECONDS_BETWEEN_CHECKS = 0.5
MAX_END_SECONDS = 20.0
"""Time in which the processes of a session must have ended after SIGKILL."""


def end_session(session: int) -> None:
    """Send SIGKILL to all processes of a session until none is left: Ray's own processes start further ones."""
    end = monotonic() + MAX_END_SECONDS
    while (members := list(_members(session))) and monotonic() < end:
        for process in members:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        sleep(0.02)


def remove(folder: str) -> None:
    """Remove a folder, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


def _members(session: int) -> Iterator[int]:
    """Processes of a session that have not ended; what was killed and is not waited for by its parent has."""
    for process in psutil.pids():
        with suppress(OSError, psutil.Error):
            if os.getsid(process) == session and psutil.Process(process).status() != psutil.STATUS_ZOMBIE:
                yield process


def _wait(parent: int) -> int | None:
    """The driver's process number, once the parent has closed standard input or is gone; None if it told none."""
    told = b""
    while os.getppid() == parent:
        if not select.select([0], [], [], SECONDS_BETWEEN_CHECKS)[0]:
            continue
        content = os.read(0, 100)
        if not content:
            break
        told += content
    return int(told) if told.strip() else None


def main(folder: str) -> None:
    """Wait, then end the driver's session and remove the folder."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the parent decides when a run is over
    session = _wait(os.getppid())
    if session is not None:
        end_session(session)
    remove(folder)


if __name__ == "__main__":
    main(sys.argv[1])
