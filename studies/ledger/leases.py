"""Lease: the right to write a study, held by one run at a time.

A lease is a numbered object with its holder and the time of its last renewal. A run takes a lease by creating the next
number, which only one of several runs can do, and renews it until it ends. A lease is over if it was released, if its
holder was a process of this machine that is gone, or if it was not renewed for `EXPIRY_SECONDS`.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from studies.errors import DamagedError, GanStudyError, InputError, StudyFailed
from studies.ledger.sealed import seal, unseal
from studies.ledger.storage import Storage

RENEWAL_SECONDS, EXPIRY_SECONDS = 10.0, 60.0
"""Time between two renewals of a lease, and time after which a lease that was not renewed is over."""


class Lease:
    """The lease that this process holds on a study.

    number  its number, larger than that of every earlier lease
    """

    def __init__(self, storage: Storage, folder: str, number: int):
        self._storage, self._folder, self.number = storage, folder, number
        self._holder = holder()
        self._ended, self._taken_over = threading.Event(), False

    def check(self) -> None:
        """Check that no other run has taken the study over, as it may after this machine has slept.

        Errors: `StudyFailed` if one has.
        """
        if self._taken_over:
            raise StudyFailed("another run has taken this study over, since this one did not answer for a minute")

    def record(self, *, released: bool = False) -> bytes:
        """The content of the lease at this moment."""
        return seal({"holder": self._holder, "renewed": time.time(), "released": released})

    def renew_until_released(self) -> None:
        """Renew the lease until `release` is called."""
        while not self._ended.wait(RENEWAL_SECONDS):
            with suppress(GanStudyError):  # a full disk is noticed by the run itself
                if numbers(self._storage, self._folder)[-1] > self.number:
                    self._taken_over = True
                    return
                self._storage.replace(name_of(self._folder, self.number), self.record())

    def release(self) -> None:
        """End the lease."""
        self._ended.set()
        if not self._taken_over:
            with suppress(GanStudyError):
                self._storage.replace(name_of(self._folder, self.number), self.record(released=True))


@contextmanager
def held(storage: Storage, folder: str, study: str) -> Iterator[Lease]:
    """Context in which this process holds the lease of a study; `folder` is the prefix of the study's objects.

    Errors: `InputError` if another run holds it; `StudyFailed` if it cannot be written.
    """
    taken = numbers(storage, folder)
    if taken and (owner := holder_of(storage, folder, taken[-1])):
        raise InputError(
            f"name: another run is writing the study {study!r} at this moment, on {owner}; wait for it, stop it, or "
            "give this study another name"
        )
    lease = Lease(storage, folder, (taken[-1] if taken else 0) + 1)
    name = name_of(folder, lease.number)
    if not storage.create(name, lease.record()):
        if holder_of(storage, folder, lease.number):
            raise InputError(f"name: another run of the study {study!r} has just started; wait for it or stop it")
        storage.set_aside(name)  # something else has this name, for example a folder
        storage.create(name, lease.record())
    for number in taken:
        with suppress(GanStudyError):
            storage.delete(name_of(folder, number))
    thread = threading.Thread(target=lease.renew_until_released, name="lease", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        lease.release()
        thread.join()


def name_of(folder: str, number: int) -> str:
    """Key of a lease."""
    return f"{folder}/lease/{number:08d}"


def numbers(storage: Storage, folder: str) -> list[int]:
    """Numbers of the leases that exist, in increasing order."""
    names = (key.rpartition("/")[2] for key in storage.keys(f"{folder}/lease"))
    return sorted(int(name) for name in names if name.isdecimal())


def holder_of(storage: Storage, folder: str, number: int) -> str | None:
    """Machine and process of a lease's holder; None if the lease is over."""
    try:
        content = storage.read(name_of(folder, number))
        lease: dict[str, Any] = {} if content is None else unseal(content, storage.place(name_of(folder, number)))
    except DamagedError:
        return None
    owner, mine = lease.get("holder"), holder()
    if lease.get("released", True) or not isinstance(owner, dict):
        return None
    text = f"{owner.get('host')} (process {owner.get('process')})"
    if owner.get("machine") == mine["machine"]:
        return text if _started(owner.get("process")) == owner.get("started") else None
    return text if time.time() - lease.get("renewed", 0.0) < EXPIRY_SECONDS else None


def holder() -> dict[str, Any]:
    """This process: host name, machine since its last start, number and start time of the process."""
    process = os.getpid()
    return {
        "host": socket.gethostname(),
        "machine": _machine(),
        "process": process,
        "started": _started(process),
    }


def _machine() -> str:
    """Text that differs between machines, between two starts of one, and between containers."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _started(process: Any) -> str | None:
    """Start time of a process of this machine; None if there is no such process."""
    if not isinstance(process, int):
        return None
    try:  # the name of the command, in parentheses, may hold spaces
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]  # Z: it has ended, but its parent has not noticed yet
    except OSError:
        pass
    with suppress(OSError, OverflowError):
        os.kill(process, 0)  # a system without /proc
        return "unknown"
    return None
