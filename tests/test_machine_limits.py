"""Limits of control groups, read from folders laid out as those of the kernel."""

import os
from pathlib import Path

import joblib
import pytest

from studies.execution.machine_limits import ended_for_memory, usable_bytes, usable_cores

PHYSICAL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
GIB = 2**30


def write(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


@pytest.mark.parametrize(
    "files",
    [
        # version 2: a container, whose own group is mounted
        {
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/memory.max": f"{GIB}\n",
            "sys/fs/cgroup/cpu.max": "50000 100000\n",
        },
        # version 2: a job of a scheduler, limited by a group around its own
        {
            "proc/self/cgroup": "0::/slurm/job_7/step_0\n",
            "sys/fs/cgroup/slurm/job_7/step_0/memory.max": "max\n",
            "sys/fs/cgroup/slurm/job_7/step_0/cpu.max": "max 100000\n",
            "sys/fs/cgroup/slurm/job_7/memory.max": f"{GIB}\n",
            "sys/fs/cgroup/slurm/job_7/cpu.max": "100000 100000\n",
        },
        # version 1: a container, which sees the path outside and its own group at the mount
        {
            "proc/self/cgroup": "4:memory:/docker/ab\n1:cpu,cpuacct:/docker/ab\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GIB}\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "70000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        },
    ],
)
def test_the_smallest_limit_counts(tmp_path: Path, files: dict[str, str]) -> None:
    root = write(tmp_path, files)
    assert usable_bytes(root) == GIB
    assert usable_cores(root) == 1


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/cpu.max": "max 100000\n"},
        {
            "proc/self/cgroup": "4:memory:/\n1:cpu:/\n0::/\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "\n", "sys/fs/cgroup/cpu.max": "unreadable\n"},
    ],
)
def test_without_a_limit_the_machine_counts(tmp_path: Path, files: dict[str, str]) -> None:
    root = write(tmp_path, files)
    assert usable_bytes(root) == PHYSICAL
    assert usable_cores(root) == joblib.cpu_count()


def test_one_and_a_half_cores_count_as_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joblib, "cpu_count", lambda: 64)
    root = write(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"})
    assert usable_cores(root) == 2


def test_kills_are_counted_in_the_control_group_or_else_on_the_machine(tmp_path: Path) -> None:
    assert ended_for_memory(tmp_path) == 0
    machine = {"proc/self/cgroup": "0::/a\n", "proc/vmstat": "pgmajfault 9\noom_kill 5\n"}
    assert ended_for_memory(write(tmp_path, machine)) == 5
    group = {"sys/fs/cgroup/a/memory.events": "oom 3\noom_kill 2\noom_group_kill 0\n"}
    assert ended_for_memory(write(tmp_path, group)) == 2
