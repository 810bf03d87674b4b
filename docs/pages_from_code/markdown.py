"""Docstrings, links and tables in Markdown."""

import re
from collections.abc import Iterable, Mapping, Sequence
from inspect import cleandoc
from typing import Any


def words(described: Any) -> str:
    """A docstring in Markdown: aligned columns stay as they are, papers become links, errors are left to Python."""
    paragraphs = cleandoc(described.__doc__).split("\n\n")
    kept = [_paragraph(paragraph) for paragraph in paragraphs if not paragraph.startswith("Errors:")]
    return "\n\n".join(kept).replace("\n```\n\n```text\n", "\n\n")


def _paragraph(text: str) -> str:
    if re.search(r"\S {2,}\S", text):
        return f"```text\n{text}\n```"
    return linked(text)


def linked(text: str) -> str:
    """The text with links to the papers that it names by arXiv number or DOI."""
    text = re.sub(r"arXiv:(\d{4}\.\d{5}|\d{4}\.\d{4})\b", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)
    return re.sub(r"doi:(10\.\d+/[\w./-]+\w)", r"[doi:\1](https://doi.org/\1)", text)


def column_types(schema: Mapping[str, Any]) -> str:
    """A table of columns and their types."""
    return table(("column", "type"), ([f"`{column}`", getattr(kind, "name", kind)] for column, kind in schema.items()))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])
