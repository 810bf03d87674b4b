"""Trials of a study in packs: which pack and slot each has, and that a pack gives every trial the bits it has alone."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import SMALLER, finished, ledger_of, run_without_ray, same_numbers, study_in

from studies.design import Design, Place, Provenance, TrialSpec, payload
from studies.execution.pack_training import PackTraining
from studies.execution.runner import _provenance
from studies.execution.searcher import DesignSearcher
from studies.file.study import Study
from studies.ledger.entries import Entry
from studies.ledger.ledger import Ledger
from studies.ledger.trial_records import TrialRecord
from studies.progress.events import Listener
from studies.progress.pending import StudyProgress

HERE = Provenance(data_fingerprint="none", torch_version="none", device="cpu")
NONFINITE = ("conditions.gan.training.critic_optimizer={kind='sgd',lr={choice=[0.01,1e30]}}",)


def packed(folder: Path, *overrides: str) -> Study:
    return study_in(folder, "search.packs=true", *overrides)


def explored(study: Study, condition: str) -> list[TrialSpec]:
    trials = Design(study, HERE).trials({})
    return [trial for trial in trials if (trial.condition, trial.phase) == (condition, "explore")]


def places(study: Study, condition: str) -> list[Place | None]:
    return [trial.place for trial in explored(study, condition)]


def place(pack: int, slot: int) -> Place:
    return Place(pack=pack, slot=slot, trials=24)  # 48 members with two seeds each


# -- which pack and slot ----------------------------------------------------------------------------------------------


def test_trials_that_differ_in_numbers_alone_fill_packs_in_the_order_of_the_draws(tmp_path: Path) -> None:
    study = packed(tmp_path, "search.explore=26")
    assert places(study, "wgan") == [place(index // 24, index % 24) for index in range(26)]


def test_trials_of_different_structure_are_in_different_packs(tmp_path: Path) -> None:
    study = packed(tmp_path, "search.explore=8")  # n_critic goes through 1, 2, 3
    assert places(study, "gan") == [place(index % 3, index // 3) for index in range(8)]


def test_more_explore_trials_change_no_place_and_no_address(tmp_path: Path) -> None:
    fewer, more = (packed(tmp_path, f"search.explore={count}") for count in (8, 20))
    for condition in ("wgan", "gan"):
        before, after = explored(fewer, condition), explored(more, condition)
        assert [trial.address for trial in after[:8]] == [trial.address for trial in before]
        assert len({trial.address for trial in after}) == 20


def test_the_address_depends_on_the_slot_and_not_on_the_number_of_the_pack(tmp_path: Path) -> None:
    study = packed(tmp_path)
    design, condition = Design(study, HERE), study.condition("wgan")
    (trial, *_) = explored(study, "wgan")
    setting = condition.setting(trial.configuration).table()

    def address(place: Place | None) -> str:
        return design.spec(condition, "explore", 0, trial.configuration, setting, place).address

    assert address(place(0, 0)) == address(place(5, 0)) == trial.address
    others = [place(0, 1), replace(place(0, 0), trials=8), None]
    assert len({trial.address, *(address(other) for other in others)}) == 4


@pytest.mark.parametrize(
    "override",
    [
        "seeds=25",  # two trials would have more members than a pack
        "networks.generator.width=2000",  # a pack would be no faster
        "search.packs=false",
    ],
)
def test_trials_that_gain_nothing_by_a_pack_have_none(tmp_path: Path, override: str) -> None:
    assert set(places(packed(tmp_path, override), "wgan")) == {None}


@pytest.mark.parametrize(("explore", "in_packs"), [(7, False), (8, True)])
def test_by_default_a_block_of_draws_is_the_least_number_of_trials_for_packs(
    tmp_path: Path, explore: int, in_packs: bool
) -> None:
    study = packed(tmp_path, f"search.explore={explore}", "search.packs=auto")
    assert [place is not None for place in places(study, "wgan")] == [in_packs] * explore


def test_exploit_trials_of_two_batches_are_in_two_packs_and_confirm_trials_in_none(tmp_path: Path) -> None:
    study = packed(tmp_path, "search.explore=2", "search.exploit={trials=3,batch=2}")
    scores = Scores()
    trials = list(Design(study, HERE).trials(scores))
    exploit = [trial.place for trial in trials if (trial.condition, trial.phase) == ("wgan", "exploit")]
    assert exploit == [Place(pack=pack, slot=slot, trials=2) for pack, slot in ((0, 0), (0, 1), (1, 0))]
    assert {trial.place for trial in trials if trial.phase == "confirm"} == {None}


class Scores(dict[str, float]):
    """The same score for every trial."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> float:
        return 0.5


