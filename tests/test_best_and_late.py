"""Best against late distance of the confirmed members."""

from pathlib import Path

import numpy as np
import pytest
from drawn import assert_legible, long_names, markers_of, mixed_outcomes, points_of, two_conditions
from invented import STEPS, results_of

from studies.reporting.figures import ThemeName, best_and_late
from studies.tables.results import Results


def rising(condition: str, phase: str, trial: int, seed: int) -> np.ndarray:
    """Distances of 0.2 until step 50; those of "one" are four times as large afterwards."""
    return np.where((STEPS > 50) & (condition == "one"), 0.8, 0.2) * (1 + 0.1 * (seed % 5))


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return results_of(tmp_path_factory.mktemp("lost"), "one", "other", confirm=3, distances=rising, data="ring")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_best_against_late_is_whole_and_legible(lost: Results, tmp_path: Path, theme: ThemeName) -> None:
    for results in (lost, results_of(tmp_path, *long_names(17), explore=1, outcomes=mixed_outcomes)):
        assert_legible(best_and_late(results, theme), theme)


def test_each_confirmed_member_is_drawn_at_its_best_and_its_late_distance(lost: Results) -> None:
    drawn = best_and_late(lost)
    assert drawn is not None
    members = lost.members[lost.members["phase"] == "confirm"]
    one = members[members["condition"] == "one"]
    assert np.allclose(one["late_distance"] / one["best_distance"], 4)
    axis = drawn.figure.axes[0]
    expected = sorted(map(tuple, members[["best_distance", "late_distance"]].to_numpy()))
    assert np.allclose(sorted(markers_of(axis)), expected)
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
    assert axis.get_xlim() == axis.get_ylim()
    (diagonal,) = [line for line in axis.lines if line.get_linestyle() == "--"]
    assert [x for x, _ in points_of(diagonal)] == [y for _, y in points_of(diagonal)] == list(axis.get_xlim())
    best, late = one[["best_distance", "late_distance"]].median()
    assert drawn.alternative.startswith(f"one: best {best:.3f}, late {late:.3f}, medians of 3 seeds; other: best ")


def test_members_without_distances_are_counted_and_none_draws_nothing(tmp_path: Path) -> None:
    drawn = best_and_late(two_conditions(tmp_path))
    assert drawn is not None
    assert "4 seeds without distances cannot be shown." in drawn.caption
    assert best_and_late(results_of(tmp_path, "one", confirm=0)) is None
