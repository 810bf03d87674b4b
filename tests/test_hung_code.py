"""Code of users that hangs before a study starts: ended, and named with its file and line."""

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tiny import TINY, clean_environment, command, study_in

from gan_core.objectives import Wasserstein
from services import submitted_study
from studies.design import places
from studies.errors import HungCode
from studies.file import hung_code
from studies.file.hung_code import hung_code_ended
from studies.file.real_samples import load_samples
from studies.file.run_settings import Limits
from studies.file.study import Study

CLASS = """
from dataclasses import dataclass

from gan_core.objectives import Wasserstein


@dataclass(frozen=True, kw_only=True)
class Mine(Wasserstein):
    sharpness: float = 1.0

    def __post_init__(self):
        {constructed}


{imported}
"""
LOOP = "while True: pass"
CONNECTS = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    while True:
        try:
            with socket.create_connection(server.getsockname()) as connection:
                connection.recv(1)
        except Exception:
            pass
"""
CATCHES_ALL = """
while True:
    try:
        while True:
            pass
    except:
        pass
"""
COMPILED = "import itertools\nsum(itertools.repeat(0))"
STUDY = TINY.replace('preset = "gan"', 'objective.kind = "my_hangs:Mine"')


@pytest.fixture(autouse=True)
def _limit(fresh_imports: None) -> Iterator[None]:
    """A short limit of the tests' own calls; the former one comes back."""
    before = hung_code._settings.seconds
    hung_code.set_limit(0.4)
    yield
    hung_code.set_limit(before)


def module_in(folder: Path, *, imported: str = "", constructed: str = "pass") -> int:
    """Write the user's module; returns the number of the last line of what it runs when it is imported."""
    (folder / "my_hangs.py").write_text(CLASS.format(imported=imported.strip(), constructed=constructed))
    return len((folder / "my_hangs.py").read_text().splitlines())


def forever() -> None:
    while True:
        pass


def test_a_call_that_loops_is_ended_and_its_line_is_named() -> None:
    with pytest.raises(HungCode) as ended, hung_code_ended():
        forever()
    line = forever.__code__.co_firstlineno + 2
    assert str(ended.value) in [
        f"test_hung_code.py, line {line - back}: must end within limits.code_seconds = 0.4, but still runs; it hangs, "
        "or needs a larger limit"
        for back in (0, 1)
    ]


def test_many_short_calls_may_take_longer_together() -> None:
    def short() -> None:
        time.sleep(0.1)

    with hung_code_ended():
        for _ in range(10):
            short()


def test_code_of_this_project_has_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hung_code, "is_users_file", lambda file: False)
    with hung_code_ended():
        time.sleep(1.0)


def test_the_handler_and_the_timer_of_others_are_restored() -> None:
    handler, timer = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    with hung_code_ended():
        assert signal.getitimer(signal.ITIMER_REAL)[1] == pytest.approx(0.02)
        with hung_code_ended():  # one watch looks at all calls
            pass
        assert signal.getitimer(signal.ITIMER_REAL)[1] == pytest.approx(0.02)
    assert signal.getsignal(signal.SIGALRM) is handler
    assert signal.getitimer(signal.ITIMER_REAL)[0] == pytest.approx(timer[0], abs=1)


def test_another_thread_has_no_limit() -> None:
    ended = []

    def work() -> None:
        with hung_code_ended():
            time.sleep(1.0)
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended


@dataclass(frozen=True, kw_only=True)
class Looping(Wasserstein):
    weight: float = 1.0  # what differs between the members of a pack is tried

    def critic_loss(self, real, fake, state):
        forever()


