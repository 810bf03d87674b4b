"""Conditions that were stopped because their trials kept ending without a result."""

from collections.abc import Iterator
from dataclasses import dataclass

from studies.design import counts
from studies.ledger.unfinished import TrialEnd
from studies.progress.failures_in_a_row import stopped_conditions
from studies.reporting.text.finding import Finding
from studies.tables.results import Results


@dataclass(frozen=True, kw_only=True)
class StoppedCondition(Finding):
    """`limits.condition_failures` stopped a condition: failures in a row, the end of the last, trials not started."""

    condition: str
    failures: int
    last: TrialEnd
    left: int


def stopped(results: Results) -> Iterator[StoppedCondition]:
    """The conditions that `limits.condition_failures` has stopped before all their trials had ended."""
    study, records = results.study, results.trial_records
    most = study.limits.condition_failures
    for name, last in stopped_conditions(records, most).items():
        ended = sum(trial.spec.condition == name and (trial.finished or trial.end is not None) for trial in records)
        left = sum(counts(study, study.condition(name)).values()) - ended
        if most is not None and left > 0 and last.end is not None:
            yield StoppedCondition(condition=name, failures=most, last=last.end, left=left)
