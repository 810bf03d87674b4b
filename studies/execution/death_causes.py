"""Causes of the death of a worker process: a crash by a signal, a kill for lack of memory, or one without a trace."""

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from studies.execution.code_deaths import crashes_in
from studies.execution.machine_limits import ended_for_memory
from studies.execution.worker_deaths import OUT_OF_MEMORY, WorkerDeath, death_of
from studies.file.code_errors import is_users_file, place_of, printable

_LONGEST_LOG = 2**16
"""Number of bytes at the end of a worker's log that are searched."""
_FRAME = re.compile(r'^  File "(.+)", line (\d+) in ', re.MULTILINE)
KERNEL_KILL = "the system's kernel ended its worker, since memory ran out"
"""Cause of a death for which the kernel counts one more kill for lack of memory."""

WITHOUT_TRACE = "its worker ended without a trace: something killed it (SIGKILL), or the code in it called os._exit"


class DeathCauses:
    """Finds the causes of deaths of workers on this machine, from their logs and from the kernel's counters."""

    def __init__(self) -> None:
        self._kills = ended_for_memory()

    def death(self, error: Exception | None) -> WorkerDeath:
        """The death that an error of Ray reports, with its cause as a sentence; None for an error not to be read."""
        reported = death_of(error)
        if error is None or reported.node_lost or OUT_OF_MEMORY in reported.cause:
            return replace(reported, cause=f"its worker or node was lost: {printable(reported.cause)}")
        return WorkerDeath(self.cause(error))

    def cause(self, error: Exception) -> str:
        """Cause of the death that Ray reports by `error`, as a sentence; with Ray's first line if it is unknown."""
        text = str(error).strip()
        worker = re.search(r"^\s*pid: (\d+)$", text, re.MULTILINE)
        kills, self._kills = self._kills, ended_for_memory()
        if self._kills > kills:
            return KERNEL_KILL
        if worker is not None and (log := _log_of(int(worker[1]))) is not None:
            return _crash(log) or WITHOUT_TRACE
        return f"its worker or node was lost: {type(error).__name__}: {printable(text.partition(chr(10))[0])}"


def _crash(log: str) -> str | None:
    """Signal of a crash and the user's line at which it happened, from a worker's log; None without a crash."""
    found = crashes_in(log)
    if not found:
        return None
    calls = ((file, line) for file, line in _FRAME.findall(log) if is_users_file(file))
    place = next((f"; {place_of(file, int(line))}" for file, line in calls), "")
    return f"its worker crashed ({', '.join(map(printable, found))}{place})"


def _log_of(process: int) -> str | None:
    """End of the error log of a worker on this machine; None if there is none."""
    import ray

    node: Any = ray._private.worker._global_node
    if node is None:
        return None
    try:
        for path in Path(node.get_logs_dir_path()).glob(f"worker-*-{process}.err"):
            with path.open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _LONGEST_LOG))
                return file.read().decode("utf-8", "replace")
    except OSError:
        pass
    return None
