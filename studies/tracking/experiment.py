"""The MLflow experiment of a study."""

import json
from hashlib import sha256
from typing import Any

from studies.file.study import Study
from studies.tracking.notes import experiment_note
from studies.tracking.view_tags import VIEWS_TAG
from studies.tracking.views import views


def open_experiment(client: Any, study: Study, question: str) -> str:
    """Create or restore the study's experiment if necessary, update its tags, and return its identifier."""
    experiment = client.get_experiment_by_name(study.name)
    if experiment is None:
        experiment = client.get_experiment(client.create_experiment(study.name))
    elif experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    present = experiment.tags
    own_tags = {
        "mlflow.experimentKind": "custom_model_development",
        "mlflow.note.content": experiment_note(study, question),
        "question": question,
    }
    for name, value in own_tags.items():
        if value and present.get(name) != value and (name == "question" or name not in present):
            client.set_experiment_tag(experiment.experiment_id, name, value)
    _write_views(client, experiment, study)
    return str(experiment.experiment_id)


def _write_views(client: Any, experiment: Any, study: Study) -> None:
    """Write the saved views, except those that a user has changed in the browser."""
    present = experiment.tags
    written = _written(present.get(VIEWS_TAG, "{}"))
    for name, view in views(study, experiment.creation_time or 0).items():
        if name not in present or (present[name] != view and _digest(present[name]) == written.get(name)):
            client.set_experiment_tag(experiment.experiment_id, name, view)
            written[name] = _digest(view)
    if present.get(VIEWS_TAG) != (digests := json.dumps(written)):
        client.set_experiment_tag(experiment.experiment_id, VIEWS_TAG, digests)


def _written(text: str) -> dict[str, str]:
    """Hash of each view as it was written; none if someone else has changed the tag."""
    try:
        written = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return written if isinstance(written, dict) else {}


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
