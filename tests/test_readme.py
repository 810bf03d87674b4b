"""The commands and snippets of the README and of the pages for first steps work as they are written there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    README,
    *((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("first-study.md", "results.md", "library.md")),
]
"""The README and the pages whose commands a reader types after it."""
TINY = (
    "--set budget.steps=25 --set evaluation.measurements=5 --set search.explore=2 --set search.exploit.trials=1 "
    "--set seeds=2"
)


def blocks(language):
    return [block for page in PAGES for block in re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)]


RUN_ELSEWHERE = ("Your own data", "Browse", "Submit, browse, pull into pandas")
"""Sections whose commands measure the machine, which test_new_commands.py does, or need servers: test_ui.py,
test_tracker.py, test_download.py and test_cluster.py run them."""


def commands(*, run_elsewhere=False):
    """Every indented line that calls the command or Python, in order; one that is there twice is named once."""
    sections = [section for page in PAGES for section in re.split(r"^## ", page, flags=re.MULTILINE)]
    chosen = [text for text in sections if (text.partition("\n")[0] in RUN_ELSEWHERE) == run_elsewhere]
    lines = re.findall(r"^ {4}((?:gan-study|python) .*)$", "".join(chosen), flags=re.MULTILINE)
    return list(dict.fromkeys(line.partition("   #")[0].strip() for line in lines))


def shell(line, folder):
    """Run a line as a reader with the environment activated would, and return what it prints."""
    words = shlex.split(line)
    binary = Path(sys.executable).parent / words[0]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [binary, *words[1:]], cwd=folder, env=environment, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """A folder with the README's study file and the first study run, by its own name but tiny."""
    folder = tmp_path_factory.mktemp("reader")
    (study_file,) = blocks("toml")
    (folder / "clip-or-penalty.toml").write_text(study_file)
    shell(f"gan-study run first-study {TINY}", folder)
    return folder


def test_the_readme_has_commands_and_snippets():
    assert len(commands()) >= 7
    assert len(blocks("toml")) == 1
    assert len(blocks("python")) == 4


MINUTES = ("gan-study plan ", "gan-study run clip-or-penalty.toml --smoke")
"""Beginnings of commands that take a minute or more: one measures the machine, the other is a run like the next one."""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("chosen", ["short", pytest.param("all", marks=pytest.mark.soak)])
def test_every_command_runs(reader, chosen):
    for line in commands():
        if chosen == "short" and line.startswith(MINUTES):
            continue
        tiny = line.replace("clip-or-penalty.toml", f"clip-or-penalty.toml {TINY}") if " run " in line else line
        assert shell(tiny, reader).strip()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_commands_that_other_tests_run_exist_with_the_options_that_the_readme_gives(tmp_path):
    calls = [shlex.split(call)[1:] for call in commands(run_elsewhere=True)]
    assert {"new", "run", "submit", "ui", "sync"} == {name for name, *_ in calls}
    for name, *arguments in calls:
        text = shell(f"gan-study {name} --help", tmp_path)
        assert all(argument in text for argument in arguments if argument.startswith("--"))


@pytest.mark.slow
@pytest.mark.parametrize("snippet", blocks("python"))
def test_every_snippet_runs(reader, snippet):
    done = subprocess.run([sys.executable, "-c", snippet], cwd=reader, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_recipes_in_pandas_run_as_one_program(reader):
    recipes = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "pandas.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(recipes) > 10
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(recipes)], cwd=reader, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("wgan-gp") > 10
    assert all((reader / file).stat().st_size for file in ("medians.png", "members.parquet", "trials.csv"))


def test_make_targets_that_the_readme_names_exist():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    named = re.findall(r"^ {4}make ([a-z-]+)", README, flags=re.MULTILINE)
    assert named
    assert set(named) <= set(targets)
