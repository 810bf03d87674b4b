"""Runs on this machine, as real processes: nothing leaks, nothing listens to others, nothing is left behind."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from clusters import short_folder, wait_until
from shared_memory import shared_memory
from tiny import clean_environment, command, study_in

from studies.execution.driver_process import run
from studies.execution.ray_processes import NEEDED
from studies.progress.events import Listener
from studies.progress.standing import Needed, Standing

pytestmark = pytest.mark.slow

SECRETS = {
    "AWS_ACCESS_KEY_ID": "planted-key-3f81",
    "AWS_SECRET_ACCESS_KEY": "planted-secret-77aa",
    "MLFLOW_TRACKING_PASSWORD": "planted-password-91bc",
    "RAY_AUTH_TOKEN": "planted-token-0c5d",
    "FOREIGN_SETTING": "planted-foreign-e6f2",
}
PLANTED = b"planted-"
MODULE = """
import json
import os
from dataclasses import dataclass
from pathlib import Path

from gan_core import Stateless
from torch.nn.functional import softplus

seen = Path(__file__).with_name(f"seen-{os.getpid()}.json")
seen.write_text(json.dumps(dict(os.environ)))


@dataclass(frozen=True, kw_only=True)
class Curious(Stateless):
    critic_form = "score"

    def critic_loss(self, real, fake, state):
        return (softplus(-real.value) + softplus(fake.value)).mean(-1)

    def generator_loss(self, real, fake, state):
        return softplus(-fake.value).mean(-1)
"""
STUDY = """
name = "curious"
seeds = 2
budget = {{steps = {steps}}}
search = {{explore = 2, packs = false, exploit = {{trials = 0}}, confirm = {{best = 1, seeds = 2}}}}
evaluation = {{measurements = 4, samples = 64, directions = 16, cells = 4}}
training.batch = 8
networks.generator = {{kind = "mlp", width = 8, depth = 1, latent = 4}}
networks.critic = {{kind = "mlp", width = 8, depth = 1}}

[[conditions]]
name = "curious"
objective.kind = "my_curious:Curious"
training.critic_optimizer = {{kind = "adam", lr = {{log_uniform = [1e-3, 1e-1]}}}}
"""
ENDLESS = 10_000_000


@dataclass(frozen=True)
class Run:
    """A command that runs the study.

    folder     folder with the study and its ledger
    home       home folder of the command, which is empty at the start
    temporary  its folder for temporary files, which is empty at the start
    """

    process: "subprocess.Popen[str]"
    folder: Path
    home: Path
    temporary: Path

    def started(self) -> list[psutil.Process]:
        """The living processes that the command started, of all sessions."""
        children = psutil.Process(self.process.pid).children()
        sessions = {child.pid for child in children}
        return [process for process in psutil.process_iter() if session_of(process) in sessions and lives(process)]

    def wait_for_worker(self) -> None:
        """Wait until a worker has imported the study's module, as the driver did before it."""
        wait_until(lambda: self.process.poll() is not None or len(self.seen()) >= 2, "the first trial's start", 200)
        assert self.process.poll() is None, self.process.communicate()

    def seen(self) -> list[Path]:
        """Files with the environment of each process that imported the study's module."""
        return list(self.folder.glob("seen-*.json"))


def session_of(process: psutil.Process) -> int:
    with suppress(OSError):
        return os.getsid(process.pid)
    return -1


def lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


