"""Commands that are printed after a submitted study."""

from datetime import UTC, datetime

import pytest
from servers import free_port

from services.cluster import Attempt
from services.results_here import next_commands


@pytest.fixture(autouse=True)
def _no_server(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def attempt(ledger: str) -> Attempt:
    now = datetime.now(UTC)
    return Attempt(
        study="tiny", number=2, job_id="gan-study-tiny-2", status="SUCCEEDED", message="", exit_code=0, started=now,
        ended=now, commit=None, dirty=False, ledger=ledger,
    )  # fmt: skip


def test_a_ledger_that_this_machine_sees_too_is_read_itself(tmp_path):
    root = tmp_path / "gan-studies"
    (root / "studies" / "tiny").mkdir(parents=True)
    assert "--root" not in next_commands(attempt(str(root)))  # a ledger of that path, but not that of the attempt
    (root / "studies" / "tiny" / "log-2.txt").write_text("-- attempt 2")
    lines = next_commands(attempt(str(root))).splitlines()
    assert lines[0] == f"next:    gan-study results tiny --root {root}"
    assert len(lines) == 4
    assert all(str(root) in line for line in lines)


def test_a_relative_ledger_is_looked_for_in_the_folder_of_the_cluster(tmp_path, monkeypatch):
    log = tmp_path / "gan-studies" / "studies" / "tiny" / "log-2.txt"
    log.parent.mkdir(parents=True)
    log.write_text("-- attempt 2")
    assert "--root" not in next_commands(attempt("gan-studies"))
    monkeypatch.setenv("GAN_STUDY_LEDGER", str(tmp_path))
    assert f"gan-study results tiny --root {tmp_path}/gan-studies\n" in next_commands(attempt("gan-studies"))
    log.unlink()
    assert "--root" not in next_commands(attempt("gan-studies"))


@pytest.mark.parametrize("ledger", ["gan-studies", "", "/nowhere/gan-studies"])
def test_without_a_ledger_and_a_server_the_sentence_says_what_is_missing(ledger):
    text = next_commands(attempt(ledger))
    assert "set MLFLOW_TRACKING_URI to its address from this machine" in text
    assert text.endswith('then: gan-study results tiny --tracking "$MLFLOW_TRACKING_URI"')


def test_a_server_that_does_not_answer_is_said_and_its_password_is_not(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:planted@127.0.0.1:{free_port()}")
    text = next_commands(attempt("gan-studies"))
    assert text.startswith("next:    the results of tiny cannot be read from here yet: MLflow at http://127.0.0.1:")
    assert "planted" not in text
