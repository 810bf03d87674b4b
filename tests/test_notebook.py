"""The notebook of the documentation: its page, executed without an error."""

import runpy
from pathlib import Path
from typing import Any

import nbformat
import pytest

DOCS = Path(__file__).parents[1] / "docs"
SCRIPT = runpy.run_path(str(DOCS / "execute_notebook.py"))
PAGE = (DOCS / "notebook.md").read_text(encoding="utf-8")
TEXT = (DOCS / "notebook.ipynb").read_text(encoding="utf-8")
LARGEST = 100_000
"""Largest size in bytes of a file that is made by a program."""


def executed() -> Any:
    return nbformat.reads(TEXT, as_version=4)


def outputs_of(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def html_of(notebook: Any) -> str:
    return "".join(output.data.get("text/html", "") for output in outputs_of(notebook) if "data" in output)


def assert_shows_everything(notebook: Any) -> None:
    """The bar at its end, the answer with a figure, and neither an error nor a warning."""
    kinds = {output.output_type for output in outputs_of(notebook)}
    assert kinds == {"stream", "display_data", "execute_result"}
    assert {output.name for output in outputs_of(notebook) if output.output_type == "stream"} == {"stdout"}
    html = html_of(notebook)
    assert '<progress max="26" value="26"' in html
    assert html.count('src="data:image/png;base64,') == 2
    assert "Time: " in html
    assert "\x1b" not in html  # colours of a terminal


def test_the_cells_are_the_blocks_of_the_page() -> None:
    notebook = executed()
    nbformat.validate(notebook)
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == SCRIPT["cells"](PAGE), "run `make notebook`"
    assert PAGE.count("```python") == sum(cell.cell_type == "code" for cell in notebook.cells)


def test_the_notebook_was_executed_from_top_to_bottom_without_an_error() -> None:
    notebook = executed()
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert_shows_everything(notebook)


def test_the_notebook_is_small_and_names_no_folder_of_the_machine_that_executed_it() -> None:
    assert len(TEXT.encode()) < LARGEST
    for folder in ("/tmp", "/home", "/root", "/work", "/usr"):
        assert f"{folder}/" not in TEXT


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_the_page_runs_as_a_notebook_in_an_empty_home(tmp_path: Path) -> None:
    assert_shows_everything(SCRIPT["executed"](PAGE, tmp_path))
