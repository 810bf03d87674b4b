"""Code of users that hangs before a study starts: an import, a constructor, the loading of samples, a first call.

A timer looks at the running calls. A call of a user's code that is found at every look until the limit is ended by an
exception, and named with the file and the line at which it was found. The exception is no `Exception`, so a loop that
tries again ends too. Two further measures need an `ended_by`, as the command and the driver have: code that catches
everything ends with its process, and so does compiled code that never returns to Python.
"""

import faulthandler
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from studies.errors import HungCode
from studies.file.code_errors import is_users_file, place_of
from studies.file.run_settings import Limits

LOOKS, FURTHER_LOOKS = 20, 3
"""Number of looks within the limit, and of those after it at which code that catches everything is ended again."""
SHORTEST_LOOK = 0.02
"""Least seconds between two looks."""
LONGEST = 1e7
"""Largest limit, in seconds: four months; timers refuse numbers of another order."""
COMPILED = 1.25
"""Part of the limit after which the process ends if no look was possible, as while compiled code runs."""


@dataclass
class _Settings:
    """Settings of this process.

    seconds  longest time of one call
    end      ends this process with an error; None: nothing does
    stacks   file descriptor to which the stacks are written if compiled code hangs; None: it is not ended
    """

    seconds: float = Limits.code_seconds
    end: Callable[[HungCode], None] | None = None
    stacks: int | None = None


class _Ended(BaseException):
    """Ends a call of a user's code."""

    def __init__(self, error: HungCode):
        super().__init__(error)
        self.error = error


_settings = _Settings()
_watches: list["_Watch"] = []


def set_limit(seconds: float) -> None:
    """Set the longest time of one call of a user's code in this process; a longer one than `LONGEST` counts as that."""
    _settings.seconds = min(seconds, LONGEST)


@contextmanager
def ended_by(end: Callable[[HungCode], None], *, stacks: int) -> Iterator[None]:
    """Context in which hung code that cannot be ended otherwise ends this process.

    end     called with the error, to report it and to end the process
    stacks  file descriptor to which the stacks of all threads are written before compiled code ends with the process,
            whose exit code is then 1
    """
    before = _settings.end, _settings.stacks
    _settings.end, _settings.stacks = end, stacks
    try:
        yield
    finally:
        _settings.end, _settings.stacks = before


@contextmanager
def hung_code_ended() -> Iterator[None]:
    """Context in which a call of a user's code is ended after the limit; without effect outside the main thread.

    Errors: `HungCode` with the file and the line of the call.
    """
    if _watches or threading.current_thread() is not threading.main_thread():
        yield  # a watch looks at the calls already, or this thread may not set signal handlers
        return
    watch = _Watch(sys._getframe(2))  # the caller: 0 is this generator, 1 is contextlib's
    _watches.append(watch)
    try:
        watch.start()
        yield
    except _Ended as ended:
        raise ended.error from None
    finally:
        _watches.remove(watch)
        watch.stop()


class _Watch:
    """Looks at the calls that a function makes.

    caller  frame of the function
    """

    def __init__(self, caller: FrameType):
        self._caller, self._seconds = caller, _settings.seconds
        self._handler, self._timer = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
        self._call: FrameType | None = None
        self._looks = 0

    def start(self) -> None:
        signal.signal(signal.SIGALRM, self._look)
        seconds = max(SHORTEST_LOOK, self._seconds / LOOKS)
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
        self._expect_looks()

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, *self._timer)
        signal.signal(signal.SIGALRM, self._handler)
        if _settings.stacks is not None:
            faulthandler.cancel_dump_traceback_later()

    def _look(self, number: int, frame: FrameType | None) -> None:
        """Find the running call of a user's code, and end it once it has been found too often."""
        if self._seconds != _settings.seconds:  # the study's own limit was read since the start
            self.stop()
            self._seconds = _settings.seconds
            self.start()
        self._expect_looks()
        calls = [call for call in self._made_by_caller(frame) if is_users_file(call.f_code.co_filename)]
        outermost = calls[-1] if calls else None
        self._looks = self._looks + 1 if outermost is self._call else 0
        self._call = outermost
        if outermost is None or self._looks < LOOKS:
            return
        innermost = calls[0]
        error = HungCode(place_of(innermost.f_code.co_filename, innermost.f_lineno), self._seconds)
        if self._looks > LOOKS + FURTHER_LOOKS and _settings.end is not None:
            _settings.end(error)
        raise _Ended(error)

    def _made_by_caller(self, frame: FrameType | None) -> Iterator[FrameType]:
        """The running calls that the caller has made, the innermost first."""
        while frame is not None and frame is not self._caller:
            yield frame
            frame = frame.f_back

    def _expect_looks(self) -> None:
        if _settings.stacks is not None:
            faulthandler.dump_traceback_later(COMPILED * self._seconds + 1, exit=True, file=_settings.stacks)
