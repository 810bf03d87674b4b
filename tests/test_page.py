"""The page on a study: one file that needs nothing else, whose parts a reader and a screen reader find."""

import re
import shutil
from html.parser import HTMLParser
from itertools import islice, pairwise
from types import SimpleNamespace

import pytest
from simulated import RISING, simulate

from studies.comparison import Comparison
from studies.report import page as pages
from studies.report import report_page
from studies.report.words import TABLES
from studies.verdict import verdict

VOID = {"meta", "br"}
SAME = {f"--figure-{name}" for name in ("relapsed", "collapsed", "diverged")}
"""Colours that stand out in light and in dark."""
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"


class Page(HTMLParser):
    """What stands in a page: every element, and whether they close in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append(SimpleNamespace(tag=tag, inside=list(self.open), **{"is_": dict(attributes)}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    def of(self, *tags):
        return [one for one in self.elements if one.tag in tags]


def fate(planned, seed):
    good = planned.configuration.get("training.critic_optimizer.lr", 0) < 1e-3
    return (*RISING, 0.92 if planned.condition == "gan" else 0.9) if good else (0, -0.2)


@pytest.fixture(scope="module")
def compared(on_ring):
    return Comparison(on_ring)


@pytest.fixture(scope="module")
def text(compared):
    """With its first figures alone, since each takes a while; the browser sees them all."""
    every = pages._drawn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "_drawn", lambda *arguments: islice(every(*arguments), 4))
        return report_page(compared)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_every_element_closes(page):
    assert page.open == []
    assert page.of("html")[0].is_["lang"] == "en"
    assert page.of("meta")[0].is_["charset"] == "utf-8"
    assert page.of("title")


def test_nothing_is_asked_of_a_network_and_nothing_runs(page, text):
    assert not page.of("script", "link", "iframe", "object", "embed", "form", "img")
    for one in page.elements:
        for name in ("src", "srcset", "href", "data", "action"):
            value = one.is_.get(name, "#")
            assert value.startswith(("#", "data:image/png;base64,")), value[:80]
        assert not any(name.startswith("on") for name in one.is_)
    assert "@import" not in text
    assert set(re.findall(r"url\(.", text)) <= {"url(#"}


def test_headings_are_in_order_and_places_have_one_name(page):
    levels = [int(one.tag[1]) for one in page.of("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    names = [one.is_["id"] for one in page.elements if "id" in one.is_]
    assert len(names) == len(set(names))
    targets = [one.is_["href"][1:] for one in page.of("a", "use")]
    assert set(targets) <= set(names)
    assert {one.is_["aria-describedby"] for one in page.of("table")} <= set(names)


def test_every_figure_says_its_numbers_and_has_a_size_and_colours_in_two_themes(page, text):
    drawings = [one for one in page.of("svg") if "figure" in one.inside]
    assert len(drawings) == len(page.of("figcaption")) > 2
    for one in drawings:
        assert one.is_["role"] == "img"
        assert len(one.is_["aria-label"]) > 20
        assert float(one.is_["viewbox"].split()[-1]) > 100
    used = set(re.findall(r"var\((--figure-[\w-]+)\)", text))
    assert "--figure-background" in used
    for variable in used:
        light, dark = re.findall(rf"{variable}: (#[0-9A-F]{{6}});", text)
        assert (light == dark) == (variable in SAME)


def test_every_table_has_header_cells(page):
    assert {one.is_["scope"] for one in page.of("th")} == {"col", "row"}
    rows = len(page.of("tr"))
    assert len([one for one in page.of("th") if one.is_["scope"] == "row"]) == rows - len(page.of("table"))


def test_the_page_holds_the_verdict_and_every_number_of_every_table(page, compared):
    words = "".join(page.words)
    assert words.index("Verdict") < words.index("Figures\n")
    for topic in verdict(compared):
        for sentence in topic.sentences:
            assert sentence in words
    for name, told in TABLES.items():
        frame = compared.results.ranking if name == "ranking" else getattr(compared, name)
        for row in pages.table(frame, told).rows:
            assert all(cell in words for cell in row)


def test_what_a_study_says_of_itself_cannot_change_the_page(compared, monkeypatch):
    monkeypatch.setattr(compared.results, "question", "<script>alert(1)</script> & more")
    monkeypatch.setattr(pages, "_figures", lambda compared: ([], ""))
    assert not Page(report_page(compared)).of("script")


@pytest.mark.parametrize("trials", [0, 3, None])
def test_an_unfinished_study_and_one_that_failed_have_a_page(tmp_path, monkeypatch, trials):
    monkeypatch.setattr(pages, "_figures", lambda compared: ([], ""))  # simulated members leave no samples
    found = Page(report_page(Comparison(simulate(tmp_path, lambda planned, seed: (0, -0.2), trials=trials))))
    assert found.open == []
    assert ("Nothing is confirmed yet" in "".join(found.words)) == (trials is not None)


def test_cells_are_told_as_a_reader_reads_them():
    assert pages.cell("distance", 0.12345) == "0.123"
    assert pages.cell("distance_high", float("nan")) == "failed"
    assert pages.cell("failure_rate", 0.1) == "10%"
    assert pages.cell("width_low", float("nan")) == "–"
    assert pages.cell("decided", True) == "yes"
    assert pages.cell("needed", 37) == "37"


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

PAPERS = "[...document.querySelectorAll('figure svg')].map(e => getComputedStyle(e.querySelector('path')).fill)"
PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 29)"}
SMALLEST = "Math.min(...[...document.querySelectorAll('figure svg')].map(e => e.getBoundingClientRect().width))"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_browser_shows_it_on_a_phone_and_on_a_screen_in_both_themes(compared, tmp_path):
    from playwright.sync_api import sync_playwright

    (tmp_path / "page.html").write_text(report_page(compared))
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for width in (400, 1400):
            for theme in ("light", "dark"):
                context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
                shown, asked, errors = context.new_page(), [], []
                shown.on("request", lambda request, asked=asked: asked.append(request.url))
                shown.on("console", lambda message, errors=errors: errors.append(message.text))
                shown.goto((tmp_path / "page.html").as_uri())
                assert all(url.startswith(("file:", "data:")) for url in asked)
                assert errors == []
                page_width, window = shown.evaluate(
                    "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
                )
                assert page_width <= window
                assert shown.evaluate(CONTRAST) >= 4.5
                assert set(shown.evaluate(PAPERS)) == {PAPER[theme]}
                assert shown.evaluate(SMALLEST) > 500
                context.close()
        browser.close()
