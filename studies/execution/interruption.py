"""Graceful handling of SIGTERM: Tune stops its trials, and each writes a checkpoint."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def graceful_termination() -> Iterator[None]:
    """Context in which SIGTERM has the effect of Ctrl-C: Tune ends its trials, and each writes a checkpoint.

    Enter it after `ray.init`, which installs a handler of SIGTERM that exits at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signal handlers
        return
    # Tune does not restore the former handlers, and the handler that it leaves ignores the next Ctrl-C
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    signal.signal(signal.SIGTERM, _stop_tune)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _stop_tune(number: int, frame: FrameType | None) -> None:
    handler = signal.getsignal(signal.SIGUSR1)
    if callable(handler):
        handler(signal.SIGUSR1, frame)
    else:  # Tune has not started, so no trial has a state to keep
        raise KeyboardInterrupt
