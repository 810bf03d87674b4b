"""Content of a trial's MLflow run: names, numbers and tags, without a call to MLflow."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Literal

import pandas as pd

from gan_core.metrics import AVERAGE, METRICS
from gan_core.outcomes import OUTCOMES, MemberOutcomes
from studies.design import TrialSpec
from studies.execution.environment import package_version
from studies.file.condition import LOOP
from studies.file.study import Study
from studies.ledger.trial_records import TrialRecord
from studies.ledger.unfinished import TrialEnd
from studies.numbers import value_text
from studies.progress.summaries import EvaluationSummary, trial_summaries
from studies.tables.member_outcomes import COSTS, classify_members, member_columns, outcome_counts, trial_results
from studies.tracking.notes import note_without_result, trial_note
from studies.tracking.run_search import KEY_TAG

EXPORT_VERSION = 6
"""Increased by hand with every change of the content of runs: `sync` then replaces runs of an older version."""

TRIAL_FILE, ENTRY_FOLDER = "trial.json", "entry"
"""Artifacts of a trial's run: its specification and state, and a folder with its entry as a segment of one row."""
Quartile = Literal["", "q25_", "q75_"]
"""Beginning of the name of the median, the lower and the upper quartile."""
MEASURED = "outcomes/measured"
"""Metric: number of members with a finite distance. Its steps are those of all logged evaluations."""

CHECKSUM_TAG = "mlflow.gan_studies.checksum"
"""Tag of a complete run: `content_checksum` of a trial's run, `study_checksum` of the run of a finished study. MLflow's
pages hide tags that begin with `mlflow.`"""


@dataclass(frozen=True)
class RunContent:
    """The content of the MLflow run of a trial that ended.

    summaries  one per evaluation, logged as curves
    values     metrics with a single value
    members    a row per member
    seconds    duration of the training
    """

    tags: Mapping[str, str]
    summaries: Sequence[EvaluationSummary]
    values: Mapping[str, float]
    members: pd.DataFrame
    seconds: float


def metric_name(name: str, distance: str, quartile: Quartile = "") -> str:
    """Name of the median of a metric in MLflow, or of a quartile; `distance` is the metric that decides.

    MLflow's charts are grouped into sections by the part before the slash. Sections are in alphabetical order and only
    the first one is open: `distance`. The quartile comes first after it, since a column of MLflow's table of runs shows
    some 14 characters of a name, and a chart's title some 28.
    """
    own_name = name.removesuffix(AVERAGE)
    metric = METRICS.get(own_name)  # None for a metric of a user's class
    section = "distance" if own_name == distance else "own" if metric is None else metric.section
    return f"{section}/{quartile}{name}"


def logged_metrics(summary: EvaluationSummary, distance: str) -> dict[str, float]:
    """The metrics of one evaluation by their names in MLflow, the metric `distance` first.

    MLflow's page that compares runs opens with the first metric that all of them have.
    """
    metrics: dict[str, float] = {}
    for name, (low, middle, high) in summary.quartiles.items():
        metrics[metric_name(name, distance)] = middle
        metrics |= {metric_name(name, distance, "q25_"): low, metric_name(name, distance, "q75_"): high}
        if name == distance:
            metrics[MEASURED] = float(summary.finite)
    return metrics if MEASURED in metrics else {MEASURED: float(summary.finite), **metrics}


def run_content(study: Study, trial: TrialRecord) -> RunContent:
    """Content of the run of a trial that ended, with or without a result."""
    if trial.end is not None:
        return _without_result(study, trial.spec, trial.end)
    spec, facts, curves = trial.spec, trial.facts, trial.curves
    members = classify_members([(facts, curves)], study.outcomes)
    results = trial_results([facts], members).items()
    result = {name: float(value) for name, (value,) in results if value is not None}
    counts = outcome_counts(members)
    logged = {f"spent/{name}" if name in COSTS else name: value for name, value in result.items()}
    values = {name: value for name, value in logged.items() if math.isfinite(value)}
    values |= {f"outcomes/{outcome}": float(counts[outcome]) for outcome in OUTCOMES}
    outcome = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    return RunContent(
        tags=tags(study, spec) | {"outcome": outcome, "mlflow.note.content": trial_note(study, spec, members, result)},
        summaries=trial_summaries(facts, curves),
        values=values,
        members=members_table(spec, members),
        seconds=facts["elapsed_seconds"],
    )


def _without_result(study: Study, spec: TrialSpec, end: TrialEnd) -> RunContent:
    return RunContent(
        tags=tags(study, spec)
        | {"outcome": end.state.replace("_", " "), "mlflow.note.content": note_without_result(study, spec, end)},
        summaries=[],
        values={},
        members=pd.DataFrame(),
        seconds=0.0,
    )


def content_checksum(study: Study, trial: TrialRecord) -> str:
    """Hash of everything that the content of a trial's run is computed from; it begins with `spec_checksum`."""
    source = trial.facts["checksums"] if trial.end is None else asdict(trial.end)
    return spec_checksum(study, trial.spec) + _hash(source)


def spec_checksum(study: Study, spec: TrialSpec) -> str:
    """Hash of what the content of a trial's run is computed from besides the trial's entry.

    It includes the short names of hyperparameters, since adding a condition to the study may change them.
    """
    return _hash([EXPORT_VERSION, asdict(study.outcomes), spec.name, spec.key, sorted(params(study, spec))])


def study_checksum(study: Study, record: Mapping[str, Any], trials: Sequence[TrialRecord]) -> str:
    """Hash of everything that a finished study's own run in MLflow is written from.

    A run that was written with the same hash has nothing to be written again.

    record  the study's record in the ledger
    trials  all of its trials, which have ended
    """
    return _hash([package_version("gan-studies"), record, [content_checksum(study, trial) for trial in trials]])


def _hash(content: object) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def params(study: Study, spec: TrialSpec) -> dict[str, str]:
    """Params of a trial's run: kinds of objective and constraint, or of the loop, and hyperparameters by short name."""
    parts = (LOOP,) if LOOP in spec.identity else ("objective", "constraint")
    kinds = {part: spec.identity[part]["kind"] for part in parts}
    return kinds | {study.short_names[path]: value_text(value) for path, value in spec.configuration.items()}


def tags(study: Study, spec: TrialSpec) -> dict[str, str]:
    """Tags by which a trial's run can be searched for, in the order in which MLflow's search box suggests them."""
    return {
        "condition": spec.condition,
        "phase": spec.phase,
        "trial": str(spec.index),
        "seeds": ", ".join(str(seed) for seed in spec.seeds),
        "study": study.name,
        "kind": "trial",
        "address": spec.address,
        KEY_TAG: spec.key,
    }


def members_table(spec: TrialSpec, members: MemberOutcomes) -> pd.DataFrame:
    """A row per member of one trial."""
    keys = {"condition": spec.condition, "phase": spec.phase, "trial": spec.index}
    return pd.DataFrame({**keys, "seed": spec.seeds, **member_columns(members)})
