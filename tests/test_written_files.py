"""Files that are written whole or not at all."""

import os
import stat
from pathlib import Path

import pytest
from full_disk import files_of_at_most

from studies.written_files import whole_file, write_text


def test_a_full_disk_leaves_the_former_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("former")
    with files_of_at_most(100), pytest.raises(OSError, match="File too large"):
        write_text(path, "x" * 101)
    assert path.read_text() == "former"
    assert os.listdir(tmp_path) == ["page.html"]


def test_a_link_stays_and_the_mode_of_the_file_too(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("former")
    target.chmod(0o640)
    link.symlink_to("target")
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_device_is_written_directly(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        write_text(Path("/dev/full"), "text")
    link = tmp_path / "link"
    link.symlink_to("/dev/null")
    write_text(link, "text")
    assert link.is_symlink()


def test_an_error_inside_leaves_nothing(tmp_path: Path) -> None:
    def write_half() -> None:
        with whole_file(tmp_path / "new") as file:
            file.write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert os.listdir(tmp_path) == []


def test_bytes_of_a_name_that_are_no_text_are_written_as_their_number(tmp_path: Path) -> None:
    write_text(tmp_path / "page", os.fsdecode(b"Gr\xc3\xbc\xc3\x9fe \xff"))
    assert (tmp_path / "page").read_bytes() == b"Gr\xc3\xbc\xc3\x9fe \\udcff"
