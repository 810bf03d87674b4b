"""The command gan-study: help, usage, versions."""

import re

import command_line
import pytest
import typer
from command_line import Call

from services.cli.app import app

call = command_line.call

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


def test_version_prints_the_installed_versions(call: Call) -> None:
    answer = call("--version")
    assert (answer.code, answer.err) == (0, "")
    versions = dict(line.split(" ", 1) for line in answer.out.splitlines())
    assert versions["gan-studies"]
    assert {"python", "torch", "ray", "mlflow"} <= versions.keys()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["run"], "Missing argument 'FILE'"),
        (["validate", "first-study", "--smok"], "No such option"),
        (["results", "tiny", "--table", "winners"], "'winners' is not one of"),
        (["results", "tiny", "--format", "xlsx"], "'xlsx' is not one of"),
    ],
)
def test_a_wrong_command_line_is_refused(call: Call, arguments: list[str], complaint: str) -> None:
    answer = call(*arguments)
    assert answer.code == 2
    assert complaint in answer.err
    assert "Traceback" not in answer.err