@contextmanager
def started(folder: Path, *, steps: int, tracking: bool = False) -> Iterator[Run]:
    (folder / "my_curious.py").write_text(MODULE)
    (folder / "study.toml").write_text(STUDY.format(steps=steps))
    home = folder / "home"
    home.mkdir()
    with short_folder() as temporary:
        process = subprocess.Popen(
            command(["run", "study.toml", *([] if tracking else ["--no-tracking"])]),
            cwd=folder,
            env=clean_environment(HOME=str(home), TMPDIR=str(temporary), **SECRETS),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield Run(process, folder, home, temporary)
        finally:
            process.kill()
            process.communicate(timeout=60)


def files_with_secrets(folder: Path) -> list[Path]:
    found = []
    for path in folder.rglob("*"):
        with suppress(OSError):
            if path.is_file() and not path.is_symlink() and PLANTED in path.read_bytes():
                found.append(path)
    return found


def environment_of(process: psutil.Process) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{process.pid}/environ").read_bytes()
    return b""


def listening(process: psutil.Process) -> set[str]:
    """Addresses at which a process listens."""
    with suppress(psutil.Error):
        return {socket.laddr.ip for socket in process.net_connections("inet") if socket.status == psutil.CONN_LISTEN}
    return set()


def assert_nothing_is_left(run: Run, processes: list[psutil.Process]) -> None:
    wait_until(lambda: not any(map(lives, processes)), "the end of all processes", 30)
    with suppress(AssertionError):  # the guard removes the folder after the processes
        wait_until(lambda: not list(run.temporary.iterdir()), "", 15)
    assert list(run.temporary.rglob("*")) == []
    assert not [path for path in run.home.rglob("*") if path.name == "auth_token" or ".ray" in path.parts]
    assert not (run.home / "ray_results").exists()


def test_a_run_shows_no_secret_to_a_study_listens_on_loopback_alone_and_leaves_nothing(tmp_path: Path) -> None:
    with started(tmp_path, steps=3000, tracking=True) as run:
        run.wait_for_worker()
        processes = run.started()
        titles = [" ".join(process.cmdline()) for process in processes if lives(process)]
        assert any("raylet" in title for title in titles), titles
        assert any("gcs_server" in title for title in titles), titles
        addresses = set().union(*map(listening, processes))
        assert addresses, "no process listens"
        assert addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
        assert listening(psutil.Process(run.process.pid)) == set()
        assert [process for process in processes if PLANTED in environment_of(process)] == []
        assert PLANTED in environment_of(psutil.Process(run.process.pid))
        assert not any("planted-" in title for title in titles)
        (private,) = run.temporary.iterdir()
        assert private.stat().st_mode & 0o777 == 0o700
        assert (private / "ray").is_dir()
        assert files_with_secrets(run.temporary) == []
        in_memory = shared_memory([*processes, psutil.Process(run.process.pid)])
        assert any("plasma" in name for name in in_memory), "Ray's object store was not read"
        assert [name for name, content in in_memory.items() if PLANTED in content] == []
        out, err = run.process.communicate(timeout=200)
        assert (run.process.returncode, err) == (0, ""), out
        assert_nothing_is_left(run, processes)
        assert (tmp_path / "mlflow.db").stat().st_size > 0
        assert list((tmp_path / "mlruns").rglob("*.parquet"))  # the artifacts of its runs
        assert files_with_secrets(tmp_path) == []
        seen = [json.loads(path.read_text()) for path in run.seen()]
        assert all(
            "PATH" in variables and not SECRETS.keys() & (variables.keys() - {"RAY_AUTH_TOKEN"}) for variables in seen
        )
        (token,) = {variables["RAY_AUTH_TOKEN"] for variables in seen}
        assert len(token) == 64
        assert not (tmp_path / f"seen-{run.process.pid}.json").exists()  # the command itself imports no module


@pytest.mark.parametrize(
    "killed",
    [
        "none",
        *(
            pytest.param(name, marks=pytest.mark.soak)
            for name in ("driver", "command", "guard", "raylet", "gcs_server")
        ),
    ],
)
def test_a_run_that_is_killed_or_interrupted_leaves_no_process_and_no_file(tmp_path: Path, killed: str) -> None:
    with started(tmp_path, steps=ENDLESS) as run:
        run.wait_for_worker()
        processes = run.started()
        children = psutil.Process(run.process.pid).children()
        by_name = {
            name: process.pid
            for name in ("driver", "guard")
            for process in children
            if any(f"driver_{'entry' if name == 'driver' else name} import" in word for word in process.cmdline())
        }
        match killed:
            case "command":
                run.process.kill()
            case "driver":
                os.kill(by_name["driver"], signal.SIGKILL)
            case "guard":
                os.kill(by_name["guard"], signal.SIGKILL)
                run.process.send_signal(signal.SIGTERM)
            case "raylet" | "gcs_server":
                (victim,) = [process for process in processes if process.name() == killed]
                victim.kill()
            case "none":
                run.process.send_signal(signal.SIGINT)
        out, err = run.process.communicate(timeout=120)
        codes = {"command": -signal.SIGKILL, "driver": 1, "raylet": 1, "gcs_server": 1}
        assert run.process.returncode == codes.get(killed, 130), out + err
        assert "Traceback" not in err
        if killed == "driver":
            assert err.endswith("ended unexpectedly; run the study again to resume it from its checkpoints\n")
        if killed in NEEDED:
            assert err.splitlines() == [
                f"gan-study: Ray's {NEEDED[killed]} ended unexpectedly (SIGKILL); run the study again to resume it "
                "from its checkpoints"
            ]
        if killed in ("guard", "none"):
            assert "interrupted; the same command resumes curious where it stopped." in out
            assert list((tmp_path / "gan-studies").glob("running/*/checkpoint"))
        assert_nothing_is_left(run, processes)


class Token(Listener):
    """Reads the token of the run's Ray from the environment of its driver."""

    def __init__(self) -> None:
        self.value = ""

    def opened(self, standing: Standing, needed: Needed) -> None:
        for child in psutil.Process().children():
            self.value = self.value or child.environ().get("RAY_AUTH_TOKEN", "")


@pytest.mark.soak
def test_one_process_runs_two_studies_with_a_token_each(tmp_path: Path) -> None:
    tokens = Token(), Token()
    before = dict(os.environ)
    for number, token in enumerate(tokens):
        folder = tmp_path / str(number)
        folder.mkdir()
        ended = run(study_in(folder, "search.explore=1", "search.exploit.trials=0"), token)
        assert (ended.without_result, ended.interrupted) == ([], False)
    assert len({token.value for token in tokens} - {""}) == 2
    assert dict(os.environ) == before
