import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests
from mlflow_contents import (
    Recorded,
    artifact,
    assert_equal_results,
    client_of,
    contents,
    recorded_tiny,
    runs_of,
)
from recorded import call, load_tiny, run_pending
from servers import Owner, free_port, mlflow_server

import studies
from studies.errors import InputError, TrackingError
from studies.ledger.ledger import Ledger
from studies.ledger.unfinished import TrialEnd
from studies.locate import results
from studies.tables.results import Results
from studies.tracking import download
from studies.tracking.bundle import BUNDLE_TAG, PLAN, SEGMENT, Bundle, is_due
from studies.tracking.mlflow_runs import MlflowRuns
from studies.tracking.run_files import RunFiles
from studies.tracking.run_search import search
from studies.tracking.study_run import StudyRun
from studies.tracking.tracker import Tracker, sync

pytestmark = pytest.mark.slow  # writes databases of MLflow
BUNDLE_FILES = (SEGMENT, PLAN)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Recorded:
    return recorded_tiny(tmp_path_factory)


def test_results_from_the_server_equal_those_of_the_ledger(recorded):
    local, downloaded = recorded.results, results("tiny", tracking_uri=recorded.uri)
    assert_equal_results(downloaded, local)
    for which in ("last", "best"):
        expected = local.best("wgan", which).generator(2)(3)
        np.testing.assert_array_equal(downloaded.best("wgan", which).generator(2)(3), expected)
    np.testing.assert_array_equal(downloaded.samples("gan"), local.samples("gan"))
    (steps, samples), (expected_steps, expected) = downloaded.sample_snapshots("gan"), local.sample_snapshots("gan")
    assert steps == expected_steps
    np.testing.assert_array_equal(samples, expected)
    for trial, expected_trial in zip(downloaded.trial_records, local.trial_records, strict=True):
        assert trial.entry is not None
        assert expected_trial.entry is not None
        assert trial.entry.log() == expected_trial.entry.log()
    assert (downloaded.question, downloaded.environment) == (local.question, local.environment)
    assert downloaded.provenance == local.provenance


def test_a_paper_from_the_server_equals_that_of_the_ledger(recorded):
    from_server, from_ledger = studies.paper("tiny", tracking_uri=recorded.uri), studies.paper(recorded.results)
    assert from_server == from_ledger
    assert "the ranges of Table" in from_ledger.methods


def test_reading_from_a_server_leaves_no_file_on_this_machine(recorded, tmp_path, monkeypatch):
    working, temporary = tmp_path / "working", tmp_path / "temporary"
    for folder in (working, temporary):
        folder.mkdir()
    monkeypatch.chdir(working)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    downloaded = results("tiny", tracking_uri=recorded.uri)
    downloaded.best("wgan").generator()(1)
    downloaded.samples("gan")
    assert [*working.iterdir(), *temporary.iterdir()] == []


def test_a_study_that_the_server_does_not_have_is_an_input_error(recorded):
    with pytest.raises(InputError, match="no such study; did you mean tiny"):
        results("tinny", tracking_uri=recorded.uri)


# -- the bundle: two files with the records of all trials --------------------------------------------------------------


@dataclass(frozen=True)
class Synced:
    """The recorded study in a database of its own; its artifacts lie in this folder."""

    local: Results
    ledger: Ledger
    uri: str
    run: Any
    folder: Path

    def bundle(self) -> Bundle:
        """The valid bundle."""
        return Bundle.from_tags(client_of(self.uri).get_run(self.run.info.run_id).data.tags)

    def files(self) -> list[Path]:
        """The files of the valid bundle: segment and plan."""
        return [self.folder / self.run.info.run_id / "artifacts" / self.bundle().folder / name for name in BUNDLE_FILES]

    def study_run(self) -> StudyRun:
        return StudyRun(self.local.study, self.ledger, self.uri)


