"""Watchdog of a worker: a process beside it that ends it when it hangs or takes too much memory.

A check within the worker would not run while a user's code loops for ever or holds Python's global lock.
"""

import faulthandler
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from studies.execution import watchdog_process
from studies.file.run_settings import Limits
from studies.ledger.unfinished import Unfinished

GRACE_SECONDS = 10.0
"""Time beyond a trial's limit after which its worker is killed: for an iteration or evaluation, and a checkpoint."""
LOADING_SECONDS = 3600.0
"""Longest time in which a worker loads the data and modules of a pack: a node decodes a folder of images once."""
GIGABYTE = 10**9


class Watchdog:
    """Ends this process if it does not call a method in time, or if its memory passes the limit.

    Before the SIGKILL it writes the reason and the running lines of code into the ledger, see `Unfinished.killed`.

    root  folder of the ledger
    """

    def __init__(self, root: Path, limits: Limits):
        self._limits = limits
        self._stacks = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as this process lives
        faulthandler.register(watchdog_process.SHOW_STACKS, file=self._stacks, all_threads=True)
        self._process = subprocess.Popen(
            [sys.executable, "-I", watchdog_process.__file__, str(root), str(self._stacks.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in a terminal is not meant for it
            pass_fds=[self._stacks.fileno()],
        )

    def expect_loading(self, trial: Unfinished) -> None:
        """From now on this process loads what a trial needs, for at most `LOADING_SECONDS`."""
        self._expect(trial, LOADING_SECONDS, f"it hung: its data and modules were not loaded in {LOADING_SECONDS:g} s")

    def expect(self, trial: Unfinished, left: float | None = None) -> None:
        """From now on this process works for a trial, and must call a method of this object within the limits.

        left  seconds that the training of the trial's pack may still take; None: any
        """
        longest = self._limits.step_seconds
        slow = f"it hung: one iteration or evaluation took longer than limits.step_seconds = {longest:g}"
        if left is not None and left + GRACE_SECONDS < longest:
            longest = max(left, 0.0) + GRACE_SECONDS
            slow = f"its training took longer than limits.trial_seconds = {self._limits.trial_seconds:g}, and hung"
        self._expect(trial, longest, slow)

    def _expect(self, trial: Unfinished, seconds: float, slow: str) -> None:
        message: dict[str, Any] = {"seconds": seconds, "slow": slow, "key": trial.key, "object": trial.kill_object}
        memory = self._limits.trial_memory_gb
        if memory is not None:
            large = f"its process took more than limits.trial_memory_gb = {memory:g}"
            message |= {"bytes": memory * GIGABYTE, "large": large}
        self._send(message)

    def pause(self) -> None:
        """Set no limits until the next call."""
        self._send({})

    def _send(self, message: dict[str, Any]) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        pipe.write(json.dumps(message).encode() + b"\n")
        pipe.flush()
