"""Every figure is complete and legible, and none is drawn without data."""

import ast
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from drawn import (
    CHANCES,
    TUNING_CURVES,
    VOLUMES,
    assert_legible,
    contrast,
    figures_of_study,
    figures_of_tables,
    lines_of,
    long_names,
    markers_of,
    mixed_distances,
    mixed_outcomes,
    one_nonfinite_condition,
    two_conditions,
    words_of,
)
from invented import STEPS, results_of
from PIL import Image
from simulated import simulate

import studies.reporting.figures as figures
from gan_core.outcomes import OUTCOMES
from studies.ledger.unfinished import WITHOUT_RESULT
from studies.reporting.figures import THEMES, ThemeName
from studies.tables.results import Results


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return two_conditions(tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("twelve")
    names = long_names(12)
    return results_of(folder, *names, explore=2, outcomes=mixed_outcomes, distances=mixed_distances, data="ring")


# --- what holds for every figure


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_figure_is_whole_and_legible(two: Results, theme: ThemeName) -> None:
    all_figures = [*figures_of_study(two, theme, "one"), *figures_of_tables(theme)]
    for drawn in all_figures:
        assert_legible(drawn, theme)
    names = [drawn.name for drawn in all_figures if drawn is not None]
    assert len(set(names)) == len(names)


def test_twelve_conditions_with_long_names_are_whole_and_legible(twelve: Results) -> None:
    names = [condition.name for condition in twelve.study.conditions]
    curves = pd.concat([TUNING_CURVES[:8].assign(condition=name) for name in names])
    assert_legible(figures.tuning_curves(curves), "light")
    for draw in (figures.learning_curves, figures.confirmed, figures.modes):
        assert_legible(draw(twelve), "light")


def test_one_condition_and_one_seed_are_drawn(tmp_path: Path) -> None:
    results = results_of(tmp_path, "alone", seeds=1, explore=1, confirm=1, data="ring")
    for drawn in figures_of_study(results, "light", "alone"):
        assert_legible(drawn, "light")


def test_members_that_are_all_nonfinite_from_the_start_are_drawn(tmp_path: Path) -> None:
    for drawn in figures_of_study(one_nonfinite_condition(tmp_path), "light", "lost"):
        assert_legible(drawn, "light")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_outcomes_differ_in_more_than_colour(theme: ThemeName) -> None:
    styles = THEMES[theme].outcomes.values()
    assert set(THEMES[theme].outcomes) == {*OUTCOMES, *WITHOUT_RESULT}
    for values in (
        {style.color for style in styles},
        {style.marker for style in styles},
        {str(style.line) for style in styles},
        {style.hatch for style in styles},
    ):
        assert len(values) == len(styles)
    for style in styles:
        # 3 would be the norm for graphics; the yellow has less, and its marker an outline
        assert contrast(style.color, THEMES[theme].background) > 2.2


def test_the_same_figure_gives_the_same_bytes_and_its_text_stays_text(two: Results, tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    first, second = (figures.survival(two) for _ in range(2))
    assert first is not None
    assert second is not None
    saved = [figures.save(first.figure, tmp_path / "a" / "v1.5"), figures.save(second.figure, tmp_path / "b" / "v1.5")]
    again = figures.save(second.figure, tmp_path / "c" / "v1.5")
    assert [path.name for path in again] == ["v1.5.svg", "v1.5.png"]
    for kind in (0, 1):
        assert saved[0][kind].read_bytes() == saved[1][kind].read_bytes() == again[kind].read_bytes()
    svg = again[0].read_text()
    assert ">other</text>" in svg
    assert "<dc:date>" not in svg
    with Image.open(again[1]) as image:
        assert image.width >= 1000
        assert image.convert("RGBA").getchannel("A").getextrema() == (255, 255)
    assert dict(matplotlib.rcParams) == before


def test_figures_do_not_use_pyplot_and_import_matplotlib_only_to_draw() -> None:
    for path in Path(figures.__file__).parent.glob("*.py"):
        assert "pyplot" not in path.read_text()
        for node in ast.parse(path.read_text()).body:
            assert not (isinstance(node, ast.ImportFrom) and str(node.module).startswith("matplotlib"))


# --- no marks without what they stand for


def test_without_a_failure_no_failure_is_marked(tmp_path: Path) -> None:
    results = results_of(tmp_path, "one", data="ring")
    curves, confirmed, survival = (
        draw(results) for draw in (figures.learning_curves, figures.confirmed, figures.survival)
    )
    gradients, outcome_map = (draw(results, "one") for draw in (figures.gradients, figures.outcome_map))
    assert curves is not None
    assert markers_of(curves.figure.axes[0]) == []
    assert words_of(curves).isdisjoint(f"{outcome} seed" for outcome in OUTCOMES[1:])
    assert confirmed is not None
    assert markers_of(confirmed.figure.axes[0], "x") == markers_of(confirmed.figure.axes[0], ">") == []
    assert survival is not None
    assert survival.figure.axes[0].collections[:] == []
    assert words_of(survival).isdisjoint(OUTCOMES)
    assert gradients is not None
    assert {line.get_marker() for axis in gradients.figure.axes for line in axis.lines} == {"o"}
    assert outcome_map is not None
    assert {line.get_marker() for axis in outcome_map.figure.axes for line in axis.lines} <= {"o", "None"}


def test_without_a_success_no_success_is_marked(tmp_path: Path) -> None:
    results = one_nonfinite_condition(tmp_path)
    curves, confirmed, survival = (
        draw(results) for draw in (figures.learning_curves, figures.confirmed, figures.survival)
    )
    gradients, outcome_map = (draw(results, "lost") for draw in (figures.gradients, figures.outcome_map))
    assert curves is not None
    assert markers_of(curves.figure.axes[0]) == []  # no member has a finite distance
    assert all(np.isnan(y).all() for _, y in lines_of(curves.figure.axes[0], thick=2))
    assert confirmed is not None
    assert (
        len(markers_of(confirmed.figure.axes[0])) == len(markers_of(confirmed.figure.axes[0], "x")) == 1
    )  # no open end
    assert not lines_of(confirmed.figure.axes[0], thick=2)
    assert outcome_map is not None
    for axis in outcome_map.figure.axes:
        assert list(axis.patches) == []
        assert len(markers_of(axis, "X")) == len(markers_of(axis)) == 4
    assert gradients is not None
    assert [len(axis.lines) for axis in gradients.figure.axes] == [0, 0, 0]
    assert survival is not None
    assert len(survival.figure.axes[0].collections) == 1  # all members failed with one outcome


# --- no figure without data


def test_no_figure_of_confirmed_conditions_before_one_is_confirmed(tmp_path: Path) -> None:
    results = results_of(tmp_path, "one", confirm=0, data="ring")
    for draw in (figures.learning_curves, figures.confirmed, figures.tuning, figures.modes):
        assert draw(results) is None
    assert figures.precision_coverage(results_of(tmp_path, "one", confirm=0)) is None
    assert figures.samples(results, "one") is None
    assert figures.sample_snapshots(results, "one") is None
    assert figures.plane(results, "one") is None
    assert figures.survival(results) is not None
    assert figures.outcome_map(results, "one") is not None


def test_no_figure_of_modes_or_of_the_plane_for_data_without_them(tmp_path: Path) -> None:
    results = results_of(tmp_path, "one")
    assert figures.modes(results) is None
    assert figures.plane(results, "one") is None


def test_no_figure_of_precision_and_coverage_where_they_are_not_measured(two: Results, tmp_path: Path) -> None:
    """For points of the plane, for curves without these metrics, and if every seed became nonfinite."""
    assert figures.precision_coverage(two) is None
    assert figures.precision_coverage(simulate(tmp_path, lambda trial, seed: (0.9,))) is None
    lost = results_of(tmp_path, "lost", distances=lambda *_: np.where(STEPS > 50, np.nan, 0.1))
    assert figures.precision_coverage(lost) is None


def test_no_figure_of_an_empty_table() -> None:
    assert figures.stable_volume(VOLUMES[:0]) is None
    assert figures.chance_of_success(CHANCES[:0]) is None
    assert figures.tuning_curves(TUNING_CURVES[:0]) is None
