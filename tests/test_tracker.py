import signal
import subprocess
import threading
from collections import Counter
from itertools import chain
from time import monotonic, sleep

import pytest
from mlflow_contents import assert_equal_results, client_of, contents, recorded_tiny, runs_of
from recorded import call, command, load_tiny, process_environment, run_pending, write_tiny
from servers import black_hole, free_port, start_mlflow, stop

from studies.errors import TrackingError
from studies.ledger.ledger import Ledger
from studies.locate import results
from studies.tracking.bundle import Bundle
from studies.tracking.tracker import MAX_END_SECONDS, Tracker, sync

pytestmark = pytest.mark.slow  # writes databases of MLflow


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return recorded_tiny(tmp_path_factory)


def kill(tracker):
    """End a tracker's thread without a further request, as the end of its process does."""
    tracker._queue.put(lambda backlog: setattr(tracker, "_complete", True))
    tracker._thread.join(60)
    assert not tracker._thread.is_alive()


# -- interrupted and resumed -------------------------------------------------------------------------------------------


def test_killed_and_stopped_attempts_record_nothing_twice(recorded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path), f"sqlite:///{tmp_path}/mlflow.db"
    run_pending(study, killed := Tracker(study, print, uri=uri), trials=2, killed=True)
    sleep(5)  # it writes some of it before it is killed
    kill(killed)
    run_pending(study, Tracker(study, print, uri=uri), trials=1)
    sync(Ledger(study.ledger.root), "tiny", uri)
    studies, trials = runs_of(uri)
    assert [run.info.status for run in studies] == ["KILLED"]
    finished = len(Ledger(study.ledger.root).committed())
    assert 3 <= finished < 8
    assert Counter(run.info.status for run in trials) == {"FINISHED": finished, "KILLED": 1}
    assert_equal_results(results("tiny", tracking_uri=uri), results("tiny", root=study.ledger.root))
    run_pending(study, Tracker(study, print, uri=uri))
    sync(Ledger(study.ledger.root), "tiny", uri)
    resumed, undisturbed = contents(uri), contents(recorded.uri)
    assert {run["status"] for run in resumed.values()} == {"FINISHED"}
    assert resumed.keys() == undisturbed.keys()
    for name in resumed.keys() - {"tiny"}:  # the study's own run counts the trials at the end of every attempt
        assert reproducible_metrics(resumed[name]) == reproducible_metrics(undisturbed[name])


def reproducible_metrics(run):
    return {name: values for name, values in run["metrics"].items() if name != "spent/elapsed_seconds"}


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_after_sigkill_and_sigint_mlflow_has_every_trial_once(tmp_path):
    write_tiny(tmp_path)
    ledger = Ledger(tmp_path / "gan-studies")
    slower = ["run", "tiny.toml", "--set", "budget.steps=1500", "--set", "checkpoint.every_seconds=1"]
    for number in (signal.SIGKILL, signal.SIGINT):
        before = len(ledger.committed())
        process = subprocess.Popen(
            command(*slower), cwd=tmp_path, env=process_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        end = monotonic() + 200
        while monotonic() < end and process.poll() is None:
            if len(ledger.committed()) > before:
                break
            sleep(0.1)
        sleep(1.5)
        process.send_signal(number)
        output = process.communicate(timeout=120)[0].decode()
        assert process.returncode == (130 if number == signal.SIGINT else -number), output
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    assert "RUNNING" not in [run.info.status for run in chain(*runs_of(uri))]
    assert call(*slower, folder=tmp_path).returncode == 0
    assert call(*slower, folder=tmp_path).returncode == 0
    runs = contents(uri)
    assert len(runs) == 1 + 8
    assert {run["status"] for run in runs.values()} == {"FINISHED"}
    assert_equal_results(results("tiny", tracking_uri=uri), results("tiny", root=ledger.root))


def test_a_study_with_a_changed_condition_is_read_from_the_server_while_it_runs_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study, uri = load_tiny(tmp_path), f"sqlite:///{tmp_path}/mlflow.db"
    run_pending(study, trials=3)
    ledger = Ledger(study.ledger.root)
    sync(ledger, "tiny", uri)
    changed = load_tiny(tmp_path, "conditions.wgan.constraint.clip_value={log_uniform=[0.02, 0.03]}")
    bundle = Bundle.from_tags(runs_of(uri)[0][0].data.tags)
    run_pending(changed, tracker := Tracker(changed, print, uri=uri), trials=0, killed=True)
    end = monotonic() + 100
    while monotonic() < end and Bundle.from_tags(runs_of(uri)[0][0].data.tags) == bundle:
        sleep(0.2)
    kill(tracker)
    found, local = results("tiny", tracking_uri=uri), results("tiny", root=ledger.root)
    assert found.study == local.study
    assert len(found.members) > 0
    assert found.members.equals(local.members)


# -- servers that do not answer ----------------------------------------------------------------------------------------


def test_a_server_that_is_down_costs_two_warnings_and_the_study_finishes(tmp_path):
    study = load_tiny(tmp_path)
    warnings: list[str] = []
    tracker = Tracker(study, warnings.append, uri=f"http://127.0.0.1:{free_port()}")
    progress = run_pending(study, tracker)
    assert not progress.pending()
    assert len(warnings) == 2
    assert "cannot be reached" in warnings[0]
    assert "once the server answers, run gan-study sync" in warnings[1]


def test_of_a_damaged_store_no_server_is_waited_for(tmp_path):
    study = load_tiny(tmp_path)
    (tmp_path / "mlflow.db").write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 64)
    warnings: list[str] = []
    run_pending(study, Tracker(study, warnings.append, uri=f"sqlite:///{tmp_path}/mlflow.db"))
    assert "is damaged" in warnings[0]
    assert "once its store can be written, run gan-study sync" in warnings[1]


