"""Sentences about conditions that were stopped because their trials kept ending without a result."""

from collections.abc import Iterator

from studies.design import TrialSpec, counts
from studies.file.messages import count_noun
from studies.file.study import Study
from studies.numbers import format_setting
from studies.progress.failures_in_a_row import stopped_conditions
from studies.reporting.text.without_result import end_in_words
from studies.tables.results import Results


def stopped_in_words(results: Results) -> Iterator[str]:
    """A sentence for each condition that `limits.condition_failures` has stopped before all its trials had ended."""
    study, records = results.study, results.trial_records
    most = study.limits.condition_failures
    for name, last in stopped_conditions(records, most).items():
        ended = sum(trial.spec.condition == name and (trial.finished or trial.end is not None) for trial in records)
        left = sum(counts(study, study.condition(name)).values()) - ended
        if left > 0 and last.end is not None:
            yield (
                f"{name} was stopped: {count_noun(most, 'trial')} in a row ended without a result, the last with "
                f"{end_in_words(last.end)}. {count_noun(left, 'trial')} of it {'was' if left == 1 else 'were'} not "
                "started (limits.condition_failures); the next run tries again."
            )


def setting_in_words(study: Study, spec: TrialSpec) -> str:
    """Values of the searched hyperparameters after a label, as in " (clip_value = 0.1)"; empty if there are none."""
    names = study.short_names
    values = [f"{names[path]} = {format_setting(value)}" for path, value in spec.configuration.items()]
    return f" ({', '.join(values)})" if values else ""
