"""Every source that a docstring names has an entry in the bibliography, and every entry is right in form."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from gan_core.citations import BIBTEX, bibtex, cited_papers, papers
from gan_core.constraints import Constraint
from gan_core.data import Data
from gan_core.metrics import SAMPLE_METRICS
from gan_core.objectives import Objective
from gan_core.training.optimizers import Optimizer, Schedule
from studies.file.search import Search
from studies.file.validation import field_types
from studies.reporting.paper.paper_citations import PROGRAMS, SAMPLERS

ROOT = Path(__file__).parent.parent
WITHOUT_ENTRY = {
    "power.py": "sample sizes, which a paper does not state",
    "cross_study.py": "several studies",
    "interpolations.py": "a figure",
    "themes.py": "colours",
}
"""Files whose sources no paper of one study needs, with the reason."""
BY_YEAR = re.compile(r"([A-Z][\w-]+)(?:, [A-Z]\w+)*(?: (?:(?:&|and) [A-Z]\w+|et al\.))? ((?:19|20)\d\d)\b")


@cache
def sources() -> list[tuple[str, str]]:
    """Name of the file and text of each `Source:` in the docstrings that is about papers."""
    found = []
    for folder in ("gan_core", "studies"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                    source = (ast.get_docstring(node) or "").partition("Source:")[2]
                    if BY_YEAR.search(source) and path.name not in WITHOUT_ENTRY:
                        found.append((path.name, " ".join(source.split())))
    return found


@pytest.mark.parametrize(("file", "source"), sources())
def test_every_paper_that_a_docstring_names_as_source_has_an_entry(file: str, source: str) -> None:
    keys = cited_papers(source)
    others = ("metz",)  # named for its other numbers
    for author, year in BY_YEAR.findall(source):
        surname = author.lower().partition("-")[0]
        key = f"{surname}{year}"
        assert surname in others or key in keys, f"{file}: {author} {year} needs the entry {key} in references.bib"


def test_every_part_with_a_source_is_cited() -> None:
    unions = (Objective, Constraint, Data, Optimizer, Schedule)
    parts = [*(kind for union in unions for kind in get_args(union)), *map(type, SAMPLE_METRICS)]
    named = [part for part in parts if "Source:" in (part.__doc__ or "")]
    assert len(named) > 30
    without = [part.__name__ for part in named if not papers(part)]
    assert without == [], "the papers that their docstrings name as Source need entries in gan_core/references.bib"


def test_every_sampler_and_program_has_its_references() -> None:
    assert SAMPLERS.keys() == set(get_args(field_types(Search)["sampler"]))
    assert {*PROGRAMS.values(), *(key for keys in SAMPLERS.values() for key in keys)} <= BIBTEX.keys()


def test_every_entry_is_cited_somewhere() -> None:
    named = {key for _, source in sources() for key in cited_papers(source)}
    named |= {key for keys in SAMPLERS.values() for key in keys} | set(PROGRAMS.values())
    presets = cited_papers((ROOT / "gan_core" / "presets.py").read_text())
    unused = BIBTEX.keys() - named - set(presets)
    assert unused == set(), "entries of gan_core/references.bib that no docstring names as Source, and no preset"


@pytest.mark.parametrize("key", BIBTEX)
def test_an_entry_has_balanced_braces_and_the_author_and_year_of_its_key(key: str) -> None:
    entry = BIBTEX[key]
    assert entry.count("{") == entry.count("}")
    assert entry.isascii()
    fields = dict(re.findall(r"^  (\w+) = \{(.*)\},?$", entry, flags=re.MULTILINE))
    assert {"author", "title"} <= fields.keys()
    if key == "gan-studies":
        return
    surname = re.sub(r"\{\\.(\w)\}|[^A-Za-z]", r"\1", fields["author"].partition(",")[0]).lower()
    assert surname.startswith(key[:-4])
    assert fields["year"] == key[-4:]
    assert {"eprint", "doi", "journal", "booktitle", "publisher", "howpublished"} & fields.keys()


def test_papers_are_found_by_author_and_year_alone() -> None:
    assert cited_papers("Rabin et al. 2012; Efron & Tibshirani 1993, chapter 13") == ("rabin2012", "efron1993")
    assert cited_papers("Lin et al. 2018") == ("lin2018",)
    assert cited_papers("Lin et al. of that time; Holm 1978") == ()
    assert bibtex(["holm1979", "lin2018", "holm1979"]).count("@") == 2
