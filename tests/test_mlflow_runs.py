from dataclasses import replace

import numpy as np
import pytest
from mlflow_contents import (
    Recorded,
    artifact,
    assert_equal_results,
    client_of,
    contents,
    recorded_tiny,
    rows_of,
    runs_of,
    times_of,
)
from recorded import load_tiny, run_pending

from studies.ledger.ledger import Ledger
from studies.ledger.unfinished import TrialEnd
from studies.locate import results
from studies.progress.summaries import checkpoint_summaries
from studies.tracking.run_content import metric_name
from studies.tracking.study_run import StudyRun
from studies.tracking.tracker import Tracker, sync
from studies.tracking.view_tags import VIEW_TAG

pytestmark = pytest.mark.slow  # writes databases of MLflow


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Recorded:
    return recorded_tiny(tmp_path_factory)


def trial_name(row):
    return f"{row['condition']}-{row['phase']}-{row['trial']}"


def test_sync_into_an_empty_store_writes_what_was_recorded_during_the_run(recorded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    empty = f"sqlite:///{tmp_path}/empty.db"
    sync(recorded.ledger, "tiny", empty)
    assert contents(empty) == contents(recorded.uri)
    sync(recorded.ledger, "tiny", empty)
    assert contents(empty) == contents(recorded.uri)


def test_a_finished_study_run_again_or_synced_changes_no_duration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path), f"sqlite:///{tmp_path}/mlflow.db"
    run_pending(study, Tracker(study, print, uri=uri))
    sync(Ledger(study.ledger.root), "tiny", uri)  # the tracker's 10 s may be too short on a busy machine
    before = times_of(uri)
    assert len(before) == 1 + 8
    assert all(start <= end for start, end in before.values())
    written = written_files(tmp_path)
    run_pending(study, Tracker(study, print, uri=uri))
    assert written_files(tmp_path) == written
    assert times_of(uri) == before
    sync(Ledger(study.ledger.root), "tiny", uri)
    assert times_of(uri) == before
    assert written_files(tmp_path) != written


def test_a_finished_study_run_again_restores_a_deleted_run_of_a_trial(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path), f"sqlite:///{tmp_path}/mlflow.db"
    run_pending(study, Tracker(study, print, uri=uri))
    sync(Ledger(study.ledger.root), "tiny", uri)
    before = contents(uri)
    deleted = runs_of(uri)[1][0]
    client_of(uri).delete_run(deleted.info.run_id)
    assert len(contents(uri)) == len(before) - 1
    run_pending(study, Tracker(study, print, uri=uri))
    assert contents(uri) == before


def written_files(folder):
    """The content of MLflow's database and the times of its files of artifacts."""
    artifacts = {path: path.stat().st_mtime_ns for path in (folder / "mlruns").rglob("*") if path.is_file()}
    return (folder / "mlflow.db").read_bytes(), artifacts


@pytest.mark.soak
def test_sync_of_an_interrupted_study_changes_no_duration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path), f"sqlite:///{tmp_path}/mlflow.db"
    progress = run_pending(study, trials=1)
    sync(Ledger(study.ledger.root), "tiny", uri)
    before = times_of(uri)
    sync(Ledger(study.ledger.root), "tiny", uri)
    assert times_of(uri) == before
    # a trial that began but wrote no checkpoint
    progress.ledger.storage.delete(f"running/{progress.pending()[0].key}/checkpoint")
    sync(Ledger(study.ledger.root), "tiny", uri)
    assert times_of(uri) == before


@pytest.mark.soak
def test_views_of_an_extended_study_have_its_new_columns_unless_changed_in_the_browser(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path}/mlflow.db"

    def view_tags(*overrides):
        study = load_tiny(tmp_path, *overrides)
        StudyRun(study, Ledger(study.ledger.root), uri)
        return client_of(uri).get_experiment_by_name("tiny").tags

    before = view_tags()
    assert view_tags() == before
    confirm_tag = f"{VIEW_TAG}-confirm"
    experiment_id = client_of(uri).get_experiment_by_name("tiny").experiment_id
    client_of(uri).set_experiment_tag(experiment_id, confirm_tag, "changed in the browser")
    after = view_tags("conditions.wgan.training.generator_optimizer.lr={log_uniform=[1e-4, 1e-2]}")
    assert "generator lr" not in before[VIEW_TAG]
    assert "generator lr" in after[VIEW_TAG]
    assert after[confirm_tag] == "changed in the browser"


