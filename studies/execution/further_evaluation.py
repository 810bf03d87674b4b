"""Further evaluations of a study's finished trials, from the generators that they kept; no generator is trained."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from gan_core.data import Dataset
from gan_core.evaluation import EvaluationSettings, Evaluator, applicable_metrics
from gan_core.features import features_hash
from gan_core.networks import Networks
from studies.design import PHASES, Phase, Provenance
from studies.errors import InputError
from studies.execution.pack_training import evaluation_facts
from studies.file.checks import check_evaluation, check_samples, resolved_evaluation
from studies.file.compared_features import addressed_evaluation
from studies.file.condition import LOOP
from studies.file.modules import module_names, modules_in, require_sources, sources
from studies.file.recorded import metric_tables
from studies.file.source import override
from studies.file.validation import build, choose, plain
from studies.ledger.curves import Curves
from studies.ledger.entries import Entry, GeneratorSnapshots, to_row
from studies.ledger.evaluations import FurtherEvaluation, write_evaluation
from studies.ledger.ledger import Ledger
from studies.ledger.segments import Row
from studies.ledger.trial_records import TrialRecord
from studies.tables.results import Results

TRIALS_PER_COMMIT = 24
"""Number of trials whose further entries share a segment."""


def evaluate_again(
    results: Results,
    ledger: Ledger,
    settings: EvaluationSettings,
    *,
    phases: Sequence[Phase],
    module_sources: Mapping[str, str],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> FurtherEvaluation:
    """Evaluate the finished trials of a study again, and write the values into its ledger.

    settings  settings of the evaluation; its `measurements` must be the study's
    phases    phases whose trials are evaluated
    module_sources  hash of the source of each user's module that the settings name, by module name
    progress  called with the number of trials that were evaluated and of all that are to be

    Trials that have the evaluation already are not evaluated again, and those that a user's loop trained are left out,
    since their generators are not kept.

    Errors: `InputError` for a study whose conditions all have a loop of their own, for another number of
    measurements, for changed samples or modules, and for a trial on another networks' class; `StudyFailed` if the
    ledger cannot be written.
    """
    own = results.study.evaluation
    if settings.measurements != own.measurements:
        raise InputError(
            f"evaluation.measurements: must be {own.measurements} as in the study, at whose evaluations the generators "
            f"were kept, but is {settings.measurements}"
        )
    if all(condition.own_loop for condition in results.study.conditions):
        raise InputError(
            f"{results.study.name}: cannot be evaluated again, since each of its conditions has a loop of its own, "
            "whose generators are not kept"
        )
    evaluation = _described(results, settings, module_sources)
    with ledger.writing(results.study.name):
        trials = [
            trial
            for trial in results.trial_records
            if trial.finished and trial.spec.phase in phases and LOOP not in trial.spec.identity
        ]
        done = ledger.finished(evaluation.key_of(trial.spec) for trial in trials)
        pending = [trial for trial in trials if evaluation.key_of(trial.spec) not in done]
        evaluators = _Evaluators(results.data, settings)
        write_evaluation(ledger, results.study.name, evaluation)
        for first in range(0, len(pending), TRIALS_PER_COMMIT):
            progress(first, len(pending))
            block = pending[first : first + TRIALS_PER_COMMIT]
            ledger.commit([_row(trial, evaluation, evaluators) for trial in block])
        progress(len(pending), len(pending))
    return evaluation


def _described(results: Results, settings: EvaluationSettings, module_sources: Mapping[str, str]) -> FurtherEvaluation:
    table = addressed_evaluation(plain(settings))
    provenance = Provenance(
        data_fingerprint=results.data.fingerprint,
        labels_fingerprint=results.data.labels_fingerprint,
        torch_version=torch.__version__.split("+")[0],
        device="cpu",
        sources=module_sources,
        features=features_hash(settings.features, results.data),
    )
    if provenance.data_fingerprint != results.provenance.data_fingerprint:
        raise InputError("data: must be the samples that the study was run with, but others are loaded here")
    conditional = any(condition.classes for condition in results.study.conditions)
    names = sorted(
        applicable_metrics(settings, results.data, conditional=conditional)
    )  # a new metric of the library is another evaluation
    return FurtherEvaluation(
        settings=table,
        provenance={**provenance.of_evaluation(table), "metrics": names},
        metrics=metric_tables(settings),
    )


OF_OWN_EVALUATION = ("snapshots", "checksums", "measured_seconds")
"""Facts of a trial's own entry that describe its columns and its evaluations."""


