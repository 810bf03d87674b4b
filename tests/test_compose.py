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
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from pathlib import Path

import pandas as pd
import psutil  # type: ignore[import-untyped]
import psycopg2  # type: ignore[import-untyped]
import pytest
import requests
import yaml  # type: ignore[import-untyped]
from clusters import ROOT, STUDY, environment, free_port, is_half_done, kill, short_folder, start, wait_until
from process_usage import Usage, measured
from read_only import can_be_read_only, read_only_except
from shared_memory import shared_memory

from services.cluster import Cluster
from services.credentials import Token
from services.jobs import JobsServer
from studies.ledger.ledger import Ledger
from studies.locate import results
from studies.tracking.connection import mlflow_module
from studies.tracking.run_search import search

COMPOSE = ROOT / "docker-compose.yml"
SECRETS = (
    "RAY_AUTH_TOKEN", "POSTGRES_PASSWORD", "MLFLOW_ADMIN_PASSWORD", "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_FLASK_SERVER_SECRET_KEY",
)  # fmt: skip
needs_compose = pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")


# -- secrets -----------------------------------------------------------------------------------------------------------


def write_secrets(folder: Path) -> subprocess.CompletedProcess[str]:
    script = folder / "services" / "docker" / "write_secrets"
    script.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "services" / "docker" / "write_secrets", script)
    return subprocess.run([script], capture_output=True, text=True, timeout=30)


def read_env(path: Path) -> dict[str, str]:
    return read_env_lines(path.read_text().splitlines())


