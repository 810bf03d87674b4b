"""Lease: the right to write a study, held by one process at a time.

A lease is a numbered object with its holder and the time of its last renewal. A process takes a lease by creating the
next number, which only one of several can do, and renews it until it ends. A lease is over if it was released, if its
holder was a process of this machine that is gone, or if its holder was on another machine and did not renew it for
`EXPIRY_SECONDS`. A suspended process of this machine keeps its lease.
"""

import os
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from studies.errors import DamagedError, GanStudyError, InputError, StudyFailed
from studies.file.messages import escape_control
from studies.ledger.sealed import seal, unseal
from studies.ledger.storage import Storage

RENEWAL_SECONDS, EXPIRY_SECONDS = 10.0, 60.0
"""Time between two renewals of a lease, and time after which a lease that was not renewed is over."""
NAME = r"[0-9]{8,12}"
"""Regular expression of the last part of a lease's key."""
UNKNOWN = "unknown"
"""Start time of a process that exists, where the system does not say when it was started."""


class Lease:
    """The lease that this process holds on a study.

    number  its number, larger than that of every earlier lease
    limit   sentence about the limit of `[limits]` that ended the run; empty if none did
    """

    def __init__(self, storage: Storage, folder: str, number: int):
        self._storage, self._folder, self.number = storage, folder, number
        self._holder = holder()
        self._ended, self._taken_over = threading.Event(), False
        self.limit = ""

    def check(self) -> None:
        """Check that no other run has taken the study over, as it may after this machine has slept.

        Errors: `StudyFailed` if one has.
        """
        if self._taken_over:
            raise StudyFailed("another run has taken this study over, since this one did not answer for a minute")

    def record(self, *, released: bool = False) -> bytes:
        """The content of the lease at this moment."""
        key = name_of(self._folder, self.number)
        facts = {"holder": self._holder, "renewed": time.time(), "released": released, "limit": self.limit}
        return seal({"key": key, **facts})

    def renew_until_released(self) -> None:
        """Renew the lease until `release` is called."""
        while not self._ended.wait(RENEWAL_SECONDS):
            with suppress(GanStudyError):  # a full disk is noticed by the run itself
                if max(numbers(self._storage, self._folder), default=0) > self.number:
                    self._taken_over = True
                    return
                self._storage.replace(name_of(self._folder, self.number), self.record())

    def end_renewal(self) -> None:
        """Let `renew_until_released` return."""
        self._ended.set()

    def release(self) -> None:
        """End the lease; `renew_until_released` must have returned, or it may renew the lease again."""
        if not self._taken_over:
            with suppress(GanStudyError):
                self._storage.replace(name_of(self._folder, self.number), self.record(released=True))


@contextmanager
def held(storage: Storage, folder: str, study: str, *, after: int = 0) -> Iterator[Lease]:
    """Context in which this process holds the lease of a study.

    folder  prefix of the study's objects
    after   number that the lease's number exceeds, even if earlier leases were lost

    Errors: `InputError` if another run holds it; `StudyFailed` if it cannot be written.
    """
    lease = _take(storage, folder, study, after)
    thread = threading.Thread(target=lease.renew_until_released, name="lease", daemon=True)
    try:
        thread.start()
        yield lease
    finally:
        lease.end_renewal()
        if thread.ident is not None:
            thread.join()
        lease.release()


def _take(storage: Storage, folder: str, study: str, after: int) -> Lease:
    """A new lease with the largest number."""
    tried = after
    while True:
        taken = numbers(storage, folder)
        if taken and (owner := _living_holder(storage, folder, taken[-1])):
            raise InputError(
                f"name: another run is writing the study {study!r} at this moment, on {owner}; wait for it, stop it, "
                "or give this study another name"
            )
        tried = max([tried, *taken]) + 1
        lease = Lease(storage, folder, tried)
        if not storage.create(name_of(folder, lease.number), lease.record()):
            continue  # another run has taken this number
        if max(numbers(storage, folder), default=0) == lease.number:
            break
        storage.delete(name_of(folder, lease.number))  # it had been taken, given back and deleted in the meantime
    for number in taken:
        with suppress(GanStudyError):
            storage.delete(name_of(folder, number))
    return lease


