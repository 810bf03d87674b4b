"""Sample sheets: fakes of a condition's confirmed generators."""

from pathlib import Path

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