@pytest.fixture
def synced(recorded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ledger, uri = recorded.ledger, f"sqlite:///{tmp_path}/mlflow.db"
    client_of(uri).create_experiment("tiny", artifact_location=str(tmp_path / "mlruns"))
    sync(ledger, "tiny", uri)
    (study,), _ = runs_of(uri)
    return Synced(recorded.results, ledger, uri, study, tmp_path / "mlruns")


def test_no_trial_of_the_bundle_is_downloaded_by_itself(synced, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("a trial is downloaded")

    monkeypatch.setattr(download._Download, "_newer", refuse)
    assert_equal_results(results("tiny", tracking_uri=synced.uri), synced.local)


@pytest.mark.soak
def test_a_study_that_was_recorded_without_a_bundle_is_read_trial_by_trial(synced):
    files = synced.files()
    client_of(synced.uri).delete_tag(synced.run.info.run_id, BUNDLE_TAG)
    for file in files:
        file.unlink()
    downloaded = results("tiny", tracking_uri=synced.uri)
    assert_equal_results(downloaded, synced.local)
    np.testing.assert_array_equal(downloaded.samples("gan"), synced.local.samples("gan"))


@pytest.mark.parametrize("number", [pytest.param(0, marks=pytest.mark.soak), 1], ids=["segment", "plan"])
def test_a_damaged_bundle_is_an_error_and_sync_writes_it_again(synced, number):
    file = synced.files()[number]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(TrackingError, match=r"are damaged .* gan-study sync writes them again"):
        results("tiny", tracking_uri=synced.uri)
    sync(synced.ledger, "tiny", synced.uri)
    assert_equal_results(results("tiny", tracking_uri=synced.uri), synced.local)


@pytest.mark.soak
def test_an_interrupted_upload_leaves_the_previous_bundle_valid(synced, monkeypatch):
    before = [file.read_bytes() for file in synced.files()]
    study_run = synced.study_run()
    # killed between the upload of the files and the tag
    monkeypatch.setattr(study_run.client, "set_tag", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        study_run.write_bundle(synced.local.trial_records[:3])
    assert [file.read_bytes() for file in synced.files()] == before
    assert_equal_results(results("tiny", tracking_uri=synced.uri), synced.local)


@pytest.mark.soak
def test_a_bundle_that_is_overwritten_during_its_download_is_downloaded_again(synced, monkeypatch):
    original, pending = RunFiles.read, [1]

    def overwrite_first(files, run, path):
        if path.endswith(BUNDLE_FILES[1]) and pending:
            pending.pop()
            study_run = synced.study_run()
            study_run.write_bundle(synced.local.trial_records[:1])
            study_run.write_bundle(synced.local.trial_records[:2])  # in the folder that is being downloaded
            study_run.write_bundle(synced.local.trial_records)
        return original(files, run, path)

    monkeypatch.setattr(RunFiles, "read", overwrite_first)
    assert_equal_results(results("tiny", tracking_uri=synced.uri), synced.local)
    assert pending == []


@pytest.mark.soak
def test_trials_that_ended_after_the_bundle_are_read_from_their_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path), f"sqlite:///{tmp_path}/mlflow.db"
    run_pending(study, trials=2)
    ledger = Ledger(study.ledger.root)
    sync(ledger, "tiny", uri)  # two that ended and one that began
    unlucky, slow = run_pending(study, trials=2).pending()[:2]
    lost = TrialEnd(state="lost", reason="its node was lost")
    ledger.unfinished(unlucky.key).record_end(lost)
    ledger.unfinished(slow.key).mark_started("here")
    local = results("tiny", root=study.ledger.root)
    mlflow_runs = MlflowRuns(StudyRun(study, ledger, uri))
    for trial in local.trial_records:
        mlflow_runs.started(trial.spec) if trial.state == "interrupted" else mlflow_runs.ended(trial)
    for run in runs_of(uri)[1]:
        if run.info.status == "RUNNING":
            client_of(uri).set_terminated(run.info.run_id, "KILLED")
    downloaded = results("tiny", tracking_uri=uri)
    assert Counter(downloaded.trials["state"]) == {"finished": 4, "lost": 1, "interrupted": 1}
    assert_equal_results(downloaded, local)
    assert [trial.end for trial in downloaded.trial_records if trial.end is not None] == [lost]


def test_a_running_study_has_its_finished_and_its_running_trials_on_the_server(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path), f"sqlite:///{tmp_path}/mlflow.db"
    run_pending(study, trials=2)
    ledger = Ledger(study.ledger.root)
    for bundled in (False, True):
        with ledger.writing("tiny"):
            local = results("tiny", root=study.ledger.root)
            assert Counter(local.trials["state"]) == {"finished": 2, "running": 1}
            mlflow_runs = MlflowRuns(StudyRun(study, ledger, uri))
            mlflow_runs.study_run.open(running=True)
            for trial in local.trial_records:
                mlflow_runs.ended(trial) if trial.finished else mlflow_runs.started(trial.spec)
            if bundled:
                mlflow_runs.study_run.write_bundle(local.trial_records)
            assert_equal_results(results("tiny", tracking_uri=uri), local)
    sync(ledger, "tiny", uri)
    downloaded = results("tiny", tracking_uri=uri)
    assert Counter(downloaded.trials["state"]) == {"finished": 2, "interrupted": 1}
    assert_equal_results(downloaded, results("tiny", root=study.ledger.root))


@pytest.mark.parametrize(
    ("ended_since", "ended", "due"), [(63, 63, False), (64, 64, True), (199, 1000, False), (200, 1000, True)]
)
def test_a_bundle_is_due_after_64_trials_and_a_fifth_of_all(ended_since, ended, due):
    assert is_due(ended_since, ended) is due


# -- a machine without a ledger: only an address and a password --------------------------------------------------------

OWNER = Owner("owner", "planted-password-of-the-owner")


@pytest.fixture(scope="module")
def guarded(recorded, tmp_path_factory):
    """Address of a server with the study that requires a password and lets only its owner read."""
    with mlflow_server(tmp_path_factory.mktemp("guarded"), owner=OWNER) as uri:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in OWNER.environment().items():
                patch.setenv(name, value)
            sync(recorded.ledger, "tiny", uri)
        visitor = {"username": "visitor", "password": "planted-password-of-the-visitor"}
        response = requests.post(
            f"{uri}/api/2.0/mlflow/users/create", json=visitor, auth=(OWNER.name, OWNER.password), timeout=60
        )
        assert response.status_code == 200, response.text
        yield uri


def refusal(done, code):
    """The message of a command that fails because of the user's input or environment: one sentence, no secret."""
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("gan-study: ")
    assert done.stderr.count("\n") == 1
    assert "planted" not in done.stderr
    return done.stderr.removeprefix("gan-study: ").strip()


def test_a_machine_without_a_ledger_gets_tables_from_the_server(guarded, recorded, tmp_path):
    tables = ("trials", "curves")
    for table in tables:
        arguments = ("results", "tiny", "--table", table, "--format", "parquet", "--output", f"{table}.parquet")
        done = call(*arguments, folder=tmp_path, MLFLOW_TRACKING_URI=guarded, **OWNER.environment())
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        read, expected = pd.read_parquet(tmp_path / f"{table}.parquet"), getattr(recorded.results, table)
        pd.testing.assert_frame_equal(read, expected, check_exact=True, check_dtype=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{table}.parquet" for table in tables)


def test_a_ledger_in_the_folder_is_read_without_a_request_to_the_server(recorded):
    unreachable = f"http://127.0.0.1:{free_port()}"
    done = call("results", "tiny", folder=recorded.folder, MLFLOW_TRACKING_URI=unreachable)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_is_said_that_the_server_has_a_part_of_a_study(recorded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    sync(recorded.ledger, "tiny", uri)
    (experiment,) = [one for one in client_of(uri).search_experiments() if one.name == "tiny"]
    (run,) = client_of(uri).search_runs([experiment.experiment_id], "tags.kind = 'study'")
    client_of(uri).set_tag(run.info.run_id, "outcome", "interrupted; the same command resumes it")
    done = call("results", "tiny", "--tracking", uri, folder=tmp_path)
    assert done.returncode == 0
    assert done.stderr == (
        f"gan-study: MLflow at {uri} has {len(recorded.results.trials)} trials of tiny so far, and calls it "
        "interrupted: a run records it at this moment, or has ended before it was recorded; then gan-study sync tiny, "
        "where its ledger is, records the others\n"
    )
    assert "wgan" in done.stdout


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "requires a user and a password (HTTP 401), and none were given; set MLFLOW_TRACKING_USERNAME and"),
        (Owner("owner", "planted-wrong").environment(), "refuses the credentials of the environment (HTTP 401)"),
        (
            {"MLFLOW_TRACKING_USERNAME": "owner"},
            "requires a user and a password (HTTP 401), but MLFLOW_TRACKING_PASSWORD is not set",
        ),
        (
            Owner("visitor", "planted-password-of-the-visitor").environment(),
            "does not permit this user to do so (HTTP 403)",
        ),
    ],
    ids=["nobody", "wrong-password", "no-password", "no-permission"],
)
def test_a_server_that_refuses_is_one_sentence(guarded, tmp_path, environment, sentence):
    done = call("results", "tiny", folder=tmp_path, MLFLOW_TRACKING_URI=guarded, **environment)
    message = refusal(done, 2)
    assert message.startswith(f"there is no study tiny in {tmp_path}/gan-studies, and MLflow at {guarded} {sentence}")


def test_a_password_in_the_address_works_and_is_never_shown(guarded, tmp_path):
    for password, code in ((OWNER.password, 0), ("planted-wrong", 2)):
        uri = guarded.replace("//", f"//{OWNER.name}:{password}@")
        done = call("results", "tiny", folder=tmp_path, MLFLOW_TRACKING_URI=uri)
        assert done.returncode == code
        assert "planted" not in done.stdout + done.stderr
    assert f"MLflow at {guarded} refuses the user and the password in its address" in refusal(done, 2)


@pytest.mark.parametrize("name", ["sync", "compare", "report"])
def test_credentials_that_a_server_refuses_are_the_users_error(guarded, recorded, tmp_path, name):
    study = str(recorded.ledger.study_folder("tiny")) if name == "sync" else "tiny"
    wrong = Owner("owner", "planted-wrong").environment()
    message = refusal(call(name, study, folder=tmp_path, MLFLOW_TRACKING_URI=guarded, **wrong), 2)
    assert f"MLflow at {guarded} refuses the credentials of the environment (HTTP 401)" in message
    assert not list(tmp_path.iterdir())


@pytest.mark.soak
def test_ui_prints_the_pages_of_another_server_without_its_password(guarded, tmp_path):
    uri = guarded.replace("//", f"//{OWNER.name}:{OWNER.password}@")
    for address, environment in ((guarded, OWNER.environment()), (uri, {})):
        done = call("ui", folder=tmp_path, MLFLOW_TRACKING_URI=address, **environment)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"  tiny: {guarded}/#/experiments/1/runs?" in done.stdout
        assert "planted" not in done.stdout
    message = refusal(call("ui", folder=tmp_path, MLFLOW_TRACKING_URI=guarded), 2)
    assert message.startswith(f"MLflow at {guarded} requires a user and a password")


def test_a_server_that_is_down_is_one_sentence(tmp_path):
    uri = f"http://127.0.0.1:{free_port()}"
    message = refusal(call("results", "tiny", folder=tmp_path, MLFLOW_TRACKING_URI=uri), 1)
    assert message.startswith(
        f"there is no study tiny in {tmp_path}/gan-studies, and MLflow at {uri} cannot be reached"
    )


def test_a_study_that_neither_ledger_nor_server_has_is_the_users_error(guarded, tmp_path):
    environment = {"MLFLOW_TRACKING_URI": guarded, **OWNER.environment()}
    message = refusal(call("results", "tinny", folder=tmp_path, **environment), 2)
    assert message == (
        f"tinny: there is no such study in {tmp_path}/gan-studies nor in MLflow at {guarded}; did you mean tiny?"
    )


def test_a_password_in_the_address_is_never_stored(guarded, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "planted-token-of-the-cluster")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", guarded.replace("//", f"//{OWNER.name}:{OWNER.password}@"))
    study = load_tiny(tmp_path, 'name="hidden"')
    warnings: list[str] = []
    run_pending(study, Tracker(study, warnings.append))
    sync(Ledger(study.ledger.root), "hidden")
    client = client_of(None)
    experiment = client.get_experiment_by_name("hidden")
    assert len(search(client, experiment.experiment_id, "")) == 9
    server = next(tmp_path.parent.glob("guarded*"))
    written = [path for folder in (tmp_path, server) for path in folder.rglob("*") if path.is_file()]
    names = {path.name for path in written}
    assert {"plan.json.gz", "study.json", "trial.json", "environment.json", "server.db", "server.log"} <= names
    assert not [path for path in written if b"planted" in path.read_bytes()]
    assert "planted" not in "".join([*warnings, *capfd.readouterr()])


@pytest.mark.soak
def test_a_server_over_http_has_the_same_contents_as_a_database_file(recorded, tmp_path):
    with mlflow_server(tmp_path / "server") as server:
        sync(recorded.ledger, "tiny", server)
        assert contents(server) == contents(recorded.uri)
        assert_equal_results(results("tiny", tracking_uri=server), recorded.results)


# -- the page as an artifact -------------------------------------------------------------------------------------------


def test_the_report_becomes_an_artifact_of_the_studys_run(recorded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where MLflow keeps the files of a database
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    folder = str(recorded.ledger.study_folder("tiny"))
    sync(recorded.ledger, "tiny", uri)
    without = call("report", folder, "--no-tracking", folder=tmp_path, MLFLOW_TRACKING_URI=uri)
    assert (without.returncode, without.stdout.count("\n")) == (0, 1), without.stderr
    (run,), _ = runs_of(uri)
    assert "report" not in [file.path for file in client_of(uri).list_artifacts(run.info.run_id)]
    done = call("report", folder, folder=tmp_path, MLFLOW_TRACKING_URI=uri)
    assert done.returncode == 0, done.stderr
    assert "its run in MLflow at" in done.stdout
    attached = artifact(client_of(uri), run, "report/tiny.html").read_text()
    assert attached == Path(tmp_path / "tiny.html").read_text()


def test_a_report_is_written_although_the_server_is_down(recorded, tmp_path):
    folder = str(recorded.ledger.study_folder("tiny"))
    uri = f"http://me:planted@127.0.0.1:{free_port()}"
    done = call("report", folder, folder=tmp_path, MLFLOW_TRACKING_URI=uri)
    assert done.returncode == 0
    assert (tmp_path / "tiny.html").exists()
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("gan-study: the page is written, but not added to the run of tiny: ")
    assert "planted" not in done.stdout + done.stderr
