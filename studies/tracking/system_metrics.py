"""System metrics of MLflow: use of processor, memory, disk, network and GPU by the machine that records a study."""

import logging
import os
from typing import Any

from studies.tracking.connection import default_address

ENABLED = "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"
"""MLflow's own environment variable, `true` or `1`. MLflow itself reads it only when it starts a run of its own."""


class SystemMetrics:
    """Logs the use of this machine to one run while the run is open, in a thread of MLflow's.

    They belong to a study's own run: a trial trains beside others, and with several nodes on another machine. MLflow's
    variables MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL (seconds, by default 10) and
    MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING are read.

    run_id  identifier of the run
    uri     address of the MLflow store
    """

    def __init__(self, run_id: str, uri: str | None):
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        # a server that is down ends the thread; the tracker warns about it
        logging.getLogger("mlflow.system_metrics").setLevel(logging.CRITICAL)
        self._monitor: Any = SystemMetricsMonitor(run_id, resume_logging=True, tracking_uri=uri or default_address())
        self._monitor.start()

    def stop(self) -> None:
        """End the thread after a last request, if the server answers."""
        self._monitor.finish()


def wanted() -> bool:
    """True if the user wants system metrics."""
    return os.environ.get(ENABLED, "").lower() in ("true", "1")
