"""The process of a `Watchdog`: reads limits from its standard input, and kills its parent when one is passed.

Run as a file, without PyTorch, so that it is small and starts within hundredths of a second. Arguments: the folder of
the ledger, and the descriptor of the file into which the parent writes its stacks on the signal `SHOW_STACKS`.
"""

import json
import os
import re
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

OWN_FOLDERS = ("studies", "gan_core", "services")
PROJECT = Path(__file__).resolve().parents[2]
"""Folder that holds the packages of this project."""
SHOW_STACKS = signal.SIGUSR2
SECONDS_PER_LOOK = 0.2
SECONDS_FOR_STACKS = 1.0
"""Longest time that the parent is given to write its stacks; one that was stopped or swapped out writes none."""
LARGEST_STACKS = 20_000
"""Largest number of bytes of the stacks that are kept."""
FRAME = re.compile(r'^  File "(?P<file>.*)", line (?P<line>\d+) in (?P<function>.*)$', re.MULTILINE)


def watch(root: str, stacks: int) -> None:
    """Watch the parent process until it ends or closes the pipe; kill it when it passes a limit."""
    parent, limits = os.getppid(), dict[str, Any]()
    deadline, unread = float("inf"), b""
    while os.getppid() == parent:
        ready, _, _ = select.select([sys.stdin.fileno()], [], [], SECONDS_PER_LOOK)
        if ready:
            received = os.read(sys.stdin.fileno(), 65536)
            if not received:
                return
            *lines, unread = (unread + received).split(b"\n")
            if lines:
                limits = json.loads(lines[-1])
                deadline = time.monotonic() + limits.get("seconds", float("inf"))
        if time.monotonic() > deadline:
            _kill(parent, root, stacks, limits, "timed_out", limits["slow"])
        elif limits.get("bytes") is not None and _resident_bytes(parent) > limits["bytes"]:
            _kill(parent, root, stacks, limits, "out_of_memory", limits["large"])


def _kill(parent: int, root: str, stacks: int, limits: dict[str, Any], state: str, reason: str) -> None:
    try:
        detail = _stacks(parent, stacks)
        place = code_in(detail)
        _record(root, limits, state, f"{reason}{f'; it was in {place}' if place else ''}", detail)
    finally:  # the reason is lost if the ledger cannot be written, but the worker must end
        if os.getppid() == parent:
            os.kill(parent, signal.SIGKILL)
    sys.exit()


def _record(root: str, limits: dict[str, Any], state: str, reason: str, detail: str) -> None:
    from studies.ledger.folder_storage import FolderStorage
    from studies.ledger.sealed import seal

    record = {"key": limits["key"], "state": state, "reason": reason, "detail": detail, "at": time.time()}
    FolderStorage(root).replace(limits["object"], seal(record))


def _stacks(parent: int, file: int) -> str:
    """The stacks of all threads of the parent as `faulthandler` writes them, the innermost calls first."""
    before = os.fstat(file).st_size
    os.kill(parent, SHOW_STACKS)
    end, size = time.monotonic() + SECONDS_FOR_STACKS, -1
    while time.monotonic() < end and (size == before or size < (size := os.fstat(file).st_size)):
        time.sleep(0.1)
    return os.pread(file, LARGEST_STACKS, before).decode(errors="replace")


def code_in(stacks: str, *, under: str = "ray_pack.py") -> str:
    """File, line and function of the innermost call of a user's code in one thread; empty if there is none.

    A user's code is what is neither installed nor a part of this project.

    under  file of this project whose calls the thread has; by default it is the thread that trains
    """
    for stack in stacks.split("\n\n"):
        if under not in stack:
            continue
        for frame in FRAME.finditer(stack):
            if _is_users(frame["file"]):
                return f"{os.path.basename(frame['file'])}, line {frame['line']}, {frame['function']}"
    return ""


def _is_users(file: str) -> bool:
    installed = (sys.prefix, sys.base_prefix, *(str(PROJECT / name) for name in OWN_FOLDERS))
    return not file.startswith(("<", *(f"{folder}{os.sep}" for folder in installed)))


def _resident_bytes(process: int) -> int:
    import psutil  # type: ignore[import-untyped]

    try:
        return int(psutil.Process(process).memory_info().rss)
    except psutil.Error:
        return 0


if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT))
    watch(sys.argv[1], int(sys.argv[2]))