def read_env_lines(lines: list[str]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_secrets_are_random_private_and_never_overwritten(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    assert write_secrets(first).returncode == write_secrets(second).returncode == 0
    written = (first / ".env").read_text()
    assert stat.S_IMODE((first / ".env").stat().st_mode) == 0o600
    values = {read_env(folder / ".env")[name] for folder in (first, second) for name in SECRETS}
    assert len(values) == 10
    assert all(re.fullmatch("[0-9a-f]{48}", value) for value in values)
    again = write_secrets(first)
    assert again.returncode == 0
    assert "is kept" in again.stdout
    assert (first / ".env").read_text() == written
    assert [path.name for path in first.iterdir() if path.name.startswith(".env")] == [".env"]


def test_an_older_file_of_secrets_gets_what_is_missing_and_keeps_the_rest(tmp_path):
    assert write_secrets(tmp_path).returncode == 0
    lines = (tmp_path / ".env").read_text().splitlines()
    older = [line for line in lines if "ADMIN" not in line] + ["WORKER_CPUS=8"]
    (tmp_path / ".env").write_text("\n".join(older))  # without an end of line
    done = write_secrets(tmp_path)
    assert "is kept, and got MLFLOW_ADMIN_USERNAME MLFLOW_ADMIN_PASSWORD" in done.stdout
    merged = (tmp_path / ".env").read_text().splitlines()
    assert merged[: len(older)] == older
    assert read_env(tmp_path / ".env").keys() == {*read_env_lines(lines), "WORKER_CPUS"}
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_git_ignores_the_secrets():
    ignored = subprocess.run(["git", "check-ignore", ".env", ".env.x"], cwd=ROOT, capture_output=True, text=True)
    assert ignored.stdout.split() == [".env", ".env.x"]


# -- the file ----------------------------------------------------------------------------------------------------------


def compose(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run docker-compose on the project's file, without a .env in the same folder."""
    kept = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    with tempfile.NamedTemporaryFile(suffix=".env") as empty:
        return subprocess.run(
            ["docker-compose", "--env-file", empty.name, "--file", str(COMPOSE), *arguments],
            env={**kept, **env}, capture_output=True, text=True, timeout=60,
        )  # fmt: skip


PLANTED = {
    **{name: f"planted-{name.lower()}" for name in SECRETS},
    "MLFLOW_ADMIN_USERNAME": "admin",
    "MLFLOW_TRACKING_USERNAME": "gan-studies",
}


@needs_compose
def test_compose_accepts_the_file_with_every_profile():
    for options in ((), ("--profile", "gpu")):
        checked = compose(*options, "config", "--quiet", **PLANTED)
        assert checked.returncode == 0, checked.stderr


@needs_compose
@pytest.mark.parametrize("name", PLANTED)
def test_compose_refuses_to_start_without_a_secret(name):
    refused = compose("config", "--quiet", **{key: value for key, value in PLANTED.items() if key != name})
    assert refused.returncode != 0
    assert "run make secrets" in refused.stderr


def services() -> dict[str, dict]:
    return yaml.safe_load(COMPOSE.read_text())["services"]


def test_no_service_runs_as_root_or_can_become_root():
    for name, service in services().items():
        assert service["user"] in ("1000:1000", "postgres"), name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    dockerfile = (ROOT / "services" / "docker" / "Dockerfile").read_text()
    assert re.findall(r"^USER (.*)$", dockerfile, re.M) == ["study"]


def test_every_service_has_limits_and_a_read_only_file_system_with_rotated_logs():
    for name, service in services().items():
        assert service["read_only"] is True, name
        assert {"cpus", "mem_limit", "pids_limit"} <= service.keys(), name
        assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}, name
        assert all("size=" in mount for mount in service.get("tmpfs", [])), name  # memory of the service, so limited


def test_ports_are_published_on_this_machine_alone_by_the_proxy_alone():
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert list(published) == ["proxy"]
    assert all(port.startswith("127.0.0.1:") for port in published["proxy"])


def test_only_the_proxy_has_a_way_out_and_only_mlflow_reaches_the_database():
    assert {name: service["networks"] for name, service in services().items()} == {
        "postgres": ["database"],
        "mlflow": ["cluster", "database"],
        "head": ["cluster"],
        "worker": ["cluster"],
        "gpu-worker": ["cluster"],
        "proxy": ["cluster", "outside"],
    }
    networks = yaml.safe_load(COMPOSE.read_text())["networks"]
    assert networks == {"outside": {}, "cluster": {"internal": True}, "database": {"internal": True}}


def test_no_service_has_a_secret_that_it_does_not_need():
    secrets = {
        name: {secret for secret in SECRETS if secret in json.dumps(service)} for name, service in services().items()
    }
    ray, head = {"RAY_AUTH_TOKEN"}, {"RAY_AUTH_TOKEN", "MLFLOW_TRACKING_PASSWORD"}
    assert secrets == {
        "postgres": {"POSTGRES_PASSWORD"},
        "mlflow": set(SECRETS) - ray,
        "head": head,
        "worker": ray,
        "gpu-worker": ray,
        "proxy": set(),
    }


def test_volumes_are_owned_by_the_user_that_writes_to_them():
    text = (ROOT / "services" / "docker" / "Dockerfile").read_text()
    assert "groupadd --gid 1000 study && useradd --uid 1000 --gid study" in text
    assert "install --directory --owner study --group study /ledger /cache /artifacts" in text
    mounted = {name: service.get("volumes", []) for name, service in services().items()}
    assert mounted.pop("postgres") == ["postgres:/var/lib/postgresql/data"]
    ours = {"ledger:/ledger", "cache:/cache", "artifacts:/artifacts"}
    assert {volume for volumes in mounted.values() for volume in volumes} == ours


def test_versions_are_pinned_and_telemetry_is_off():
    for name, service in services().items():
        assert re.search(r":\d+\.\d+[\w.-]*$", service["image"]), name
        assert service["environment"].get("MLFLOW_DISABLE_TELEMETRY", "true") == "true"
        if name in ("head", "worker", "gpu-worker"):
            assert service["environment"]["RAY_USAGE_STATS_ENABLED"] == "0"
            assert service["environment"]["RAY_AUTH_MODE"] == "token"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert services()["head"]["image"] == f"{project['name']}:{project['version']}"
    assert re.search(r"^FROM python:3\.11\.\d+-", (ROOT / "services" / "docker" / "Dockerfile").read_text(), re.M)


def test_no_secret_has_a_default_or_is_in_a_command():
    for name, service in services().items():
        assert "test" in service["healthcheck"], name
        assert not re.search("PASSWORD|TOKEN|SECRET", json.dumps(service["command"])), name
        for key, value in service["environment"].items():
            if re.search("PASSWORD|TOKEN|SECRET|STORE_URI", key):
                assert re.search(r"\$\{\w+:\?", value), key


# -- every service, started without containers by the commands of the file ---------------------------------------------


@dataclass
class Services:
    """Running services.

    folder, ledger  working folder of the services, and the ledger in it
    sessions        folder of Ray's own files
    client          environment of the services' clients
    checks          health check of each service
    environments    environment of each service
    database        folder of PostgreSQL's files
    """

    folder: Path
    ledger: Path
    sessions: Path
    client: dict[str, str]
    checks: dict[str, list[str]]
    environments: dict[str, dict[str, str]] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    database: Path = Path()

    def is_healthy(self, name: str) -> bool:
        """True if the service's health check succeeds."""
        form, *arguments = self.checks[name]
        arguments = [argument.replace("$$", "$") for argument in arguments]
        command = ["sh", "-c", *arguments] if form == "CMD-SHELL" else arguments
        done = subprocess.run(command, env=self.environments[name], cwd=self.folder, capture_output=True, timeout=60)
        return done.returncode == 0

    def cli(self, *arguments: object, seconds: float = 400) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "services", *map(str, arguments)],
            env=self.client, cwd=self.folder, capture_output=True, text=True, timeout=seconds,
        )  # fmt: skip

    def server(self) -> JobsServer:
        token = Token(value=self.client["RAY_AUTH_TOKEN"], origin="test")
        return JobsServer(self.client["GAN_STUDY_CLUSTER"], token)

    def studies(self) -> Cluster:
        return Cluster(self.server())