def test_an_objective_that_hangs_when_it_is_tried_is_named(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    hung_code.set_limit(0.4)  # reading the study has set its own
    setting = replace(next(study.conditions[0].extreme_settings()), objective=Looping())
    with pytest.raises(HungCode, match=r"^test_hung_code\.py, line \d+: must end within"):
        places._why_unpackable(setting, load_samples(study.data).sample_shape)


@pytest.mark.parametrize("imported", [LOOP, CONNECTS], ids=["loops", "connects again and again"])
def test_a_module_that_hangs_when_it_is_imported_is_named(tmp_path: Path, imported: str) -> None:
    last = module_in(tmp_path, imported=imported)
    with pytest.raises(HungCode) as ended:
        study_in(tmp_path, "limits.code_seconds=0.5", text=STUDY)
    lines = range(last - 7, last + 1)
    limit = "must end within limits.code_seconds = 0.5, but still runs"
    assert any(str(ended.value).startswith(f"my_hangs.py, line {line}: {limit}") for line in lines), ended.value


def test_a_constructor_that_hangs_is_named(tmp_path: Path) -> None:
    module_in(tmp_path, constructed=LOOP)
    with pytest.raises(HungCode, match=r"^my_hangs\.py, line 12: must end within limits\.code_seconds = 0\.5"):
        study_in(tmp_path, "limits.code_seconds=0.5", text=STUDY)


def test_a_submitted_study_is_limited_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module_in(tmp_path)
    table = study_in(tmp_path, "limits.code_seconds=0.5", text=STUDY).table()
    module_in(tmp_path, imported=LOOP)
    monkeypatch.chdir(tmp_path)  # the working folder of the job has the modules
    with pytest.raises(HungCode, match=r"^my_hangs\.py, line 15: must end within limits\.code_seconds = 0\.5"):
        submitted_study._study(table, None)


def test_the_limit_is_that_of_the_study_that_was_read_last(tmp_path: Path) -> None:
    study = study_in(tmp_path, "limits.code_seconds=7")
    assert hung_code._settings.seconds == 7
    study_in(tmp_path)
    assert hung_code._settings.seconds == Limits().code_seconds
    Study.from_record(study.table(), {})
    assert hung_code._settings.seconds == 7


def test_a_pipe_among_the_sources_of_a_package_is_not_read(tmp_path: Path) -> None:
    module_in(tmp_path)
    package = tmp_path / "my_hangs"
    package.mkdir()
    (tmp_path / "my_hangs.py").rename(package / "__init__.py")
    subprocess.run(["mkfifo", package / "pipe.py"], check=True)
    study_in(tmp_path, text=STUDY)


def answer(folder: Path, *arguments: str) -> tuple[int, list[str]]:
    """Exit code and lines on standard error of a command about the study, whose limit is a second."""
    (folder / "study.toml").write_text(STUDY)
    ended = subprocess.run(
        command([*arguments, "study.toml", "--set", "limits.code_seconds=1"]),
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    return ended.returncode, ended.stderr.splitlines()


@pytest.mark.parametrize(
    ("imported", "arguments"),
    [
        pytest.param(CATCHES_ALL, ["validate"], marks=pytest.mark.slow),
        pytest.param(LOOP, ["run", "--no-tracking"], marks=pytest.mark.soak),
        pytest.param(LOOP, ["validate"], marks=pytest.mark.soak),
        pytest.param(LOOP, ["plan"], marks=pytest.mark.soak),
        pytest.param(CATCHES_ALL, ["plan"], marks=pytest.mark.soak),
        pytest.param(CATCHES_ALL, ["run", "--no-tracking"], marks=pytest.mark.soak),
    ],
)
def test_a_command_ends_with_one_sentence(tmp_path: Path, imported: str, arguments: list[str]) -> None:
    last = module_in(tmp_path, imported=imported)
    code, (line,) = answer(tmp_path, *arguments)
    assert code == 2
    assert line.startswith("gan-study: my_hangs.py, line ")
    assert "must end within limits.code_seconds = 1, but still runs" in line
    assert int(line.split(":")[1].split()[-1]) in range(last - 5, last + 1)
    assert not (tmp_path / "gan-studies").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["run", "--no-tracking"], marks=pytest.mark.slow),
        pytest.param(["validate"], marks=pytest.mark.slow),
        pytest.param(["plan"], marks=pytest.mark.soak),
    ],
)
def test_compiled_code_that_never_returns_is_named_too(tmp_path: Path, arguments: list[str]) -> None:
    last = module_in(tmp_path, imported=COMPILED)
    code, (line,) = answer(tmp_path, *arguments)
    assert code == 2
    assert line.startswith(f"gan-study: my_hangs.py, line {last}, <module>: must end within limits.code_seconds")


def test_a_limit_that_no_timer_takes_counts_as_the_largest_one() -> None:
    hung_code.set_limit(float(2**63))
    with hung_code_ended():
        assert signal.getitimer(signal.ITIMER_REAL)[1] == pytest.approx(hung_code.LONGEST / hung_code.LOOKS)
    assert hung_code._watches == []
