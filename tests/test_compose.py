import json
import os
import pwd
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pandas as pd
import psycopg2
import pytest
import requests
import yaml
from clusters import HOUSE, STUDY, answers, environment, free_port, kill, short_folder, start, wait_until

from services.cluster import Cluster
from services.jobs import JobsServer
from services.settings import Token

COMPOSE = HOUSE / "docker-compose.yml"
SECRETS = ("RAY_AUTH_TOKEN", "POSTGRES_PASSWORD", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY")
needs_compose = pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")


# -- secrets -----------------------------------------------------------------------------------------------------------


def write_secrets(folder: Path) -> subprocess.CompletedProcess[str]:
    script = folder / "services" / "docker" / "write_secrets"
    script.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(HOUSE / "services" / "docker" / "write_secrets", script)
    return subprocess.run([script], capture_output=True, text=True, timeout=30)


def read_env(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if not line.startswith("#"))


def test_secrets_are_fresh_private_and_never_overwritten(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    assert write_secrets(first).returncode == write_secrets(second).returncode == 0
    written = (first / ".env").read_text()
    assert stat.S_IMODE((first / ".env").stat().st_mode) == 0o600
    values = {read_env(folder / ".env")[name] for folder in (first, second) for name in SECRETS}
    assert len(values) == 8
    assert all(re.fullmatch("[0-9a-f]{48}", value) for value in values)
    again = write_secrets(first)
    assert again.returncode == 0
    assert "is kept" in again.stdout
    assert (first / ".env").read_text() == written
    assert [path.name for path in first.iterdir() if path.name.startswith(".env")] == [".env"]


def test_git_never_takes_the_secrets():
    ignored = subprocess.run(["git", "check-ignore", ".env", ".env.x"], cwd=HOUSE, capture_output=True, text=True)
    assert ignored.stdout.split() == [".env", ".env.x"]


# -- the file ----------------------------------------------------------------------------------------------------------


def compose(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """docker-compose on our file, without the .env that may lie beside it."""
    kept = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    with tempfile.NamedTemporaryFile(suffix=".env") as empty:
        return subprocess.run(
            ["docker-compose", "--env-file", empty.name, "--file", str(COMPOSE), *words],
            env={**kept, **env}, capture_output=True, text=True, timeout=60,
        )  # fmt: skip


PLANTED = {**{name: f"planted-{name.lower()}" for name in SECRETS}, "MLFLOW_TRACKING_USERNAME": "gan-studies"}


@needs_compose
def test_compose_takes_the_file_with_every_profile():
    for words in ((), ("--profile", "gpu")):
        checked = compose(*words, "config", "--quiet", **PLANTED)
        assert checked.returncode == 0, checked.stderr


@needs_compose
@pytest.mark.parametrize("name", PLANTED)
def test_compose_refuses_to_start_without_a_secret(name):
    refused = compose("config", "--quiet", **{key: value for key, value in PLANTED.items() if key != name})
    assert refused.returncode != 0
    assert "run make secrets" in refused.stderr


def services() -> dict[str, dict]:
    return yaml.safe_load(COMPOSE.read_text())["services"]


def test_nothing_runs_as_root_or_can_become_it():
    for name, service in services().items():
        assert service["user"] in ("1000:1000", "postgres"), name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    dockerfile = (HOUSE / "services" / "docker" / "Dockerfile").read_text()
    assert re.findall(r"^USER (.*)$", dockerfile, re.M) == ["study"]


def test_ports_are_published_on_this_machine_alone():
    published = {name: service.get("ports", []) for name, service in services().items()}
    assert sorted(name for name, ports in published.items() if ports) == ["head", "mlflow"]
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_versions_are_pinned_and_telemetry_is_off():
    for name, service in services().items():
        assert re.search(r":\d+\.\d+[\w.-]*$", service["image"]), name
        assert service["environment"].get("MLFLOW_DISABLE_TELEMETRY", "true") == "true"
        if name in ("head", "worker", "gpu-worker"):
            assert service["environment"]["RAY_USAGE_STATS_ENABLED"] == "0"
            assert service["environment"]["RAY_AUTH_MODE"] == "token"
    assert re.search(r"^FROM python:3\.11\.\d+-", (HOUSE / "services" / "docker" / "Dockerfile").read_text(), re.M)


def test_no_secret_has_a_default_or_stands_in_a_command():
    for name, service in services().items():
        assert "test" in service["healthcheck"], name
        assert not re.search("PASSWORD|TOKEN|SECRET", json.dumps(service["command"])), name
        for key, value in service["environment"].items():
            if re.search("PASSWORD|TOKEN|SECRET|STORE_URI", key):
                assert re.search(r"\$\{\w+:\?", value), key


# -- every service, started without containers by the very commands of the file ----------------------------------------


@dataclass
class Services:
    """What runs, and the environment that its clients need."""

    folder: Path
    ledger: Path
    client: dict[str, str]
    commands: dict[str, str | list[str]]

    def cli(self, *words: object, seconds: float = 400) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "services", *map(str, words)],
            env=self.client, cwd=self.folder, capture_output=True, text=True, timeout=seconds,
        )  # fmt: skip

    def studies(self) -> Cluster:
        token = Token(value=self.client["RAY_AUTH_TOKEN"], origin="test")
        return Cluster(JobsServer(self.client["GAN_STUDY_CLUSTER"], token))


def agent_port(address: str) -> str:
    """Other clusters on this machine may hold the usual one."""
    return f"--dashboard-agent-listen-port {free_port(address)}"


@contextmanager
def all_services(folder: Path) -> Iterator[Services]:
    write_secrets(folder)
    secrets = read_env(folder / ".env")
    ports = {name: free_port() for name in ("postgres", "mlflow", "dashboard")} | {"ray": free_port("127.0.0.2")}
    with short_folder() as short, ExitStack() as running:
        (short / "head").mkdir()
        (short / "worker").mkdir()
        placed = {
            "POSTGRES_LISTEN": "127.0.0.1",
            "MLFLOW_LISTEN": "127.0.0.1",
            "MLFLOW_LISTEN_PORT": str(ports["mlflow"]),
            "MLFLOW_PORT": str(ports["mlflow"]),
            "MLFLOW_ARTIFACTS": str(folder / "artifacts"),
            "RAY_LISTEN": "127.0.0.1",
            "RAY_LISTEN_PORT": str(ports["dashboard"]),
            "RAY_PORT": str(ports["ray"]),
            "RAY_HEAD_OPTIONS": f"--node-ip-address 127.0.0.2 --temp-dir {short / 'head'} {agent_port('127.0.0.2')}",
            "RAY_HEAD_ADDRESS": f"127.0.0.2:{ports['ray']}",
            "RAY_WORKER_OPTIONS": f"--node-ip-address 127.0.0.3 --num-cpus 2 --temp-dir {short / 'worker'} "
            + agent_port("127.0.0.3"),
        }
        resolved = compose("config", **secrets, **placed)
        assert resolved.returncode == 0, resolved.stderr
        read = yaml.safe_load(resolved.stdout)["services"]
        commands = {name: service["command"] for name, service in read.items()}
        addresses = {
            "postgres:5432": f"127.0.0.1:{ports['postgres']}",
            "mlflow:5000": f"127.0.0.1:{ports['mlflow']}",
            "/ledger": str(folder / "ledger"),
            "/tmp/basic_auth.ini": str(folder / "basic_auth.ini"),
        }

        def service(name: str) -> None:
            env = {key: _replaced(str(value), addresses) for key, value in read[name]["environment"].items()}
            clean = {key: value for key, value in environment().items() if not key.startswith(("RAY_", "MLFLOW_"))}
            words = shlex.split(commands[name]) if isinstance(commands[name], str) else commands[name]
            words = [word.replace("$$", "$") for word in words]
            process = start(words, folder / f"{name}.log", {**clean, **env})
            running.callback(kill, process)

        url = f"http://127.0.0.1:{ports['dashboard']}"
        running.enter_context(_postgres(commands["postgres"], secrets["POSTGRES_PASSWORD"], ports["postgres"], folder))
        service("mlflow")
        service("head")
        authorized = {"Authorization": f"Bearer {secrets['RAY_AUTH_TOKEN']}"}
        wait_until(lambda: answers(f"{url}/api/version", authorized), "Ray's first answer")
        service("worker")
        wait_until(lambda: answers(f"http://127.0.0.1:{ports['mlflow']}/health"), "MLflow's first answer", 240)
        client = environment(RAY_AUTH_TOKEN=secrets["RAY_AUTH_TOKEN"], GAN_STUDY_CLUSTER=url)
        client["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{ports['mlflow']}"
        client |= {name: secrets[name] for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")}
        yield Services(folder=folder, ledger=folder / "ledger" / "gan-studies", client=client, commands=commands)


def _replaced(value: str, addresses: dict[str, str]) -> str:
    for inside, here in addresses.items():
        value = value.replace(inside, here)
    return value


@contextmanager
def _postgres(command: str, password: str, port: int, folder: Path) -> Iterator[None]:
    """What the image's entrypoint does, then the file's command; never as root, which PostgreSQL refuses."""
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"))
    with tempfile.TemporaryDirectory(prefix="gs-pg-", dir="/tmp", ignore_cleanup_errors=True) as name:
        data, secret = Path(name) / "data", Path(name) / "password"
        secret.write_text(password)
        as_user: list[str] = []
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            for path in (Path(name), secret):
                os.chown(path, account.pw_uid, account.pw_gid)
            as_user = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--"]
        env = {"PATH": f"{binaries}:/usr/bin:/bin", "PGDATA": str(data), "PGPORT": str(port), "LC_ALL": "C.UTF-8"}
        made = [*as_user, "initdb", "--username=mlflow", f"--pwfile={secret}"]
        arguments = shlex.split(services()["postgres"]["environment"]["POSTGRES_INITDB_ARGS"])
        subprocess.run([*made, *arguments], env=env, check=True, capture_output=True, timeout=120, cwd="/")
        # The socket of Debian's build lies where only its own service may write.
        process = start(
            [*as_user, *shlex.split(command), "-c", f"unix_socket_directories={name}"], folder / "postgres.log", env
        )
        try:
            wait_until(lambda: _connects(port, password), "PostgreSQL's first answer", 60)
            yield
        finally:
            kill(process)


def _connects(port: int, password: str) -> bool:
    try:
        connection = psycopg2.connect(host="127.0.0.1", port=port, user="mlflow", password=password, dbname="postgres")
    except psycopg2.OperationalError:
        return False
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("select 1 from pg_database where datname = 'mlflow'")
        if cursor.fetchone() is None:
            cursor.execute("create database mlflow")
    connection.close()
    return True


@needs_compose
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not list(Path("/usr/lib/postgresql").glob("*/bin")), reason="PostgreSQL is not installed")
def test_every_service_works_by_the_commands_of_the_file(tmp_path):
    (tmp_path / "small.toml").write_text(STUDY)
    with all_services(tmp_path) as running:
        _check_mlflow(running)
        assert running.cli("submit", "small.toml", "--detach").returncode == 0
        trials = running.ledger / "trials"
        wait_until(lambda: list(trials.glob("*/facts.json")), "the first finished trial", 200)
        assert running.studies().stop("small").status == "STOPPED"
        finished = set(trials.glob("*/facts.json"))
        assert 0 < len(finished) < 8

        again = running.cli("submit", "small.toml")
        assert again.returncode == 0, again.stdout + again.stderr
        assert f"8 trials of 2 seeds, {len(finished)} of them in the ledger already" in again.stdout
        assert len(list(trials.glob("*/facts.json"))) == 8
        pulled = running.cli("results", "small", "--root", running.ledger, "--table", "members", "--format", "csv")
        members = pd.read_csv(StringIO(pulled.stdout))
        assert len(members) == 16
        assert set(members["condition"]) == {"gan", "wgan-gp"}
        _check_that_nothing_secret_is_written(running)


def _check_mlflow(running: Services) -> None:
    uri = running.client["MLFLOW_TRACKING_URI"]
    user = (running.client["MLFLOW_TRACKING_USERNAME"], running.client["MLFLOW_TRACKING_PASSWORD"])
    search = f"{uri}/api/2.0/mlflow/experiments/search?max_results=5"
    assert requests.get(search, auth=user, timeout=60).status_code == 200
    assert requests.get(search, timeout=60).status_code == 401
    assert requests.get(search, auth=(user[0], "wrong"), timeout=60).status_code == 401
    assert requests.get(search, auth=user, headers={"Host": "evil.example:80"}, timeout=60).status_code == 403
    sent = requests.put(f"{uri}/api/2.0/mlflow-artifacts/artifacts/probe.txt", data=b"x", auth=user, timeout=60)
    assert sent.status_code == 200
    assert (running.folder / "artifacts" / "probe.txt").read_bytes() == b"x"
    assert stat.S_IMODE((running.folder / "basic_auth.ini").stat().st_mode) == 0o600


def _check_that_nothing_secret_is_written(running: Services) -> None:
    secrets = {name: value for name, value in read_env(running.folder / ".env").items() if name in SECRETS}
    kept = {running.folder / ".env", running.folder / "basic_auth.ini"}
    files = [path for path in running.folder.rglob("*") if path.is_file() and path not in kept]
    assert len(files) > 30
    for path in files:
        content = path.read_bytes()
        for name, value in secrets.items():
            assert value.encode() not in content, f"{name} in {path}"
