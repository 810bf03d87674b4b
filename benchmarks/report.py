"""Time and size of the page about a study: each stage, the whole command, and the figures drawn once per theme instead.

python benchmarks/report.py [NAME|FOLDER]

By default the study is `first-study`; if the ledger in the working folder does not hold it, it is run first, for some
minutes. The command runs in a process of its own, with cold imports. The stages run in this process, which imports
the libraries once. For comparison every figure is drawn in the light and in the dark theme and saved as a file, as it
would have to be without one drawing for both. Processor time is printed besides, since elapsed time depends on the
machine's other load.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

DEFAULT_STUDY = "first-study"
LIBRARIES = (
    "studies.analysis",
    "studies.reporting.page",
    "studies.reporting.text.verdict",
    "scipy.stats",
    "matplotlib.backends.backend_svg",
)
COMMAND = [sys.executable, "-m", "services"]


def processor_seconds(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def timed(name: str, call: Callable[[], Any], who: int = resource.RUSAGE_SELF) -> tuple[Any, float]:
    """Result and processor seconds of the call, which are printed."""
    started, used_before = perf_counter(), processor_seconds(who)
    result = call()
    used = processor_seconds(who) - used_before
    print(f"  {name:36} {perf_counter() - started:6.2f} s, processor {used:6.2f} s", flush=True)
    return result, used


def gan_study(*arguments: str) -> None:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


def import_libraries() -> None:
    for name in LIBRARIES:
        import_module(name)


def read(study: str) -> Any:
    from studies.locate import results

    tables = results(study)
    _ = tables.curves, tables.members, tables.trials, tables.ranking, tables.data
    return tables


def compare(results: Any) -> Any:
    from studies.analysis.comparison import Comparison
    from studies.reporting.page.page_text import TABLES
    from studies.reporting.text.verdict import verdict

    compared = Comparison(results)
    verdict(compared)
    _ = compared.volume_curves, *(getattr(compared, name) for name in TABLES)
    return compared


def report_page() -> Any:
    """The module, after its import was timed."""
    return import_module("studies.reporting.page.report_page")


def write(compared: Any, figures: Any, path: Path) -> None:
    with patch.object(report_page(), "page_figures", lambda compared: figures):
        path.write_text(report_page().render_page(compared))


def draw_per_theme(compared: Any, folder: Path) -> int:
    """Draw and save every figure in both themes; total size in bytes."""
    size = 0
    for theme in ("light", "dark"):
        for drawn in report_page().draw_figures(compared, theme):
            if drawn is not None:
                path = folder / f"{drawn.name}-{theme}.svg"
                drawn.figure.savefig(path)
                size += path.stat().st_size
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", nargs="?", default=DEFAULT_STUDY, metavar="NAME|FOLDER")
    study = parser.parse_args().study
    if study == DEFAULT_STUDY and not Path("gan-studies", "studies", DEFAULT_STUDY).is_dir():
        print(f"{DEFAULT_STUDY} is not in the ledger of this folder: running it first", flush=True)
        gan_study("run", DEFAULT_STUDY, "--no-tracking")

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page = folder / "page.html"
        print(f"{study}: the page", flush=True)
        command = ("report", study, "--no-tracking", "--output", str(page))
        timed("whole command, cold imports", lambda: gan_study(*command), resource.RUSAGE_CHILDREN)
        print(f"  {page.stat().st_size / 1e6:.2f} MB")
        timed("import libraries", import_libraries)
        results, _ = timed("read", lambda: read(study))
        compared, _ = timed("compare", lambda: compare(results))
        figures, once = timed("draw once for both themes", lambda: report_page().page_figures(compared))
        timed("write", lambda: write(compared, figures, page))
        size, per_theme = timed("draw and save in each theme instead", lambda: draw_per_theme(compared, folder))
        shown, letters = figures
        ratio = size / (len(letters) + sum(len(figure.element) for figure in shown))
        print(f"  drawing once is {per_theme / once:.1f} times as fast, and its result {ratio:.1f} times as small")


if __name__ == "__main__":
    main()
