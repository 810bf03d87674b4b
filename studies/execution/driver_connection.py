"""Connection between a driver and the process that started it, which sends the study and receives events and result."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic, sleep
from types import FrameType

import psutil  # type: ignore[import-untyped]

from studies.errors import DamagedError, GanStudyError, InputError, StudyFailed
from studies.execution.code_deaths import error_in
from studies.execution.resources import Node, Resources
from studies.execution.runner import RunResult
from studies.file.sent_samples import receive_samples
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.progress.event_messages import EventReceiver, Message
from studies.progress.events import Broadcast, Listener

EXIT_SECONDS = 10.0
"""Time in which a driver ends after its last message."""
_ERRORS = {kind.__name__: kind for kind in (InputError, StudyFailed, DamagedError)}


class Driver:
    """A running driver, seen from the process that started it.

    stacks     file that names the running calls after a crash, or after compiled code of a user that hung
    finished   True once it has sent its last message
    resources  the cluster that it has joined, known with the study; None: it runs on this machine
    """

    def __init__(self, process: "subprocess.Popen[bytes]", connection: Connection, *, stacks: Path):
        self._process, self._connection, self._stacks = process, connection, stacks
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
        """Hand each event that the driver sends to the listeners, until it sends the result of the run; return that.

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

    def ends(self) -> bool:
        """Wait for `EXIT_SECONDS` at most for the end of its process; True if it has ended."""
        end = monotonic() + EXIT_SECONDS
        with suppress(psutil.NoSuchProcess):  # a caller that ignores SIGCHLD waits for no process
            while psutil.Process(self._process.pid).status() != psutil.STATUS_ZOMBIE:
                if monotonic() > end:
                    return False
                sleep(0.005)
        return True

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
        if self._signalled and self.ends():
            return KeyboardInterrupt()
        process = f"the process that ran the study (process {self._process.pid})"
        with suppress(OSError):
            stacks = self._stacks.read_text(encoding="utf-8", errors="replace")
            if error := error_in(stacks, under="driver_entry.py", process=process):
                return error
        return StudyFailed(f"{process} ended unexpectedly; run the study again to resume it from its checkpoints")

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
