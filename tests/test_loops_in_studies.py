"""Studies whose conditions have training loops of their own: study files, addresses, trials, resumption, results."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loops import MODULE, PAIRED, STUDY, loops_study, one_condition
from tiny import actor, finish, ledger_of, run_without_ray, same_numbers

from studies.analysis.comparison import Comparison
from studies.design import Design, Phase, TrialSpec, payload
from studies.errors import InputError
from studies.execution.further_evaluation import evaluate_again
from studies.execution.pack_training import PackTraining
from studies.execution.runner import _provenance
from studies.exporting.exported_generator import exported_generator
from studies.file import modules
from studies.file.study import Study
from studies.forecast.measurement import measure
from studies.ledger.ledger import Ledger
from studies.locate import results
from studies.new_study.found_study import found_study
from studies.reporting.paper.methods_text import methods
from studies.reporting.paper.paper_citations import Citations
from studies.reporting.terminal.outline import outline
from studies.tables.results import Results
from studies.tracking.row_counts import tracking_rows
from studies.tracking.run_content import run_content

KNOWN_OF_OURS = {"critic_loss", "critic_slope", "generator_loss", "critic_gradient_norm"}


@pytest.fixture(autouse=True)
def _restore_imports(fresh_imports: None) -> None:
    """Undo a test's imports and changes of the path."""


def first_trial(study: Study, condition: str = "own", phase: Phase = "explore") -> TrialSpec:
    trials = Design(study, _provenance(study)).trials({})
    return next(trial for trial in trials if (trial.condition, trial.phase) == (condition, phase))


def training_in(ledger: Ledger, spec: TrialSpec, study: Study) -> PackTraining:
    return PackTraining(json.loads(payload([spec])), ledger.unfinished(spec.key), data=study.table()["data"])


def refusal(folder: Path, text: str, *overrides: str) -> str:
    with pytest.raises(InputError) as refused:
        loops_study(folder, *overrides, text=text)
    return str(refused.value)


# -- study files -----------------------------------------------------------------------------------------------------


def test_a_condition_is_its_loop_alone_with_defaults_and_searched_fields(tmp_path: Path) -> None:
    study = loops_study(tmp_path)
    moving, whole = study.condition("moving"), study.condition("whole")
    law = {"log_uniform": [0.05, 0.5]}
    assert moving.table == {"trainer": {"kind": "my_loops:Moving", "lr": law, "every": 1}}
    assert whole.table == {"trainer": {"kind": "my_loops:whole", "lr": law, "often": True}}
    assert list(moving.hyperparameters) == ["trainer.lr"]
    assert moving.loop({"trainer.lr": 0.2}).lr == 0.2  # type: ignore[attr-defined]
    assert (moving.loop({"trainer.lr": 0.2}).resumes, whole.loop({"trainer.lr": 0.2}).resumes) == (True, False)
    assert Study.from_table(json.loads(json.dumps(study.table()))) == study


def test_a_shared_loop_is_that_of_conditions_that_describe_nothing_else(tmp_path: Path) -> None:
    text = STUDY.partition("[[conditions]]")[0] + (
        '[trainer]\nkind = "my_loops:Moving"\nevery = 3\n[[conditions]]\nname = "as-it-is"\n'
        '[[conditions]]\nname = "faster"\ntrainer.lr = 0.4\n[[conditions]]\nname = "ours"\npreset = "gan"\n'
    )
    study = loops_study(tmp_path, text=text)
    tables = {condition.name: condition.table.get("trainer") for condition in study.conditions}
    assert tables == {
        "as-it-is": {"kind": "my_loops:Moving", "lr": 0.1, "every": 3},
        "faster": {"kind": "my_loops:Moving", "lr": 0.4, "every": 3},
        "ours": None,
    }


