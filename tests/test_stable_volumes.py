"""Stable volumes and chances of success are drawn as they are in their tables."""

import numpy as np
import pandas as pd
from drawn import CHANCES, VOLUMES, lines_of, words_of

from studies.analysis.comparison import Comparison
from studies.file.study import Study
from studies.locate import results
from studies.reporting.figures import chance_of_success, stable_volume
from studies.reporting.figures.stable_volumes import thinned


def test_the_stable_volume_rises_at_each_distance() -> None:
    drawn = stable_volume(VOLUMES)
    assert drawn is not None
    (x, y), *_ = lines_of(drawn.figure.axes[0], thick=1.8)
    assert list(zip(x[:-1], y[:-1], strict=True)) == [(0.06, 0), (0.08, 0.25), (0.14, 0.5)]
    notes = [axis.texts[0].get_text() for axis in drawn.figure.axes]
    assert notes == ["8 configurations", "5 of 8 configurations"]
    assert drawn.alternative.startswith("one: 0% reach 0.060, 25% reach 0.080, 50% reach 0.140; other: 0% reach 0.060")


def test_the_alternative_text_leaves_out_distances_at_which_the_volume_does_not_rise() -> None:
    drawn = stable_volume(VOLUMES.assign(volume=[0.5, 0.0, 0.0, 1.0, 1.0, 1.0]))
    assert drawn is not None
    assert drawn.alternative == "one: 0% reach 0.060, 50% reach 0.140; other: 100% reach 0.060"


def test_volumes_without_an_interval_are_drawn_without_one() -> None:
    drawn = stable_volume(VOLUMES.assign(volume_low=np.nan, volume_high=np.nan))
    assert drawn is not None
    assert "95% interval" not in words_of(drawn)
    vertices = [np.asarray(path.vertices) for band in drawn.figure.axes[0].collections for path in band.get_paths()]
    assert not np.isfinite(vertices).any()


def test_chances_are_those_of_the_largest_distance() -> None:
    drawn = chance_of_success(CHANCES)
    assert drawn is not None
    x, y = lines_of(drawn.figure.axes[0], thick=1.8)[0]
    assert x.tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(y, [0.5, 0.75, 0.875, 0.9375], rtol=1e-12)
    _, other = lines_of(drawn.figure.axes[0])[0]
    np.testing.assert_allclose(other, 1 - 0.8 ** np.arange(1, 5), rtol=1e-12)
    assert "0.140" in drawn.caption


def test_the_distance_of_the_chances_may_be_given() -> None:
    drawn = chance_of_success(CHANCES.assign(chance=np.where(CHANCES["tau"] == 0.08, 0.25, 1.0)), tau=0.08)
    assert drawn is not None
    assert set(lines_of(drawn.figure.axes[0], thick=1.8)[0][1]) == {0.25}
    assert "0.080" in drawn.caption


def test_the_tables_of_a_comparison_are_drawn(finished_study: Study) -> None:
    comparison = Comparison(results(finished_study.name, root=finished_study.ledger.root))
    assert stable_volume(comparison.volumes) is not None
    chance = chance_of_success(comparison.chances)
    assert (chance is None) == comparison.chances.empty


def test_a_curve_over_thousands_of_configurations_keeps_its_ends_and_some_hundred_points() -> None:
    table = pd.DataFrame({"n": range(1, 5001), "chance": np.linspace(0, 1, 5000)})
    thin = thinned(table)
    assert (thin["n"].iloc[0], thin["n"].iloc[-1]) == (1, 5000)
    assert 60 < len(thin) <= 100
    assert thin["n"].is_monotonic_increasing
    assert thinned(table[:100]) is not None
    assert len(thinned(table[:100])) == 100
