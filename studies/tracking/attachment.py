"""Files as artifacts of a study's run in MLflow."""

from pathlib import Path

from studies.tables.results import Results
from studies.tracking.connection import client_of, requests_to
from studies.tracking.run_search import search, study_filter


def attach(results: Results, file: Path, folder: str, uri: str | None = None) -> bool:
    """Upload a file to `folder` among the artifacts of the study's run; return False if MLflow has no run of the study.

    Errors: `TrackingError` if the server cannot be reached or refuses.
    """
    with requests_to(uri):
        client, study = client_of(uri), results.study
        experiment = client.get_experiment_by_name(study.name)
        if experiment is None:
            return False
        runs = search(client, experiment.experiment_id, study_filter(study))
        for run in runs[:1]:
            client.log_artifact(run.info.run_id, str(file), folder)
        return bool(runs)
