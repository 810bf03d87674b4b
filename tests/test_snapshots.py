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
from studies.reporting.figures.snapshots import shown_members
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
    assert [label.get_text() for label in axis.get_xticklabels()] == [str(step) for step in steps]
    members = finished.members.query("condition == 'gan' and phase == 'confirm'").reset_index(drop=True)
    order, sheet = members["late_distance"].argsort(), pixels_of(drawn)
    expected = [
        f"{role}\nseed {members['seed'][member]}"
        for role, member in zip(("best", "median", "worst"), order, strict=True)
    ]
    assert [label.get_text().rpartition("\n")[0] for label in axis.get_yticklabels()] == expected
    down, right = len(sheet) // 3, sheet.shape[1] // len(steps)
    for row, member in enumerate(order):
        first = 2 * sheet[down * row :, -right:][:8, :8, 0] - 1  # the first image at the last step
        np.testing.assert_allclose(first, fakes[-1, member, 0].reshape(8, 8), atol=1 / 16)


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