# -- the order in which packs are issued -------------------------------------------------------------------------------


def test_conditions_are_balanced_within_one_pack_at_every_moment(tmp_path: Path) -> None:
    study = packed(tmp_path, "search.explore=60", "search.exploit.trials=0", "search.confirm.best=0")
    ledger = ledger_of(study)
    with ledger.writing(study.name) as lease:
        progress = StudyProgress(Design(study, HERE), ledger, lease)
        searcher = DesignSearcher(progress, {}, Listener(), retries=3, per_process=1)
        issued: Counter[str] = Counter()
        while isinstance(config := searcher.suggest(str(len(issued))), dict):
            names = [trial["name"] for trial in json.loads(config["payloads"][0])]
            issued.update(name.partition("-")[0] for name in names)
            assert abs(issued["wgan"] - issued["gan"]) <= 24
            if issued.total() == 120:
                break
    assert issued == {"wgan": 60, "gan": 60}


# -- the same bits in a pack and alone ---------------------------------------------------------------------------------


def trained(ledger: Ledger, trials: Sequence[TrialSpec], stop: int | None = None) -> list[Entry]:
    """Train trials of one pack to their end, or to a checkpoint after `stop` iterations."""
    training = PackTraining(json.loads(payload(trials)), ledger.unfinished(trials[0].key))
    while not training.done and (stop is None or training.iteration < stop):
        training.advance(0.001 if stop else 60)
    if stop is not None:
        training.save_checkpoint()
        return []
    ledger.commit(training.rows())
    entries = finished(ledger)
    return [entries[trial.key] for trial in trials]


def pack_of(study: Study, condition: str) -> list[TrialSpec]:
    trials = [trial for trial in Design(study, _provenance(study)).trials({}) if trial.condition == condition]
    return [trial for trial in trials if trial.pack == trials[0].pack]


def assert_same(entries: Sequence[Entry], others: Sequence[Entry]) -> None:
    assert len(entries) == len(others)
    for one, other in zip(entries, others, strict=True):
        assert same_numbers(one, other)


@pytest.mark.parametrize(
    "overrides", [pytest.param((), marks=pytest.mark.soak), ("seeds=3", "training.generator_average=0.9"), NONFINITE]
)
@pytest.mark.parametrize("condition", ["wgan", "gan"])
def test_a_trial_has_the_same_bits_alone_and_among_others(
    tmp_path: Path, condition: str, overrides: Sequence[str]
) -> None:
    study = packed(tmp_path, *overrides)
    trials = pack_of(study, condition)[:4]
    assert len(trials) > 2
    together = trained(Ledger(tmp_path / "together"), trials)
    alone = [entry for trial in trials for entry in trained(Ledger(tmp_path / "alone"), [trial])]
    assert_same(together, alone)


def test_a_trial_ends_when_its_members_are_nonfinite_and_the_others_go_on(tmp_path: Path) -> None:
    study = packed(tmp_path, *NONFINITE)
    trials = pack_of(study, "gan")
    entries = trained(ledger_of(study), trials)
    failed = [trial.configuration["training.critic_optimizer.lr"] > 1 for trial in trials]
    assert {True, False} == set(failed)
    for entry, has_failed in zip(entries, failed, strict=True):
        assert (len(entry.curves.steps) < 7) is has_failed
        assert (None not in entry.facts["nonfinite_step"]) is has_failed
        assert (entry.facts["generator_steps"] < 36) is has_failed


def test_seconds_are_shared_equally_by_the_trials_of_a_pack(tmp_path: Path) -> None:
    study = packed(tmp_path)
    trials = pack_of(study, "wgan")
    entries = trained(ledger_of(study), trials)
    assert len({entry.facts["elapsed_seconds"] for entry in entries}) == 1
    assert {entry.facts["trials_sharing_seconds"] for entry in entries} == {len(trials)}
    assert "in equal shares" in entries[0].log()


# -- checkpoints -------------------------------------------------------------------------------------------------------


def test_a_pack_goes_on_from_its_checkpoint_with_fewer_trials(tmp_path: Path) -> None:
    study = packed(tmp_path)
    trials = pack_of(study, "wgan")
    expected = trained(Ledger(tmp_path / "undisturbed"), trials)
    ledger = ledger_of(study)
    trained(ledger, trials, stop=10)
    kept = [trial for trial in trials if trial is not trials[3]]
    entries = trained(ledger, kept)
    assert_same(entries, [entry for entry in expected if entry.key != trials[3].key])
    assert "resumed at iteration" in entries[0].log()