def changed_settings(results: Results, assignments: Sequence[str]) -> tuple[EvaluationSettings, dict[str, str]]:
    """Settings of a study's evaluation with assignments `evaluation.KEY=VALUE` applied, and their modules' sources.

    Modules of a user's metrics are looked up in the working folder. The source hashes are by module name.

    Errors: `InputError` for an assignment to something else, and for a value that is not valid for the study.
    """
    for assignment in assignments:
        if not assignment.startswith("evaluation."):
            raise InputError(f"--set: must change a key of [evaluation], as in evaluation.neighbours=10: {assignment}")
    study = results.study
    table = override({"evaluation": study.table()["evaluation"]}, assignments)["evaluation"]
    with modules_in(Path()):
        settings: EvaluationSettings = build(EvaluationSettings, table, ("evaluation",))
        check_samples(study.data, settings)
        settings = resolved_evaluation(settings, study.data)
        check_evaluation(settings, (), study.data)
        try:
            conditional = any(condition.classes for condition in study.conditions)
            metrics = applicable_metrics(settings, results.data, conditional=conditional)
        except ValueError as error:
            raise InputError(f"evaluation.{error}") from None
        if not metrics:
            raise InputError(f"{study.name}: has no metrics of samples on its data, so nothing can be evaluated again")
        return settings, sources(table)


def phases_named(names: Sequence[str]) -> tuple[Phase, ...]:
    """The phases with these names, all phases if there are none.

    Errors: `InputError` for a word that is no phase.
    """
    for name in names:
        choose(name, PHASES, ("--phase",))
    return tuple(phase for phase in PHASES if phase in names or not names)


class _Evaluators:
    """Evaluators of the generators of a study, one for each description of a generator, split and type."""

    def __init__(self, data: Dataset, settings: EvaluationSettings):
        self._data, self._settings = data, settings
        self._made: dict[tuple[str, str, str], tuple[Evaluator, Networks]] = {}

    def of(self, trial: TrialRecord) -> tuple[Evaluator, Networks]:
        """The evaluator of a trial's generators, and the trial's networks."""
        table, split = trial.spec.identity["networks"], trial.spec.evaluation["split"]
        dtype = trial.spec.identity["training"]["dtype"]
        key = json.dumps(table, sort_keys=True), split, dtype
        if key not in self._made:
            known, used = trial.spec.identity["provenance"].get("sources", {}), module_names(table)
            require_sources({name: source for name, source in known.items() if name in used})
            networks: Networks = build(Networks, table, ("networks",))
            evaluator = Evaluator(networks.generator, self._data, settings=self._settings, split=split, dtype=dtype)
            self._made[key] = evaluator, networks
        return self._made[key]


def _row(trial: TrialRecord, evaluation: FurtherEvaluation, evaluators: _Evaluators) -> Row:
    """The row of a trial's further entry."""
    entry = trial.entry
    assert entry is not None
    evaluator, networks = evaluators.of(trial)
    generators = entry.generators()
    measured = list(_values(evaluator, entry, generators, trial.spec.identity["training"]["dtype"]))
    facts = {
        **{name: value for name, value in entry.facts.items() if name not in OF_OWN_EVALUATION},
        **evaluation_facts(evaluator, networks),
        "evaluation": evaluation.on(trial.spec.evaluation["split"]),
        "evaluation_address": evaluation.key_of(trial.spec).rpartition(".")[2],
        "own_evaluation_address": trial.spec.evaluation_address,
    }
    seeds = entry.curves.seeds.tolist()
    nothing = GeneratorSnapshots((), {}, np.empty((0, 1, len(seeds), 0), dtype=np.float32))
    curves = Curves.from_evaluations(seeds, list(generators.steps), measured)
    return to_row(facts, curves, generators=nothing, samples={}, log=[])


def _values(
    evaluator: Evaluator, entry: Entry, generators: GeneratorSnapshots, dtype: str
) -> Iterator[dict[str, list[float]]]:
    """The metrics of every member at each snapshot, by name."""
    for snapshot, step in enumerate(generators.steps):
        versions = [_typed(generators.parameters(snapshot), dtype)]
        if generators.averaged:
            versions.append(_typed(generators.parameters(snapshot, average=True), dtype))
        values = evaluator.evaluate(
            versions[0],
            last=step == int(entry.curves.steps[-1]),
            average=versions[1] if generators.averaged else None,
        )
        yield {name: value.tolist() for name, value in values.items()}


def _typed(parameters: dict[str, torch.Tensor], dtype: str) -> dict[str, torch.Tensor]:
    return {name: value.to(getattr(torch, dtype)) for name, value in parameters.items()}
