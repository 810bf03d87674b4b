"""Pictures of a study: there are some wherever there is something to show, and they show it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny import DIRAC, run_without_ray, study_in

from gan_core.data import Dataset, Digits, Dirac, Grid, Ring, Segments
from studies.errors import InputError
from studies.figures import course_of_samples, draw_samples, ranking_picture, sample_sheet
from studies.figures.live import SIDE
from studies.results import Results, results
from studies.study import Study


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def colors(path: Path) -> set[tuple[int, ...]]:
    return set(map(tuple, np.unique(pixels(path).reshape(-1, 3), axis=0).tolist()))


def height_and_width(path: Path) -> tuple[int, ...]:
    return pixels(path).shape[:2]


# --- sheets of a condition


def test_sheet_of_points_has_real_ones_in_grey_and_fakes_in_blue(on_ring: Results, tmp_path: Path) -> None:
    path = sample_sheet(on_ring, "gan", tmp_path / "sheets" / "gan.png")
    assert path is not None
    found = colors(path)
    assert (0xBB, 0xBB, 0xBB) in found
    assert any(blue > red + 80 for red, _, blue in found)
    height, width = height_and_width(path)
    assert width > 2 * height  # three confirmed members beside each other


def test_sheet_of_images_is_drawn_as_before(finished_study: Study, tmp_path: Path) -> None:
    path = sample_sheet(results(finished_study.name, root=finished_study.ledger.root), "gan", tmp_path / "gan.png")
    assert path is not None
    assert all(red == green == blue for red, green, blue in colors(path))


def test_there_is_no_sheet_of_the_dirac_pair(tmp_path: Path) -> None:
    study = study_in(tmp_path, text=DIRAC)
    run_without_ray(study)
    found = results("dirac", root=study.ledger.root)
    assert sample_sheet(found, "wasserstein", tmp_path / "x.png") is None
    assert course_of_samples(found, "wasserstein") is None
    assert not (tmp_path / "x.png").exists()


def test_ranking_of_points_is_drawn_without_strips(on_ring: Results, tmp_path: Path) -> None:
    path = ranking_picture(on_ring, tmp_path / "ranking.png")
    assert path is not None
    assert path.stat().st_size > 1000


def test_critic_surface_comes_with_the_box_that_it_was_taken_in(on_ring: Results, finished_study: Study) -> None:
    box, surface = on_ring.critic_surface("wgan")
    assert surface.shape == (3, 9, 9)
    assert box.centers.shape == (81, 2)
    of_images = results(finished_study.name, root=finished_study.ledger.root)
    with pytest.raises(InputError, match=r"^wgan: a critic's surface is kept of points of the plane alone$"):
        of_images.critic_surface("wgan")


# --- pictures beside running trials


def drawn(data: Dataset, fakes: np.ndarray, path: Path) -> Path:
    draw_samples(data, fakes, [f"seed {i}" for i in range(len(fakes))], path)
    return path


def test_points_are_drawn_beside_each_other_for_every_member(tmp_path: Path) -> None:
    fakes = np.stack([Grid().load().train[:400], np.zeros((400, 2), np.float32)])
    path = drawn(Grid().load(), fakes, tmp_path / "samples.png")
    assert height_and_width(path) == (SIDE + 24, 2 * (SIDE + 10))
    assert {(0xBB, 0xBB, 0xBB), (0x00, 0x72, 0xB2)} <= colors(path)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_fakes_out_of_sight_do_not_prevent_a_picture(tmp_path: Path, bad: float) -> None:
    fakes = np.full((2, 50, 2), bad, np.float32)
    path = drawn(Ring().load(), fakes, tmp_path / "samples.png")
    assert (0x00, 0x72, 0xB2) not in colors(path)
    assert (0xBB, 0xBB, 0xBB) in colors(path)


def test_segments_beside_each_other_are_both_in_the_picture(tmp_path: Path) -> None:
    fakes = Segments().load().train[None, :200] + np.array([0.8, 0], np.float32)
    path = drawn(Segments().load(), fakes, tmp_path / "samples.png")
    assert {(0xBB, 0xBB, 0xBB), (0x00, 0x72, 0xB2)} <= colors(path)


def test_images_are_drawn_in_rows_and_other_data_not_at_all(tmp_path: Path) -> None:
    digits = Digits().load()
    path = drawn(digits, digits.train[None, :16], tmp_path / "digits.png")
    assert height_and_width(path)[1] == 190 + 16 * 36
    assert not drawn(Dirac().load(), np.zeros((1, 16, 1), np.float32), tmp_path / "dirac.png").exists()
