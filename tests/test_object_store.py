"""Where the object store of a local Ray is: in shared memory, or else among the temporary files."""

import tempfile
from collections import namedtuple
from pathlib import Path

import pytest

from studies.execution import object_store as module
from studies.execution.object_store import SIZE, object_store

ELSEWHERE = {"object_store_memory": SIZE, "_plasma_directory": tempfile.gettempdir()}
Usage = namedtuple("Usage", "free")


@pytest.mark.parametrize(("free", "expected"), [(2 * SIZE, {"object_store_memory": SIZE}), (SIZE // 2, ELSEWHERE)])
def test_the_store_is_in_shared_memory_if_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, expected: dict[str, object]
) -> None:
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: Usage(free))
    assert object_store(tmp_path) == expected


def test_the_store_is_among_the_temporary_files_if_there_is_no_shared_memory(tmp_path: Path) -> None:
    assert object_store(tmp_path / "missing") == ELSEWHERE
    assert object_store(Path("/proc")) == ELSEWHERE
