"""The cache of decoded images: whole or not there, shared, and quick to find again."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from full_disk import files_of_at_most
from image_folders import pictures, write_folder
from test_images import whole_cache

from gan_core.cache_folder import FOLDER_VARIABLE
from gan_core.data import Images, image_store
from gan_core.data.image_files import ImageFolder

SLOW = """
import sys, time
from gan_core.data import Images
from gan_core.data.image_files import ImageFolder
decode = ImageFolder.pixels
def slowly(self, index, settings):
    if index == 20:
        print("decoding", flush=True)
    time.sleep({seconds})
    return decode(self, index, settings)
ImageFolder.pixels = slowly
print(Images(path=sys.argv[1], size=12).load().fingerprint)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "photos", pictures(60))


def decoding(folder: Path, seconds: float) -> "subprocess.Popen[str]":
    """A process that loads the images, slowly."""
    code = SLOW.replace("{seconds}", str(seconds))
    return subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True)


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[int]:
    """Numbers of the images for which this method of `ImageFolder` is called from now on."""
    calls: list[int] = []
    original = getattr(ImageFolder, name)

    def method(self: ImageFolder, index: int, *arguments: Any) -> Any:
        calls.append(index)
        return original(self, index, *arguments)

    monkeypatch.setattr(ImageFolder, name, method)
    return calls


def test_two_processes_at_once_decode_once_and_load_the_same(folder, cache):
    processes = [decoding(folder, 0.01) for _ in range(2)]
    answers = [process.communicate(timeout=60)[0].split() for process in processes]
    assert answers[0][-1] == answers[1][-1] == Images(path=str(folder), size=12).load().fingerprint
    assert sum("decoding" in answer for answer in answers) == 1
    assert whole_cache(cache)


def test_a_killed_process_leaves_nothing_half_cached(folder, cache, tmp_path, monkeypatch):
    process = decoding(folder, 0.05)
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "decoding\n"
        os.kill(process.pid, signal.SIGKILL)
    assert list(cache.glob("images/.*.tmp/raw")), "it was killed too late"
    assert not list(cache.glob("images/*/record.json"))
    answers = [process.communicate(timeout=60)[0].split() for process in [decoding(folder, 0.01) for _ in range(2)]]
    assert answers[0][-1] == answers[1][-1]
    assert whole_cache(cache)
    assert len(list(cache.glob("images/*/record.json"))) == 1
    after_kill = Images(path=str(folder), size=12).load().every
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "another"))
    assert np.array_equal(Images(path=str(folder), size=12).load().every, after_kill)


def test_a_full_disk_gives_one_sentence_and_leaves_nothing(folder, cache):
    data = Images(path=str(folder), size=12)
    with files_of_at_most(5000), pytest.raises(ValueError, match=r"^path: cannot store the decoded images in .* set "):
        data.load()
    assert not list(cache.glob("images/*/record.json"))
    assert whole_cache(cache)
    assert data.load().count == 60


def test_a_cache_that_cannot_be_written_gives_one_sentence(folder, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(ValueError, match=r"^path: cannot store the decoded images in .*GAN_STUDY_CACHE to another"):
        Images(path=str(folder), size=12).load()


def test_images_that_are_cached_are_neither_decoded_nor_read_again(folder, cache, monkeypatch):
    first = Images(path=str(folder), size=12).load()
    decoded, read = counted(monkeypatch, "pixels"), counted(monkeypatch, "content")
    assert Images(path=str(folder), size=12, held_out=5, broken=3).load().count == first.count
    assert decoded == read == []


def test_the_same_files_elsewhere_are_read_but_not_decoded_again(folder, cache, tmp_path, monkeypatch):
    first = Images(path=str(folder), size=12).load()
    renamed = write_folder(tmp_path / "other", pictures(60)[::-1])
    decoded = counted(monkeypatch, "pixels")
    second = Images(path=str(renamed), size=12).load()
    assert decoded == []
    assert second.fingerprint == first.fingerprint


@pytest.mark.parametrize(
    "change", [{"size": 8}, {"channels": "grey"}, {"crop": "none"}, {"background": "black"}, {"limit": 30}]
)
def test_other_settings_are_decoded_again(folder, cache, monkeypatch, change):
    data = Images(path=str(folder), size=12)
    data.load()
    decoded = counted(monkeypatch, "pixels")
    replace(data, **change).load()
    assert len(decoded) == change.get("limit", 60)


def test_a_file_that_changes_is_noticed(folder, cache):
    data = Images(path=str(folder), size=12)
    before = data.load().fingerprint
    write_folder(folder, pictures(60, seed=5)[:1])
    assert data.load().fingerprint != before
    (folder / "000.png").unlink()
    assert data.load().count == 59


def test_a_file_that_could_not_be_read_is_read_again(folder, cache, monkeypatch):
    unreadable = folder / "000.png"
    monkeypatch.setattr(
        "gan_core.data.image_files.file_hash", lambda path: "unreadable" if path == unreadable else str(path)
    )
    data = Images(path=str(folder), size=12)
    data.load()
    monkeypatch.undo()
    monkeypatch.setenv(FOLDER_VARIABLE, str(cache))
    read = counted(monkeypatch, "content")
    data.load()
    assert len(read) == 60


@pytest.mark.parametrize("name", ["images.npy", "record.json", "labels.npy"])
@pytest.mark.parametrize("damage", ["short", "gone"])
def test_a_damaged_store_is_decoded_again(tmp_path, cache, name, damage):
    folder = write_folder(tmp_path / "photos", pictures(60), [1, 2] * 30)
    data = Images(path=str(folder), size=12)
    before = data.load()
    samples = before.every.copy()  # the array itself is the file that is damaged below
    (path,) = cache.glob(f"images/*/{name}")
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-7])
    after = data.load()
    assert np.array_equal(after.every, samples)
    assert after.labels_fingerprint == before.labels_fingerprint


def test_a_damaged_index_is_ignored(folder, cache):
    data = Images(path=str(folder), size=12)
    before = data.load().fingerprint
    for index in cache.glob("images/index/*.json"):
        index.write_text("[]")
    assert data.load().fingerprint == before


def test_writing_into_the_samples_changes_no_file(folder, cache):
    data = Images(path=str(folder), size=12)
    before = bytes(data.load().every)
    data.load().train[:] = 0
    assert bytes(data.load().every) == before


def test_the_fingerprint_comes_from_the_record(folder, cache, monkeypatch):
    loaded = Images(path=str(folder), size=12).load()
    (record,) = cache.glob("images/*/record.json")
    assert loaded.recorded_fingerprint == loaded.fingerprint
    record.write_text(record.read_text().replace('"content": "', '"content": "x'))
    assert Images(path=str(folder), size=12).load().fingerprint != loaded.fingerprint


def test_locks_that_the_file_system_lacks_are_done_without(folder, cache, monkeypatch):
    def without(*arguments: Any) -> None:
        raise OSError("no locks available")

    monkeypatch.setattr(image_store.fcntl, "flock", without)
    assert Images(path=str(folder), size=12).load().count == 60
    assert whole_cache(cache)
