"""Cores and memory that this process may use: those of the machine, or less where a container or a job limits them."""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import joblib

_ROOT = Path("/")


def usable_cores(root: Path = _ROOT) -> int:
    """Number of cores; a limit of 1.5 cores counts as 2.

    Cores that the process is not pinned to do not count.

    root  folder of the system's files /proc and /sys
    """
    limits = [joblib.cpu_count()]  # which knows the limit of a container, but not that of a job of a scheduler
    for quota, period in _cpu_quotas(root):
        if quota > 0 and period > 0:  # version 1 writes -1 for no limit
            limits.append(max(1, math.ceil(quota / period)))
    return min(limits)


def usable_bytes(root: Path = _ROOT) -> int:
    """Bytes of memory; swap does not count."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    names = ("memory.max", "memory.limit_in_bytes")
    limits = [limit for folder in _control_groups(root, "memory") for limit in _first_numbers(folder, names)]
    return min([physical, *limits])


def ended_for_memory(root: Path = _ROOT) -> int:
    """Number of processes that the kernel has ended for lack of memory, in this control group or on this machine."""
    counts = [
        int(line.split()[1])
        for folder in _control_groups(root, "memory")
        for name in ("memory.events", "memory.oom_control")
        for line in _lines(folder / name)
        if line.startswith("oom_kill ")
    ]
    if not counts:
        counts = [int(line.split()[1]) for line in _lines(root / "proc/vmstat") if line.startswith("oom_kill ")]
    return max(counts, default=0)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return []


def _cpu_quotas(root: Path) -> Iterator[tuple[int, int]]:
    """Microseconds of processor time, and of the period in which they may be used."""
    for folder in _control_groups(root, "cpu"):
        with suppress(OSError, ValueError):
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
            yield int(quota), int(period)  # "max" for no limit is no number
        with suppress(OSError, ValueError):
            names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            quota, period = ((folder / name).read_text(encoding="ascii") for name in names)
            yield int(quota), int(period)


def _first_numbers(folder: Path, names: tuple[str, ...]) -> Iterator[int]:
    for name in names:
        with suppress(OSError, ValueError):
            yield int((folder / name).read_text(encoding="ascii"))


def _control_groups(root: Path, controller: str) -> Iterator[Path]:
    """Folders of the control groups of this process and of those around them, of versions 1 and 2.

    In a container the folder that is mounted is the container's group, and the path in /proc/self/cgroup may be one of
    the machine outside, which does not exist there.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    mounted = root / "sys/fs/cgroup"
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        bases = [mounted / controllers, mounted / controller] if controllers else [mounted, mounted / "unified"]
        for base in dict.fromkeys(bases):
            own = base / path.lstrip("/")
            yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(base))
