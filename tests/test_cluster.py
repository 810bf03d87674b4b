import json
import zipfile
from collections.abc import Collection
from io import BytesIO
from time import time

import aiohttp
import pytest
from clusters import (
    IN_THE_ADDRESS,
    PASSWORD,
    PLANTED,
    STUDY,
    TOKEN,
    RayCluster,
    command_lines,
    free_port,
    is_half_done,
    kill,
    ray_cluster,
    wait_until,
)
from mlflow_contents import assert_equal_results, runs_of
from servers import Owner, start_mlflow, stop
from shared_memory import shared_memory
from tiny import finished, same_numbers

import services.cluster
from services import installation, submission
from services.cluster import Cluster
from services.jobs import JobsServer, Unreachable
from services.preflight import versions
from studies.errors import InputError, StudyFailed
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.locate import results
from studies.tracking.run_faults import examine
from studies.tracking.tracker import sync


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch, tmp_path):
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "GAN_STUDY_CLUSTER", "GAN_STUDY_LEDGER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(installation, "sleep", lambda _: None)


@pytest.fixture
def study_file(tmp_path):
    folder = tmp_path / "beside"
    folder.mkdir()
    (folder / "study.toml").write_text(STUDY)
    return folder / "study.toml"


VERSION = versions()["gan-studies"]

# -- attempts ----------------------------------------------------------------------------------------------------------


class FakeServer(JobsServer):
    """A Jobs server without a network."""

    url = "http://127.0.0.1:8265"

    def __init__(self, head=None):
        self.known, self.streams, self.uploads, self.removed = {}, [], {}, []
        self.head = json.dumps(versions() | {"missing": [], "executable": "/opt/python"} if head is None else head)

    def check_version(self):
        pass

    def jobs(self):
        return [*self.known.values(), {"type": "DRIVER", "submission_id": None, "metadata": {}}]

    def job(self, job_id):
        job = self.known[job_id]
        if job.get("then"):
            job["status"] = job["then"].pop(0)
        return job

    def upload(self, name, content):
        self.uploads[name] = content

    def log(self, job_id):
        assert job_id.startswith(installation.PREFIX)
        return f"Ray says something\n{installation.MARK}{self.head}\n"

    def remove(self, job_id):
        self.known.pop(job_id)
        self.removed.append(job_id)

    def submit(self, request):
        job_id = request["submission_id"]
        if job_id.startswith(installation.PREFIX):
            request = {**request, "then": ["PENDING", "RUNNING", "SUCCEEDED"]}
        self.known[job_id] = {"type": "SUBMISSION", "status": "PENDING", **request}

    async def follow(self, job_id, write):
        text, error = self.streams.pop(0)
        write(text)
        if error:
            raise error


def test_attempts_of_a_study_are_counted_and_a_second_simultaneous_one_is_refused(study_file):
    server = FakeServer()
    cluster, study = Cluster(server), Study.load(study_file)
    assert cluster.submit(study, study_file).job_id == "gan-study-small-1"
    for status in ("PENDING", "RUNNING"):
        server.known["gan-study-small-1"]["status"] = status
        with pytest.raises(InputError, match=r"^small: is running on .* already, as attempt 1; ") as refused:
            cluster.submit(study, study_file)
        assert "\n" not in str(refused.value)
    for number, status in enumerate(("STOPPED", "FAILED", "SUCCEEDED"), start=2):
        server.known[f"gan-study-small-{number - 1}"]["status"] = status
        assert cluster.submit(study, study_file).number == number
    assert len(server.uploads) == 4  # the attempt's number is in the archive


def test_a_submit_sets_the_time_to_stop_and_sends_no_secret(study_file, monkeypatch, capfd):
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:{IN_THE_ADDRESS}@127.0.0.1:5000")
    (study_file.parent / ".env").write_text("POSTGRES_PASSWORD=planted-in-the-file\n")
    (study_file.parent / "mine.py").write_text("x = 1")
    server = FakeServer()
    Cluster(server).submit(Study.load(study_file), study_file)
    job = server.known["gan-study-small-1"]
    assert job["entrypoint"] == "exec python -m services drive"
    assert job["runtime_env"]["env_vars"] == {"RAY_JOB_STOP_WAIT_TIME_S": "120", "RAY_USAGE_STATS_ENABLED": "0"}
    (content,) = server.uploads.values()
    with zipfile.ZipFile(BytesIO(content)) as archive:
        sent = {name: archive.read(name) for name in archive.namelist()}
    assert "mine.py" in sent
    for text in (json.dumps(job).encode(), *sent.values(), "".join(capfd.readouterr()).encode()):
        assert b"planted" not in text


