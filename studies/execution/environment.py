"""Record of the environment of a run: versions, git state and hardware, but no environment variables."""

import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

SUBMITTED_GIT_STATE = "GAN_STUDY_GIT"
"""Name of the environment variable that gives a submitted job the submitting machine's git state, as JSON."""

PACKAGES = ("gan-studies", "torch", "ray", "optuna", "mlflow", "numpy", "scipy", "pandas", "pyarrow")


def environment() -> dict[str, Any]:
    """Versions, git state and hardware, JSON-serializable."""
    return {
        "versions": versions(),
        "git": _git_state_of_the_study(),
        "hardware": hardware(),
    }


def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that a study uses; None for a package that is not installed."""
    return {"python": platform.python_version(), **{name: package_version(name) for name in PACKAGES}}


def package_version(package: str) -> str | None:
    """The version of an installed package, None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit, branch and `dirty` of a folder's repository; None outside a repository.

    `dirty` is True unless git answers that there are no uncommitted changes.
    The address of a remote is left out, since it may contain a token.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    return {
        "commit": commit,
        "branch": _git(folder, "rev-parse", "--abbrev-ref", "HEAD"),
        "dirty": _git(folder, "status", "--porcelain") != "",
    }


def _git_state_of_the_study() -> dict[str, Any] | None:
    submitted = os.environ.get(SUBMITTED_GIT_STATE)
    return git_state(Path()) if submitted is None else json.loads(submitted)


def hardware() -> dict[str, Any]:
    """Hardware of the driver's machine."""
    import torch

    from studies.execution.machine_limits import usable_bytes, usable_cores

    devices = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _processor(),
        "cores": usable_cores(),
        "memory_gib": round(usable_bytes() / 2**30, 1),
        "gpus": devices,
    }


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        result = subprocess.run(("git", "-C", str(folder), *arguments), capture_output=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.decode("utf-8", "replace").strip() if result.returncode == 0 else None


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
