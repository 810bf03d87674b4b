"""Metrics of conditional generators: closed forms, references, and a training on the ring."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_gans import real_samples
from striped import stripes

from gan_core.constraints import GradientPenalty
from gan_core.data import Dataset, Ring, Table
from gan_core.evaluation import EvaluationSettings, Evaluator, applicable_metrics, reference_values
from gan_core.features import ClassifierFeatures
from gan_core.metrics import Fakes, choose_directions
from gan_core.metrics.labels import ClassSlicedWasserstein, ModeAgreement, WorstClassDistance
from gan_core.networks import MLPCritic, MLPGenerator, NetworkPair
from gan_core.objectives import NonSaturating
from gan_core.training import Adam, Trainer, Training

SETTINGS = EvaluationSettings(samples=90, directions=16, cells=4)
OF_LABELS = {"class_sliced_wasserstein", "worst_class_distance"}


def values_of(data: Dataset, fakes: np.ndarray, labels: np.ndarray, settings: EvaluationSettings = SETTINGS):
    real = real_samples(data, settings)
    fake = Fakes(real.tensor(fakes)[None], torch.from_numpy(labels))
    metrics = applicable_metrics(settings, data, conditional=True)
    return {name: metric.measure(real, fake).item() for name, metric in metrics.items() if metric.conditional}


def test_only_conditional_generators_have_metrics_of_labels():
    classifier = replace(SETTINGS, features=ClassifierFeatures(steps=20))
    ring = Ring(train=200, held_out=80).load()
    expected = {
        "pixels": (stripes(side=8), SETTINGS, OF_LABELS),
        "classifier": (stripes(), classifier, OF_LABELS | {"label_agreement"}),
        "modes": (ring, SETTINGS, OF_LABELS | {"mode_agreement"}),
    }
    for data, settings, names in expected.values():
        with_labels, without = (set(applicable_metrics(settings, data, conditional=c)) for c in (True, False))
        assert with_labels - without == names
    with pytest.raises(ValueError, match=r"distance: .* class_sliced_wasserstein does not without networks\.classes"):
        applicable_metrics(replace(SETTINGS, distance="class_sliced_wasserstein"), ring)


def test_a_class_that_is_moved_has_the_mean_length_of_its_projections():
    """Real samples of each class as its fakes, those of class 1 moved by d: |<d, direction>| there and 0 elsewhere."""
    data = stripes(side=8)
    labels = data.labels["validation"]
    moved = data.validation.astype(np.float64)
    step = np.random.default_rng(1).normal(size=64)
    moved[labels == 1] += step
    length = np.abs(step @ choose_directions(16, 64)).mean()
    real = real_samples(data, SETTINGS)
    fake = Fakes(torch.from_numpy(moved)[None], torch.from_numpy(labels))
    assert WorstClassDistance().measure(real, fake).item() == pytest.approx(length, rel=1e-5)
    assert ClassSlicedWasserstein().measure(real, fake).item() == pytest.approx(length / 3, rel=1e-5)


def test_labels_that_are_exchanged_show_by_class_and_not_in_the_whole():
    ring = Ring(train=400, held_out=160).load()
    labels = ring.labels_of("validation")
    right = values_of(ring, ring.validation, labels)
    wrong = values_of(ring, ring.validation, (labels + 1) % 8)
    assert right == {"class_sliced_wasserstein": 0, "worst_class_distance": 0, "mode_agreement": 1}
    neighbours = 2 * np.sin(np.pi / 8)  # distance of two neighbouring modes; the mean of |cos| is 2 / pi
    assert wrong["class_sliced_wasserstein"] == pytest.approx(neighbours * 2 / np.pi, rel=0.03)
    assert wrong["mode_agreement"] == 0


def test_the_share_of_fakes_at_the_mode_of_their_label_is_counted():
    ring = Ring(train=200, held_out=80).load()
    assert ring.modes is not None
    real = real_samples(ring, SETTINGS)
    fakes = real.tensor(ring.modes.centers[[0, 1, 2, 3]])[None]
    fake = Fakes(fakes, torch.tensor([0, 1, 5, 3]))
    assert ModeAgreement().measure(real, fake).item() == 0.75


def test_classes_without_fakes_or_real_samples_are_left_out():
    data = stripes(side=8)
    labels = data.labels["validation"]
    some = labels != 2
    known = values_of(data, data.validation[some], labels[some])
    assert known["class_sliced_wasserstein"] == pytest.approx(0, abs=1e-6)
    assert np.isnan(values_of(data, data.validation[:2], np.array([7, 7]))["class_sliced_wasserstein"])


def test_a_part_of_the_real_samples_keeps_their_labels():
    ring = Ring(train=400, held_out=160).load()
    part = real_samples(ring, SETTINGS).part(torch.arange(40, 90))
    fake = Fakes(part.samples[None], torch.from_numpy(ring.labels_of("validation")[40:90]))
    assert ClassSlicedWasserstein().measure(part, fake).item() == 0


def test_the_classifier_finds_the_labels_of_real_samples_with_its_accuracy():
    settings = replace(SETTINGS, features=ClassifierFeatures(steps=60))
    new = stripes(600, seed=1)
    right = values_of(stripes(), new.train[:90], new.labels["train"][:90], settings)
    wrong = values_of(stripes(), new.train[:90], (new.labels["train"][:90] + 1) % 3, settings)
    assert right["label_agreement"] > 0.9
    assert wrong["label_agreement"] < 0.1


def test_reference_values_are_those_of_labelled_real_samples_and_of_samples_that_ignore_labels():
    ring = Ring(train=2000, held_out=400).load()
    real = real_samples(ring, replace(SETTINGS, samples=400))
    metrics = list(applicable_metrics(real.settings, ring, conditional=True).values())
    found = reference_values(metrics, real)
    assert found["mode_agreement"].real == 1
    assert found["mode_agreement"].gaussian == pytest.approx(1 / 8, abs=0.05)
    distances = found["class_sliced_wasserstein"]
    assert distances.real < 0.01
    assert distances.constant == pytest.approx(2 / np.pi, rel=0.05)  # the mean of the ring is its middle, at radius 1
    assert distances.gaussian > distances.constant
    without = reference_values([metric for metric in metrics if not metric.conditional], real)
    assert all(found[name] == value for name, value in without.items())


def test_labels_and_data_of_a_table_come_from_the_same_rows(tmp_path):
    rows = np.arange(40)
    names = np.array(["red", "blue"])[rows % 2]
    lines = "\n".join(f"{value},{name},{-value}" for value, name in zip(rows, names, strict=True))
    (tmp_path / "rows.csv").write_text(f"x,colour,y\n{lines}\n", encoding="utf-8")
    table = Table(path=str(tmp_path / "rows.csv"), label="colour", standardise=False)
    data = table.load()
    assert data.classes == ("blue", "red")
    assert data.shape == (2,)
    for part in ("train", "validation", "test"):
        assert data.labels_of(part).tolist() == [1 - int(x) % 2 for x, _ in getattr(data, part)]
    chosen = replace(table, columns=("x", "y"), label="").load()
    assert chosen.fingerprint == data.fingerprint
    assert not chosen.labels
    for label, sentence in (("size", "which has x, colour, y, but is size"), ("x", "must be none of the columns")):
        with pytest.raises(ValueError, match=f"label: .*{sentence}"):
            replace(table, label=label, columns=("x", "y") if label == "x" else ()).load()


def test_on_the_ring_each_label_makes_its_own_mode():
    """A training of four seconds; without labels a fake has the mode of its label once in eight."""
    adam, ring = Adam(lr=2e-3, betas=(0.5, 0.9)), Ring().load()
    trainer = Trainer(
        objective=NonSaturating(),
        constraint=GradientPenalty(location="real_and_fake", target=0, gp_weight=0.5),
        networks=NetworkPair(generator=MLPGenerator(width=32), critic=MLPCritic(width=32), classes=8),
        training=Training(batch=64, critic_optimizer=adam, generator_optimizer=adam),
        data=ring,
        seeds=[1, 2],
    )
    evaluator = Evaluator(trainer.networks.generator, ring)
    before = evaluator.evaluate(trainer.generator.frozen, last=False)
    trainer.advance(450)
    after = evaluator.evaluate(trainer.generator.frozen, last=False)
    assert before["mode_agreement"].max() < 0.4
    assert after["mode_agreement"].min() > 0.9
    assert after["class_sliced_wasserstein"].max() < 0.25 * before["class_sliced_wasserstein"].min()