def test_a_cluster_without_gan_studies_or_with_another_one_is_refused_before_a_submit(study_file):
    study, here = Study.load(study_file), versions()
    missing = {**here, "gan-studies": None, "missing": ["services"], "executable": "/opt/ray/bin/python"}
    for head, sentences in (
        (missing, ["has no gan-studies in /opt/ray/bin/python (gan-studies none, numpy", "/opt/ray/bin/python -m pip"]),
        (
            {**here, "missing": [], "gan-studies": "9.9.9"},
            ["gan-studies 9.9.9, numpy", f"gan-studies {VERSION}, numpy"],
        ),
        ({**here, "missing": [], "numerics": "99"}, ["numerics 99", f"numerics {here['numerics']}"]),
        ({**here, "missing": [], "error": "ImportError: no\ttorch"}, ["cannot import its gan-studies (", "torch"]),
    ):
        server = FakeServer(head)
        with pytest.raises(InputError, match=r"^--cluster: http://127.0.0.1:8265 ") as refused:
            Cluster(server).submit(study, study_file)
        sentence = str(refused.value)
        assert all(part in sentence for part in [*sentences, f"install gan-studies {VERSION} on every node"])
        assert sentence.isprintable()
        assert server.uploads == {}
        assert [job_id.startswith(installation.PREFIX) for job_id in server.known] == [True]


def test_the_records_of_earlier_checks_are_deleted(study_file):
    server = FakeServer()
    for age, status in ((10, "SUCCEEDED"), (100, "FAILED"), (None, "RUNNING")):
        job_id, ended = f"{installation.PREFIX}{status}", age and (time() - age) * 1000
        server.known[job_id] = {"type": "SUBMISSION", "submission_id": job_id, "status": status, "end_time": ended}
    Cluster(server).submit(Study.load(study_file), study_file)
    assert server.removed == [f"{installation.PREFIX}FAILED"]


def test_a_cluster_whose_numpy_or_python_differs_is_accepted(study_file):
    server = FakeServer({**versions(), "missing": [], "executable": "python", "numpy": "1.0", "python": "3.13"})
    assert Cluster(server).submit(Study.load(study_file), study_file).number == 1


def test_an_unknown_study_is_refused_with_the_nearest_name(study_file):
    cluster = Cluster(FakeServer())
    cluster.submit(Study.load(study_file), study_file)
    with pytest.raises(InputError, match="has no study smal; did you mean small"):
        cluster.latest("smal")
    with pytest.raises(InputError, match=r"has no attempt 7 of it, but attempt 1$"):
        cluster.latest("small", 7)


def test_the_log_is_written_once_although_its_stream_breaks_until_the_status_is_final(study_file, monkeypatch):
    monkeypatch.setattr(services.cluster, "sleep", lambda _: None)
    server = FakeServer()
    cluster = Cluster(server)
    attempt = cluster.submit(Study.load(study_file), study_file)
    server.streams = [
        ("on", None),
        ("one\nt", aiohttp.ClientError()),
        ("", ConnectionResetError()),
        ("one\ntwo\n", None),
        ("one\ntwo\nthree\n", None),
    ]
    server.known[attempt.job_id] |= {
        "then": ["PENDING", "RUNNING", "RUNNING", "RUNNING", "FAILED"],
        "driver_exit_code": 2,
    }
    written: list[str] = []
    assert cluster.follow(attempt, written.append).return_code() == 2
    assert "".join(written) == "one\ntwo\nthree\n"
    assert server.streams == []


def test_a_cluster_that_stops_answering_ends_the_wait_in_time(study_file, monkeypatch):
    monkeypatch.setattr(services.cluster, "sleep", lambda _: None)
    monkeypatch.setattr(services.cluster, "SILENCE_SECONDS", 0.05)
    server = FakeServer()
    attempt = Cluster(server).submit(Study.load(study_file), study_file)

    def silent(job_id):
        raise Unreachable("nothing answers")

    monkeypatch.setattr(server, "job", silent)
    with pytest.raises(StudyFailed, match="may be running nevertheless: gan-study status small"):
        Cluster(server).follow(attempt, print)


