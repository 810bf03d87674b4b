"""Limits of a whole run: its time, and the space that it leaves free on the disk of the ledger."""

from pathlib import Path
from time import monotonic
from typing import Any

from ray.tune import Stopper

from studies.execution.disk_space import free_bytes
from studies.execution.watchdog import GIGABYTE
from studies.file.run_settings import Limits
from studies.numbers import format_bytes, format_duration

SECONDS_PER_LOOK = 0.3
"""Seconds between two looks at the disk."""


class RunLimits(Stopper):
    """Ends a run when its time is over or the disk of its ledger is nearly full: the trials write checkpoints.

    reached  sentence about the limit that ended the run; empty if none did
    """

    def __init__(self, limits: Limits, root: Path):
        self._limits, self._root = limits, root
        self._started = self._looked = monotonic()
        self.reached = ""

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Tune's question whether a single trial must end: never."""
        return False

    def stop_all(self) -> bool:
        """True once a limit is reached; Tune asks about ten times a second."""
        longest = self._limits.study_seconds
        now = monotonic()
        if longest is not None and now - self._started > longest:
            self.reached = f"the run took longer than limits.study_seconds = {longest:g} ({format_duration(longest)})"
        elif now - self._looked > SECONDS_PER_LOOK:
            self._looked = now
            free = free_bytes(self._root)
            if free < self._limits.disk_free_gb * GIGABYTE:
                self.reached = (
                    f"the disk of the ledger has {format_bytes(free)} left, less than limits.disk_free_gb = "
                    f"{self._limits.disk_free_gb:g} leaves free"
                )
        return bool(self.reached)