def test_other_outcome_rules_make_sync_replace_the_runs(recorded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ledger, uri = recorded.ledger, f"sqlite:///{tmp_path}/mlflow.db"
    sync(ledger, "tiny", uri)
    before = {run.info.run_id for run in runs_of(uri)[1]}
    record = ledger.read_study("tiny")
    study = record["study"]
    try:
        outcomes = {**study["outcomes"], "near": 0.0, "moved": 0.0}
        ledger.write_study("tiny", {**record, "study": {**study, "outcomes": outcomes}})
        sync(ledger, "tiny", uri)
        assert_equal_results(results("tiny", tracking_uri=uri), results("tiny", root=ledger.root))
        contents(uri)  # no two runs of one name
        assert not before & {run.info.run_id for run in runs_of(uri)[1]}
    finally:
        ledger.write_study("tiny", record)


def test_sync_gives_an_interrupted_trial_the_curves_of_its_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, live, synced = load_tiny(tmp_path), f"sqlite:///{tmp_path}/live.db", f"sqlite:///{tmp_path}/synced.db"
    tracker = Tracker(study, print, uri=live)
    run_pending(study, tracker, trials=1)
    assert tracker._thread is not None
    tracker._thread.join(120)  # on a busy machine it is not done when `closed` stops waiting for it
    ledger = Ledger(study.ledger.root)
    sync(ledger, "tiny", live)
    sync(ledger, "tiny", synced)
    interrupted = contents(synced)
    assert interrupted == contents(live)
    (name,) = [name for name, run in interrupted.items() if run["status"] == "KILLED" and name != "tiny"]
    assert len(interrupted[name]["metrics"]["distance/sliced_wasserstein"]) == 3
    (run,) = [run for run in runs_of(synced)[1] if run.info.run_name == name]
    assert 0 <= run.info.end_time - run.info.start_time < 60_000

    run_pending(study)
    local = results("tiny", root=study.ledger.root)
    sync(ledger, "tiny", synced)
    assert {run["status"] for run in contents(synced).values()} == {"FINISHED"}
    trial = next(row for row in local.trials.to_dict("records") if trial_name(row) == name)
    curves = rows_of(local.curves, trial)
    for metric, values in curves.groupby("metric", observed=True):
        medians = values[np.isfinite(values["value"])].groupby("step")["value"].median()
        history = client_of(synced).get_metric_history(run.info.run_id, metric_name(metric, study.distance))
        assert {logged.step: logged.value for logged in history} == medians.to_dict()
        assert len(history) == len({logged.step for logged in history})


@pytest.mark.soak
def test_the_curves_of_an_interrupted_trial_are_read_without_the_users_module(tmp_path):
    progress = run_pending(load_tiny(tmp_path), trials=0)
    spec = progress.pending()[0]
    checkpoint = progress.ledger.unfinished(spec.key).checkpoint()
    assert checkpoint is not None
    without_module = replace(spec, identity={**spec.identity, "objective": {"kind": "gone:Gone"}})
    distance = progress.design.study.distance
    expected = checkpoint_summaries(spec, checkpoint, distance)
    assert checkpoint_summaries(without_module, checkpoint, distance) == expected != []


@pytest.mark.parametrize(
    "state",
    ["lost", *(pytest.param(state, marks=pytest.mark.soak) for state in ("out_of_memory", "timed_out", "error"))],
)
def test_a_trial_without_a_result_has_a_failed_run_which_is_replaced_once_there_is_one(state, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path), f"sqlite:///{tmp_path}/mlflow.db"
    progress = run_pending(study, trials=0)
    unlucky, ledger = progress.pending()[0], progress.ledger
    end = TrialEnd(state=state, reason="ValueError: no", detail="Traceback", at=1.5e9)
    ledger.unfinished(unlucky.key).record_end(end)
    sync(ledger, "tiny", uri)
    (run,) = [run for run in runs_of(uri)[1] if run.info.run_name == unlucky.name]
    assert (run.info.status, run.data.tags["outcome"]) == ("FAILED", state.replace("_", " "))
    assert run.info.end_time == 1_500_000_000_000
    assert "ValueError: no" in run.data.tags["mlflow.note.content"]
    assert artifact(client_of(uri), run, "log.txt").read_text() == "ValueError: no\nTraceback"
    downloaded = results("tiny", tracking_uri=uri)
    assert_equal_results(downloaded, results("tiny", root=ledger.root))
    assert [(trial.state, trial.end) for trial in downloaded.trial_records] == [(state, end)]
    ledger.unfinished(unlucky.key).clear_end()
    run_pending(study)
    sync(ledger, "tiny", uri)
    assert {run["status"] for run in contents(uri).values()} == {"FINISHED"}
    assert_equal_results(results("tiny", tracking_uri=uri), results("tiny", root=ledger.root))
