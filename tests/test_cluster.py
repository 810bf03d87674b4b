import json
import os
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import aiohttp
import pandas as pd
import pytest
from clusters import (
    IN_THE_ADDRESS,
    PASSWORD,
    STUDY,
    TOKEN,
    RayCluster,
    free_port,
    in_mid_study,
    kill,
    ray_cluster,
    wait_until,
)

import services.cluster
import services.package
from services.cluster import Cluster
from services.jobs import JobsServer, Unreachable
from services.package import pack, refuse_shadow
from services.preflight import Probed, _refuse, code, refuse_other_versions, versions
from services.settings import Token, cluster_token, cluster_url, sends_token_in_clear
from studies.errors import InputError, StudyFailed
from studies.ledger import Ledger
from studies.place import Node, Place
from studies.study import Resources, load_study

# -- addresses and credentials -----------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch, tmp_path):
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "GAN_STUDY_CLUSTER", "GAN_STUDY_LEDGER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8265", "ray://127.0.0.1:10001", "http://", "http://a:port", "http://u:secret@h:1", "http://a\n"],
)
def test_unusable_address_is_refused_without_showing_a_password(url):
    with pytest.raises(InputError, match=r"^--cluster: ") as refused:
        cluster_url(url)
    assert "secret" not in str(refused.value)


def test_address_comes_from_the_environment_where_none_is_given(monkeypatch):
    monkeypatch.setenv("GAN_STUDY_CLUSTER", "http://127.0.0.1:8265/")
    assert cluster_url(None) == "http://127.0.0.1:8265"
    assert cluster_url("https://ray.example") == "https://ray.example"


def test_token_comes_from_the_environment_then_the_named_file_then_rays_own(monkeypatch, tmp_path):
    assert cluster_token() is None
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("own\n")
    assert cluster_token().value == "own"
    (tmp_path / "named").write_text("named")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "named"))
    assert cluster_token().value == "named"
    monkeypatch.setenv("RAY_AUTH_TOKEN", "direct")
    assert cluster_token().value == "direct"
    assert "direct" not in repr(cluster_token())


def test_empty_or_missing_token_is_told_by_its_place(monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "absent"))
    with pytest.raises(InputError, match="absent: must hold the cluster's token, but cannot be read"):
        cluster_token()
    monkeypatch.setenv("RAY_AUTH_TOKEN", " ")
    with pytest.raises(InputError, match=r"^RAY_AUTH_TOKEN: must hold the cluster's token, but is empty"):
        cluster_token()


def test_token_in_clear_is_noticed_beyond_this_machine_alone():
    token = Token(value="x", origin="RAY_AUTH_TOKEN")
    assert sends_token_in_clear("http://ray.example:8265", token)
    assert not sends_token_in_clear("http://127.0.0.1:8265", token)
    assert not sends_token_in_clear("https://ray.example", token)
    assert not sends_token_in_clear("http://ray.example:8265", None)


# -- a server that is not there, not ours, or not willing --------------------------------------------------------------


