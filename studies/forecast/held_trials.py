"""What a ledger has of a study: results of finished trials, and trials that a changed file trains again."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from gan_core.outcomes import OutcomeRules
from studies.design import Provenance, TrialSpec
from studies.file.study import Study, fixed_part
from studies.file.trees import differences
from studies.ledger.ledger import Ledger
from studies.ledger.plans import planned_trials
from studies.tables.member_outcomes import score


@dataclass(frozen=True)
class Result:
    """What further trials depend on: search score, share of failed members, late distances of the members."""

    score: float
    failure_rate: float
    distances: np.ndarray


class HeldTrials:
    """Results of the finished trials of a ledger, which is only read; none if it does not exist."""

    def __init__(self, ledger: Ledger, rules: OutcomeRules):
        self._ledger, self._rules = ledger, rules
        self._committed = ledger.committed() if ledger.root.is_dir() else set[str]()
        self._read: dict[str, Result] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._committed

    def results(self, keys: Iterable[str]) -> dict[str, Result]:
        """The results of those of the keys that have an entry.

        Errors: `DamagedError` for a damaged entry.
        """
        wanted = self._committed.intersection(keys)
        for key, entry in self._ledger.entries(wanted - set(self._read)).items():
            self._read[key] = Result(*score(entry, self._rules))
        return {key: self._read[key] for key in wanted if key in self._read}


@dataclass(frozen=True, kw_only=True)
class Retrained:
    """Finished trials of a condition that the file trains again, since what they train or measure has changed.

    changes  dotted path, old and new value of every difference that some of these trials have
    """

    condition: str
    trials: int
    changes: tuple[tuple[str, object, object], ...]


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The study of this name in the ledger, compared with the file.

    exists      True if there is one
    refused     dotted path, old and new value of the changes for which a run needs another name
    retrained   finished trials that are trained again, by condition
    left_out    number of finished trials that leave the study's tables, as those of conditions that the file lacks
    """

    exists: bool = False
    refused: tuple[tuple[str, object, object], ...] = ()
    retrained: tuple[Retrained, ...] = ()
    left_out: int = 0


def recorded(study: Study, ledger: Ledger, held: HeldTrials, known: Iterable[TrialSpec]) -> Recorded:
    """Compare the file with the study of this name in the ledger; nothing is written.

    known  trials of the file whose configurations are known

    Errors: `DamagedError` for a damaged record or plan.
    """
    record = ledger.read_study(study.name) if ledger.root.is_dir() else None
    if record is None:
        return Recorded()
    provenance = Provenance.from_table(record["provenance"])
    old = Study.from_record(record["study"], provenance.sources)
    place = str(ledger.study_folder(study.name))
    former = {trial.name: trial for trial in planned_trials(ledger.read_plan(study.name), old, provenance, place)}
    finished = {name: trial for name, trial in former.items() if trial.key in held}
    new = {trial.name: trial for trial in known}
    again: dict[str, list[tuple[TrialSpec, TrialSpec]]] = {}
    for name, trial in finished.items():
        if name in new and new[name].key not in held:
            again.setdefault(trial.condition, []).append((trial, new[name]))
    used = {trial.key for trial in new.values()}
    left_out = sum(trial.key not in used for name, trial in finished.items() if name not in new)
    return Recorded(
        exists=True,
        refused=tuple(differences(fixed_part(old.table()), fixed_part(study.table()))),
        retrained=tuple(
            Retrained(condition=name, trials=len(pairs), changes=_changes(pairs)) for name, pairs in again.items()
        ),
        left_out=left_out,
    )


def _changes(pairs: Iterable[tuple[TrialSpec, TrialSpec]]) -> tuple[tuple[str, object, object], ...]:
    """Every difference of two trials of one name, once for each path."""
    found: dict[str, tuple[str, object, object]] = {}
    for old, new in pairs:
        for path, before, after in _differences(old, new):
            found.setdefault(path, (path, before, after))
    return tuple(found.values())


def _differences(old: TrialSpec, new: TrialSpec) -> Iterator[tuple[str, object, object]]:
    yield from differences(old.identity, new.identity)
    for path, before, after in differences(old.evaluation, new.evaluation):
        yield f"evaluation.{path}", before, after
