"""Metrics of MLflow runs, logged in batches and never twice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from studies.progress.summaries import EvaluationSummary
from studies.tracking.run_content import MEASURED, logged_metrics

METRICS_PER_REQUEST = 900
"""Largest number of metrics in one request: MLflow accepts 1000 metrics, params and tags together."""


@dataclass
class Run:
    """Local copy of the state of one MLflow run.

    checksum    of the content that the run was made from; empty until all of it is logged
    values      the latest value of each metric
    steps       steps at which evaluations are logged; None until they are read from the server
    stopped_ms  for an interrupted trial, time at which its last checkpoint was written, in milliseconds since 1970
    """

    run_id: str
    start_ms: int
    status: str
    checksum: str = ""
    values: dict[str, float] = field(default_factory=dict)
    steps: set[int] | None = None
    stopped_ms: int | None = None


class MetricLog:
    """Logs metrics through one MLflow client; `distance` is the metric that decides."""

    def __init__(self, client: Any, distance: str):
        self._client, self._distance = client, distance

    def log_summaries(self, run: Run, summaries: Iterable[EvaluationSummary]) -> None:
        """Log evaluations, except those at steps that the run already has.

        The time of a metric is the run's start plus the seconds of training until its evaluation.
        """
        from mlflow.entities import Metric

        if run.steps is None:
            run.steps = {metric.step for metric in self._client.get_metric_history(run.run_id, MEASURED)}
        batch: list[Any] = []
        steps: set[int] = set()
        for number, summary in enumerate(summaries):
            if summary.step in run.steps:
                continue
            time_ms = run.start_ms + (number if summary.seconds is None else round(1000 * summary.seconds))
            metrics = logged_metrics(summary, self._distance)
            if len(batch) + len(metrics) > METRICS_PER_REQUEST:
                self._log_batch(run, batch, steps)
                batch, steps = [], set()
            batch += [Metric(name, value, time_ms, summary.step) for name, value in metrics.items()]
            steps.add(summary.step)
        self._log_batch(run, batch, steps)

    def _log_batch(self, run: Run, batch: list[Any], steps: set[int]) -> None:
        if batch:
            self._client.log_batch(run.run_id, metrics=batch)
        assert run.steps is not None
        run.steps |= steps

    def log_changed(self, run: Run, values: Mapping[str, float], *, step: int) -> None:
        """Log those values that differ from the latest values of the same metrics in the run."""
        from mlflow.entities import Metric
        from mlflow.utils.time import get_current_time_millis

        now = get_current_time_millis()
        changed = {name: value for name, value in values.items() if run.values.get(name) != value}
        if changed:
            metrics = [Metric(name, value, now, step) for name, value in changed.items()]
            self._client.log_batch(run.run_id, metrics=metrics)
            run.values |= changed
