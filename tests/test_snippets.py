"""The commands and snippets of every page of docs/: commands are understood, tables valid, and programs run.

Those of the README and of its first pages are run as they are by test_readme.py, those of the notebook by
test_notebook.py, those of a user's own classes, images, loop and metric by test_your_own.py, test_your_own_images.py,
test_your_own_loop.py and test_your_own_metric.py, those of conditional GANs by test_conditional_studies.py.
"""

import re
import shlex
from pathlib import Path

import pytest
from tiny import run_without_ray
from typer.main import get_command

import studies
from studies.errors import InputError
from studies.file.study import Study

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
GENERATED = "commands"
"""The page with the usage of each command, which is no command."""


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGES[page], flags=re.DOTALL)


COMMANDS = {
    line.partition("   #")[0].strip()
    for page, text in PAGES.items()
    if page != GENERATED
    for line in re.findall(r"^ {4}(gan-study .*)$", text, flags=re.MULTILINE)
}


@pytest.mark.parametrize("line", sorted(COMMANDS))
def test_every_command_is_understood(line: str) -> None:
    from services.cli.app import app

    name, *arguments = shlex.split(line, comments=True)[1:]
    vars(get_command(app))["commands"][name].make_context(name, list(arguments))


def test_a_command_with_an_unknown_option_is_not_understood() -> None:
    with pytest.raises(Exception, match="--no-such-option"):
        test_every_command_is_understood("gan-study results first-study --no-such-option")


NUMBERS = """
name = "completed"
seeds = 1
budget.steps = 100
"""
SEARCH = """
[search]
explore = 2
exploit.trials = 0
"""
LEARNING_RATE = """
training.critic_optimizer = {kind = "adam", lr = {log_uniform = [1e-4, 1e-2]}, betas = [0.5, 0.9]}
"""
CONDITION = f"""
[[conditions]]
name = "wgan-gp"
preset = "wgan-gp"
{LEARNING_RATE}
"""
GP_WEIGHT = """
constraint.gp_weight = "search"
"""
MNIST = """
data.kind = "mnist"
"""
SNIPPETS = {
    ("conditional", 0): (NUMBERS + SEARCH, CONDITION + GP_WEIGHT),
    ("features", 0): (NUMBERS + MNIST + SEARCH, CONDITION + GP_WEIGHT),
    ("features", 1): (NUMBERS + MNIST + SEARCH, CONDITION + GP_WEIGHT),
    ("gpus", 0): (NUMBERS + SEARCH, CONDITION + GP_WEIGHT),
    ("stability-maps", 0): (NUMBERS, CONDITION + GP_WEIGHT),
    ("stability-maps", 1): (NUMBERS + blocks("stability-maps", "toml")[0], LEARNING_RATE),
    ("study-file", 0): (NUMBERS + SEARCH, ""),
}
"""Text before and after each part of a study file that a page shows alone, which together are a study."""
WHOLE = ("first-study", "how-to-choose", "your-own", "your-own-images", "your-own-loop", "your-own-metric")
"""Pages whose TOML snippets are complete study files; tests of their own load and run these."""


def test_every_part_of_a_study_file_is_completed() -> None:
    shown = {(page, number) for page in PAGES if page not in WHOLE for number in range(len(blocks(page, "toml")))}
    assert shown == SNIPPETS.keys()


@pytest.mark.parametrize(("page", "number"), SNIPPETS)
def test_every_part_of_a_study_file_is_valid(page: str, number: int, tmp_path: Path) -> None:
    before, after = SNIPPETS[page, number]
    file = tmp_path / "study.toml"
    file.write_text(before + blocks(page, "toml")[number] + after)
    if "inception.pt" in blocks(page, "toml")[number]:  # a file that nobody has here
        with pytest.raises(InputError, match=r"^evaluation\.features\.(path|sha256): "):
            Study.load(file)
    else:
        assert Study.load(file).conditions


PROGRAMS = {
    "for-papers": ("first-study", ["budget.steps=25", "search.explore=2", "search.exploit.trials=1", "seeds=2"]),
    "stability-maps": (
        "stability-map",
        ["budget.steps=20", "search.explore.map.resolution=2", "evaluation.samples=200", "evaluation.exact_points=64"],
    ),
}
"""The study that the program of a page reads, and what makes it small."""


@pytest.mark.soak
@pytest.mark.parametrize("page", PROGRAMS)
def test_the_program_of_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name, smaller = PROGRAMS[page]
    run_without_ray(Study.load(name, overrides=[*smaller, "evaluation.measurements=5"]))
    (program,) = blocks(page, "python")
    exec(program, {})
    written = {"for-papers": "first-study-paper/methods.tex", "stability-maps": "high-quality.png"}[page]
    assert Path(written).stat().st_size > 0


@pytest.mark.soak
def test_the_program_of_the_page_on_plans_runs() -> None:
    (program,) = blocks("plan", "python")
    exec(program, shown := {"studies": studies})
    assert 0 < shown["plan"].seconds.low <= shown["plan"].seconds.middle <= shown["plan"].seconds.high


def test_every_program_is_run() -> None:
    own = {"your-own", "your-own-images", "your-own-loop", "your-own-metric"}
    tested_elsewhere = {"conditional", "notebook", "results", "pandas", "library", *own}
    assert {page for page in PAGES if blocks(page, "python")} == PROGRAMS.keys() | {"plan"} | tested_elsewhere
