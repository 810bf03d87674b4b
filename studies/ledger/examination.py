"""Examination of a whole ledger: what is damaged, what killed processes left, and what no study holds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from studies.errors import DamagedError, InputError
from studies.ledger.evaluations import FurtherEvaluation, parse_evaluation
from studies.ledger.inventory import keys_of
from studies.ledger.ledger import STUDIES, Ledger
from studies.ledger.mending import foreign_in_running
from studies.ledger.segment_index import TRIALS
from studies.ledger.unfinished import FOLDER as RUNNING

Kind = Literal["segment", "foreign", "leftover", "remains", "record", "version", "orphan"]
"""Kinds of findings.

segment   entries of which one is damaged, or something else in their place: set aside, whole entries are kept
foreign   a damaged object of an unfinished trial or of a further evaluation, or something else in its place: set aside
leftover  a temporary file that a killed writer left: deleted
remains   checkpoint and marks of a trial that is finished: deleted
record    a damaged record or plan of a study: only a run of the study can write it again
version   a record or plan that another version wrote: it stays
orphan    an entry that no study's plan holds: set aside
"""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something in a ledger that is not as it should be.

    key     key of the object; of an orphan, key of the entry
    reason  finding, as in "its checksum is wrong"
    place   path or address of it
    """

    kind: Kind
    key: str
    reason: str
    place: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


def examine(ledger: Ledger, *, thorough: bool = True) -> list[Finding]:
    """Everything in the ledger that is not as it should be, sorted by kind in the order in which it can be mended.

    thorough  True: generators and samples of every entry and all checkpoints are read too

    Errors: `DamagedError` for a folder of the ledger that cannot be listed.
    """
    for prefix in (TRIALS, RUNNING, STUDIES):
        if ledger.storage.blocked(prefix):
            return [_finding(ledger, "foreign", prefix, "is no folder")]
    segments = [
        _finding(ledger, "segment", name, f"is damaged or foreign ({error.reason})")
        for name, error in ledger.damaged_segments(thorough=thorough)
    ]
    records = list(_of_studies(ledger))
    evaluations = list(_of_evaluations(ledger))
    others = [*_of_unfinished(ledger, thorough), *evaluations, *_leftovers(ledger), *records]
    return [*segments, *others, *([] if records or evaluations else _orphans(ledger))]


def mend(ledger: Ledger, finding: Finding) -> str:
    """Mend what was found, and return a sentence that says what was done.

    Errors: `DamagedError` if other damage has to be mended before; `StudyFailed` if the ledger cannot be written.
    """
    return _MENDERS[finding.kind](ledger, finding)


def _mend_segment(ledger: Ledger, finding: Finding) -> str:
    kept, target = ledger.set_aside(finding.key)
    return f"{finding} and was set aside as {target}; {len(kept)} of its entries are kept"


def _mend_foreign(ledger: Ledger, finding: Finding) -> str:
    return f"{finding} and was set aside as {ledger.storage.set_aside(finding.key)}"


def _mend_leftover(ledger: Ledger, finding: Finding) -> str:
    ledger.storage.delete_leftover(finding.key)
    return f"{finding} and was deleted"


def _mend_remains(ledger: Ledger, finding: Finding) -> str:
    ledger.unfinished(finding.key.removeprefix(f"{RUNNING}/")).clear()
    return f"{finding} and was deleted"


def _mend_record(ledger: Ledger, finding: Finding) -> str:
    return f"{finding}; gan-study run writes it again"


def _mend_version(ledger: Ledger, finding: Finding) -> str:
    return str(finding)


def _mend_orphan(ledger: Ledger, finding: Finding) -> str:
    return f"{finding} and was set aside as {ledger.set_entry_aside(finding.key)}"


_MENDERS: Mapping[Kind, Callable[[Ledger, Finding], str]] = {
    "segment": _mend_segment,
    "foreign": _mend_foreign,
    "leftover": _mend_leftover,
    "remains": _mend_remains,
    "record": _mend_record,
    "version": _mend_version,
    "orphan": _mend_orphan,
}


def _finding(ledger: Ledger, kind: Kind, key: str, reason: str) -> Finding:
    return Finding(kind=kind, key=key, reason=reason, place=ledger.storage.place(key))


def _of_unfinished(ledger: Ledger, thorough: bool) -> Iterator[Finding]:
    foreign = dict(foreign_in_running(ledger))
    for key, reason in foreign.items():
        yield _finding(ledger, "foreign", key, f"is damaged or foreign ({reason})")
    started = ledger.started()
    finished = ledger.finished(started)
    for key in sorted(started):
        folder, unfinished = f"{RUNNING}/{key}", ledger.unfinished(key)
        if key in finished:
            yield _finding(ledger, "remains", folder, "holds checkpoint and marks of a trial that is finished")
            continue
        readers: dict[str, Callable[[], Any]] = {"end": unfinished.end}
        if thorough:
            readers["checkpoint"] = unfinished.checkpoint
        for name, read in readers.items():
            error = None if f"{folder}/{name}" in foreign else _error(read)
            if error is not None:
                yield _finding(ledger, "foreign", f"{folder}/{name}", _reason(error))


def _leftovers(ledger: Ledger) -> list[Finding]:
    return [
        _finding(ledger, "leftover", path, "is a temporary file of a writer that was killed")
        for prefix in (TRIALS, RUNNING, STUDIES)
        for path in ledger.storage.leftovers(prefix)
    ]


def _of_studies(ledger: Ledger) -> Iterator[Finding]:
    recorded = ledger.studies()
    for name in sorted({*recorded, *ledger.planned_studies()}):
        folder = f"{STUDIES}/{name}"
        if name not in recorded:
            yield _finding(ledger, "record", f"{folder}/study.json", "is missing, while the study has a plan")
        for key, read in ((f"{folder}/study.json", ledger.read_study), (f"{folder}/plan", ledger.read_plan)):
            error = _error(partial(read, name))
            if error is not None:
                kind: Kind = "record" if isinstance(error, DamagedError) else "version"
                yield _finding(ledger, kind, key, _reason(error))


def _of_evaluations(ledger: Ledger) -> Iterator[Finding]:
    """Damaged records of further evaluations; setting one aside loses no trial."""
    for name in ledger.studies():
        for key in ledger.storage.keys(f"{STUDIES}/{name}/evaluations"):
            error = _error(partial(_parsed, ledger, key))
            if error is not None:
                yield _finding(ledger, "foreign", key, _reason(error))


def _parsed(ledger: Ledger, key: str) -> FurtherEvaluation:
    return parse_evaluation(ledger.storage.read(key) or b"", key.rpartition("/")[2], ledger.storage.place(key))


def _error(read: Callable[[], Any]) -> InputError | None:
    try:
        read()
    except InputError as error:
        return error
    return None


def _reason(error: InputError) -> str:
    if isinstance(error, DamagedError):
        return f"is damaged or foreign ({error.reason})"
    return str(error).partition(": ")[2]


def _orphans(ledger: Ledger) -> list[Finding]:
    """Entries that no plan holds; none while a study is running, since its newest trials may not be in its plan yet."""
    studies = ledger.planned_studies()
    if any(ledger.is_running(name) for name in studies):
        return []
    held = set().union(*(keys_of(ledger, name) for name in studies))
    return [
        Finding(kind="orphan", key=key, reason="is a trial that no study holds", place=f"{ledger.root}: {key}")
        for key in sorted(ledger.committed() - held)
    ]
