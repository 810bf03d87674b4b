"""Rows of images: layout, sizes and number of colours."""

import numpy as np
import pytest

from studies.reporting.figures import THEMES
from studies.reporting.figures.canvas import PNG_DPI, WIDTH
from studies.reporting.figures.image_grid import (
    LEVELS,
    PER_LINE,
    SMALL_LEVELS,
    SMALL_PER_LINE,
    ImageRow,
    image_grid,
    lines_of,
    with_levels,
)


def opaque(values: np.ndarray) -> np.ndarray:
    """Grey images of these values, (images, height, width)."""
    return np.stack([values] * 3 + [np.ones_like(values)], axis=-1)


def test_images_stand_in_lines_from_left_to_right_with_a_transparent_pixel_around_each() -> None:
    images = opaque(np.arange(5)[:, None, None] / 4 * np.ones((5, 2, 3)))
    picture = lines_of(images, 3)
    assert picture.shape == (2 * 4, 3 * 5, 4)
    for number in range(5):
        row, column = divmod(number, 3)
        cell = picture[4 * row : 4 * row + 4, 5 * column : 5 * column + 5]
        np.testing.assert_allclose(cell[1:-1, 1:-1], images[number])
        assert cell[..., 3].sum() == 2 * 3
    assert (picture[4:, 10:] == 0).all()  # the last line is not full


def test_colours_are_off_by_at_most_half_a_level_and_black_and_white_stay() -> None:
    values = np.random.default_rng(0).random((2, 32, 32, 4))
    values[0, 0, 0, :3], values[0, 0, 1, :3] = 0, 1
    kept = with_levels(values)
    assert np.abs(kept - values)[..., :3].max() <= 0.5 / LEVELS + 1e-12
    np.testing.assert_array_equal(kept[..., 3], values[..., 3])
    np.testing.assert_array_equal(kept[0, 0, :2, :3], [[0, 0, 0], [1, 1, 1]])
    assert len(np.unique(kept[..., :3])) == LEVELS + 1


def test_small_grey_images_have_the_levels_of_the_digits_and_small_colour_images_more() -> None:
    grey = opaque(np.linspace(0, 1, 64).reshape(1, 8, 8))
    assert len(np.unique(with_levels(grey)[..., 0])) == SMALL_LEVELS + 1
    colored = grey.copy()
    colored[..., 1] = 1 - colored[..., 1]
    assert len(np.unique(with_levels(colored)[..., 0])) == LEVELS + 1


@pytest.mark.parametrize(
    ("count", "side", "columns", "dots"),
    [(16, 8, SMALL_PER_LINE, 5), (8, 8, 8, 11), (16, 28, PER_LINE, 4), (16, 64, PER_LINE, 2)],
)
def test_each_pixel_of_a_sheet_has_a_whole_number_of_dots(count: int, side: int, columns: int, dots: int) -> None:
    rows = [ImageRow(opaque(np.ones((count, side, side))), "label"), ImageRow(opaque(np.ones((3, side, side))), "few")]
    figure = image_grid(rows, THEMES["light"], "title")
    assert len(figure.axes) == 2
    for axis in figure.axes:
        box = axis.get_position().transformed(figure.transFigure)
        assert box.width == pytest.approx(columns * (side + 2) * dots)
        assert box.x0 == pytest.approx(round(box.x0))
        assert box.y0 == pytest.approx(round(box.y0))
    assert figure.dpi == PNG_DPI


@pytest.mark.parametrize(("count", "side"), [(16, 8), (5, 8), (16, 28), (8, 128)])
def test_a_figure_of_a_page_is_as_wide_as_all_others_and_has_eight_images_in_a_line(count: int, side: int) -> None:
    figure = image_grid([ImageRow(opaque(np.ones((count, side, side))), "label")], THEMES["light"])
    assert figure.get_figwidth() == pytest.approx(WIDTH)
    (axis,) = figure.axes
    assert axis.get_position().x1 * WIDTH < WIDTH
    assert np.asarray(axis.images[0].get_array()).shape[1] == min(count, PER_LINE) * (side + 2)


def test_notes_stand_below_the_middle_of_their_images() -> None:
    row = ImageRow(opaque(np.ones((2, 28, 28))), "label", ["0.5", "12"])
    (axis,) = image_grid([row], THEMES["dark"]).axes
    assert [label.get_text() for label in axis.get_xticklabels()] == ["0.5", "12"]
    np.testing.assert_allclose(axis.get_xticks(), [14.5, 44.5])  # pixels 1 to 28 and 31 to 58 are images
