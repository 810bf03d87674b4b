"""What a run was made with: versions, the working folder's git state, the machine. No variable of the environment."""

import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

SUBMITTED_GIT_STATE = "GAN_STUDY_GIT"
"""The variable in which a submitted job finds the git state of the machine that submitted it, as JSON."""

PACKAGES = ("gan-studies", "torch", "ray", "optuna", "mlflow", "numpy", "scipy", "pandas", "pyarrow")


def environment() -> dict[str, Any]:
    """Versions, git state and hardware, as JSON can hold them."""
    return {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "git": _git_state_of_the_study(),
        "hardware": hardware(),
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit, branch and whether anything is changed in the folder's repository; None where it is in none.

    Never a remote's address: it may hold a token.
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
    """The machine that the driver runs on."""
    devices = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "gpus": devices,
    }


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(("git", "-C", str(folder), *arguments), capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
