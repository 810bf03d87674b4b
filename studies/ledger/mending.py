"""Mending a ledger: what is damaged or foreign is set aside, so that running the study repeats what it held."""

from collections.abc import Iterator

from studies.errors import DamagedError
from studies.ledger.ledger import STUDIES, Ledger
from studies.ledger.segment_index import TRIALS
from studies.ledger.unfinished import FOLDER as RUNNING


def mend_study(ledger: Ledger, name: str) -> Iterator[str]:
    """Set aside what a run of the study could not read or replace, apart from entries; a sentence for each.

    Errors: `InputError` for a record of the study that another version wrote.
    """
    folder = f"{STUDIES}/{name}"
    for prefix in (TRIALS, RUNNING, STUDIES, folder, f"{folder}/plan", f"{folder}/lease"):
        if ledger.storage.blocked(prefix):
            yield sentence(ledger, prefix, "it is no folder")
    for key, reason in foreign_in_running(ledger):
        yield sentence(ledger, key, reason)
    try:
        ledger.read_study(name)
    except DamagedError as error:
        yield sentence(ledger, f"{folder}/study.json", error.reason)


def foreign_in_running(ledger: Ledger) -> list[tuple[str, str]]:
    """Key and reason of everything below `running/` that is no valid object of an unfinished trial."""
    found = []
    for key in sorted({"/".join(key.split("/")[:3]) for key in ledger.storage.keys(RUNNING)}):
        try:
            if key.count("/") < 2:
                raise DamagedError(ledger.storage.place(key), "it belongs to no trial")
            if (file := ledger.storage.opened(key)) is not None:
                file.close()
        except DamagedError as error:
            found.append((key, error.reason))
    return found


def mend_segments(ledger: Ledger) -> Iterator[str]:
    """Set aside segments that cannot be opened or hold a damaged entry; a sentence for each.

    Whole entries in a segment that is set aside are committed again.
    """
    for name, error in ledger.damaged_segments():
        kept, target = ledger.set_aside(name)
        rest = f"; the other entries in it are kept ({len(kept)})" if kept else ""
        yield f"{error.place}: is damaged or foreign ({error.reason}) and was set aside as {target}{rest}"


def sentence(ledger: Ledger, key: str, reason: str) -> str:
    """Set an object aside, and return a sentence about it."""
    place, target = ledger.storage.place(key), ledger.storage.set_aside(key)
    return f"{place}: is damaged or foreign ({reason}) and was set aside as {target}"
