"""Sample sheets: fakes of a condition's confirmed generators."""

from pathlib import Path

import numpy as np
import pytest
from drawn import assert_legible
from pictures import colors_in, height_and_width
from tiny import DIRAC, run_without_ray, study_in

from studies.file.study import Study
from studies.locate import results
from studies.reporting.figures import ThemeName, sample_sheet, samples
from studies.tables.results import Results


def test_a_sheet_of_points_has_real_points_in_grey_and_fakes_in_blue(on_ring: Results, tmp_path: Path) -> None:
    path = sample_sheet(on_ring, "gan", tmp_path / "sheets" / "gan.png")
    assert path is not None
    colors = colors_in(path)
    assert (0xBB, 0xBB, 0xBB) in colors
    assert any(blue > red + 80 for red, _, blue in colors)
    height, width = height_and_width(path)
    assert width > 2 * height  # three confirmed members in a row


def test_a_sheet_of_grey_images_is_grey(finished_study: Study, tmp_path: Path) -> None:
    path = sample_sheet(results(finished_study.name, root=finished_study.ledger.root), "gan", tmp_path / "gan.png")
    assert path is not None
    assert all(red == green == blue for red, green, blue in colors_in(path))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_larger_images_stand_in_two_lines_and_fewer_real_ones_leave_space(on_images: Results, theme: ThemeName) -> None:
    drawn = samples(on_images, "gan", theme)
    assert_legible(drawn, theme)
    assert drawn is not None
    pictures = [np.asarray(axis.images[0].get_array()) for axis in drawn.figure.axes]
    assert [picture.shape for picture in pictures] == [(2 * 30, 8 * 30, 4)] * 4
    real, fakes = pictures[0], pictures[1]
    expected = on_images.data.first("test")[4].reshape(3, 28, 28).transpose(1, 2, 0)
    np.testing.assert_allclose(real[1:29, 4 * 30 + 1 : 4 * 30 + 29, :3], (expected + 1) / 2, atol=1 / 60)
    assert (real[:, 5 * 30 :, 3] == 0).sum() + (real[30:, : 5 * 30, 3] == 0).sum() == 2 * 30 * 3 * 30 + 30 * 5 * 30
    assert fakes[..., 3].sum() == 16 * 28 * 28


def test_there_is_no_sheet_of_the_dirac_pair(tmp_path: Path) -> None:
    study = study_in(tmp_path, text=DIRAC)
    run_without_ray(study)
    assert sample_sheet(results("dirac", root=study.ledger.root), "wasserstein", tmp_path / "x.png") is None
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_samples_are_whole_and_legible(on_ring: Results, theme: ThemeName) -> None:
    drawn = samples(on_ring, "wgan", theme)
    assert_legible(drawn, theme)
    assert drawn is not None
    assert len(drawn.figure.axes) == 3
    assert drawn.caption.startswith("Points generated with the setting found for wgan")
