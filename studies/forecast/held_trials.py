"""The finished trials of a study in a ledger: their results, and those that a changed file trains again."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gan_core.outcomes import OutcomeRules
from studies.design import Provenance, TrialSpec, counts
from studies.file.study import Study, fixed_part
from studies.file.trees import differences
from studies.forecast.simulated_trials import Result
from studies.ledger.ledger import Ledger
from studies.ledger.plans import planned_trials
from studies.tables.member_outcomes import score


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

    trials   their number, those included whose configurations follow from the results of trials that are not finished
    changes  dotted path, old and new value of every difference that some of these trials have; empty if all differ only
             in results that they follow from
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
    new = {trial.name: trial for trial in known}
    kept = {trial.key for trial in new.values()}
    planned = {condition.name: counts(study, condition) for condition in study.conditions}
    again: dict[str, list[TrialSpec]] = defaultdict(list)
    left_out = 0
    for trial in former.values():
        if trial.key not in held or trial.key in kept:
            continue
        if trial.index < planned.get(trial.condition, {}).get(trial.phase, 0):
            again[trial.condition].append(trial)
        else:
            left_out += 1
    return Recorded(
        exists=True,
        refused=tuple(differences(fixed_part(old.table()), fixed_part(study.table()))),
        retrained=tuple(
            Retrained(
                condition=name,
                trials=len(trials),
                changes=_changes((trial, new[trial.name]) for trial in trials if trial.name in new),
            )
            for name, trials in again.items()
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
