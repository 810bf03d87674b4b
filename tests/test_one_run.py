"""Studies that MLflow holds in one run, with the tables of all trials."""

from time import monotonic, sleep

import numpy as np
import pytest
from hostile_server import Store, files_written, light, serving
from mlflow_contents import Recorded, artifact, assert_equal_results, client_of, runs_of
from recorded import load_tiny, run_pending

from studies.errors import InputError, TrackingError
from studies.ledger.ledger import Ledger
from studies.ledger.unfinished import TrialEnd
from studies.locate import results
from studies.tracking import one_run
from studies.tracking.run_content import CHECKSUM_TAG
from studies.tracking.run_count import RUNS_TAG
from studies.tracking.run_faults import examine, mend
from studies.tracking.study_run import StudyRun
from studies.tracking.tracker import Tracker, sync

pytestmark = pytest.mark.slow  # writes databases of MLflow
ONE_RUN = 'tracking.runs="study"'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("one-run")


@pytest.fixture(scope="module")
def recorded(folder):
    """A finished study and the store that has its one run. No test may change it."""
    study, uri = load_tiny(folder, ONE_RUN, "search.packs=true"), f"sqlite:///{folder}/mlflow.db"
    client_of(uri).create_experiment("tiny", artifact_location=str(folder / "mlruns"))
    run_pending(study, Tracker(study, print, uri=uri))
    sync(Ledger(study.ledger.root), "tiny", uri)  # the tracker's 20 s may be too short on a busy machine
    return results("tiny", root=study.ledger.root), uri


def curve(uri, metric):
    (run,), _ = runs_of(uri)
    history = client_of(uri).get_metric_history(run.info.run_id, metric)
    return [(logged.step, logged.value) for logged in history]


def test_a_study_has_its_own_run_alone_and_the_same_tables_as_the_ledger(recorded):
    local, uri = recorded
    (run,), trials = runs_of(uri)
    assert trials == []
    assert run.info.status == "FINISHED"
    assert run.data.tags[RUNS_TAG] == "study"
    downloaded = results("tiny", tracking_uri=uri)
    assert_equal_results(downloaded, local)
    assert (downloaded.question, downloaded.environment) == (local.question, local.environment)


def test_generators_samples_and_logs_of_confirm_trials_are_there_and_no_others(recorded):
    local, uri = recorded
    downloaded = results("tiny", tracking_uri=uri)
    np.testing.assert_array_equal(downloaded.best("wgan").generator(2)(3), local.best("wgan").generator(2)(3))
    np.testing.assert_array_equal(downloaded.samples("gan"), local.samples("gan"))
    for trial, expected in zip(downloaded.trial_records, local.trial_records, strict=True):
        assert trial.entry is not None
        assert expected.entry is not None
        if trial.spec.phase == "confirm":
            assert trial.entry.log() == expected.entry.log()
        else:
            with pytest.raises(InputError, match="one run holds all trials, are the generators, samples and logs of"):
                trial.entry.log()


def test_metrics_of_each_condition_follow_the_trials_that_ended(recorded):
    local, uri = recorded
    for condition, trials in local.trials.groupby("condition", observed=True):
        searched, members = trials[trials["phase"] != "confirm"], local.members
        stable = (members[members["condition"] == condition]["outcome"] == "stable").mean()
        steps, counts = zip(*curve(uri, f"trials_ended/{condition}"), strict=True)
        assert counts[-1] == len(trials) == 4
        assert list(steps) == sorted(steps)
        assert steps[-1] <= len(local.trials)
        assert curve(uri, f"stable_share/{condition}")[-1][1] == pytest.approx(stable)
        assert curve(uri, f"best_search_score/{condition}")[-1][1] == searched["search_score"].max()
    assert {f"rank/{condition}": rank for condition, rank in local.ranks.items()} == {
        name: value for name, value in runs_of(uri)[0][0].data.metrics.items() if name.startswith("rank/")
    }


def test_the_tables_are_artifacts_and_the_notes_say_that_there_is_one_run(recorded):
    _, uri = recorded
    (run,), _ = runs_of(uri)
    client = client_of(uri)
    names = {file.path for file in client.list_artifacts(run.info.run_id, "tables")}
    assert {f"tables/{name}.parquet" for name in ("trials", "members", "curves", "ranking")} <= names
    assert {file.path for file in client.list_artifacts(run.info.run_id, "samples")} >= {"samples/gan.png"}
    note = client.get_experiment_by_name("tiny").tags["mlflow.note.content"]
    assert "holds all 8 trials, since the study file's field `tracking.runs` is `study`" in note
    assert "`stable_share/CONDITION`" in note


