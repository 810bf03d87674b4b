"""Writes notebook.ipynb: the page notebook.md with its code executed (`make notebook`).

It runs in an empty folder, which is the home folder too, as for somebody who has just installed the package. The path
of that folder is cut out of what is printed.
"""

import os
import re
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

PAGE = Path(__file__).with_name("notebook.md")
NOTEBOOK = PAGE.with_suffix(".ipynb")
CELL_SECONDS = 900
"""Longest time that a cell may take."""
_CODE = re.compile(r"^```python\n(.*?)\n```$", flags=re.DOTALL | re.MULTILINE)
_DROPPED = ("GAN_STUDY", "IPYTHON", "JUPYTER", "MLFLOW_", "MPL", "RAY_", "XDG_")
"""Beginnings of the environment variables that the kernel does not get."""


def cells(page: str) -> list[tuple[str, str]]:
    """Kind, `markdown` or `code`, and text of each cell of a page, in its order."""
    parts = _CODE.split(page)  # text and code in turn
    texts = [("code" if number % 2 else "markdown", part.strip("\n")) for number, part in enumerate(parts)]
    return [(kind, text) for kind, text in texts if text]


def unexecuted(page: str) -> nbformat.NotebookNode:
    """The notebook of a page, without outputs."""
    made = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    content = [made[kind](text, id=f"cell-{number}") for number, (kind, text) in enumerate(cells(page))]
    return nbformat.v4.new_notebook(cells=content, metadata=kernel)


def executed(page: str, folder: Path) -> nbformat.NotebookNode:
    """The notebook of a page, executed in a folder, which is the home folder too.

    Errors: `nbclient.exceptions.CellExecutionError` for a cell that raises an exception.
    """
    notebook = unexecuted(page)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
    client = NotebookClient(
        notebook, timeout=CELL_SECONDS, record_timing=False, resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env={**kept, "HOME": str(folder), "MLFLOW_DISABLE_TELEMETRY": "true"})
    text = nbformat.writes(notebook).replace(f"{folder}/", "")
    return nbformat.reads(text, as_version=4)


def main() -> None:
    """Execute the page and write the notebook."""
    with tempfile.TemporaryDirectory() as folder:
        notebook = executed(PAGE.read_text(encoding="utf-8"), Path(folder).resolve())
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    main()
