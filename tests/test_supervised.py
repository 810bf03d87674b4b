"""Commands whose work is done by a child: exit codes, signals, and what is said of a child that dies."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import TINY, clean_environment, command

PROGRAM = """
import ctypes, os, signal, sys, time
from services.cli.supervised import supervised

def work(stacks):
    {work}

supervised(work)
"""
READY_AND_WAITING = "[print('ready', flush=True), *(time.sleep(0.01) for _ in range(6000))]"
"""A minute of short sleeps: Python's handler of a signal that arrives just before a call waits for the call's end."""
MODULE = """
from dataclasses import dataclass

from gan_core.objectives import Wasserstein


@dataclass(frozen=True, kw_only=True)
class Mine(Wasserstein):
    pass


{imported}
"""


def process(work: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(work=work)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(work: str) -> tuple[int, str, str]:
    started = process(work)
    out, err = started.communicate(timeout=60)
    return started.returncode, out, err


@pytest.mark.parametrize("code", [0, 1, 3, 130])
def test_the_exit_code_and_the_output_are_the_childs(code: int) -> None:
    assert ended(f"print('said once'); sys.exit({code})") == (code, "said once\n", "")


@pytest.mark.parametrize(
    ("work", "code", "reason"),
    [
        ("os._exit(5)", 5, "the process of this command ended without a message (exit code 5)"),
        (
            "os.kill(os.getpid(), signal.SIGKILL)",
            137,
            "the process of this command ended without a message (exit code 137)",
        ),
        ("ctypes.string_at(0)", 1, "the process of this command crashed (Segmentation fault)"),
        ("os.abort()", 1, "the process of this command crashed (Aborted)"),
    ],
)
def test_a_child_that_dies_without_a_word_is_named(work: str, code: int, reason: str) -> None:
    assert ended(work) == (code, "", f"gan-study: {reason}\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_child(number: signal.Signals) -> None:
    started = process(
        "signal.signal(signal.SIGTERM, signal.default_int_handler)\n"
        f"    try:\n        {READY_AND_WAITING}\n    except KeyboardInterrupt:\n        sys.exit(130)"
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    started.send_signal(number)
    assert (started.communicate(timeout=30), started.returncode) == (("", ""), 130)


def test_nothing_is_said_of_a_child_that_the_caller_ends() -> None:
    started = process(READY_AND_WAITING)
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    started.terminate()
    assert (started.communicate(timeout=30), started.returncode) == (("", ""), 143)


@pytest.mark.skipif(sys.platform != "linux", reason="the request for the signal is Linux's")
def test_the_child_does_not_outlive_the_command(tmp_path: Path) -> None:
    mark = tmp_path / "ended"
    started = process(
        f"signal.signal(signal.SIGTERM, lambda *given: (open({str(mark)!r}, 'w').close(), os._exit(0)))\n"
        f"    {READY_AND_WAITING}"
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    started.kill()
    assert started.communicate(timeout=30) == ("", "")  # the child holds the other ends of the pipes
    assert mark.exists()


def study_file(folder: Path, imported: str) -> int:
    """Write a study with a user's module; returns the number of the module's last line, which is run at its import."""
    (folder / "study.toml").write_text(TINY.replace('preset = "gan"', 'objective.kind = "my_module:Mine"'))
    text = MODULE.format(imported=imported)
    (folder / "my_module.py").write_text(text)
    return len(text.splitlines())


def gan_study(folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command([*arguments, "study.toml"]),
        cwd=folder,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["validate"], ["run", "--no-tracking"]])
def test_a_module_that_crashes_is_named_with_its_line(tmp_path: Path, arguments: list[str]) -> None:
    last = study_file(tmp_path, "import ctypes; ctypes.string_at(0)")
    done = gan_study(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr == (
        f"gan-study: my_module.py, line {last}, <module>: must not end its process, but crashes (Segmentation fault)\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("command_name", ["validate", "plan", "submit"])
def test_code_of_a_study_sees_no_secret_of_the_environment(tmp_path: Path, command_name: str) -> None:
    seen = ["AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_PASSWORD", "RAY_AUTH_TOKEN", "MY_DATA"]
    study_file(tmp_path, f"import os; print('seen', [name for name in {seen} if name in os.environ])")
    secrets = {name: "planted" for name in seen}
    done = gan_study(
        tmp_path, command_name, **secrets, GAN_STUDY_PASS_ENV="MY_DATA", GAN_STUDY_CLUSTER="http://127.0.0.1:9"
    )
    assert "seen ['MY_DATA']" in done.stdout.splitlines()