def test_a_second_sync_changes_nothing(recorded, monkeypatch):
    local, uri = recorded
    before, metrics = runs_of(uri)[0][0], curve(uri, "trials_ended/gan")
    sent, original = [], StudyRun.log_contents

    def noted(study_run, run_id, files, folder=""):
        sent.append(folder)
        original(study_run, run_id, files, folder)

    monkeypatch.setattr(StudyRun, "log_contents", noted)
    sync(Ledger(local.place), "tiny", uri)
    assert [folder.partition("/")[0] for folder in sent] == ["bundle", "bundle"]  # no entry
    after = runs_of(uri)[0][0]
    assert (after.info.start_time, after.info.end_time) == (before.info.start_time, before.info.end_time)
    assert curve(uri, "trials_ended/gan") == metrics
    assert examine(Ledger(local.place), "tiny", uri) == []


@pytest.mark.soak
def test_a_resumed_study_is_recorded_as_one_that_was_not_interrupted(tmp_path, monkeypatch, recorded):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path, ONE_RUN), f"sqlite:///{tmp_path}/mlflow.db"
    run_pending(study, Tracker(study, print, uri=uri), trials=3)
    ledger = Ledger(study.ledger.root)
    sync(ledger, "tiny", uri)
    interrupted = results("tiny", tracking_uri=uri)
    assert_equal_results(interrupted, results("tiny", root=ledger.root))
    finished = len(ledger.committed())
    assert 3 <= finished < 8
    assert sorted(interrupted.trials["state"]) == ["finished"] * finished + ["interrupted"]
    assert runs_of(uri)[0][0].info.status == "KILLED"
    run_pending(study, Tracker(study, print, uri=uri))
    sync(ledger, "tiny", uri)
    assert_equal_results(results("tiny", tracking_uri=uri), results("tiny", root=ledger.root))
    ends = {name: curve(uri, name)[-1][1] for name in runs_of(uri)[0][0].data.metrics if "/" in name}
    (undisturbed,), _ = runs_of(recorded[1])
    assert ends == {name: undisturbed.data.metrics[name] for name in ends}


def test_a_trial_without_a_result_is_in_the_tables_and_makes_the_run_failed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path, ONE_RUN), f"sqlite:///{tmp_path}/mlflow.db"
    progress = run_pending(study, trials=0)
    end = TrialEnd(state="timed_out", reason="too slow", detail="", at=1.5e9)
    progress.ledger.unfinished(progress.pending()[0].key).record_end(end)
    sync(progress.ledger, "tiny", uri)
    downloaded = results("tiny", tracking_uri=uri)
    assert_equal_results(downloaded, results("tiny", root=study.ledger.root))
    assert [(trial.state, trial.end) for trial in downloaded.trial_records] == [("timed_out", end)]


@pytest.mark.soak
def test_a_study_that_outgrows_its_runs_keeps_the_complete_ones_and_can_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path), f"sqlite:///{tmp_path}/mlflow.db"
    run_pending(study, trials=2)
    ledger = Ledger(study.ledger.root)
    sync(ledger, "tiny", uri)
    finished = len(ledger.committed())
    assert sorted(run.info.status for run in runs_of(uri)[1]) == ["FINISHED"] * finished + ["KILLED"]
    grown = load_tiny(tmp_path, ONE_RUN)
    run_pending(grown, Tracker(grown, print, uri=uri))
    sync(ledger, "tiny", uri)
    assert [CHECKSUM_TAG in run.data.tags for run in runs_of(uri)[1]] == [True] * finished
    assert_equal_results(results("tiny", tracking_uri=uri), results("tiny", root=ledger.root))
    assert examine(ledger, "tiny", uri) == []
    run_pending(study)  # changes the record back to a run for each trial
    sync(ledger, "tiny", uri)
    assert len(runs_of(uri)[1]) == 8
    assert_equal_results(results("tiny", tracking_uri=uri), results("tiny", root=ledger.root))


@pytest.mark.soak
def test_a_run_that_was_left_open_is_closed_by_mending(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path, ONE_RUN), f"sqlite:///{tmp_path}/mlflow.db"
    run_pending(study)
    ledger = Ledger(study.ledger.root)
    sync(ledger, "tiny", uri)
    client_of(uri).update_run(runs_of(uri)[0][0].info.run_id, status="RUNNING")
    faults = examine(ledger, "tiny", uri)
    assert [fault.kind for fault in faults] == ["open"]
    assert len(list(mend(ledger, faults, uri))) == 1
    assert examine(ledger, "tiny", uri) == []


