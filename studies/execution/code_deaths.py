"""Deaths of a process in a user's compiled code, explained by the stacks that `faulthandler` wrote before."""

import re

from studies.errors import CrashedCode, GanStudyError, HungCode, StudyFailed
from studies.execution.watchdog_process import code_in

CRASH = re.compile(r"^Fatal Python error: (.+)$", re.MULTILINE)
"""First line of what `faulthandler` writes when a signal ends the process."""


def error_in(stacks: str, *, under: str) -> GanStudyError | None:
    """The error that explains the death; None if no stacks were written.

    under  file of this project whose calls the thread with the user's code has
    """
    if not stacks.strip():
        return None
    place = code_in(stacks, under=under)
    crash = CRASH.search(stacks)
    if crash is None:
        return HungCode(place or "the study")
    return CrashedCode(place, crash[1]) if place else StudyFailed(f"this process crashed ({crash[1]})")