@pytest.mark.parametrize(
    ("status", "code", "returned"),
    [("SUCCEEDED", 0, 0), ("FAILED", 2, 2), ("FAILED", None, 1), ("FAILED", 130, 130), ("STOPPED", None, 130)],
)
def test_a_command_that_waited_returns_the_exit_code_of_the_study(study_file, status, code, returned):
    server = FakeServer()
    attempt = Cluster(server).submit(Study.load(study_file), study_file)
    server.known[attempt.job_id] |= {"status": status, "driver_exit_code": code}
    assert Cluster(server).latest("small").return_code() == returned


def test_a_study_is_submitted_from_python_with_the_modules_of_its_folder(study_file, monkeypatch):
    server = FakeServer()
    monkeypatch.setattr(submission, "JobsServer", lambda url, token: server)
    monkeypatch.setenv("GAN_STUDY_CLUSTER", "http://127.0.0.1:8265")
    (study_file.parent / "mine.py").write_text("x = 1")
    attempt = services.submit(Study.load(study_file))
    assert (attempt.study, attempt.number, attempt.status) == ("small", 1, "PENDING")
    (archive,) = server.uploads.values()
    with zipfile.ZipFile(BytesIO(archive)) as packed:
        assert {"mine.py", "study.toml"} <= set(packed.namelist())
    with pytest.raises(InputError, match=r"^small: must be loaded with Study\.load to be submitted; "):
        services.submit(Study.from_table(Study.load(study_file).table()))


def test_a_token_that_is_sent_in_clear_is_warned_of_in_python_too(study_file, monkeypatch):
    monkeypatch.setattr(submission, "JobsServer", lambda url, token: FakeServer())
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    monkeypatch.setenv("GAN_STUDY_CLUSTER", "http://10.0.0.1:8265")
    with pytest.warns(UserWarning, match=r"^the token is sent to http://10\.0\.0\.1:8265 unencrypted; "):
        services.submit(Study.load(study_file))


# -- a real cluster ----------------------------------------------------------------------------------------------------


OWN = """
import os
import sys
from dataclasses import dataclass

from gan_core import ModuleCritic, NonSaturating
from torch import nn

for process in ("services.submitted_study", "services.driver"):  # on the cluster: the driver, the job's own process
    if process in sys.modules:
        print("imported in", process, "with", *sorted(os.environ))
if os.path.basename(sys.argv[0]) == "default_worker.py" and "MLFLOW_TRACKING_PASSWORD" in os.environ:
    raise RuntimeError("the password of the node's environment is in a worker")


@dataclass(frozen=True, kw_only=True)
class Loss(NonSaturating):
    \"""A user's objective.\"""


@dataclass(frozen=True, kw_only=True)
class Critic(ModuleCritic):
    form = "score"

    def module(self, sample_shape):
        return nn.Sequential(nn.Flatten(), nn.Linear(sample_shape.dim, 16), nn.SiLU(), nn.Linear(16, 1))
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A study with a condition whose objective and critic are in a user's module."""
    folder = tmp_path_factory.mktemp("small")
    own = 'objective = {kind = "own:Loss"}\nnetworks.critic = {kind = "own:Critic"}'
    assert STUDY.count('preset = "gan"') == 1
    (folder / "small.toml").write_text(STUDY.replace('preset = "gan"', own))
    (folder / "own.py").write_text(OWN)
    return folder / "small.toml"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with ray_cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.fixture(scope="module")
def embedded(tmp_path_factory, small) -> Ledger:
    """The ledger of the study, run on this machine without Ray's cluster and without interruption."""
    folder = tmp_path_factory.mktemp("embedded")
    ran = RayCluster(url="", folder=folder).cli("run", small, "--set", f"ledger.root={folder / 'ledger'}")
    assert ran.returncode == 0, ran.stderr
    return Ledger(folder / "ledger")


def logs(ledger: Ledger) -> list[str]:
    return [entry.log() for entry in finished(ledger).values()]


def assert_same_numbers(ledger: Ledger, other: Ledger) -> None:
    entries, expected = finished(ledger), finished(other)
    assert entries.keys() == expected.keys() != set()
    assert all(same_numbers(entries[key], expected[key]) for key in entries)


