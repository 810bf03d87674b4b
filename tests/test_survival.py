"""Survival shows when, and by which outcome, explore members fail."""

from pathlib import Path

import pytest
from drawn import lines_of, two_conditions, words_of
from invented import results_of

from studies.reporting.figures import survival


def test_the_curve_falls_where_members_fail_and_ends_at_the_stable_share(tmp_path: Path) -> None:
    drawn = survival(two_conditions(tmp_path))
    assert drawn is not None
    ((x, y),) = lines_of(drawn.figure.axes[0], thick=1.4)
    # of 12 members one relapses at step 40, one is nonfinite from step 70, one has collapsed at the end
    assert dict(zip(x[:4], y[:4], strict=True)) == pytest.approx({0: 1, 40: 11 / 12, 70: 10 / 12, 100: 9 / 12})
    assert "75% of 12 seeds stable" in words_of(drawn)
    assert "8% relapsed" in drawn.alternative


def test_seeds_without_a_result_did_not_work_under_the_name_of_their_end(tmp_path: Path) -> None:
    drawn = survival(results_of(tmp_path, "one", ends={0: "out_of_memory", 2: "error"}))
    assert drawn is not None
    assert drawn.alternative == "one: 50% stable, 25% out of memory, 25% error"


def test_the_seeds_of_a_lost_trial_are_missing(tmp_path: Path) -> None:
    drawn = survival(results_of(tmp_path, "one", ends={1: "lost"}))
    assert drawn is not None
    assert drawn.alternative == "one: 100% stable"
    assert "100% of 9 seeds stable" in words_of(drawn)
