import json
import os
import signal
import subprocess
from collections import Counter
from dataclasses import replace
from itertools import chain
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pandas as pd
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from recorded import QUESTION, call, command, load_tiny, play, surroundings, write_tiny
from servers import Owner, black_hole, free_port, mlflow_server, start_mlflow, stop

from gan_core.stability import OUTCOMES
from studies.comparison import Comparison
from studies.errors import InputError, TrackingError
from studies.ledger import Ledger
from studies.results import results
from studies.tracking import reading
from studies.tracking.connection import mlflow_module, shown_address, telling
from studies.tracking.gathering import GATHERED, ROUND, Gathering, is_due
from studies.tracking.projection import VIEW_TAG, in_section, measurements_so_far, over_members
from studies.tracking.store import Store, search
from studies.tracking.tracker import Tracker, sync
from studies.verdict import answer

pytestmark = pytest.mark.slow  # each writes a database of MLflow's

TABLES = ("trials", "members", "curves", "ranking")
FINAL = ("FINISHED", "FAILED", "KILLED")


def client_of(uri):
    return mlflow_module().MlflowClient(uri)


def runs_of(uri, name="tiny"):
    """The study's run and its trials' runs."""
    client = client_of(uri)
    experiment = client.get_experiment_by_name(name)
    found = search(client, experiment.experiment_id, "")
    return [run for run in found if run.data.tags["kind"] == "study"], [
        run for run in found if run.data.tags["kind"] == "trial"
    ]


def kill(tracker):
    """End its thread without a word to the server, as the end of its process does."""
    tracker._queue.put(lambda backlog: setattr(tracker, "_complete", True))
    tracker._thread.join(60)
    assert not tracker._thread.is_alive()


def trials_of(uri):
    """Its trials' runs, none while it is not there yet."""
    return runs_of(uri)[1] if client_of(uri).get_experiment_by_name("tiny") else []


def snapshot(uri, name="tiny"):
    """Everything that MLflow holds of a study but the runs' own identifiers, times, and which server it is."""
    client, held = client_of(uri), {}
    own = {"mlflow.parentRunId", "mlflow.user", ROUND, GATHERED}  # of which rounds there may be more or fewer
    studies, trials = runs_of(uri, name)
    for run in studies + trials:
        histories = {
            key: [(metric.step, metric.value) for metric in client.get_metric_history(run.info.run_id, key)]
            for key in run.data.metrics
        }
        files = {
            file.path: None if file.is_dir else open_artifact(client, run, file.path).read_bytes()
            for file in client.list_artifacts(run.info.run_id)
        }
        assert run.info.run_name not in held, "a run is there twice"
        held[run.info.run_name] = {
            "status": run.info.status,
            "params": run.data.params,
            "tags": {key: value for key, value in run.data.tags.items() if key not in own},
            "metrics": histories,
            "files": {path: files[path] for path in sorted(files)},
            "data": [(one.dataset.name, one.dataset.digest) for one in run.inputs.dataset_inputs],
        }
    return held


def open_artifact(client, run, path):
    return Path(client.download_artifacts(run.info.run_id, path))