def nodes_used(ledger: Ledger) -> set[str]:
    lines = [line for log in logs(ledger) for line in log.splitlines()]
    return {line.removeprefix("on node ") for line in lines if line.startswith("on node ")}


def assert_nothing_secret(cluster: RayCluster, ledger: Ledger, commands: Collection[str] = ()) -> None:
    jobs = cluster.server().jobs()
    assert cluster.sessions is not None
    folders = (ledger.root, cluster.folder, cluster.sessions)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    texts = {"jobs": json.dumps(jobs).encode()} | {str(path): path.read_bytes() for path in files}
    assert len(texts) > 10
    in_memory = shared_memory(cluster.processes())
    assert any("plasma" in name for name in in_memory), "Ray's object store was not read"
    texts |= in_memory
    texts |= {f"the command line {command}": command.encode() for command in commands}
    for name, text in texts.items():
        for secret in PLANTED:
            assert secret.encode() not in text, f"{secret} in {name}"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_submitted_study_runs_on_both_nodes_with_the_numbers_of_a_local_run(cluster, small, embedded, tmp_path):
    ledger = Ledger(tmp_path / "ledger")
    with command_lines() as commands:
        ran = cluster.cli("submit", small, "--set", f"ledger.root={ledger.root}", "--set", "name=both")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert any("-m services drive" in command for command in commands), "the driver's command line was not seen"
    assert_same_numbers(ledger, embedded)
    assert nodes_used(ledger) == {"127.0.0.3", "127.0.0.4"}
    imports = [line.split() for line in ran.stdout.splitlines() if line.startswith("imported in ")]
    assert imports
    for _, _, process, _, *variables in imports:
        assert process == "services.submitted_study"
        assert {"PATH", "RAY_ADDRESS", "PYTHONPATH"} <= set(variables)
        assert not [name for name in variables if name.startswith("MLFLOW_")]
    kept = (ledger.study_folder("both") / "log-1.txt").read_text()
    assert "[8/8" in kept
    assert "MLflow at http://127.0.0.1:9 cannot be reached" in kept
    assert kept.partition("\n")[2] in ran.stdout
    assert not (ledger.root / ".preflight").exists()
    assert_nothing_secret(cluster, ledger, commands)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_stopped_study_resumes_and_ends_with_the_numbers_of_an_uninterrupted_run(cluster, small, embedded, tmp_path):
    ledger = Ledger(tmp_path / "ledger")
    arguments = ("submit", small, "--set", f"ledger.root={ledger.root}")
    assert cluster.cli(*arguments, "--detach").returncode == 0
    twice = cluster.cli(*arguments)
    assert twice.returncode == 2
    assert "gan-study: small: is running on" in twice.stderr
    wait_until(lambda: is_half_done(ledger), "a trial after the first that finished", 200)
    assert cluster.studies().stop("small").status == "STOPPED"  # from here: the command takes seconds to start
    assert 0 < len(ledger.committed()) < 8
    assert list(ledger.root.glob("running/*/checkpoint")), "a running trial wrote no checkpoint"
    again = cluster.cli("stop", "small")
    assert again.returncode == 2
    assert "is not running" in again.stderr
    followed = cluster.cli("logs", "small", "--follow")
    assert followed.returncode == 130
    assert "interrupted" in followed.stdout

    ended = cluster.cli(*arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert_same_numbers(ledger, embedded)
    assert any("resumed at iteration" in log for log in logs(ledger))
    attempts = json.loads(cluster.cli("status", "small", "--json").stdout)
    assert [(attempt["number"], attempt["status"], attempt["exit_code"]) for attempt in attempts] == [
        (1, "STOPPED", None),
        (2, "SUCCEEDED", 0),
    ]
    assert_nothing_secret(cluster, ledger)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        pytest.param(
            "ledger.root=somewhere",
            "ledger.root: must be an absolute path on storage that all nodes share",
            marks=pytest.mark.soak,
        ),
        pytest.param(
            "ledger.root=/proc/ledger", "ledger.root: cannot write below /proc/ledger", marks=pytest.mark.soak
        ),
        ("resources.cpu=2", "resources.cpu: must be <= 1, which is what the largest node has, but is 2"),
    ],
)
def test_a_study_that_cannot_run_on_the_cluster_is_one_sentence_and_exit_code_2(
    cluster, small, tmp_path, assignment, sentence
):
    name = assignment.partition("=")[2].strip("/").replace("/", "-")
    options = ("--set", f"ledger.root={tmp_path}", "--set", assignment, "--set", f"name=refused-{name}")
    ran = cluster.cli("submit", small, *options)
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert f"gan-study: {sentence}" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr


