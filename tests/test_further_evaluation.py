"""Further evaluations: made from kept generators, equal to a study's own, and without effect on it."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from tiny import ledger_of, run_without_ray, study_in

from gan_core.training import Trainer
from studies.analysis.comparison import Comparison
from studies.errors import InputError
from studies.execution.further_evaluation import changed_settings, evaluate_again, phases_named
from studies.file.study import Study
from studies.ledger.evaluations import read_evaluations
from studies.ledger.ledger import Ledger
from studies.reporting.text.verdict import verdict
from studies.tables.results import Results

SMALL = ("search.explore=2", "search.exploit.trials=1", "search.confirm.seeds=3")
CHANGE = "evaluation.neighbours=3"
METRIC = '''
from dataclasses import dataclass
from typing import ClassVar

import torch

from gan_core.metrics import AnyMetric


@dataclass(frozen=True, kw_only=True)
class Brightness(AnyMetric):
    """Share of the pixels of the fakes that are brighter than a threshold."""

    name: ClassVar[str] = "brightness"
    unit: ClassVar[str] = "share"
    direction: ClassVar[str] = "higher"
    description: ClassVar[str] = "share of bright pixels"
    best = 1.0
    trivial = 0.0
    threshold: float = 0.0

    def measure(self, real, fake):
        return (fake.samples > self.threshold).double().mean((1, 2))
'''


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Study:
    study = study_in(tmp_path_factory.mktemp("ran"), *SMALL)
    run_without_ray(study)
    return study


@pytest.fixture(scope="module")
def otherwise(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The same study with the changed evaluation as its own, in a ledger of its own."""
    study = study_in(tmp_path_factory.mktemp("otherwise"), *SMALL, CHANGE)
    run_without_ray(study)
    return results_of(study)


def results_of(study: Study, evaluation: str | None = None) -> Results:
    return Results.of_ledger(ledger_of(study), study.name, evaluation=evaluation)


def evaluated(study: Study, *assignments: str, phases: tuple[str, ...] = ()) -> str:
    """Identifier of a further evaluation, during which nothing can be trained."""
    own, ledger = results_of(study), ledger_of(study)
    settings, sources = changed_settings(own, assignments)
    with patch.object(Trainer, "__init__", side_effect=AssertionError("a further evaluation trains nothing")):
        made = evaluate_again(own, ledger, settings, phases=phases_named(phases), module_sources=sources)
    return made.id


def measured(results: Results) -> pd.DataFrame:
    keys = ["condition", "phase", "trial", "seed", "step", "metric"]
    return results.curves.astype({"condition": "str", "phase": "str", "metric": "str"}).set_index(keys)["value"]


def test_values_at_kept_generators_equal_those_of_a_study_with_that_evaluation(ran: Study, otherwise: Results) -> None:
    further, expected = measured(results_of(ran, evaluated(ran, CHANGE))), measured(otherwise)
    shared = further[further.index.isin(expected.index)]
    assert len(shared) == len(further)
    pd.testing.assert_series_equal(shared, expected[shared.index])
    steps = further.xs("coverage", level="metric").index.get_level_values("step").unique()
    assert sorted(steps) == [0, 24, 30, 36]  # step 0 and the last three of six evaluations
    assert set(further.xs("critic_loss", level="metric").index.get_level_values("step")) == {0, 6, 12, 18, 24, 30, 36}


def test_late_numbers_are_new_and_outcomes_the_study_s_own(ran: Study, otherwise: Results) -> None:
    own, further = results_of(ran).members, results_of(ran, evaluated(ran, CHANGE)).members
    for column in ("outcome", "outcome_step", "improving"):
        pd.testing.assert_series_equal(further[column], own[column])
    for column in ("late_distance", "last_distance", "late"):
        pd.testing.assert_series_equal(further[column], otherwise.members[column])
    assert further[["best", "best_distance", "gap", "roughness"]].isna().all(axis=None)
    coverage = {
        name: measured(results_of(ran, name)).xs("coverage", level="metric") for name in (None, evaluated(ran, CHANGE))
    }
    own_values, new_values = coverage.values()
    assert (new_values != own_values[new_values.index]).any()


def test_the_verdict_names_the_changed_settings(ran: Study) -> None:
    own, further = (
        {topic.title: " ".join(topic.sentences) for topic in verdict(Comparison(results_of(ran, name)))}
        for name in (None, evaluated(ran, CHANGE))
    )
    assert "a further evaluation (neighbours = 3 (own: 5))" in further["Caveats"]
    assert "further evaluation" not in own["Caveats"]


