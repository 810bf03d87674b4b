"""A study as the ledger has it from its last run, and the finished trials that its changed file uses no longer."""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from studies.design import FINGERPRINTS, Provenance, TrialSpec, counts
from studies.file.messages import count_noun, format_value
from studies.file.study import Study, fixed_part
from studies.file.trees import differences
from studies.ledger.ledger import Ledger
from studies.ledger.plans import planned_trials

MOST_CHANGES = 3
"""Largest number of changed fields that a sentence names."""


def _change_in_words(path: str, old: object, new: object) -> str:
    """A change, as in "budget.steps was 8 and is 12"; the fingerprints of data say nothing to a reader."""
    if path.endswith(FINGERPRINTS):
        return "the data have changed"
    return f"{path} was {format_value(old)} and is {format_value(new)}"


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

    @property
    def data_alone(self) -> bool:
        """True if nothing but the data differs, of which a run warns by itself, or nothing at all."""
        return all(path.endswith(FINGERPRINTS) for path, _, _ in self.changes)

    @property
    def changes_in_words(self) -> str:
        """The changes, as in "networks.critic.width was 8 and is 12"."""
        listed = list(dict.fromkeys(_change_in_words(*change) for change in self.changes))
        more = f", and {count_noun(len(listed) - MOST_CHANGES, 'more change')}" if len(listed) > MOST_CHANGES else ""
        return f"{', '.join(listed[:MOST_CHANGES])}{more}"


@dataclass(frozen=True, kw_only=True)
class FileChanges:
    """Consequences of the changes of a study file since the study of its name was last run.

    exists      True if the ledger has a study of this name
    refused     dotted path, old and new value of the changes for which a run needs another name
    retrained   finished trials that are trained again, by condition
    left_out    number of finished trials that leave the study's tables, as those of conditions that the file lacks
    """

    exists: bool = False
    refused: tuple[tuple[str, object, object], ...] = ()
    retrained: tuple[Retrained, ...] = ()
    left_out: int = 0

    def sentences(self) -> Iterator[str]:
        """Sentences of a run on the finished trials that its tables have no longer."""
        for again in self.retrained:
            if not again.data_alone:
                trials = count_noun(again.trials, "finished trial")
                leave = "leaves" if again.trials == 1 else "leave"
                yield (
                    f"{again.condition}: {trials} of the former file {leave} the study's tables and others are "
                    f"trained, since {again.changes_in_words}; a run of the former file finds them again"
                )
        if self.left_out:
            trials = count_noun(self.left_out, "finished trial")
            leave = "leaves" if self.left_out == 1 else "leave"
            yield (
                f"{trials} {leave} the study's tables, since the file has their conditions, or so many trials, no "
                "longer; the ledger keeps them"
            )


@dataclass(frozen=True, kw_only=True)
class FormerStudy:
    """A study as it was last run, with the trials of its plan."""

    study: Study
    trials: tuple[TrialSpec, ...]

    @classmethod
    def read(cls, ledger: Ledger, name: str) -> "FormerStudy | None":
        """The study of this name in a ledger; None if there is none. Nothing is written.

        Errors: `DamagedError` for a damaged record or plan; `InputError` for one of another version.
        """
        record = ledger.read_study(name) if ledger.root.is_dir() else None
        if record is None:
            return None
        provenance = Provenance.from_table(record["provenance"])
        study = Study.from_record(record["study"], provenance.sources)
        trials = planned_trials(ledger.read_plan(name), study, provenance, str(ledger.study_folder(name)))
        return cls(study=study, trials=tuple(trials))

    def changes(self, study: Study, finished: Container[str], known: Iterable[TrialSpec]) -> FileChanges:
        """The consequences of the changes to the file of `study`.

        finished  keys of the finished trials of the ledger
        known     trials of the file whose configurations are known
        """
        new = {trial.name: trial for trial in known}
        kept = {trial.key for trial in new.values()}
        planned = {condition.name: counts(study, condition) for condition in study.conditions}
        again: dict[str, list[TrialSpec]] = defaultdict(list)
        left_out = 0
        for trial in self.trials:
            if trial.key not in finished or trial.key in kept:
                continue
            if trial.index < planned.get(trial.condition, {}).get(trial.phase, 0):
                again[trial.condition].append(trial)
            else:
                left_out += 1
        return FileChanges(
            exists=True,
            refused=tuple(differences(fixed_part(self.study.table()), fixed_part(study.table()))),
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
