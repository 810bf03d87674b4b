import json
from dataclasses import replace

import numpy as np
import pytest
from mlflow_contents import (
    Recorded,
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
from studies.locate import results
from studies.progress.summaries import checkpoint_summaries
from studies.tracking.mlflow_runs import MlflowRuns
from studies.tracking.run_content import metric_name
from studies.tracking.tracker import Tracker, sync
from studies.tracking.views import VIEW_TAG

pytestmark = pytest.mark.slow  # writes databases of MLflow


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Recorded:
    return recorded_tiny(tmp_path_factory)


def trial_name(row):
    return f"{row['condition']}-{row['phase']}-{row['trial']}"


def test_sync_into_an_empty_store_writes_what_was_recorded_during_the_run(recorded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    empty = f"sqlite:///{tmp_path}/empty.db"
    sync(recorded.results, empty)
    assert contents(empty) == contents(recorded.uri)
    sync(recorded.results, empty)
    assert contents(empty) == contents(recorded.uri)


def test_a_finished_study_run_again_or_synced_changes_no_duration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path), f"sqlite:///{tmp_path}/mlflow.db"
    run_pending(study, Tracker(study, print, uri=uri))
    sync(results("tiny", root=study.ledger.root), uri)  # the tracker's 10 s may be too short on a busy machine
    before = times_of(uri)
    assert len(before) == 1 + 8
    assert all(start <= end for start, end in before.values())
    run_pending(study, Tracker(study, print, uri=uri))
    assert times_of(uri) == before
    sync(results("tiny", root=study.ledger.root), uri)
    assert times_of(uri) == before


def test_sync_of_an_interrupted_study_changes_no_duration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path), f"sqlite:///{tmp_path}/mlflow.db"
    progress = run_pending(study, trials=1)
    sync(results("tiny", root=study.ledger.root), uri)
    before = times_of(uri)
    sync(results("tiny", root=study.ledger.root), uri)
    assert times_of(uri) == before
    # a trial that began but wrote no checkpoint
    progress.ledger.entry(progress.pending()[0].address).folder.joinpath("checkpoint.pt").unlink()
    sync(results("tiny", root=study.ledger.root), uri)
    assert times_of(uri) == before


def test_views_of_an_extended_study_have_its_new_columns_unless_changed_in_the_browser(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path}/mlflow.db"

    def view_tags(*overrides):
        study = load_tiny(tmp_path, *overrides)
        ledger = Ledger(study.ledger.root)
        ledger.write_study("tiny", {"study": study.table()})
        MlflowRuns(study, ledger, uri)
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
    local, uri = recorded.results, f"sqlite:///{tmp_path}/mlflow.db"
    sync(local, uri)
    before = {run.info.run_id for run in runs_of(uri)[1]}
    record = json.loads((local.ledger.study_folder("tiny") / "study.json").read_text())
    original = json.dumps(record)
    try:
        record["study"]["outcomes"] |= {"near": 0.0, "moved": 0.0}
        local.ledger.write_study("tiny", record)
        changed = results("tiny", root=local.ledger.root)
        sync(changed, uri)
        assert_equal_results(results("tiny", tracking_uri=uri), changed)
        contents(uri)  # no two runs of one name
        assert not before & {run.info.run_id for run in runs_of(uri)[1]}
    finally:
        local.ledger.write_study("tiny", json.loads(original))


def test_sync_gives_an_interrupted_trial_the_curves_of_its_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, live, synced = load_tiny(tmp_path), f"sqlite:///{tmp_path}/live.db", f"sqlite:///{tmp_path}/synced.db"
    run_pending(study, Tracker(study, print, uri=live), trials=1)
    local = results("tiny", root=study.ledger.root)
    sync(local, live)  # the tracker's 10 s may be too short on a busy machine
    sync(local, synced)
    interrupted = contents(synced)
    assert interrupted == contents(live)
    (name,) = [name for name, run in interrupted.items() if run["status"] == "KILLED" and name != "tiny"]
    assert len(interrupted[name]["metrics"]["distance/sliced_wasserstein.median"]) == 3
    (run,) = [run for run in runs_of(synced)[1] if run.info.run_name == name]
    assert 0 <= run.info.end_time - run.info.start_time < 60_000

    run_pending(study)
    local = results("tiny", root=study.ledger.root)
    sync(local, synced)
    assert {run["status"] for run in contents(synced).values()} == {"FINISHED"}
    trial = next(row for row in local.trials.to_dict("records") if trial_name(row) == name)
    curves = rows_of(local.curves, trial)
    for metric, values in curves.groupby("metric", observed=True):
        medians = values[np.isfinite(values["value"])].groupby("step")["value"].median()
        history = client_of(synced).get_metric_history(
            run.info.run_id, f"{metric_name(metric, study.data.distance)}.median"
        )
        assert {logged.step: logged.value for logged in history} == medians.to_dict()
        assert len(history) == len({logged.step for logged in history})


def test_the_curves_of_an_interrupted_trial_are_read_without_the_users_module(tmp_path):
    progress = run_pending(load_tiny(tmp_path), trials=0)
    spec = progress.pending()[0]
    checkpoint = progress.ledger.entry(spec.address).checkpoint()
    assert checkpoint is not None
    without_module = replace(spec, identity={**spec.identity, "objective": {"kind": "gone:Gone"}})
    distance = progress.design.study.data.distance
    expected = checkpoint_summaries(spec, checkpoint, distance)
    assert checkpoint_summaries(without_module, checkpoint, distance) == expected != []


def test_the_run_of_a_trial_that_failed_is_failed_and_is_replaced_once_the_trial_has_a_result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path), f"sqlite:///{tmp_path}/mlflow.db"
    progress = run_pending(study, trials=0)
    failed = progress.pending()[0]
    progress.ledger.entry(failed.address).record_failure("ValueError: no")
    sync(results("tiny", root=study.ledger.root), uri)
    _, trials = runs_of(uri)
    (run,) = [run for run in trials if run.info.run_name == failed.name]
    assert (run.info.status, run.data.tags["outcome"]) == ("FAILED", "trial failed")
    assert_equal_results(results("tiny", tracking_uri=uri), results("tiny", root=study.ledger.root))
    progress.ledger.entry(failed.address).clear_failure()
    run_pending(study)
    sync(results("tiny", root=study.ledger.root), uri)
    assert {run["status"] for run in contents(uri).values()} == {"FINISHED"}
