"""Settings of the documentation's site: `make site` builds it into build/site, and every warning is an error."""

import re
import tomllib
from pathlib import Path
from typing import Any

with (Path(__file__).parents[1] / "pyproject.toml").open("rb") as file:
    version = release = tomllib.load(file)["project"]["version"]
project = "gan-studies"
author = "The gan-studies authors"
extensions = ["myst_parser"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = f"gan-studies {version}"
html_show_copyright = False
html_show_sphinx = False


def add_contents(app: Any, docname: str, source: list[str]) -> None:
    """Add to the first page a hidden table of contents for each of its sections, from the links in it."""
    if docname != "index":
        return
    for section in source[0].split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        pages = "\n".join(re.findall(r"\]\(([a-z-]+)\.md\)", text))
        source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{pages}\n```\n"


def setup(app: Any) -> None:
    """Register `add_contents`: the page itself has no directives, since it is also read as plain Markdown."""
    app.connect("source-read", add_contents)
