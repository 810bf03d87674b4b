"""Precision and coverage at the end of training: medians over the late window, like the late distance."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from simulated import simulate

from studies.analysis.late_quality import late_quality
from studies.file.study import Study
from studies.locate import results
from studies.tables.results import Results

RISING = (0.1, 0.3, 0.2, 0.5, 0.9, 0.6, 0.8, 0.7, 0.95, 0.85, 0.9)


def with_distances_as_quality(simulated: Results) -> Results:
    """The results with precision equal to the distance, and coverage twice that, in shuffled rows."""
    distances = simulated.curves.astype({"metric": "str"})
    quality = [
        distances.assign(metric=name, value=distances["value"] * factor)
        for name, factor in (("precision", 1), ("coverage", 2))
    ]
    simulated.curves = pd.concat([distances, *quality], ignore_index=True).sample(frac=1, random_state=0)
    return simulated


@pytest.mark.parametrize("override", ["outcomes.late_share=0.2", "outcomes.late_share=0.6", "outcomes.least=1"])
def test_late_values_are_taken_over_the_window_of_the_late_distance(tmp_path: Path, override: str) -> None:
    simulated = with_distances_as_quality(
        simulate(tmp_path, lambda trial, seed: tuple(p - 0.001 * (seed % 7) for p in RISING), override)
    )
    late = late_quality(simulated)
    members = simulated.members[simulated.members["phase"] == "confirm"]
    assert len(late) == len(members) == 8
    merged = late.merge(members, on=["condition", "seed"])
    assert np.allclose(merged["precision"], merged["late_distance"])
    assert np.allclose(merged["coverage"], 2 * merged["late_distance"])
    assert merged["outcome_x"].tolist() == merged["outcome_y"].tolist()
    assert merged["precision"].nunique() > 3


def test_only_the_first_confirmed_configuration_counts(tmp_path: Path) -> None:
    simulated = with_distances_as_quality(simulate(tmp_path, lambda trial, seed: RISING, "search.confirm.best=2"))
    assert len(simulated.members[simulated.members["phase"] == "confirm"]) == 16
    assert len(late_quality(simulated)) == 8


def test_only_a_study_of_images_has_precision_and_coverage(
    finished_study: Study, on_ring: Results, tmp_path: Path
) -> None:
    late = late_quality(results(finished_study.name, root=finished_study.ledger.root))
    assert len(late) == 6
    assert late[["precision", "coverage"]].apply(lambda column: column.between(0, 1)).all(axis=None)
    assert late_quality(on_ring).empty
    assert late_quality(simulate(tmp_path, lambda trial, seed: RISING, trials=0)).empty