def assert_equal_results(one, other):
    for table in TABLES:
        pd.testing.assert_frame_equal(getattr(one, table), getattr(other, table), check_exact=True)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A tiny study, played while a tracker listened: its results and where MLflow holds them."""
    folder = tmp_path_factory.mktemp("recorded")
    study, warnings = load_tiny(folder), []
    uri = f"sqlite:///{folder}/mlflow.db"
    client_of(uri)
    from mlflow import MlflowClient

    MlflowClient(uri).create_experiment("tiny", artifact_location=str(folder / "mlruns"))
    play(study, Tracker(study, warnings.append, uri=uri))
    sync(results("tiny", root=study.ledger.root), uri)  # 10 s may be too short where other work goes on
    return results("tiny", root=study.ledger.root), uri


# -- numbers -----------------------------------------------------------------------------------------------------------


def test_quartiles_are_those_of_the_finite_members():
    told = over_members({"sliced_wasserstein": [3.0, np.nan, 1.0, np.inf, 2.0], "cells": [np.nan] * 5})
    assert told == {
        "outcomes/measured": 3.0,
        "distance/sliced_wasserstein.q25": 1.5,
        "distance/sliced_wasserstein.median": 2.0,
        "distance/sliced_wasserstein.q75": 2.5,
    }


@given(st.lists(st.floats(width=64), max_size=8))
def test_a_metric_is_always_a_finite_number(values):
    assert all(np.isfinite(value) for value in over_members({"sliced_wasserstein": values}).values())


def test_mlflow_holds_what_the_ledger_holds_number_by_number(recorded):
    found, uri = recorded
    client = client_of(uri)
    (study,), runs = runs_of(uri)
    assert Counter(run.info.run_name for run in runs) == Counter(
        f"{row.condition}-{row.phase}-{row.trial}" for row in found.trials.itertuples()
    )
    by_place = {(run.data.tags["condition"], run.data.tags["phase"], int(run.data.tags["trial"])): run for run in runs}
    for row in found.trials.to_dict("records"):
        run = by_place[row["condition"], row["phase"], row["trial"]]
        assert run.data.tags["mlflow.parentRunId"] == study.info.run_id
        assert run.info.status == "FINISHED"
        for path in found.study.condition(row["condition"]).knobs:
            assert float(run.data.params[path]) == row[path]
        for name in ("distance", "failure_rate", "search_score", "spent/elapsed_seconds", "spent/critic_steps"):
            measure = name.removeprefix("spent/")
            assert run.data.metrics.get(name) == (None if np.isnan(row[measure]) else row[measure])
        same = (found.members[key] == row[key] for key in ("condition", "phase", "trial"))
        outcomes = Counter(found.members[np.logical_and.reduce(list(same))]["outcome"])
        assert {outcome: run.data.metrics[f"outcomes/{outcome}"] for outcome in OUTCOMES} == {
            outcome: outcomes[outcome] for outcome in OUTCOMES
        }
        assert_curves(client, run, found.curves, row)


def assert_curves(client, run, curves, row):
    own = curves[np.logical_and.reduce([curves[key] == row[key] for key in ("condition", "phase", "trial")])]
    for metric, values in own.groupby("metric", observed=True):
        finite = values[np.isfinite(values["value"])].groupby("step")["value"]
        for suffix, share in (("q25", 0.25), ("median", 0.5), ("q75", 0.75)):
            history = client.get_metric_history(run.info.run_id, f"{in_section(metric)}.{suffix}")
            assert {one.step: one.value for one in history} == finite.quantile(share).to_dict()
            assert len(history) == len({one.step for one in history})


def test_infinities_and_holes_never_reach_mlflow(recorded):
    found, uri = recorded
    assert not np.isfinite(found.curves["value"]).all(), "the study must have some, or this shows nothing"
    for run in chain(*runs_of(uri)):
        assert all(abs(value) < 1e300 for value in run.data.metrics.values())


def test_the_study_says_what_it_asks_and_holds_its_tables(recorded):
    found, uri = recorded
    client = client_of(uri)
    experiment = client.get_experiment_by_name("tiny")
    assert QUESTION in experiment.tags["mlflow.note.content"]
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    columns = json.loads(json.loads(experiment.tags[VIEW_TAG])["state"])["selectedColumns"]
    assert {"metrics.`distance`", "tags.`outcome`", "params.`constraint.clip_value`"} <= set(columns)
    assert experiment.tags["mlflow.note.content"].startswith(answer(Comparison(found))[0])
    (study,), _ = runs_of(uri)
    assert study.info.status == "FINISHED"
    for table in TABLES:
        held = pd.read_parquet(open_artifact(client, study, f"tables/{table}.parquet"))
        pd.testing.assert_frame_equal(held, getattr(found, table), check_exact=True, check_dtype=False)
    record = json.loads(open_artifact(client, study, "study.json").read_text())
    assert record["study"] == found.study.table()
    told = json.loads(open_artifact(client, study, "environment.json").read_text())
    assert told["versions"]["mlflow"]
    assert told["hardware"]["cores"] >= 1


def test_results_from_the_server_equal_the_ledgers(recorded):
    found, uri = recorded
    there = results("tiny", tracking_uri=uri)
    assert_equal_results(there, found)
    np.testing.assert_array_equal(there.best("wgan").generator()(3), found.best("wgan").generator()(3))
    np.testing.assert_array_equal(there.samples("gan"), found.samples("gan"))
    (steps, fakes), (expected_steps, expected) = there.course("gan"), found.course("gan")
    assert steps == expected_steps
    np.testing.assert_array_equal(fakes, expected)


# -- one file for all trials -------------------------------------------------------------------------------------------


@pytest.fixture
def synced(recorded, tmp_path, monkeypatch):
    """The same study in a database of its own, the study's run there, and the file that is valid."""
    monkeypatch.chdir(tmp_path)  # where MLflow keeps the files of a database
    found, uri = recorded[0], f"sqlite:///{tmp_path}/mlflow.db"
    sync(found, uri)
    (study,), _ = runs_of(uri)
    (file,) = tmp_path.rglob(Gathering.told(study.data.tags).file)
    return found, uri, study, file


