"""The driver of a study: the process that imports the study's modules and runs its trials with Ray.

`driver_process` starts it with an environment without secrets, and receives the events of the run.
"""

import faulthandler
import json
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from studies.errors import DamagedError, GanStudyError, HungCode, InputError, StudyFailed
from studies.execution.driver_process import STACKS
from studies.execution.resources import Node, Resources
from studies.execution.runner import RunResult, run_in_this_process
from studies.file.hung_code import ended_by
from studies.file.modules import is_reference, modules_in, sources
from studies.file.real_samples import load_samples
from studies.file.sent_samples import write_samples
from studies.file.source import question
from studies.file.study import Study
from studies.forecast.forecast_events import ForecastEvents
from studies.progress.event_messages import EventSender, Message
from studies.progress.events import Listener

SENDING_SECONDS = 5.0
"""Time for which an error waits until the main thread has sent its message."""


@dataclass(frozen=True)
class Prepared:
    """A study that is ready to run; `question` and `resources` as for `run_in_this_process`."""

    study: Study
    question: str
    resources: Resources | None


Prepare = Callable[[Mapping[str, Any]], AbstractContextManager[Prepared]]
"""Context that prepares the study of a request."""


def main(channel: str, prepare: str) -> None:
    """Receive a request on a connection, run its study, and send events and at last the result or the error.

    channel  file descriptor of the connection
    prepare  MODULE:FUNCTION of a `Prepare`
    """
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    connection, sending = Connection(int(channel)), threading.Lock()

    def send(message: Message) -> None:
        with sending:
            connection.send_bytes(json.dumps(message).encode())

    def fail(error: StudyFailed) -> None:
        """Send an error as the last message and end this process at once, whatever its main thread waits for."""
        if sending.acquire(timeout=SENDING_SECONDS):  # for good: nothing is sent after it
            with suppress(OSError):
                connection.send_bytes(json.dumps(_of_error(error)).encode())
        os._exit(1)

    def report_hung_code(error: HungCode) -> None:
        send(_of_error(error))
        os._exit(0)

    # Ray forks while a thread forecasts the run: OpenBLAS ends its threads before a fork, and a product of matrices
    # that another thread computes with several of them would then never end
    threadpool_limits(1, user_api="blas")
    try:
        request = json.loads(connection.recv_bytes())
        tempfile.tempdir = request["temporary"]  # of this process alone, not of its workers
        module, _, function = prepare.partition(":")
        with (
            open(Path(request["temporary"], STACKS), "wb") as stacks,
            ended_by(report_hung_code, stacks=stacks.fileno()),
        ):
            faulthandler.enable(stacks)
            send(_answer(request, getattr(import_module(module), function), send, fail))
    except (EOFError, BrokenPipeError, ConnectionResetError):  # the parent is gone
        pass
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(0)  # all is written and sent; waiting for threads of libraries would delay the parent


def _answer(
    request: Mapping[str, Any],
    prepare: Prepare,
    send: Callable[[Message], None],
    fail: Callable[[StudyFailed], object],
) -> Message:
    """The last message: the result of the run, or why there is none."""
    try:
        with prepare(request) as prepared:
            send(_description(prepared, Path(request["temporary"])))
            result = run_prepared(prepared, EventSender(send), fail=fail)
        names = [record.spec.name for record in result.without_result]
        return {
            "event": "result",
            "without_result": names,
            "interrupted": result.interrupted,
            "limit": result.limit,
        }
    except (KeyboardInterrupt, SystemExit):  # Ray's own handler of SIGTERM exits
        return {"event": "interrupted"}
    except (BrokenPipeError, ConnectionResetError):
        raise
    except GanStudyError as error:
        return _of_error(error)
    except Exception as error:
        return {"event": "bug", "traceback": "".join(traceback.format_exception(error))}


def run_prepared(prepared: Prepared, listener: Listener, *, fail: Callable[[StudyFailed], object]) -> RunResult:
    """Run a study; the listener receives its events and its forecasts.

    fail  as for `run_in_this_process`

    Errors: as for `run_in_this_process`.
    """
    study, resources = prepared.study, prepared.resources
    events = ForecastEvents(listener, study, resources)
    return run_in_this_process(study, events, fail=fail, question=prepared.question, resources=resources)


def _of_error(error: GanStudyError) -> Message:
    """The message with an error that ended the run."""
    if isinstance(error, DamagedError):
        return {"event": "error", "type": "DamagedError", "arguments": [error.place, error.reason]}
    kind = "InputError" if isinstance(error, InputError) else type(error).__name__
    return {"event": "error", "type": kind, "arguments": [str(error)]}


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _description(prepared: Prepared, folder: Path) -> Message:
    """The message with study and cluster; the samples of a user's class are written into a file of this folder."""
    study, cluster = prepared.study, prepared.resources
    nodes = None if cluster is None or not cluster.joined else [asdict(node) for node in cluster.nodes]
    table, samples = study.table(), None
    if is_reference(study.data.kind):
        samples = folder / "samples.npz"
        write_samples(load_samples(study.data), samples)
    return {
        "event": "study",
        "table": table,
        "sources": sources(table),
        "samples": None if samples is None else str(samples),
        "nodes": nodes,
    }


# -- on this machine ---------------------------------------------------------------------------------------------------


@contextmanager
def study_of_file(request: Mapping[str, Any]) -> Iterator[Prepared]:
    """The study in the request's `file`, with its `overrides` and `smoke` as for `Study.load`."""
    file = request["file"]
    study = Study.load(file, overrides=request["overrides"], smoke=request["smoke"])
    yield Prepared(study, question(file), None)


@contextmanager
def study_of_table(request: Mapping[str, Any]) -> Iterator[Prepared]:
    """The study of the request's `table`, whose modules are in its folder `modules`, on its `nodes`."""
    folder, nodes = request["modules"], request["nodes"]
    with modules_in(None if folder is None else Path(folder)):
        study = Study.from_table(request["table"])
    resources = None if nodes is None else Resources(nodes=tuple(Node(**node) for node in nodes))
    yield Prepared(study, request["question"], resources)
