"""Features in a study: its record, addresses of evaluations, workers, a file, further evaluations, sentences."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest
from stated import every, stated
from test_features import Quarters, saved
from tiny import ledger_of, run_without_ray, study_in

from gan_core.features import ClassifierFeatures
from studies.analysis.comparison import Comparison
from studies.design import Design, Provenance, payload
from studies.errors import InputError
from studies.execution.further_evaluation import changed_settings, evaluate_again
from studies.execution.pack_training import PackTraining
from studies.execution.runner import _provenance
from studies.file.compared_features import addressed_evaluation, path_of
from studies.file.real_samples import load_samples
from studies.file.study import Study, fixed_part
from studies.reporting.terminal.outline import outline
from studies.reporting.text.sample_quality import (
    MeasuredInFeatures,
    RepeatsTrainingSamples,
    _memorisation_deviation,
    sample_quality,
)
from studies.reporting.text.sentences import sentence
from studies.tables.results import Results

MODULE = """
from dataclasses import dataclass
from gan_core import AnyData, Sizes
from striped import stripes

@dataclass(frozen=True, kw_only=True)
class Stripes(AnyData):
    side: int = 12

    @property
    def sizes(self):
        return Sizes(train=240, held_out=90)

    def load(self):
        return stripes(side=self.side)
"""
CLASSIFIER = "evaluation.features={kind='classifier', steps=60}"
SMALL = ("search.explore=1", "search.exploit.trials=0", "evaluation.samples=90", "data={kind='striped_data:Stripes'}")


HOME: list[Path] = []
"""The folder of the module: a process imports a module from one folder alone."""


@pytest.fixture(scope="module", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> None:
    HOME[:] = [tmp_path_factory.mktemp("modules")]
    (HOME[0] / "striped_data.py").write_text(MODULE)


def striped_study(folder: Path, *overrides: str) -> Study:
    """A study on stripes with its ledger in this folder."""
    return study_in(HOME[0], f"ledger.root={folder / 'ledger'}", *SMALL, *overrides)


def of_file(file: dict[str, str]) -> str:
    return f"evaluation.features={{kind='file', path='{file['path']}', sha256='{file['sha256']}'}}"


def first_trial(study: Study):
    return next(iter(Design(study, _provenance(study)).trials({})))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A finished study on images of three classes, compared in a classifier's features."""
    study = striped_study(tmp_path_factory.mktemp("striped"), CLASSIFIER)
    run_without_ray(study)
    return study


def results_of(study: Study, evaluation: str | None = None) -> Results:
    return Results.of_ledger(ledger_of(study), study.name, evaluation=evaluation)


# --- the record


def test_the_resolved_study_has_the_features_of_larger_images_and_the_metric_that_decides(tmp_path):
    study = striped_study(tmp_path)
    assert study.evaluation.features == ClassifierFeatures()
    assert study.table()["evaluation"]["features"] == {"kind": "classifier", "steps": 800, "seed": 0}
    assert study.distance == study.table()["evaluation"]["distance"] == "frechet_distance"
    assert Study.from_table(study.table()) == study
    assert striped_study(tmp_path, "evaluation.distance=sliced_wasserstein").distance == "sliced_wasserstein"


def test_studies_on_points_and_small_images_keep_their_record_and_addresses(tmp_path):
    """The addresses are those of the version before there were features."""
    here = Provenance(data_fingerprint="digits", torch_version="2.13.0", device="cpu", numerics_version=4)
    for overrides, address in (
        ((), "8301a9d39eb819020e16fdaf"),
        (("data={kind='ring',train=300,held_out=80}",), "2463e604adbb62acc7c556b5"),
    ):
        study = study_in(tmp_path, "search.stratified=false", *overrides)  # the draws of that version
        assert study.table()["evaluation"]["features"] == {"kind": "auto"}
        assert study.evaluation.distance == "default"
        trial = next(iter(Design(study, here).trials({})))
        assert (trial.address, trial.evaluation_address) == (address, "766c5c009126")


