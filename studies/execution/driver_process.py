"""The driver of a study as a process of its own, so that a study's code and the caller's secrets never meet.

The caller's process keeps the listeners, with the credentials of the tracking server, and imports no module of the
study. The driver gets an allow-list of the environment (`allowed_environment`), a fresh token for its own Ray and a
private temporary folder. A guard (`driver_guard`) ends all processes of the run and removes the folder, whichever of
the two processes is killed.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic, sleep
from types import FrameType
from typing import Any

import psutil  # type: ignore[import-untyped]

from studies.errors import DamagedError, GanStudyError, HungCode, InputError, StudyFailed
from studies.execution import driver_guard
from studies.execution.allowed_environment import allowed
from studies.execution.private_folder import create_private_folder
from studies.execution.resources import Node, Resources
from studies.execution.runner import RunResult
from studies.execution.watchdog_process import code_in
from studies.file.modules import folder_of
from studies.file.sent_samples import receive_samples
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.progress.event_messages import EventReceiver, Message
from studies.progress.events import Broadcast, Listener

EXIT_SECONDS = 10.0
"""Time in which a driver ends after its last message, and its guard after the driver."""
STACKS = "stacks"
"""File in the run's temporary folder into which a driver writes its stacks when compiled code of a user hangs."""
_START = "import sys; {names}, *sys.path = sys.argv[1:]; from {module} import main; main({names})"
_ERRORS = {kind.__name__: kind for kind in (InputError, StudyFailed, DamagedError)}


def run(study: Study, *listeners: Listener, question: str = "", resources: Resources | None = None) -> RunResult:
    """Run the trials of a study that are not finished in the ledger, on `resources` or by default on this machine.

    The trials run in processes of their own, which see only the environment variables that `allowed` passes on.

    listeners  objects that receive the events of the run, in this process
    question   question that the study answers, stored with its record in the ledger

    Errors: `InputError` before any trial starts; `StudyFailed` if Ray cannot run the study or the ledger cannot be
    written.
    """
    table = study.table()
    nodes = None if resources is None else [asdict(node) for node in resources.nodes]
    request = {"table": table, "modules": folder_of(table), "question": question, "nodes": nodes}
    with driver("studies.driver_entry:study_of_table", request) as process:
        return process.run(study, *listeners)


def driver_of_file(file: str, *, overrides: Sequence[str], smoke: bool) -> "AbstractContextManager[Driver]":
    """Context with the driver of the study in a file, which it alone reads; arguments as for `Study.load`."""
    request = {"file": file, "overrides": list(overrides), "smoke": smoke}
    return driver("studies.driver_entry:study_of_file", request)


class Driver:
    """A running driver, seen from the process that started it.

    finished   True once it has sent its last message
    resources  the cluster that it has joined, known with the study; None: it runs on this machine
    """

    def __init__(self, process: "subprocess.Popen[bytes]", connection: Connection, folder: Path):
        self._process, self._connection, self._stacks = process, connection, folder / STACKS
        self._signalled = False
        self.finished = False
        self.resources: Resources | None = None

    def study(self) -> Study:
        """Wait for the study, read without importing its modules; the samples of a user's class come with it.

        Errors: those of `Study.load`, and of the cluster's checks for a submitted study.
        """
        with self._signals_passed_on():
            message = self._receive()
        if message["samples"] is not None:
            receive_samples(message["table"]["data"], Path(message["samples"]))
        if message["nodes"] is not None:
            self.resources = Resources(nodes=tuple(Node(**node) for node in message["nodes"]), joined=True)
        return Study.from_record(message["table"], message["sources"])

    def run(self, study: Study, *listeners: Listener) -> RunResult:
        """Receive the run's events from the driver process and pass them to the listeners; return the run's result.

        study  result of `study`, or the study with which this driver was started

        Errors: as for `driver_process.run`.
        """
        receiver = EventReceiver(Broadcast(listeners), Ledger(study.ledger.root))
        try:
            with self._signals_passed_on():
                while (message := self._receive())["event"] not in ("closed", "result"):
                    if message["event"] != "study":
                        receiver.receive(message)
            while message["event"] != "result":  # the run is over: Ctrl-C now means this process
                receiver.receive(message)
                message = self._receive()
        finally:
            receiver.close()
        records = receiver.records(message["without_result"])
        return RunResult(without_result=records, interrupted=message["interrupted"], limit=message["limit"])

    def _receive(self) -> Message:
        """The next message.

        Errors: the error that ended the run in the driver; `KeyboardInterrupt` if it was interrupted before a trial
        started; `StudyFailed` if the driver was killed.
        """
        try:
            message: Message = json.loads(self._connection.recv_bytes())
        except (EOFError, OSError, ValueError):  # a second Ctrl-C may cut a message off
            raise self._death() from None
        self.finished = message["event"] in ("result", "interrupted", "error", "bug")
        match message["event"]:
            case "interrupted":
                raise KeyboardInterrupt
            case "error":
                raise _ERRORS.get(message["type"], GanStudyError)(*message["arguments"])
            case "bug":
                raise RuntimeError(f"the driver of the study failed:\n{message['traceback']}")
        return message

    def _death(self) -> BaseException:
        if self._signalled and not _lives(self._process, EXIT_SECONDS):
            return KeyboardInterrupt()
        with suppress(OSError):
            if stacks := self._stacks.read_text(encoding="utf-8", errors="replace"):
                return HungCode(code_in(stacks, under="driver_entry.py") or "the study")
        return StudyFailed(
            f"the process that ran the study (process {self._process.pid}) ended unexpectedly; run the study again to "
            "resume it from its checkpoints"
        )

    @contextmanager
    def _signals_passed_on(self) -> Iterator[None]:
        """Context in which Ctrl-C and SIGTERM reach the driver in place of this process.

        After the first one the trials write checkpoints; a second Ctrl-C ends the run at once, a third kills it.
        """
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may set signal handlers
            return
        interrupts = 0

        def pass_on(number: int, frame: FrameType | None) -> None:
            nonlocal interrupts
            interrupts += number == signal.SIGINT
            self._signalled = True
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number if interrupts < 3 else signal.SIGKILL)

        previous = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


@contextmanager
def driver(prepare: str, request: Mapping[str, Any], *, cluster: bool = False) -> Iterator[Driver]:
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
    started: Driver | None = None
    process = connection = None
    try:
        connection, theirs = Pipe()
        with theirs:
            process = _start_driver(theirs.fileno(), prepare, environment)
        _tell(guard, process.pid)
        connection.send_bytes(json.dumps({**request, "temporary": str(folder)}).encode())
        started = Driver(process, connection, folder)
        yield started
    finally:
        if process is not None and started is not None and started.finished:
            _lives(process, EXIT_SECONDS)
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
        done = guard.wait(driver_guard.MAX_END_SECONDS + EXIT_SECONDS) == 0
    except subprocess.TimeoutExpired:
        guard.kill()
        done = False
    if not done:
        if process is not None:
            driver_guard.end_session(process.pid)
        driver_guard.remove(str(folder))
    if process is not None:
        process.wait()  # not before: until then no other process can have its number


def _lives(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """True if the process, which is not waited for, still runs after this time."""
    end = monotonic() + seconds
    with suppress(psutil.NoSuchProcess):  # a caller that ignores SIGCHLD waits for no process
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            if monotonic() > end:
                return True
            sleep(0.005)
    return False
