"""SIGTERM as a polite request: Tune stops its trials, which keep what they learned."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def graceful_termination() -> Iterator[None]:
    """Within it SIGTERM does what Ctrl-C does: Tune ends its trials, each writes its checkpoint.

    To be entered after `ray.init`, which makes SIGTERM an exit on the spot.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python delivers signals to the main thread alone, and lets nobody else ask for them
        return
    # Tune leaves its own handlers behind, which would swallow the next Ctrl-C.
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    signal.signal(signal.SIGTERM, _pass_on)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _pass_on(number: int, frame: FrameType | None) -> None:
    stop_tune = signal.getsignal(signal.SIGUSR1)
    if callable(stop_tune):
        stop_tune(signal.SIGUSR1, frame)
    else:  # Tune has not begun, so there is nothing to keep
        raise KeyboardInterrupt