@pytest.mark.parametrize(
    ("trainer", "message"),
    [
        ('{kind = "my_loops:Moving", lr = 0}', "conditions.own.trainer.lr: must be > 0, but is 0"),
        (
            '{kind = "my_loops:Moving", rate = 1}',
            "conditions.own.trainer.rate: unknown key; the keys of my_loops:Moving are kind, lr, every",
        ),
        (
            "{lr = 1}",
            "conditions.own.trainer.kind: must be MODULE:NAME, a class or a function of your own, but is missing",
        ),
        (
            '{kind = "my_loops:noise"}',
            "conditions.own.trainer.kind: my_loops:noise must be a function of (run, report, *, HYPERPARAMETERS), with "
            "an annotation for each hyperparameter",
        ),
        (
            '{kind = "my_loops:Path"}',
            "conditions.own.trainer.kind: must name a class of my_loops, but it has no Path",
        ),
        (
            '{kind = "my_loops:Count"}',
            "conditions.own.trainer.kind: must name a function, or a subclass of gan_core.StepLoop or "
            "gan_core.WholeLoop, but Count is not a class",
        ),
        (
            '{kind = "my_loops:Moving"}\npreset = "gan"',
            "conditions.own.preset: must not stand beside trainer, since a loop of one's own does not use it",
        ),
        (
            '{kind = "my_loops:Moving"}\ntraining.batch = 8',
            "conditions.own.training: must not stand beside trainer, since a loop of one's own does not use it",
        ),
    ],
)
def test_wrong_loops_are_refused_in_one_sentence(tmp_path: Path, trainer: str, message: str) -> None:
    assert refusal(tmp_path, one_condition(trainer)) == message


def test_a_budget_of_critic_steps_and_too_many_measurements_are_refused(tmp_path: Path) -> None:
    text = one_condition('{kind = "my_loops:Moving"}')
    assert refusal(tmp_path, text, "budget.unit=critic_steps") == (
        'budget.unit: must be "generator_steps", since conditions.own has a loop of its own, whose critic steps are '
        'unknown, but is "critic_steps"'
    )
    assert refusal(tmp_path, text, "evaluation.measurements=13") == (
        "evaluation.measurements: must be <= 12, the generator steps of the budget, but is 13"
    )


def test_the_outline_says_which_trials_restart_from_zero(tmp_path: Path) -> None:
    lines = outline(loops_study(tmp_path)).splitlines()
    assert "  moving: the training loop my_loops:Moving; an interrupted trial continues from its checkpoint" in lines
    assert "  whole: the training loop my_loops:whole; an interrupted trial starts again from zero" in lines


# -- addresses -------------------------------------------------------------------------------------------------------


def test_the_address_holds_the_loop_and_the_hash_of_its_module(tmp_path: Path) -> None:
    study = loops_study(tmp_path)
    spec = first_trial(study, "moving")
    assert spec.identity.keys() == {"trainer", "data", "budget", "seeds", "provenance"}
    assert spec.identity["provenance"]["sources"].keys() == {"my_loops"}
    ours = first_trial(study, "gan")
    assert "sources" not in ours.identity["provenance"]
    (tmp_path / "my_loops.py").write_text(MODULE + "\n# changed\n", encoding="utf-8")
    changed = Study.load(tmp_path / "study.toml")
    assert first_trial(changed, "moving").address != spec.address
    assert first_trial(changed, "gan").address == ours.address


# -- trials ----------------------------------------------------------------------------------------------------------


def test_an_interrupted_trial_in_steps_has_the_bits_of_an_undisturbed_one(tmp_path: Path) -> None:
    study = loops_study(tmp_path)
    spec = first_trial(study, "moving")
    undisturbed = finish(training_in(Ledger(tmp_path / "one"), spec, study), Ledger(tmp_path / "one"))
    ledger = Ledger(tmp_path / "two")
    for iteration in (2, 7):
        training = training_in(ledger, spec, study)
        while training.iteration < iteration:
            training.advance(1e-4)
        training.save_checkpoint()
        training.advance(1e-3)  # lost with the process
    resumed = training_in(ledger, spec, study)
    assert resumed.iteration == 7
    assert same_numbers(undisturbed, finish(resumed, ledger))


