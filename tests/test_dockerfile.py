import re
import sysconfig

import pytest
from clusters import ROOT
from dockerfile_steps import STAND_IN, Steps, can_run_steps, copy_context, instructions, run_steps

DOCKERFILE = (ROOT / "services" / "docker" / "Dockerfile").read_text()
COMMANDS = [
    "id --user --name",
    "pwd",
    "stat --format '%U %a' /ledger /cache /artifacts",
    "python -c 'import gan_core, studies, services; print(*(m.__path__[0] for m in (gan_core, studies, services)))'",
    "gan-study validate first-study",
    "gan-study --version",
    "python -m services.docker.healthy http://127.0.0.1:9 || echo unhealthy",
    "python -c 'import mlxtend, psycopg2, services.docker.forward, services.docker.mlflow_users'",
    "touch /app/x 2>/dev/null || echo read-only",
]


def test_a_build_sends_neither_secrets_nor_tests(tmp_path):
    (copied := tmp_path / "context").mkdir()
    copy_context(ROOT, copied)
    names = {path.name for path in copied.iterdir()}
    assert {"pyproject.toml", "constraints.txt", "LICENSE", "README.md", "gan_core", "studies", "services"} <= names
    assert not names & {".env", ".git", ".venv", "tests", "gan-studies"}


def test_instructions_are_joined_and_comments_left_out():
    text = "FROM a\n# no\nRUN b \\\n    && c\n\nUSER d\n"
    assert instructions(text) == [("FROM", "a"), ("RUN", "b      && c"), ("USER", "d")]


def _check(output: str) -> None:
    lines = output[output.index("\nstudy\n") :].splitlines()[1:]
    assert lines[:5] == ["study", "/home/study", "study 755", "study 755", "study 755"]
    packages = lines[5].split()
    assert [path.rpartition("/")[2] for path in packages] == ["gan_core", "studies", "services"]
    assert all(path.startswith(STAND_IN) for path in packages)
    assert lines[6].startswith("first-study is valid")
    assert re.search(r"^gan-studies \d", output, re.M)
    assert lines[-2:] == ["unhealthy", "read-only"]


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.skipif(not can_run_steps(), reason="needs root, for files and a user of its own")
def test_the_steps_of_the_image_run_with_the_packages_of_this_environment(tmp_path):
    (tmp_path / "context").mkdir()
    (tmp_path / "place").mkdir()
    copy_context(ROOT, tmp_path / "context")
    packages = sysconfig.get_paths()["purelib"]
    _check(
        run_steps(
            Steps.of(DOCKERFILE), tmp_path / "context", tmp_path / "place",
            packages=packages, commands=COMMANDS, seconds=280,
        )
    )  # fmt: skip


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not can_run_steps(), reason="needs root, for files and a user of its own")
def test_the_steps_of_the_image_install_everything_into_an_empty_environment(tmp_path):
    (tmp_path / "context").mkdir()
    (tmp_path / "place").mkdir()
    copy_context(ROOT, tmp_path / "context")
    commands = [*COMMANDS[:-1], "ray --version", "mlflow --version", COMMANDS[-1]]
    output = run_steps(
        Steps.of(DOCKERFILE), tmp_path / "context", tmp_path / "place", packages="", commands=commands, seconds=1700
    )
    versions = [line for line in output.splitlines() if re.match("(ray|mlflow), version ", line)]
    assert [line.partition(".")[0] for line in versions] == ["ray, version 2", "mlflow, version 3"]
    _check("\n".join(line for line in output.splitlines() if line not in versions))
