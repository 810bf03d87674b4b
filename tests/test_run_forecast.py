"""Simulated runs: their trials are those of the design, and their time is that of a schedule on several processes."""

import json
import operator
from collections import Counter
from typing import Any

import numpy as np
import pytest
from simulated import PROVENANCE, STUDY

from gan_core.data import Digits
from studies.design import Design, counts, least, total
from studies.file.study import Study
from studies.forecast import run_forecast
from studies.forecast.pack_costs import PackCosts
from studies.forecast.pack_work import Works
from studies.forecast.run_forecast import (
    FIRST_PACK_RATIO,
    OTHER_PROGRAMS,
    START_RATIO,
    Range,
    SimulatedRun,
    Simulation,
    run_seconds,
    simulate,
)
from studies.forecast.simulated_trials import SimulatedTrials

SHAPE = Digits().load().sample_shape


def load(tmp_path, *overrides):
    file = tmp_path / "study.toml"
    file.write_text(STUDY)
    return Study.load(file, overrides=overrides)


def nothing_ended(keys):
    return {}


def simulation(study, processes=2):
    return Simulation(Design(study, PROVENANCE), nothing_ended, Works(SHAPE), processes, full=False)


def trials_of(run):
    counted: Counter[tuple[str, str]] = Counter()
    for work, _ in run.packs:
        counted[work.condition, work.phase] += work.trials
    return counted


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["search.explore=9", "search.exploit.trials=5", "search.exploit.batch=2"],
        ["search.explore=17", "search.confirm.best=2", "search.confirm.authors=true", "search.profile=4"],
        ["search.confirm.authors=true", "search.confirm.path=true"],
        ["search.explore=10", "conditions.gan.training.n_critic={choice=[1,2,3]}"],
    ],
)
def test_a_simulated_run_trains_exactly_the_trials_that_the_design_counts(tmp_path, overrides):
    study = load(tmp_path, *overrides)
    run = simulation(study).run(PackCosts({}), 0)
    planned = {
        (condition.name, phase): count
        for condition in study.conditions
        for phase, count in counts(study, condition).items()
        if count
    }
    # a trial of a path that equals another trial is trained once
    if study.search.confirm.path:
        assert {key: count for key, count in trials_of(run).items() if key[1] in ("explore", "confirm")} == {
            key: count for key, count in planned.items() if key[1] in ("explore", "confirm")
        }
        assert sum(trials_of(run).values()) <= total(study)
    else:
        assert dict(trials_of(run)) == planned


def test_packs_and_seeds_are_those_of_the_design(tmp_path):
    study = load(tmp_path, "search.explore=17")
    design = Design(study, PROVENANCE)
    explore = [trial for trial in design.trials({}) if trial.phase == "explore"]
    run = simulation(study).run(PackCosts({}), 0)
    packs = [work for work, _ in run.packs if work.phase == "explore"]
    assert len(packs) == len({trial.pack for trial in explore})
    assert Counter(work.trials for work in packs) == Counter(Counter(trial.pack for trial in explore).values())
    places = {trial.place.trials for trial in explore if trial.place is not None}
    assert {work.case.members for work in packs} == {slots * study.seeds for slots in places}
    assert {work.seeds for work in packs} == {study.seeds}
    assert json.loads(packs[0].example)[0]["identity"]["seeds"] == explore[0].seeds


def test_further_fresh_seeds_make_the_range_from_the_least_to_the_largest_number_of_trials(tmp_path):
    study = load(tmp_path, "search.confirm.most=12")
    runs = [simulation(study).run(PackCosts({}), number) for number in (0, 1)]
    trained = [sum(work.trials for work, _ in run.packs) for run in runs]
    assert trained[0] == least(study)
    assert least(study) < trained[1] <= total(study)


def scheduled(trials: Any, seconds_of: Any, processes: int, first_seconds: float = 0.0) -> SimulatedRun:
    """The schedule of packs that are numbers."""
    number_of: Any = operator.itemgetter(0)
    return simulate(trials, number_of, seconds_of, processes, first_seconds=first_seconds)


class Independent:
    """Packs that can all start at once."""

    def __init__(self, count):
        self.count = count

    def first(self):
        return [(number,) for number in range(self.count)]

    def end(self, pack):
        return []


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_the_time_of_a_schedule_lies_within_grahams_bounds(processes):
    seconds = np.random.default_rng(3).uniform(2.0, 9.0, 40)
    run = scheduled(Independent(40), lambda number: float(seconds[number]), processes)
    handover = 0.1
    work = seconds.sum() + 40 * handover
    longest = seconds.max() + handover
    assert work / processes <= run.seconds + 1e-9
    assert run.seconds <= work / processes + (1 - 1 / processes) * longest + 1e-9
    assert run.work_seconds == pytest.approx(seconds.sum())


