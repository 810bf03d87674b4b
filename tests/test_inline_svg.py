"""Figures as elements of a page: one drawing that takes the colours of the theme."""

import re
from pathlib import Path

import numpy as np
import pytest
from drawn import (
    contrast,
    figures_of_study,
    figures_of_tables,
    images_of_two_conditions,
    two_conditions,
)

import studies.reporting.figures as figures
from studies.reporting.figures import THEMES, DrawnFigure, ThemeName
from studies.reporting.figures.inline_svg import color_roles
from studies.tables.results import Results


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return two_conditions(tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return images_of_two_conditions(tmp_path_factory.mktemp("images"))


def saved_in_dark(drawn: DrawnFigure, folder: Path) -> str:
    """The saved figure with dark colours for placeholders, and ids replaced by their positions."""
    path, _ = figures.save(drawn.figure, folder / drawn.name)
    colors = dict(zip(color_roles(THEMES["both"]).values(), color_roles(THEMES["dark"]).values(), strict=True))
    text = re.sub(r"#[0-9a-f]{6}\b", lambda match: colors.get(match[0].upper(), match[0].upper()), path.read_text())
    names = list(dict.fromkeys(re.findall(r'id="([^"]+)"', text)))
    return re.sub(r'(?<=["#])([\w.]+)(?=[")])', lambda m: str(names.index(m[1])) if m[1] in names else m[1], text)


def test_each_placeholder_stands_for_one_colour_in_each_theme_and_is_no_colour_of_them() -> None:
    placeholders = list(color_roles(THEMES["both"]).values())
    themes: tuple[ThemeName, ...] = ("light", "dark")
    for theme in themes:
        pairs = zip(placeholders, color_roles(THEMES[theme]).values(), strict=True)
        assert len(set(pairs)) == len(set(placeholders))
    used = {color for theme in themes for color in color_roles(THEMES[theme]).values()}
    assert not used & set(placeholders)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_of_pixels_are_visible_on_either_background(theme: ThemeName) -> None:
    for color in (THEMES["both"].real, THEMES["both"].fake):
        assert contrast(color, THEMES[theme].background) > 2.5


def test_a_figure_for_both_themes_in_dark_colours_equals_the_dark_one(
    two: Results, on_ring: Results, images: Results, tmp_path: Path
) -> None:
    themes: tuple[ThemeName, ...] = ("both", "dark")
    both, dark = (
        [
            *figures_of_study(two, theme, "one"),
            *figures_of_tables(theme),
            figures.plane(on_ring, "gan", theme),
            figures.precision_coverage(images, theme),
        ]
        for theme in themes
    )
    for first, second in zip(both, dark, strict=True):
        assert first is not None
        assert second is not None
        assert saved_in_dark(first, tmp_path / "both") == saved_in_dark(second, tmp_path / "dark"), first.name


def test_an_element_has_variables_for_colours_and_ids_of_its_own(two: Results) -> None:
    drawn = [
        figures.survival(two, "both"),
        figures.gradients(two, "one", "both"),
        figures.gradients(two, "other", "both"),
    ]
    with_letters = [figures.svg(figure) for figure in drawn if figure is not None]
    elements, letters = figures.split_letters(with_letters)
    assert len(elements) == 3
    declared = set(re.findall(r"--[\w-]+(?=:)", figures.css_variables("dark")))
    assert declared == set(re.findall(r"--[\w-]+(?=:)", figures.css_variables("light")))
    placeholders = {color.lower() for color in color_roles(THEMES["both"]).values()}
    for element in elements:
        assert set(re.findall(r"var\((--[\w-]+)\)", element)) <= declared
        assert not placeholders & set(re.findall(r"#[0-9a-f]{6}\b", element))
        assert element.count("<svg ") == element.count("</svg>") == 1
    ids = re.findall(r' id="([^"]+)"', letters + "".join(elements))
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', "".join(elements))) <= set(ids)
    assert len(letters) + sum(map(len, elements)) < 0.9 * sum(map(len, with_letters))
    assert drawn[0] is not None
    assert f'aria-label="{drawn[0].alternative}"' in elements[0]


def test_a_figure_in_one_theme_is_refused(two: Results) -> None:
    drawn = figures.survival(two, "light")
    assert drawn is not None
    with pytest.raises(ValueError, match="both"):
        figures.svg(drawn)


def test_the_number_of_elements_does_not_grow_with_the_number_of_points(
    on_ring: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = on_ring.samples("gan")
    shift = np.random.default_rng(0).normal(0, 0.01, (len(few), 8000, 2))
    counts = {}
    for points in (400, 8000):
        many = few[:, np.arange(points) % few.shape[1]] + shift[:, :points]
        monkeypatch.setattr(on_ring, "samples", lambda condition, many=many: many)
        drawn = (figures.samples(on_ring, "gan", "both"), figures.plane(on_ring, "gan", "both"))
        elements = [figures.svg(figure) for figure in drawn if figure is not None]
        assert all("<image " in element for element in elements)
        counts[points] = [element.count("<") for element in elements]
    assert len(counts[8000]) == 2
    # the numbers of ticks may differ a little
    np.testing.assert_allclose(counts[8000], counts[400], rtol=0.2)
