"""The page about a study: one file that needs nothing else, readable by eye and by a screen reader."""

import re
import shutil
from dataclasses import astuple
from html.parser import HTMLParser
from importlib import import_module
from itertools import islice, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from simulated import simulate

from studies.analysis.comparison import Comparison
from studies.design import TrialSpec
from studies.reporting.page import render_page
from studies.reporting.page.page_tables import format_cell, format_table
from studies.reporting.page.page_text import METHODS, TABLES
from studies.reporting.page.report_page import PageFigure
from studies.reporting.text.ranking_rows import NO_BREAK, ranking_rows
from studies.reporting.text.verdict import verdict
from studies.tables.results import Results

report_page = import_module("studies.reporting.page.report_page")

VOID = {"meta", "br"}
"""Elements without an end tag."""
SAME_IN_BOTH_THEMES = {
    f"--figure-{name}" for name in ("relapsed", "collapsed", "diverged", *(f"several-{index}" for index in range(1, 5)))
}
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"


class Page(HTMLParser):
    """The elements and words of a page; fails where an end tag does not close the innermost open element."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[SimpleNamespace] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(SimpleNamespace(tag=tag, inside=list(self.open), attributes=dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    def of(self, *tags: str) -> list[SimpleNamespace]:
        return [element for element in self.elements if element.tag in tags]


@pytest.fixture(scope="module")
def compared(on_ring: Results) -> Comparison:
    return Comparison(on_ring)


@pytest.fixture(scope="module")
def text(compared: Comparison) -> str:
    """The page with its first five figures only, since each takes time; the browser shows all."""
    draw_figures = report_page.draw_figures
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_page, "draw_figures", lambda *arguments: islice(draw_figures(*arguments), 5))
        return render_page(compared)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_a_report_of_images_shows_the_nearest_images_and_interpolations(on_images: Results) -> None:
    names = [drawn.name for drawn in report_page.draw_figures(Comparison(on_images), "both") if drawn is not None]
    assert names[-4:] == ["sample-snapshots-gan", "samples-gan", "nearest-gan", "interpolations-gan"]
    assert names[:3] == ["confirmed", "ranked-samples", "precision-coverage"]


def test_a_report_of_points_shows_neither(compared: Comparison) -> None:
    names = [drawn.name for drawn in report_page.draw_figures(compared, "both") if drawn is not None]
    assert names[-4:] == ["sample-snapshots-wgan", "samples-wgan", "sample-snapshots-gan", "samples-gan"]
    assert not [name for name in names if name.startswith(("nearest", "interpolations", "precision"))]


def test_every_element_closes(page: Page) -> None:
    assert page.open == []
    assert page.of("html")[0].attributes["lang"] == "en"
    assert page.of("meta")[0].attributes["charset"] == "utf-8"
    assert page.of("title")


def test_the_page_loads_nothing_and_runs_nothing(page: Page, text: str) -> None:
    assert not page.of("script", "link", "iframe", "object", "embed", "form", "img")
    for element in page.elements:
        for name in ("src", "srcset", "href", "data", "action"):
            value = element.attributes.get(name, "#")
            assert value.startswith(("#", "data:image/png;base64,")), value[:80]
        assert not any(name.startswith("on") for name in element.attributes)
    assert "@import" not in text
    assert set(re.findall(r"url\(.", text)) <= {"url(#"}


def test_headings_are_in_order_and_every_reference_has_one_target(page: Page) -> None:
    levels = [int(heading.tag[1]) for heading in page.of("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    targets = [element.attributes["href"][1:] for element in page.of("a", "use")]
    assert set(targets) <= set(ids)
    assert {table.attributes["aria-describedby"] for table in page.of("table")} <= set(ids)


def test_every_section_is_named_alike_in_the_navigation_and_in_its_heading(text: str) -> None:
    links = re.findall(r'<li><a href="#(\w+)">([^<]+)</a>', text)
    headings = re.findall(r'<section id="(\w+)">\s*<h2>([^<]+)</h2>', text)
    assert links == headings == list(report_page.SECTIONS)


def test_every_figure_has_its_numbers_in_words_a_size_and_colours_in_two_themes(page: Page, text: str) -> None:
    drawings = [element for element in page.of("svg") if "figure" in element.inside]
    assert len(drawings) == len(page.of("figcaption")) > 2
    for drawing in drawings:
        assert drawing.attributes["role"] == "img"
        assert len(drawing.attributes["aria-label"]) > 20
        assert float(drawing.attributes["viewbox"].split()[-1]) > 100
    used = set(re.findall(r"var\((--figure-[\w-]+)\)", text))
    assert "--figure-background" in used
    for variable in used:
        light, dark = re.findall(rf"{variable}: (#[0-9A-F]{{6}});", text)
        assert (light == dark) == (variable in SAME_IN_BOTH_THEMES)


def test_every_table_has_header_cells(page: Page) -> None:
    assert {cell.attributes["scope"] for cell in page.of("th")} == {"col", "row"}
    rows = len(page.of("tr"))
    row_headers = [cell for cell in page.of("th") if cell.attributes["scope"] == "row"]
    assert len(row_headers) == rows - len(page.of("table"))


def test_the_page_holds_the_verdict_and_every_number_of_every_table(page: Page, compared: Comparison) -> None:
    words = "".join(page.words)
    first, *_ = verdict(compared)[0].sentences
    assert words.index("Verdict") < words.index(first) < words.index("Ranking") < words.rindex("Tables\n")
    for topic in verdict(compared):
        for sentence in topic.sentences:
            assert sentence in words
    for name, description in TABLES.items():
        if name != "ranking":
            for row in format_table(getattr(compared, name), description).rows:
                assert all(cell in words for cell in row)


def test_the_ranking_stands_below_the_answer_with_each_setting_found_in_one_column(
    page: Page, compared: Comparison
) -> None:
    words = "".join(page.words)
    headings = [column.name.replace("95% interval", "interval") for column in report_page.RANKING_COLUMNS.values()]
    assert headings[:5] == ["rank", "condition", "distance", "interval", "at equal critic steps"]
    assert headings[5:] == ["failure rate", "interval", "outcomes", "setting found"]
    for row in ranking_rows(compared):
        assert all(cell in words for cell in astuple(row) if cell is not None)
        hyperparameters = compared.results.study.condition(row.condition).hyperparameters
        assert row.setting.count(" = ".replace(" ", NO_BREAK)) == len(hyperparameters) > 0
    assert not any(path in words[: words.rindex("Figures\n")] for path in hyperparameters)


def test_figures_with_panels_of_many_conditions_are_folded(
    compared: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = [PageFigure(name, name, "<svg></svg>", height) for name, height in [("low", 8.0), ("high", 9.0)]]
    monkeypatch.setattr(report_page, "page_figures", lambda compared: (shown, ""))
    inside = {element.attributes["id"]: element.inside for element in Page(render_page(compared)).of("figure")}
    assert "details" in inside["figure-high"]
    assert "details" not in inside["figure-low"]


def test_the_page_says_that_the_setting_found_is_compared_without_the_uncertainty_of_the_search(page: Page) -> None:
    words = "".join(page.words)
    assert "The ranking compares the setting found for each condition." in words
    assert "The intervals do not include the uncertainty of the search" in words
    assert all(paragraph in words for paragraph in METHODS)


def test_the_question_of_a_study_cannot_insert_elements(compared: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared.results, "question", "<script>alert(1)</script> & more")
    monkeypatch.setattr(report_page, "page_figures", lambda compared: ([], ""))
    assert not Page(render_page(compared)).of("script")


@pytest.mark.parametrize("trials", [0, 3, None])
def test_an_unfinished_study_and_a_failed_one_have_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trials: int | None
) -> None:
    def failing(trial: TrialSpec, seed: int) -> tuple[float, ...]:
        return (0, -0.2)

    monkeypatch.setattr(report_page, "page_figures", lambda compared: ([], ""))  # simulated members keep no samples
    shown = Page(render_page(Comparison(simulate(tmp_path, failing, trials=trials))))
    assert shown.open == []
    assert ("No setting has been confirmed on fresh seeds yet" in "".join(shown.words)) == (trials is not None)


def test_a_cell_is_formatted_by_its_column() -> None:
    assert format_cell("distance", 0.12345) == "0.123"
    assert format_cell("distance", float("nan")) == "failed"
    assert format_cell("distance_high", float("nan")) == "–"
    assert format_cell("failure_rate", 0.1) == "10%"
    assert format_cell("low", 0.0615) == "6%"
    assert format_cell("low", 43.801, distances=("low", "high")) == "43.801"
    assert format_cell("difference", -0.25) == "-25%"
    assert format_cell("p_adjusted", 0.012345) == "0.012"
    assert format_cell("width", 1.23456) == "1.23"
    assert format_cell("width_low", float("nan")) == "–"
    assert format_cell("decided", True) == "yes"
    assert format_cell("needed", 37) == "37"


def test_a_distance_that_failed_in_every_row_is_shown_as_failed(compared: Comparison) -> None:
    standings = compared.equal_critic_steps.assign(distance=float("nan"))
    table = format_table(standings, TABLES["equal_critic_steps"])
    column = [column.name for column in table.columns].index("distance")
    assert {row[column] for row in table.rows} == {"failed"}


def test_the_study_and_columns_without_values_are_left_out_of_a_table(compared: Comparison) -> None:
    standings = compared.equal_critic_steps.assign(empty=float("nan"))
    names = [column.name for column in format_table(standings, TABLES["equal_critic_steps"]).columns]
    assert names[:2] == ["condition", "distance"]
    assert not {"study", "trial", "rank", "empty"} & set(names)  # every seed failed, so no condition has a rank


CONTRAST = """() => {
  const parts = c => c.match(/[\\d.]+/g).slice(0, 3).map(v => { v /= 255;
    return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
  const light = c => { const [r, g, b] = parts(c); return .2126 * r + .7152 * g + .0722 * b; };
  const paper = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (!/, 0\\)$/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
  return Math.min(...[...document.querySelectorAll('h1,h2,h3,p,li,a,th,td,pre,summary,figcaption')].map(e => {
    const [a, b] = [light(getComputedStyle(e).color), light(paper(e))].sort((x, y) => x - y);
    return (b + .05) / (a + .05); }));
}"""

BACKGROUNDS = "[...document.querySelectorAll('figure svg')].map(e => getComputedStyle(e.querySelector('path')).fill)"
BACKGROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 29)"}
FIGURES = """() => [...document.querySelectorAll('figure svg')].map(figure => {
  const box = figure.getBoundingClientRect(), letters = [...figure.querySelectorAll('use[href^="#DejaVu"]')];
  const scale = letter => { const m = letter.getCTM(); return Math.hypot(m.a, m.b); };
  return [box.left, box.right, 100 * Math.min(...letters.map(scale))]; })"""
"""Left and right edge of each figure, and the size of its smallest letters, in pixels."""
SMALLEST_TEXT = 9
HIGHEST = 8000
"""Largest height of a page before anything is unfolded, in pixels."""
WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"


def recorded(tab: Any) -> tuple[list[str], list[str]]:
    """Addresses that the tab will request, and messages on its console."""
    requests: list[str] = []
    messages: list[str] = []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("console", lambda message: messages.append(message.text))
    return requests, messages


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_browser_shows_the_page_on_a_phone_and_on_a_screen_in_both_themes(
    compared: Comparison, tmp_path: Path
) -> None:
    from playwright.sync_api import sync_playwright

    (tmp_path / "page.html").write_text(render_page(compared))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for width in (400, 1400):
            for theme in ("light", "dark"):
                context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
                tab = context.new_page()
                requests, messages = recorded(tab)
                tab.goto((tmp_path / "page.html").as_uri())
                assert all(url.startswith(("file:", "data:")) for url in requests)
                assert messages == []
                assert tab.evaluate("document.documentElement.scrollHeight") < HIGHEST
                tab.evaluate("document.querySelectorAll('details').forEach(element => { element.open = true; })")
                page_width, window_width = tab.evaluate(WIDTHS)
                assert page_width <= window_width
                assert tab.evaluate(CONTRAST) >= 4.5
                assert set(tab.evaluate(BACKGROUNDS)) == {BACKGROUND[theme]}
                for left, right, text_size in tab.evaluate(FIGURES):
                    assert 0 <= left < right <= width
                    assert text_size >= SMALLEST_TEXT
                context.close()
        browser.close()
