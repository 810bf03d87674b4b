"""Snapshots: fakes of the same z at several steps of the training."""

from pathlib import Path

import numpy as np
import pytest
from drawn import assert_legible
from matplotlib.colors import to_hex
from tiny import DIRAC, run_without_ray, study_in

from studies.file.study import Study
from studies.locate import results
from studies.reporting.figures import THEMES, DrawnFigure, ThemeName, sample_snapshots
from studies.reporting.figures.snapshots import reduced, shown_members
from studies.tables.results import Results


def pixels_of(drawn: DrawnFigure | None) -> np.ndarray:
    """The one image that holds all pictures."""
    assert drawn is not None
    return np.asarray(drawn.figure.axes[0].images[0].get_array())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_images_are_drawn_at_each_step_for_the_best_the_median_and_the_worst_member(
    finished_study: Study, theme: ThemeName
) -> None:
    finished = results(finished_study.name, root=finished_study.ledger.root)
    drawn = sample_snapshots(finished, "gan", theme)
    assert drawn is not None
    assert_legible(drawn, theme)
    steps, fakes = finished.sample_snapshots("gan")
    axis = drawn.figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == [*map(str, steps), "real"]
    members = finished.members.query("condition == 'gan' and phase == 'confirm'").reset_index(drop=True)
    order, sheet = members["late_distance"].argsort(), pixels_of(drawn)
    expected = [
        f"{role}\nseed {members['seed'][member]}"
        for role, member in zip(("best", "median", "worst"), order, strict=True)
    ]
    assert [label.get_text().rpartition("\n")[0] for label in axis.get_xticklabels()] == expected
    down, right = len(sheet) // (len(steps) + 1), sheet.shape[1] // 3
    for column, member in enumerate(order):
        last = 2 * sheet[-2 * down :, right * column :, 0] - 1  # the images at the last step, and the real ones below
        np.testing.assert_allclose(last[:8, :8], fakes[-1, member, 0].reshape(8, 8), atol=1 / 16)
        real = finished.data.test[8 * column].reshape(8, 8)
        np.testing.assert_allclose(last[down : down + 8, :8], real, atol=1e-6)
    assert drawn.caption.endswith("The last row shows real images.")


def test_of_larger_images_two_stand_side_by_side_and_few_real_ones_are_repeated(on_images: Results) -> None:
    drawn, (steps, fakes) = sample_snapshots(on_images, "gan"), on_images.sample_snapshots("gan")
    sheet = pixels_of(drawn)
    down, right = len(sheet) // (len(steps) + 1), sheet.shape[1] // 3
    assert (down - 3 * 29 + 1, right - 2 * 29 + 1) == (6, 6)  # six images of 28 pixels, and a tenth of space
    (best, _, _) = shown_members(on_images.members.query("phase == 'confirm'")["late_distance"].to_numpy())
    expected = (fakes[-1, best, 1].reshape(3, 28, 28).transpose(1, 2, 0) + 1) / 2
    last = sheet[down * (len(steps) - 1) :]
    np.testing.assert_allclose(last[:28, 29:57, :3], expected, atol=1 / 60)
    real = sheet[down * len(steps) :]
    np.testing.assert_array_equal(real[58:86, 29:57], real[:28, :28])  # the sixth of five is the first
    assert drawn is not None
    assert "always from the same 6 z" in drawn.caption


def test_large_images_are_reduced_to_means_of_squares() -> None:
    images = np.random.default_rng(0).random((2, 97, 64, 4))
    small = reduced(images)
    assert small.shape == (2, 32, 21, 4)
    np.testing.assert_allclose(small[1, 0, 20], images[1, :3, 60:63].mean((0, 1)))
    np.testing.assert_array_equal(reduced(images[:, :48, :48]), images[:, :48, :48])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_points_are_drawn_on_real_points(on_ring: Results, theme: ThemeName) -> None:
    drawn = sample_snapshots(on_ring, "wgan", theme)
    assert drawn is not None
    assert_legible(drawn, theme)
    colors = {to_hex(color).upper() for color in np.unique(pixels_of(drawn).reshape(-1, 4), axis=0) if color[3]}
    assert colors == {THEMES[theme].real, THEMES[theme].fake}
    assert "the best, the median and the worst of its 3 seeds" in drawn.caption


def test_a_snapshot_that_is_not_finite_is_labelled_so(on_ring: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    steps, fakes = on_ring.sample_snapshots("gan")
    nonfinite = fakes.copy()
    nonfinite[2:, 1], nonfinite[-1, 0, 5] = np.nan, np.inf
    monkeypatch.setattr(on_ring, "sample_snapshots", lambda condition: (steps, nonfinite))
    drawn = sample_snapshots(on_ring, "gan")
    assert drawn is not None
    assert [text.get_text() for text in drawn.figure.axes[0].texts] == ["not finite"] * (len(steps) - 1)


def test_the_best_the_median_and_the_worst_member_are_shown_as_far_as_there_are_so_many() -> None:
    assert shown_members(np.array([0.4])) == {0: "best"}
    assert shown_members(np.array([0.4, 0.3])) == {1: "best", 0: "worst"}
    late = np.array([0.4, np.nan, 0.1, 0.3, 0.2])
    assert list(shown_members(late).items()) == [(2, "best"), (3, "median"), (1, "worst")]


def test_the_dirac_pair_is_not_drawn(tmp_path: Path) -> None:
    study = study_in(tmp_path, text=DIRAC)
    run_without_ray(study)
    assert sample_snapshots(results("dirac", root=study.ledger.root), "wasserstein") is None
