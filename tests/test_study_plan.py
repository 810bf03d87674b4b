"""Plans of real studies: what a ledger has of them, what a changed file trains again, and their measured costs."""

import json
import re
from dataclasses import replace
from pathlib import Path

import command_line
import pytest
from command_line import Call
from recorded import load_tiny, run_pending
from rich.console import Console
from tiny import SMALLER, TINY, ledger_of, study_in

from studies.design import Design, counts
from studies.execution.resources import Node, Resources
from studies.execution.runner import _provenance, _register
from studies.file.real_samples import load_samples
from studies.file.study import Study
from studies.forecast.cost_cache import CostCache
from studies.forecast.ledger_bytes import bytes_of
from studies.forecast.measurement import measure
from studies.forecast.pack_costs import _without_measurement
from studies.forecast.pack_work import Case, Work, Works
from studies.forecast.remaining_time import RunForecast
from studies.forecast.study_plan import Planner, cached_seconds, plan_of
from studies.ledger.ledger import Ledger
from studies.ledger.trial_records import read_records
from studies.reporting.terminal.plan_text import _ledger_lines, plan_table, print_plan, time_sentence
from studies.tracking.row_counts import _trial_rows, tracking_rows
from studies.tracking.run_content import logged_metrics, params, run_content

call, tiny_file = command_line.call, command_line.tiny_file
DOCS = Path(__file__).parent.parent / "docs" / "plan.md"
ONE_CORE = Resources(nodes=(Node(cpu=1, gpu=0),))


def same_ledger(study: Study, folder: Path, *overrides: str) -> Study:
    """The study with other settings, and the ledger of `study`."""
    return study_in(folder, *SMALLER, *overrides, f"ledger.root={study.ledger.root}")


def finished_trials(study: Study):
    ledger, design = ledger_of(study), Design(study, _provenance(study))
    return [record for record in read_records(ledger, design.trials({}), running=False) if record.finished]


def files(folder: str) -> dict[str, float]:
    return {str(path): path.stat().st_mtime for path in Path(folder).rglob("*")}


# -- what the ledger has ---------------------------------------------------------------------------------------------


def test_nothing_is_trained_or_measured_for_a_finished_study_and_nothing_is_written(finished_study: Study) -> None:
    before = files(finished_study.ledger.root)
    plan = plan_of(finished_study, tracking=tracking_rows(finished_study))
    assert files(finished_study.ledger.root) == before
    assert (plan.least, plan.most) == (10, 10)
    assert re.fullmatch(r"<Plan of tiny: 10 trials, \d+:\d\d to \d+:\d\d>", repr(plan))
    assert [condition.in_ledger for condition in plan.conditions] == [5, 5]
    assert plan.seconds.high == plan.process_seconds.high == plan.ledger_bytes.high == 0
    assert (plan.measured_now, plan.kinds, plan.memory_bytes) == (0, 0, None)
    assert plan.changes.exists
    assert plan.changes.refused == ()
    assert plan.changes.retrained == ()


def test_a_changed_condition_is_trained_again_and_the_changed_key_is_named(finished_study, tmp_path, uncalibrated):
    plan = plan_of(same_ledger(finished_study, tmp_path, "conditions.gan.training.batch=9"))
    (again,) = plan.changes.retrained
    assert (again.condition, again.trials) == ("gan", 5)
    assert again.changes == (("training.batch", 8, 9),)
    assert [condition.in_ledger for condition in plan.conditions] == [5, 0]
    assert [condition.to_train.high for condition in plan.conditions] == [0, 5]
    assert plan.changes.refused == ()


def test_a_change_that_a_run_refuses_is_named(finished_study, tmp_path, uncalibrated):
    plan = plan_of(same_ledger(finished_study, tmp_path, "budget.steps=37"))
    assert plan.changes.refused == (("budget.steps", 36, 37),)
    assert sum(again.trials for again in plan.changes.retrained) == 10


def test_what_would_be_trained_again_is_said_only_if_a_run_trains_something(finished_study, tmp_path, uncalibrated):
    changed = plan_of(same_ledger(finished_study, tmp_path, "conditions.gan.training.batch=9"))
    refused = plan_of(same_ledger(finished_study, tmp_path, "budget.steps=37"))
    said = "gan: 5 finished trials would be trained again, since training.batch was 8 and is 9."
    assert said in list(_ledger_lines(changed))
    condition = replace(changed.conditions[1], in_ledger=5)
    whole = replace(changed, conditions=(changed.conditions[0], condition))
    assert list(_ledger_lines(whole)) == ["The ledger has all 10 trials: a run trains nothing."]
    assert [line.partition(":")[0] for line in _ledger_lines(refused)] == [
        "The ledger has none of the 10 trials.",
        "A run is refused",
    ]


