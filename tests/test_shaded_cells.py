"""Configurations as shaded cells."""

from pathlib import Path

import numpy as np
import pytest
from drawn import two_conditions

from studies.file.distributions import Choice, LogUniform, Uniform
from studies.reporting import figures
from studies.reporting.figures import THEMES, hyperparameter_maps, inline_svg
from studies.reporting.figures.hyperparameter_scale import HyperparameterScale
from studies.reporting.figures.shaded_cells import CELLS, cell_edges, column_shares, handles, outcome_shares

EDGES = np.array([0.0, 1.0, 2.0]), np.array([-0.5, 0.5, 1.5])
X = np.array([0.2, 0.9, 0.5, 0.1, 1.5, 2.0])
Y = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
OUTCOMES = ["collapsed", "diverged", "diverged", "stable", "stable", "stable"]


def test_a_cell_has_the_commonest_outcome_and_its_share_of_the_column():
    cells = column_shares(X, Y, OUTCOMES, EDGES)
    assert cells[["left", "bottom", "outcome", "share"]].to_numpy().tolist() == [
        [0.0, -0.5, "diverged", 0.75],
        [0.0, 0.5, "stable", 0.25],
        [1.0, 0.5, "stable", 1.0],
    ]
    assert cells["count"].tolist() == [3, 1, 2]


def test_the_share_of_an_outcome_is_that_among_the_configurations_of_the_cell():
    assert outcome_shares(X, Y, OUTCOMES, EDGES)["share"].tolist() == pytest.approx([2 / 3, 1.0, 1.0])


def test_cells_cover_the_axis_equally_and_each_listed_value_has_its_own():
    log = cell_edges(HyperparameterScale.of(LogUniform(low=1e-4, high=1.0)))
    linear = cell_edges(HyperparameterScale.of(Uniform(low=0.0, high=2.0)))
    np.testing.assert_allclose(log[1:] / log[:-1], log[1] / log[0])
    np.testing.assert_allclose(np.diff(linear), 2.16 / CELLS)
    assert len(log) == len(linear) == CELLS + 1
    assert (log[0] < 1e-4, log[-1] > 1.0) == (True, True)
    assert cell_edges(HyperparameterScale.of(Choice(values=(1, 5, 7)))).tolist() == [-0.5, 0.5, 1.5, 2.5]


def test_the_legend_has_each_outcome_once():
    labels = [handle.get_label() for handle in handles(THEMES["light"], OUTCOMES)]
    assert labels == ["stable", "mostly diverged", "mostly collapsed"] or labels == [
        "stable",
        "mostly collapsed",
        "mostly diverged",
    ]


def test_a_study_of_many_configurations_is_drawn_as_cells_on_the_page_too(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(hyperparameter_maps, "MOST_MARKERS", 2)
    results = two_conditions(tmp_path)
    for draw in (figures.outcome_map, figures.hyperparameter_pairs):
        drawn = draw(results, "one", "both")
        assert drawn is not None
        assert all(line.get_marker() == "None" for axis in drawn.figure.axes for line in axis.lines)
        assert any(axis.patches for axis in drawn.figure.axes)
        assert "the stronger the more of them" in drawn.caption
        assert "var(--figure-stable)" in inline_svg.svg(drawn)
