"""Studies of conditional GANs: addresses, results, figures and exported generators."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import assert_legible
from tiny import ledger_of, run_without_ray, study_in

from gan_core import load_generator
from studies.api import export_generator
from studies.design import Design, Provenance
from studies.errors import InputError
from studies.file.study import Study
from studies.file.unequal_settings import unequal_settings
from studies.new_study.found_study import found_study
from studies.reporting.figures import class_samples, interpolations
from studies.reporting.figures.class_samples import class_sheet
from studies.tables.results import Results

PAGE = (Path(__file__).parent.parent / "docs" / "conditional.md").read_text(encoding="utf-8")
SHORT = ("search.explore=1", "search.exploit.trials=0", "budget.steps=6", "evaluation.measurements=3")
HERE = Provenance(data_fingerprint="d", torch_version="2", device="cpu", labels_fingerprint="l")


@pytest.fixture(scope="module")
def conditional(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A finished study on the digits: wgan with labels, decided by class, and gan with labels too."""
    overrides = ("networks.classes=10", "evaluation.distance=class_sliced_wasserstein")
    study = study_in(tmp_path_factory.mktemp("conditional"), *SHORT, *overrides)
    run_without_ray(study)
    return Results.of_ledger(ledger_of(study), study.name)


def first_identity(study: Study, provenance: Provenance = HERE) -> tuple[str, dict[str, Any]]:
    trial = next(Design(study, provenance).trials({}))
    return trial.address, trial.identity


def test_trials_without_labels_keep_their_address_and_labels_determine_the_others(tmp_path: Path) -> None:
    plain, zero, ten = (study_in(tmp_path, *more) for more in ((), ("networks.classes=0",), ("networks.classes=10",)))
    address, identity = first_identity(plain)
    assert "classes" not in identity["networks"]
    assert "labels_fingerprint" not in identity["provenance"]
    assert first_identity(zero)[0] == first_identity(plain, replace(HERE, labels_fingerprint="m"))[0] == address
    of_ten, with_labels = first_identity(ten)
    assert with_labels["networks"]["classes"] == 10
    assert with_labels["provenance"]["labels_fingerprint"] == "l"
    assert len({address, of_ten, first_identity(ten, replace(HERE, labels_fingerprint="m"))[0]}) == 3
    assert Study.from_table(ten.table()) == ten


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("networks.classes=9", "networks.classes: must be 0 or 10, the number of classes of digits, but is 9"),
        ("networks.classes={choice=[0,10]}", "networks.classes: cannot be searched"),
        ("networks.classes=-1", "networks.classes: must be >= 0, but is -1"),
        ("networks.generator={kind='conv', base=2}", "must not have batch normalisation with networks.classes"),
        ("data.kind=two_moons", "must be 0, since two_moons has neither classes nor modes, but is 10"),
    ],
)
def test_a_study_whose_labels_do_not_fit_is_refused(tmp_path: Path, assignment: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence.replace(".", r"\.")):
        study_in(tmp_path, "networks.classes=10", assignment)


def test_labels_of_some_conditions_alone_are_an_unequal_setting(tmp_path: Path) -> None:
    found = unequal_settings(study_in(tmp_path, "conditions.gan.networks.classes=10"))
    assert {"0": ["wgan"], "10": ["gan"]} in [setting.by_value for setting in found]


def test_curves_hold_the_distances_by_class_and_one_of_them_decides(conditional: Results) -> None:
    assert {"class_sliced_wasserstein", "worst_class_distance"} <= set(conditional.curves["metric"])
    assert conditional.study.distance == "class_sliced_wasserstein"
    references = conditional.reference_distances
    assert references["real"] < references["constant"]  # type: ignore[operator]
    mean, worst = (
        conditional.curves.loc[conditional.curves["metric"] == name, "value"].to_numpy()
        for name in ("class_sliced_wasserstein", "worst_class_distance")
    )
    assert (worst > mean).all()


def test_a_generator_returns_samples_of_the_class_that_is_asked_for(conditional: Results) -> None:
    found = conditional.best("wgan")
    assert found.classes is not None
    assert found.classes.names == tuple("0123456789")
    generator = found.generator(1)
    threes = generator(100, labels=3)
    assert threes.shape == (100, 1, 8, 8)
    np.testing.assert_array_equal(threes, generator(100, labels="3"))
    assert np.abs(threes - generator(100, labels=4)).max() > 1e-4
    mixed = generator(3, labels=[3, 4, 3])
    np.testing.assert_allclose(mixed[[0, 2]], generator(3, labels=3)[[0, 2]], atol=1e-6)
    np.testing.assert_allclose(mixed[1], generator(3, labels=4)[1], atol=1e-6)
    shares = generator(997)
    labels = found.classes.labels(997).tolist()
    assert labels.count(0) == list(conditional.data.labels["train"]).count(0)
    np.testing.assert_allclose(shares[:50], generator(997, labels=labels)[:50], atol=1e-6)
    with pytest.raises(InputError, match=r"labels: must lie in 0 \.\. 9, but one is 10"):
        generator(5, labels=10)


