"""Numbers of rows that a study adds to the database of an MLflow server."""

from gan_core.evaluation import applicable_metrics
from gan_core.outcomes import OUTCOMES
from gan_core.training.health import HEALTH_METRICS
from studies.design import counts
from studies.file.condition import Condition
from studies.file.real_samples import load_samples
from studies.file.study import Study
from studies.forecast.study_plan import TrackingRows
from studies.tables.member_outcomes import COSTS
from studies.tracking.one_run import is_due
from studies.tracking.run_count import has_one_run

RESULTS = 4
"""Metrics of a trial's result: distance, failure rate, late distance, search score."""
OF_STUDY = 2
"""Metrics of the study's own run: numbers of trials that finished and that ended without a result."""
PER_METRIC = 3
"""Rows of a metric at one evaluation: median and two quartiles."""
OF_CONDITION = 3
"""Metrics of each condition in the run of a study that holds all trials."""
KINDS = 2
"""Params that every trial's run has: kinds of objective and of constraint."""


def tracking_rows(study: Study) -> TrackingRows:
    """Largest numbers of runs, of rows of metrics and of params of a study, all of whose trials are recorded."""
    trials = {condition.name: sum(counts(study, condition).values()) for condition in study.conditions}
    total = sum(trials.values())
    if has_one_run(study):
        logged, at = 0, 0
        for ended in range(1, total + 1):
            if is_due(ended, at):
                logged, at = logged + 1, ended
        ranks = len(study.conditions) if study.search.confirm.best else 0
        return TrackingRows(
            runs=1, metric_rows=OF_STUDY + ranks + OF_CONDITION * len(study.conditions) * logged, params=0
        )
    return TrackingRows(
        runs=1 + total,
        metric_rows=OF_STUDY
        + sum(
            trials[condition.name] * _trial_rows(study, condition) + counts(study, condition)["confirm"]
            for condition in study.conditions
        ),
        params=sum(trials[condition.name] * (KINDS + len(condition.hyperparameters)) for condition in study.conditions),
    )


def _trial_rows(study: Study, condition: Condition) -> int:
    """Rows of metrics of a trial's run, if every metric has a value at every evaluation."""
    setting, data = next(condition.extreme_settings(), None), load_samples(study.data)
    metrics = list(applicable_metrics(study.evaluation, data, conditional=condition.classes > 0).values())
    at_last = [m for m in metrics if m.costly and study.evaluation.exact == "last" and m.name != study.distance]
    generators = 2 if setting is not None and setting.training.generator_average else 1
    of_training = 0  # of a user's loop, whose losses and critics are unknown
    if setting is not None:  # one is the Dirac pair's
        of_training = len(HEALTH_METRICS) - data.varies + len(setting.objective.described_metrics)
    evaluations = study.evaluation.measurements + 1
    at_every = of_training + generators * (len(metrics) - len(at_last))
    rows = evaluations * (1 + PER_METRIC * at_every) + PER_METRIC * generators * len(at_last)
    return rows + RESULTS + len(COSTS) + len(OUTCOMES)