def test_no_trial_is_asked_for_that_the_file_holds(synced, monkeypatch):
    found, uri, _, _ = synced
    asked, one_by_one = [], reading._newer
    monkeypatch.setattr(reading, "_newer", lambda *all_of_it: asked.append(1) or one_by_one(*all_of_it))
    assert_equal_results(results("tiny", tracking_uri=uri), found)
    assert asked == []


def test_a_study_that_was_recorded_without_the_file_is_read_trial_by_trial(synced):
    found, uri, study, file = synced
    client_of(uri).delete_tag(study.info.run_id, GATHERED)
    file.unlink()
    assert_equal_results(results("tiny", tracking_uri=uri), found)


def test_a_damaged_file_is_told_and_written_again_by_sync(synced):
    found, uri, _, file = synced
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(TrackingError, match=r"is damaged .* gan-study sync writes it again"):
        results("tiny", tracking_uri=uri)
    sync(found, uri)
    assert_equal_results(results("tiny", tracking_uri=uri), found)


def test_an_upload_that_is_interrupted_leaves_the_former_file_valid(synced, monkeypatch):
    found, uri, _, file = synced
    (other,) = {"0.parquet", "1.parquet"} - {file.name}
    (file.parent / other).write_bytes(b"half of it")
    assert_equal_results(results("tiny", tracking_uri=uri), found)
    before = file.read_bytes()
    store = Store(found.study, found.ledger, uri)
    monkeypatch.setattr(store._client, "set_tag", lambda *told: 1 / 0)  # killed between the file and the tag
    with pytest.raises(ZeroDivisionError):
        store.gather(found.recorded[:3])
    assert file.read_bytes() == before
    assert_equal_results(results("tiny", tracking_uri=uri), found)


def test_a_file_that_is_written_over_while_it_is_read_is_read_anew(synced, monkeypatch):
    found, uri, _, file = synced
    download, left = reading._download, [1]

    def late(run, files, folder, where):
        if files == [f"{GATHERED}/{file.name}"] and left:
            left.pop()
            store = Store(found.study, found.ledger, uri)
            for _ in range(2):  # the second takes the place of the one that is read
                store.gather(found.recorded)
            file.write_bytes(file.read_bytes()[:-1])
            store.gather(found.recorded)
        download(run, files, folder, where)

    monkeypatch.setattr(reading, "_download", late)
    assert_equal_results(results("tiny", tracking_uri=uri), found)
    assert left == []


def test_what_ended_after_the_file_was_written_is_read_from_its_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path), f"sqlite:///{tmp_path}/mlflow.db"
    play(study, trials=2)
    sync(results("tiny", root=study.ledger.root), uri)  # holds two that ended and one that began
    play(study, trials=2)
    found = results("tiny", root=study.ledger.root)
    store = Store(study, found.ledger, uri)
    for one in found.recorded:
        store.ended(one.planned) if one.state == "finished" else store.started(one.planned)
    there = results("tiny", tracking_uri=uri)
    assert Counter(there.trials["state"])["finished"] > 2
    assert_equal_results(there, found)


@pytest.mark.parametrize(
    ("ended", "known", "due"), [(63, 63, False), (64, 64, True), (199, 1000, False), (200, 1000, True)]
)
def test_in_mid_run_the_file_grows_by_a_share(ended, known, due):
    assert is_due(ended, known) is due


