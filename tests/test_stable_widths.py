"""Stable widths are bars in their searched range."""

from drawn import WIDTHS, lines_of, markers_of, words_of
from matplotlib.axes import Axes

from studies.reporting.figures import stable_widths


def bars_of(axis: Axes) -> list[float]:
    return [bar.get_width() for bar in axis.patches]  # type: ignore[attr-defined]


def test_each_unit_has_a_panel_with_a_bar_and_an_interval_per_hyperparameter() -> None:
    drawn = stable_widths(WIDTHS)
    assert drawn is not None
    decades, units = drawn.figure.axes
    assert bars_of(decades) == [3.0, 1.5, 3.0, 0.5]
    assert bars_of(units) == [1.0, 0.0]
    assert [tuple(x) for x, _ in lines_of(decades)] == [(0.6, 2.4)]  # the second row has no interval
    labels = [label.get_text() for label in decades.get_yticklabels()]
    assert labels == ["one, gp_weight (8)", "one, critic lr (8)"]


def test_an_arrow_marks_each_end_of_the_range_that_is_reached() -> None:
    drawn = stable_widths(WIDTHS)
    assert drawn is not None
    decades = drawn.figure.axes[0]
    assert [y for _, y in markers_of(decades, "<")] == [0]
    assert [y for _, y in markers_of(decades, ">")] == [1]


def test_a_width_whose_ends_lie_within_the_range_has_no_arrow() -> None:
    drawn = stable_widths(WIDTHS.assign(border_low=False, border_high=False))
    assert drawn is not None
    assert [point for axis in drawn.figure.axes for kind in "<>" for point in markers_of(axis, kind)] == []
    assert not [word for word in words_of(drawn) if "reaches" in word]


def test_the_distance_may_be_given() -> None:
    drawn = stable_widths(WIDTHS, tau=0.08)
    assert drawn is not None
    assert bars_of(drawn.figure.axes[0]) == [3.0, 0.7]
    assert "0.08" in drawn.caption
