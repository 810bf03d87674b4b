"""The folder for temporary files, before Ray uses it."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from studies.errors import MachineError
from studies.execution.temporary_folder import check_temporary_folder


class Usage(NamedTuple):
    """A result of `shutil.disk_usage`."""

    total: int
    used: int
    free: int


def test_a_folder_with_room_is_accepted_and_left_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    check_temporary_folder()
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("TMPDIR", str(tmp_path / "new"))  # Ray creates it
    check_temporary_folder()


def test_a_folder_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/proc/sys")
    with pytest.raises(MachineError, match=r"^TMPDIR: must be a folder that can be written, but /proc/sys is not \("):
        check_temporary_folder()


def test_a_full_disk_is_refused_with_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(10**9, 10**9, 4096))
    with pytest.raises(MachineError, match=r"^TMPDIR: must have 52\.4 MB free, but .* has 4\.1 kB$"):
        check_temporary_folder()