@pytest.mark.soak
def test_a_damaged_entry_of_a_confirm_trial_is_an_error_and_sync_writes_it_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path, ONE_RUN), f"sqlite:///{tmp_path}/mlflow.db"
    client_of(uri).create_experiment("tiny", artifact_location=str(tmp_path / "mlruns"))
    run_pending(study)
    ledger = Ledger(study.ledger.root)
    sync(ledger, "tiny", uri)
    local = results("tiny", root=ledger.root)
    (file,) = (tmp_path / "mlruns").rglob(f"entry/{local._winner('gan').spec.key}/*.parquet")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(TrackingError, match=r"are damaged .* gan-study sync writes them again"):
        results("tiny", tracking_uri=uri).samples("gan")
    sync(ledger, "tiny", uri)
    np.testing.assert_array_equal(results("tiny", tracking_uri=uri).samples("gan"), local.samples("gan"))


def test_the_progress_of_a_running_study_is_on_the_server(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path, ONE_RUN), f"sqlite:///{tmp_path}/mlflow.db"
    notes: list[str] = []
    tracker = Tracker(study, print, note=notes.append, uri=uri)
    run_pending(study, tracker, trials=3, killed=True)
    end = monotonic() + 100
    store = tmp_path / "mlflow.db"  # a client would create it, at the same time as the tracker
    while monotonic() < end and not (
        store.exists() and (found := runs_of(uri)[0]) and "trials_ended/gan" in found[0].data.metrics
    ):
        sleep(0.2)
    tracker._queue.put(lambda backlog: setattr(tracker, "_complete", True))
    assert tracker._thread is not None
    tracker._thread.join(60)
    (run,), trials = runs_of(uri)
    assert (run.info.status, trials) == ("RUNNING", [])
    assert 1 <= run.data.metrics["trials_ended/gan"] <= 2
    assert notes == [
        "MLflow: one run holds the tables of all 8 trials; tracking.runs = 'trials' gives each trial a run, the "
        "default up to 300 trials"
    ]
    assert artifact(client_of(uri), run, "study.json").exists()
    assert len(results("tiny", tracking_uri=uri).trials) >= 0  # a bundle from the start on


# -- a hostile server ------------------------------------------------------------------------------------------------


@pytest.fixture
def store(recorded):
    """Content of a server that holds the study in one run."""
    return Store.of(Recorded(*recorded))


def entry_paths(store):
    return sorted(path for path in store.files if path.startswith(store.path(store.study_run, "entry/")))


def test_a_true_server_gives_the_tables_and_the_confirmed_generators_and_no_file_is_written(store, recorded):
    local, _ = recorded
    with serving(store) as uri, files_written() as written:
        downloaded = results("tiny", tracking_uri=uri)
        assert_equal_results(downloaded, local)
        np.testing.assert_array_equal(downloaded.samples("wgan"), local.samples("wgan"))
    assert written == []


def test_tables_whose_facts_are_forged_are_refused(store):
    store.replace_rows([light(row, elapsed_seconds="long") for row in store.rows()])
    with serving(store) as uri, pytest.raises(TrackingError, match="are damaged"):
        results("tiny", tracking_uri=uri)


@pytest.mark.parametrize("tag", [None, "trials", "both\n"])
def test_a_wrong_word_about_the_number_of_runs_changes_no_table(store, recorded, tag):
    store.set_tag(store.study_run, RUNS_TAG, tag)
    with serving(store) as uri:
        assert_equal_results(results("tiny", tracking_uri=uri), recorded[0])


def test_the_entry_of_another_trial_is_refused(store):
    first, second = entry_paths(store)
    folder = first.rpartition("/")[0]
    store.files[f"{folder}/{second.rpartition('/')[2]}"] = store.files[second]
    del store.files[first]
    with serving(store) as uri:
        downloaded = results("tiny", tracking_uri=uri)
        keys = {condition: downloaded._winner(condition).spec.key for condition in ("wgan", "gan")}
        (swapped,) = [condition for condition, key in keys.items() if folder.endswith(key)]
        (other,) = keys.keys() - {swapped}
        with pytest.raises(TrackingError, match="is not the entry of"):
            downloaded.samples(swapped)
        assert len(downloaded.samples(other)) == 4


def test_an_entry_that_is_there_twice_is_refused(store):
    for path in entry_paths(store):
        store.files[f"{path.rpartition('/')[0]}/{'0' * 32}.parquet"] = store.files[path]
    with serving(store) as uri, pytest.raises(TrackingError, match="it holds 2 entries, not one"):
        results("tiny", tracking_uri=uri).samples("gan")


@pytest.mark.parametrize(("trials", "points"), [(100, 100), (200, 199), (20_000, 684)])
def test_a_curve_has_some_hundred_points_whatever_the_number_of_trials(trials, points):
    logged = [0]
    for ended in range(1, trials + 1):
        if one_run.is_due(ended, logged[-1]):
            logged.append(ended)
    assert len(logged) - 1 == points