def test_sync_into_an_empty_server_gives_what_was_recorded_live(recorded, tmp_path, monkeypatch):
    found, uri = recorded
    monkeypatch.chdir(tmp_path)
    fresh = f"sqlite:///{tmp_path}/fresh.db"
    sync(found, fresh)
    assert snapshot(fresh) == snapshot(uri)
    sync(found, fresh)
    assert snapshot(fresh) == snapshot(uri)


def test_other_thresholds_make_sync_replace_what_was_judged_by_the_old_ones(recorded, tmp_path, monkeypatch):
    found, _ = recorded
    monkeypatch.chdir(tmp_path)
    fresh = f"sqlite:///{tmp_path}/fresh.db"
    sync(found, fresh)
    record = json.loads((found.ledger.study_folder("tiny") / "study.json").read_text())
    before = json.dumps(record)
    try:
        record["study"]["stability"] |= {"near": 0.0, "moved": 0.0}
        found.ledger.write_study("tiny", record)
        changed = results("tiny", root=found.ledger.root)
        sync(changed, fresh)
        assert_equal_results(results("tiny", tracking_uri=fresh), changed)
        snapshot(fresh)
    finally:
        found.ledger.write_study("tiny", json.loads(before))


# -- interrupted and gone on -------------------------------------------------------------------------------------------


def test_attempts_that_were_killed_or_stopped_double_nothing(recorded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path), f"sqlite:///{tmp_path}/mlflow.db"
    play(study, killed := Tracker(study, print, uri=uri), trials=2, orphan=True)
    sleep(5)  # it writes some of it before it is killed
    kill(killed)
    play(study, Tracker(study, print, uri=uri), trials=1)
    sync(results("tiny", root=study.ledger.root), uri)
    studies, trials = runs_of(uri)
    assert [run.info.status for run in studies] == ["KILLED"]
    finished = len(list(tmp_path.glob("gan-studies/trials/*/facts.json")))
    assert 3 <= finished < 8
    assert Counter(run.info.status for run in trials) == {"FINISHED": finished, "KILLED": 1}
    assert_equal_results(results("tiny", tracking_uri=uri), results("tiny", root=study.ledger.root))
    play(study, Tracker(study, print, uri=uri))
    found = results("tiny", root=study.ledger.root)
    sync(found, uri)
    held, whole = snapshot(uri), snapshot(recorded[1])
    assert {run["status"] for run in held.values()} == {"FINISHED"}
    assert held.keys() == whole.keys()
    for name in held.keys() - {"tiny"}:  # the study's own run counts the trials at the end of every attempt
        assert {k: v for k, v in held[name]["metrics"].items() if k != "spent/elapsed_seconds"} == {
            k: v for k, v in whole[name]["metrics"].items() if k != "spent/elapsed_seconds"
        }


def test_sync_gives_an_interrupted_trial_the_curves_of_its_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, live, fresh = load_tiny(tmp_path), f"sqlite:///{tmp_path}/live.db", f"sqlite:///{tmp_path}/fresh.db"
    play(study, Tracker(study, print, uri=live), trials=1)
    found = results("tiny", root=study.ledger.root)
    sync(found, live)  # 10 s may be too short where other work goes on
    sync(found, fresh)
    held = snapshot(fresh)
    assert held == snapshot(live)
    (name,) = [name for name, run in held.items() if run["status"] == "KILLED" and name != "tiny"]
    assert len(held[name]["metrics"]["distance/sliced_wasserstein.median"]) == 3
    (run,) = [run for run in runs_of(fresh)[1] if run.info.run_name == name]
    assert 0 <= run.info.end_time - run.info.start_time < 60_000

    play(study)
    found = results("tiny", root=study.ledger.root)
    sync(found, fresh)
    assert {run["status"] for run in snapshot(fresh).values()} == {"FINISHED"}
    row = next(row for row in found.trials.to_dict("records") if trial_name(row) == name)
    assert_curves(client_of(fresh), run, found.curves, row)


