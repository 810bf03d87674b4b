"""Learning curves show the distances of the confirmed members."""

from pathlib import Path

import numpy as np
import pytest
from drawn import lines_of, markers_of, mixed_distances, mixed_outcomes, two_conditions, words_of
from invented import STEPS, results_of

from studies.reporting.figures import learning_curves
from studies.tables.results import Results

SEEDS = range(2_000_000, 2_000_006)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return two_conditions(tmp_path_factory.mktemp("two"))


def test_every_seed_the_median_and_the_quartiles_are_drawn(two: Results) -> None:
    drawn = learning_curves(two)
    assert drawn is not None
    axis = drawn.figure.axes[0]
    curves = [mixed_distances("one", "confirm", 0, seed) for seed in SEEDS]
    shown = lines_of(axis)
    for curve in curves:
        assert any(np.array_equal(y, curve[np.isfinite(curve)]) for _, y in shown)
    ((x, median),) = lines_of(axis, thick=2)
    low, middle, high = np.quantile(np.nan_to_num(curves, nan=1e300), [0.25, 0.5, 0.75], axis=0)
    np.testing.assert_array_equal(x, STEPS)
    np.testing.assert_allclose(median[high < 1e200], middle[high < 1e200], rtol=1e-12)
    band = np.asarray(axis.collections[0].get_paths()[0].vertices)
    assert band[:, 1].min() == pytest.approx(low.min())
    assert band[:, 1].max() == axis.get_ylim()[1]  # where the upper quartile is a member without a finite distance


def test_failed_seeds_are_marked_at_their_last_finite_distance(two: Results) -> None:
    drawn = learning_curves(two)
    assert drawn is not None
    nonfinite = [seed for seed in SEEDS if mixed_outcomes("one", "confirm", 0, seed)[0] == "nonfinite"]
    expected = [(60, mixed_distances("one", "confirm", 0, seed)[6]) for seed in nonfinite]
    np.testing.assert_allclose(markers_of(drawn.figure.axes[0], "X"), expected, rtol=1e-6)
    assert "4 of 6 seeds stable" in words_of(drawn)


def test_the_median_is_not_drawn_where_it_is_a_member_without_a_finite_distance(tmp_path: Path) -> None:
    def distances(condition: str, phase: str, trial: int, seed: int) -> np.ndarray:
        return np.where((STEPS > 50) & (seed % 3 > 0), np.nan, 0.2)

    results = results_of(tmp_path, "mostly-lost", distances=distances, outcomes=lambda *_: ("nonfinite", 60))
    drawn = learning_curves(results)
    assert drawn is not None
    ((_, median),) = lines_of(drawn.figure.axes[0], thick=2)
    np.testing.assert_array_equal(np.isnan(median), STEPS > 50)


def test_reference_distances_are_drawn_in_every_panel_and_named_at_the_right(two: Results) -> None:
    drawn = learning_curves(two)
    assert drawn is not None
    for axis in drawn.figure.axes:
        levels = [float(y[0]) for _, y in lines_of(axis) if len(y) == 2 and y[0] == y[1]]
        assert sorted(levels) == [0.03, 0.05, 0.45]
    labels = [text.get_text() for text in drawn.figure.axes[-1].texts[1:]]
    assert labels == ["real data", "Gaussian", "constant"]
    assert "a Gaussian of the data's mean and covariance" in drawn.caption


def test_an_exploding_distance_leaves_the_others_legible(tmp_path: Path) -> None:
    def distances(condition: str, phase: str, trial: int, seed: int) -> np.ndarray:
        return np.where(STEPS > 50, 1e30, 0.3) if seed % 3 == 0 else np.full(len(STEPS), 0.2)

    drawn = learning_curves(results_of(tmp_path, "exploding", distances=distances))
    assert drawn is not None
    assert drawn.figure.axes[0].get_ylim()[1] < 10
