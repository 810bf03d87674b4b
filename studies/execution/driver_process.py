"""The driver of a study as a process of its own, so that a study's code and the caller's secrets never meet.

The caller's process keeps the listeners, with the credentials of the tracking server, and imports no module of the
study. The driver gets an allow-list of the environment (`allowed_environment`), a fresh token for its own Ray and a
private temporary folder. A guard (`driver_guard`) ends all processes of the run and removes the folder, whichever of
the two processes is killed.

Importing this file takes hundredths of a second: what takes seconds, `driver_connection`, is imported here while the
driver's process imports the same.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from multiprocessing import Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studies.execution import driver_guard
from studies.execution.allowed_environment import allowed
from studies.execution.private_folder import create_private_folder

if TYPE_CHECKING:
    from studies.execution.driver_connection import Driver
    from studies.execution.resources import Resources
    from studies.execution.runner import RunResult
    from studies.file.study import Study
    from studies.progress.events import Listener

GUARD_SECONDS = 10.0
"""Seconds that a guard is given to exit, beyond the `MAX_END_SECONDS` in which it ends the run's processes."""
STACKS = "stacks"
"""File in the run's temporary folder. If the driver crashes, or compiled code of a user hangs in it, `faulthandler`
writes there which calls were running."""
_START = "import sys; {names}, *sys.path = sys.argv[1:]; from {module} import main; main({names})"


def run(
    study: "Study", *listeners: "Listener", question: str = "", resources: "Resources | None" = None
) -> "RunResult":
    """Run the trials of a study that are not finished in the ledger, on `resources` or by default on this machine.

    The trials run in processes of their own, which see only the environment variables that `allowed` passes on.

    listeners  objects that receive the events of the run, in this process
    question   question that the study answers, stored with its record in the ledger

    Errors: `InputError` before any trial starts; `StudyFailed` if Ray cannot run the study or the ledger cannot be
    written.
    """
    from studies.file.modules import folder_of

    table = study.table()
    nodes = None if resources is None else [asdict(node) for node in resources.nodes]
    request = {"table": table, "modules": folder_of(table), "question": question, "nodes": nodes}
    with driver("studies.driver_entry:study_of_table", request) as process:
        return process.run(study, *listeners)


def driver_of_file(file: str, *, overrides: Sequence[str], smoke: bool) -> "AbstractContextManager[Driver]":
    """Context with the driver of the study in a file, which it alone reads; arguments as for `Study.load`."""
    request = {"file": file, "overrides": list(overrides), "smoke": smoke}
    return driver("studies.driver_entry:study_of_file", request)


@contextmanager
def driver(prepare: str, request: Mapping[str, Any], *, cluster: bool = False) -> "Iterator[Driver]":
    """Context with a running driver; at its end no process of the run and none of its temporary files is left.

    prepare  MODULE:FUNCTION of a `driver_entry.Prepare`, which gets the request
    request  JSON-serialisable table
    cluster  True: the driver joins the Ray cluster of this process, with its token; False: it starts a Ray of its own
    """
    environment = allowed(os.environ, cluster=cluster)
    folder = create_private_folder(for_ray=not cluster)
    if not cluster:
        environment = {"TORCHINDUCTOR_CACHE_DIR": str(folder / "torchinductor"), **environment, **_own_ray(folder)}
    guard = _start_guard(folder)
    started: "Driver | None" = None
    process = connection = None
    try:
        connection, theirs = Pipe()
        with theirs:
            process = _start_driver(theirs.fileno(), prepare, environment)
        _tell(guard, process.pid)
        connection.send_bytes(json.dumps({**request, "temporary": str(folder)}).encode())
        from studies.execution.driver_connection import Driver

        started = Driver(process, connection, stacks=folder / STACKS)
        yield started
    finally:
        if started is not None and started.finished:
            started.ends()
        if connection is not None:
            connection.close()
        _end(guard, process, folder)


def _own_ray(folder: Path) -> dict[str, str]:
    """Variables of a driver that starts a Ray of its own, on the loopback interface and below this folder."""
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # read by Ray's import: every socket is on the loopback interface
        "RAY_TMPDIR": str(folder),
    }


def _start_driver(channel: int, prepare: str, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    code = _START.format(names="channel, prepare", module="studies.driver_entry")
    return subprocess.Popen(
        [sys.executable, "-c", code, str(channel), prepare, *sys.path],  # it imports from where this process does
        env=environment,
        pass_fds=[channel],
        stdin=subprocess.DEVNULL,
        stdout=sys.__stderr__,  # Ray prints there; standard output is this process's own
        start_new_session=True,  # Ctrl-C reaches this process alone; all processes of the run are of one session
    )


def _start_guard(folder: Path) -> "subprocess.Popen[bytes]":
    code = _START.format(names="folder", module="studies.execution.driver_guard")
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder), *sys.path],
        env=allowed(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _tell(guard: "subprocess.Popen[bytes]", process: int) -> None:
    assert guard.stdin is not None
    with suppress(BrokenPipeError):  # the guard was killed: `_end` does its work
        guard.stdin.write(f"{process}\n".encode())
        guard.stdin.flush()


def _end(guard: "subprocess.Popen[bytes]", process: "subprocess.Popen[bytes] | None", folder: Path) -> None:
    """Let the guard end all processes of the run and remove its folder, or do it here if the guard was killed."""
    assert guard.stdin is not None
    with suppress(BrokenPipeError):
        guard.stdin.close()
    try:
        done = guard.wait(driver_guard.MAX_END_SECONDS + GUARD_SECONDS) == 0
    except subprocess.TimeoutExpired:
        guard.kill()
        done = False
    if not done:
        if process is not None:
            driver_guard.end_session(process.pid)
        driver_guard.remove(str(folder))
    if process is not None:
        process.wait()  # not before: until then no other process can have its number
