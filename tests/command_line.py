"""The entry point of `gan-study`, called in this process. Test files assign the fixtures to names of their own."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tiny import TINY, driver_here

from services.cli.app import main
from studies.file.study import Study


@dataclass(frozen=True)
class Answer:
    """Exit code and output of a command."""

    code: object
    out: str
    err: str


Call = Callable[..., Answer]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """Call the entry point in an empty working folder, without MLflow and other processes, which have own tests."""
    monkeypatch.setattr("studies.execution.driver_process.driver_of_file", driver_here)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAN_STUDY_NO_TRACKING", "1")

    def answer(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["gan-study", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Answer(ended.value.code, *capsys.readouterr())

    return answer


@pytest.fixture
def tiny_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture
def copied_root(finished_root: Path, tmp_path: Path) -> Path:
    """A copy of the finished study's ledger in the working folder."""
    shutil.copytree(finished_root, tmp_path / "gan-studies")
    return tmp_path / "gan-studies"


def options_of(study: Study) -> list[str]:
    """The options that turn the tiny file into the finished study."""
    counts = {"search.explore": study.search.explore, "search.exploit.trials": study.search.exploit.trials}
    return [argument for key, value in counts.items() for argument in ("--set", f"{key}={value}")]


def assert_refused(answer: Answer, sentence: str) -> None:
    """One sentence on standard error and the exit code 2."""
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.startswith(f"gan-study: {sentence}")
    assert answer.err.count("\n") == 1
    assert answer.err.endswith("\n")