@pytest.mark.slow
def test_a_real_cluster_distinguishes_a_missing_token_from_a_wrong_one(cluster):
    without = cluster.cli("status", RAY_AUTH_TOKEN="x")
    assert without.returncode == 2
    assert "(HTTP 403)" in without.stderr
    with pytest.raises(InputError, match="401"):
        JobsServer(cluster.url, None).jobs()


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_node_that_dies_during_a_study_loses_no_trial_and_repeats_none(small, embedded, tmp_path):
    ledger = Ledger(tmp_path / "ledger")
    (tmp_path / "cluster").mkdir()
    with ray_cluster(tmp_path / "cluster") as cluster:
        arguments = ("submit", small, "--set", f"ledger.root={ledger.root}")
        assert cluster.cli(*arguments, "--detach").returncode == 0
        wait_until(lambda: is_half_done(ledger), "a trial after the first that finished", 200)
        kill(cluster.nodes.pop("127.0.0.4"), sigterm=False)
        followed = cluster.cli("logs", "small", "--follow")
        assert followed.returncode == 0, followed.stdout + followed.stderr
    assert_same_numbers(ledger, embedded)
    assert all(log.count("finished after") == 1 for log in logs(ledger))


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_lost_node_and_a_dead_mlflow_server_leave_every_member_once_and_no_run_running(
    small, embedded, tmp_path, monkeypatch
):
    ledger, owner, port = Ledger(tmp_path / "ledger"), Owner("owner", PASSWORD), free_port()
    uri = f"http://127.0.0.1:{port}"
    (tmp_path / "cluster").mkdir()
    server = start_mlflow(tmp_path / "server", port, owner=owner)
    try:
        with ray_cluster(
            tmp_path / "cluster",
            MLFLOW_TRACKING_URI=uri,
            MLFLOW_TRACKING_USERNAME="owner",
            MLFLOW_TRACKING_PASSWORD=PASSWORD,
        ) as cluster:
            arguments = ("submit", small, "--set", f"ledger.root={ledger.root}")
            assert cluster.cli(*arguments, "--detach").returncode == 0
            wait_until(lambda: is_half_done(ledger), "a trial after the first that finished", 200)
            stop(server)
            kill(cluster.nodes.pop("127.0.0.4"), sigterm=False)
            ended = len(ledger.committed())
            wait_until(lambda: len(ledger.committed()) > ended, "a trial without the server", 200)
            server = start_mlflow(tmp_path / "server", port, owner=owner)
            followed = cluster.cli("logs", "small", "--follow")
            assert followed.returncode == 0, followed.stdout + followed.stderr
            assert followed.stdout.count("The study continues without MLflow") == 1
            assert_nothing_secret(cluster, ledger)
        for name, value in owner.environment().items():
            monkeypatch.setenv(name, value)
        if "gan-study sync" in followed.stdout:  # the end of the run waits for a limited time
            sync(ledger, "small", uri)
        studies, trials = runs_of(uri, "small")
        assert [run.info.status for run in studies + trials] == ["FINISHED"] * (1 + 8)
        assert len({run.info.run_name for run in trials}) == 8
        assert_equal_results(results("small", tracking_uri=uri), results("small", root=ledger.root))
        assert examine(ledger, "small", uri) == []
        stored = {path: path.read_bytes() for path in (tmp_path / "server").rglob("*") if path.is_file()}
        assert {".db", ".parquet"} <= {path.suffix for path in stored}
        assert [path for path, content in stored.items() if PASSWORD.encode() in content] == []
    finally:
        stop(server)
    assert_same_numbers(ledger, embedded)
    assert all(log.count("finished after") == 1 for log in logs(ledger))
    members = results("small", root=ledger.root).members
    assert len(members) == 8 * 2
    assert not members.duplicated(["condition", "phase", "trial", "seed"]).any()