class Chain(Independent):
    """Packs each of which can start once the one before has ended."""

    def first(self):
        return [(0,)]

    def end(self, pack):
        return [(pack[0] + 1,)] if pack[0] + 1 < self.count else []


def test_packs_that_wait_for_results_take_the_sum_of_their_times_on_any_number_of_processes():
    run = scheduled(Chain(7), lambda number: 2.0 + number, processes=4)
    assert run.seconds == pytest.approx(sum(2.1 + number for number in range(7)))


def test_more_processes_train_the_same_packs_in_less_time(tmp_path):
    study = load(tmp_path, "search.explore=40")
    one, many = (simulation(study, processes).run_as_measured(PackCosts({})) for processes in (1, 4))
    assert many.work_seconds == pytest.approx(one.work_seconds)
    assert many.seconds < one.seconds


def test_the_design_that_is_simulated_is_not_changed(tmp_path):
    study = load(tmp_path, "search.exploit.trials=2")
    design = Design(study, PROVENANCE)
    before = [trial.key for trial in design.trials({})]
    Simulation(design, nothing_ended, Works(SHAPE), 2, full=False).run(PackCosts({}), 0)
    assert [trial.key for trial in design.trials({})] == before


def test_trials_that_have_ended_are_not_trained_again(tmp_path):
    study = load(tmp_path)
    design = Design(study, PROVENANCE)
    explore = {trial.key for trial in design.trials({}) if trial.phase == "explore"}
    simulated = SimulatedTrials(design.copy(), nothing_ended, np.random.default_rng(0), undecided=False)
    result = simulated._result(next(iter(design.trials({}))))
    run = Simulation(design, lambda keys: {key: result for key in keys if key in explore}, Works(SHAPE), 2, full=False)
    assert {work.phase for work, _ in run.run(PackCosts({}), 0).packs} == {"confirm"}


def test_a_run_that_trains_nothing_takes_no_time_and_any_other_takes_the_start_of_ray(tmp_path):
    study = load(tmp_path)
    nothing = scheduled(Independent(0), lambda number: 1.0, processes=2)
    assert run_seconds(nothing, 2.0) == 0
    run = simulation(study).run(PackCosts({}), 0)
    assert run_seconds(run, 4.0) - run_seconds(run, 2.0) == pytest.approx(2 * START_RATIO)
    assert run_seconds(run, None) > run.seconds


def test_the_first_pack_of_every_process_takes_longer(tmp_path):
    def seconds(first):
        return scheduled(Independent(5), lambda number: 2.0, processes=2, first_seconds=first)

    assert (seconds(0.0).seconds, seconds(3.0).seconds) == pytest.approx((6.3, 9.3))
    assert seconds(3.0).work_seconds == seconds(0.0).work_seconds + 2 * 3.0
    plain = simulation(load(tmp_path)).run(PackCosts({}), 0, 0.0)
    assert simulation(load(tmp_path)).run(PackCosts({}), 0, 5.0).work_seconds - plain.work_seconds == pytest.approx(
        2 * 5.0 * FIRST_PACK_RATIO
    )


def test_packs_take_longer_where_a_run_uses_every_core(tmp_path):
    design = Design(load(tmp_path), PROVENANCE)
    some, every = (
        Simulation(design, nothing_ended, Works(SHAPE), 2, full=full).run(PackCosts({}), 0, 0.0)
        for full in (False, True)
    )
    assert every.work_seconds * (1 - OTHER_PROGRAMS) == pytest.approx(some.work_seconds)


def test_the_driver_takes_time_of_each_trial_only_where_a_run_uses_every_core(tmp_path, monkeypatch):
    design, trials = Design(load(tmp_path), PROVENANCE), least(load(tmp_path))

    def seconds(full, driver):
        monkeypatch.setattr(run_forecast, "DRIVER_SECONDS", driver)
        return Simulation(design, nothing_ended, Works(SHAPE), 1, full=full).run(PackCosts({}), 0, 0.0).seconds

    assert seconds(True, 2.0) - seconds(True, 0.0) == pytest.approx(2.0 * trials)
    assert seconds(False, 2.0) == seconds(False, 0.0)


def test_other_processes_keep_each_trials_process_from_its_core():
    alone = scheduled(Independent(6), lambda number: 1.0, 2)
    number_of: Any = operator.itemgetter(0)
    beside = simulate(Independent(6), number_of, lambda number: 1.0, 2, driver_seconds=0.5)  # type: ignore[arg-type]
    assert beside.seconds == pytest.approx(alone.seconds + 3 * 0.5)
    assert beside.work_seconds == alone.work_seconds


def test_a_range_holds_80_percent_of_the_values():
    values = list(np.arange(1001.0))
    assert Range.of(values) == Range(100.0, 500.0, 900.0)
