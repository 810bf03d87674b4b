"""The command gan-study: help, usage, versions."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import command_line
import pytest
import typer
from command_line import Call
from tiny import TINY, command

from services.cli.app import app

call = command_line.call
ROOT = Path(__file__).parents[1]

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
VISIBLE = [name for name, command in COMMANDS.items() if not command.hidden]
WITHOUT_JSON = {"schema", "submit", "logs", "stop", "report", "paper", "sync", "ui"}


def test_help_names_every_command_and_what_it_does(call: Call) -> None:
    answer = call("--help")
    assert answer.code == 0
    for name in VISIBLE:
        assert f"  {name}  " in answer.out
    assert "TOML" in answer.out
    assert "ledger" in answer.out
    assert "..." not in answer.out.partition("Commands:")[2]  # no description is cut off
    bare = call()
    assert bare.err == answer.out


@pytest.mark.parametrize("name", VISIBLE)
def test_every_command_has_help_of_its_own(call: Call, name: str) -> None:
    answer = call(name, "--help")
    assert answer.code == 0
    assert f"Usage: gan-study {name} " in answer.out
    assert ("--json" in answer.out) is (name not in WITHOUT_JSON)


@pytest.mark.parametrize("name", VISIBLE)
def test_the_help_of_every_option_states_its_default(name: str) -> None:
    command = COMMANDS[name]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    for option in options:
        _, text = option.get_help_record(command.context_class(command))
        assert re.search("[dD]efault: ", text), f"{option.opts}: {text}"


@pytest.mark.parametrize("name", VISIBLE)
def test_the_examples_of_a_command_are_calls_of_it(name: str) -> None:
    examples = COMMANDS[name].help.partition("\b\nExamples:\n")[2].splitlines()
    assert examples
    for line in examples:
        program, called, *arguments = shlex.split(line)
        assert (program, called) == ("gan-study", name)
        COMMANDS[name].make_context(name, arguments)
        assert len(line) <= 100


COMPLETION = """
eval "$(_GAN_STUDY_COMPLETE=source_bash gan-study)"
complete -p gan-study
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_gan_study_completion gan-study
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("gan-study val", ["validate"]),
        ("gan-study objectives wgan-g", ["wgan-gp", "wgan-gp-real"]),
        ("gan-study run fi", ["fine.toml", "first-study"]),
        ("gan-study results --root other ti", ["tidy"]),
    ],
)
def test_bash_completes(words: str, completed: list[str], tmp_path: Path) -> None:
    for study in ("gan-studies/studies/tiny", "other/studies/tidy", "other/studies/first"):
        (tmp_path / study).mkdir(parents=True)
        (tmp_path / study / "study.json").touch()
    (tmp_path / "fine.toml").touch()
    (tmp_path / "gan-study").write_text(f'#!/bin/sh\nexec {sys.executable} -m services "$@"\n')
    (tmp_path / "gan-study").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    command = ["bash", "--norc", "-c", COMPLETION.format(words=words)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines()[1:] == completed


def test_version_prints_the_installed_versions(call: Call) -> None:
    answer = call("--version")
    assert (answer.code, answer.err) == (0, "")
    versions = dict(line.split(" ", 1) for line in answer.out.splitlines())
    assert versions["gan-studies"]
    assert {"python", "torch", "ray", "mlflow"} <= versions.keys()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["frobnicate"], "No such command 'frobnicate'; see gan-study --help"),
        (["resuls"], "No such command 'resuls'. Did you mean 'results'?; see gan-study --help"),
        (["run"], "Missing argument 'FILE'; see gan-study run --help"),
        (["validate", "first-study", "--smok"], "No such option: --smok (Possible options: --json, --smoke)"),
        (["results", "tiny", "--table", "winners"], "Invalid value for '--table': 'winners' is not one of"),
        (["results", "tiny", "--format", "xlsx"], "Invalid value for '--format': 'xlsx' is not one of"),
    ],
)
def test_a_wrong_command_line_is_refused(call: Call, arguments: list[str], complaint: str) -> None:
    answer = call(*arguments)
    assert answer.code == 2
    assert answer.err.startswith(f"gan-study: {complaint}")
    assert answer.err.count("\n") == 1


def test_an_interrupted_command_says_so(tmp_path: Path) -> None:
    (tmp_path / "my_slow.py").write_text(SLOW, encoding="utf-8")
    (tmp_path / "slow.toml").write_text(f'{TINY}objective.kind = "my_slow:Slow"\n', encoding="utf-8")
    process = subprocess.Popen(
        command(["validate", "slow.toml"]), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + 120
    while not (tmp_path / "imported").exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    said = "gan-study: interrupted; nothing is lost, and the same command may be given again\n"
    assert (process.returncode, out, err) == (130, "", said)


SLOW = """
import time
from pathlib import Path
from gan_core import NonSaturating

class Slow(NonSaturating):
    pass

Path("imported").touch()
time.sleep(60)
"""
