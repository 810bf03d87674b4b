"""Trained generators in MLflow: logged as models to the runs of their trials, and registered."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from studies.errors import InputError, TrackingError
from studies.exporting.exported_generator import ExportedGenerator
from studies.file.messages import format_value
from studies.numbers import value_text
from studies.tables.results import Results
from studies.tracking.connection import client_of, default_address, mlflow_module, requests_to, shown_address
from studies.tracking.generator_model import save_model
from studies.tracking.notes import model_note
from studies.tracking.run_count import has_one_run
from studies.tracking.run_search import KEY_TAG, search, study_filter, trial_runs

MODEL_NAME = "generator"
"""Name of the logged model."""
MODEL_CHECKSUM_TAG = "mlflow.gan_studies.model_checksum"
"""Tag of a logged model: hash of its files, by which it is found again."""
_DESCRIPTION = "MLmodel"
"""File of a model that differs each time it is logged."""


@dataclass(frozen=True, kw_only=True)
class LoggedGenerator:
    """A trained generator in MLflow.

    uri      what `mlflow.pyfunc.load_model` takes: `models:/ID`, or `models:/NAME/VERSION` if it is registered
    address  address of the MLflow store
    run      name of the run that it is logged to
    new      False if the same generator was there before
    """

    uri: str
    address: str
    run: str
    new: bool


def log_generator(
    results: Results,
    exported: ExportedGenerator,
    *,
    register: str | None = None,
    uri: str | None = None,
    folder: Path | None = None,
) -> LoggedGenerator:
    """Log exported generators as a model to the run of their trial, and register it under a name if one is given.

    A generator that was logged or registered before is found again, not repeated.

    register  name in MLflow's registry, which gets a new version of it
    uri       address of the MLflow store, by default that of `default_address`
    folder    where a user's module is looked up besides `sys.path`

    Errors: `InputError` for a name that MLflow does not take; `TrackingError` if the server cannot be reached or
    refuses, and if it has no run of the trial.
    """
    if register is not None and (not register.strip() or any(sign in register for sign in "/:'\"")):
        raise InputError(
            f"register: must be a name without slashes, colons and quotes, but is {format_value(register)}"
        )
    with requests_to(uri):
        client, address = client_of(uri), uri or default_address()
        run = _run(client, results, exported, shown_address(address))
        model_id, new = _logged(client, run, exported, folder)
        version, registered = (
            (None, False) if register is None else _registered(client, register, model_id, run, exported)
        )
    name = model_id if register is None else f"{register}/{version}"
    return LoggedGenerator(
        uri=f"models:/{name}", address=shown_address(address), run=run.info.run_name, new=new or registered
    )


def _run(client: Any, results: Results, exported: ExportedGenerator, address: str) -> Any:
    """The run of the trial that trained the generators; of a study with one run, this run."""
    study, about = results.study, exported.generator.about
    experiment = client.get_experiment_by_name(study.name)
    runs = search(client, experiment.experiment_id, study_filter(study)) if experiment else []
    if runs and not has_one_run(study):
        spec = results.found(about["condition"])
        children = trial_runs(client, experiment.experiment_id, runs[0].info.run_id)
        runs = [
            run
            for run in children
            if run.data.tags.get(KEY_TAG) == spec.key and run.data.tags["condition"] == spec.condition
        ]
    if not runs:
        raise TrackingError(
            f"MLflow at {address} has no run of {about['trial']} of {study.name}; gan-study sync {study.name} records "
            "it there from its ledger"
        )
    return runs[0]


def _logged(client: Any, run: Any, exported: ExportedGenerator, folder: Path | None) -> tuple[str, bool]:
    """Identifier of the logged model of the generators, and True if it was logged now."""
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    about = exported.generator.about
    with TemporaryDirectory() as temporary:
        path = Path(temporary) / "model"
        metadata = Model(run_id=run.info.run_id)
        save_model(path, exported, metadata, folder)
        checksum = _checksum(path)
        present = client.search_logged_models(
            [run.info.experiment_id],
            f"tags.`{MODEL_CHECKSUM_TAG}` = '{checksum}' AND source_run_id = '{run.info.run_id}'",
        )
        if ready := [model for model in present if str(model.status) == "READY"]:
            return ready[0].model_id, False
        model = client.create_logged_model(
            run.info.experiment_id,
            MODEL_NAME,
            run.info.run_id,
            tags={**_origin(exported), MODEL_CHECKSUM_TAG: checksum},
            params={name: value_text(value) for name, value in about["configuration"].items()},
        )
        metadata.model_uuid = metadata.model_id = model.model_id
        metadata.artifact_path = model.artifact_location
        metadata.save(str(path / _DESCRIPTION))
        try:
            client.log_model_artifacts(model.model_id, str(path))
        except Exception:
            client.finalize_logged_model(model.model_id, "FAILED")
            raise
        client.finalize_logged_model(model.model_id, "READY")
        client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, step=0)])
    return model.model_id, True


def _origin(exported: ExportedGenerator) -> dict[str, str]:
    """Tags that say which generators these are."""
    about, seeds = exported.generator.about, ", ".join(map(str, exported.generator.seeds))
    return {**{name: about[name] for name in ("study", "condition", "trial")}, "seeds": seeds, "which": about["which"]}


def _checksum(path: Path) -> str:
    """Hash of the files of a model but its description."""
    digest = sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        name = file.relative_to(path).as_posix()
        if name != _DESCRIPTION:
            content = file.read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()[:32]


def _registered(client: Any, name: str, model_id: str, run: Any, exported: ExportedGenerator) -> tuple[str, bool]:
    """Version of the registered model `name` that is this logged model, and True if it was registered now."""
    exceptions = mlflow_module().exceptions
    try:
        client.create_registered_model(name)
    except exceptions.MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    source = f"models:/{model_id}"
    for version in client.search_model_versions(f"name = '{name}'"):
        if version.source == source:
            return str(version.version), False
    made = client.create_model_version(
        name,
        source,
        run.info.run_id,
        model_id=model_id,
        tags=_origin(exported),
        description=model_note(exported),
    )
    return str(made.version), True