def test_interrupted_trials_are_counted(tmp_path, uncalibrated):
    study = load_tiny(tmp_path)
    run_pending(study, trials=2)
    plan = plan_of(study)
    assert (plan.begun, plan_table(plan)["trials_begun"]) == (1, 1)
    assert list(_ledger_lines(plan)) == [
        'The ledger has 2 of the 8 trials already; the column "to train" has what a run trains.',
        "1 trial was interrupted; a run goes on with it from the last checkpoint, if there is one.",
    ]


def test_more_explore_trials_keep_those_that_the_ledger_has(finished_study, tmp_path, uncalibrated):
    plan = plan_of(same_ledger(finished_study, tmp_path, "search.explore=5"))
    assert [condition.in_ledger for condition in plan.conditions] == [3, 3]
    assert [condition.to_train.middle for condition in plan.conditions] == [4, 4]
    assert [(again.trials, again.changes) for again in plan.changes.retrained] == [(2, ()), (2, ())]


def test_trials_of_a_condition_that_the_file_lacks_leave_the_tables(finished_study, tmp_path, uncalibrated):
    one = TINY[: TINY.rindex("[[conditions]]")]
    study = study_in(tmp_path, *SMALLER, f"ledger.root={finished_study.ledger.root}", text=one)
    plan = plan_of(study)
    assert plan.changes.left_out == 5
    assert plan.changes.retrained == ()


@pytest.fixture
def uncalibrated(monkeypatch):
    """Plans without measurements: costs are rough guesses."""
    monkeypatch.setattr("studies.forecast.calibration._measured", lambda requests, processes, cache: iter(()))


# -- numbers against the truth ---------------------------------------------------------------------------------------


def test_the_steps_of_a_pack_are_those_of_the_finished_trial(finished_study: Study) -> None:
    works = Works(load_samples(finished_study.data).sample_shape)
    trials = finished_trials(finished_study)
    assert len(trials) >= 6
    for trial in trials:
        work = works.of([trial.spec])
        assert work.critic_steps + work.pretraining_steps == trial.facts["critic_steps"]
        assert work.generator_steps == trial.facts["generator_steps"]
        assert work.evaluations == len(trial.curves.steps)


def test_the_bytes_of_the_ledger_are_at_most_those_of_the_plan_and_not_many_times_less(finished_study: Study) -> None:
    data, sizes = load_samples(finished_study.data), ledger_of(finished_study).sizes()
    works = Works(data.sample_shape)
    trials = finished_trials(finished_study)
    planned = sum(bytes_of(works.of([trial.spec]), finished_study, data) for trial in trials)
    actual = sum(sizes[trial.spec.key] for trial in trials)
    assert 0.3 * planned < actual < planned


def test_the_rows_in_mlflow_are_those_that_a_finished_trial_logs(finished_study: Study) -> None:
    for trial in finished_trials(finished_study):
        condition = finished_study.condition(trial.spec.condition)
        content = run_content(finished_study, trial)
        logged = sum(len(logged_metrics(summary, finished_study.distance)) for summary in content.summaries)
        values = {"distance", *content.values}  # a failed trial has none
        assert logged + len(values) == _trial_rows(finished_study, condition)
        assert len(params(finished_study, trial.spec)) == 2 + len(condition.hyperparameters)


def test_a_study_has_a_run_for_each_trial_or_one_for_all(finished_study: Study, tmp_path: Path) -> None:
    assert tracking_rows(finished_study).runs == 1 + 10
    one = tracking_rows(same_ledger(finished_study, tmp_path, "tracking.runs=study"))
    assert (one.runs, one.params) == (1, 0)
    assert one.metric_rows == 2 + 2 + 3 * 2 * 10  # of the study, ranks, and three metrics of each condition


# -- measured costs --------------------------------------------------------------------------------------------------


def test_costs_are_measured_once_and_then_cached(tmp_path: Path) -> None:
    study = study_in(tmp_path, "search.explore=1", "search.exploit.trials=0", "conditions.gan.training.n_critic=1")
    assert cached_seconds(study) is None
    notes: list[str] = []
    plan = plan_of(study, resources=ONE_CORE, note=notes.append)
    assert not Path(study.ledger.root).exists()
    assert len(notes) == 1
    assert (plan.measured_now, plan.extrapolated, plan.errors) == (plan.kinds, 0, ())
    assert plan.kinds == 4  # explore and confirm of two conditions
    assert plan.memory_bytes is not None
    assert 5e7 < plan.memory_bytes < 3e9
    assert 0 < plan.process_seconds.low <= plan.process_seconds.middle <= plan.process_seconds.high < 60
    again = plan_of(study, resources=ONE_CORE, note=notes.append)
    assert (len(notes), again.measured_now) == (1, 0)
    assert again.process_seconds.middle == pytest.approx(plan.process_seconds.middle)
    for condition, planned in zip(plan.conditions, study.conditions, strict=True):
        assert condition.trials == counts(study, planned)
        assert condition.seeds == {"explore": 2, "exploit": 2, "confirm": 3}
        assert condition.critic_steps == condition.generator_steps == (36, 36)
        assert condition.memory_bytes is not None
        assert 5e7 < condition.memory_bytes[0] <= condition.memory_bytes[1] <= plan.memory_bytes
    print_plan(plan, screen := Console(record=True, width=200))
    assert screen.export_text().count("1 explore (2 seeds) + 1 confirm (3 seeds)") == 2


