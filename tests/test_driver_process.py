"""The driver's environment, its messages, its samples and its temporary folder, without starting it."""

import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from recorded import load_tiny, run_pending

from gan_core.data import Augmentation, Dataset, Modes, Pairs
from studies.errors import InputError, MachineError
from studies.execution.allowed_environment import allowed
from studies.execution.driver_process import driver
from studies.execution.private_folder import create_private_folder
from studies.file import sent_samples
from studies.file.recorded import RecordedData
from studies.file.sent_samples import read_samples, receive_samples, write_samples
from studies.ledger.ledger import Ledger
from studies.ledger.trial_records import TrialRecord
from studies.progress.event_messages import EventReceiver, EventSender, Message
from studies.progress.events import Listener
from studies.progress.standing import Needed, Standing

# -- environment -------------------------------------------------------------------------------------------------------

SETTINGS = {
    **{"PATH": "/bin", "HOME": "/home/me", "LANG": "C", "LC_ALL": "C", "TMPDIR": "/tmp", "PYTHONPATH": "/src"},
    **{"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "0", "LD_LIBRARY_PATH": "/lib"},
    **{"NVIDIA_VISIBLE_DEVICES": "all", "PYTORCH_CUDA_ALLOC_CONF": "x", "RAY_memory_usage_threshold": "0.9"},
}
SECRETS = dict.fromkeys(
    [
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
        *("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_AUTH_ADMIN_PASSWORD", "DATABASE_URL"),
        *("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_ADDRESS", "RAY_REDIS_PASSWORD", "NVIDIA_API_KEY", "HF_TOKEN"),
        *("PYTHONANYWHERE_API_TOKEN", "TORCH_HUB_TOKEN", "COVERAGE_SECRET", "SSH_AUTH_SOCK", "http_proxy", "MINE"),
    ],
    "planted",
)


def test_a_driver_gets_what_trainings_need_and_nothing_else() -> None:
    assert allowed(SETTINGS | SECRETS) == SETTINGS


def test_a_driver_on_a_cluster_also_gets_rays_variables() -> None:
    further = {name for name in SECRETS if name.startswith("RAY_")}
    assert allowed(SETTINGS | SECRETS, cluster=True).keys() == SETTINGS.keys() | further


def test_a_user_may_pass_on_further_variables_by_name() -> None:
    named = {"GAN_STUDY_PASS_ENV": "MINE, http_proxy,ABSENT"}
    passed = allowed(SETTINGS | SECRETS | named)
    assert passed == SETTINGS | named | {"MINE": "planted", "http_proxy": "planted"}
    with pytest.raises(InputError, match=r"^GAN_STUDY_PASS_ENV: must be names of environment variables"):
        allowed({"GAN_STUDY_PASS_ENV": "MINE=1"})


@pytest.mark.slow
def test_a_driver_computes_with_one_thread_of_linear_algebra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")  # otherwise a fork of Ray's start may hang a thread's product
    with driver("blas_threads:prepare", {}) as process, pytest.raises(InputError) as ended:
        process.study()
    assert re.fullmatch(r"threads: \[1(, 1)*\]", str(ended.value))


# -- messages ----------------------------------------------------------------------------------------------------------


class Log(Listener):
    """All events of a run, as text: the records of trials by their names and numbers."""

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []

    def opened(self, standing: Standing, needed: Needed) -> None:
        self.events.append(("opened", standing, needed))

    def measured(self, spec: object, summaries: object) -> None:
        self.events.append(("measured", spec, summaries))

    def ended(self, trial: TrialRecord) -> None:
        measured = trial.facts if trial.finished else trial.end
        self.events.append(("ended", trial.spec, trial.state, measured))

    def found(self, trials: Sequence[TrialRecord]) -> None:
        self.events.append(("found", [(trial.spec, trial.state, trial.facts) for trial in trials]))

    def planned(self, needed: Needed) -> None:
        self.events.append(("planned", needed))

    def warned(self, sentence: str) -> None:
        self.events.append(("warned", sentence))

    def closed(self, standing: Standing, interrupted: bool) -> None:
        self.events.append(("closed", standing, interrupted))


def test_listeners_of_another_process_receive_the_same_events(tmp_path: Path) -> None:
    study = load_tiny(tmp_path)
    done = run_pending(study)
    explored = [trial.key for trial in done.trials() if trial.condition == "wgan" and trial.phase == "explore"]
    done.ledger.remove(explored)  # so that the later phases are found in the run
    here, there = Log(), Log()
    receiver = EventReceiver(there, Ledger(study.ledger.root))

    def send(message: Message) -> None:
        receiver.receive(json.loads(json.dumps(message)))

    run_pending(study, here, EventSender(send))
    assert here.events == there.events
    assert {event[0] for event in there.events} == {"opened", "measured", "ended", "found", "planned", "closed"}
    receiver.close()
    assert there.events[-1][0] == "closed"
    assert there.events.count(there.events[-1]) == 1


def test_a_run_that_ends_without_a_word_is_closed_as_interrupted(tmp_path: Path) -> None:
    study, there = load_tiny(tmp_path), Log()
    progress = run_pending(study, trials=1)
    receiver = EventReceiver(there, Ledger(study.ledger.root))
    sender = EventSender(receiver.receive)
    sender.opened(progress.standing(), progress.needed)
    receiver.close()
    assert there.events[-1] == ("closed", progress.standing(), True)


# -- samples -----------------------------------------------------------------------------------------------------------


def test_samples_arrive_as_they_were_sent(tmp_path: Path) -> None:
    numbers = np.arange(24, dtype=np.float32).reshape(12, 2) / 24
    sent = Dataset(
        name="mine",
        train=numbers[:6],
        validation=numbers[6:9],
        test=numbers[9:],
        shape=(2,),
        bounded=True,
        classes=("a", "b"),
        notes=("one",),
        recorded_fingerprint="00ff",
        modes=Modes(centers=numbers[:2].astype(np.float64), sigma=0.25),
        pairs={"test": Pairs(latent=numbers[:3], target=numbers[9:])},
        labels={"train": np.array([0, 1, 0, 1, 0, 1])},
        augmentation=Augmentation(flips=True),
    )
    write_samples(sent, tmp_path / "samples.npz")
    got = read_samples(tmp_path / "samples.npz")
    for name in ("name", "shape", "bounded", "classes", "notes", "recorded_fingerprint", "augmentation"):
        assert getattr(got, name) == getattr(sent, name)
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(got, part), getattr(sent, part))
        assert getattr(got, part).dtype == np.float32
    assert got.modes is not None
    np.testing.assert_array_equal(got.modes.centers, numbers[:2])
    assert got.modes.sigma == 0.25
    np.testing.assert_array_equal(got.pairs["test"].target, numbers[9:])
    assert got.labels_fingerprint == sent.labels_fingerprint


