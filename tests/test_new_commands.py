"""gan-study new: files, refusals, and a study that is sized by measuring."""

import io
import json
import runpy
from pathlib import Path

import command_line
import pytest
from command_line import Call, assert_refused

from studies.file.study import Study

call, copied_root = command_line.call, command_line.copied_root


class Terminal(io.StringIO):
    """Standard input of a terminal at which somebody types."""

    def isatty(self) -> bool:
        return True


def test_the_setting_found_is_written_as_a_file_and_a_script(call: Call, copied_root: Path, tmp_path: Path) -> None:
    answer = call("new", "--from", "tiny:wgan")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "tiny-wgan.toml has the setting that tiny has found for wgan, with other random seeds:",
        "  gan-study run tiny-wgan.toml",
        "tiny-wgan.py trains it with gan_core alone:",
        "  python tiny-wgan.py",
    ]
    study = Study.load("tiny-wgan.toml")
    assert (study.name, [condition.name for condition in study.conditions]) == ("tiny-wgan", ["wgan"])
    assert runpy.run_path("tiny-wgan.py")["trainer"].iteration == 36
    assert call("validate", "tiny-wgan.toml").code == 0


def test_the_names_of_what_is_written_are_printed_as_json(call: Call, copied_root: Path) -> None:
    answer = call("new", "again", "--from", "tiny:gan", "--output", "x.toml", "--json")
    assert answer.code == 0
    assert json.loads(answer.out) == {"study": "again", "file": "x.toml", "script": "x.py"}
    assert Study.load("x.toml").name == "again"


def test_no_file_is_overwritten_unless_forced(call: Call, copied_root: Path) -> None:
    Path("tiny-wgan.py").write_text("mine\n")
    answer = call("new", "--from", "tiny:wgan")
    assert_refused(answer, "--output: tiny-wgan.py exists already; --force overwrites it")
    assert not Path("tiny-wgan.toml").exists()
    assert Path("tiny-wgan.py").read_text() == "mine\n"
    assert call("new", "--from", "tiny:wgan", "--force").code == 0
    assert Path("tiny-wgan.py").read_text() != "mine\n"
    Path("ring-study.toml").write_text("mine\n")
    assert_refused(call("new", "--data", "ring"), "--output: ring-study.toml exists already; --force overwrites it")


REFUSED = [
    ([], "--data: must be given: folder:PATH, array:PATH, table:PATH, or a data set such as ring or digits"),
    (["--data", "rign"], "--data: must be folder:PATH, "),
    (["--data", "ring", "--budget", "soon"], '--budget: must be a duration, as in 90s, 30m or 2h, but is "soon"'),
    (["--data", "ring", "--compare", "wgan,wgn-gp"], "--compare: must be one of gan, nsgan, "),
    (["--data", "ring", "--compare", ""], "--compare: must be one of gan, nsgan, "),
    (["a/b", "--data", "ring"], "NAME: must be 1 to 64 letters, "),
    (
        ["--data", "ring", "--output", "nowhere/x.toml"],
        "--output: cannot write nowhere/x.toml, since ",
    ),
    (["tiny", "--data", "ring"], "NAME: must be the name of a new study, but gan-studies has a study tiny already"),
    (["--from", "tiny"], "--from: must be STUDY:CONDITION, but is tiny"),
    (["--from", "tiny:lsgan"], "condition: must be one of wgan, gan, "),
    (["--from", "none:wgan"], "none: there is no such study in "),
    (
        ["--from", "tiny:wgan", "--data", "ring"],
        "--data: must be left out beside --from, since the",
    ),
    (["--from", "tiny:wgan", "--output", "x.py"], "--output: must not end with .py, but is x.py"),
]


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED, ids=[" ".join(given) for given, _ in REFUSED])
def test_wrong_input_is_refused_in_one_sentence(
    call: Call, copied_root: Path, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    assert_refused(call("new", *arguments), sentence)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_data_are_asked_for_on_a_terminal(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("dirac\n"))
    answer = call("new")
    assert answer.code == 2
    assert answer.err.startswith("Data (folder:PATH, array:PATH, table:PATH, or a data set such as ring or digits):")
    assert answer.err.endswith("gan-study run dirac-map runs the Dirac pair\n")


@pytest.mark.slow
def test_a_study_is_sized_by_measuring_and_fits_into_its_budget(call: Call) -> None:
    """The smallest budget that is named in the refusal is enough."""
    one = ("new", "small", "--data", "ring", "--compare", "wgan", "--json")
    refused = call(*one, "--budget", "1s")
    assert refused.code == 2
    line = refused.err.splitlines()[-1]
    assert line.startswith("gan-study: --budget: must be >= ")
    assert " for the smallest study of 1 method on the data set ring that is worth its time" in line
    assert line.endswith(", but is 1s")
    least = line.partition(">= ")[2].partition(" ")[0]
    assert not Path("small.toml").exists()
    answer = call(*one, "--budget", least)
    assert answer.code == 0
    described = json.loads(answer.out)
    study = Study.load("small.toml")
    assert (described["study"], described["file"]) == ("small", "small.toml")
    assert described["sizes"]["steps"] == study.budget.steps
    assert described["sizes"]["explore"] == study.search.explore
    plan = json.loads(call("plan", "small.toml", "--json").out)
    assert plan["run_seconds"]["middle"] < described["forecast_seconds"]["middle"]
