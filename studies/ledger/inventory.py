"""Inventory of a ledger: what each study holds, what only it holds, and the removal of a study."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from studies.design import split_of, trial_key
from studies.errors import DamagedError, InputError
from studies.ledger.evaluations import read_evaluations
from studies.ledger.leases import name_of
from studies.ledger.ledger import STUDIES, Ledger
from studies.ledger.unfinished import CONFIGURATIONS_OWN


@dataclass(frozen=True, kw_only=True)
class Holding:
    """Trials and bytes that a study holds of a ledger.

    planned         trials whose configurations are known
    finished        those of them that have an entry
    without_result  trials that ended without a result because of their configuration
    shared          finished trials that other studies hold too
    own_bytes       size of what only this study holds: its folder, and the entries of trials that are not shared
    shared_bytes    size of the entries that other studies hold too
    written         time of the last change of its record, in seconds since 1970
    running         True if a run writes the study at this moment
    limit           sentence about the limit of `[limits]` that ended its last run; empty if none did
    """

    name: str
    planned: int
    finished: int
    without_result: int
    shared: int
    own_bytes: int
    shared_bytes: int
    written: float
    running: bool
    limit: str


def holdings(ledger: Ledger) -> Iterator[Holding]:
    """Holdings of every study of the ledger, sorted by name.

    Errors: `InputError` for a study whose plan is damaged or was written by another version.
    """
    keys = {name: keys_of(ledger, name) for name in ledger.studies()}
    sizes, started = ledger.sizes(), ledger.started()
    for name, own in keys.items():
        others = set().union(*(other for study, other in keys.items() if study != name))
        finished, trials = own & sizes.keys(), {key for key in own if key.count(".") == 1}
        yield Holding(
            name=name,
            planned=len(own & trials),
            finished=len(finished & trials),
            without_result=sum(_ended(ledger, key) for key in (own & trials & started) - finished),
            shared=len(finished & trials & others),
            own_bytes=sum(sizes[key] for key in finished - others) + _folder_bytes(ledger.study_folder(name)),
            shared_bytes=sum(sizes[key] for key in finished & others),
            written=_modified(ledger.study_folder(name) / "study.json"),
            running=ledger.is_running(name),
            limit=ledger.last_limit(name),
        )


def _ended(ledger: Ledger, key: str) -> bool:
    """True if a trial ended without a result because of its configuration."""
    try:
        end = ledger.unfinished(key).end()
    except DamagedError:  # doctor names it
        return False
    return end is not None and end.state in CONFIGURATIONS_OWN


def keys_of(ledger: Ledger, name: str) -> set[str]:
    """Keys of the trials in a study's plan, and of their further entries under the study's further evaluations.

    Errors: as for `Ledger.read_plan` and `read_evaluations`.
    """
    plan, further = ledger.read_plan(name), read_evaluations(ledger, name).values()
    own = {trial_key(trial["address"], trial["evaluation_address"]): split_of(trial["phase"]) for trial in plan}
    return {*own, *(evaluation.key(key, split) for key, split in own.items() for evaluation in further)}


def remove_study(ledger: Ledger, name: str) -> None:
    """Delete a study: its folder, and the entries and unfinished trials that no other study holds.

    Errors: `InputError` if there is no such study, if a run writes it at this moment, or if another study's plan cannot
    be read, so that it is unknown what that study holds.
    """
    if name not in ledger.studies():
        raise InputError(f"{name}: there is no such study in {ledger.root}")
    folder = f"{STUDIES}/{name}"
    with ledger.writing(name) as lease:
        own = keys_of(ledger, name)
        own -= set().union(*(keys_of(ledger, other) for other in ledger.planned_studies() if other != name))
        ledger.remove(own)
        for key in own:
            ledger.unfinished(key).clear()
        # the record last: if this process is killed, the study is still listed and can be removed again
        for key in ledger.storage.keys(folder):
            if key != f"{folder}/study.json" and not key.startswith(f"{folder}/lease/"):
                ledger.storage.delete(key)
        ledger.storage.delete(f"{folder}/study.json")
    ledger.storage.delete(name_of(folder, lease.number))


def _modified(path: Path) -> float:
    try:
        return os.lstat(path).st_mtime
    except OSError:  # it has just been deleted
        return 0.0


def _folder_bytes(folder: Path) -> int:
    paths = (os.path.join(parent, file) for parent, _, files in os.walk(folder) for file in files)
    return sum(os.lstat(path).st_size for path in paths if os.path.lexists(path))
