"""Known modes: how many each confirmed member covers."""

from pathlib import Path

import pytest
from drawn import lines_of, markers_of, two_conditions

from studies.reporting.figures import modes


def test_modes_and_quality_are_those_of_the_last_evaluation(tmp_path: Path) -> None:
    drawn = modes(two_conditions(tmp_path))
    assert drawn is not None
    covered, quality = drawn.figure.axes
    assert {x for x, _ in markers_of(covered)} == {8.0}
    assert {x for x, _ in markers_of(quality)} == {0.5}
    assert len(markers_of(covered)) == 12
    assert lines_of(quality)[0][0][0] == pytest.approx(0.98889, abs=1e-5)  # of the true distribution, exp(-9/2) is not
    assert drawn.alternative == "; ".join(f"{name}: 8 of 8 modes, 50% high-quality fakes" for name in ("one", "other"))