def test_a_server_that_never_answers_delays_a_study_by_the_stated_time_at_most(tmp_path):
    study = load_tiny(tmp_path)
    warnings: list[str] = []
    with black_hole() as uri:
        tracker = Tracker(study, warnings.append, uri=uri)
        progress = run_pending(study)
        tracker.opened(progress.standing(), progress.needed)
        started = monotonic()
        tracker.closed(progress.standing(), False)
        assert monotonic() - started < MAX_END_SECONDS + 1
    assert "gan-study sync" in warnings[-1]


@pytest.mark.parametrize(("recorded", "waits"), [((50, 50, 3), 3), ((50, 3, 50), 2), ((0, 50), 1)])
def test_the_end_of_a_run_waits_again_only_if_enough_trials_were_recorded(tmp_path, recorded, waits):
    """`recorded` holds the number of trials recorded during each wait of twenty seconds."""
    tracker, counts = Tracker(load_tiny(tmp_path), print), iter(recorded)

    class Work(threading.Thread):
        def is_alive(self):
            return True

        def join(self, timeout=None):
            assert timeout is not None
            assert MAX_END_SECONDS <= timeout < MAX_END_SECONDS + 1
            tracker._ended += next(counts)

    tracker._wait(Work())
    assert len(list(counts)) == len(recorded) - waits


def test_a_tracker_never_raises_into_the_run(tmp_path):
    study = load_tiny(tmp_path)
    warnings: list[str] = []
    run_pending(study, Tracker(study, warnings.append, uri="nonsense://here"))
    assert len(warnings) == 2


@pytest.mark.soak
def test_sync_completes_the_record_after_a_server_died_during_the_study(tmp_path):
    study = load_tiny(tmp_path)
    warnings: list[str] = []
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    server = start_mlflow(tmp_path / "server", port)
    try:
        client_of(uri)
        tracker = Tracker(study, warnings.append, uri=uri)
        run_pending(study, tracker, trials=3, killed=True)
        end = monotonic() + 90
        while monotonic() < end and not any(run.info.status == "FINISHED" for run in runs_of(uri)[1]):
            sleep(0.5)
        assert runs_of(uri)[1], "it recorded something before it died"
        stop(server)
        kill(tracker)
        started = monotonic()
        progress = run_pending(study, Tracker(study, warnings.append, uri=uri))
        assert not progress.pending()
        assert monotonic() - started < 40
        assert any("cannot be reached" in warning for warning in warnings)
        ledger = Ledger(study.ledger.root)
        with pytest.raises(TrackingError, match="cannot be reached"):
            sync(ledger, "tiny", uri)
        server = start_mlflow(tmp_path / "server", port)
        sync(ledger, "tiny", uri)
        assert {run["status"] for run in contents(uri).values()} == {"FINISHED"}
        assert_equal_results(results("tiny", tracking_uri=uri), results("tiny", root=ledger.root))
    finally:
        stop(server)


# -- system metrics ----------------------------------------------------------------------------------------------------


def test_system_metrics_if_wanted_are_those_of_the_studys_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true")
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.2")
    study, uri = load_tiny(tmp_path), f"sqlite:///{tmp_path}/mlflow.db"
    run_pending(study, tracker := Tracker(study, print, uri=uri), trials=1)
    assert tracker._thread is not None
    tracker._thread.join(120)  # on a busy machine the run does not wait for all of it
    (own,), trials = runs_of(uri)
    assert {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"} <= own.data.metrics.keys()
    assert trials
    assert not any(name.startswith("system/") for run in trials for name in run.data.metrics)
