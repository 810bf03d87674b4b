"""Shares of the data's classes in the fakes of confirmed members."""

from pathlib import Path

import numpy as np
import pytest
import torch
from drawn import assert_legible
from invented import results_of
from striped import CLASSES, stripes
from tiny import ledger_of, run_without_ray, study_in

from gan_core.data import as_coordinates
from gan_core.metrics import RealSamples
from studies.reporting.figures import ThemeName, class_shares
from studies.reporting.figures.class_shares import FAKES
from studies.tables.results import Results
from studies.tables.trained_generators import TrainedGenerator


@pytest.fixture(scope="module")
def confirmed(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A finished study on images of three classes, compared in a classifier's features."""
    folder = tmp_path_factory.mktemp("classes")
    data = stripes(stored="uint8")
    images = data.every.reshape(-1, 12, 12)
    labels = np.concatenate([data.labels[part] for part in ("train", "validation", "test")])
    np.savez(folder / "stripes.npz", x=images, y=np.array(CLASSES)[labels])
    study = study_in(
        folder,
        "data={kind='images', path='stripes.npz', size=12, held_out=90}",
        "evaluation={samples=90, features={kind='classifier', steps=200}}",
        "search.explore=1",
        "search.exploit.trials=0",
    )
    run_without_ray(study)
    return Results.of_ledger(ledger_of(study), study.name)


def found_in(results: Results, samples: np.ndarray) -> np.ndarray:
    real = RealSamples(results.data, "test", results.study.evaluation, device=torch.device("cpu"), dtype=torch.float32)
    assert real.feature_map.probabilities is not None
    classes = real.feature_map.probabilities(real.feature_map.extract(torch.from_numpy(samples))).argmax(1).numpy()
    return np.bincount(classes, minlength=len(CLASSES)) / len(classes)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_class_shares_are_whole_and_legible(confirmed: Results, theme: ThemeName) -> None:
    assert_legible(class_shares(confirmed, theme), theme)


def test_bars_are_the_shares_of_real_images_and_markers_those_of_each_member(confirmed: Results) -> None:
    drawn = class_shares(confirmed)
    assert drawn is not None
    expected = found_in(confirmed, as_coordinates(confirmed.data.test, np.float32))
    assert np.abs(expected - 1 / 3).max() < 0.1  # the classifier tells stripes apart
    for axis, condition in zip(drawn.figure.axes, ("wgan", "gan"), strict=True):
        heights = [bar.get_height() for bar in axis.patches]  # type: ignore[attr-defined]
        assert np.allclose(heights, expected)
        trained = confirmed.best(condition)
        for line, member in zip(axis.lines, range(3), strict=True):
            assert np.allclose(
                line.get_ydata(), found_in(confirmed, trained.generator(member)(FAKES).reshape(FAKES, -1))
            )
    names = [label.get_text() for label in drawn.figure.axes[-1].get_xticklabels()]
    assert names == sorted(CLASSES)


def test_a_lost_class_is_seen_and_said(confirmed: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fakes that are training images of two classes."""
    lost = confirmed.data.classes.index("vertical")
    kept = as_coordinates(confirmed.data.train[confirmed.data.labels["train"] != lost], np.float32)
    monkeypatch.setattr(TrainedGenerator, "__call__", lambda self, count: np.resize(kept, (count, *kept.shape[1:])))
    drawn = class_shares(confirmed)
    assert drawn is not None
    assert all(np.asarray(line.get_ydata())[lost] < 0.03 for axis in drawn.figure.axes for line in axis.lines)
    assert "vertical 0% to 0%" in drawn.alternative


def test_fakes_that_are_not_finite_have_no_shares(confirmed: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainedGenerator, "__call__", lambda self, count: np.full((count, 144), np.nan, np.float32))
    drawn = class_shares(confirmed)
    assert drawn is not None
    assert drawn.alternative == "wgan: no finite fakes; gan: no finite fakes"


def test_points_and_unconfirmed_conditions_have_no_classes(tmp_path: Path) -> None:
    assert class_shares(results_of(tmp_path, "one", data="ring")) is None
    assert class_shares(results_of(tmp_path, "one", confirm=0)) is None
