"""Ray clusters for tests: real nodes as processes of this machine, each on its own loopback address, with a token."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType

import psutil  # type: ignore[import-untyped]
import requests
from process_usage import repeated

from gan_core.cache_folder import FOLDER_VARIABLE
from services.cluster import Cluster
from services.credentials import Token
from services.jobs import JobsServer
from studies.ledger.ledger import Ledger

ROOT = Path(__file__).parent.parent
TOKEN = "planted-token-7f3a90c1"
PASSWORD = "planted-password-55d2"
IN_THE_ADDRESS = "planted-in-the-address-81be"
CLOUD_KEY = "planted-cloud-key-3c1f"
AT_ONCE = 4
"""Number of nodes that start at the same time."""
PLANTED = (TOKEN, PASSWORD, IN_THE_ADDRESS, CLOUD_KEY)
"""Secrets in the environment of every process, which must appear nowhere else."""


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def environment(**changes: str) -> dict[str, str]:
    """Environment of every process: this source tree, Ray with a token, MLflow credentials that must appear nowhere."""
    dropped = ("RAY_", "MLFLOW_", "GAN_STUDY_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(dropped) or key == FOLDER_VARIABLE}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": TOKEN,
        "RAY_USAGE_STATS_ENABLED": "0",
        "AWS_SECRET_ACCESS_KEY": CLOUD_KEY,
        "MLFLOW_TRACKING_PASSWORD": PASSWORD,
        "MLFLOW_TRACKING_URI": f"http://me:{IN_THE_ADDRESS}@127.0.0.1:9",  # nothing answers there
        "MLFLOW_DISABLE_TELEMETRY": "true",
        **changes,
    }


@contextmanager
def command_lines() -> Iterator[set[str]]:
    """Context in which the command lines of all processes of this machine are collected, as `ps` shows them."""
    seen: set[str] = set()

    def collect() -> None:
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                seen.add(" ".join(process.cmdline()))

    with repeated(collect, 0.2):
        yield seen


def start(command: str | list[str], log: Path, env: dict[str, str], **options: object) -> subprocess.Popen[bytes]:
    """Start a process in its own session, with its output in a file."""
    with log.open("ab") as out:
        return subprocess.Popen(
            command, env=env, stdout=out, stderr=subprocess.STDOUT, start_new_session=True, cwd=log.parent, **options
        )  # type: ignore[call-overload]


def kill(process: subprocess.Popen[bytes], *, sigterm: bool = True) -> None:
    """End a process and all processes that it started: by SIGTERM first if `sigterm`, then by SIGKILL."""
    tree = _tree(process)
    if sigterm:
        for parent in tree[:1]:
            _send(parent, signal.SIGTERM)
        psutil.wait_procs(tree, timeout=8)
    for descendant in {*tree, *_tree(process)}:
        _send(descendant, signal.SIGKILL)
    process.wait(timeout=10)


def _tree(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        root = psutil.Process(process.pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _send(process: psutil.Process, number: int) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def wait_until(condition: Callable[[], bool], description: str, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{description} did not happen within {seconds:.0f} s"
        time.sleep(0.2)


def answers(url: str, headers: dict[str, str] | None = None) -> bool:
    try:
        return requests.get(url, headers=headers, timeout=5).status_code == 200
    except requests.RequestException:
        return False


@dataclass
class RayCluster:
    """A running cluster.

    url       address of the dashboard
    folder    working folder of the nodes, with their logs
    sessions  folder of Ray's own files
    nodes     processes of the nodes by their addresses, and "head"
    """

    url: str
    folder: Path
    sessions: Path | None = None
    nodes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def cli(self, *arguments: object, seconds: float = 400, **env: str) -> subprocess.CompletedProcess[str]:
        """Run gan-study with this cluster, outside the source tree."""
        return subprocess.run(
            [sys.executable, "-m", "services", *map(str, arguments)],
            env=environment(GAN_STUDY_CLUSTER=self.url, **env),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def server(self) -> JobsServer:
        return JobsServer(self.url, Token(value=TOKEN, origin="test"))

    def studies(self) -> Cluster:
        return Cluster(self.server())

    def processes(self) -> list[psutil.Process]:
        """All processes of the nodes."""
        return [process for node in self.nodes.values() for process in _tree(node)]

    def living_nodes(self) -> int:
        answer = requests.get(f"{self.url}/nodes?view=summary", headers=AUTHORIZED, timeout=20).json()
        return sum(node["raylet"].get("state") == "ALIVE" for node in answer["data"]["summary"])


AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


Mounts = Mapping[str, Mapping[Path, Path]]
"""By the address of a node: folders, and in place of each the other folder that the node sees there."""


@contextmanager
def ray_cluster(
    folder: Path, *, workers: int = 2, mounts: Mounts = MappingProxyType({}), **changes: str
) -> Iterator[RayCluster]:
    """A head without cores and nodes with one core each, at 127.0.0.2, 127.0.0.3 and so on.

    changes  changed variables of the nodes' environment
    """
    port, dashboard = free_port("127.0.0.2"), free_port()
    cluster = RayCluster(url=f"http://127.0.0.1:{dashboard}", folder=folder)
    head = f"ray start --head --block --node-ip-address 127.0.0.2 --port {port} --num-cpus 0 --disable-usage-stats"
    head += f" --dashboard-host 127.0.0.1 --dashboard-port {dashboard}"
    try:
        with short_folder() as temporary:
            cluster.sessions = temporary
            cluster.nodes["head"] = _node(head, folder, "127.0.0.2", temporary, mounts, changes)
            wait_until(lambda: answers(f"{cluster.url}/api/version", AUTHORIZED), "the head's first answer")
            for number in range(workers):
                address = f"127.0.0.{3 + number}"
                worker = f"ray start --address 127.0.0.2:{port} --block --node-ip-address {address} --num-cpus 1"
                cluster.nodes[address] = _node(worker, folder, address, temporary, mounts, changes)
                if (number + 1) % AT_ONCE == 0 or number + 1 == workers:  # a busy machine's agents answer too late
                    wait_until(partial(_have_joined, cluster, number + 2), "the nodes' joining")
            yield cluster
    finally:
        for process in reversed(cluster.nodes.values()):
            kill(process)


def _have_joined(cluster: RayCluster, nodes: int) -> bool:
    return cluster.living_nodes() == nodes


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short path: Ray's sockets are below it, and a socket's path may have only 107 characters."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="gs-", dir="/tmp", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _node(
    command: str, folder: Path, address: str, temporary: Path, mounts: Mounts, changes: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    files = temporary / address.rpartition(".")[2]
    files.mkdir()
    # Other clusters on this machine may use the default port of the agent.
    agent = str(free_port(address))
    return start(
        [
            *_seeing(mounts.get(address, {})),
            *command.split(),
            "--temp-dir",
            str(files),
            "--dashboard-agent-listen-port",
            agent,
        ],
        folder / f"{address}.log",
        environment(**changes),
    )


def _seeing(others: Mapping[Path, Path]) -> list[str]:
    """Start of a command that runs with other folders in the place of some, for itself and its children alone."""
    if not others:
        return []
    binds = [shlex.join(["mount", "--bind", str(shown), str(place)]) for place, shown in others.items()]
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", " && ".join([*binds, 'exec "$@"']), "node"]


def can_mount() -> bool:
    """True if this user may give a process a view of the files of its own."""
    command = ["unshare", "--map-root-user", "--mount", "true"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


def is_half_done(ledger: Ledger) -> bool:
    """True if a trial has finished and another one is running: trials that start together end together."""
    return bool(ledger.committed()) and bool(ledger.started() - ledger.committed())


STUDY = """
# Small, but long enough to be stopped during its run.
name = "small"
seeds = 2

[budget]
unit = "generator_steps"
steps = 2500

[evaluation]
measurements = 10

[search]
explore = 2
exploit = {trials = 1}
confirm = {best = 1, seeds = 2}

[networks]
generator = {kind = "mlp", width = 16, depth = 2, latent = 4}
critic = {kind = "mlp", width = 16, depth = 2}

[training]
batch = 16
critic_optimizer = {kind = "adam", lr = {log_uniform = [1e-4, 1e-2]}, betas = [0.5, 0.9]}

[checkpoint]
every_seconds = 1000.0

[[conditions]]
name = "gan"
preset = "gan"

[[conditions]]
name = "wgan-gp"
preset = "wgan-gp"
constraint.gp_weight = "search"
training.n_critic = 1
"""
