"""Standard output that is full, closed, without umlauts, or reserved for what a program reads."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import command_line
import pytest
from command_line import Call
from recorded import command, process_environment

from services.cli.streams import SteadyStream

pytestmark = pytest.mark.shapes

call = command_line.call

NOISY = """
import os
from dataclasses import dataclass
from gan_core.objectives import NonSaturating

print("printed by the module")
os.write(1, b"written by the module\\n")

@dataclass(frozen=True, kw_only=True)
class Mine(NonSaturating):
    kind = "my_noisy:Mine"
"""


def test_a_full_disk_is_remembered_and_raises_nothing() -> None:
    with open("/dev/full", "w") as file:
        stream = SteadyStream(file)
        for _ in range(3):
            print("line", file=stream, flush=True)
        assert stream.failure is not None
        assert stream.failure.errno == errno.ENOSPC


def test_a_reader_that_has_gone_is_no_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as file:
        stream = SteadyStream(file)
        print("line", file=stream, flush=True)
        print("line", file=stream, flush=True)
    assert stream.failure is None


def test_what_an_encoding_lacks_is_printed_as_its_number(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding="ascii") as file:
        print("Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n \N{EN DASH}", os.fsdecode(b"\xff"), file=SteadyStream(file))
    assert (tmp_path / "out").read_bytes() == b"Gr\\xfcn \\u2013 \\udcff\n"


RESERVED = """
import os, subprocess, sys
from services.cli.streams import output_stream, reserved_output, steady_streams
with steady_streams():
    print("before")
    with reserved_output():
        print("a library", flush=True)
        os.write(1, b"descriptor 1\\n")
        subprocess.run(["echo", "a child"])
        print("own", file=output_stream())
    print("after", file=output_stream())
"""


def test_only_the_reserved_stream_reaches_standard_output() -> None:
    call = subprocess.run([sys.executable, "-c", RESERVED], env=process_environment(), capture_output=True, text=True)
    assert call.stdout.splitlines() == ["before", "own", "after"]
    assert call.stderr.splitlines() == ["a library", "descriptor 1", "a child"]


def test_a_module_that_prints_does_not_spoil_json(call: Call, tmp_path: Path, tiny_file_of_noise: Path) -> None:
    answer = call("validate", tiny_file_of_noise, "--json")
    assert (answer.code, json.loads(answer.out)["name"]) == (0, "noisy")
    assert answer.err == "printed by the module\n"


@pytest.fixture
def tiny_file_of_noise(tmp_path: Path) -> Path:
    (tmp_path / "my_noisy.py").write_text(NOISY)
    file = tmp_path / "noisy.toml"
    file.write_text(
        'name = "noisy"\nbudget.steps = 8\nevaluation.measurements = 4\n'
        '[[conditions]]\nname = "mine"\nobjective.kind = "my_noisy:Mine"\n'
    )
    return file


@pytest.mark.parametrize(
    ("redirections", "code", "error"),
    [
        (">&-", 0, ""),
        ("<&- >&- 2>&-", 0, ""),
        (">/dev/full", 1, "gan-study: standard output cannot be written (No space left on device)\n"),
        ("2>&1 | head -c 1 >/dev/null", 0, ""),
    ],
)
def test_a_command_ends_in_its_own_way_whatever_its_output_is(redirections: str, code: int, error: str) -> None:
    call = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f'"$@" {redirections}', "bash", *command("objectives", "--json")],
        env=process_environment(PYTHONCOERCECLOCALE="0", PYTHONUTF8="0", LC_ALL="C"),
        capture_output=True,
        text=True,
    )
    assert (call.returncode, call.stdout, call.stderr) == (code, "", error)