def test_features_are_part_of_the_address_of_an_evaluation_and_not_of_the_training(tmp_path):
    trials = [
        first_trial(striped_study(tmp_path, f"evaluation.features={features}"))
        for features in ("{kind='pixels'}", "{kind='random_conv'}", "{kind='random_conv', seed=1}", "{kind='auto'}")
    ]
    assert len({trial.address for trial in trials}) == 1
    assert len({trial.evaluation_address for trial in trials}) == 4
    hashes = [trial.evaluation["provenance"].get("features", "") for trial in trials]
    assert [named.partition(" ")[0] for named in hashes] == ["", "random_conv", "random_conv", "classifier"]
    assert all("features" not in trial.identity["provenance"] for trial in trials)


def test_features_that_the_data_do_not_have_are_refused_with_their_path(tmp_path):
    with pytest.raises(InputError, match=r"^evaluation\.features: must be of kind pixels for data that are not images"):
        study_in(tmp_path, "data={kind='ring',train=300,held_out=80}", "evaluation.features.kind=random_conv")
    with pytest.raises(InputError, match=r"^evaluation\.features: must not be of kind pixels for images"):
        striped_study(tmp_path, "data.side=46", "evaluation.features.kind=pixels")
    with pytest.raises(InputError, match=r"^evaluation\.features\.kind: must be one of auto, pixels, classifier, rand"):
        striped_study(tmp_path, "evaluation.features.kind=inception")


# --- workers


def test_a_trial_measures_in_the_features_and_names_them(ran):
    results = results_of(ran)
    metrics = set(results.curves["metric"])
    assert {"frechet_distance", "kernel_distance", "recall", "density", "classes_covered", "recognised"} <= metrics
    assert results.trial_records[0].facts["distance"] == "frechet_distance"
    features = results.features
    data = load_samples(ran.data)
    assert (features["name"], features["hash"]) == ("classifier", ClassifierFeatures(steps=60).hash(data))
    assert features["accuracy"] > 0.9
    assert results.real_values["classes_covered"] == 3
    references = {name: value or 0.0 for name, value in results.reference_distances.items()}
    assert 0 < references["real"] < references["gaussian"] < references["constant"]


def test_a_worker_whose_data_have_other_labels_is_refused(tmp_path, monkeypatch):
    study = striped_study(tmp_path)
    spec, ledger = first_trial(study), ledger_of(study)
    data = load_samples(study.data)
    changed = replace(data, labels={**data.labels, "train": data.labels["train"][::-1]})
    monkeypatch.setattr("studies.execution.pack_training._load_data", lambda key: changed)
    with pytest.raises(InputError, match=r"^evaluation\.features: must be those that the study was started wi"):
        PackTraining(json.loads(payload([spec])), ledger.unfinished(spec.key))


# --- a file


def test_the_path_of_a_file_is_in_no_address_and_may_change(tmp_path):
    file = saved(Quarters(), tmp_path / "net.pt")
    copied = tmp_path / "elsewhere.pt"
    copied.write_bytes(Path(file["path"]).read_bytes())
    first, second = (striped_study(tmp_path, of_file({**file, "path": path})) for path in (file["path"], copied))
    assert first_trial(first) == first_trial(second)
    assert file["path"] not in json.dumps(first_trial(first).evaluation)
    assert fixed_part(first.table()) == fixed_part(second.table())
    assert first_trial(first).evaluation["settings"]["features"]["sha256"] == file["sha256"]


def test_trials_are_measured_in_the_features_of_a_file(tmp_path):
    file = saved(Quarters(), tmp_path / "net.pt")
    study = striped_study(tmp_path, of_file(file))
    run_without_ray(study)
    results = results_of(study)
    assert results.features["name"] == "file"
    assert results.features["weights"] == file["sha256"][:12]
    assert np.isfinite(results.curves.query("metric == 'frechet_distance'")["value"]).all()


def test_a_relative_path_begins_at_the_folder_of_the_study_file(tmp_path):
    file = saved(Quarters(), HOME[0] / "net.pt")
    study = striped_study(tmp_path, f"evaluation.features={{kind='file', path='net.pt', sha256='{file['sha256']}'}}")
    assert path_of(study.evaluation) == str(HOME[0] / "net.pt")