def test_an_interrupted_trial_of_a_function_starts_again_from_zero_with_the_same_bits(tmp_path: Path) -> None:
    study = loops_study(tmp_path)
    spec = first_trial(study, "whole")
    undisturbed = finish(training_in(Ledger(tmp_path / "one"), spec, study), Ledger(tmp_path / "one"))
    ledger = Ledger(tmp_path / "two")
    training = training_in(ledger, spec, study)
    while training.iteration < 7:
        training.advance(1e-4)
    training.save_checkpoint()
    again = training_in(ledger, spec, study)
    assert again.iteration == 0
    assert same_numbers(undisturbed, finish(again, ledger))


def test_facts_of_a_loop_say_what_is_known(tmp_path: Path) -> None:
    study = loops_study(tmp_path)
    ledger = ledger_of(study)
    entry = finish(training_in(ledger, first_trial(study, "moving"), study), ledger)
    assert entry.facts["generator_steps"] == 12
    assert (entry.facts["critic_steps"], entry.facts["real_samples_seen"]) == (None, None)
    assert entry.curves.steps.tolist() == [0, 3, 6, 9, 12]
    assert not KNOWN_OF_OURS & set(entry.curves.metrics)
    distance = entry.curves.of("sliced_wasserstein")
    assert distance is not None
    assert (distance[:, -1] < distance[:, 0] + 0.1).all()


def test_members_are_nonfinite_at_the_evaluation_that_finds_it(tmp_path: Path) -> None:
    study = loops_study(tmp_path, text=one_condition('{kind = "my_loops:Overflowing"}'))
    ledger, spec = ledger_of(study), first_trial(study)
    entry = finish(training_in(ledger, spec, study), ledger)
    assert entry.facts["nonfinite_step"] == [3 if seed % 2 else None for seed in spec.seeds]


@pytest.mark.parametrize(
    ("trainer", "reason"),
    [
        ('{kind = "my_loops:Failing", lr = 0.9}', "ArithmeticError: the loop has no more ideas (my_loops.py, line "),
        ('{kind = "my_loops:broken"}', "ArithmeticError: no more ideas (my_loops.py, line "),
        ('{kind = "my_loops:short"}', "RuntimeError: the loop has ended, but must report every step of run.due: 3"),
        (
            '{kind = "my_loops:late"}',
            "ValueError: step: must be 3 first, at which the generator is evaluated, but is 6",
        ),
        ('{kind = "my_loops:Flat"}', "ValueError: generate(50) must return 50 samples of the shape [2]"),
        ('{kind = "my_loops:Unsaved"}', ""),
    ],
)
def test_a_failing_loop_ends_its_trial_with_the_line_of_the_user(tmp_path: Path, trainer: str, reason: str) -> None:
    study = loops_study(tmp_path, text=one_condition(trainer))
    trainable = actor(tmp_path / "ledger", payload([first_trial(study)]), data=json.dumps(study.table()["data"]))
    result = trainable.step()
    while not result["done"]:
        result = trainable.step()
    if not reason:  # it fails only where its state is needed
        assert "end" not in result
        return
    end = json.loads(result["end"])["end"]
    assert end["state"] == "error"
    assert end["reason"].startswith(reason)


def test_a_loop_is_measured_for_a_plan_as_a_whole(tmp_path: Path) -> None:
    study = loops_study(tmp_path)
    for condition in ("moving", "whole"):
        trial = json.loads(payload([first_trial(study, condition)]))[0]
        cost = measure(
            {
                "trial": trial,
                "critic_steps": [0],
                "pretraining": False,
                "threads": 1,
                "data": study.table()["data"],
                "feature_file": "",
                "modules": str(tmp_path),
            }
        )
        assert cost["generator_step"] > 0
        assert (cost["critic_step"], cost["health"]) == (0, 0)


# -- results ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder with a finished study of two own loops and a GAN of ours."""
    folder = tmp_path_factory.mktemp("loops")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modules, "_imported", {})
        ending = run_without_ray(loops_study(folder))
        assert ending.without_result == []
    return folder


