"""A time limit for a user's code that is tried before a study starts."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

TRY_SECONDS = 60.0
"""Longest time of a user's code that is called once, before a study starts, for one or two samples."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Context in which Python code that runs longer raises `TimeoutError`; without effect outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signal handlers
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"took longer than {seconds:g} s")

    handler = signal.signal(signal.SIGALRM, stop)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, interval)
        signal.signal(signal.SIGALRM, handler)