def test_the_curves_of_an_interrupted_trial_need_no_class_of_the_users(tmp_path):
    progress = play(load_tiny(tmp_path), trials=0)
    planned = progress.pending()[0]
    checkpoint = progress.ledger.entry(planned.address).checkpoint()
    gone = replace(planned, identity={**planned.identity, "objective": {"kind": "gone:Gone"}})
    assert measurements_so_far(gone, checkpoint) == measurements_so_far(planned, checkpoint) != []


def trial_name(row):
    return f"{row['condition']}-{row['phase']}-{row['trial']}"


def test_a_trial_that_was_given_up_is_failed_and_then_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path), f"sqlite:///{tmp_path}/mlflow.db"
    progress = play(study, trials=0)
    given_up = progress.pending()[0]
    progress.ledger.entry(given_up.address).give_up("ValueError: no")
    sync(results("tiny", root=study.ledger.root), uri)
    _, trials = runs_of(uri)
    (run,) = [run for run in trials if run.info.run_name == given_up.name]
    assert (run.info.status, run.data.tags["outcome"]) == ("FAILED", "given up")
    assert_equal_results(results("tiny", tracking_uri=uri), results("tiny", root=study.ledger.root))
    progress.ledger.entry(given_up.address).try_again()
    play(study)
    sync(results("tiny", root=study.ledger.root), uri)
    assert {run["status"] for run in snapshot(uri).values()} == {"FINISHED"}


# -- servers that are gone ---------------------------------------------------------------------------------------------


def test_a_server_that_is_down_costs_two_sentences_and_no_more_than_ten_seconds(tmp_path):
    study, warnings = load_tiny(tmp_path), []
    tracker = Tracker(study, warnings.append, uri=f"http://127.0.0.1:{free_port()}")
    progress = play(study, tracker)
    assert not progress.pending()
    assert len(warnings) == 2
    assert "cannot be reached" in warnings[0]
    assert "gan-study sync" in warnings[1]


def test_a_server_that_never_answers_holds_a_study_up_for_ten_seconds_at_most(tmp_path):
    study, warnings = load_tiny(tmp_path), []
    with black_hole() as uri:
        tracker = Tracker(study, warnings.append, uri=uri)
        progress = play(study)
        tracker.opened(progress)
        started = monotonic()
        tracker.closed(progress, False)
        assert monotonic() - started < 11
    assert "gan-study sync" in warnings[-1]


@pytest.mark.parametrize(("set_by_user", "waited"), [(None, "60"), ("20", "20")])
def test_a_study_waits_five_seconds_for_an_answer_and_a_reader_a_minute(monkeypatch, set_by_user, waited):
    name = "MLFLOW_HTTP_REQUEST_TIMEOUT"
    monkeypatch.delenv(name, raising=False)
    if set_by_user:
        monkeypatch.setenv(name, set_by_user)
    mlflow_module()
    before = os.environ[name]
    assert before == (set_by_user or "5")
    with telling("http://127.0.0.1"):
        assert os.environ[name] == waited
    assert os.environ[name] == before


def test_a_listener_of_mlflow_never_raises(tmp_path):
    study, warnings = load_tiny(tmp_path), []
    play(study, Tracker(study, warnings.append, uri="nonsense://here"))
    assert len(warnings) == 2


@pytest.mark.slow
def test_a_server_that_dies_in_mid_study_is_repaired_by_sync(tmp_path):
    study, warnings = load_tiny(tmp_path), []
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    server = start_mlflow(tmp_path / "server", port)
    try:
        client_of(uri)
        tracker = Tracker(study, warnings.append, uri=uri)
        play(study, tracker, trials=3, orphan=True)
        end = monotonic() + 90
        while monotonic() < end and not any(run.info.status == "FINISHED" for run in trials_of(uri)):
            sleep(0.5)
        assert trials_of(uri), "it recorded something before it died"
        stop(server)
        kill(tracker)
        started = monotonic()
        second = Tracker(study, warnings.append, uri=uri)
        progress = play(study, second)
        assert not progress.pending()
        assert monotonic() - started < 40
        assert any("cannot be reached" in warning for warning in warnings)
        found = results("tiny", root=study.ledger.root)
        with pytest.raises(TrackingError, match="cannot be reached"):
            sync(found, uri)
        server = start_mlflow(tmp_path / "server", port)
        sync(found, uri)
        sync(found, f"sqlite:///{tmp_path}/fresh.db")
        held = snapshot(uri)
        assert {run["status"] for run in held.values()} == {"FINISHED"}
        assert_equal_results(results("tiny", tracking_uri=uri), found)
    finally:
        stop(server)


