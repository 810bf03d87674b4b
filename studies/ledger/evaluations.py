"""Further evaluations of a study: other metrics or settings, computed from the generators that its trials kept.

The study's own evaluation steers its search and stays as it is; a further evaluation is read beside it.

    studies/NAME/evaluations/ID.json   sealed record of its settings and versions
    trials/CHECKSUM.parquet            an entry for each trial that was evaluated, under the key `FurtherEvaluation.key`
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from studies.design import TrialSpec, evaluation_address
from studies.errors import DamagedError, InputError
from studies.file.compared_features import addressed_evaluation
from studies.file.messages import format_value
from studies.file.trees import differences
from studies.ledger.curves import Curves
from studies.ledger.entries import Entry
from studies.ledger.ledger import STUDIES, Ledger
from studies.ledger.sealed import seal, unseal
from studies.ledger.trial_records import TrialRecord

_AVERAGE = "_of_average"


@dataclass(frozen=True, kw_only=True)
class FurtherEvaluation:
    """A further evaluation of a study.

    settings    resolved table `[evaluation]`
    provenance  versions and hashes that also determine the values (`Provenance.of_evaluation`), and the metrics' names
    metrics     descriptions of the users' metrics (`studies.file.recorded.metric_tables`)
    """

    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]] = ()

    @property
    def id(self) -> str:
        """Hash of settings and provenance, by which users name the evaluation."""
        return evaluation_address({"settings": self.settings, "provenance": self.provenance})

    def changes(self, own: Mapping[str, Any]) -> str:
        """Settings that differ from the study's own table `[evaluation]`, as in "neighbours = 10 (own: 5)"."""
        changed = differences(addressed_evaluation(own), self.settings)
        texts = [f"{path} = {format_value(new)} (own: {format_value(old)})" for path, old, new in changed]
        return ", ".join(texts) or "no setting differs from the study's own evaluation"

    def record(self) -> bytes:
        """The content of the evaluation's record."""
        content = {"settings": dict(self.settings), "provenance": dict(self.provenance), "metrics": list(self.metrics)}
        return seal(content)

    def on(self, split: str) -> dict[str, Any]:
        """Everything that determines the metrics of a trial that is measured on a split; hashed to their address."""
        return {"split": split, "settings": self.settings, "provenance": self.provenance}

    def key(self, trial_key: str, split: str) -> str:
        """Key of the further entry of a trial that is measured on a split, from the key of its own entry."""
        return f"{trial_key}.{evaluation_address(self.on(split))}"

    def key_of(self, trial: TrialSpec) -> str:
        """Key of the further entry of a trial."""
        return self.key(trial.key, trial.evaluation["split"])


def write_evaluation(ledger: Ledger, study: str, evaluation: FurtherEvaluation) -> None:
    """Record a further evaluation of a study."""
    ledger.storage.replace(f"{STUDIES}/{study}/evaluations/{evaluation.id}.json", evaluation.record())


def read_evaluations(ledger: Ledger, study: str) -> dict[str, FurtherEvaluation]:
    """The further evaluations of a study by their identifiers.

    Errors: `DamagedError` for a damaged record.
    """
    evaluations = {}
    for key in ledger.storage.keys(f"{STUDIES}/{study}/evaluations"):
        content, place = ledger.storage.read(key), ledger.storage.place(key)
        if content is None:  # it was deleted in the meantime
            continue
        evaluation = parse_evaluation(content, key.rpartition("/")[2], place)
        evaluations[evaluation.id] = evaluation
    return evaluations


def parse_evaluation(content: bytes, file: str, place: str) -> FurtherEvaluation:
    """The further evaluation in a record; `file` is the name of the record's file.

    Errors: `DamagedError` for a damaged record, and for one under another name.
    """
    record = unseal(content, place)
    evaluation = FurtherEvaluation(
        settings=record.get("settings", {}),
        provenance=record.get("provenance", {}),
        metrics=record.get("metrics", ()),
    )
    if file != f"{evaluation.id}.json":
        raise DamagedError(place, "its name is not the identifier of the evaluation that it holds")
    return evaluation


def chosen_evaluation(ledger: Ledger, study: str, name: str) -> FurtherEvaluation:
    """The further evaluation whose identifier begins with `name`.

    Errors: `InputError` with the known identifiers unless there is exactly one.
    """
    known = read_evaluations(ledger, study)
    matching = [identifier for identifier in known if name and identifier.startswith(name)]
    if len(matching) == 1:
        return known[matching[0]]
    listed = f"{study} has {', '.join(sorted(known))}" if known else f"{study} has none; gan-study evaluate makes one"
    raise InputError(f"evaluation: must be the identifier of a further evaluation, but is {name!r}; {listed}")


def with_evaluation(trial: TrialRecord, further: Entry) -> TrialRecord:
    """The record of a finished trial whose sample metrics and reference values are those of a further evaluation.

    Metrics of the training (losses, slopes, gradient norms) are those of the study's own evaluation. At evaluations
    without kept generators the sample metrics count as not measured.
    """
    own = trial.entry
    assert own is not None
    facts = {**own.facts, **{name: further.facts[name] for name in _EVALUATED}}
    facts["features"] = further.facts.get("features", {})  # earlier versions had pixels alone
    entry = replace(own, facts=facts, curves=_combined(own, further), place=further.place)
    return replace(trial, entry=entry, steering=own)


_EVALUATED = (
    "evaluation",
    "evaluation_address",
    "distance",
    "highest",
    "reference_distances",
    "real_cells",
    "known_modes",
    "real_values",
    "gaussian_values",
)
"""Facts that an evaluation determines."""


def _combined(own: Entry, further: Entry) -> Curves:
    sampled = set(own.facts["real_values"]) | set(further.facts["real_values"])
    of_training = [name for name in own.curves.metrics if name.removesuffix(_AVERAGE) not in sampled]
    metrics = tuple(sorted({*of_training, *further.curves.metrics}))
    steps, seeds = own.curves.steps, own.curves.seeds
    values = np.full((len(metrics), len(seeds), len(steps)), np.nan)
    measured = np.zeros((len(metrics), len(steps)), dtype=bool)
    for source, names in ((own.curves, of_training), (further.curves, further.curves.metrics)):
        positions = np.searchsorted(steps, source.steps)
        for name in names:
            row, found = metrics.index(name), source.metrics.index(name)
            values[row][:, positions] = source.values[found]
            measured[row, positions] = source.measured[found]
    return Curves(metrics, seeds, steps, values, measured)
