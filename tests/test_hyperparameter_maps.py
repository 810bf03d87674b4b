"""Explore configurations by the values of their hyperparameters."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn import markers_of, title_of, two_conditions
from invented import results_of

from studies.file.distributions import Choice, Distribution, Grid, IntUniform, LogUniform, Uniform
from studies.reporting.figures import THEMES, hyperparameter_pairs, outcome_map
from studies.reporting.figures.hyperparameter_maps import condition_draws
from studies.reporting.figures.hyperparameter_scale import HyperparameterScale
from studies.tables.results import Results

WEIGHT, LR = "constraint.gp_weight", "training.critic_optimizer.lr"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return two_conditions(tmp_path_factory.mktemp("two"))


def test_every_configuration_is_drawn_at_its_value_and_its_number_of_stable_seeds(two: Results) -> None:
    drawn = outcome_map(two, "one")
    assert drawn is not None
    table = condition_draws(two, "one").table
    panels = {title_of(axis): axis for axis in drawn.figure.axes}
    assert set(panels) == {"gp_weight", "n_critic", "critic lr"}
    assert sorted(markers_of(panels["gp_weight"])) == sorted(zip(table[WEIGHT], table["stable"], strict=True))
    assert panels["gp_weight"].get_xscale() == "log"
    assert [label.get_text() for label in panels["n_critic"].get_xticklabels()] == ["1", "5"]


def test_stable_configurations_are_filled_and_their_range_is_shaded(two: Results) -> None:
    drawn = outcome_map(two, "one")
    assert drawn is not None
    axis = next(axis for axis in drawn.figure.axes if title_of(axis) == "gp_weight")
    draws = condition_draws(two, "one")
    filled = sorted(
        float(np.asarray(line.get_xdata())[0])
        for line in axis.lines
        if line.get_linestyle() == "None" and line.get_markerfacecolor() != THEMES["light"].background
    )
    stable = sorted(draws.table[WEIGHT][draws.good])
    assert filled == stable
    assert len(stable) == 3  # explore trial 0 fails with every seed
    ((left, _), *_, (right, _)) = sorted(map(tuple, axis.patches[0].get_corners()))  # type: ignore[attr-defined]
    assert left == pytest.approx(stable[0], rel=0.15)
    assert right == pytest.approx(stable[-1], rel=0.15)


def test_a_trial_without_a_result_has_no_stable_seed_and_a_lost_one_is_missing(tmp_path: Path) -> None:
    draws = condition_draws(results_of(tmp_path, "one", ends={1: "timed_out", 2: "lost"}), "one")
    assert draws.table["trial"].tolist() == [0, 1, 3]
    assert draws.table["stable"].tolist() == [3, 0, 3]
    assert draws.table["outcome"].tolist() == ["stable", "timed out", "stable"]


def test_an_end_without_a_result_has_its_own_marker_in_the_legend(tmp_path: Path) -> None:
    drawn = outcome_map(results_of(tmp_path, "one", ends={1: "timed_out", 3: "error"}), "one")
    assert drawn is not None
    (legend,) = drawn.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["stable", "timed out", "error"]


@pytest.mark.parametrize(("seeds", "needed"), [(1, 1), (3, 3), (5, 4), (10, 8)])
def test_a_configuration_is_stable_if_four_fifths_of_its_seeds_are(tmp_path: Path, seeds: int, needed: int) -> None:
    assert condition_draws(results_of(tmp_path, "one", seeds=seeds, confirm=0), "one").needed == needed


def test_there_is_a_scatter_for_each_pair_of_hyperparameters(two: Results) -> None:
    drawn = hyperparameter_pairs(two, "one")
    assert drawn is not None
    assert len(drawn.figure.axes) == 3
    axis = next(axis for axis in drawn.figure.axes if {axis.get_xscale(), axis.get_yscale()} == {"log"})
    table = condition_draws(two, "one").table
    assert sorted(markers_of(axis)) == sorted(zip(table[WEIGHT], table[LR], strict=True))


@pytest.mark.parametrize(
    ("hyperparameter", "values", "coordinates"),
    [
        (LogUniform(0.1, 10.0), [0.1, 10.0], [0.1, 10.0]),
        (Uniform(0.0, 1.0), ["0.25"], [0.25]),
        (IntUniform(1, 4), [3], [3.0]),
        (Choice(("b", "a")), ["a", "b"], [1, 0]),
        (Grid((5, 1)), [1, 5.0, "5"], [0, 1, 1]),
        (Choice((True, False)), [False, True], [1, 0]),
        (Choice((0.1, "auto")), ["0.1", "auto"], [0, 1]),
    ],
)
def test_every_value_of_a_hyperparameter_has_a_coordinate(
    hyperparameter: Distribution, values: list[Any], coordinates: list[float]
) -> None:
    column = pd.Series(values, dtype=object)
    assert HyperparameterScale.of(hyperparameter).coordinates(column).tolist() == coordinates
