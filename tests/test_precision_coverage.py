"""Precision against coverage of the confirmed members."""

from pathlib import Path

import numpy as np
import pytest
from drawn import assert_legible, contrast, images_of_two_conditions, long_names, markers_of, mixed_outcomes, points_of
from invented import results_of

from studies.numbers import format_share
from studies.reporting.figures import THEMES, ThemeName, precision_coverage
from studies.reporting.figures.member_scatter import MARKERS
from studies.tables.results import Results


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return images_of_two_conditions(tmp_path_factory.mktemp("images"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_precision_and_coverage_are_whole_and_legible(images: Results, tmp_path: Path, theme: ThemeName) -> None:
    for results in (images, results_of(tmp_path, *long_names(17), explore=1, outcomes=mixed_outcomes)):
        assert_legible(precision_coverage(results, theme), theme)


def test_each_confirmed_member_is_drawn_at_its_late_precision_and_coverage(images: Results) -> None:
    """The median of the last three of ten evaluations; a failed member is hollow, one without finite values absent."""
    drawn = precision_coverage(images)
    assert drawn is not None
    curves = images.curves[images.curves["phase"] == "confirm"]
    wide = curves.pivot(index=["condition", "seed", "step"], columns="metric", values="value")
    late = wide.query("step >= 80").groupby(["condition", "seed"], observed=True).median()
    failed = np.array([seed % 3 == 2 for _, seed in late.index])
    absent = np.array([condition == "one" for condition, _ in late.index]) & failed
    axis = drawn.figure.axes[0]
    points = late[["coverage", "precision"]].to_numpy()
    references = [(0.99, 0.96), (0.36, 0.39)]
    assert absent.sum() == 2
    assert np.allclose(sorted(markers_of(axis)), sorted([*map(tuple, points[~absent]), *references]))
    hollow = [line for line in axis.lines if line.get_markerfacecolor() == "none"]
    assert len(hollow) == 1
    assert np.allclose(sorted(points_of(hollow[0])), sorted(map(tuple, points[failed & ~absent])))
    assert "2 nonfinite seeds cannot be shown." in drawn.caption
    assert "trained with 6 seeds" in drawn.caption
    other = late.loc["other"].median()
    expected = f"precision {format_share(other['precision'])}, coverage {format_share(other['coverage'])}"
    assert f"other: {expected}, medians of 6 seeds, 2 failed" in drawn.alternative
    assert drawn.alternative.endswith("real data: precision 96%, coverage 99%; Gaussian: precision 39%, coverage 36%")


def test_66_conditions_differ_in_colour_or_marker() -> None:
    looks = {(index % len(THEMES["light"].several), MARKERS[index % len(MARKERS)]) for index in range(66)}
    assert len(looks) == 66
    for theme in THEMES.values():
        assert all(contrast(color, theme.background) > 1.9 for color in theme.several)


def test_real_data_and_the_gaussian_are_named_at_their_points(images: Results) -> None:
    drawn = precision_coverage(images)
    assert drawn is not None
    axis = drawn.figure.axes[0]
    points = {text.get_text(): text.xy for text in axis.texts}  # type: ignore[attr-defined]
    assert points == {"real data": (0.99, 0.96), "Gaussian": (0.36, 0.39)}
    assert markers_of(axis, "*") == [(0.99, 0.96)]
