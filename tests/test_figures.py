"""Figures hold the numbers that they are drawn from, are whole and legible, and are not drawn of nothing."""

import ast
import re
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invented import STEPS, results_of
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from simulated import simulate

import studies.figures as figures
from gan_core.metrics import transport_plan
from gan_core.stability import OUTCOMES
from studies.comparison import Comparison
from studies.errors import InputError
from studies.figures.explored import Scale, explored
from studies.figures.inline import roles
from studies.figures.moments import _chosen as chosen
from studies.figures.quality import MARKERS
from studies.figures.style import THEMES, Drawn, apart, short
from studies.figures.style import _log_ticks as log_ticks
from studies.ledger import Entry
from studies.results import Results, results
from studies.space import Choice, Grid, IntUniform, LogUniform, Uniform
from studies.study import Study

OUTCOME = {0: ("relapsed", 40), 1: ("nonfinite", 70), 2: ("collapsed", None)}


def mixed(condition, phase, trial, seed):
    """Some of everything: explored trial 0 fails with every seed, confirmed seeds are stable but for each third."""
    if phase == "explore":
        return OUTCOME[seed % 3] if trial == 0 else ("stable", None)
    return OUTCOME[1] if seed % 3 == 2 else ("stable", None)


def mixed_distances(condition, phase, trial, seed):
    """What is nonfinite ends in NaN."""
    distances = 0.1 + 0.013 * (seed % 5) + 0.5 * np.exp(-STEPS / (20 + trial))
    return np.where((STEPS >= 70) & (mixed(condition, phase, trial, seed)[0] == "nonfinite"), np.nan, distances)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("two")
    return results_of(folder, "one", "other", confirm=6, fates=mixed, distances=mixed_distances, data="ring")


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> Results:
    names = [f"condition-{place}-{'with-a-long-name-' * (place % 4)}" for place in range(12)]
    folder = tmp_path_factory.mktemp("twelve")
    return results_of(folder, *names, explore=2, fates=mixed, distances=mixed_distances, data="ring")


REACHED = {  # tau, progress, reached, volume_low, volume_high, seeds_share
    "one": [(0.14, 0.75, 4, 0.2, 0.8, 0.6), (0.08, 0.9, 2, 0.1, 0.6, 0.3), (0.06, 0.95, 0, 0.0, 0.3, 0.1)],
    "other": [(0.14, 0.75, 5, 0.6, 1.0, 1.0), (0.08, 0.9, 1, 0.0, 0.6, 0.2), (0.06, 0.95, 0, 0.0, 0.4, 0.0)],
}
COUNT = {"one": 8, "other": 5}
VOLUMES = pd.DataFrame(
    [
        {
            **{"condition": name, "tau": tau, "progress": progress, "planned": 8, "configurations": COUNT[name]},
            **{"reached": reached, "volume": reached / COUNT[name], "volume_low": low, "volume_high": high},
            "seeds_share": share,
        }
        for name, rows in REACHED.items()
        for tau, progress, reached, low, high, share in rows
    ]
)
LR, WEIGHT, GAMMA = "training.critic_optimizer.lr", "constraint.gp_weight", "objective.gamma"
WIDTHS = pd.DataFrame(
    [
        ["one", WEIGHT, 0.14, "decades", 1.5, 0.6, 2.4, 3.0, True, False, 8],
        ["one", LR, 0.14, "decades", 0.5, np.nan, np.nan, 3.0, False, True, 8],
        ["other", GAMMA, 0.14, "units", 0.0, 0.0, 0.3, 1.0, False, False, 5],
        ["one", WEIGHT, 0.08, "decades", 0.7, 0.1, 1.1, 3.0, True, True, 8],
    ],
    columns=[
        *("condition", "knob", "tau", "unit", "width", "width_low", "width_high", "stated"),
        *("border_low", "border_high", "configurations"),
    ],
)
CHANCES = pd.DataFrame(
    [
        [name, tau, n, 1 - (1 - v) ** n, 1 - (1 - v / 2) ** n, 1 - (1 - v) ** (2 * n)]
        for name, v in (("one", 0.5), ("other", 0.2))
        for tau in (0.14, 0.08)
        for n in range(1, 5)
    ],
    columns=["condition", "tau", "n", "chance", "chance_low", "chance_high"],
)


def of_study(found: Results, theme: str, name: str) -> list[Drawn | None]:
    whole = (figures.learning_curves, figures.confirmed, figures.tuning, figures.survival, figures.modes)
    each = (figures.outcome_map, figures.knob_pairs, figures.causes)
    return [draw(found, theme) for draw in whole] + [draw(found, name, theme) for draw in each]