def test_the_study_itself_is_unchanged_and_nothing_is_computed_twice(ran: Study) -> None:
    before, ledger = results_of(ran), ledger_of(ran)
    tables = {name: getattr(before, name) for name in ("trials", "members", "curves", "ranking")}
    name = evaluated(ran, "evaluation.neighbours=7")
    segments = set(ledger.storage.keys("trials"))
    assert evaluated(ran, "evaluation.neighbours=7") == name
    assert set(ledger.storage.keys("trials")) == segments
    for table, frame in tables.items():
        pd.testing.assert_frame_equal(getattr(results_of(ran), table), frame)
    assert run_without_ray(ran).without_result == []


def test_a_study_with_that_evaluation_does_not_take_further_entries_for_its_own(ran: Study, tmp_path: Path) -> None:
    evaluated(ran, "evaluation.neighbours=4")
    twin = study_in(tmp_path, *SMALL, "evaluation.neighbours=4", "name=twin", f"ledger.root={ran.ledger.root}")
    trained: list[int] = []
    advance = Trainer.advance

    def counting(self: Trainer, iterations: int) -> None:
        trained.append(iterations)
        advance(self, iterations)

    with patch.object(Trainer, "advance", counting):
        run_without_ray(twin)
    assert trained
    assert results_of(twin).members["best"].notna().any()


def test_with_every_generator_kept_a_further_evaluation_is_as_good_as_an_own_one(tmp_path: Path) -> None:
    first, second = (tmp_path / name for name in ("first", "second"))
    first.mkdir()
    second.mkdir()
    study = study_in(first, *SMALL, "checkpoint.snapshots=all")
    run_without_ray(study)
    own = study_in(second, *SMALL, "evaluation.samples=100")
    run_without_ray(own)
    further, expected = results_of(study, evaluated(study, "evaluation.samples=100")), results_of(own)
    assert further.whole
    explore = [
        table.members[table.members["phase"] == "explore"].drop(columns="study") for table in (further, expected)
    ]
    pd.testing.assert_frame_equal(*explore)  # later phases have other settings, chosen by the own evaluation
    assert not Comparison(further).robustness.empty


def test_the_last_generators_alone_give_the_last_evaluation(tmp_path: Path) -> None:
    study = study_in(tmp_path, *SMALL, "checkpoint.snapshots=last")
    run_without_ray(study)
    further = measured(results_of(study, evaluated(study, CHANGE)))
    assert set(further.xs("coverage", level="metric").index.get_level_values("step")) == {36}


def test_only_the_named_phases_are_evaluated(ran: Study) -> None:
    results = results_of(ran, evaluated(ran, "evaluation.neighbours=9", phases=("confirm",)))
    assert set(results.trials["phase"].astype(str)) == {"confirm"}
    assert list(results.ranking["condition"]) == list(results_of(ran).ranking["condition"])
    assert verdict(Comparison(results))


def test_a_user_s_metric_decides_a_further_evaluation(
    ran: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_brightness.py").write_text(METRIC)
    monkeypatch.chdir(tmp_path)
    metrics = 'evaluation.metrics=[{kind = "my_brightness:Brightness", threshold = -0.5}]'
    results = results_of(ran, evaluated(ran, metrics, "evaluation.distance=brightness"))
    values = measured(results).xs("brightness", level="metric")
    assert values.between(0, 1).all()
    last = values.xs(36, level="step")
    members = results.members.astype({"condition": "str", "phase": "str"})
    finite = members[members["last_distance"].notna()].set_index(["condition", "phase", "trial", "seed"])
    np.testing.assert_allclose(finite["last_distance"], 1 - last[finite.index], rtol=1e-12)
    assert results.reference_distances["constant"] == 1.0
    assert results.reference_distances["real"] == 0.0


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("budget.steps=3", "--set: must change a key of [evaluation]"),
        ("evaluation.neighbours=1000", "evaluation.neighbours: must be < 400"),
        ("evaluation.measurements=3", "evaluation.measurements: must be 6 as in the study"),
        ("evaluation.distance=wasserstein_1", "evaluation.distance: must be a metric that applies to the data"),
        ("evaluation.neighbour=3", "evaluation.neighbour: unknown key; did you mean neighbours?"),
    ],
)
def test_settings_that_cannot_be_evaluated_are_refused(ran: Study, assignment: str, message: str) -> None:
    before = read_evaluations(ledger_of(ran), ran.name)
    with pytest.raises(InputError) as refused:
        evaluated(ran, assignment)
    assert str(refused.value).startswith(message)
    assert read_evaluations(ledger_of(ran), ran.name) == before


def test_an_unknown_evaluation_is_refused_with_the_known_ones(ran: Study) -> None:
    known = evaluated(ran, CHANGE)
    with pytest.raises(InputError, match=known):
        results_of(ran, "zz")
    assert results_of(ran, known[:8]).further == read_evaluations(ledger_of(ran), ran.name)[known]


def test_a_ledger_without_the_study_s_trials_has_nothing_to_evaluate(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such study"):
        Results.of_ledger(Ledger(tmp_path), "tiny")
