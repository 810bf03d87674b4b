"""Storage in a folder: whole objects only, of this user, in real folders; everything else is refused in a sentence."""

import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from full_disk import files_of_at_most

from studies.errors import DamagedError, InputError, StudyFailed
from studies.ledger import folder_storage
from studies.ledger.folder_storage import FolderStorage


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "root")


def files(storage: FolderStorage) -> list[str]:
    """Everything below the root, temporary files and folders included."""
    return sorted(str(path.relative_to(storage.root)) for path in storage.root.rglob("*"))


# -- roots and keys ----------------------------------------------------------------------------------------------------


def test_a_root_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert FolderStorage("here").root == tmp_path / "here"
    assert FolderStorage("~/there").root == tmp_path / "home" / "there"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("root", ["s3://bucket/path", "file:///tmp/x", "gs://a"])
def test_an_address_is_no_root(root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as refused:
        FolderStorage(root)
    assert str(refused.value) == (
        f"ledger.root: must be a folder, on this machine or on a shared mount, but is the address {root}; "
        "mount the storage and give its folder"
    )
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("root", ["~no-such-user/x", "a\0b"])
def test_a_root_that_cannot_be_resolved_is_refused(root: str) -> None:
    with pytest.raises(InputError, match=r"^ledger\.root: must be a folder, but is "):
        FolderStorage(root)


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=r"^ledger\.root: must be a folder, but .*file is a file$"):
        FolderStorage(tmp_path / "file")
    below = FolderStorage(tmp_path / "file" / "below")
    with pytest.raises(StudyFailed, match="cannot be written"):
        below.create("trials/a", b"1")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("key", ["../a", "/etc/passwd", "a/../../b", "a//b", ".", "", "a\0b", "a/"])
def test_a_key_that_leads_out_of_the_root_is_refused(storage: FolderStorage, key: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: storage.read(key),
        lambda: storage.create(key, b"x"),
        lambda: storage.replace(key, b"x"),
        lambda: storage.delete(key),
        lambda: storage.delete_below(key),
        lambda: storage.keys(key),
        lambda: storage.set_aside(key),
        lambda: storage.blocked(key),
    ]
    for call in calls:
        with pytest.raises(InputError, match="must be the name of something in the ledger"):
            call()
    assert not storage.root.exists()


# -- objects -----------------------------------------------------------------------------------------------------------


def test_objects_are_created_once_replaced_and_deleted(storage: FolderStorage) -> None:
    assert storage.read("a/b") is None
    assert storage.create("a/b", b"1") is True
    assert storage.create("a/b", b"2") is False
    assert storage.read("a/b") == b"1"
    storage.replace("a/b", b"33")
    assert (storage.read("a/b"), storage.size("a/b"), storage.size("a/c")) == (b"33", 2, 0)
    storage.replace("a/c/d", b"")
    assert storage.keys("a") == ["a/b", "a/c/d"]
    storage.delete("a/b")
    storage.delete("a/b")
    assert storage.keys("a") == ["a/c/d"]
    assert files(storage) == ["a", "a/c", "a/c/d"]


def test_deleting_the_last_object_of_a_folder_deletes_the_folder_but_no_prefix(storage: FolderStorage) -> None:
    storage.replace("running/key/deeper/end", b"")
    storage.delete("running/key/deeper/end")
    assert files(storage) == ["running"]


def test_delete_below_deletes_a_folder_and_its_leftovers(storage: FolderStorage) -> None:
    for key in ("a/b/c", "a/b/d/e", "a/bb"):
        storage.replace(key, b"")
    (storage.root / "a" / "b" / ".x.tmp").touch()
    storage.delete_below("a/b")
    storage.delete_below("a/b")
    assert files(storage) == ["a", "a/bb"]


def test_a_file_system_without_links_creates_once_too(storage: FolderStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os.path, "lexists", lambda path: False)  # as if another process created it a moment later
    assert (storage.create("a/b", b"1"), storage.create("a/b", b"2")) == (True, False)
    assert storage.read("a/b") == b"1"
    assert files(storage) == ["a", "a/b"]


