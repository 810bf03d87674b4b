"""Deaths of the processes of a local Ray: each is said in one sentence, and none leaves a run that hangs."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any
from unittest.mock import patch

from studies.errors import StudyFailed

NEEDED = {"raylet": "raylet", "gcs_server": "GCS server"}
"""Kinds of Ray's processes that a run cannot do without, with the words for them."""
SECONDS_BETWEEN_LOOKS = 0.2


@contextmanager
def watched_processes(fail: Callable[[StudyFailed], object]) -> Iterator[None]:
    """Context in which `fail` is called, in another thread, once a needed process of this process's Ray has ended."""
    import ray

    node: Any = ray._private.worker._global_node
    over = Event()

    def watch() -> None:
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            for kind, process in node.dead_processes():
                if kind in NEEDED:
                    fail(death_of_ray(kind, process.returncode))
                    return

    thread = Thread(target=watch, name="ray processes", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def without_messages() -> Iterator[None]:
    """Context in which Ray prints no messages about processes that died, which hold 20 lines of its log.

    The run itself says why a worker died, and that the raylet did.
    """
    import ray

    with patch.object(ray._private.worker, "print_to_stdstream", lambda *arguments, **options: None):
        yield


def death_of_ray(kind: str, code: int) -> StudyFailed:
    """The error about a process of Ray that ended.

    kind  kind of the process, one of `NEEDED`
    code  its exit code, or minus the number of the signal that ended it
    """
    reason = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return StudyFailed(
        f"Ray's {NEEDED[kind]} ended unexpectedly ({reason}); run the study again to resume it from its checkpoints"
    )
