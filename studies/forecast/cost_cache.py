"""Cache of measured costs in the user's cache folder, one small file for each case and machine."""

import json
import platform
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from gan_core.cache_folder import cache_folder
from studies.execution.environment import hardware
from studies.forecast.pack_costs import PackCost
from studies.forecast.pack_work import Case
from studies.written_files import write_text

COST_VERSION = 1
"""Increased by hand with every change of the code that changes the seconds of a step, or how they are measured."""


class CostCache:
    """Costs on this machine.

    processes, threads  number of processes that train at once, and of the threads of each

    A file that is damaged, or that cannot be read or written, is ignored: the case is then measured.
    """

    def __init__(self, processes: int, threads: int):
        known = hardware()
        self._machine = {
            "version": COST_VERSION,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "cpu": known["cpu"],
            "cores": known["cores"],
            "gpus": known["gpus"],
            "processes": processes,
            "threads": threads,
        }

    def cost(self, case: Case) -> PackCost | None:
        """The cost of a case, None if it is not cached."""
        table = self._read(self._path([case.structure, case.members]))
        with suppress(TypeError):
            return None if table is None else PackCost(**table)
        return None

    def keep(self, case: Case, cost: PackCost) -> None:
        """Keep the cost of a case."""
        self._write(self._path([case.structure, case.members]), cost.table())

    def start_seconds(self) -> float | None:
        """Seconds until a worker is ready, None if they are not cached."""
        table = self._read(self._path("start"))
        return None if table is None else table.get("seconds")

    def keep_start(self, seconds: float) -> None:
        """Keep the seconds until a worker is ready."""
        self._write(self._path("start"), {"seconds": seconds})

    def _path(self, name: Any) -> Path:
        key = json.dumps([name, self._machine], sort_keys=True)
        return cache_folder() / "costs" / f"{sha256(key.encode()).hexdigest()[:32]}.json"

    @staticmethod
    def _read(path: Path) -> dict[str, float] | None:
        try:
            table = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return None
        numbers = isinstance(table, dict) and all(isinstance(value, int | float) for value in table.values())
        return table if numbers else None

    @staticmethod
    def _write(path: Path, table: Mapping[str, float]) -> None:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, json.dumps(table))
