import io
import logging
import os

import pytest
from mlflow_contents import recorded_tiny
from recorded import call, load_tiny, run_pending
from servers import free_port

from studies.ledger.ledger import Ledger
from studies.tracking.connection import mlflow_module, requests_to, shown_address
from studies.tracking.tracker import Tracker, sync


def test_credentials_in_an_address_are_never_shown():
    assert shown_address("see http://me:planted@host:5000/x") == "see http://host:5000/x"
    assert shown_address("http://me:pl@nted@host/a@b, http://you@c/") == "http://host/a@b, http://c/"


@pytest.mark.slow
def test_messages_of_mlflow_are_hidden_in_calls_of_this_project_and_shown_in_those_of_users():
    mlflow_module()
    logger = logging.getLogger("mlflow.models")
    assert logger.isEnabledFor(logging.WARNING)
    stream = logging.getLogger("mlflow").handlers[0]
    assert isinstance(stream, logging.StreamHandler)
    heard = stream.setStream(io.StringIO())
    try:
        logger.warning("for the user")
        of_ours = {"__name__": "studies.tracking.tracker", "logger": logger}
        exec("logger.warning('hidden'); logger.error('an error')", of_ours)
        shown = stream.stream.getvalue()
    finally:
        stream.setStream(heard)
    assert "for the user" in shown
    assert "an error" in shown
    assert "hidden" not in shown


@pytest.mark.slow
@pytest.mark.parametrize(("set_by_user", "seconds"), [(None, "60"), ("20", "20")])
def test_a_run_waits_five_seconds_for_an_answer_and_a_reading_command_a_minute(monkeypatch, set_by_user, seconds):
    name = "MLFLOW_HTTP_REQUEST_TIMEOUT"
    monkeypatch.delenv(name, raising=False)
    if set_by_user:
        monkeypatch.setenv(name, set_by_user)
    mlflow_module()
    before = os.environ[name]
    assert before == (set_by_user or "5")
    with requests_to("http://127.0.0.1"):
        assert os.environ[name] == seconds
    assert os.environ[name] == before


@pytest.mark.slow
def test_nothing_secret_reaches_ledger_or_mlflow(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "planted-password")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "planted-token")
    study = load_tiny(tmp_path)
    warnings: list[str] = []
    run_pending(study, Tracker(study, warnings.append, uri=f"http://me:planted-user@127.0.0.1:{free_port()}"))
    sync(Ledger(study.ledger.root), "tiny", f"sqlite:///{tmp_path}/mlflow.db")
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 50
    assert not [path for path in written if b"planted" in path.read_bytes()]
    assert not any("planted" in warning for warning in warnings)


@pytest.mark.slow
def test_sync_says_in_one_sentence_that_the_server_is_down(tmp_path_factory, tmp_path):
    study = recorded_tiny(tmp_path_factory).ledger.study_folder("tiny")
    uri = f"http://me:planted@127.0.0.1:{free_port()}"
    done = call("sync", str(study), folder=tmp_path, MLFLOW_TRACKING_URI=uri)
    assert done.returncode == 1
    assert done.stderr.startswith("gan-study: MLflow at http://127.0.0.1")
    assert done.stderr.count("\n") == 1
    assert "planted" not in done.stdout + done.stderr


@pytest.mark.slow
def test_sync_of_an_unknown_study_is_the_users_error(tmp_path):
    done = call("sync", "nothing", folder=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
