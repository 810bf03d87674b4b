"""Deaths of a process in a user's compiled code, explained by what `faulthandler` and Ray wrote before."""

import re

from studies.errors import CrashedCode, GanStudyError, HungCode, StudyFailed
from studies.execution.watchdog_process import code_in

_CRASH = re.compile(r"^Fatal Python error: (.+)$|^\*\*\* (SIG[A-Z]+) received", re.MULTILINE)


def crashes_in(text: str) -> list[str]:
    """Names of the signals that ended a process, as its error output has them; empty if none did."""
    return list(dict.fromkeys(match[1] or match[2] for match in _CRASH.finditer(text)))


def error_in(stacks: str, *, under: str, process: str) -> GanStudyError | None:
    """The error that explains the death of a process; None if no stacks were written.

    stacks   calls of its threads, as `faulthandler` writes them when a process crashes or a call takes too long
    under    file of this project whose calls the thread with the user's code has
    process  the process in words, for a crash outside of a user's code
    """
    if not stacks.strip():
        return None
    place, crashes = code_in(stacks, under=under), crashes_in(stacks)
    if not crashes:
        return HungCode(place or "the study")
    return CrashedCode(place, crashes[0]) if place else StudyFailed(f"{process} crashed ({crashes[0]})")
