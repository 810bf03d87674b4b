"""Tables and figures of stability maps whose truth is known."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from drawn import assert_legible, words_of
from mapped import LEARNING_RATE, MAP, mapped
from matplotlib.colors import to_rgb
from matplotlib.patches import PathPatch
from simulated import simulate

import studies.reporting.figures as figures
from gan_core.outcomes import OUTCOMES
from studies.analysis.comparison import Comparison
from studies.analysis.stability_map import ENDS, NOT_TRAINED, late_values
from studies.design import TrialSpec
from studies.file.distributions import as_number
from studies.reporting.figures import THEMES
from studies.reporting.page.report_page import draw_figures
from studies.statistics.area_share import area_interval


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return Comparison(mapped(tmp_path_factory.mktemp("whole")))


# --- tables


def test_each_cell_has_the_share_of_its_own_seeds(whole: Comparison) -> None:
    penalised, clipped = whole.maps
    half = np.array([[1, 1, 0.5, 0]] * 3)
    assert penalised.stable.tolist() == half.tolist()
    assert clipped.stable.tolist() == np.floor(half).tolist()
    assert penalised.trained.all()


def test_the_commonest_outcome_of_a_tie_is_the_failure(whole: Comparison) -> None:
    diverged = OUTCOMES.index("diverged")
    assert whole.maps[0].dominant.tolist() == [[0, 0, diverged, diverged]] * 3


def test_the_stable_area_is_the_mean_over_the_cells_with_its_interval(whole: Comparison) -> None:
    areas = whole.stable_areas.set_index("condition")
    assert areas["stable_area"].to_dict() == {"wgan-gp": 0.625, "clipped": 0.5}
    assert areas.loc["wgan-gp", ["x", "y"]].tolist() == ["constraint.gp_weight", LEARNING_RATE]
    assert areas.loc["clipped", "x"] == "constraint.clip_value"
    assert areas[["planned", "cells", "seeds"]].to_numpy().tolist() == [[12, 12, 2]] * 2
    low, high = area_interval(np.array([[1, 1, 0.5, 0]] * 3))
    assert areas.loc["wgan-gp", ["stable_low", "stable_high"]].tolist() == pytest.approx([low, high])
    assert areas["commonest_failure"].tolist() == ["diverged"] * 2
    assert areas["failure_share"].to_dict() == {"wgan-gp": 0.375, "clipped": 0.5}


def test_the_cells_of_a_map_are_no_random_draws(whole: Comparison) -> None:
    assert whole.explored == ()
    for table in (whole.volumes, whole.volume_curves, whole.volume_differences, whole.tuning_curves, whole.chances):
        assert table.empty


def test_random_draws_are_no_map(tmp_path: Path) -> None:
    comparison = Comparison(simulate(tmp_path, lambda trial, seed: (0, 0.9)))
    assert comparison.maps == ()
    assert comparison.stable_areas.empty
    assert len(comparison.explored) == 2


def test_lost_modes_are_not_stable(tmp_path: Path) -> None:
    """All members come as near, but those above a learning rate of 0.001 find 5 of 8 modes."""

    def modes(trial: TrialSpec, seed: int) -> dict[str, float]:
        return {"modes_covered": 8.0 if float(trial.configuration[LEARNING_RATE]) < 1e-3 else 5.0}

    comparison = Comparison(mapped(tmp_path, metrics=modes))
    (penalised, _) = comparison.maps
    assert penalised.stable[:, 0].tolist() == [1, 1, 1]
    assert not penalised.stable[:, 1:].any()
    assert [ENDS[index] for index in penalised.dominant[0]] == ["stable", "stalled", "diverged", "diverged"]


def test_late_values_are_medians_over_seeds_by_cell(whole: Comparison) -> None:
    values = late_values(whole.results, "wgan-gp", "modes_covered")
    assert values is not None
    assert values.tolist() == [[8, 8, 4.5, 1]] * 3
    assert late_values(whole.results, "wgan-gp", "no_metric") is None


def test_an_interrupted_map_counts_cells_before_the_first_that_is_missing(tmp_path: Path) -> None:
    comparison = Comparison(mapped(tmp_path, trials=7))
    penalised, clipped = comparison.maps
    assert [penalised.trained.sum(), clipped.trained.sum()] == [4, 3]
    assert [penalised.counted.sum(), clipped.counted.sum()] == [4, 3]
    assert (penalised.dominant == NOT_TRAINED).sum() == 8
    assert comparison.stable_areas["cells"].tolist() == [4, 3]
    # the first cells of 3 x 4 lie in different rows and columns
    assert [[int(i) for i in cell] for cell in np.argwhere(clipped.trained)] == [[0, 0], [0, 2], [2, 2]]


def test_the_authors_setting_lies_in_the_cell_of_its_values(whole: Comparison) -> None:
    penalised, clipped = whole.maps
    assert penalised.authors_setting == (10.0, 1e-4)
    assert penalised.authors_cell == (1, 0)
    assert clipped.authors == {"constraint.clip_value": 0.01}  # their RMSProp has another learning rate than Adam
    assert clipped.authors_setting is clipped.authors_cell is None


def test_one_axis_is_a_map_of_one_row(tmp_path: Path) -> None:
    text = MAP.replace(f', y = "{LEARNING_RATE}", resolution = [3, 4]', ", resolution = 6")
    comparison = Comparison(
        mapped(
            tmp_path,
            *(
                f'conditions.{name}.training.critic_optimizer={{kind="adam",lr=1e-3}}'
                for name in ("wgan-gp", "clipped")
            ),
            f'search.explore.map.x="{LEARNING_RATE}"',
            "conditions.clipped.training.critic_optimizer.lr={log_uniform=[1e-4,1.0]}",
            "conditions.wgan-gp.training.critic_optimizer.lr={log_uniform=[1e-4,1.0]}",
            "conditions.wgan-gp.constraint.gp_weight=1.0",
            "conditions.clipped.constraint.clip_value=0.1",
            text=text.replace('map.x = "constraint.clip_value"', ""),
        )
    )
    assert [of_condition.stable[:, 0].tolist() for of_condition in comparison.maps] == [
        [1, 1, 1, 0.5, 0, 0],
        [1, 1, 1, 0, 0, 0],
    ]
    assert_legible(figures.stability_map(comparison.maps, comparison.stable_areas), "light")
    assert comparison.stable_areas["y"].tolist() == ["", ""]


# --- figures


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_maps_are_legible(whole: Comparison, theme: figures.ThemeName) -> None:
    assert_legible(figures.stability_map(whole.maps, whole.stable_areas, theme), theme)
    assert_legible(figures.metric_map(whole.results, whole.maps, theme), theme)
    assert_legible(figures.metric_map(whole.results, whole.maps, theme, metric="sliced_wasserstein"), theme)


def test_every_cell_is_drawn_once_in_the_colour_of_its_outcome(whole: Comparison) -> None:
    drawn = figures.stability_map(whole.maps, whole.stable_areas)
    assert drawn is not None
    styles = THEMES["light"].outcomes
    for panel, of_condition in zip(drawn.figure.axes, whole.maps, strict=True):
        for x, row in zip(of_condition.axes[0].values, of_condition.dominant, strict=True):
            for y, index in zip(of_condition.axes[1].values, row, strict=True):
                inside = [patch for patch in panel.patches if _holds(patch, (as_number(x), as_number(y)))]
                assert len(inside) == 1
                assert inside[0].get_facecolor()[:3] == to_rgb(styles[ENDS[index]].color)


def _holds(patch: object, point: Sequence[float]) -> bool:
    assert isinstance(patch, PathPatch)
    corners = np.array(patch.get_path().vertices, dtype=np.float64, ndmin=2).reshape(-1, 5, 2)
    low, high = corners.min(axis=1), corners.max(axis=1)
    return bool(((low < point) & (point < high)).all(axis=1).any())


def test_a_cell_in_which_half_of_the_seeds_agree_is_paler(whole: Comparison) -> None:
    drawn = figures.stability_map(whole.maps, whole.stable_areas)
    assert drawn is not None
    alphas = [float(patch.get_alpha() or 0) for patch in drawn.figure.axes[0].patches]
    assert sorted(alpha for alpha in alphas if alpha) == pytest.approx([0.65, 1.0, 1.0])


def test_the_title_has_the_share_and_its_interval_and_the_legend_what_is_drawn(whole: Comparison) -> None:
    drawn = figures.stability_map(whole.maps, whole.stable_areas)
    assert drawn is not None
    words = words_of(drawn)
    row = whole.stable_areas.iloc[0]
    assert f"62% stable ({row['stable_low']:.0%} to {row['stable_high']:.0%})" in words
    assert {"stable", "diverged", "authors' setting", "authors' value"} <= set(words)
    assert "not trained" not in words
    assert "wgan-gp: 62% stable" in drawn.alternative
    assert "of 12 cells 6 stable, 6 diverged, the authors' setting at 10, 0.0001" in drawn.alternative


def test_cells_that_are_not_trained_are_hatched(tmp_path: Path) -> None:
    comparison = Comparison(mapped(tmp_path, trials=3))
    drawn = figures.stability_map(comparison.maps, comparison.stable_areas)
    assert drawn is not None
    assert "not trained" in words_of(drawn)
    assert_legible(figures.metric_map(comparison.results, comparison.maps), "light")


def test_a_metric_map_is_by_modes_where_they_are_known(whole: Comparison) -> None:
    drawn = figures.metric_map(whole.results, whole.maps)
    assert drawn is not None
    assert drawn.name == "metric-map-modes-covered"
    assert {"0", "7", "8 modes"} <= set(words_of(drawn))
    assert "clipped: modes covered from 1 to 8, median 4.5" in drawn.alternative


def test_the_page_has_the_maps_in_place_of_figures_of_random_draws(whole: Comparison) -> None:
    names = [drawn.name for drawn in draw_figures(whole, "light") if drawn is not None]
    assert names[:2] == ["stability-map", "metric-map-modes-covered"]
    assert not [name for name in names if name.startswith(("outcome-map", "hyperparameter-pairs", "stable-volume"))]


def test_pictures_of_the_maps_are_written_for_maps_alone(whole: Comparison, tmp_path: Path) -> None:
    paths = figures.write_maps(whole, tmp_path / "maps")
    assert [path.name for path in paths] == ["stability-map.png", "metric-map-modes-covered.png"]
    assert all(path.stat().st_size > 10_000 for path in paths)
    assert figures.write_maps(Comparison(simulate(tmp_path, lambda trial, seed: (0, 0.9))), tmp_path / "none") == []


def test_no_figure_before_a_cell_is_trained(tmp_path: Path) -> None:
    comparison = Comparison(mapped(tmp_path, trials=0))
    assert figures.stability_map(comparison.maps, comparison.stable_areas) is None
    assert figures.metric_map(comparison.results, comparison.maps) is None
