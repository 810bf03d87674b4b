"""The effect of tuning: the authors' setting, random settings, and the setting found."""

from pathlib import Path

import numpy as np
import pytest
from drawn import markers_of
from invented import results_of
from simulated import simulate

from studies.reporting.figures import tuning
from studies.reporting.figures.themes import THEMES
from studies.tables.results import Results


def found_diamond(results: Results) -> float:
    return float(results.ranking.set_index("condition")["distance"]["one"])


def test_the_authors_setting_is_drawn_where_a_study_trains_it(tmp_path: Path) -> None:
    progress = {"authors": (0.0, 0.4, 0.8), "confirm": (0.0, 0.5, 0.95), "explore": (0.0, 0.5, 0.85)}
    results = simulate(tmp_path, lambda trial, seed: progress[trial.phase], "search.confirm.authors=true")
    drawn = tuning(results)
    assert drawn is not None
    axis = drawn.figure.axes[0]
    first_row = {marker: x for marker in "soD" for x, y in markers_of(axis, marker) if y == 0}
    # reference distances go from 1 to 0 on the validation samples, from 3 to 1 on the test samples
    assert first_row == pytest.approx({"s": 3 - 0.8 * 2, "o": 1 - 0.85, "D": 3 - 0.95 * 2})
    assert "the authors' setting" in drawn.caption


def test_the_median_of_the_random_settings_and_the_setting_found_are_drawn(tmp_path: Path) -> None:
    results = results_of(
        tmp_path, "one", "other", outcomes=lambda c, p, t, s: ("stalled", None) if c == "other" else ("stable", None)
    )
    drawn = tuning(results)
    assert drawn is not None
    axis = drawn.figure.axes[0]
    explore = results.trials[(results.trials["phase"] == "explore") & (results.trials["condition"] == "one")]
    first_row = {marker: x for marker in "oD" for x, y in markers_of(axis, marker) if y == 0}
    assert first_row["o"] == pytest.approx(float(np.median(explore["distance"])))
    assert first_row["D"] == pytest.approx(found_diamond(results))
    failed = [x for marker in "oD" for x, y in markers_of(axis, marker) if y == 1]
    assert len(failed) == 2
    assert min(failed) > 0.45  # in the shade, right of all distances
    assert "other: median of random settings failed, setting found failed" in drawn.alternative
    filled = [line for line in axis.lines if line.get_markerfacecolor() == THEMES["light"].main]
    assert {line.get_marker() for line in filled} >= {"D"}
