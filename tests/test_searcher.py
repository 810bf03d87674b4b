"""Ends of trials without a result: what is tried again, what is recorded, and what it means for the study."""

import json
import pickle
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ray.exceptions import ActorDiedError, NodeDiedError, OutOfMemoryError
from tiny import SMALLER, finished, ledger_of, run_without_ray, same_numbers, study_in

from gan_core.outcomes import OUTCOMES
from studies.design import Design, TrialSpec
from studies.errors import InputError, StudyFailed
from studies.execution.ray_pack import RayPack
from studies.execution.runner import RunResult, _provenance
from studies.execution.searcher import CauseScheduler, DesignSearcher
from studies.execution.worker_deaths import as_actor_error
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.ledger.sealed import seal
from studies.ledger.trial_records import TrialRecord
from studies.locate import results
from studies.progress.events import Listener
from studies.progress.pending import Update
from studies.progress.standing import Needed

Fails = Callable[[str], Exception | None]


class Failing:
    """Replaces `RayPack._step`: packs of a trial whose name `error_of` gives an error for raise it.

    starts  number of times that each trial was started
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error_of: Fails):
        self.starts: Counter[str] = Counter()
        step = RayPack._step

        def failing(trainable: RayPack) -> dict[str, Any]:
            names = [trial["name"] for trial in trainable._trials]
            self.starts.update(names if trainable._training is None else [])
            errors = [error for name in names if (error := error_of(name)) is not None]
            if errors:
                for trial in trainable._trials:
                    trainable._ledger.unfinished(trial["key"]).mark_started("here")
                raise errors[0]
            return step(trainable)

        monkeypatch.setattr(RayPack, "_step", failing)


def states(ended: RunResult) -> dict[str, str]:
    return {trial.spec.name: trial.state for trial in ended.without_result}


def only(name: str, error: Callable[[], Exception]) -> Fails:
    return lambda trial: error() if trial == name else None


def assert_same_tables(first: Study, second: Study) -> None:
    mine, others = (results(study.name, root=study.ledger.root) for study in (first, second))
    for table in ("members", "curves", "ranking"):
        pd.testing.assert_frame_equal(getattr(mine, table), getattr(others, table), check_exact=True)
    entries, expected = finished(ledger_of(first)), finished(ledger_of(second))
    assert all(same_numbers(entries[key], expected[key]) for key in expected)


# -- lost: nobody's fault ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["wgan-explore-1", "wgan-exploit-0"])
def test_what_depends_on_a_lost_trial_waits_and_the_next_run_gives_the_numbers_of_an_undisturbed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished_study: Study, name: str
) -> None:
    study = study_in(tmp_path, *SMALLER)
    with monkeypatch.context() as disturbed:
        failing = Failing(disturbed, only(name, lambda: OSError(5, "Input/output error")))
        ended = run_without_ray(study)
    assert states(ended) == {name: "lost"}
    assert not ended.interrupted
    assert failing.starts[name] == 4  # limits.trial_retries = 3
    found = results("tiny", root=study.ledger.root)
    assert found.ranking["condition"].tolist() == ["gan"]
    assert found.trials["state"].tolist().count("lost") == 1
    assert set(found.trials["state"]) == {"lost", "finished"}
    assert set(found.members.query("condition == 'wgan'")["phase"]) == {"explore"}
    assert len(found.ended_members) == len(found.members)  # missing in the statistics, and no member of another name
    with pytest.raises(InputError, match=r"^wgan: is not confirmed yet"):
        found.best("wgan")

    ended = run_without_ray(study)
    assert (ended.without_result, ended.interrupted) == ([], False)
    assert_same_tables(study, finished_study)


def test_a_trial_that_is_lost_less_often_than_it_is_tried_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished_study: Study
) -> None:
    left = Counter({"wgan-explore-1": 3, "gan-confirm-0": 2})

    def sometimes(name: str) -> Exception | None:
        left[name] -= 1
        return OSError(5, "Input/output error") if left[name] >= 0 else None

    Failing(monkeypatch, sometimes)
    study = study_in(tmp_path, *SMALLER)
    assert run_without_ray(study).without_result == []
    assert_same_tables(study, finished_study)
    assert ledger_of(study).started() == set()


# -- the configuration's own -------------------------------------------------------------------------------------------

OWN = [
    (lambda: MemoryError("no"), "out_of_memory", 2),
    (lambda: ValueError("no"), "error", 2),
]


@pytest.mark.parametrize(("error", "state", "starts"), OWN)
def test_a_random_setting_that_cannot_be_trained_counts_as_one_that_does_not_work_under_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception], state: str, starts: int
) -> None:
    failing = Failing(monkeypatch, only("wgan-explore-1", error))
    study = study_in(tmp_path, *SMALLER)
    ended = run_without_ray(study)
    assert states(ended) == {"wgan-explore-1": state}
    assert failing.starts["wgan-explore-1"] == starts  # once more, then it is the setting's own
    found = results("tiny", root=study.ledger.root)
    assert sorted(found.ranking["condition"]) == ["gan", "wgan"]  # the others are searched and confirmed
    of_trial = found.ended_members.query("condition == 'wgan' and phase == 'explore' and trial == 1")
    assert of_trial["outcome"].tolist() == [state.replace("_", " ")] * 2
    assert set(found.members["outcome"]) <= set(OUTCOMES)
    assert found.members.query("condition == 'wgan' and phase == 'explore'")["trial"].unique().tolist() == [0, 2]


@pytest.mark.parametrize(("error", "state", "starts"), OWN[:1])
def test_a_confirm_trial_that_cannot_be_trained_leaves_its_condition_not_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception], state: str, starts: int
) -> None:
    failing = Failing(monkeypatch, only("wgan-confirm-0", error))
    study = study_in(tmp_path, *SMALLER)
    assert states(run_without_ray(study)) == {"wgan-confirm-0": state}
    assert failing.starts["wgan-confirm-0"] == starts
    found = results("tiny", root=study.ledger.root)
    assert found.ranking["condition"].tolist() == ["gan"]  # and never with a failure rate of 100 %
    assert set(found.ended_members.query("phase == 'confirm'")["condition"]) == {"gan"}
    name, sentence = state.replace("_", " "), f"{type(error()).__name__}: no"
    with pytest.raises(InputError) as refused:
        found.best("wgan")
    message = re.sub(r" \(test_searcher.py, line \d+\)", "", str(refused.value))
    assert message == f"wgan: is not confirmed, since its confirm trial ended without a result ({name}: {sentence})"


def test_an_exception_that_does_not_come_again_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished_study: Study
) -> None:
    left = Counter({"wgan-explore-1": 1, "gan-exploit-0": 1})

    def once(name: str) -> Exception | None:
        left[name] -= 1
        return MemoryError() if left[name] >= 0 else None

    Failing(monkeypatch, once)
    study = study_in(tmp_path, *SMALLER)
    assert run_without_ray(study).without_result == []
    assert_same_tables(study, finished_study)


def test_a_run_tries_trials_without_a_result_again_with_the_numbers_of_an_undisturbed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished_study: Study
) -> None:
    study = study_in(tmp_path, *SMALLER)
    with monkeypatch.context() as disturbed:
        Failing(disturbed, lambda name: MemoryError("no") if name in ("wgan-explore-0", "gan-confirm-0") else None)
        assert states(run_without_ray(study)) == {"wgan-explore-0": "out_of_memory", "gan-confirm-0": "out_of_memory"}
    assert run_without_ray(study).without_result == []
    assert_same_tables(study, finished_study)


def test_the_traceback_of_an_exception_is_kept_while_the_trial_has_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Failing(monkeypatch, only("gan-explore-0", lambda: ZeroDivisionError("division by zero")))
    study = study_in(tmp_path, *SMALLER, "search.exploit.trials=0", "search.confirm.best=0")
    run_without_ray(study)
    found = {trial.spec.name: trial for trial in results("tiny", root=study.ledger.root).trial_records}
    end = found["gan-explore-0"].end
    assert end is not None
    assert re.fullmatch(r"ZeroDivisionError: division by zero \(test_searcher.py, line \d+\)", end.reason)
    assert end.detail.startswith("Traceback (most recent call last):\n")
    assert end.detail.endswith("ZeroDivisionError: division by zero\n")
    assert "in failing" in end.detail


# -- the storage -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("calls", [0, 6])
def test_a_full_disk_while_a_trial_commits_stops_the_study_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished_study: Study, calls: int
) -> None:
    study, commit = study_in(tmp_path, *SMALLER), Ledger.commit
    committed: list[Any] = []

    def full(ledger: Ledger, rows: Any) -> str:
        if len(committed) >= calls:
            raise StudyFailed(f"the ledger cannot be written: {ledger.root} (No space left on device)")
        committed.extend(rows)
        return commit(ledger, rows)

    with monkeypatch.context() as disturbed:
        disturbed.setattr(Ledger, "commit", full)
        with pytest.raises(StudyFailed, match=r"the ledger cannot be written: .* \(No space left on device\)$"):
            run_without_ray(study)
    assert len(finished(ledger_of(study))) == len(committed) >= calls
    assert results("tiny", root=study.ledger.root).trials["state"].tolist().count("finished") == len(committed)
    assert run_without_ray(study).without_result == []
    assert_same_tables(study, finished_study)


# -- deaths of workers, as Tune reports them -------------------------------------------------------------------------


@dataclass
class TuneTrial:
    pickled_error_file: str | None
    trial_id: str = "1"


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (
            as_actor_error(OutOfMemoryError("1 worker(s) were killed due to the node running low on memory. Memory")),
            "out_of_memory",
            "Ray ended it because its node was running out of memory",
        ),
        (
            ActorDiedError(),
            "lost",
            "its worker or node was lost: ActorDiedError: The actor died unexpectedly before finishing this task.",
        ),
        (
            as_actor_error(NodeDiedError("the node is gone\nwith details")),
            "lost",
            "its worker or node was lost: RayActorError: NodeDiedError: the node is gone",
        ),
        (None, "lost", "its worker or node was lost: its worker died"),
    ],
)
def test_the_error_of_a_workers_death_decides_the_state_of_its_trial(
    tmp_path: Path, error: Exception | None, state: str, reason: str
) -> None:
    file = tmp_path / "error.pkl"
    file.write_bytes(pickle.dumps(error) if error else b"cut off")
    searcher, pack = searcher_of_one(tmp_path)
    CauseScheduler(searcher).on_trial_error(None, TuneTrial(str(file)))
    ended = searcher._end("1", pack, {})
    assert (ended.end.state, ended.end.reason) == (state, reason)
    assert (ended.node_lost, ended.storage_failed, ended.killed) == ("node" in reason.partition(": ")[2], False, False)


def searcher_of_one(folder: Path) -> tuple[DesignSearcher, tuple[TrialSpec, ...]]:
    """A searcher, and a pack of one trial of its study."""
    study = study_in(folder, *SMALLER)
    spec = next(Design(study, _provenance(study)).trials({}))
    ledger = ledger_of(study)
    ledger.create()
    return DesignSearcher(Progress([spec], ledger), {}, Listener(), retries=1), (spec,)  # type: ignore[arg-type]


def test_an_end_that_the_worker_reported_is_taken_as_it_is(tmp_path: Path) -> None:
    searcher, pack = searcher_of_one(tmp_path)
    end = {"state": "timed_out", "reason": "its training took longer", "detail": "", "at": 12.5}
    found = searcher._end("1", pack, {"end": json.dumps({"end": end, "storage_failed": True})})
    assert vars(found.end) == end
    assert found.storage_failed
    assert not found.killed


# -- order -------------------------------------------------------------------------------------------------------------


class Progress:
    """The progress of a study with these pending trials."""

    def __init__(self, pending: list[TrialSpec], ledger: Ledger):
        self.known, self.new, self.ledger = pending, list[TrialSpec](), ledger
        self.stopped: set[str] = set()
        self.needed = Needed(trials=len(pending), groups={})

    def pending(self) -> list[TrialSpec]:
        return self.known

    def update(self, trials: Sequence[TrialSpec]) -> Update:
        return Update([TrialRecord(trial, "finished") for trial in trials], [], self.new)

    def write_plan(self) -> None:
        pass


def test_a_trial_that_ran_out_of_memory_is_tried_again_alone_after_the_others(tmp_path: Path) -> None:
    study = study_in(tmp_path, *SMALLER)
    first, second, third, fourth, *_ = [
        replace(trial, place=None) for trial in Design(study, _provenance(study)).trials({})
    ]
    progress = Progress([first, second, third, fourth], ledger_of(study))
    searcher = DesignSearcher(progress, {"gpu_share": 0.25}, Listener(), retries=3)  # type: ignore[arg-type]
    shares = []

    def suggested(trial_id: str) -> str | None:
        found = searcher.suggest(trial_id)
        if isinstance(found, dict):
            shares.append(found["gpu_share"])
        return json.loads(found["payloads"][0])[0]["name"] if isinstance(found, dict) else found

    def ends(trial_id: str) -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Ledger, "finished", lambda ledger, keys, segment: set(keys))
            searcher.on_trial_complete(trial_id, {"segment": "trials/x.parquet"})

    assert [suggested("a"), suggested("b")] == [first.name, second.name]
    memory = {"state": "out_of_memory", "reason": "MemoryError: ", "detail": "", "at": 1.0}
    searcher.on_trial_complete("a", {"end": json.dumps({"end": memory, "storage_failed": False})})
    assert [suggested("c"), suggested("d")] == [third.name, fourth.name]
    assert suggested("e") is None  # the others run
    for trial_id in ("b", "c", "d"):
        ends(trial_id)
    assert suggested("e") == first.name
    progress.new.append(replace(second, phase="confirm", address="f" * 24))
    assert suggested("f") is None  # it runs alone
    ends("e")
    assert suggested("f") == progress.new[-1].name
    assert shares == [0.25, 0.25, 0.25, 0.25, 1.0, 0.25]  # alone it may take the whole GPU


# -- retries by cause --------------------------------------------------------------------------------------------------


def issued(searcher: DesignSearcher, trial_id: str) -> list[list[str]] | str | None:
    """Names of the trials of each pack that the searcher issues."""
    found = searcher.suggest(trial_id)
    if not isinstance(found, dict):
        return found
    return [[trial["name"] for trial in json.loads(pack)] for pack in found["payloads"]]


def pack_of_three(folder: Path) -> tuple[DesignSearcher, Ledger, list[TrialSpec]]:
    study = study_in(folder, *SMALLER, "search.packs=true")
    trials = [trial for trial in Design(study, _provenance(study)).trials({}) if trial.condition == "wgan"]
    assert len({trial.pack for trial in trials}) == 1
    ledger = ledger_of(study)
    ledger.create()
    progress = Progress(trials, ledger)
    return DesignSearcher(progress, {}, Listener(), retries=1), ledger, trials  # type: ignore[arg-type]


def lose_node(searcher: DesignSearcher, trial_id: str) -> None:
    searcher.note_cause(trial_id, as_actor_error(NodeDiedError("the node is gone")))
    searcher.on_trial_complete(trial_id, {}, error=True)


def test_a_pack_that_is_lost_with_its_node_is_issued_again_whole_without_counting_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studies.execution.searcher.MOST_NODE_LOSSES", 7)
    searcher, ledger, trials = pack_of_three(tmp_path)
    names = [trial.name for trial in trials]
    for time in range(8):  # retries is 1
        assert issued(searcher, str(time)) == [names]
        lose_node(searcher, str(time))
    assert issued(searcher, "end") == "FINISHED"
    ends = [ledger.unfinished(trial.key).end() for trial in trials]
    assert [end.state for end in ends if end is not None] == ["lost"] * 3


def kill(ledger: Ledger, trial: TrialSpec, state: str) -> None:
    """Leave what the watchdog of a worker leaves when it has killed the worker of a pack that begins with a trial."""
    record = {"key": trial.key, "state": state, "reason": "it hung", "detail": "", "at": 1.0}
    ledger.storage.replace(ledger.unfinished(trial.key).kill_object, seal(record))


def test_the_trials_of_a_pack_that_hung_are_each_tried_alone_and_only_the_one_that_hangs_is_over_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searcher, ledger, (first, second, third) = pack_of_three(tmp_path)
    assert issued(searcher, "a") == [[first.name, second.name, third.name]]
    kill(ledger, first, "timed_out")
    searcher.note_cause("a", ActorDiedError())
    searcher.on_trial_complete("a", {}, error=True)
    assert [issued(searcher, trial_id) for trial_id in "bcd"] == [[[first.name]], [[second.name]], [[third.name]]]
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "finished", lambda ledger, keys, segment: set(keys))
        searcher.on_trial_complete("b", {"segment": "trials/x.parquet"})
        searcher.on_trial_complete("d", {"segment": "trials/x.parquet"})
    kill(ledger, second, "timed_out")
    searcher.note_cause("c", ActorDiedError())
    searcher.on_trial_complete("c", {}, error=True)
    assert issued(searcher, "e") == "FINISHED"  # not again
    ends = [ledger.unfinished(trial.key).end() for trial in (first, second, third)]
    assert [end and (end.state, end.reason) for end in ends] == [None, ("timed_out", "it hung"), None]


def test_a_trial_that_took_too_much_memory_is_tried_once_more(tmp_path: Path) -> None:
    searcher, pack = searcher_of_one(tmp_path)
    ledger = searcher._progress.ledger
    for trial_id in "ab":
        assert issued(searcher, trial_id) == [[pack[0].name]]
        kill(ledger, pack[0], "out_of_memory")
        searcher.on_trial_complete(trial_id, {}, error=True)
    assert issued(searcher, "c") == "FINISHED"
    end = ledger.unfinished(pack[0].key).end()
    assert end is not None
    assert end.state == "out_of_memory"
