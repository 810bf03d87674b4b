"""Leases: one run at a time writes a study; a run that ended or vanished holds none."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studies.errors import InputError, StudyFailed
from studies.ledger import leases
from studies.ledger.folder_storage import FolderStorage
from studies.ledger.leases import Lease, held, holder, holder_of, name_of, numbers
from studies.ledger.sealed import seal

FOLDER = "studies/s"


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "RENEWAL_SECONDS", 0.05)


def refusal(storage: FolderStorage) -> str:
    with pytest.raises(InputError) as refused, held(storage, FOLDER, "s"):
        pass
    return str(refused.value)


def write(storage: FolderStorage, number: int, *, renewed: float | None = None, **changes: Any) -> None:
    """A lease of another process with the given changes of its holder."""
    key = name_of(FOLDER, number)
    renewed = time.time() if renewed is None else renewed
    record = {"key": key, "holder": holder() | changes, "renewed": renewed, "released": False}
    storage.replace(key, seal(record))


ELSEWHERE: dict[str, Any] = {"machine": "elsewhere", "host": "node7", "process": 12}


def test_a_lease_is_refused_to_others_until_it_is_released(storage: FolderStorage) -> None:
    with held(storage, FOLDER, "s") as lease:
        assert lease.number == 1
        here = f"{socket.gethostname()} (process {os.getpid()})"
        assert holder_of(storage, FOLDER, 1) == here
        assert refusal(storage) == (
            f"name: another run is writing the study 's' at this moment, on {here}; wait for it, stop it, or give this "
            "study another name"
        )
        with held(storage, "studies/t", "t"):
            pass
    assert holder_of(storage, FOLDER, 1) is None
    with held(storage, FOLDER, "s") as lease:
        assert lease.number == 2
        assert numbers(storage, FOLDER) == [2]


def test_an_exception_releases_the_lease(storage: FolderStorage) -> None:
    with pytest.raises(KeyboardInterrupt), held(storage, FOLDER, "s"):
        raise KeyboardInterrupt
    assert holder_of(storage, FOLDER, 1) is None


HOLDER = """if True:
    import sys, time
    from studies.ledger.folder_storage import FolderStorage
    from studies.ledger.leases import held
    with held(FolderStorage(sys.argv[1]), "studies/s", "s"):
        print("held", flush=True)
        time.sleep(600)
"""


def test_a_killed_run_holds_no_lease(storage: FolderStorage) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(storage.root)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert f"(process {process.pid})" in refusal(storage)
    finally:
        process.kill()
        process.communicate(timeout=60)
    with held(storage, FOLDER, "s") as lease:
        assert lease.number == 2


def test_a_process_with_the_number_of_a_dead_one_is_another_process(storage: FolderStorage) -> None:
    write(storage, 1, started="1")
    assert holder_of(storage, FOLDER, 1) is None


def test_a_suspended_process_of_this_machine_keeps_its_lease(storage: FolderStorage) -> None:
    write(storage, 1, renewed=time.time() - 9999)
    assert holder_of(storage, FOLDER, 1) is not None


def test_without_start_times_a_lease_is_over_when_it_is_not_renewed(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a system without /proc, or one that hides the processes of other users."""
    monkeypatch.setattr(leases, "_started", lambda process: leases.UNKNOWN)
    write(storage, 1)
    assert holder_of(storage, FOLDER, 1) is not None
    write(storage, 1, renewed=time.time() - leases.EXPIRY_SECONDS - 1)
    assert holder_of(storage, FOLDER, 1) is None


