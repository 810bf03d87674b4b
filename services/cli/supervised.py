"""Commands in whose process a user's code is called: a child does the work, so that its death can be explained.

Compiled code that hangs or crashes ends its process, and Python with it. The first process of the command is still
there to say which line of the user's module that was.
"""

import ctypes
import faulthandler
import os
import signal
import sys
from collections.abc import Callable

from services.cli.output import print_error
from services.cli.streams import open_closed_streams
from studies.errors import InputError, MachineError
from studies.execution.code_deaths import error_in

_PROCESS = "the process of this command"
_PASSED_ON = (signal.SIGINT, signal.SIGTERM)
_EXPLAINED = (InputError.exit_code, *(128 + number for number in _PASSED_ON))
"""Exit codes after which nothing has to be said: the child has printed a `HungCode`, or the caller ended it."""
_PARENT_DEATH_SIGNAL = 1
"""Linux's number of the request for a signal at the parent's death (PR_SET_PDEATHSIG of linux/prctl.h)."""


def supervised(command: Callable[..., None]) -> None:
    """Call a command in a child of this process, and exit with the child's exit code, or with 2 if a user's code hung.

    If the code hung or crashed, standard error has one sentence with file and line. To be called before any thread is
    started.

    command  called with `stacks`, the file descriptor to which the stacks are written before code that hangs ends the
             process
    """
    if sys.platform != "linux":  # others have no sigwaitinfo: the stacks themselves are printed
        command()
        return
    open_closed_streams()  # a file that gets one of their numbers would receive what is printed
    with open(os.memfd_create("stacks"), "w+b") as stacks, open(os.memfd_create("end"), "w+b", buffering=0) as end:
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {*_PASSED_ON, signal.SIGCHLD})
        child = os.fork()
        if child == 0:
            ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            faulthandler.enable(stacks)
            try:
                command(stacks=stacks.fileno())
            finally:
                end.write(b"1")
            return
        code = _exit_code(child)
        stacks.seek(0)
        if error := error_in(stacks.read().decode(errors="replace"), under="supervised.py", process=_PROCESS):
            code = print_error(error)
        elif not end.tell() and code not in _EXPLAINED:
            print_error(MachineError(f"{_PROCESS} ended without a message (exit code {code})"))
    sys.exit(code)


def _exit_code(child: int) -> int:
    """Wait for the end of a child, and pass signals on to it; its exit code as a shell has it.

    Ctrl-C of a terminal reaches both processes by itself.
    """
    while True:
        received = signal.sigwaitinfo({*_PASSED_ON, signal.SIGCHLD})
        if received.si_signo == signal.SIGCHLD:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
        elif received.si_pid:  # 0: the terminal
            os.kill(child, received.si_signo)