def name_of(folder: str, number: int) -> str:
    """Key of a lease."""
    return f"{folder}/lease/{number:08d}"


def numbers(storage: Storage, folder: str) -> list[int]:
    """Numbers of the leases that exist, in increasing order."""
    names = {key.removeprefix(f"{folder}/lease/").partition("/")[0] for key in storage.keys(f"{folder}/lease")}
    return sorted(int(name) for name in names if re.fullmatch(NAME, name))


def holder_of(storage: Storage, folder: str, number: int) -> str | None:
    """Machine and process of a lease's holder; None if the lease is over."""
    lease = _read(storage, folder, number)
    return _holder_text(lease) if _is_held(lease) else None


def limit_of(storage: Storage, folder: str, number: int) -> str:
    """Sentence about the limit that ended the run with a lease; empty if none did, or the run goes on."""
    limit = _read(storage, folder, number).get("limit", "")
    return escape_control(limit) if isinstance(limit, str) else ""


def _living_holder(storage: Storage, folder: str, number: int) -> str | None:
    """As `holder_of`, independent of the clocks of other machines: a lease that looks old is watched for renewals."""
    lease = _read(storage, folder, number)
    if _is_held(lease):
        return _holder_text(lease)
    if lease.get("released", True) or _has_ended(lease):
        return None
    end = time.monotonic() + 2 * RENEWAL_SECONDS
    while time.monotonic() < end:
        time.sleep(RENEWAL_SECONDS / 10)
        now = _read(storage, folder, number)
        if now != lease:
            return None if now.get("released", True) else _holder_text(now)
    return None


def _read(storage: Storage, folder: str, number: int) -> dict[str, Any]:
    """The content of a lease; empty if there is none, or another thing in its place."""
    key = name_of(folder, number)
    try:
        content = storage.read(key)
        lease = {} if content is None else unseal(content, storage.place(key))
    except DamagedError:
        return {}
    fits = isinstance(lease.get("holder"), dict) and isinstance(lease.get("renewed"), float)
    return lease if fits and lease.get("key") == key else {}


def _holder_text(lease: Mapping[str, Any]) -> str:
    owner = lease["holder"]
    return escape_control(f"{owner.get('host')} (process {owner.get('process')})")


def _is_held(lease: Mapping[str, Any]) -> bool:
    """True if the holder is known to live, or has renewed the lease within `EXPIRY_SECONDS`."""
    if lease.get("released", True) or _has_ended(lease):
        return False
    return _lives(lease) or abs(time.time() - lease["renewed"]) < EXPIRY_SECONDS


def _has_ended(lease: Mapping[str, Any]) -> bool:
    """True if the holder was a process of this machine that is gone."""
    owner = lease["holder"]
    if owner.get("machine") != _machine():
        return False
    started = _started(owner.get("process"))
    return started is None or (UNKNOWN not in (started, owner.get("started")) and started != owner.get("started"))


def _lives(lease: Mapping[str, Any]) -> bool:
    """True if the holder is a process of this machine that exists, though it may be suspended."""
    owner = lease["holder"]
    return owner.get("machine") == _machine() and _started(owner.get("process")) == owner.get("started") != UNKNOWN


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
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _started(process: Any) -> str | None:
    """Start time of a process of this machine, `UNKNOWN` if it cannot be read; None if there is no such process."""
    if type(process) is not int or process <= 0:
        return None
    try:  # the name of the command, in parentheses, may hold spaces
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]  # Z: it has ended, but its parent has not noticed yet
    except OSError:
        pass
    try:
        os.kill(process, 0)  # a system without /proc, or one that hides the processes of other users
    except PermissionError:
        return UNKNOWN
    except (OSError, OverflowError):
        return None
    return UNKNOWN