# -- a laptop: no ledger, only an address and a password ---------------------------------------------------------------

OWNER = Owner("owner", "planted-password-of-the-owner")


@pytest.fixture(scope="module")
def guarded(recorded, tmp_path_factory):
    """The address of a server that asks for a password, holds the study, and lets nobody but its owner read it."""
    found, _ = recorded
    with mlflow_server(tmp_path_factory.mktemp("guarded"), owner=OWNER) as uri:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in OWNER.environment().items():
                patch.setenv(name, value)
            sync(found, uri)
        visitor = {"username": "visitor", "password": "planted-password-of-the-visitor"}
        made = requests.post(
            f"{uri}/api/2.0/mlflow/users/create", json=visitor, auth=(OWNER.name, OWNER.password), timeout=60
        )
        assert made.status_code == 200, made.text
        yield uri


def refused(done, code):
    """The one sentence of a command that a user's surroundings do not let do its work."""
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("gan-study: ")
    assert done.stderr.count("\n") == 1
    assert "planted" not in done.stderr
    return done.stderr.removeprefix("gan-study: ").strip()


def test_a_laptop_without_a_ledger_gets_every_table_from_the_server(guarded, recorded, tmp_path):
    for table in TABLES:
        words = ("results", "tiny", "--table", table, "--format", "parquet", "--output", f"{table}.parquet")
        done = call(*words, folder=tmp_path, MLFLOW_TRACKING_URI=guarded, **OWNER.environment())
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        read, held = pd.read_parquet(tmp_path / f"{table}.parquet"), getattr(recorded[0], table)
        pd.testing.assert_frame_equal(read, held, check_exact=True, check_dtype=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{table}.parquet" for table in TABLES)


def test_a_ledger_here_is_read_without_asking_the_server(recorded):
    found, _ = recorded
    nowhere = f"http://127.0.0.1:{free_port()}"
    done = call("results", "tiny", folder=found.ledger.root.parent, MLFLOW_TRACKING_URI=nowhere)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "asks for a user and a password (HTTP 401), and none were given; set MLFLOW_TRACKING_USERNAME and"),
        (Owner("owner", "planted-wrong").environment(), "refuses the credentials of the environment (HTTP 401)"),
        (
            Owner("visitor", "planted-password-of-the-visitor").environment(),
            "does not permit that to this user (HTTP 403)",
        ),
    ],
    ids=["nobody", "wrong-password", "no-permission"],
)
def test_a_server_that_refuses_is_one_sentence(guarded, tmp_path, environment, sentence):
    done = call("results", "tiny", folder=tmp_path, MLFLOW_TRACKING_URI=guarded, **environment)
    told = refused(done, 2)
    assert told.startswith(f"there is no study tiny in {tmp_path}/gan-studies, and MLflow at {guarded} {sentence}")


def test_a_password_in_the_address_works_and_is_never_shown(guarded, tmp_path):
    for password, code in ((OWNER.password, 0), ("planted-wrong", 2)):
        uri = guarded.replace("//", f"//{OWNER.name}:{password}@")
        done = call("results", "tiny", folder=tmp_path, MLFLOW_TRACKING_URI=uri)
        assert done.returncode == code
        assert "planted" not in done.stdout + done.stderr
    assert f"MLflow at {guarded} refuses the user and the password in its address" in refused(done, 2)


@pytest.mark.parametrize("name", ["sync", "compare", "report"])
def test_credentials_that_a_server_refuses_are_the_users_error(guarded, recorded, tmp_path, name):
    study = str(recorded[0].ledger.study_folder("tiny")) if name == "sync" else "tiny"
    wrong = Owner("owner", "planted-wrong").environment()
    told = refused(call(name, study, folder=tmp_path, MLFLOW_TRACKING_URI=guarded, **wrong), 2)
    assert f"MLflow at {guarded} refuses the credentials of the environment (HTTP 401)" in told
    assert not list(tmp_path.iterdir())


