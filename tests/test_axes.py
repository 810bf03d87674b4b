"""Labels and ticks of axes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from studies.reporting.figures.axes import log_ticks, moved_apart


@settings(max_examples=25)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.01, 0.2))
def test_labels_are_moved_apart_in_their_order(positions: list[float], gap: float) -> None:
    moved = np.array(moved_apart(np.sort(positions), gap))
    assert (np.diff(moved) >= gap - 1e-9).all()
    assert abs(moved.mean() - np.mean(positions)) <= 1e-9
    if (np.diff(np.sort(positions)) >= gap).all():
        np.testing.assert_allclose(moved, np.sort(positions), atol=1e-9)


@settings(max_examples=25)
@given(st.floats(-12, 12), st.floats(0.05, 20), st.integers(3, 8))
def test_a_logarithmic_axis_has_ticks_and_not_too_many(first: float, decades: float, capacity: int) -> None:
    low, high = 10**first, 10 ** (first + decades)
    ticks = log_ticks(low, high, capacity)
    assert all(low <= tick <= high for tick in ticks)
    assert 1 <= len(ticks) <= max(capacity, 4)
