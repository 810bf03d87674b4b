"""Storage in a folder, on this machine or on a shared mount."""

import errno
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from studies.errors import DamagedError, InputError, StudyFailed
from studies.file.messages import escape_control
from studies.ledger.storage import SET_ASIDE, Storage

LEFTOVER_SECONDS = 3600.0
"""Age from which a temporary file belongs to no living writer."""
_GROUP_WRITABLE = 0o020
_LONGEST_NAME = 200
"""Largest number of characters of the name of something that was set aside, without its number."""
_ATTEMPTS = 100
"""Largest number of times that writing or deleting is tried while another process deletes or fills the same folder."""


class FolderStorage(Storage):
    """Objects as files below a folder.

    A file is written under a temporary name, flushed to the disk, and then renamed or linked to its name. Only files of
    this user, of the folder's owner and of root are read, unless the folder is writable for its group: then it is a
    folder that several users share.

    Errors: `InputError` if `root` is an address like s3://bucket, or cannot be resolved to a folder.
    """

    def __init__(self, root: Path | str):
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", str(root)):
            raise InputError(
                f"ledger.root: must be a folder, on this machine or on a shared mount, but is the address "
                f"{escape_control(str(root))}; mount the storage and give its folder"
            )
        try:
            self.root = Path(root).expanduser().resolve()
            is_file = self.root.exists() and not self.root.is_dir()
        except (RuntimeError, OSError, ValueError) as error:
            raise InputError(f"ledger.root: must be a folder, but is {escape_control(str(root))} ({error})") from None
        if is_file:
            raise InputError(f"ledger.root: must be a folder, but {escape_control(str(self.root))} is a file")

    def path(self, key: str) -> Path:
        """Path of an object's file.

        Errors: `InputError` for a key that leads out of the folder.
        """
        if "\0" in key or any(name in ("", ".", "..") for name in key.split("/")):
            raise InputError(f"{escape_control(key)}: must be the name of something in the ledger {self.root}")
        return self.root / key

    def place(self, key: str) -> str:
        return escape_control(str(self.path(key)))

    def opened(self, key: str) -> BinaryIO | None:
        path = self.path(key)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENAMETOOLONG):
                return None
            reason = "it is a link" if path.is_symlink() else f"it cannot be read ({error.strerror})"
            raise DamagedError(self.place(key), reason) from None
        try:
            self._check(path, os.fstat(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "rb")

    def _check(self, path: Path, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            reason = "it is a folder" if stat.S_ISDIR(status.st_mode) else "it is no ordinary file"
            raise DamagedError(escape_control(str(path)), reason)
        self._check_folder(path)
        folder = self.root.stat()
        trusted = status.st_uid in (os.geteuid(), folder.st_uid, 0)
        if not trusted and not folder.st_mode & _GROUP_WRITABLE:
            raise DamagedError(escape_control(str(path)), f"it belongs to another user (uid {status.st_uid})")

    def _check_folder(self, path: Path) -> None:
        """Check that no folder between the root and a path is a link, which may lead out of the ledger."""
        below = path.relative_to(self.root).parts[:-1]
        if any(os.path.islink(self.root.joinpath(*below[:depth])) for depth in range(1, len(below) + 1)):
            raise DamagedError(escape_control(str(path)), "it is in a linked folder")

    def create(self, key: str, content: bytes) -> bool:
        path = self.path(key)
        if os.path.lexists(path):
            return False

        def publish(temporary: Path) -> bool:
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
            except FileNotFoundError:
                raise
            except OSError:  # a file system without links: who creates the empty file may replace it
                try:
                    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
                except FileExistsError:
                    return False
                temporary.replace(path)
            return True

        return self._write(path, content, publish)

    def replace(self, key: str, content: bytes) -> None:
        path = self.path(key)
        self._write(path, content, lambda temporary: bool(temporary.replace(path)))

    def _write(self, path: Path, content: bytes, publish: Callable[[Path], bool]) -> bool:
        """Write a temporary file beside `path`, call `publish` with it, and return what that returned."""
        self._check_folder(path)
        temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
        with failure_as_error(path):
            for attempt in range(_ATTEMPTS):
                try:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    _write_to_disk(temporary, content)
                    return publish(temporary)
                except (FileNotFoundError, FileExistsError):  # another process has just deleted the folder
                    if attempt == _ATTEMPTS - 1:
                        raise
                finally:
                    with suppress(OSError):
                        temporary.unlink(missing_ok=True)
        raise AssertionError("the last attempt returns or raises")

    def delete(self, key: str) -> None:
        path = self.path(key)
        self._check_folder(path)
        if path.is_dir() and not path.is_symlink():
            raise DamagedError(self.place(key), "it is a folder")
        with failure_as_error(path):
            path.unlink(missing_ok=True)
        self._delete_empty_folders(path)

    def _delete_empty_folders(self, path: Path) -> None:
        """Delete the folders above a path that are empty now, apart from those directly below the root."""
        with suppress(OSError):  # a folder that is not empty
            for folder in list(path.relative_to(self.root).parents)[:-2]:
                (self.root / folder).rmdir()

    def delete_below(self, prefix: str) -> None:
        path = self.path(prefix)
        self._check_folder(path)
        with failure_as_error(path):
            for attempt in range(_ATTEMPTS):
                try:
                    shutil.rmtree(path)
                except FileNotFoundError:
                    if not os.path.lexists(path):
                        return
                except OSError as error:
                    if not _is_of_another_process(error, path) or attempt == _ATTEMPTS - 1:
                        raise

    def keys(self, prefix: str) -> list[str]:
        path = self.path(prefix)
        try:
            return sorted(key for key, _ in _found_below(path, prefix) if not _is_hidden(key))
        except OSError as error:
            raise DamagedError(self.place(prefix), f"it cannot be read ({error.strerror})") from None

    def size(self, key: str) -> int:
        try:
            return os.lstat(self.path(key)).st_size
        except OSError:
            return 0

    def leftovers(self, prefix: str) -> list[str]:
        oldest = time.time() - LEFTOVER_SECONDS
        found = (key for key, is_file in _found_below(self.path(prefix), prefix) if is_file and _is_temporary(key))
        return sorted(key for key in found if self._modified(key) < oldest)

    def _modified(self, key: str) -> float:
        try:
            return os.lstat(self.path(key)).st_mtime
        except OSError:  # its writer has just finished
            return time.time()

    def delete_leftover(self, path: str) -> None:
        if _is_temporary(path):
            self.delete(path)

    def blocked(self, prefix: str) -> bool:
        path = self.path(prefix)
        return os.path.lexists(path) and (path.is_symlink() or not path.is_dir())

    def set_aside(self, key: str) -> str:
        path, number = self.path(key), 0
        self._check_folder(path)
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", key.replace("/", "."))[:_LONGEST_NAME]
        while os.path.lexists(self.root / (target := f"{SET_ASIDE}/{name}.{number}")):
            number += 1
        with failure_as_error(path):
            if self.blocked(SET_ASIDE):
                (self.root / SET_ASIDE).rename(self.root / f"{SET_ASIDE}.{uuid4().hex}")
            (self.root / SET_ASIDE).mkdir(exist_ok=True)
            if os.path.lexists(path):  # else another process has set it aside
                path.rename(self.root / target)
        self._delete_empty_folders(path)
        return target


def _is_of_another_process(error: OSError, path: Path) -> bool:
    """True if a folder could not be deleted since another process writes there, so that a further attempt may help."""
    if error.errno is None:  # `rmtree` takes a folder that was replaced meanwhile for a link
        return not path.is_symlink()
    return error.errno == errno.ENOTEMPTY


def _write_to_disk(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _is_hidden(key: str) -> bool:
    return "/." in key


def _is_temporary(key: str) -> bool:
    """True for the name of a file that `FolderStorage` renames when it is written."""
    return re.fullmatch(r"\..+\.[0-9a-f]{32}\.tmp", key.rpartition("/")[2]) is not None


def _found_below(folder: Path, prefix: str) -> Iterator[tuple[str, bool]]:
    """Keys of everything below a folder that is no real folder with contents; True for ordinary files.

    A folder below it that cannot be listed is itself one of the keys.
    """
    waiting = [(str(folder), prefix)]
    while waiting:
        path, key = waiting.pop()
        try:
            with os.scandir(path) as listed:
                items = list(listed)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            if key == prefix and error.errno == errno.ENAMETOOLONG:
                return
            if key == prefix:
                raise
            yield key, False
            continue
        if not items and key != prefix:
            yield key, False
        for item in items:
            name = f"{key}/{item.name}"
            if item.is_dir(follow_symlinks=False):
                waiting.append((item.path, name))
            else:
                yield name, item.is_file(follow_symlinks=False)


@contextmanager
def failure_as_error(path: Path) -> Iterator[None]:
    """Context in which `path` is written: an `OSError` is raised as `StudyFailed` with that path."""
    try:
        yield
    except OSError as error:
        raise StudyFailed(
            f"the ledger cannot be written: {escape_control(str(path))} ({error.strerror or error})"
        ) from error
