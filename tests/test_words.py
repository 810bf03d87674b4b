"""The words of the project: docstrings open with the thing itself, and retired words do not come back."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for folder in ("gan_core", "studies", "services") for path in (ROOT / folder).rglob("*.py"))
RIDDLES = ("What", "How", "Whether", "Who", "Whose", "Of", "Where", "Why")
WORDS = """
study condition configuration trial member iteration evaluation split outcome phase ledger entry critic generator
"""
RETIRED = re.compile(r"\b(knobs?|ruler|judged?|surroundings|given up|budget's clock)\b", re.IGNORECASE)


def docstrings(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or "none"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_open_with_the_thing_that_they_describe(path):
    openings = [text.splitlines()[0] for text in docstrings(path)]
    assert [line for line in openings if line.split()[0].strip(",.:") in RIDDLES] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_retired_words_do_not_come_back(path):
    assert RETIRED.findall(path.read_text()) == []


def test_every_word_of_the_design_is_in_the_glossary():
    glossary = (ROOT / "docs" / "glossary.md").read_text()
    for word in WORDS.split():
        assert re.search(rf"\*\*[^*|]*\b{word}\b", glossary), word
