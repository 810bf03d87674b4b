"""Unfinished trials: marks, checkpoints and ends are read back, or refused in a sentence."""

import json
import random
from pathlib import Path

import pytest
import torch
from full_disk import files_of_at_most
from ledger_contents import check_sentence

from studies.errors import DamagedError, InputError, StudyFailed
from studies.ledger.folder_storage import FolderStorage
from studies.ledger.sealed import checksum, seal
from studies.ledger.unfinished import STATES, TrialEnd, Unfinished

STATE = {"iteration": 3, "flat": torch.arange(5.0), "nested": {"a": [1, None, "b"]}}


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path)


@pytest.fixture
def trial(storage: FolderStorage) -> Unfinished:
    return Unfinished(storage, "key")


def same(first: dict | None, second: dict) -> bool:
    if first is None or first.keys() != second.keys():
        return False
    return torch.equal(first["flat"], second["flat"]) and all(first[k] == second[k] for k in ("iteration", "nested"))


def test_nothing_is_there_before_a_trial_starts(trial: Unfinished) -> None:
    assert (trial.checkpoint(), trial.end()) == (None, None)
    trial.clear_end()
    trial.clear()


def test_a_mark_names_the_last_start_and_the_first_trial_of_its_pack(trial: Unfinished, storage: FolderStorage) -> None:
    assert trial.checkpoint_key() == "key"
    trial.mark_started("first", checkpoint="other")
    assert trial.checkpoint_key() == "other"
    trial.mark_started("second")
    assert json.loads(storage.read("running/key/started") or b"")["node"] == "second"
    assert trial.checkpoint_key() == "key"


def test_a_forged_mark_is_damage(trial: Unfinished, storage: FolderStorage) -> None:
    storage.replace("running/key/started", seal({"key": "another", "node": "here", "checkpoint": "key"}))
    with pytest.raises(DamagedError, match=r"it is not the record of this trial's start"):
        trial.checkpoint_key()


def test_the_last_checkpoint_is_read_back(trial: Unfinished) -> None:
    trial.save_checkpoint({"flat": torch.zeros(1)})
    trial.save_checkpoint(STATE)
    assert same(trial.checkpoint(), STATE)


@pytest.mark.parametrize("state", ["lost", "out_of_memory", "timed_out", "error"])
def test_an_end_is_read_back_and_cleared(trial: Unfinished, state: str) -> None:
    end = TrialEnd(state=state, reason="RuntimeError: no", detail="line 1\nline 2")  # type: ignore[arg-type]
    trial.record_end(end)
    assert state in STATES
    assert trial.end() == end
    trial.clear_end()
    assert trial.end() is None


def test_clearing_deletes_everything_of_this_trial_alone(trial: Unfinished, storage: FolderStorage) -> None:
    other = Unfinished(storage, "key2")
    for each in (trial, other):
        each.mark_started("n")
        each.save_checkpoint(STATE)
        each.record_end(TrialEnd(state="lost", reason="r"))
    trial.clear()
    assert storage.keys("running") == [f"running/key2/{name}" for name in ("checkpoint", "end", "started")]


# -- damage ------------------------------------------------------------------------------------------------------------


def test_every_flipped_byte_of_a_checkpoint_is_refused(trial: Unfinished, storage: FolderStorage) -> None:
    trial.save_checkpoint(STATE)
    content, rng = storage.read("running/key/checkpoint") or b"", random.Random(0)
    header = content.index(b"\n")
    for offset in [*rng.sample(range(header + 1), 50), *rng.sample(range(header + 1, len(content)), 50)]:
        damaged = bytearray(content)
        damaged[offset] ^= rng.randrange(1, 256)
        storage.replace("running/key/checkpoint", bytes(damaged))
        try:
            assert same(trial.checkpoint(), STATE)  # a space became another white space
            assert offset <= header
        except DamagedError as error:
            check_sentence(error)


@pytest.mark.parametrize("end", [0, 1, 50, 300, -1])
def test_a_cut_checkpoint_is_refused(trial: Unfinished, storage: FolderStorage, end: int) -> None:
    trial.save_checkpoint(STATE)
    storage.replace("running/key/checkpoint", (storage.read("running/key/checkpoint") or b"")[:end])
    with pytest.raises(DamagedError):
        trial.checkpoint()


def test_a_checkpoint_of_another_trial_is_refused(trial: Unfinished, storage: FolderStorage) -> None:
    Unfinished(storage, "other").save_checkpoint(STATE)
    storage.replace("running/key/checkpoint", storage.read("running/other/checkpoint") or b"")
    with pytest.raises(DamagedError, match="it is the checkpoint of another trial"):
        trial.checkpoint()


def test_a_checkpoint_of_another_format_is_refused(trial: Unfinished, storage: FolderStorage) -> None:
    storage.replace("running/key/checkpoint", b'{"format": 2, "key": "key", "checksum": "0"}\n...')
    with pytest.raises(InputError, match=r"another version of gan-studies \(format 2, ") as refused:
        trial.checkpoint()
    assert not isinstance(refused.value, DamagedError)


def with_payload(payload: bytes) -> bytes:
    header = {"key": "key", "bytes": len(payload), "state": checksum(payload)}
    return seal(header, indent=None) + b"\n" + payload


def test_a_forged_checkpoint_that_pytorch_cannot_read_is_refused(trial: Unfinished, storage: FolderStorage) -> None:
    import pickle
    from io import BytesIO

    number = BytesIO()
    torch.save(3, number)
    for payload in (b"", b"PK\3\4", pickle.dumps(print), number.getvalue()):
        storage.replace("running/key/checkpoint", with_payload(payload))
        with pytest.raises(DamagedError, match=r"PyTorch cannot read it|it holds no table"):
            trial.checkpoint()


def test_a_checkpoint_grown_to_a_terabyte_is_refused_without_reading_it(
    trial: Unfinished, storage: FolderStorage
) -> None:
    trial.save_checkpoint(STATE)
    with storage.path("running/key/checkpoint").open("r+b") as file:
        file.truncate(2**40)  # sparse
    with pytest.raises(DamagedError, match="it has another size than was written"):
        trial.checkpoint()


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"key": "other", "state": "lost", "reason": "r", "detail": "", "at": 1.0},
        {"key": "key", "state": "finished", "reason": "r", "detail": "", "at": 1.0},
        {"key": "key", "state": ["lost"], "reason": "r", "detail": "", "at": 1.0},
        {"key": "key", "state": "lost", "reason": None, "detail": "", "at": 1.0},
        {"key": "key", "state": "lost", "reason": "r", "at": 1.0},
        {"key": "key", "state": "lost", "reason": "r", "detail": "", "at": "now"},
    ],
)
def test_a_record_that_is_no_end_of_this_trial_is_refused(
    trial: Unfinished, storage: FolderStorage, record: dict
) -> None:
    storage.replace("running/key/end", seal(record))
    with pytest.raises(DamagedError, match="it is not the record of this trial's end"):
        trial.end()


def test_a_damaged_object_set_aside_makes_room(trial: Unfinished, storage: FolderStorage) -> None:
    storage.path("running/key/checkpoint").mkdir(parents=True)
    trial.set_aside("checkpoint")
    trial.save_checkpoint(STATE)
    assert same(trial.checkpoint(), STATE)


def test_a_full_disk_leaves_the_former_checkpoint(trial: Unfinished) -> None:
    trial.save_checkpoint(STATE)
    with files_of_at_most(10_000), pytest.raises(StudyFailed, match=r"checkpoint \(File too large\)"):
        trial.save_checkpoint({"flat": torch.zeros(100_000)})
    assert same(trial.checkpoint(), STATE)
