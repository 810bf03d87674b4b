"""The cells of a stability map: which trial trains which cell."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapped import GENERATOR_TOO, LEARNING_RATE, TIED, load

from studies.design import Design, Provenance, cell_order, counts
from studies.design.map_cells import explore_configuration

HERE = Provenance(data_fingerprint="ring", torch_version="2.13.0", device="cpu")


@given(st.lists(st.integers(2, 40), min_size=1, max_size=2))
def test_every_cell_has_exactly_one_trial(shape: list[int]) -> None:
    assert sorted(cell_order(tuple(shape))) == list(product(*map(range, shape)))


def test_one_axis_is_ordered_by_reversed_binary_digits() -> None:
    assert [cell for (cell,) in cell_order((8,))] == [0, 4, 2, 6, 1, 5, 3, 7]
    assert [cell for (cell,) in cell_order((6,))] == [0, 4, 2, 1, 5, 3]


def test_two_axes_begin_with_a_diagonal_and_fill_the_square() -> None:
    first = [(0, 0), (2, 2), (0, 2), (2, 0), (1, 1), (3, 3), (1, 3), (3, 1)]
    assert list(cell_order((4, 4))[:8]) == first


@pytest.mark.parametrize("level", [1, 2, 3])
def test_after_a_power_of_four_the_cells_are_a_regular_grid(level: int) -> None:
    step = 32 >> level
    assert sorted(cell_order((32, 32))[: 4**level]) == list(product(range(0, 32, step), repeat=2))


@pytest.mark.parametrize("shape", [(24, 24), (24, 6), (48, 48), (20, 33)])
def test_after_an_eighth_of_the_trials_no_cell_is_far_from_a_trained_one(shape: tuple[int, int]) -> None:
    """In random orders some cells are 4 to 5 cells away from the nearest trained one."""
    order = np.array(cell_order(shape))
    trained = order[: len(order) // 8]
    gaps = np.hypot(*(order[:, None] - trained[None]).transpose(2, 0, 1)).min(axis=1)
    assert gaps.max() <= 3.2


def test_explore_trials_have_the_values_of_their_cells(tmp_path: Path) -> None:
    study = load(tmp_path)
    trials = [trial for trial in Design(study, HERE).trials({}) if trial.condition == "clipped"]
    assert [trial.phase for trial in trials] == ["explore"] * 12
    assert counts(study, study.conditions[1])["explore"] == 12
    for trial, (i, j) in zip(trials, cell_order((3, 4)), strict=True):
        assert trial.configuration == pytest.approx(
            {"constraint.clip_value": 10 ** (-2.5 + i), LEARNING_RATE: 10 ** (-3.5 + j)}, rel=1e-12
        )
    assert len({trial.address for trial in trials}) == 12


def test_hyperparameters_of_one_axis_have_the_same_value(tmp_path: Path) -> None:
    study = load(tmp_path, TIED, GENERATOR_TOO)
    configuration = explore_configuration(study.search, study.conditions[0], 5)
    assert configuration[LEARNING_RATE] == configuration["training.generator_optimizer.lr"]
    assert len(configuration) == 3


def test_the_seed_of_the_search_does_not_move_the_cells(tmp_path: Path) -> None:
    first, second = (
        [trial.configuration for trial in Design(load(tmp_path, f"search.seed={seed}"), HERE).trials({})]
        for seed in (0, 1)
    )
    assert first == second
