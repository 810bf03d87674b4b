"""What the page on a study takes: the seconds of each stage, of the whole command, and the page's size.

python benchmarks/report.py [NAME|FOLDER]

Without a study it takes `first-study`, and runs it first, some minutes, where the ledger in the working folder does not
hold it. The command runs cold, in a process of its own; the stages are those of this process, which loads the libraries
once. Beside them the figures as they would be without one drawing for both themes: drawn in light and in dark, each
saved as a file. On a machine that does other work besides, wall times say little: processor time is printed too.
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

OWN = "first-study"
LIBRARIES = (
    "studies.comparison",
    "studies.report",
    "studies.verdict",
    "scipy.stats",
    "matplotlib.backends.backend_svg",
)
COMMAND = [sys.executable, "-m", "services"]


def processor(who: int = resource.RUSAGE_SELF) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def timed(name: str, call: Callable[[], Any], who: int = resource.RUSAGE_SELF) -> tuple[Any, float]:
    """What the call gives, and its processor time."""
    started, used = perf_counter(), processor(who)
    given = call()
    used = processor(who) - used
    print(f"  {name:36} {perf_counter() - started:6.2f} s, of the processor {used:6.2f} s", flush=True)
    return given, used


def gan_study(*arguments: str) -> None:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


def load() -> None:
    for name in LIBRARIES:
        import_module(name)


def read(study: str) -> Any:
    from studies.results import results

    found = results(study)
    _ = found.curves, found.members, found.trials, found.ranking, found.data
    return found


def compare(found: Any) -> Any:
    from studies.comparison import Comparison
    from studies.report.words import TABLES
    from studies.verdict import verdict

    compared = Comparison(found)
    verdict(compared)
    _ = compared.volume_curves, *(getattr(compared, name) for name in TABLES)
    return compared


def draw(compared: Any) -> Any:
    from studies.report import page

    return page._figures(compared)


def write(compared: Any, drawn: Any, path: Path) -> None:
    from studies.report import page, report_page

    with patch.object(page, "_figures", lambda compared: drawn):
        path.write_text(report_page(compared))


def draw_twice(compared: Any, folder: Path) -> int:
    """Bytes of what is written."""
    from studies.report import page

    size = 0
    for theme in ("light", "dark"):
        for drawn in page._drawn(compared, theme):
            if drawn is not None:
                path = folder / f"{drawn.name}-{theme}.svg"
                drawn.figure.savefig(path)
                size += path.stat().st_size
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", nargs="?", default=OWN, metavar="NAME|FOLDER")
    chosen = parser.parse_args()
    if chosen.study == OWN and not Path("gan-studies", "studies", OWN).is_dir():
        print(f"the ledger here does not hold {OWN}: it is run first", flush=True)
        gan_study("run", OWN, "--no-tracking")

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page = folder / "page.html"
        print(f"{chosen.study}: the page", flush=True)
        command = ("report", chosen.study, "--no-tracking", "--output", str(page))
        timed("the whole command, cold", lambda: gan_study(*command), resource.RUSAGE_CHILDREN)
        print(f"  {page.stat().st_size / 1e6:.2f} MB")
        timed("load libraries", load)
        found, _ = timed("read", lambda: read(chosen.study))
        compared, _ = timed("compare", lambda: compare(found))
        drawn, once = timed("draw, once for both themes", lambda: draw(compared))
        timed("write", lambda: write(compared, drawn, page))
        size, twice = timed("draw in each theme and save instead", lambda: draw_twice(compared, folder))
        figures, letters = drawn
        ratio = size / (len(letters) + sum(len(figure.element) for figure in figures))
        print(f"  once for both: {twice / once:.1f} times as fast, {ratio:.1f} times as small")


if __name__ == "__main__":
    main()
