"""Standard output and standard error of the command: closed, full, without umlauts, or for a program's eyes alone."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout, suppress
from contextvars import ContextVar
from functools import cache
from io import UnsupportedOperation
from typing import Any, TextIO, cast

_reserved: ContextVar[TextIO | None] = ContextVar("_reserved", default=None)


class SteadyStream:
    """A text stream that never raises an `OSError`: after the first one, everything further is discarded.

    A run goes on when the reader of its output is gone or the disk with its log is full.

    failure  the first error; None if there was none, or if it was that of a reader who has closed the pipe
    """

    def __init__(self, stream: TextIO):
        self._stream = stream
        self.failure: OSError | None = None
        if hasattr(stream, "reconfigure"):
            # a character that the locale lacks, or a byte of a file's name that is no text, is printed as its number
            stream.reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except OSError as error:
            self._discard(error)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._discard(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextmanager
    def on_own_descriptor(self) -> Iterator[None]:
        """Context in which this stream, if it writes to descriptor 1, has a copy of that, and 1 is standard error."""
        shared = self._stream
        try:
            is_output = shared.fileno() == 1
        except (UnsupportedOperation, ValueError):  # a stream in memory
            is_output = False
        if not is_output:
            yield
            return
        copy = os.dup(1)
        os.dup2(2, 1)
        self._stream = open(copy, "w", encoding=shared.encoding, errors=shared.errors, closefd=False)  # noqa: SIM115
        try:
            yield
        finally:
            self.flush()
            os.dup2(copy, 1)
            self._stream = shared
            os.close(copy)

    def _discard(self, error: OSError) -> None:
        self.failure = None if error.errno == errno.EPIPE else error
        # what the stream still holds is written when Python ends, then to the null device
        with suppress(UnsupportedOperation), open(os.devnull, "wb") as null:
            os.dup2(null.fileno(), self._stream.fileno())
        self._stream = _null()


@contextmanager
def steady_streams() -> Iterator[SteadyStream]:
    """Context in which nothing that is printed raises an `OSError`; its value is standard output.

    Streams that the caller has closed are opened to the null device first.
    """
    open_closed_streams()
    if sys.stdin is None:
        sys.stdin = _null()
    output, error = (SteadyStream(stream or _null()) for stream in (sys.stdout, sys.stderr))
    with redirect_stdout(cast(TextIO, output)), redirect_stderr(cast(TextIO, error)):
        yield output
        output.flush()
        error.flush()


def open_closed_streams() -> None:
    """Open the standard streams that the caller has closed to the null device.

    Otherwise the next file that is opened would get their number, and receive what other libraries print.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the smallest free number


@contextmanager
def reserved_output() -> Iterator[None]:
    """Context in which only `output_stream()` writes to standard output; all else that is printed goes to the error.

    That includes what libraries and child processes write to file descriptor 1.
    """
    own = sys.stdout
    own.flush()
    token = _reserved.set(own)
    try:
        with redirect_stdout(sys.stderr), own.on_own_descriptor() if isinstance(own, SteadyStream) else nullcontext():
            yield
    finally:
        _reserved.reset(token)


def output_stream() -> TextIO:
    """Standard output, also in a context in which it is reserved."""
    return _reserved.get() or sys.stdout


@cache
def _null() -> TextIO:
    """The null device, open until the process ends."""
    return open(os.devnull, "r+", encoding="utf-8")