def test_a_file_of_pickles_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "samples.npz", description=np.array([{"name": "x"}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        read_samples(tmp_path / "samples.npz")


def test_received_samples_need_no_class_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent_samples, "_received", {})
    numbers = np.arange(20, dtype=np.float32).reshape(10, 2)
    dataset = Dataset(name="x", train=numbers[:6], validation=numbers[6:8], test=numbers[8:], shape=(2,), bounded=False)
    write_samples(dataset, tmp_path / "samples.npz")
    table = {"kind": "not_there:Mine", "size": 3}
    receive_samples(table, tmp_path / "samples.npz")
    data = RecordedData("not_there:Mine", table, {"not_there": "0" * 16})
    assert (data.sizes.train, data.sizes.held_out) == (6, 2)
    assert data.load().fingerprint == dataset.fingerprint
    with pytest.raises(InputError, match="not_there"):
        RecordedData("not_there:Mine", {**table, "size": 4}, {"not_there": "0" * 16}).load()


# -- temporary folder --------------------------------------------------------------------------------------------------


def test_a_temporary_folder_with_a_long_path_is_replaced_by_one_that_rays_sockets_fit_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    folder = create_private_folder()
    folder.rmdir()
    assert folder.parent == Path("/tmp")
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    folder = create_private_folder(for_ray=False)
    folder.rmdir()
    assert folder.parent == long
    monkeypatch.setattr(tempfile, "tempdir", "/proc")
    with pytest.raises(MachineError, match=r"^TMPDIR: must be a folder that can be written, but /proc is not \("):
        create_private_folder()