def found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    monkeypatch.syspath_prepend(str(folder))
    return results("loops", root=folder / "ledger")


def test_own_loops_are_ranked_with_ours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = found(folder, monkeypatch)
    assert set(read.ranking["condition"]) == {"moving", "whole", "gan"}
    trials = read.trials.set_index(["condition", "phase"])
    assert trials.loc[("moving", "explore"), "trainer.lr"].between(0.05, 0.5).all()
    assert trials.loc["moving", "critic_steps"].isna().all()
    assert trials.loc["gan", "critic_steps"].eq(12).all()
    confirmed = read.curves[read.curves["phase"] == "confirm"]
    assert not KNOWN_OF_OURS & set(confirmed[confirmed["condition"] == "whole"]["metric"])


def test_a_loop_and_its_function_find_the_same_numbers_in_a_study(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = found(folder, monkeypatch).members.query("phase == 'explore'").set_index("condition")
    np.testing.assert_array_equal(*(members.loc[name, "late_distance"].to_numpy() for name in ("moving", "whole")))


def test_the_generator_of_a_loop_in_steps_comes_back_from_its_state(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = found(folder, monkeypatch)
    best = read.best("moving")
    first, second = best.generator(0)(50), best.generator(1)(50)
    assert first.shape == (50, 2)
    np.testing.assert_array_equal(first, best.generator(0)(50))
    assert not np.array_equal(first, best.generator(0)(50, seed=1))
    assert not np.array_equal(first, second)
    kept = read.samples("moving")
    np.testing.assert_allclose(first.mean(0), kept[0].mean(0), atol=0.5)
    assert kept.shape == (3, 500, 2)


def test_what_is_impossible_for_a_loop_is_refused_in_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = found(folder, monkeypatch)
    refused = {
        "its generators cannot be made again, since no state of its loop is kept": lambda: read.best("whole"),
        "which: must be last for a condition with a loop of its own": lambda: read.best("moving", "best"),
        "moving: its networks are unknown": lambda: exported_generator(read, "moving"),
        "whole: must be a condition that this library trains": lambda: found_study(
            read, "whole", name="found", folder=folder
        ),
    }
    for sentence, call in refused.items():
        with pytest.raises(InputError, match=sentence):
            call()


def test_further_evaluations_leave_out_own_loops(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = found(folder, monkeypatch)
    settings = replace(read.study.evaluation, samples=60)
    done: list[int] = []
    evaluate_again(
        read,
        Ledger(folder / "ledger"),
        settings,
        phases=("confirm",),
        module_sources={},
        progress=lambda now, total: done.append(total),
    )
    assert set(done) == {1}


def test_comparison_page_paper_and_mlflow_have_own_loops(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = found(folder, monkeypatch)
    compared = Comparison(read)
    assert compared.equal_critic_steps.empty
    text = methods(compared, Citations())
    assert r"the training loop \texttt{my\_loops:Moving} of the authors of this study" in text
    assert "The training loop of" in text
    assert tracking_rows(read.study).runs > 0
    trial = next(trial for trial in read.trial_records if trial.spec.condition == "moving")
    content = run_content(read.study, trial)
    assert "spent/critic_steps" not in content.values
    assert content.values["spent/generator_steps"] == 12
    assert content.tags["condition"] == "moving"


def test_a_paired_metric_needs_a_loop_that_generates_from_inputs(tmp_path: Path) -> None:
    (tmp_path / "paired.py").write_text(MODULE + PAIRED, encoding="utf-8")
    text = one_condition('{kind = "paired:Moving"}').replace('{kind = "ring"}', '{kind = "paired:Paired"}')
    with pytest.raises(InputError) as refused:
        loops_study(tmp_path, 'evaluation.metrics=[{kind="paired:Apart"}]', text=text)
    must = "must define generate_from(latent), since apart is a paired metric"
    assert str(refused.value) == f"conditions.own.trainer: {must}"
