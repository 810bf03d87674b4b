"""A file on the run of a study that MLflow holds already."""

from pathlib import Path

from studies.results import Results
from studies.tracking.connection import mlflow_module, telling
from studies.tracking.store import definition_of, search


def attach(results: Results, file: Path, folder: str, uri: str | None = None) -> bool:
    """Log a file on the study's run, below `folder`; False where that MLflow has no run of the study.

    Errors: `TrackingError` where the server cannot be reached or refuses.
    """
    with telling(uri):
        mlflow_module()
        from mlflow import MlflowClient

        client, study = MlflowClient(uri), results.study
        experiment = client.get_experiment_by_name(study.name)
        if experiment is None:
            return False
        found = f"tags.kind = 'study' AND tags.definition = '{definition_of(study)}'"
        runs = search(client, experiment.experiment_id, found)
        for run in runs[:1]:
            client.log_artifact(run.info.run_id, str(file), folder)
        return bool(runs)
