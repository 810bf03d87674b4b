"""Critic slope and gradient norms of explore members, by outcome."""

from pathlib import Path

import numpy as np
from drawn import mixed_outcomes, points_of
from invented import STEPS, results_of

from studies.reporting.figures import gradients


def test_each_outcome_has_the_median_over_its_members(tmp_path: Path) -> None:
    def distances(condition: str, phase: str, trial: int, seed: int) -> np.ndarray:
        return np.where(STEPS == 50, np.inf, 0.1 * (1 + seed % 3)) if trial else np.full(len(STEPS), 5.0)

    drawn = gradients(results_of(tmp_path, "one", outcomes=mixed_outcomes, distances=distances), "one")
    assert drawn is not None
    slope = drawn.figure.axes[0]
    stable = next(line for line in slope.lines if line.get_marker() == "o")
    np.testing.assert_allclose(
        [y for _, y in points_of(stable)][:5], 1.2, rtol=1e-12
    )  # 1 + the median of 0.1, 0.2, 0.3
    assert {line.get_marker() for line in slope.lines} == {"o", "v", "X", "D"}
    labels = {text.get_text() for text in drawn.figure.legends[0].get_texts()}
    assert labels >= {"stable (9 seeds)", "relapsed (1 seed)"}
