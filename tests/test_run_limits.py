"""Limits of a run, and of a condition whose trials keep ending without a result."""

from collections.abc import Callable
from pathlib import Path

import pytest
from test_searcher import Failing, states
from tiny import SMALLER, actor, run_without_ray, study_in

from studies.design import Design, TrialSpec, payload
from studies.errors import InputError
from studies.execution import disk_space, run_limits
from studies.execution.pack_training import PackTraining
from studies.execution.run_limits import RunLimits
from studies.execution.runner import _provenance
from studies.file.run_settings import Limits
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.ledger.trial_records import TrialRecord
from studies.ledger.unfinished import TrialEnd
from studies.locate import results
from studies.progress.failures_in_a_row import FailuresInARow
from studies.reporting.text.stopped_conditions import stopped


class Clock:
    """Replaces the clock of `run_limits`."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(run_limits, "monotonic", clock)
    return clock


def test_a_run_ends_once_its_time_is_over(tmp_path: Path, clock: Clock) -> None:
    limits = RunLimits(Limits(study_seconds=90), tmp_path)
    clock.now += 90
    assert not limits.stop_all()
    assert limits.reached == ""
    clock.now += 0.1
    assert limits.stop_all()
    assert limits.reached == "the run took longer than limits.study_seconds = 90 (1:30)"
    assert not limits("trial", {})


def test_a_run_ends_once_the_disk_has_less_left_than_is_kept_free(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [600_000_000]
    monkeypatch.setattr(run_limits, "free_bytes", lambda folder: free[0])
    limits = RunLimits(Limits(disk_free_gb=0.5), tmp_path)
    clock.now += 2
    assert not limits.stop_all()
    free[0] = 499_000_000
    assert not limits.stop_all()  # has looked just now
    clock.now += 2
    assert limits.stop_all()
    assert limits.reached == ("the disk of the ledger has 499 MB left, less than limits.disk_free_gb = 0.5 leaves free")


def test_a_run_on_a_disk_that_is_nearly_full_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_in(tmp_path)
    monkeypatch.setattr(disk_space, "free_bytes", lambda folder: 120_000_000)
    with pytest.raises(InputError) as refused:
        run_without_ray(study)
    assert str(refused.value) == (
        f"limits.disk_free_gb: must leave 500 MB free on the disk of the ledger, but {tmp_path} has 120 MB; free some "
        "space, or set it lower"
    )
    assert not Path(study.ledger.root).exists()


# -- failures of a condition -------------------------------------------------------------------------------------------

RECORDS: dict[str, Callable[[TrialSpec], TrialRecord]] = {
    "finished": lambda spec: TrialRecord(spec, "finished", entry=object()),  # type: ignore[arg-type]
    "error": lambda spec: TrialRecord(spec, "error", end=TrialEnd(state="error", reason="no", at=1.0)),
    "lost": lambda spec: TrialRecord(spec, "lost", end=TrialEnd(state="lost", reason="no", at=1.0)),
}


@pytest.mark.parametrize(
    ("ends", "most", "reached"),
    [
        (["error", "error", "error"], 3, [False, False, True]),
        (["error", "lost", "error", "error"], 3, [False, False, False, True]),
        (["error", "error", "finished", "error", "error"], 3, [False] * 5),
        (["error"] * 5, None, [False] * 5),
        (["error", "error"], 1, [True, False]),
    ],
)
def test_failures_count_since_the_last_result_without_lost_trials(
    tmp_path: Path, ends: list[str], most: int | None, reached: list[bool]
) -> None:
    study = study_in(tmp_path)
    spec = next(Design(study, _provenance(study)).trials({}))
    failures = FailuresInARow(most)
    assert [failures.reached(RECORDS[end](spec)) for end in ends] == reached


def test_a_condition_whose_trials_keep_failing_is_stopped_and_the_others_are_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished_study: Study
) -> None:
    study = study_in(tmp_path, "search.explore=6", "search.exploit.trials=1", "limits.condition_failures=3")
    with monkeypatch.context() as disturbed:
        failing = Failing(disturbed, lambda name: ValueError("planted") if name.startswith("wgan") else None)
        ended = run_without_ray(study)
    assert set(states(ended).values()) == {"error"}
    assert len(states(ended)) == 3
    assert not ended.interrupted
    assert ended.limit == ""
    assert {name for name in failing.starts if name.startswith("wgan")} == set(states(ended))
    found = results("tiny", root=study.ledger.root)
    assert found.ranking["condition"].tolist() == ["gan"]
    assert found.trials.query("condition == 'wgan'")["state"].tolist() == ["error"] * 3
    (stated,) = stopped(found)
    assert (stated.condition, stated.failures, stated.left) == ("wgan", 3, 5)
    assert stated.last.state == "error"
    assert stated.last.reason.startswith("ValueError: planted")
    ended = run_without_ray(study)  # the module was mended
    assert (ended.without_result, ended.interrupted) == ([], False)
    assert list(stopped(results("tiny", root=study.ledger.root))) == []


# -- the time of a pack ------------------------------------------------------------------------------------------------


def test_the_time_of_a_pack_is_shared_by_its_places_whether_a_trial_is_in_them_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_in(tmp_path, *SMALLER, "search.packs=true", "limits.trial_seconds=10")
    ledger = Ledger(study.ledger.root)
    ledger.create()
    trials = [trial for trial in Design(study, _provenance(study)).trials({}) if trial.condition == "wgan"]
    assert trials[0].place is not None
    places = trials[0].place.trials
    assert places > len(trials)  # some of the places are empty
    for group in (trials[:2], trials[:1]):
        trainable = actor(ledger.root, payload(group), limits={"trial_seconds": 10.0})
        monkeypatch.setattr(PackTraining, "_pack_seconds", 9.9 * places)
        assert "end" not in trainable.step()
    trainable = actor(ledger.root, payload(trials[:1]), limits={"trial_seconds": 10.0})
    monkeypatch.setattr(PackTraining, "_pack_seconds", 10.1 * places)
    monkeypatch.setattr(PackTraining, "advance", lambda training, seconds: None)  # nor does it end before
    assert "timed_out" in trainable.step()["end"]