def test_validate_a_plan_and_a_run_state_the_same_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cost = _without_measurement(Case(structure="any", members=2, size=1e6))
    monkeypatch.setattr(CostCache, "cost", lambda cache, case: cost)
    monkeypatch.setattr(CostCache, "start_seconds", lambda cache: 2.5)
    study = study_in(tmp_path, *SMALLER)
    seconds = cached_seconds(study)
    assert seconds is not None
    assert seconds.low < seconds.middle < seconds.high
    assert plan_of(study).seconds == seconds
    _register(study, ledger_of(study), _provenance(study))
    assert RunForecast(study, ledger_of(study).root).seconds == seconds


def test_of_a_finished_study_it_is_said_that_a_run_trains_nothing(
    finished_study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CostCache, "start_seconds", lambda cache: 2.5)
    assert time_sentence(finished_study, "tiny") == "The ledger has all its trials, so a run trains nothing."


def cost_of(work: Work, study: Study) -> dict[str, float]:
    """Answer of the measuring process for a pack of trials of this work."""
    return measure(
        {
            "trial": json.loads(work.example)[0],
            "critic_steps": [1, 2],
            "pretraining": work.pretraining_steps > 0,
            "threads": 1,
            "data": study.table()["data"],
            "feature_file": "",
            "modules": "",
        }
    )


def work_of(study: Study, condition: str) -> Work:
    """The work of a condition's first packs."""
    planner = Planner(study, ONE_CORE)
    packs = planner.simulation(planner.design(), lambda keys: {}).packs()
    return next(work for work in packs if work.condition == condition and work.phase == "explore")


def test_a_pack_with_warm_up_is_measured_in_its_parts(tmp_path: Path) -> None:
    study = study_in(
        tmp_path,
        "search.packs=true",
        "conditions.gan.training.n_critic=2",
        "conditions.gan.training.warmup_steps=2",
    )
    work = work_of(study, "gan")
    assert work.most_critic_steps == 100
    assert work.critic_steps == 2 * 100 + 34 * 2
    cost = cost_of(work, study)
    assert all(cost[name] > 0 for name in ("critic_step", "health", "evaluation", "fixed", "commit", "memory_bytes"))
    assert cost["pretraining_step"] == 0


def test_a_pack_with_pretraining_is_measured_in_its_parts() -> None:
    study = Study.load("presets-on-ring")
    work = work_of(study, "ebgan")
    assert work.pretraining_steps == study.condition("ebgan").table["training"]["pretrain_steps"] > 0
    cost = cost_of(work, study)
    assert 0 < cost["pretraining_step"] < 2 * (cost["critic_step"] + cost["generator_step"])


# -- the command -----------------------------------------------------------------------------------------------------


def test_the_command_prints_json_whose_keys_are_documented(call: Call, tiny_file, tmp_path, uncalibrated) -> None:
    answer = call("plan", tiny_file, "--json", "--set", f"ledger.root={tmp_path / 'none'}")
    assert answer.code == 0
    table = json.loads(answer.out)
    documented = set(re.findall(r"`([a-z_]+)`", DOCS.read_text()))
    keys = {*table, *table["conditions"][0], *table["ledger"], *table["mlflow"], *table["kinds_of_packs"]}
    assert keys - documented == set()
    assert set(table["run_seconds"]) == {"low", "middle", "high"}
    assert not (tmp_path / "none").exists()


def test_the_command_prints_a_row_for_each_condition_and_says_what_was_not_measured(call, tiny_file, uncalibrated):
    answer = call("plan", tiny_file)
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert all(any(line.startswith(f"│ {name} ") for line in lines) for name in ("wgan", "gan"))
    assert any(line.startswith("Time: ") and "start of Ray" in line for line in lines)
    assert "No kind of packs could be measured: the seconds above are a guess." in answer.out


def test_a_wrong_file_is_refused_in_one_sentence(call: Call, tiny_file: Path) -> None:
    command_line.assert_refused(call("plan", tiny_file, "--set", "budget.steps=0"), "budget.steps: must be >= 1")


def test_the_table_of_a_plan_is_json(finished_study: Study) -> None:
    table = plan_table(plan_of(finished_study))
    assert json.loads(json.dumps(table)) == table
    assert table["trials_in_ledger"] == 10
    assert Ledger(finished_study.ledger.root).root == Path(table["ledger"]["root"])