@contextmanager
def dashboard(answer):
    """A server whose answers are `answer(method, path, headers, body) -> (status, content)`."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content = answer(self.command, self.path, self.headers, body)
            text = content if isinstance(content, str) else json.dumps(content)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = _serve

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def refusal(answer, token=None):
    with dashboard(answer) as url, pytest.raises(InputError) as refused:
        JobsServer(url, token).check_version()
    sentence = str(refused.value)
    assert sentence.startswith(f"--cluster: {url} ")
    assert "\n" not in sentence
    return sentence


def test_401_says_that_a_token_is_missing():
    assert "none was given; set RAY_AUTH_TOKEN" in refusal(lambda *_: (401, "Unauthorized"))


def test_403_names_where_the_wrong_token_came_from_but_not_the_token():
    sentence = refusal(lambda *_: (403, "Forbidden"), Token(value=TOKEN, origin="RAY_AUTH_TOKEN"))
    assert "refuses the token in RAY_AUTH_TOKEN (HTTP 403)" in sentence
    assert TOKEN not in sentence


def test_other_version_of_ray_is_refused_with_both():
    assert "runs Ray 2.9.3, but this gan-study works with Ray" in refusal(lambda *_: (200, {"ray_version": "2.9.3"}))


@pytest.mark.parametrize("answer", [(404, "no"), (200, "<html>"), (200, ["x"]), (200, {"version": "4"})])
def test_server_that_is_no_ray_is_told_so(answer):
    assert "not as the dashboard of a Ray cluster" in refusal(lambda *_: answer)


def test_nothing_at_the_address_is_one_sentence():
    with pytest.raises(Unreachable, match=r"^--cluster: nothing answers at http://127\.0\.0\.1:\d+; "):
        JobsServer(f"http://127.0.0.1:{free_port()}", None).check_version()


def test_token_goes_into_the_header_although_netrc_has_another(tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    os.chmod(tmp_path / ".netrc", 0o600)
    seen = []

    def answer(method, path, headers, body):
        seen.append(headers["Authorization"])
        return 200, []

    with dashboard(answer) as url:
        JobsServer(url, Token(value=TOKEN, origin="x")).jobs()
    assert seen == [f"Bearer {TOKEN}"]


# -- what is sent ------------------------------------------------------------------------------------------------------


@pytest.fixture
def study_file(tmp_path):
    folder = tmp_path / "beside"
    folder.mkdir()
    (folder / "study.toml").write_text(STUDY)
    return folder / "study.toml"


def packed(file, **what):
    return pack(load_study(file), file, **{"attempt": 1, "versions": versions(), "git": None, **what})


def test_package_holds_the_resolved_study_and_the_modules_beside_it(study_file):
    folder = study_file.parent
    (folder / "mine.py").write_text("x = 1")
    (folder / "parts" / "__pycache__").mkdir(parents=True)
    (folder / "parts" / "__init__.py").write_text("")
    (folder / "parts" / "weights.bin").write_bytes(b"1")
    (folder / "parts" / "__pycache__" / "a.pyc").write_bytes(b"1")
    (folder / ".env").write_text(f"PASSWORD={PASSWORD}")
    (folder / "notes").mkdir()
    (folder / "notes" / "big.txt").write_text("no module")
    with zipfile.ZipFile(BytesIO(packed(study_file))) as archive:
        names = archive.namelist()
        submission = json.loads(archive.read("submission.json"))
    assert names == ["submission.json", "study.toml", "mine.py", "parts/__init__.py", "parts/weights.bin"]
    assert submission["study"] == load_study(study_file).table()


def test_same_files_give_the_same_package(study_file):
    first = packed(study_file)
    os.utime(study_file, (1, 1))
    assert packed(study_file) == first != packed(study_file, attempt=2)


@pytest.mark.parametrize("name", ["services", "studies", "gan_core"])
def test_users_package_with_the_name_of_one_of_ours_is_refused(study_file, name):
    (study_file.parent / name).mkdir()
    (study_file.parent / name / "__init__.py").write_text("")
    with pytest.raises(InputError, match=f"would replace the package {name} of gan-studies on the workers$"):
        packed(study_file)


def test_users_module_with_the_name_of_one_of_pythons_is_refused():
    with pytest.raises(InputError, match=r"would replace Python's own random on the workers$"):
        refuse_shadow(Path("random.py"))


def test_package_over_the_limit_is_refused_with_its_size_and_largest_file(study_file, monkeypatch):
    monkeypatch.setattr(services.package, "LARGEST", 2**20)
    (study_file.parent / "data.py").write_bytes(os.urandom(3 * 2**20))
    with pytest.raises(
        InputError, match=r"must pack into 1 MiB, .* make 3 MiB; move data out of them, first .*data\.py$"
    ):
        packed(study_file)


# -- attempts ----------------------------------------------------------------------------------------------------------


class FakeServer:
    """A Jobs server in memory."""

    url = "http://127.0.0.1:8265"

    def __init__(self):
        self.known, self.streams, self.uploads = {}, [], {}

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

    def submit(self, request):
        job_id = request["submission_id"]
        self.known[job_id] = {"type": "SUBMISSION", "status": "PENDING", **request}

    async def follow(self, job_id, write):
        text, error = self.streams.pop(0)
        write(text)
        if error:
            raise error


def test_study_counts_its_attempts_and_refuses_a_second_one_beside_a_running_one(study_file):
    server = FakeServer()
    cluster, study = Cluster(server), load_study(study_file)
    assert cluster.submit(study, study_file).job_id == "gan-study-small-1"
    for status in ("PENDING", "RUNNING"):
        server.known["gan-study-small-1"]["status"] = status
        with pytest.raises(InputError, match=r"^small: is running on .* already, as attempt 1; ") as refused:
            cluster.submit(study, study_file)
        assert "\n" not in str(refused.value)
    for number, status in enumerate(("STOPPED", "FAILED", "SUCCEEDED"), start=2):
        server.known[f"gan-study-small-{number - 1}"]["status"] = status
        assert cluster.submit(study, study_file).number == number
    assert len(server.uploads) == 4  # the attempt's number is in the package


def test_what_a_submit_sends_asks_for_time_to_stop_and_holds_no_secret(study_file, monkeypatch, capfd):
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:{IN_THE_ADDRESS}@127.0.0.1:5000")
    (study_file.parent / ".env").write_text("POSTGRES_PASSWORD=planted-in-the-file\n")
    (study_file.parent / "mine.py").write_text("x = 1")
    server = FakeServer()
    Cluster(server).submit(load_study(study_file), study_file)
    job = server.known["gan-study-small-1"]
    assert job["entrypoint"] == "exec python -m services drive"
    assert job["runtime_env"]["env_vars"] == {"RAY_JOB_STOP_WAIT_TIME_S": "120", "RAY_USAGE_STATS_ENABLED": "0"}
    (package,) = server.uploads.values()
    with zipfile.ZipFile(BytesIO(package)) as archive:
        sent = {name: archive.read(name) for name in archive.namelist()}
    assert "mine.py" in sent
    for text in (json.dumps(job).encode(), *sent.values(), "".join(capfd.readouterr()).encode()):
        assert b"planted" not in text


def test_unknown_study_is_told_with_the_nearest(study_file):
    cluster = Cluster(FakeServer())
    cluster.submit(load_study(study_file), study_file)
    with pytest.raises(InputError, match="knows no study smal; did you mean small"):
        cluster.latest("smal")
    with pytest.raises(InputError, match=r"knows no attempt 7 of small$"):
        cluster.latest("small", 7)


def test_log_is_written_once_although_its_stream_breaks_and_a_terminal_status_alone_ends_the_wait(
    study_file, monkeypatch
):
    monkeypatch.setattr(services.cluster, "sleep", lambda _: None)
    server = FakeServer()
    cluster = Cluster(server)
    attempt = cluster.submit(load_study(study_file), study_file)
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
    written = []
    assert cluster.follow(attempt, written.append).outcome() == 2
    assert "".join(written) == "one\ntwo\nthree\n"
    assert server.streams == []


def test_cluster_that_falls_silent_ends_the_wait_in_time(study_file, monkeypatch):
    monkeypatch.setattr(services.cluster, "sleep", lambda _: None)
    monkeypatch.setattr(services.cluster, "SILENCE_SECONDS", 0.05)
    server = FakeServer()
    attempt = Cluster(server).submit(load_study(study_file), study_file)

    def silent(job_id):
        raise Unreachable("nothing answers")

    server.job = silent
    with pytest.raises(StudyFailed, match="may be running all the same: gan-study status small"):
        Cluster(server).follow(attempt, print)


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [("SUCCEEDED", 0, 0), ("FAILED", 2, 2), ("FAILED", None, 1), ("FAILED", 130, 130), ("STOPPED", None, 130)],
)
def test_whoever_waited_gets_the_studys_exit_code(study_file, status, code, outcome):
    server = FakeServer()
    attempt = Cluster(server).submit(load_study(study_file), study_file)
    server.known[attempt.job_id] |= {"status": status, "driver_exit_code": code}
    assert Cluster(server).latest("small").outcome() == outcome


# -- nodes -------------------------------------------------------------------------------------------------------------


def test_trials_at_once_are_counted_node_by_node():
    place = Place(nodes=(Node(cpu=3, gpu=0), Node(cpu=8, gpu=1), Node(cpu=0, gpu=0)))
    for resources, trials in {
        Resources(cpu=2): 5,
        Resources(cpu=0.1): 110,
        Resources(cpu=1, gpu=0.25): 4,
        Resources(cpu=1, gpu="auto"): 8,
        Resources(cpu=3, gpu="auto"): 2,
    }.items():
        assert place.trials_at_once(place.share(resources)) == trials


@pytest.mark.parametrize(
    ("nodes", "cpu", "gpu"),
    [
        ([Node(cpu=8, gpu=0)], 1, 0),
        ([Node(cpu=8, gpu=0), Node(cpu=16, gpu=1)], 2, 1 / 8),
        ([Node(cpu=16, gpu=1), Node(cpu=64, gpu=1)], 1, 1 / 64),
        ([Node(cpu=4, gpu=8)], 1, 1),
        ([Node(cpu=4, gpu=1)], 8, 1),
    ],
)
def test_auto_shares_a_graphics_processor_so_that_the_cores_beside_it_are_in_use(nodes, cpu, gpu):
    share = Place(nodes=tuple(nodes)).share(Resources(cpu=cpu, gpu="auto"))
    assert (share.cpu, share.gpu) == (cpu, gpu)


@pytest.mark.parametrize(
    ("resources", "sentence"),
    [
        (Resources(cpu=5), "resources.cpu: must be <= 4, which is what the largest node has, but is 5"),
        (Resources(gpu=2), "resources.gpu: must be <= 1, which is what the largest node has, but is 2"),
        (Resources(cpu=4, gpu=1), "resources: must fit on one node, but no node has 4 cores and 1 .* together"),
    ],
)
def test_trial_that_fits_on_no_node_is_refused(resources, sentence):
    place = Place(joined=True, nodes=(Node(cpu=4, gpu=0), Node(cpu=2, gpu=1)))
    with pytest.raises(InputError, match=f"^{sentence}$"):
        place.refuse_too_large(place.share(resources))


PROBED = {
    "node": "abcdef0123",
    "written": True,
    "problem": None,
    "versions": versions(),
    "origins": {"gan_core": "/x/gan_core", "studies": "/x/studies", "services": "/x/services"},
    "code": code(),
}


@pytest.mark.parametrize(
    ("change", "seen", "sentence"),
    [
        ({"problem": "cannot write there (Read-only file system)"}, False, "ledger.root: /l must be storage that all"),
        ({}, False, "ledger.root: /l must be storage that all nodes share, but node abcdef01 writes somewhere else"),
        ({"versions": {**versions(), "torch": "1.0"}}, True, "node abcdef01: must run torch .* but runs 1.0"),
        ({"code": "other"}, True, "node abcdef01: must run the gan-studies of the driver"),
        ({"origins": {"services": ""}}, True, "node abcdef01: must have gan-studies installed, but has no package"),
    ],
)
def test_node_that_cannot_take_part_is_refused_in_one_sentence(change, seen, sentence, monkeypatch):
    monkeypatch.setattr("services.preflight._short", lambda node: node[:8])
    with pytest.raises(InputError, match=f"^{sentence}"):
        _refuse(Probed(**{**PROBED, **change}), Path("/l"), seen=seen)


def test_node_that_can_take_part_is_not_refused(monkeypatch):
    monkeypatch.setattr("services.preflight._short", lambda node: node[:8])
    _refuse(Probed(**PROBED), Path("/l"), seen=True)


def test_study_checked_with_other_numerics_is_refused():
    with pytest.raises(InputError, match="must run the version of the numerics of gan-studies"):
        refuse_other_versions({**versions(), "numerics": "0"})


# -- a real cluster ----------------------------------------------------------------------------------------------------


OWN = """
from dataclasses import dataclass