@pytest.mark.parametrize(
    ("features", "sentence"),
    [
        ("{kind='file'}", r"^evaluation\.features\.path: must name a TorchScript file$"),
        (
            "{kind='file', path='/nowhere/x.pt'}",
            r"^evaluation\.features\.path: must be a file that can be read, ",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_path(tmp_path, features, sentence):
    with pytest.raises(InputError, match=sentence):
        striped_study(tmp_path, f"evaluation.features={features}")


def test_addresses_hold_neither_a_path_nor_features_that_stand_for_pixels():
    assert addressed_evaluation({"samples": 50, "features": {"kind": "auto"}}) == {"samples": 50}
    assert addressed_evaluation({"samples": 50}) == {"samples": 50}
    features = {"kind": "file", "path": "/a", "sha256": "b"}
    assert addressed_evaluation({"features": features}) == {"features": {"kind": "file", "sha256": "b"}}
    assert addressed_evaluation({"features": {"kind": "pixels"}}) == {"features": {"kind": "pixels"}}


# --- further evaluations


def test_a_further_evaluation_has_features_of_its_own(ran, monkeypatch):
    monkeypatch.chdir(HOME[0])  # where modules are looked up
    own = results_of(ran)
    settings, sources = changed_settings(own, ["evaluation.features={kind='random_conv', width=4}"])
    made = evaluate_again(own, ledger_of(ran), settings, phases=("confirm",), module_sources=sources)
    further = results_of(ran, made.id)
    assert further.features["name"] == "random_conv"
    assert own.features["name"] == "classifier"
    assert 'features.kind = "random_conv"' in further.evaluation_changes
    assert "classes_covered" not in set(further.real_values)


# --- sentences


def test_the_outline_names_features_accuracy_and_the_metric_that_decides(ran, tmp_path):
    hashed = ClassifierFeatures(steps=60).hash(load_samples(ran.data))
    (line,) = [line for line in outline(ran).splitlines() if line.startswith("Images are compared")]
    assert line.startswith(f"Images are compared in the features classifier {hashed}")
    assert line.endswith("% of the validation images right; frechet_distance decides.")
    assert "Images are compared" not in outline(study_in(tmp_path))


def test_the_report_names_the_features_of_its_numbers(ran):
    results = results_of(ran)
    measured = stated(sample_quality(Comparison(results)), MeasuredInFeatures)
    assert (measured.features, measured.hash) == ("classifier", results.features["hash"])
    assert measured.distance == "frechet_distance"


def test_features_that_hardly_tell_classes_apart_are_said_to_say_little(ran):
    results = results_of(ran)
    assert stated(sample_quality(Comparison(results)), MeasuredInFeatures).guessed is None
    labels = results.data.labels["validation"]
    largest = np.bincount(labels).max() / len(labels)
    with patch.object(results, "features", results.features | {"accuracy": largest + 0.05}):
        weak = stated(sample_quality(Comparison(results)), MeasuredInFeatures)
    assert weak.guessed == pytest.approx(largest)
    assert "features that hardly tell the classes apart say little" in sentence(weak)


def test_memorisation_within_the_deviation_of_few_test_samples_is_not_said(ran):
    results = results_of(ran)
    curves, train = results.curves, len(results.data.train)
    values = curves["value"].where(curves["metric"] != "memorisation", 0.9)
    assert 2 * _memorisation_deviation(train, len(results.data.test)) < 0.9, (
        "with all test samples it is said, see below"
    )
    data = results.data
    few = SimpleNamespace(train=data.train, test=data.test[:10], validation=data.validation, labels=data.labels)
    drawn = np.random.default_rng(0).binomial(10, train / (train + 10), 100_000) / 10
    assert _memorisation_deviation(train, 10) == pytest.approx(drawn.std() / (10 / (train + 10)), rel=0.02)
    with patch.object(results, "curves", curves.assign(value=values)), patch.object(results, "data", few):
        assert not every(sample_quality(Comparison(results)), RepeatsTrainingSamples)


def test_a_setting_that_repeats_training_samples_is_said(ran):
    results = results_of(ran)
    curves = results.curves
    memorised = curves["metric"] == "memorisation"
    assert memorised.any()
    with patch.object(results, "curves", curves.assign(value=curves["value"].where(~memorised, 0.9))):
        repeats = stated(sample_quality(Comparison(results)), RepeatsTrainingSamples)
    assert repeats.memorisation == pytest.approx(0.9)
    with patch.object(results, "curves", curves.assign(value=curves["value"].where(~memorised, 0.1))):
        assert not every(sample_quality(Comparison(results)), RepeatsTrainingSamples)
