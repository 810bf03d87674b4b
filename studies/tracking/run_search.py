"""Searching an MLflow experiment for runs."""

import json
from hashlib import sha256
from typing import Any

from studies.errors import TrackingError
from studies.file.study import Study, fixed_part

DEFINITION_TAG = "mlflow.gan_studies.definition"
"""Tag of a study's run: `definition_of` the study."""


KEY_TAG = "mlflow.gan_studies.key"
"""Tag of a trial's run: key of the trial's entry."""


MOST_PAGES = 1000
"""Largest number of pages of a thousand runs that are read: a hostile server may have no last page."""


def search(client: Any, experiment_id: str, condition: str) -> list[Any]:
    """All runs of an experiment that match a filter string, the newest first.

    Errors: `TrackingError` if the server has no end of runs.
    """
    runs, token = [], None
    for _ in range(MOST_PAGES):
        page = client.search_runs([experiment_id], condition, max_results=1000, page_token=token)
        runs += page
        token = page.token
        if not token:
            return runs
    raise TrackingError(f"MLflow finds more than {MOST_PAGES} pages of runs of one study")


def trial_runs(client: Any, experiment_id: str, study_run: str) -> list[Any]:
    """Runs of the trials of a study whose own run is given by its identifier, the newest first."""
    children = search(client, experiment_id, f"tags.`mlflow.parentRunId` = '{study_run}'")
    trials = [run for run in children if run.data.tags.get("kind") == "trial"]
    return [run for run in trials if {"condition", "phase", "trial"} <= run.data.tags.keys()]


def study_filter(study: Study) -> str:
    """Filter string that matches the study's own run."""
    return f"tags.kind = 'study' AND tags.`{DEFINITION_TAG}` = '{definition_of(study)}'"


def definition_of(study: Study) -> str:
    """Hash of the part of a study file that may not change unless the study gets another name."""
    return sha256(json.dumps(fixed_part(study.table()), sort_keys=True).encode()).hexdigest()[:16]
