"""The remaining time of a run: from rough costs corrected by what has ended, or from measured ones."""

from dataclasses import replace

import pytest
from recorded import load_tiny, run_pending

from studies.execution.resources import Node, Resources
from studies.forecast.calibration import Calibration
from studies.forecast.pack_costs import PackCost, PackCosts
from studies.forecast.remaining_time import RunForecast
from studies.forecast.run_forecast import OTHER_PROGRAMS
from studies.ledger.trial_records import read_records

HUNDRED_SECONDS = PackCost(
    critic_step=0.0,
    generator_step=0.0,
    pretraining_step=0.0,
    health=0.0,
    evaluation=0.0,
    last_evaluation=0.0,
    fixed=100.0,
    commit=0.0,
    spread=0.01,
    memory_bytes=1e9,
)


@pytest.fixture
def measured(monkeypatch):
    """Every pack takes 100 seconds, and that was measured."""

    def cached(cases, cache):
        costs = PackCosts(dict.fromkeys(cases, HUNDRED_SECONDS))
        return Calibration(costs=costs, start_seconds=2.0, left_out=0)

    monkeypatch.setattr("studies.forecast.study_plan.cached", cached)


def cores(count):
    return Resources(nodes=(Node(cpu=count, gpu=0),))


def slower(record, seconds):
    entry = record.entry
    return replace(record, entry=replace(entry, facts={**entry.facts, "elapsed_seconds": seconds}))


def started(folder):
    """Progress and forecast of an interrupted run, a finished trial, and the number of trials left of 8."""
    study = load_tiny(folder)
    progress = run_pending(study, trials=1)
    forecast = RunForecast(study, progress.ledger.root, cores(1))
    finished = [trial for trial in read_records(progress.ledger, progress.trials(), running=True) if trial.finished]
    return progress, forecast, finished[0], 8 - len(finished)


def test_without_a_measurement_nothing_is_forecast_until_a_trial_has_ended(tmp_path):
    _, forecast, record, _ = started(tmp_path)
    assert forecast.seconds is None
    assert forecast.remaining({}) is None
    forecast.ended(slower(record, 3.0))
    once = forecast.remaining({})
    assert once is not None
    assert once > 0


def test_twice_the_seconds_of_what_has_ended_are_twice_the_remaining_time(tmp_path):
    _, forecast, record, _ = started(tmp_path)
    forecast.ended(slower(record, 3.0))
    once = forecast.remaining({})
    _, other, _, _ = started(tmp_path / "other")
    other.ended(slower(record, 6.0))
    assert other.remaining({}) == pytest.approx(2 * once, rel=1e-6)


def test_a_measured_run_is_forecast_from_its_packs_and_the_start_of_ray(tmp_path, measured):
    _, forecast, _, left = started(tmp_path)
    assert forecast.seconds is not None
    # the start takes nine seconds, and the only process leaves a part of its core to Ray and the driver
    assert forecast.seconds.low < 100 * left / (1 - OTHER_PROGRAMS) + 9 < forecast.seconds.high
    assert forecast.remaining({}) == pytest.approx(100 * left, rel=0.01)


def test_what_a_running_trial_has_trained_is_not_left(tmp_path, measured):
    progress, forecast, _, left = started(tmp_path)
    spec = progress.pending()[0]
    assert forecast.remaining({spec.key: (spec, 4)}) == pytest.approx(100 * left - 50, rel=0.01)  # half of 8 steps


def test_the_true_speed_of_the_packs_that_ended_replaces_the_measured_one(tmp_path, measured):
    _, forecast, record, left = started(tmp_path)
    forecast.ended(slower(record, 300.0))
    assert forecast.remaining({}) == pytest.approx(100 * (left - 1) * (300 + 20) / (100 + 20), rel=0.01)


def test_the_last_pack_takes_its_own_time_however_many_processes_are_free(tmp_path, measured):
    study = load_tiny(tmp_path)
    progress = run_pending(study, trials=1)
    forecast = RunForecast(study, progress.ledger.root, cores(64))
    forecast._done = forecast._run.work_seconds - 100.0  # all but one pack have ended
    spec = progress.pending()[-1]
    assert forecast.remaining({spec.key: (spec, 0)}) == pytest.approx(100.0, rel=0.01)