from gan_core import ModuleCritic, NonSaturating
from torch import nn


@dataclass(frozen=True, kw_only=True)
class Loss(NonSaturating):
    \"""An objective of the user's.\"""


@dataclass(frozen=True, kw_only=True)
class Critic(ModuleCritic):
    form = "score"

    def module(self, space):
        return nn.Sequential(nn.Linear(space.dim, 16), nn.SiLU(), nn.Linear(16, 1))
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A study one of whose conditions plays with a module of the user's."""
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
    """The study run on this machine alone, undisturbed."""
    folder = tmp_path_factory.mktemp("embedded")
    ran = RayCluster(url="", folder=folder).cli("run", small, "--set", f"ledger.root={folder / 'ledger'}")
    assert ran.returncode == 0, ran.stderr
    return Ledger(folder / "ledger")


def trials(ledger: Ledger) -> set[str]:
    return {path.parent.name for path in ledger.root.glob("trials/*/facts.json")}


def log_of(ledger: Ledger, address: str) -> str:
    return (ledger.entry(address).folder / "log.txt").read_text()


def assert_same_numbers(ledger: Ledger, other: Ledger) -> None:
    assert trials(ledger) == trials(other) != set()
    for address in trials(ledger):
        pd.testing.assert_frame_equal(ledger.entry(address).curves(), other.entry(address).curves(), check_exact=True)


