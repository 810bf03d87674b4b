"""Sample pictures of running trials."""

from pathlib import Path

import numpy as np
import pytest
from pictures import colors_in, height_and_width

from gan_core.data import Dataset, Digits, Dirac, Grid, Ring, Segments
from studies.reporting.figures import draw_samples
from studies.reporting.figures.trial_samples import SIDE

GREY, BLUE = (0xBB, 0xBB, 0xBB), (0x00, 0x72, 0xB2)


def drawn(data: Dataset, fakes: np.ndarray, path: Path) -> Path:
    draw_samples(data, fakes, [f"seed {seed}" for seed in range(len(fakes))], path)
    return path


def test_points_have_a_scatter_per_member_in_a_row(tmp_path: Path) -> None:
    fakes = np.stack([Grid().load().train[:400], np.zeros((400, 2), np.float32)])
    path = drawn(Grid().load(), fakes, tmp_path / "samples.png")
    assert height_and_width(path) == (SIDE + 24, 2 * (SIDE + 10))
    assert {GREY, BLUE} <= colors_in(path)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_fakes_out_of_view_are_left_out(tmp_path: Path, bad: float) -> None:
    path = drawn(Ring().load(), np.full((2, 50, 2), bad, np.float32), tmp_path / "samples.png")
    assert BLUE not in colors_in(path)
    assert GREY in colors_in(path)


def test_segments_next_to_each_other_are_both_in_view(tmp_path: Path) -> None:
    fakes = Segments().load().train[None, :200] + np.array([0.8, 0], np.float32)
    assert {GREY, BLUE} <= colors_in(drawn(Segments().load(), fakes, tmp_path / "samples.png"))


def test_images_are_drawn_in_rows_and_other_data_not_at_all(tmp_path: Path) -> None:
    digits = Digits().load()
    path = drawn(digits, digits.train[None, :16], tmp_path / "digits.png")
    assert height_and_width(path)[1] == 190 + 16 * 36
    assert not drawn(Dirac().load(), np.zeros((1, 16, 1), np.float32), tmp_path / "dirac.png").exists()