def test_a_generator_without_labels_takes_none(finished_study: Study) -> None:
    found = Results.of_ledger(ledger_of(finished_study), finished_study.name).best("gan")
    with pytest.raises(InputError, match="labels: must not be given, since gan was trained without classes"):
        found.generator()(5, labels=3)


def test_exported_generators_keep_their_classes(conditional: Results, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"^wgan: \d of \d trainings failed: "):
        export_generator(conditional, "wgan", tmp_path, seeds="all")
    read, found = load_generator(tmp_path), conditional.best("wgan")
    assert read.classes == found.classes
    assert read.network == found.network
    for labels in (None, 3, "7"):
        np.testing.assert_array_equal(read.sample(9, member=1, labels=labels), found.generator(1)(9, labels=labels))
    with pytest.raises(ValueError, match="labels: must be classes"):
        read.sample(2, labels="x")
    script = (tmp_path / "sample.py").read_text(encoding="utf-8")
    assert "labels=['0', '1', '2'" in script


def test_an_exported_generator_with_fewer_classes_than_its_inputs_is_refused(
    conditional: Results, tmp_path: Path
) -> None:
    with pytest.warns(UserWarning, match=r"^wgan: its training failed, with the outcome "):
        export_generator(conditional, "wgan", tmp_path)
    path = tmp_path / "generator.json"
    described = json.loads(path.read_text(encoding="utf-8"))
    for classes, sentence in (
        ({"names": ["a"], "shares": [1.0]}, "must describe the generator whose parameters"),
        ({"names": ["a"], "shares": []}, "as many names as shares"),
    ):
        path.write_text(json.dumps({**described, "classes": classes}), encoding="utf-8")
        with pytest.raises(ValueError, match=sentence):
            load_generator(tmp_path)


def test_figures_have_a_row_for_each_class(conditional: Results, finished_study: Study, tmp_path: Path) -> None:
    drawn = class_samples(conditional, "wgan")
    assert_legible(drawn, "light")
    assert drawn is not None
    assert [axis.get_ylabel() for axis in drawn.figure.axes] == list("0123456789")
    first = np.asarray(drawn.figure.axes[3].images[0].get_array())[1:9, 1:9, 0]
    three = conditional.data.test[conditional.data.labels["test"] == 3][0].reshape(8, 8)
    np.testing.assert_allclose(first, (three + 1) / 2, atol=1 / 30)
    assert class_sheet(conditional, "gan", tmp_path / "gan.png") == tmp_path / "gan.png"
    between = interpolations(conditional, "wgan")
    assert between is not None
    assert "with one label" in between.caption
    without = Results.of_ledger(ledger_of(finished_study), finished_study.name)
    assert class_samples(without, "gan") is None


def test_points_of_each_class_have_a_panel(tmp_path: Path) -> None:
    overrides = (
        "data={kind='ring',train=300,held_out=80}",
        "conditions.gan.networks.classes=8",
        "evaluation.resolution=9",
    )
    study = study_in(tmp_path, *SHORT, *overrides)
    run_without_ray(study)
    found = Results.of_ledger(ledger_of(study), study.name)
    drawn = class_samples(found, "gan")
    assert_legible(drawn, "light")
    assert drawn is not None
    assert [axis.get_title() for axis in drawn.figure.axes] == [f"mode {number}" for number in range(8)]
    assert class_samples(found, "wgan") is None
    agreement = found.curves[found.curves["metric"] == "mode_agreement"]
    assert set(agreement["condition"].astype(str)) == {"gan"}
    assert found.real_values["mode_agreement"] == 1
    assert found.critic_surface("gan")[1].shape == (3, 50, 50)


def test_networks_of_ones_own_get_labels_as_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_imports: None
) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "my_labelled_networks.py").write_text(program, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    own = (f"networks.{role}={{kind='my_labelled_networks:{role.title()}'}}" for role in ("generator", "critic"))
    study = study_in(tmp_path, *SHORT, "networks.classes=10", *own)
    run_without_ray(study)
    found = Results.of_ledger(ledger_of(study), study.name).best("gan")
    assert found.parameters["0.weight"].shape == (3, 64, 26)
    fakes = [found.generator()(4, labels=label) for label in (0, 1)]
    assert np.abs(fakes[0] - fakes[1]).max() > 1e-3


def test_the_setting_found_is_written_with_its_labels(conditional: Results, tmp_path: Path) -> None:
    found = found_study(conditional, "gan", name="again", folder=tmp_path)
    assert found.study.conditions[0].setting({}).networks == conditional.best("gan").setting.networks
    assert "classes=10,\n" in found.script
    assert "Conditional" not in found.script + found.text