def test_the_pages_of_a_server_elsewhere_are_told_without_its_password(guarded, tmp_path):
    uri = guarded.replace("//", f"//{OWNER.name}:{OWNER.password}@")
    for address, environment in ((guarded, OWNER.environment()), (uri, {})):
        done = call("ui", folder=tmp_path, MLFLOW_TRACKING_URI=address, **environment)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"  tiny: {guarded}/#/experiments/1/runs?" in done.stdout
        assert "planted" not in done.stdout
    told = refused(call("ui", folder=tmp_path, MLFLOW_TRACKING_URI=guarded), 2)
    assert told.startswith(f"MLflow at {guarded} asks for a user and a password")


def test_a_server_that_is_down_is_one_sentence(tmp_path):
    uri = f"http://127.0.0.1:{free_port()}"
    told = refused(call("results", "tiny", folder=tmp_path, MLFLOW_TRACKING_URI=uri), 1)
    assert told.startswith(f"there is no study tiny in {tmp_path}/gan-studies, and MLflow at {uri} cannot be reached")


def test_a_study_that_neither_ledger_nor_server_knows_is_the_users_error(guarded, tmp_path):
    surroundings = {"MLFLOW_TRACKING_URI": guarded, **OWNER.environment()}
    told = refused(call("results", "tinny", folder=tmp_path, **surroundings), 2)
    assert told == (
        f"tinny: there is no such study in {tmp_path}/gan-studies nor in MLflow at {guarded}; did you mean tiny?"
    )


# -- secrets and sentences ---------------------------------------------------------------------------------------------


def test_credentials_in_an_address_are_never_shown():
    assert shown_address("see http://me:planted@host:5000/x") == "see http://host:5000/x"
    assert shown_address("http://me:pl@nted@host/a@b, http://you@c/") == "http://host/a@b, http://c/"


def test_nothing_secret_reaches_ledger_or_mlflow(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "planted-password")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "planted-token")
    study, warnings = load_tiny(tmp_path), []
    play(study, Tracker(study, warnings.append, uri=f"http://me:planted-user@127.0.0.1:{free_port()}"))
    sync(results("tiny", root=study.ledger.root), f"sqlite:///{tmp_path}/mlflow.db")
    held = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(held) > 50
    assert not [path for path in held if b"planted" in path.read_bytes()]
    assert not any("planted" in warning for warning in warnings)


def test_a_password_in_the_address_reaches_nothing_that_is_kept(guarded, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "planted-token-of-the-cluster")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", guarded.replace("//", f"//{OWNER.name}:{OWNER.password}@"))
    study, warnings = load_tiny(tmp_path, 'name="hidden"'), []
    play(study, Tracker(study, warnings.append))
    sync(results("hidden", root=study.ledger.root))
    client = client_of(None)
    experiment = client.get_experiment_by_name("hidden")
    assert len(search(client, experiment.experiment_id, "")) == 9
    server = next(tmp_path.parent.glob("guarded*"))
    held = [path for folder in (tmp_path, server) for path in folder.rglob("*") if path.is_file()]
    names = {path.name for path in held}
    assert {"plan.jsonl", "study.json", "planned.json", "environment.json", "server.db", "server.log"} <= names
    assert not [path for path in held if b"planted" in path.read_bytes()]
    assert "planted" not in "".join([*warnings, *capfd.readouterr()])


def test_a_study_that_the_server_does_not_have_is_an_input_error(recorded):
    with pytest.raises(InputError, match="no such study; did you mean tiny"):
        results("tinny", tracking_uri=recorded[1])


def test_sync_says_in_one_sentence_that_the_server_is_down(recorded, tmp_path):
    found, _ = recorded
    uri = f"http://me:planted@127.0.0.1:{free_port()}"
    done = call("sync", str(found.ledger.study_folder("tiny")), folder=tmp_path, MLFLOW_TRACKING_URI=uri)
    assert done.returncode == 1
    assert done.stderr.startswith("gan-study: MLflow at http://127.0.0.1")
    assert done.stderr.count("\n") == 1
    assert "planted" not in done.stdout + done.stderr