def lines_of(axis, *, thick: float = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    found = [line for line in axis.lines if line.get_linewidth() >= thick and line.get_linestyle() != "None"]
    return [tuple(np.asarray(data, float) for data in line.get_data()) for line in found]


def marks_of(axis, marker: str | None = None) -> list[tuple[float, float]]:
    points = [
        line
        for line in axis.lines
        if line.get_linestyle() == "None" and line.get_marker() == (marker or line.get_marker())
    ]
    return [(float(x), float(y)) for line in points for x, y in zip(*line.get_data(), strict=True)]


# --- what every figure keeps to


def is_whole(figure: Figure) -> bool:
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return box.x0 > -0.01 and box.y0 > -0.01 and box.x1 < width + 0.01 and box.y1 < height + 0.01


def words_of(figure: Figure) -> list[Text]:
    """Every text that can be seen."""
    found = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axis in figure.axes:
        found += [axis.title, axis._left_title, axis.xaxis.label, axis.yaxis.label, *axis.texts]
        for one, (low, high) in ((axis.xaxis, axis.get_xlim()), (axis.yaxis, axis.get_ylim())):
            shown = [tick for tick in one.get_major_ticks() if min(low, high) <= tick.get_loc() <= max(low, high)]
            found += [tick.label1 for tick in shown if tick.label1.get_visible()]
    return [text for text in found if text.get_text().strip()]


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    words = words_of(figure)
    boxes = [word.get_window_extent() for word in words]
    return [
        (words[i].get_text(), words[j].get_text())
        for i in range(len(words))
        for j in range(i)
        if min(boxes[i].x1, boxes[j].x1) - max(boxes[i].x0, boxes[j].x0) > 1
        and min(boxes[i].y1, boxes[j].y1) - max(boxes[i].y0, boxes[j].y0) > 1
    ]


def contrast(one: str, other: str) -> float:
    """Of two colours, as the Web Content Accessibility Guidelines 2.1 define it."""

    def luminance(color: str) -> float:
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
        return float(np.dot([0.2126, 0.7152, 0.0722], parts))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def assert_legible(drawn: Drawn, theme: str) -> None:
    background = THEMES[theme].background
    drawn.figure.draw_without_rendering()  # which puts the legend's words where they belong
    assert to_hex(drawn.figure.get_facecolor(), keep_alpha=True).upper() == f"{background}FF"
    assert is_whole(drawn.figure), drawn.name
    assert overlaps(drawn.figure) == [], drawn.name
    for word in words_of(drawn.figure):
        assert contrast(to_hex(word.get_color()), background) > 4.5, word.get_text()
        assert word.get_fontsize() >= 7
    assert drawn.caption.endswith(".")
    assert drawn.alternative


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_figure_is_whole_and_legible(two: Results, theme: str) -> None:
    drawn = [
        *of_study(two, theme, "one"),
        figures.stable_volume(VOLUMES, theme),
        figures.stable_widths(WIDTHS, theme),
        figures.chance_of_success(CHANCES, theme),
    ]
    for one in drawn:
        assert one is not None
        assert_legible(one, theme)
    names = [one.name for one in drawn if one is not None]
    assert len(set(names)) == len(names)


def test_twelve_conditions_with_long_names_are_whole_and_legible(twelve: Results) -> None:
    names = [condition.name for condition in twelve.study.conditions]
    widths = pd.concat([WIDTHS[:2].assign(condition=name) for name in names])
    drawn = [
        *(draw(twelve) for draw in (figures.learning_curves, figures.confirmed, figures.modes)),
        figures.stable_widths(widths),
    ]
    for one in drawn:
        assert one is not None
        assert_legible(one, "light")


def test_one_condition_and_one_seed_are_drawn(tmp_path: Path) -> None:
    found = results_of(tmp_path, "alone", seeds=1, explore=1, confirm=1, data="ring")
    for one in of_study(found, "light", "alone"):
        assert one is not None
        assert_legible(one, "light")


def test_members_that_all_became_nonfinite_at_once_are_drawn(tmp_path: Path) -> None:
    found = results_of(
        tmp_path,
        "lost",
        fates=lambda *_: ("nonfinite", 0),
        distances=lambda *_: np.full(len(STEPS), np.nan),
        data="ring",
    )
    for one in of_study(found, "light", "lost"):
        assert one is not None
        assert_legible(one, "light")


@pytest.mark.parametrize("name", ["light", "dark"])
def test_outcomes_differ_in_more_than_colour(name: str) -> None:
    looks = THEMES[name].looks.values()
    for of in (lambda look: look.color, lambda look: look.marker, lambda look: str(look.line), lambda look: look.hatch):
        assert len({of(look) for look in looks}) == len(looks)
    for look in looks:
        assert contrast(look.color, THEMES[name].background) > 2.2  # a yellow, drawn with a marker's outline besides


def test_same_figure_gives_the_same_bytes_and_its_text_stays_text(two: Results, tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    paths = [
        figures.save(drawn.figure, tmp_path / folder / "v1.5") for folder in "ab" if (drawn := figures.survival(two))
    ]
    again = figures.save(drawn.figure, tmp_path / "c" / "v1.5")
    assert [path.name for path in again] == ["v1.5.svg", "v1.5.png"]
    for kind in (0, 1):
        assert paths[0][kind].read_bytes() == paths[1][kind].read_bytes() == again[kind].read_bytes()
    svg = again[0].read_text()
    assert ">other</text>" in svg
    assert "<dc:date>" not in svg
    with Image.open(again[1]) as image:
        assert image.width >= 1000
        assert image.convert("RGBA").getextrema()[3] == (255, 255)
    assert dict(matplotlib.rcParams) == before


def test_figures_are_drawn_without_pyplot_and_load_matplotlib_only_then() -> None:
    for path in Path(figures.__file__).parent.glob("*.py"):
        assert "pyplot" not in path.read_text()
        for node in ast.parse(path.read_text()).body:
            assert not (isinstance(node, ast.ImportFrom) and str(node.module).startswith("matplotlib"))


# --- one drawing for both themes


def in_dark(drawn: Drawn, folder: Path) -> str:
    """What is saved of a figure, placeholders in dark colours, names in the order in which they come."""
    path, _ = figures.save(drawn.figure, folder / drawn.name)
    colors = dict(zip(roles(THEMES["both"]).values(), roles(THEMES["dark"]).values(), strict=True))
    text = re.sub(r"#[0-9a-f]{6}\b", lambda found: colors.get(found[0].upper(), found[0].upper()), path.read_text())
    names = list(dict.fromkeys(re.findall(r'id="([^"]+)"', text)))
    return re.sub(r'(?<=["#])([\w.]+)(?=[")])', lambda f: str(names.index(f[1])) if f[1] in names else f[1], text)


def test_placeholders_are_of_one_colour_in_each_theme_and_of_nothing_else() -> None:
    placeholders = list(roles(THEMES["both"]).values())
    for name in ("light", "dark"):
        assert len(set(zip(placeholders, roles(THEMES[name]).values(), strict=True))) == len(set(placeholders))
    used = {color for theme in ("light", "dark") for color in roles(THEMES[theme]).values()}
    assert not used & set(placeholders)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_points_in_a_picture_show_on_either_background(theme: str) -> None:
    for color in (THEMES["both"].real, THEMES["both"].fake):
        assert contrast(color, THEMES[theme].background) > 2.5


def test_a_figure_for_both_themes_in_dark_colours_is_the_dark_one(
    two: Results, on_ring: Results, images: Results, tmp_path: Path
) -> None:
    both, dark = (
        [
            *of_study(two, theme, "one"),
            figures.stable_volume(VOLUMES, theme),
            figures.stable_widths(WIDTHS, theme),
            figures.chance_of_success(CHANCES, theme),
            figures.plane(on_ring, "gan", theme),
            figures.precision_coverage(images, theme),
        ]
        for theme in ("both", "dark")
    )
    for one, other in zip(both, dark, strict=True):
        assert one is not None
        assert other is not None
        assert in_dark(one, tmp_path / "both") == in_dark(other, tmp_path / "dark"), one.name


def test_an_element_has_variables_for_colours_and_names_of_its_own(two: Results) -> None:
    drawn = [figures.survival(two, "both"), figures.causes(two, "one", "both"), figures.causes(two, "other", "both")]
    whole = [figures.svg(one) for one in drawn if one is not None]
    bare, letters = figures.letters(whole)
    assert len(bare) == 3
    declared = set(re.findall(r"--[\w-]+(?=:)", figures.variables("dark")))
    assert declared == set(re.findall(r"--[\w-]+(?=:)", figures.variables("light")))
    placeholders = {color.lower() for color in roles(THEMES["both"]).values()}
    for element in bare:
        assert set(re.findall(r"var\((--[\w-]+)\)", element)) <= declared
        assert not placeholders & set(re.findall(r"#[0-9a-f]{6}\b", element))
        assert element.count("<svg ") == element.count("</svg>") == 1
    names = re.findall(r' id="([^"]+)"', letters + "".join(bare))
    assert len(names) == len(set(names))
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', "".join(bare))) <= set(names)
    assert len(letters) + sum(map(len, bare)) < 0.9 * sum(map(len, whole))
    assert f'aria-label="{drawn[0].alternative}"' in bare[0]


def test_an_element_would_stay_in_one_theme(two: Results) -> None:
    drawn = figures.survival(two, "light")
    assert drawn is not None
    with pytest.raises(ValueError, match="both"):
        figures.svg(drawn)


def test_points_by_the_thousand_are_not_elements_by_the_thousand(
    on_ring: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = on_ring.samples("gan")
    shift = np.random.default_rng(0).normal(0, 0.01, (len(few), 8000, 2))
    counts = {}
    for points in (400, 8000):
        many = few[:, np.arange(points) % few.shape[1]] + shift[:, :points]
        monkeypatch.setattr(on_ring, "samples", lambda condition, many=many: many)
        drawn = (figures.samples(on_ring, "gan", "both"), figures.plane(on_ring, "gan", "both"))
        elements = [figures.svg(one) for one in drawn if one is not None]
        assert all("<image " in element for element in elements)
        counts[points] = [element.count("<") for element in elements]
    assert len(counts[8000]) == 2
    # the axes of both have as many numbers but for chance
    np.testing.assert_allclose(counts[8000], counts[400], rtol=0.2)


# --- learning curves


def test_learning_curves_hold_every_seed_the_median_and_the_quartiles(two: Results) -> None:
    drawn = figures.learning_curves(two)
    assert drawn is not None
    axis = drawn.figure.axes[0]
    curves = {seed: mixed_distances("one", "confirm", 0, seed) for seed in range(2_000_000, 2_000_006)}
    shown = lines_of(axis)
    for curve in curves.values():
        assert any(np.array_equal(y, curve[np.isfinite(curve)]) for _, y in shown)
    ((x, median),) = lines_of(axis, thick=2)
    low, middle, high = np.quantile(np.nan_to_num(list(curves.values()), nan=1e300), [0.25, 0.5, 0.75], axis=0)
    np.testing.assert_array_equal(x, STEPS)
    np.testing.assert_allclose(median[high < 1e200], middle[high < 1e200], rtol=1e-12)
    band = axis.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(low.min())
    assert band[:, 1].max() == axis.get_ylim()[1]  # where the upper quartile is a member without a number


def test_failed_seeds_are_marked_where_they_had_their_last_number(two: Results) -> None:
    drawn = figures.learning_curves(two)
    assert drawn is not None
    marked = marks_of(drawn.figure.axes[0], "X")
    lost = [seed for seed in range(2_000_000, 2_000_006) if mixed("one", "confirm", 0, seed)[0] == "nonfinite"]
    assert marked == [(60, pytest.approx(mixed_distances("one", "confirm", 0, seed)[6])) for seed in lost]
    assert "4 of 6 seeds stable" in [text.get_text() for text in words_of(drawn.figure)]


def test_median_among_members_without_a_number_is_not_drawn(tmp_path: Path) -> None:
    def distances(condition, phase, trial, seed):
        return np.where((STEPS > 50) & (seed % 3 > 0), np.nan, 0.2)

    found = results_of(tmp_path, "mostly-lost", distances=distances, fates=lambda *_: ("nonfinite", 60))
    drawn = figures.learning_curves(found)
    assert drawn is not None
    ((_, median),) = lines_of(drawn.figure.axes[0], thick=2)
    np.testing.assert_array_equal(np.isnan(median), STEPS > 50)


def test_reference_lines_stand_at_their_values_in_every_panel(two: Results) -> None:
    drawn = figures.learning_curves(two)
    assert drawn is not None
    for axis in drawn.figure.axes:
        level = [float(y[0]) for _, y in lines_of(axis) if len(y) == 2 and y[0] == y[1]]
        assert sorted(level) == [0.03, 0.05, 0.45]
    assert [text.get_text() for text in drawn.figure.axes[-1].texts[1:]] == ["real data", "a Gaussian", "a constant"]


def test_a_distance_that_explodes_leaves_the_others_legible(tmp_path: Path) -> None:
    def distances(condition, phase, trial, seed):
        return np.where(STEPS > 50, 1e30, 0.3) if seed % 3 == 0 else np.full(len(STEPS), 0.2)

    drawn = figures.learning_curves(results_of(tmp_path, "exploding", distances=distances))
    assert drawn is not None
    assert drawn.figure.axes[0].get_ylim()[1] < 10


# --- the explored configurations


def test_outcome_map_puts_every_configuration_at_its_value_and_its_stable_seeds(two: Results) -> None:
    drawn = figures.outcome_map(two, "one")
    assert drawn is not None
    table = explored(two, "one").table
    panels = {axis._left_title.get_text(): axis for axis in drawn.figure.axes}
    assert set(panels) == {"gp_weight", "n_critic", "critic_optimizer.lr"}
    expected = sorted(zip(table["constraint.gp_weight"], table["stable"], strict=True))
    assert sorted(marks_of(panels["gp_weight"])) == expected
    assert panels["gp_weight"].get_xscale() == "log"
    assert [label.get_text() for label in panels["n_critic"].get_xticklabels()] == ["1", "5"]


def test_outcome_map_fills_what_is_stable_and_shades_its_range(two: Results) -> None:
    drawn = figures.outcome_map(two, "one")
    assert drawn is not None
    axis = next(axis for axis in drawn.figure.axes if axis._left_title.get_text() == "gp_weight")
    found = explored(two, "one")
    filled = sorted(
        float(line.get_xdata()[0])
        for line in axis.lines
        if line.get_linestyle() == "None" and line.get_markerfacecolor() != THEMES["light"].background
    )
    good = sorted(found.table["constraint.gp_weight"][found.good])
    assert filled == good
    assert len(good) == 3  # explored trial 0 fails with every seed
    ((left, _), *_, (right, _)) = sorted(map(tuple, axis.patches[0].get_corners()))
    assert left == pytest.approx(good[0], rel=0.15)
    assert right == pytest.approx(good[-1], rel=0.15)


def test_a_trial_that_was_given_up_has_no_stable_seed(tmp_path: Path) -> None:
    found = explored(results_of(tmp_path, "one", given_up=[1]), "one")
    assert found.table["stable"].tolist() == [3, 0, 3, 3]
    assert found.table["outcome"].tolist() == ["stable", "given up", "stable", "stable"]


@pytest.mark.parametrize(("seeds", "needed"), [(1, 1), (3, 3), (5, 4), (10, 8)])
def test_four_fifths_of_the_seeds_make_a_configuration_stable(tmp_path: Path, seeds: int, needed: int) -> None:
    assert explored(results_of(tmp_path, "one", seeds=seeds, confirm=0), "one").needed == needed


def test_there_is_a_scatter_for_each_pair_of_knobs(two: Results) -> None:
    drawn = figures.knob_pairs(two, "one")
    assert drawn is not None
    assert len(drawn.figure.axes) == 3
    axis = next(axis for axis in drawn.figure.axes if {axis.get_xscale(), axis.get_yscale()} == {"log"})
    table = explored(two, "one").table
    expected = sorted(zip(table["constraint.gp_weight"], table["training.critic_optimizer.lr"], strict=True))
    assert sorted(marks_of(axis)) == expected


@pytest.mark.parametrize(
    ("knob", "values", "places"),
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
def test_values_of_a_knob_have_a_place_on_its_axis(knob, values, places) -> None:
    assert Scale.of(knob).place(pd.Series(values, dtype=object)).tolist() == places


# --- volumes, widths, chances


def test_stable_volume_steps_up_at_each_distance(two: Results) -> None:
    drawn = figures.stable_volume(VOLUMES)
    assert drawn is not None
    (x, y), *_ = lines_of(drawn.figure.axes[0], thick=1.8)
    assert list(zip(x[:-1], y[:-1], strict=True)) == [(0.06, 0), (0.08, 0.25), (0.14, 0.5)]
    notes = [axis.texts[0].get_text() for axis in drawn.figure.axes]
    assert notes == ["8 configurations", "5 of 8 configurations"]


def test_volumes_of_listed_values_have_no_interval() -> None:
    drawn = figures.stable_volume(VOLUMES.assign(volume_low=np.nan, volume_high=np.nan))
    assert drawn is not None
    assert "95 % interval" not in [text.get_text() for text in words_of(drawn.figure)]
    assert not np.isfinite([path.vertices for c in drawn.figure.axes[0].collections for path in c.get_paths()]).any()


def test_stable_widths_are_bars_with_intervals_in_their_own_unit() -> None:
    drawn = figures.stable_widths(WIDTHS)
    assert drawn is not None
    decades, units = drawn.figure.axes
    assert [bar.get_width() for bar in decades.patches] == [3.0, 1.5, 3.0, 0.5]
    assert [bar.get_width() for bar in units.patches] == [1.0, 0.0]
    assert [tuple(x) for x, _ in lines_of(decades)] == [(0.6, 2.4)]  # no interval is drawn where there is none
    assert [label.get_text() for label in decades.get_yticklabels()] == [
        "one  gp_weight  (8)",
        "one  critic_optimizer.lr  (8)",
    ]
    assert [y for _, y in marks_of(decades, "<")] == [0]
    assert [y for _, y in marks_of(decades, ">")] == [1]


def test_another_distance_may_be_asked_for() -> None:
    drawn = figures.stable_widths(WIDTHS, tau=0.08)
    assert drawn is not None
    assert [bar.get_width() for bar in drawn.figure.axes[0].patches] == [3.0, 0.7]
    assert "0.08" in drawn.caption


def test_chances_are_those_of_the_largest_distance() -> None:
    drawn = figures.chance_of_success(CHANCES)
    assert drawn is not None
    x, y = lines_of(drawn.figure.axes[0], thick=1.8)[0]
    assert x.tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(y, [0.5, 0.75, 0.875, 0.9375], rtol=1e-12)
    _, behind = lines_of(drawn.figure.axes[0])[0]
    np.testing.assert_allclose(behind, 1 - 0.8 ** np.arange(1, 5), rtol=1e-12)


def test_frames_of_a_real_comparison_are_drawn(finished_study: Study) -> None:
    comparison = Comparison(results(finished_study.name, root=finished_study.ledger.root))
    volume, width = figures.stable_volume(comparison.volumes), figures.stable_widths(comparison.widths)
    assert volume is not None
    assert width is not None
    largest = comparison.widths[comparison.widths["tau"] == comparison.widths["tau"].max()]
    bars = sorted(bar.get_width() for axis in width.figure.axes for bar in axis.patches)
    assert bars == sorted([*largest["stated"], *largest["width"]])
    chance = figures.chance_of_success(comparison.chances)
    assert (chance is None) == comparison.chances.empty


# --- failures and their causes


def test_survival_falls_where_members_failed_and_ends_at_the_stable_share(two: Results) -> None:
    drawn = figures.survival(two)
    assert drawn is not None
    ((x, y),) = lines_of(drawn.figure.axes[0], thick=1.4)
    # 12 members: one relapses at 40, one is lost at 70, one is found collapsed at the end
    assert dict(zip(x[:4], y[:4], strict=True)) == pytest.approx({0: 1, 40: 11 / 12, 70: 10 / 12, 100: 9 / 12})
    assert "75% of 12 members stable" in [text.get_text() for text in words_of(drawn.figure)]
    assert "8% relapsed" in drawn.alternative


def test_members_of_a_trial_that_was_given_up_have_failed(tmp_path: Path) -> None:
    drawn = figures.survival(results_of(tmp_path, "one", given_up=[0, 2]))
    assert drawn is not None
    assert drawn.alternative == "one: 50% stable, 50% given up"


def test_causes_are_medians_over_the_members_of_each_outcome(tmp_path: Path) -> None:
    def distances(condition, phase, trial, seed):
        return np.where(STEPS == 50, np.inf, 0.1 * (1 + seed % 3)) if trial else np.full(len(STEPS), 5.0)

    found = results_of(tmp_path, "one", fates=mixed, distances=distances)
    drawn = figures.causes(found, "one")
    assert drawn is not None
    slope = drawn.figure.axes[0]
    stable = next(line for line in slope.lines if line.get_marker() == "o")
    np.testing.assert_allclose(stable.get_ydata()[:5], 1.2, rtol=1e-12)  # 1 + the middle of .1, .2, .3
    assert {line.get_marker() for line in slope.lines} == {"o", "v", "X", "D"}
    assert {text.get_text() for text in drawn.figure.legends[0].get_texts()} >= {
        "stable (9 members)",
        "relapsed (1 member)",
    }


# --- the confirmed winners


def test_confirmed_has_every_member_and_an_arrow_where_the_interval_reaches_into_failed(two: Results) -> None:
    drawn = figures.confirmed(two)
    assert drawn is not None
    axis = drawn.figure.axes[0]
    members = two.members[(two.members["phase"] == "confirm") & (two.members["outcome"] == "stable")]
    assert len(marks_of(axis, "o")) == len(members) == 8
    assert len([1 for line in axis.lines if line.get_marker() == ">"]) == two.ranking["distance_high"].isna().sum() == 2


def test_tuning_begins_at_the_authors_setting_where_a_study_trains_it(tmp_path: Path) -> None:
    arms = {"authors": (0.0, 0.4, 0.8), "confirm": (0.0, 0.5, 0.95), "explore": (0.0, 0.5, 0.85)}
    found = simulate(tmp_path, lambda planned, seed: arms[planned.phase], "search.confirm.authors=true")
    drawn = figures.tuning(found)
    assert drawn is not None
    shown = {
        line.get_marker(): float(line.get_xdata()[0])
        for line in drawn.figure.axes[0].lines
        if line.get_marker() in "soD" and line.get_ydata()[0] == 0
    }
    # the lines of the search reference go from 1 to 0, those of confirm from 3 to 1
    assert shown == pytest.approx({"s": 3 - 0.8 * 2, "o": 1 - 0.85, "D": 3 - 0.95 * 2})
    assert "authors' setting" in drawn.caption


def test_tuning_goes_from_the_median_explored_to_the_winner(tmp_path: Path) -> None:
    found = results_of(
        tmp_path, "one", "other", fates=lambda c, p, t, s: ("stalled", None) if c == "other" else ("stable", None)
    )
    drawn = figures.tuning(found)
    assert drawn is not None
    axis = drawn.figure.axes[0]
    explore = found.trials[(found.trials["phase"] == "explore") & (found.trials["condition"] == "one")]["distance"]
    shown = {
        line.get_marker(): float(line.get_xdata()[0])
        for line in axis.lines
        if line.get_marker() in "oD" and line.get_ydata()[0] == 0
    }
    assert shown["o"] == pytest.approx(float(np.median(explore)))
    assert shown["D"] == pytest.approx(found.ranking.set_index("condition")["distance"]["one"])
    failed = [
        float(line.get_xdata()[0]) for line in axis.lines if line.get_marker() in "oD" and line.get_ydata()[0] == 1
    ]
    assert min(failed) > 0.45  # right of everything, in the shade
    assert "median explored failed" in drawn.alternative


def test_modes_are_those_of_the_last_measurement(two: Results) -> None:
    drawn = figures.modes(two)
    assert drawn is not None
    covered, quality = drawn.figure.axes
    assert {x for x, _ in marks_of(covered)} == {8.0}
    assert {x for x, _ in marks_of(quality)} == {0.5}
    assert len(marks_of(covered)) == 12
    assert lines_of(quality)[0][0][0] == pytest.approx(0.98889, abs=1e-5)


# --- points of the plane


def test_plane_shows_the_densities_the_surface_and_the_plan(on_ring: Results) -> None:
    drawn = figures.plane(on_ring, "gan", "dark", member=1)
    assert drawn is not None
    assert is_whole(drawn.figure)
    box, surfaces = on_ring.critic_surface("gan")
    fake = on_ring.samples("gan")[1]
    real, fakes, critic, plan = (axis for axis in drawn.figure.axes if axis._left_title.get_text())
    np.testing.assert_allclose(real.images[0].get_array().filled(0), box.density(on_ring.data.confirm))
    np.testing.assert_allclose(fakes.images[0].get_array().filled(0), box.density(fake))
    np.testing.assert_array_equal(critic.images[0].get_array(), surfaces[1])
    expected = transport_plan(on_ring.data.confirm[:100], fake[:100])
    ways = plan.collections[0].get_segments()
    assert len(ways) == len(expected.mass)
    lengths = np.array([np.linalg.norm(way[1] - way[0]) for way in ways])
    assert expected.mass @ lengths == pytest.approx(expected.distance)


def test_fakes_that_are_not_finite_have_no_place_in_the_plane(
    on_ring: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = on_ring.samples("gan").copy()
    fake[0], fake[1, :-3] = np.nan, np.inf
    monkeypatch.setattr(on_ring, "samples", lambda condition: fake)
    assert figures.plane(on_ring, "gan") is None
    assert figures.plane(on_ring, "gan", member=1) is not None


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_samples_are_whole_and_legible(on_ring: Results, theme: str) -> None:
    drawn = figures.samples(on_ring, "wgan", theme)
    assert drawn is not None
    assert_legible(drawn, theme)
    assert len(drawn.figure.axes) == 3


# --- quality


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Of six confirmed seeds of each condition two are nonfinite; only those of the first end in NaN."""

    def distances(condition, phase, trial, seed):
        ending = mixed_distances(condition, phase, trial, seed)
        return ending if condition == "one" else 0.4 + 0.013 * (seed % 5) + 0.5 * np.exp(-STEPS / 20)

    return results_of(tmp_path_factory.mktemp("images"), "one", "other", confirm=6, fates=mixed, distances=distances)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_precision_and_coverage_are_whole_and_legible(images: Results, tmp_path: Path, theme: str) -> None:
    names = [f"condition-{place}-{'with-a-long-name-' * (place % 4)}" for place in range(17)]
    for found in (images, results_of(tmp_path, *names, explore=1, fates=mixed)):
        drawn = figures.precision_coverage(found, theme)
        assert drawn is not None
        assert_legible(drawn, theme)


def test_each_confirmed_member_stands_at_its_late_precision_and_coverage(images: Results) -> None:
    """The median of the last three of ten measurements; a nonfinite member has no place, a failed one is hollow."""
    drawn = figures.precision_coverage(images)
    curves = images.curves[images.curves["phase"] == "confirm"]
    wide = curves.pivot(index=["condition", "seed", "step"], columns="metric", values="value")
    late = wide.query("step >= 80").groupby(["condition", "seed"], observed=True).median()
    failed = np.array([seed % 3 == 2 for _, seed in late.index])
    lost = np.array([condition == "one" for condition, _ in late.index]) & failed
    axis = drawn.figure.axes[0]
    places = late[["coverage", "precision"]].to_numpy()
    beside = [(0.99, 0.96), (0.36, 0.39)]
    assert lost.sum() == 2
    assert np.allclose(sorted(marks_of(axis)), sorted([*map(tuple, places[~lost]), *beside]))
    hollow = [line for line in axis.lines if line.get_markerfacecolor() == "none"]
    assert len(hollow) == 1
    assert np.allclose(sorted(zip(*hollow[0].get_data(), strict=True)), sorted(map(tuple, places[failed & ~lost])))
    assert "2 nonfinite seeds cannot be shown." in drawn.caption
    assert "6 seeds in confirm" in drawn.caption
    assert f"precision {late.loc['other', 'precision'].median():.3g}" in drawn.alternative
    assert drawn.alternative.endswith(
        "real data: precision 0.96, coverage 0.99; a Gaussian: precision 0.39, coverage 0.36"
    )


def test_conditions_differ_in_more_than_colour(tmp_path: Path) -> None:
    """Up to 66 of them differ, those of one colour in their marker."""
    looks = {(place % len(THEMES["light"].several), MARKERS[place % len(MARKERS)]) for place in range(66)}
    assert len(looks) == 66
    for theme in THEMES.values():
        assert all(contrast(color, theme.background) > 1.9 for color in theme.several)


def test_real_data_and_the_gaussian_are_named_where_they_stand(images: Results) -> None:
    axis = figures.precision_coverage(images).figure.axes[0]
    assert {text.get_text(): text.xy for text in axis.texts} == {"real data": (0.99, 0.96), "a Gaussian": (0.36, 0.39)}
    assert marks_of(axis, "*") == [(0.99, 0.96)]


# --- how samples came about


def picture_of(drawn: Drawn | None) -> np.ndarray:
    """The one image that holds all others."""
    assert drawn is not None
    return np.asarray(drawn.figure.axes[0].images[0].get_array())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_images_come_about_from_moment_to_moment(finished_study: Study, theme: str) -> None:
    found = results(finished_study.name, root=finished_study.ledger.root)
    drawn = figures.course_of_samples(found, "gan", theme)
    assert drawn is not None
    assert_legible(drawn, theme)
    steps, fakes = found.course("gan")
    axis = drawn.figure.axes[0]
    assert [label.get_text() for label in axis.get_xticklabels()] == [str(step) for step in steps]
    members = found.members.query("condition == 'gan' and phase == 'confirm'").reset_index(drop=True)
    order, sheet = members["late_distance"].argsort(), picture_of(drawn)
    expected = [
        f"{role}\nseed {members['seed'][i]}" for role, i in zip(("best", "median", "worst"), order, strict=True)
    ]
    assert [label.get_text().rpartition("\n")[0] for label in axis.get_yticklabels()] == expected
    down, right = len(sheet) // 3, sheet.shape[1] // len(steps)
    for row, member in enumerate(order):
        first = 2 * sheet[down * row :, -right:][:8, :8, 0] - 1  # of the last moment
        np.testing.assert_allclose(first, fakes[-1, member, 0].reshape(8, 8), atol=1 / 16)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_points_come_about_on_real_ones(on_ring: Results, theme: str) -> None:
    drawn = figures.course_of_samples(on_ring, "wgan", theme)
    assert drawn is not None
    assert_legible(drawn, theme)
    found = {to_hex(color).upper() for color in np.unique(picture_of(drawn).reshape(-1, 4), axis=0) if color[3]}
    assert found == {THEMES[theme].real, THEMES[theme].fake}
    assert "the best, the median and the worst of its 3 confirmed generators" in drawn.caption


def test_what_is_not_finite_is_said_in_its_place(on_ring: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    steps, fakes = on_ring.course("gan")
    lost = fakes.copy()
    lost[2:, 1], lost[-1, 0, 5] = np.nan, np.inf
    monkeypatch.setattr(on_ring, "course", lambda condition: (steps, lost))
    drawn = figures.course_of_samples(on_ring, "gan")
    assert drawn is not None
    assert [text.get_text() for text in drawn.figure.axes[0].texts] == ["not finite"] * (len(steps) - 1)


def test_the_best_the_median_and_the_worst_member_are_shown_as_far_as_there_are_so_many() -> None:
    assert chosen(np.array([0.4])) == {0: "best"}
    assert chosen(np.array([0.4, 0.3])) == {1: "best", 0: "worst"}
    late = np.array([0.4, np.nan, 0.1, 0.3, 0.2])
    assert list(chosen(late).items()) == [(2, "best"), (3, "median"), (1, "worst")]


def test_samples_that_a_trial_did_not_keep_while_it_trained_are_not_drawn(
    on_ring: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = Entry.samples
    monkeypatch.setattr(Entry, "samples", lambda entry: {"last": every(entry)["last"]})
    with pytest.raises(InputError, match=r"^gan: its trial was finished before fakes were kept during the training$"):
        on_ring.course("gan")
    assert figures.course_of_samples(on_ring, "gan") is None


# --- what is not there is not drawn


def drawn_words(drawn: Drawn) -> set[str]:
    return {text.get_text() for text in words_of(drawn.figure)}


def test_without_a_failure_there_is_no_mark_of_one(tmp_path: Path) -> None:
    found = results_of(tmp_path, "one", data="ring")
    curves, confirmed, survival, causes = (
        draw(found)
        for draw in (figures.learning_curves, figures.confirmed, figures.survival, lambda f: figures.causes(f, "one"))
    )
    assert curves is not None
    assert marks_of(curves.figure.axes[0]) == []
    assert drawn_words(curves).isdisjoint(OUTCOMES[1:])
    assert confirmed is not None
    assert marks_of(confirmed.figure.axes[0], "x") == marks_of(confirmed.figure.axes[0], ">") == []
    assert survival is not None
    assert survival.figure.axes[0].collections[:] == []
    assert drawn_words(survival).isdisjoint(OUTCOMES)
    assert causes is not None
    assert {line.get_marker() for axis in causes.figure.axes for line in axis.lines} == {"o"}
    shown = figures.outcome_map(found, "one")
    assert shown is not None
    assert {line.get_marker() for axis in shown.figure.axes for line in axis.lines} <= {"o", "None"}


def test_without_a_success_there_is_no_mark_of_one(tmp_path: Path) -> None:
    found = results_of(
        tmp_path,
        "lost",
        fates=lambda *_: ("nonfinite", 0),
        distances=lambda *_: np.full(len(STEPS), np.nan),
        data="ring",
    )
    curves, confirmed, shown = (
        figures.learning_curves(found),
        figures.confirmed(found),
        figures.outcome_map(found, "lost"),
    )
    assert curves is not None
    assert marks_of(curves.figure.axes[0]) == []  # no member had a number anywhere
    assert all(np.isnan(y).all() for _, y in lines_of(curves.figure.axes[0], thick=2))
    assert confirmed is not None
    assert marks_of(confirmed.figure.axes[0]) == []  # nor is there an interval to end
    assert not lines_of(confirmed.figure.axes[0], thick=2)
    assert shown is not None
    for axis in shown.figure.axes:
        assert list(axis.patches) == []
        assert len(marks_of(axis, "X")) == len(marks_of(axis)) == 4
    causes = figures.causes(found, "lost")
    assert causes is not None
    assert [len(axis.lines) for axis in causes.figure.axes] == [0, 0, 0]
    survival = figures.survival(found)
    assert survival is not None
    assert len(survival.figure.axes[0].collections) == 1  # all by one cause


def test_a_width_whose_ends_were_found_has_no_arrow() -> None:
    drawn = figures.stable_widths(WIDTHS.assign(border_low=False, border_high=False))
    assert drawn is not None
    assert [mark for axis in drawn.figure.axes for kind in "<>" for mark in marks_of(axis, kind)] == []
    assert not [word for word in drawn_words(drawn) if "reaches" in word]


# --- nothing is drawn of nothing


def test_nothing_is_drawn_before_anything_is_confirmed(tmp_path: Path) -> None:
    found = results_of(tmp_path, "one", confirm=0, data="ring")
    for draw in (figures.learning_curves, figures.confirmed, figures.tuning, figures.modes):
        assert draw(found) is None
    assert figures.precision_coverage(results_of(tmp_path, "one", confirm=0)) is None
    assert figures.samples(found, "one") is None
    assert figures.course_of_samples(found, "one") is None
    assert figures.plane(found, "one") is None
    assert figures.survival(found) is not None
    assert figures.outcome_map(found, "one") is not None


def test_nothing_is_drawn_of_data_without_modes_or_plane(tmp_path: Path) -> None:
    found = results_of(tmp_path, "one")
    assert figures.modes(found) is None
    assert figures.plane(found, "one") is None


def test_no_quality_is_drawn_where_it_was_not_measured(two: Results, tmp_path: Path) -> None:
    """Of points of the plane, of a ledger from before, and where every seed became nonfinite."""
    assert figures.precision_coverage(two) is None
    assert figures.precision_coverage(simulate(tmp_path, lambda planned, seed: (0.9,))) is None
    lost = results_of(tmp_path, "lost", distances=lambda *_: np.where(STEPS > 50, np.nan, 0.1))
    assert figures.precision_coverage(lost) is None


def test_nothing_is_drawn_of_empty_frames() -> None:
    assert figures.stable_volume(VOLUMES[:0]) is None
    assert figures.stable_widths(WIDTHS[:0]) is None
    assert figures.chance_of_success(CHANCES[:0]) is None


# --- the parts


@settings(max_examples=25)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.01, 0.2))
def test_labels_are_moved_apart_in_their_order(wanted: list[float], gap: float) -> None:
    places = np.array(apart(np.sort(wanted), gap))
    assert (np.diff(places) >= gap - 1e-9).all()
    assert places.mean() == pytest.approx(np.mean(wanted), abs=1e-9)
    if (np.diff(np.sort(wanted)) >= gap).all():
        np.testing.assert_allclose(places, np.sort(wanted), atol=1e-9)


@settings(max_examples=25)
@given(st.floats(-12, 12), st.floats(0.05, 20), st.integers(3, 8))
def test_a_log_axis_has_numbers_and_not_too_many(first: float, decades: float, most: int) -> None:
    low, high = 10**first, 10 ** (first + decades)
    ticks = log_ticks(low, high, most)
    assert all(low <= tick <= high for tick in ticks)
    assert len(ticks) <= max(most, 4)
    assert len(ticks) >= 1


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.001, "0.001"), (1e-4, "1e-4"), (2.5e-5, "2.5e-5"), (10, "10"), (1e5, "1e5"), (0.30, "0.3")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text
