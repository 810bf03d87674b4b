"""Samples beside the ranking: one seed of each condition."""

from pathlib import Path

import numpy as np
import pytest
from drawn import assert_legible
from invented import results_of
from tiny import DIRAC, run_without_ray, study_in

from studies.file.study import Study
from studies.locate import results
from studies.reporting.figures import ThemeName, ranked_samples
from studies.reporting.figures.median_member import median_member
from studies.tables.results import Results


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_images_are_the_first_fakes_of_the_median_member_below_real_ones(
    finished_study: Study, theme: ThemeName
) -> None:
    finished = results(finished_study.name, root=finished_study.ledger.root)
    drawn = ranked_samples(finished, theme)
    assert drawn is not None
    assert_legible(drawn, theme)
    names = list(finished.ranking["condition"])
    labels = [axis.get_ylabel().split("\n")[0] for axis in drawn.figure.axes]
    assert labels == ["real images", *names]
    for axis, name in zip(drawn.figure.axes[1:], names, strict=True):
        member = median_member(finished, name)
        assert member is not None
        first = 2 * np.asarray(axis.images[0].get_array())[1:9, 1:9, 0] - 1
        fake = finished.samples(name)[member.index, 0].reshape(8, 8)
        np.testing.assert_allclose(first, fake, atol=1 / 16)
        assert f"{name}: seed {member.seed}, " in drawn.alternative
    assert "the median late distance" in drawn.caption


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_points_are_drawn_over_real_points_in_the_order_of_the_ranking(on_ring: Results, theme: ThemeName) -> None:
    drawn = ranked_samples(on_ring, theme)
    assert drawn is not None
    assert_legible(drawn, theme)
    for axis, name in zip(drawn.figure.axes, on_ring.ranking["condition"], strict=True):
        member = median_member(on_ring, name)
        assert member is not None
        assert axis.get_title().split("\n")[0] == name
        _, fakes = (np.asarray(dots.get_offsets()) for dots in axis.collections)
        np.testing.assert_allclose(fakes, on_ring.samples(name)[member.index])


def test_there_are_none_before_a_condition_is_confirmed_and_of_the_dirac_pair(tmp_path: Path) -> None:
    assert ranked_samples(results_of(tmp_path, "one", confirm=0)) is None
    study = study_in(tmp_path, text=DIRAC)
    run_without_ray(study)
    assert ranked_samples(results("dirac", root=study.ledger.root)) is None
