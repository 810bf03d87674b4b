"""Precision and coverage at the end of training: judged over the same window as the distance."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from simulated import simulate

from studies.comparison.quality import late_quality
from studies.results import Results, results
from studies.study import Study

RISING = (0.1, 0.3, 0.2, 0.5, 0.9, 0.6, 0.8, 0.7, 0.95, 0.85, 0.9)


def with_distances_as_precision(found: Results) -> Results:
    """Distances lie between 1 and 3 there, which only their names tell from shares."""
    distances = found.curves.astype({"metric": "str"})
    named = [
        distances.assign(metric=name, value=distances["value"] * by) for name, by in (("precision", 1), ("coverage", 2))
    ]
    found.curves = found._typed(pd.concat([distances, *named], ignore_index=True).sample(frac=1, random_state=0))
    return found


@pytest.mark.parametrize("override", ["stability.late_share=0.2", "stability.late_share=0.6", "stability.least=1"])
def test_late_values_are_taken_over_the_window_of_the_late_distance(tmp_path: Path, override: str) -> None:
    found = with_distances_as_precision(
        simulate(tmp_path, lambda planned, seed: tuple(p - 0.001 * (seed % 7) for p in RISING), override)
    )
    late = late_quality(found)
    members = found.members[found.members["phase"] == "confirm"]
    assert len(late) == len(members) == 8
    both = late.merge(members, on=["condition", "seed"])
    assert np.allclose(both["precision"], both["late_distance"])
    assert np.allclose(both["coverage"], 2 * both["late_distance"])
    assert both["outcome_x"].tolist() == both["outcome_y"].tolist()
    assert both["precision"].nunique() > 3


def test_only_the_first_confirmed_configuration_counts(tmp_path: Path) -> None:
    found = with_distances_as_precision(simulate(tmp_path, lambda planned, seed: RISING, "search.confirm.best=2"))
    assert len(found.members[found.members["phase"] == "confirm"]) == 16
    assert len(late_quality(found)) == 8


def test_a_study_of_images_has_them_and_another_none(finished_study: Study, on_ring: Results, tmp_path: Path) -> None:
    late = late_quality(results(finished_study.name, root=finished_study.ledger.root))
    assert len(late) == 6
    assert late[["precision", "coverage"]].apply(lambda column: column.between(0, 1)).all(axis=None)
    assert late_quality(on_ring).empty
    assert late_quality(simulate(tmp_path, lambda planned, seed: RISING, trials=0)).empty