def test_of_many_creators_at_once_exactly_one_succeeds(storage: FolderStorage) -> None:
    created: list[int] = []
    start = threading.Barrier(8)

    def create(number: int) -> None:
        start.wait()
        if storage.create("a/b", b"%d" % number):
            created.append(number)

    threads = [threading.Thread(target=create, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [b"%d" % number for number in created] == [storage.read("a/b")]


def test_writing_and_deleting_the_same_folder_at_once_raises_nothing(storage: FolderStorage) -> None:
    failures: list[BaseException] = []
    end = time.monotonic() + 0.4

    def repeat(action: Callable[[], object]) -> None:
        try:
            while time.monotonic() < end:
                action()
        except BaseException as error:
            failures.append(error)

    actions: list[Callable[[], object]] = [
        lambda: storage.replace("running/key/checkpoint", b"1"),
        lambda: storage.create("running/key/started", b"1"),
        lambda: storage.delete_below("running/key"),
        lambda: storage.delete("running/key/checkpoint"),
        lambda: storage.keys("running"),
        lambda: storage.read("running/key/checkpoint"),
    ]
    threads = [threading.Thread(target=repeat, args=[action]) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_folder_that_is_replaced_while_it_is_deleted_is_deleted_again(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`rmtree` raises an error without a number if the folder that it opens is not the one that it looked at."""
    storage.create("running/key/started", b"1")
    folder, lstat = storage.path("running/key"), os.lstat
    replaced: list[Any] = []

    def replacing(path: Any, *arguments: Any, **keywords: Any) -> os.stat_result:
        status = lstat(path, *arguments, **keywords)
        if not replaced and str(path) == str(folder):
            replaced.append(path)
            folder.rename(folder.with_name("former"))
            folder.mkdir()
        return status

    monkeypatch.setattr(os, "lstat", replacing)
    storage.delete_below("running/key")
    assert replaced
    assert not folder.exists()


def test_a_link_in_place_of_a_folder_is_not_deleted_by_trying_again(storage: FolderStorage, tmp_path: Path) -> None:
    storage.create("running/other/started", b"1")
    storage.path("running/key").symlink_to(tmp_path)
    with pytest.raises(StudyFailed, match="symbolic link"):
        storage.delete_below("running/key")
    assert storage.path("running/key").is_symlink()


# -- things that are no objects ----------------------------------------------------------------------------------------


def place_file(path: Path) -> None:
    path.write_bytes(b"1")


def place_link(path: Path) -> None:
    path.with_name("target").write_bytes(b"1")
    path.symlink_to(path.with_name("target"))


def place_loop(path: Path) -> None:
    path.symlink_to(path)


def place_fifo(path: Path) -> None:
    os.mkfifo(path)


FOREIGN: dict[str, tuple[Callable[[Path], None], str]] = {
    "folder": (Path.mkdir, "it is a folder"),
    "link": (place_link, "it is a link"),
    "loop": (place_loop, "it is a link"),
    "pipe": (place_fifo, "it is no ordinary file"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_no_ordinary_file_is_refused_and_can_be_set_aside(storage: FolderStorage, kind: str) -> None:
    place, reason = FOREIGN[kind]
    (storage.root / "a").mkdir(parents=True)
    place(storage.root / "a" / "b")
    with pytest.raises(DamagedError) as refused:
        storage.read("a/b")
    assert (refused.value.place, refused.value.reason) == (str(storage.root / "a" / "b"), reason)
    assert "a/b" in storage.keys("a")
    assert storage.create("a/b", b"2") is False
    assert storage.set_aside("a/b") == "set-aside/a.b.0"
    assert storage.create("a/b", b"2") is True


def test_a_file_of_another_user_is_refused_unless_the_folder_is_shared(storage: FolderStorage) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    storage.replace("a/b", b"1")
    os.chown(storage.root / "a" / "b", 4321, 4321)
    with pytest.raises(DamagedError, match=r"it belongs to another user \(uid 4321\)"):
        storage.read("a/b")
    storage.root.chmod(0o775)
    assert storage.read("a/b") == b"1"


def test_nothing_is_read_written_or_deleted_through_a_linked_folder(storage: FolderStorage, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "key").mkdir(parents=True)
    (tmp_path / "elsewhere" / "key" / "b").write_text("mine")
    storage.root.mkdir()
    (storage.root / "a").symlink_to(tmp_path / "elsewhere")
    assert storage.blocked("a")
    calls: list[Callable[[], object]] = [
        lambda: storage.read("a/key/b"),
        lambda: storage.create("a/key/c", b"x"),
        lambda: storage.replace("a/key/b", b"x"),
        lambda: storage.delete("a/key/b"),
        lambda: storage.delete_below("a/key"),
        lambda: storage.set_aside("a/key/b"),
    ]
    for call in calls:
        with pytest.raises(DamagedError, match="it is in a linked folder"):
            call()
    assert (tmp_path / "elsewhere" / "key" / "b").read_text() == "mine"
    storage.set_aside("a")
    assert not storage.blocked("a")


def test_a_linked_root_is_read(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "disk")
    storage = FolderStorage(tmp_path / "root")
    storage.replace("a/b", b"1")
    assert storage.read("a/b") == b"1"


def test_keys_are_those_of_objects_and_of_things_that_are_none(storage: FolderStorage) -> None:
    for key in ("a/b", "a/c/d", "a/.hidden", "a/.folder/e", "ab/c"):
        path = storage.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (storage.root / "a" / "empty").mkdir()
    place_link(storage.root / "a" / "link")
    (storage.root / "a" / "linked").symlink_to(storage.root)
    assert storage.keys("a") == ["a/b", "a/c/d", "a/empty", "a/link", "a/linked", "a/target"]
    assert storage.keys("none") == storage.keys("a/b") == storage.keys("a" * 300) == []


def test_a_name_too_long_is_no_object(storage: FolderStorage) -> None:
    assert storage.read("a" * 300) is None
    with pytest.raises(StudyFailed, match="File name too long"):
        storage.create("a" * 300, b"")


def test_folders_nested_deeper_than_python_recurses_are_listed(storage: FolderStorage) -> None:
    (storage.root / "a").mkdir(parents=True)
    descriptor = os.open(storage.root / "a", os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    assert storage.keys("a") == ["a" + "/d" * 1500]
    storage.set_aside("a/d")
    assert storage.keys("a") == []
    subprocess.run(["rm", "-rf", str(storage.root)], check=True)


@pytest.mark.parametrize("name", ["line\nbreak", b"\xff\xfe".decode(errors="surrogateescape"), "\x1b[2J"])
def test_a_name_that_is_not_printable_is_escaped_in_messages(storage: FolderStorage, name: str) -> None:
    storage.path(f"a/{name}").mkdir(parents=True)
    assert storage.keys("a") == [f"a/{name}"]
    assert storage.place(f"a/{name}").isprintable()
    with pytest.raises(DamagedError) as refused:
        storage.read(f"a/{name}")
    assert str(refused.value).isprintable()
    assert storage.set_aside(f"a/{name}").isascii()


def test_a_file_larger_than_any_record_is_not_read(storage: FolderStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studies.ledger.storage.LARGEST_RECORD", 100)
    storage.replace("a", b"x" * 100)
    assert storage.read("a") == b"x" * 100
    storage.replace("a", b"x" * 101)
    with pytest.raises(DamagedError, match="it is larger than anything that is written there"):
        storage.read("a")


def test_things_set_aside_keep_their_contents_under_new_names(storage: FolderStorage) -> None:
    for content in (b"1", b"2"):
        storage.replace("a/b", content)
        storage.set_aside("a/b")
    assert storage.set_aside("a/b") == "set-aside/a.b.2"  # gone already
    assert [storage.read(f"set-aside/a.b.{number}") for number in range(3)] == [b"1", b"2", None]
    storage.replace("a/" + "n" * 210, b"3")
    assert storage.read(storage.set_aside("a/" + "n" * 210)) == b"3"


def test_a_file_in_the_place_of_set_aside_is_moved(storage: FolderStorage) -> None:
    storage.replace("set-aside", b"mine")
    storage.replace("a", b"1")
    assert storage.read(storage.set_aside("a")) == b"1"
    (moved,) = storage.root.glob("set-aside.*")
    assert moved.read_bytes() == b"mine"


# -- writers that fail -------------------------------------------------------------------------------------------------


def test_a_full_disk_leaves_the_former_object_and_no_other_file(storage: FolderStorage) -> None:
    storage.replace("a/b", b"1")
    with files_of_at_most(100):
        for write in (storage.replace, storage.create):
            with pytest.raises(StudyFailed, match=r"^the ledger cannot be written: .* \(File too large\)$"):
                write("a/b" if write == storage.replace else "a/c", b"x" * 1000)
    assert files(storage) == ["a", "a/b"]
    assert storage.read("a/b") == b"1"


def without_override_of_permissions(program: str, *arguments: object) -> list[str]:
    """Lines that a Python program prints; tests may run as root, who may read and write everything."""

    def drop() -> None:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            ctypes.CDLL(None).prctl(24, capability)  # PR_CAPBSET_DROP, in effect for the program executed next

    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=drop, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


NO_PERMISSION = """if True:
    import sys
    from studies.errors import GanStudyError
    from studies.ledger.folder_storage import FolderStorage
    storage = FolderStorage(sys.argv[1])
    print(storage.read("a/b"))
    print(storage.keys("a"))
    for call in (lambda: storage.read("a/secret"), lambda: storage.create("a/c", b""), lambda: storage.delete("a/b"),
                 lambda: storage.delete_below("a"), lambda: storage.set_aside("a/b"), lambda: storage.keys("locked")):
        try:
            print("done", call())
        except GanStudyError as error:
            print(type(error).__name__, str(error).replace(sys.argv[1], "ROOT").partition(")")[0])
"""


def test_what_cannot_be_read_or_written_is_said_in_a_sentence(storage: FolderStorage) -> None:
    for key in ("a/b", "a/secret", "a/closed/x", "locked/x"):
        storage.replace(key, b"1")
    (storage.root / "a" / "secret").chmod(0)
    for folder, mode in (("a/closed", 0), ("locked", 0), ("a", 0o555)):
        (storage.root / folder).chmod(mode)
    lines = without_override_of_permissions(NO_PERMISSION, storage.root)
    for folder in ("a", "a/closed", "locked"):
        (storage.root / folder).chmod(0o755)
    assert lines == [
        "b'1'",
        "['a/b', 'a/closed', 'a/secret']",
        "DamagedError ROOT/a/secret: is damaged or foreign (it cannot be read (Permission denied",
        "StudyFailed the ledger cannot be written: ROOT/a/c (Permission denied",
        "StudyFailed the ledger cannot be written: ROOT/a/b (Permission denied",
        "StudyFailed the ledger cannot be written: ROOT/a (Permission denied",
        "StudyFailed the ledger cannot be written: ROOT/a/b (Permission denied",
        "DamagedError ROOT/locked: is damaged or foreign (it cannot be read (Permission denied",
    ]


def test_leftovers_are_temporary_files_older_than_an_hour(storage: FolderStorage) -> None:
    old, new = "a/b/.c." + "0" * 32 + ".tmp", "a/.d." + "f" * 32 + ".tmp"
    now = time.time()
    for path, age in ((old, 3700), (new, 3500), ("a/.other", 9999), ("a/b.tmp", 9999)):
        file = storage.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        os.utime(file, (now - age, now - age))
    assert folder_storage.LEFTOVER_SECONDS == 3600
    assert storage.leftovers("a") == [old]
    for path in (old, "a/.other"):  # the second is none
        storage.delete_leftover(path)
    assert files(storage) == ["a", new, "a/.other", "a/b.tmp"]
