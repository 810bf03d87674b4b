"""The member that stands for a condition."""

from pathlib import Path

import numpy as np
import pytest
from invented import STEPS, results_of

from studies.reporting.figures.median_member import MedianMember, median_member


@pytest.mark.parametrize(
    ("late", "index"), [([0.4], 0), ([0.4, 0.3], 1), ([0.5, 0.1, 0.3], 2), ([0.2, np.nan, 0.1, 0.4], 0)]
)
def test_it_has_the_median_late_distance(tmp_path: Path, late: list[float], index: int) -> None:
    def distances(condition: str, phase: str, trial: int, seed: int) -> np.ndarray:
        return np.full(len(STEPS), late[(seed - 2_000_000) % len(late)])

    results = results_of(tmp_path, "one", confirm=len(late), distances=distances)
    assert median_member(results, "one") == MedianMember(
        index, 2_000_000 + index, len(late), "1 seed" if len(late) == 1 else f"{len(late)} seeds"
    )


def test_there_is_none_before_a_condition_is_confirmed(tmp_path: Path) -> None:
    assert median_member(results_of(tmp_path, "one", confirm=0), "one") is None


def test_it_is_named_in_words() -> None:
    assert MedianMember(0, 7, 1, "1 seed").in_words == "its only seed"
    assert MedianMember(1, 7, 3, "3 seeds").in_words == "the median of its 3 seeds by late distance (seed 7)"