def test_sync_of_an_unknown_study_is_the_users_error(tmp_path):
    done = call("sync", "nothing", folder=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_the_page_for_a_colleague_hangs_on_the_studys_run(recorded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where MLflow keeps the files of a database
    found, uri = recorded[0], f"sqlite:///{tmp_path}/mlflow.db"
    folder = found.ledger.study_folder("tiny")
    sync(found, uri)
    without = call("report", str(folder), "--no-tracking", folder=tmp_path, MLFLOW_TRACKING_URI=uri)
    assert (without.returncode, without.stdout.count("\n")) == (0, 1), without.stderr
    (run,), _ = runs_of(uri)
    assert "report" not in [file.path for file in client_of(uri).list_artifacts(run.info.run_id)]
    done = call("report", str(folder), folder=tmp_path, MLFLOW_TRACKING_URI=uri)
    assert done.returncode == 0, done.stderr
    assert "its run in MLflow at" in done.stdout
    held = open_artifact(client_of(uri), run, "report/tiny.html").read_text()
    assert held == (tmp_path / "tiny.html").read_text()


def test_a_page_is_written_though_the_server_is_down(recorded, tmp_path):
    folder = recorded[0].ledger.study_folder("tiny")
    uri = f"http://me:planted@127.0.0.1:{free_port()}"
    done = call("report", str(folder), folder=tmp_path, MLFLOW_TRACKING_URI=uri)
    assert done.returncode == 0
    assert (tmp_path / "tiny.html").exists()
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith("the page is written all the same\n")
    assert "planted" not in done.stdout + done.stderr


# -- the real thing ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_restarts_by_sigkill_and_sigint_leave_one_true_record(tmp_path):
    write_tiny(tmp_path)
    slower = ["run", "tiny.toml", "--set", "budget.steps=1500", "--set", "checkpoint.every_seconds=1"]
    for number in (signal.SIGKILL, signal.SIGINT):
        before = len(list((tmp_path / "gan-studies" / "trials").glob("*/facts.json")))
        process = subprocess.Popen(
            command(*slower), cwd=tmp_path, env=surroundings(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        end = monotonic() + 200
        while monotonic() < end and process.poll() is None:
            if len(list((tmp_path / "gan-studies" / "trials").glob("*/facts.json"))) > before:
                break
            sleep(0.1)
        sleep(1.5)
        process.send_signal(number)
        output = process.communicate(timeout=120)[0].decode()
        assert process.returncode == (130 if number == signal.SIGINT else -number), output
    interrupted = [run.info.status for run in chain(*runs_of(f"sqlite:///{tmp_path}/mlflow.db"))]
    assert "RUNNING" not in interrupted
    assert call(*slower, folder=tmp_path).returncode == 0
    assert call(*slower, folder=tmp_path).returncode == 0
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    held = snapshot(uri)
    assert len(held) == 1 + 8
    assert {run["status"] for run in held.values()} == {"FINISHED"}
    assert_equal_results(results("tiny", tracking_uri=uri), results("tiny", root=Ledger(tmp_path / "gan-studies").root))


@pytest.mark.slow
def test_a_server_over_http_holds_the_same_as_a_file(recorded, tmp_path):
    found, uri = recorded
    with mlflow_server(tmp_path / "server") as server:
        sync(found, server)
        assert snapshot(server) == snapshot(uri)
        assert_equal_results(results("tiny", tracking_uri=server), found)


@pytest.mark.parametrize(
    ("metric", "shown"),
    [
        ("sliced_wasserstein", "distance/sliced_wasserstein"),
        ("sliced_wasserstein_of_average", "distance/sliced_wasserstein_of_average"),
        ("distance_to_equilibrium", "distance/distance_to_equilibrium"),
        ("wasserstein_1", "samples/wasserstein_1"),
        ("cells_of_average", "samples/cells_of_average"),
        ("critic_slope", "training/critic_slope"),
        ("balance", "training/balance"),
        ("my_own", "training/my_own"),
    ],
)
def test_metrics_come_in_sections_that_tell_what_they_are_taken_of(metric: str, shown: str) -> None:
    assert in_section(metric) == shown