def test_a_pack_begins_anew_with_trials_that_its_checkpoint_lacks(tmp_path: Path) -> None:
    study = packed(tmp_path)
    trials = pack_of(study, "wgan")
    expected = trained(Ledger(tmp_path / "undisturbed"), trials)
    ledger = ledger_of(study)
    trained(ledger, trials[:3], stop=10)
    entries = trained(ledger, trials)
    assert_same(entries, expected)
    assert "began anew, since its checkpoint is that of fewer trials of its pack" in entries[0].log()


def test_the_checkpoint_of_a_pack_is_found_from_each_of_its_trials(tmp_path: Path) -> None:
    study = packed(tmp_path)
    trials, ledger = pack_of(study, "wgan"), ledger_of(study)
    trained(ledger, trials, stop=10)
    for trial in trials:
        ledger.unfinished(trial.key).mark_started("here", checkpoint=trials[0].key)
        checkpoint: Any = ledger.checkpoint(trial.key)
        assert set(checkpoint["trials"]) == {trial.key for trial in trials}
    trained(ledger, trials)
    assert ledger.started() == set()
    assert ledger.checkpoint(trials[1].key) is None


def test_the_checkpoint_of_a_pack_with_fewer_trials_is_not_that_of_the_others(tmp_path: Path) -> None:
    study = packed(tmp_path)
    trials, ledger = pack_of(study, "wgan"), ledger_of(study)
    trained(ledger, trials[:2], stop=10)
    ledger.unfinished(trials[4].key).mark_started("here", checkpoint=trials[0].key)
    assert ledger.checkpoint(trials[4].key) is None


# -- a whole study -----------------------------------------------------------------------------------------------------


def test_an_extended_study_trains_the_new_trials_alone_in_the_packs_that_have_room(tmp_path: Path) -> None:
    search = ("search.exploit.trials=0", "search.confirm.best=0")
    study = packed(tmp_path, "search.explore=8", *search)
    run_without_ray(study)
    before = {key: entry.facts["ended_at"] for key, entry in finished(ledger_of(study)).items()}
    run_without_ray(packed(tmp_path, "search.explore=20", *search))
    after = finished(ledger_of(study))
    assert len(before) == 16
    assert len(after) == 40
    assert {key: after[key].facts["ended_at"] for key in before} == before
    anew = packed(tmp_path, "search.explore=20", *search, f"ledger.root={tmp_path / 'anew'}")
    run_without_ray(anew)
    others = finished(ledger_of(anew))
    keys = sorted(after)
    assert sorted(others) == keys
    assert_same([after[key] for key in keys], [others[key] for key in keys])


def test_trials_that_ended_together_share_a_segment(tmp_path: Path) -> None:
    study = packed(tmp_path, *SMALLER)
    run_without_ray(study)
    segments = list((tmp_path / "ledger" / "trials").iterdir())
    # wgan: explore, exploit, confirm; gan: three numbers of critic steps, exploit, confirm
    assert len(segments) == 3 + 5
    assert np.unique([entry.place for entry in finished(ledger_of(study)).values()]).size == 8


@pytest.mark.parametrize("packs_per_process", [1, 3])
def test_the_number_of_packs_that_a_process_is_given_changes_no_number(tmp_path: Path, packs_per_process: int) -> None:
    studies = [
        packed(tmp_path, *SMALLER, f"resources.packs_per_process={count}", f"ledger.root={tmp_path / str(count)}")
        for count in ("auto", packs_per_process)
    ]
    for study in studies:
        run_without_ray(study)
    first, second = (finished(ledger_of(study)) for study in studies)
    keys = sorted(first)
    assert sorted(second) == keys
    assert_same([first[key] for key in keys], [second[key] for key in keys])


def test_packs_that_a_process_did_not_come_to_are_issued_again(tmp_path: Path) -> None:
    study, ends = packed(tmp_path, "search.explore=6", "search.exploit.trials=0"), EndedTrials()
    ledger = ledger_of(study)
    with ledger.writing(study.name) as lease:
        progress = StudyProgress(Design(study, HERE), ledger, lease)
        searcher = DesignSearcher(progress, {}, ends, retries=3, per_process=4)
        first: Any = searcher.suggest("a")
        assert len(first["payloads"]) == 4  # wgan, and three numbers of critic steps of gan
        searcher.on_trial_complete("a", None, error=True)
        again: Any = searcher.suggest("b")
        assert sorted(again["payloads"]) == sorted(first["payloads"])
    assert ends.names == []


class EndedTrials(Listener):
    """The names of the trials that ended."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def ended(self, trial: TrialRecord) -> None:
        self.names.append(trial.spec.name)
