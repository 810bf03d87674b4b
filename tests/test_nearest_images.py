"""The real images nearest to fakes: equal to brute force, and a generator that copies is seen."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn import assert_legible
from invented import results_of
from pictures import height_and_width

from gan_core.data import as_coordinates
from gan_core.features import FileFeatures, RandomConvFeatures
from gan_core.reference_cache import ReferenceCache
from studies.file.study import Study
from studies.locate import results
from studies.reporting.figures import DrawnFigure, ThemeName, nearest_images
from studies.reporting.figures.nearest_images import find_nearest, nearest, nearest_sheet
from studies.tables.results import Results


def fresh(found: Results) -> Results:
    """The same results, which a test may change."""
    return results(found.study.name, root=found.place)


def generating(found: Results, fakes: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Results:
    """The results as if all confirmed members had generated these images."""
    copied = fresh(found)
    monkeypatch.setattr(copied, "samples", lambda condition: np.stack([fakes] * 3))
    return copied


def pictures_of(drawn: DrawnFigure | None) -> list[np.ndarray]:
    assert drawn is not None
    return [np.asarray(axis.images[0].get_array()) for axis in drawn.figure.axes]


def notes_of(drawn: DrawnFigure, row: int) -> list[float]:
    return [float(label.get_text()) for label in drawn.figure.axes[row].get_xticklabels()]


def test_the_nearest_is_that_of_brute_force() -> None:
    rng = np.random.default_rng(0)
    samples, compared = rng.normal(size=(300, 7)).astype(np.float32), rng.normal(size=(5, 7)).astype(np.float32)
    index, distance = nearest(torch.from_numpy(samples), torch.from_numpy(compared))
    every = np.linalg.norm(compared[:, None].astype(np.float64) - samples, axis=-1)
    np.testing.assert_array_equal(index, every.argmin(1))
    np.testing.assert_allclose(distance, every.min(1), rtol=1e-5)


def test_a_copy_far_from_zero_has_the_distance_0() -> None:
    samples = 1e3 + torch.randn((50, 600), generator=torch.Generator().manual_seed(0))
    index, distance = nearest(samples, samples[[7, 30]])
    assert index.tolist() == [7, 30]
    assert distance.tolist() == [0, 0]


def test_on_digits_images_are_compared_in_pixels(finished_study: Study) -> None:
    finished = results(finished_study.name, root=finished_study.ledger.root)
    found = find_nearest(finished, "gan")
    assert found is not None
    late = finished.members.query("condition == 'gan' and phase == 'confirm'")["late_distance"].to_numpy()
    assert found.member.index == np.argsort(late)[1]
    np.testing.assert_array_equal(found.fakes, finished.samples("gan")[found.member.index, :8])
    for part in ("train", "test"):
        every = np.linalg.norm(found.fakes[:, None] - getattr(finished.data, part), axis=-1)
        np.testing.assert_array_equal(found.index[part], every.argmin(1))
        np.testing.assert_allclose(found.distance[part], every.min(1), rtol=1e-5)
    between = np.linalg.norm(finished.data.test[:200, None] - finished.data.train, axis=-1).min(1)
    assert found.usual == pytest.approx(np.median(between), rel=0.01)  # torch's median is the lower of two
    assert found.features == "pixels"


def test_other_images_are_compared_in_the_studys_features(on_images: Results) -> None:
    found, data = find_nearest(on_images, "gan"), on_images.data
    assert found is not None
    assert found.features == "random_conv"
    cache = ReferenceCache(data=data, dtype="torch.float32", device="cpu")
    features = RandomConvFeatures().map(data, cache)
    train = features.extract(torch.from_numpy(as_coordinates(data.train, np.float32))).numpy()
    fakes = features.extract(torch.from_numpy(found.fakes)).numpy()
    every = np.linalg.norm(fakes[:, None] - train, axis=-1)
    np.testing.assert_array_equal(found.index["train"], every.argmin(1))
    np.testing.assert_allclose(found.distance["train"], every.min(1), rtol=1e-4)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_generator_that_copies_is_seen_at_once(
    on_images: Results, theme: ThemeName, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = on_images.data.first("train")[20:36].astype(np.float16).astype(np.float32)  # as entries keep them
    copying = generating(on_images, copies, monkeypatch)
    found, drawn = find_nearest(copying, "gan"), nearest_images(copying, "gan", theme)
    assert found is not None
    assert drawn is not None
    assert found.index["train"].tolist() == list(range(20, 28))
    assert found.distance["train"].max() < 0.01 * found.usual
    assert found.distance["test"].min() > 0.3 * found.usual
    assert_legible(drawn, theme)
    fakes, train, test = pictures_of(drawn)
    np.testing.assert_array_equal(fakes, train)
    assert (fakes != test).any()
    assert max(notes_of(drawn, 1)) < 0.01 * min(notes_of(drawn, 2))
    assert "distances from the nearest training image 0.0" in drawn.alternative


@pytest.mark.parametrize(
    ("usual", "texts"),
    [
        (3.961, ["0.00", "3.96", "12.35"]),
        (11.2, ["0.0", "4.0", "12.3"]),
        (0.0456, ["0.0006", "3.9610", "12.3456"]),
        (4321.0, ["0", "4", "12"]),
        (0.0, ["0.00", "3.96", "12.35"]),
    ],
)
def test_distances_have_the_decimals_that_give_the_usual_one_three_digits(
    on_images: Results, usual: float, texts: list[str]
) -> None:
    found = find_nearest(on_images, "gan")
    assert found is not None
    assert replace(found, usual=usual).texts([0.00062, 3.961, 12.3456]) == texts


def test_the_caption_gives_the_usual_distance_and_the_members_memorisation(on_images: Results) -> None:
    drawn, found = nearest_images(on_images, "gan"), find_nearest(on_images, "gan")
    assert drawn is not None
    assert found is not None
    values = on_images.curves.query(f"metric == 'memorisation' and seed == {found.member.seed}")["value"]
    assert f"Memorisation of this seed: {values.iloc[-1]:.0%} (other real images: " in drawn.caption
    assert f"usually {found.usual_text} away from the nearest training image" in drawn.caption
    assert drawn.figure.axes[1].get_ylabel() == f"nearest\ntraining image\n(usually {found.usual_text})"


def test_fakes_that_are_not_finite_are_left_out(on_images: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    fakes = on_images.data.first("train", 16).copy()
    fakes[[0, 3], 5] = np.nan, np.inf
    found = find_nearest(generating(on_images, fakes, monkeypatch), "gan")
    assert found is not None
    assert found.index["train"].tolist() == [1, 2, 4, 5, 6, 7, 8, 9]
    assert find_nearest(generating(on_images, np.full_like(fakes, np.nan), monkeypatch), "gan") is None


def test_the_sheet_is_written_with_a_title(on_images: Results, tmp_path: Path) -> None:
    assert nearest_sheet(on_images, "gan", tmp_path / "new" / "gan.png") == tmp_path / "new" / "gan.png"
    height, width = height_and_width(tmp_path / "new" / "gan.png")
    assert width > 2 * height


def test_there_is_none_for_points_and_before_a_condition_is_confirmed(on_ring: Results, tmp_path: Path) -> None:
    assert nearest_images(on_ring, "gan") is None
    assert nearest_sheet(on_ring, "gan", tmp_path / "gan.png") is None
    assert nearest_images(results_of(tmp_path, "one", confirm=0), "one") is None
    assert not (tmp_path / "gan.png").exists()


def test_there_is_none_if_the_file_of_the_features_is_not_here(on_images: Results) -> None:
    read = fresh(on_images)
    features = FileFeatures(path="gone.pt", sha256="0" * 64, size=32, channels=3)
    read.study = replace(read.study, evaluation=replace(read.study.evaluation, features=features))
    assert nearest_images(read, "gan") is None
