"""Tuning curves are drawn as they are in their table."""

import numpy as np
from drawn import TUNING_CURVES, lines_of

from studies.reporting.figures import tuning_curves


def test_each_panel_has_the_curve_of_its_condition_and_the_others_in_grey() -> None:
    drawn = tuning_curves(TUNING_CURVES)
    assert drawn is not None
    assert len(drawn.figure.axes) == 2
    for axis, name in zip(drawn.figure.axes, ("one", "other"), strict=True):
        rows = TUNING_CURVES[TUNING_CURVES["condition"] == name]
        assert axis.get_title(loc="left") == name
        ((numbers, scores),) = lines_of(axis, thick=1.5)
        np.testing.assert_array_equal(numbers, rows["n"])
        np.testing.assert_allclose(scores, rows["score"])
        assert len(lines_of(axis)) == 2
        (band,) = axis.collections
        heights = np.asarray(band.get_paths()[0].vertices)[:, 1]
        assert heights.min() == rows["score_low"].min()
        assert heights.max() == rows["score_high"].max()


def test_the_curves_are_told_in_words() -> None:
    drawn = tuning_curves(TUNING_CURVES)
    assert drawn is not None
    assert drawn.alternative == ("one: 50% with 1 setting, 89% with 8; other: 40% with 1 setting, 71% with 8")