@contextmanager
def all_services(folder: Path) -> Iterator[Services]:
    write_secrets(folder)
    secrets = read_env(folder / ".env")
    names = ("postgres", "mlflow", "dashboard", "head agent", "agent", "proxy mlflow", "proxy dashboard")
    ports = {name: free_port() for name in names}
    ports["ray"] = free_port("127.0.0.2")
    with short_folder() as short, ExitStack() as running:
        (short / "head").mkdir()
        (short / "worker").mkdir()
        local_settings = {
            "POSTGRES_LISTEN": "127.0.0.1",
            "MLFLOW_LISTEN": "127.0.0.1",
            "MLFLOW_LISTEN_PORT": str(ports["mlflow"]),
            "MLFLOW_PORT": str(ports["proxy mlflow"]),
            "MLFLOW_ARTIFACTS": str(folder / "artifacts"),
            "RAY_LISTEN": "127.0.0.1",
            "RAY_LISTEN_PORT": str(ports["dashboard"]),
            "RAY_PORT": str(ports["ray"]),
            "RAY_HEAD_OPTIONS": f"--node-ip-address 127.0.0.2 --temp-dir {short / 'head'} "
            f"--dashboard-agent-listen-port {ports['head agent']}",
            "RAY_HEAD_ADDRESS": f"127.0.0.2:{ports['ray']}",
            "RAY_WORKER_OPTIONS": f"--node-ip-address 127.0.0.3 --num-cpus 2 --temp-dir {short / 'worker'} "
            f"--dashboard-agent-listen-port {ports['agent']}",
            "RAY_AGENT_PORT": str(ports["agent"]),
            "PROXY_LISTEN": "127.0.0.1",
            "PROXY_RAY": f"127.0.0.1:{ports['dashboard']}",
            "PROXY_RAY_PORT": str(ports["proxy dashboard"]),
            "PROXY_MLFLOW": f"127.0.0.1:{ports['mlflow']}",
            "PROXY_MLFLOW_PORT": str(ports["proxy mlflow"]),
        }
        resolved = compose("config", **secrets, **local_settings)
        assert resolved.returncode == 0, resolved.stderr
        resolved_services = yaml.safe_load(resolved.stdout)["services"]
        client = environment(
            RAY_AUTH_TOKEN=secrets["RAY_AUTH_TOKEN"],
            GAN_STUDY_CLUSTER=f"http://127.0.0.1:{ports['proxy dashboard']}",
            MLFLOW_TRACKING_URI=f"http://127.0.0.1:{ports['proxy mlflow']}",
            **{name: secrets[name] for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")},
        )
        checks = {name: service["healthcheck"]["test"] for name, service in resolved_services.items()}
        started = Services(folder, folder / "ledger" / "gan-studies", short, client, checks)
        addresses = {
            "postgres:5432": f"127.0.0.1:{ports['postgres']}",
            "mlflow:5000": f"127.0.0.1:{ports['mlflow']}",
            "/ledger": str(folder / "ledger"),
            "/cache": str(folder / "cache"),
            "/tmp/basic_auth.ini": str(folder / "tmp-mlflow" / "basic_auth.ini"),
        }
        for name in ("ledger", "cache", "artifacts"):
            (folder / name).mkdir()
        mounts = {"ledger": folder / "ledger", "cache": folder / "cache", "artifacts": folder / "artifacts"}

        def service(name: str) -> None:
            variables = resolved_services[name].get("environment", {})
            env = {key: _replaced(str(value), addresses) for key, value in variables.items()}
            clean = {key: value for key, value in environment().items() if not key.startswith(("RAY_", "MLFLOW_"))}
            started.environments[name] = {**clean, **env, "TMPDIR": str(folder / f"tmp-{name}")}
            command = resolved_services[name]["command"]
            arguments = shlex.split(command) if isinstance(command, str) else command
            arguments = [argument.replace("$$", "$") for argument in arguments]
            volumes = [str(volume).partition(":")[0] for volume in resolved_services[name].get("volumes", [])]
            (folder / f"tmp-{name}").mkdir()
            writable = [*(mounts[volume] for volume in volumes), folder / f"tmp-{name}"]
            if (short / name).is_dir():
                writable.append(short / name)
            read_only = read_only_except(writable) if can_be_read_only() else []
            started.processes[name] = start(
                [*read_only, *arguments], folder / f"{name}.log", started.environments[name]
            )
            running.callback(kill, started.processes[name])

        password = secrets["POSTGRES_PASSWORD"]
        started.environments["postgres"] = {
            "PATH": os.environ["PATH"], "POSTGRES_PASSWORD": password, "PGPORT": str(ports["postgres"])
        }  # fmt: skip
        started.processes["postgres"], started.database = running.enter_context(
            _postgres(resolved_services["postgres"]["command"], password, ports["postgres"], folder)
        )
        service("mlflow")
        service("head")
        wait_until(lambda: started.is_healthy("head"), "the head's health")
        service("worker")
        service("proxy")
        for name, seconds in (("postgres", 60), ("worker", 120), ("mlflow", 240), ("proxy", 60)):
            wait_until(partial(started.is_healthy, name), f"the health of {name}", seconds)
        yield started


def _replaced(value: str, addresses: dict[str, str]) -> str:
    for in_container, local in addresses.items():
        value = value.replace(in_container, local)
    return value


@contextmanager
def _postgres(command: str, password: str, port: int, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run the steps of the image's entrypoint, then the command of the file; not as root, which PostgreSQL refuses.

    The value is the process and the folder of the database.
    """
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
        initdb = [*as_user, "initdb", "--username=mlflow", f"--pwfile={secret}"]
        arguments = shlex.split(services()["postgres"]["environment"]["POSTGRES_INITDB_ARGS"])
        subprocess.run([*initdb, *arguments], env=env, check=True, capture_output=True, timeout=120, cwd="/")
        # The default folder for the socket in Debian's build is writable only by Debian's service.
        read_only = read_only_except([Path(name)]) if can_be_read_only() else []
        process = start(
            [*read_only, *as_user, *shlex.split(command), "-c", f"unix_socket_directories={name}"],
            folder / "postgres.log",
            env,
        )
        try:
            wait_until(lambda: _connects(port, password), "PostgreSQL's first answer", 60)
            yield process, data
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
@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.skipif(not list(Path("/usr/lib/postgresql").glob("*/bin")), reason="PostgreSQL is not installed")
def test_every_service_works_with_the_commands_of_the_file(tmp_path, monkeypatch):
    (tmp_path / "small.toml").write_text(STUDY)
    with all_services(tmp_path) as running, measured(running.processes) as usage:
        _check_mlflow(running)
        assert running.cli("submit", "small.toml", "--detach").returncode == 0
        ledger = Ledger(running.ledger)
        wait_until(lambda: is_half_done(ledger), "a trial after the first that finished", 200)
        assert running.studies().stop("small").status == "STOPPED"
        finished = ledger.committed()
        assert 0 < len(finished) < 8

        again = running.cli("submit", "small.toml")
        assert again.returncode == 0, again.stdout + again.stderr
        assert f"8 trials of 2 seeds, {len(finished)} of them in the ledger already" in again.stdout
        assert len(ledger.committed()) == 8
        assert f"goes on from trial {len(finished)} of 8" in again.stdout
        _check_that_nothing_is_trained_again(running)
        if "gan-study sync" in again.stdout:  # the 10 s for MLflow were too short on a busy machine
            assert running.cli("sync", "small", "--root", running.ledger).returncode == 0
        _check_limits(usage)
        _check_downloaded_results(running, monkeypatch)
        _check_that_no_secret_is_written(running)
        _check_that_health_checks_can_fail(running)


def _check_that_nothing_is_trained_again(running: Services) -> None:
    """A third attempt trains nothing and ends with commands of this machine; Ray's own list has every attempt."""
    third = running.cli("submit", "small.toml")
    assert third.returncode == 0, third.stdout + third.stderr
    assert "8 trials of 2 seeds, 8 of them in the ledger already" in third.stdout
    assert "[8/8" not in third.stdout
    uri = running.client["MLFLOW_TRACKING_URI"]
    assert f"next:    gan-study results small --tracking {uri}\n" in third.stdout
    listed = subprocess.run(
        ["ray", "job", "list", "--address", running.client["GAN_STUDY_CLUSTER"]],
        env=running.client, cwd=running.folder, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert listed.returncode == 0, listed.stderr
    states = dict(re.findall(r"submission_id='gan-study-(small-\d)'.*?JobStatus\.(\w+):", listed.stdout))
    assert states == {"small-1": "STOPPED", "small-2": "SUCCEEDED", "small-3": "SUCCEEDED"}


UNITS = {"m": 2**20, "g": 2**30}


def _check_limits(usage: dict[str, Usage]) -> None:
    """During the study every service used less than half of its memory and of its number of threads."""
    assert usage.keys() == services().keys() - {"gpu-worker"}
    for name, used in usage.items():
        limits = services()[name]
        limit = limits["mem_limit"].removeprefix("${WORKER_MEMORY:-").removesuffix("}")
        assert 0 < used.memory < int(limit[:-1]) * UNITS[limit[-1]] / 2, (name, used)
        assert 0 < used.threads < limits["pids_limit"] / 2, (name, used)


def _check_downloaded_results(running: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results from MLflow's server, with its address and a password alone, equal those of the ledger."""
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, running.client[name])
    downloaded = results("small", tracking_uri=running.client["MLFLOW_TRACKING_URI"])
    local = results("small", root=running.ledger)
    assert len(downloaded.trials) == 8
    assert len(downloaded.members) == 16
    assert set(downloaded.ranking["condition"]) == {"gan", "wgan-gp"}
    for table in ("trials", "members", "curves", "ranking"):
        pd.testing.assert_frame_equal(getattr(downloaded, table), getattr(local, table), check_exact=True)
    assert not (running.folder / "gan-studies").exists()
    printed = running.cli("results", "small", "--table", "members", "--format", "csv")
    assert printed.returncode == 0, printed.stderr
    assert pd.read_csv(StringIO(printed.stdout))["seed"].tolist() == local.members["seed"].tolist()


def _check_that_health_checks_can_fail(running: Services) -> None:
    """With wrong credentials, and without its process, a service is not healthy."""
    assert all(running.is_healthy(name) for name in running.environments)
    secrets = ("RAY_AUTH_TOKEN", "POSTGRES_PASSWORD", "MLFLOW_AUTH_ADMIN_PASSWORD")
    for name in ("head", "mlflow", "postgres"):
        correct = running.environments[name]
        running.environments[name] = {**correct, **{secret: "wrong" for secret in secrets if secret in correct}}
        assert not running.is_healthy(name)
        running.environments[name] = correct
    kill(running.processes["worker"], sigterm=False)
    wait_until(lambda: not running.is_healthy("worker"), "the worker's end", 60)
    assert running.is_healthy("head")


def _check_mlflow(running: Services) -> None:
    uri = running.client["MLFLOW_TRACKING_URI"]
    user = (running.client["MLFLOW_TRACKING_USERNAME"], running.client["MLFLOW_TRACKING_PASSWORD"])
    search = f"{uri}/api/2.0/mlflow/experiments/search?max_results=5"
    assert requests.get(search, auth=user, timeout=60).status_code == 200
    assert requests.get(search, timeout=60).status_code == 401
    assert requests.get(search, auth=(user[0], "wrong"), timeout=60).status_code == 401
    assert requests.get(search, auth=user, headers={"Host": "evil.example:80"}, timeout=60).status_code == 403
    assert stat.S_IMODE((running.folder / "tmp-mlflow" / "basic_auth.ini").stat().st_mode) == 0o600
    _check_accounts(running, uri, user)


def _check_accounts(running: Services, uri: str, writer: tuple[str, str]) -> None:
    """The writer may write the experiments that it created and manage no users; the administrator may do all."""
    secrets = read_env(running.folder / ".env")
    admin = (secrets["MLFLOW_ADMIN_USERNAME"], secrets["MLFLOW_ADMIN_PASSWORD"])
    api = f"{uri}/api/2.0/mlflow"
    own, others = (
        requests.post(f"{api}/experiments/create", json={"name": user[0]}, auth=user, timeout=60).json()[
            "experiment_id"
        ]
        for user in (writer, admin)
    )
    for experiment, status in ((own, 200), (others, 403)):
        tag = {"experiment_id": experiment, "key": "k", "value": "v"}
        tagged = requests.post(f"{api}/experiments/set-experiment-tag", json=tag, auth=writer, timeout=60)
        artifact = f"{uri}/api/2.0/mlflow-artifacts/artifacts/{experiment}/probe.txt"
        sent = requests.put(artifact, data=b"x", auth=writer, timeout=60)
        assert (tagged.status_code, sent.status_code) == (status, status)
    assert (running.folder / "artifacts" / own / "probe.txt").read_bytes() == b"x"
    account = {"username": "intruder", "password": "a-long-password"}
    assert requests.post(f"{api}/users/create", json=account, auth=writer, timeout=60).status_code == 403
    assert requests.get(f"{api}/users/get", params={"username": admin[0]}, auth=writer, timeout=60).status_code == 403
    assert requests.get(f"{api}/users/get", params={"username": admin[0]}, auth=admin, timeout=60).status_code == 200


def _check_that_no_secret_is_written(running: Services) -> None:
    secrets = {name: value for name, value in read_env(running.folder / ".env").items() if name in SECRETS}
    allowed = {running.folder / ".env", running.folder / "tmp-mlflow" / "basic_auth.ini"}
    folders = (running.folder, running.sessions, running.database)  # the second holds Ray's own logs
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path not in allowed]
    assert len([path for path in files if path.suffix in (".log", ".out", ".err")]) > 10
    assert len([path for path in files if path.is_relative_to(running.database)]) > 100
    assert [path for path in files if path.is_relative_to(running.folder / "artifacts")]
    texts = {}
    for path in files:
        with suppress(FileNotFoundError):  # PostgreSQL renames files
            texts[str(path)] = path.read_bytes()
    services_and_all = [
        member
        for process in running.processes.values()
        for member in (psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True))
    ]
    texts |= shared_memory(services_and_all)
    jobs = running.studies().attempts("small")
    assert len(jobs) == 3
    texts["the jobs in Ray"] = json.dumps(running.server().jobs()).encode()
    texts["the job's log"] = running.studies().log(jobs[-1]).encode()
    client = mlflow_module().MlflowClient(running.client["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name("small")
    runs = search(client, experiment.experiment_id, "")
    assert len(runs) == 9
    texts["tags and params in MLflow"] = json.dumps([experiment.tags, *(run.to_dictionary() for run in runs)]).encode()
    for source, content in texts.items():
        for name, value in secrets.items():
            assert value.encode() not in content, f"{name} in {source}"