def test_a_process_of_another_user_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(process: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(leases.os, "kill", refuse)
    monkeypatch.setattr(leases.Path, "read_text", lambda path, **how: (_ for _ in ()).throw(OSError()))
    assert leases._started(1) == leases.UNKNOWN


@pytest.mark.parametrize("process", [None, "1", True, 0, -1, 2**70, 10**100])
def test_what_is_no_process_number_is_no_process(process: object) -> None:
    assert leases._started(process) is None


def test_a_lease_of_another_machine_counts_as_long_as_it_is_renewed(storage: FolderStorage) -> None:
    write(storage, 1, **ELSEWHERE)
    assert "on node7 (process 12)" in refusal(storage)
    write(storage, 1, renewed=time.time() - leases.EXPIRY_SECONDS - 1, **ELSEWHERE)
    assert holder_of(storage, FOLDER, 1) is None


@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
@pytest.mark.usefixtures("quick")
def test_a_run_on_a_machine_with_another_clock_is_not_taken_over(storage: FolderStorage, skew: float) -> None:
    write(storage, 1, renewed=time.time() + skew, **ELSEWHERE)
    done = threading.Event()

    def renew() -> None:
        while not done.wait(0.02):
            write(storage, 1, renewed=time.time() + skew, **ELSEWHERE)

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        assert "on node7 (process 12)" in refusal(storage)
    finally:
        done.set()
        thread.join()
    with held(storage, FOLDER, "s") as lease:  # it is not renewed any more
        assert lease.number == 2


@pytest.mark.usefixtures("quick")
def test_a_run_that_was_taken_over_stops_and_leaves_the_other_lease(storage: FolderStorage) -> None:
    with held(storage, FOLDER, "s") as lease:
        lease.check()
        write(storage, 2, **ELSEWHERE)
        storage.delete(name_of(FOLDER, 1))
        time.sleep(0.3)
        with pytest.raises(StudyFailed, match="another run has taken this study over"):
            lease.check()
    assert numbers(storage, FOLDER) == [2]
    assert holder_of(storage, FOLDER, 2) is not None


@pytest.mark.usefixtures("quick")
def test_a_lease_whose_folder_was_deleted_is_written_again(storage: FolderStorage) -> None:
    with held(storage, FOLDER, "s") as lease:
        storage.delete_below(FOLDER)
        time.sleep(0.3)
        lease.check()
        assert holder_of(storage, FOLDER, 1) is not None


@pytest.mark.usefixtures("quick")
def test_a_released_lease_is_never_renewed(storage: FolderStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The renewal that runs at the moment of the release is slow."""
    record = Lease.record

    def slow(lease: Lease, *, released: bool = False) -> bytes:
        content = record(lease, released=released)
        if threading.current_thread().name == "lease":
            time.sleep(0.2)
        return content

    monkeypatch.setattr(Lease, "record", slow)
    with held(storage, FOLDER, "s"):
        time.sleep(0.1)
    time.sleep(0.3)
    assert holder_of(storage, FOLDER, 1) is None


def test_of_many_runs_at_once_exactly_one_gets_the_lease(storage: FolderStorage) -> None:
    for number in range(1, 9):
        write(storage, number, started="1")  # eight killed runs
    taken: list[int] = []
    refused: list[str] = []
    start, end = threading.Barrier(6), threading.Barrier(6)

    def run() -> None:
        start.wait()
        try:
            with held(storage, FOLDER, "s") as lease:
                taken.append(lease.number)
                end.wait()
        except InputError as error:
            refused.append(str(error))
            end.wait()

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refused)) == (1, 5)


def test_a_run_that_read_the_numbers_long_ago_takes_no_lease_below_another(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lease 1 was taken, given back and deleted, and lease 2 taken, between the first two steps of this run."""
    calls: Iterator[list[int]] = iter([[]])
    monkeypatch.setattr(leases, "numbers", lambda *arguments: next(calls, numbers(*arguments)))
    write(storage, 2, **ELSEWHERE)
    assert "on node7 (process 12)" in refusal(storage)
    assert numbers(storage, FOLDER) == [2]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", seal({}), seal({"key": name_of(FOLDER, 1), "holder": [], "renewed": "x"})],
)
def test_a_damaged_lease_is_over(storage: FolderStorage, content: bytes) -> None:
    storage.replace(name_of(FOLDER, 1), content)
    assert holder_of(storage, FOLDER, 1) is None
    with held(storage, FOLDER, "s") as lease:
        assert lease.number == 2


def test_a_lease_of_another_study_is_over(storage: FolderStorage) -> None:
    with held(storage, "studies/t", "t"):
        storage.replace(name_of(FOLDER, 1), storage.read(name_of("studies/t", 1)) or b"")
        with held(storage, FOLDER, "s") as lease:
            assert lease.number == 2


@pytest.mark.parametrize("name", ["00000001/x", "00000001/.hidden", "1", "x", "٣٣٣٣٣٣٣٣"])
def test_foreign_things_beside_a_lease_hold_nothing(storage: FolderStorage, name: str) -> None:
    path = storage.path(f"{FOLDER}/lease/{name}")
    path.parent.mkdir(parents=True)
    path.touch()
    with held(storage, FOLDER, "s") as lease:
        assert holder_of(storage, FOLDER, lease.number) is not None
    with held(storage, FOLDER, "s"):
        pass
