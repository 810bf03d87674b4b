"""Memory of this machine."""

from pathlib import Path

import psutil  # type: ignore[import-untyped]

CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Files with the largest memory of the processes of a container, of both versions of cgroups."""


def memory_of_machine() -> int:
    """Bytes of memory of this machine, or of the container that this process runs in if that is limited to less."""
    total: int = psutil.virtual_memory().total
    for file in CGROUP_LIMITS:
        try:
            limit = Path(file).read_text().strip()
        except OSError:
            continue
        if limit.isdecimal():
            total = min(total, int(limit))
    return total
