"""The confirmed conditions: every member's distance, the intervals, and the picture of the ranking."""

from pathlib import Path

import numpy as np
import pytest
from drawn import markers_of, mixed_distances, mixed_outcomes, two_conditions, words_of
from invented import results_of
from PIL import Image

from studies.reporting.figures import confirmed, ranking_picture
from studies.tables.results import Results


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return two_conditions(tmp_path_factory.mktemp("two"))


def test_every_stable_member_is_a_dot_and_an_interval_without_upper_end_an_arrow(two: Results) -> None:
    drawn = confirmed(two)
    assert drawn is not None
    axis = drawn.figure.axes[0]
    members = two.members[(two.members["phase"] == "confirm") & (two.members["outcome"] == "stable")]
    assert len(markers_of(axis, "o")) == len(members) == 8
    assert len([1 for line in axis.lines if line.get_marker() == ">"]) == two.ranking["distance_high"].isna().sum() == 2


def test_failures_are_given_as_numbers_of_seeds(two: Results) -> None:
    drawn = confirmed(two)
    assert drawn is not None
    assert {"one\n2 of 6 failed", "other\n2 of 6 failed"} <= words_of(drawn)
    assert drawn.alternative.count("2 of 6 seeds failed") == 2


def test_failed_seeds_beyond_the_axis_are_one_cross_with_their_number(tmp_path: Path) -> None:
    def distances(condition: str, phase: str, trial: int, seed: int) -> np.ndarray:
        values = mixed_distances(condition, phase, trial, seed)  # those of a nonfinite member end in NaN
        return np.nan_to_num(values, nan=1e9) if condition == "far" else values

    drawn = confirmed(results_of(tmp_path, "far", "lost", confirm=6, outcomes=mixed_outcomes, distances=distances))
    assert drawn is not None
    assert {"2 farther", "2 not finite"} <= words_of(drawn)
    assert len(markers_of(drawn.figure.axes[0], "x")) == 2


def test_the_legend_names_failed_seeds_only_where_one_failed(two: Results, tmp_path: Path) -> None:
    without, with_failed = confirmed(results_of(tmp_path, "one", data="ring")), confirmed(two)
    assert without is not None
    assert with_failed is not None
    assert "failed seed" not in words_of(without)
    assert {"failed seed", "stable seed"} <= words_of(with_failed)


def test_the_caption_says_that_one_setting_of_each_condition_was_confirmed(two: Results) -> None:
    drawn = confirmed(two)
    assert drawn is not None
    assert drawn.caption.startswith("Distance of the setting found for each condition, trained with 6 seeds")


def test_the_picture_of_the_ranking_has_no_fakes_of_points(on_ring: Results, tmp_path: Path) -> None:
    path = ranking_picture(on_ring, tmp_path / "pictures" / "ranking.png")
    assert path is not None
    with Image.open(path) as image:
        assert image.width < 1.1 * 7.2 * 144  # as wide as a figure; with fakes it is nearly twice as wide


def test_there_is_no_picture_before_a_condition_is_confirmed(tmp_path: Path) -> None:
    assert ranking_picture(results_of(tmp_path, "one", confirm=0), tmp_path / "ranking.png") is None
    assert not (tmp_path / "ranking.png").exists()