def nodes_used(ledger: Ledger) -> set[str]:
    lines = [line for address in trials(ledger) for line in log_of(ledger, address).splitlines()]
    return {line.removeprefix("on node ") for line in lines if line.startswith("on node ")}


def assert_nothing_secret(cluster: RayCluster, ledger: Ledger) -> None:
    jobs = cluster.server().jobs()
    folders = (ledger.root, cluster.folder, cluster.sessions)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    texts = {"jobs": json.dumps(jobs).encode()} | {str(path): path.read_bytes() for path in files}
    assert len(texts) > 10
    for name, text in texts.items():
        for secret in (TOKEN, PASSWORD, IN_THE_ADDRESS):
            assert secret.encode() not in text, f"{secret} in {name}"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_submitted_study_runs_on_both_nodes_with_the_numbers_of_an_embedded_run(cluster, small, embedded, tmp_path):
    ledger = Ledger(tmp_path / "ledger")
    ran = cluster.cli("submit", small, "--set", f"ledger.root={ledger.root}", "--set", "name=both")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert_same_numbers(ledger, embedded)
    assert nodes_used(ledger) == {"127.0.0.3", "127.0.0.4"}
    kept = (ledger.study_folder("both") / "log-1.txt").read_text()
    assert "[8/8" in kept
    assert "MLflow at http://127.0.0.1:9 cannot be reached" in kept
    assert kept.partition("\n")[2] in ran.stdout
    assert not (ledger.root / ".preflight").exists()
    assert_nothing_secret(cluster, ledger)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_stopped_study_goes_on_and_ends_with_the_numbers_of_an_undisturbed_run(cluster, small, embedded, tmp_path):
    ledger = Ledger(tmp_path / "ledger")
    words = ("submit", small, "--set", f"ledger.root={ledger.root}")
    assert cluster.cli(*words, "--detach").returncode == 0
    twice = cluster.cli(*words)
    assert twice.returncode == 2
    assert "gan-study: small: is running on" in twice.stderr
    wait_until(lambda: in_mid_study(ledger.root / "trials"), "a trial after the first that finished", 200)
    assert cluster.studies().stop("small").status == "STOPPED"  # from here: the command takes seconds to start
    assert 0 < len(trials(ledger)) < 8
    assert list(ledger.root.glob("trials/*/checkpoint.pt")), "a trial in progress kept nothing"
    again = cluster.cli("stop", "small")
    assert again.returncode == 2
    assert "is not running" in again.stderr
    followed = cluster.cli("logs", "small", "--follow")
    assert followed.returncode == 130
    assert "interrupted" in followed.stdout

    ended = cluster.cli(*words)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert_same_numbers(ledger, embedded)
    assert any("went on from turn" in log_of(ledger, address) for address in trials(ledger))
    attempts = json.loads(cluster.cli("status", "small", "--json").stdout)
    assert [(one["number"], one["status"], one["exit_code"]) for one in attempts] == [
        (1, "STOPPED", None),
        (2, "SUCCEEDED", 0),
    ]
    assert_nothing_secret(cluster, ledger)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("ledger.root=somewhere", "ledger.root: must be an absolute path on storage that all nodes share"),
        ("ledger.root=/proc/ledger", "ledger.root: cannot write below /proc/ledger"),
        ("resources.cpu=2", "resources.cpu: must be <= 1, which is what the largest node has, but is 2"),
    ],
)
def test_what_does_not_hold_on_the_cluster_is_one_sentence_and_exit_2(cluster, small, tmp_path, assignment, sentence):
    name = assignment.partition("=")[2].strip("/").replace("/", "-")
    words = ("--set", f"ledger.root={tmp_path}", "--set", assignment, "--set", f"name=refused-{name}")
    ran = cluster.cli("submit", small, *words)
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert f"gan-study: {sentence}" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr


@pytest.mark.slow
def test_real_cluster_tells_a_missing_token_from_a_wrong_one(cluster):
    without = cluster.cli("status", RAY_AUTH_TOKEN="x")
    assert without.returncode == 2
    assert "(HTTP 403)" in without.stderr
    with pytest.raises(InputError, match="401"):
        JobsServer(cluster.url, None).jobs()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_node_that_dies_in_mid_study_costs_no_trial_and_repeats_none(small, embedded, tmp_path):
    ledger = Ledger(tmp_path / "ledger")
    (tmp_path / "cluster").mkdir()
    with ray_cluster(tmp_path / "cluster") as cluster:
        words = ("submit", small, "--set", f"ledger.root={ledger.root}")
        assert cluster.cli(*words, "--detach").returncode == 0
        wait_until(lambda: in_mid_study(ledger.root / "trials"), "a trial after the first that finished", 200)
        kill(cluster.nodes.pop("127.0.0.4"), politely=False)
        followed = cluster.cli("logs", "small", "--follow")
        assert followed.returncode == 0, followed.stdout + followed.stderr
    assert_same_numbers(ledger, embedded)
    for address in trials(ledger):
        assert log_of(ledger, address).count("finished after") == 1
