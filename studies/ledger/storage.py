"""Storage of a ledger: named objects of bytes, in a folder.

The interface is one that an object store can offer too: whole objects, created only if there is none or replaced at
once; no append, no renaming of folders, no lock file.
"""

import os
import re
import shutil
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from studies.errors import DamagedError, InputError, StudyFailed
from studies.file.messages import escape_control

SET_ASIDE = "set-aside"
"""Prefix of the keys of objects that were set aside because they are damaged."""
_GROUP_WRITABLE = 0o020


class Storage(ABC):
    """Objects of bytes by key: names separated by slashes, as in `trials/1f.parquet`.

    Errors of every method: `DamagedError` for something at the key that is no object (a folder, a link, a file of
    another user); `StudyFailed` if an object cannot be written.
    """

    @abstractmethod
    def opened(self, key: str) -> BinaryIO | None:
        """The object, open for reading at any position; None if there is none."""

    @abstractmethod
    def create(self, key: str, content: bytes) -> bool:
        """Create the object, whole or not at all; False if there is one already, which stays."""

    @abstractmethod
    def replace(self, key: str, content: bytes) -> None:
        """Create or replace the object, whole or not at all."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete the object, if there is one."""

    @abstractmethod
    def delete_below(self, prefix: str) -> None:
        """Delete all objects below `prefix/`."""

    @abstractmethod
    def keys(self, prefix: str) -> list[str]:
        """Keys of all objects below `prefix/`, sorted; of things that are no objects too."""

    @abstractmethod
    def set_aside(self, key: str) -> str:
        """Move a damaged object to a key below `SET_ASIDE`, and return that key."""

    @abstractmethod
    def blocked(self, prefix: str) -> bool:
        """True if there is something at `prefix` below which no object can be, as a file is in a folder."""

    @abstractmethod
    def place(self, key: str) -> str:
        """Address of the object for messages."""

    def read(self, key: str) -> bytes | None:
        """Content of the object; None if there is none."""
        file = self.opened(key)
        if file is None:
            return None
        with file:
            return file.read()


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
        return str(self.path(key))

    def opened(self, key: str) -> BinaryIO | None:
        path = self.path(key)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DamagedError(
                path, "it is a link" if path.is_symlink() else f"it cannot be read ({error.strerror})"
            ) from None
        file = os.fdopen(descriptor, "rb")
        try:
            self._check(path, os.fstat(descriptor))
        except DamagedError:
            file.close()
            raise
        return file

    def _check(self, path: Path, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise DamagedError(path, "it is a folder" if stat.S_ISDIR(status.st_mode) else "it is no ordinary file")
        folder = self.root.stat()
        if path.parent != self.root and path.parent.resolve() != path.parent:
            raise DamagedError(path, "it is in a linked folder")
        trusted = status.st_uid in (os.geteuid(), folder.st_uid, 0)
        if not trusted and not folder.st_mode & _GROUP_WRITABLE:
            raise DamagedError(path, f"it belongs to another user (uid {status.st_uid})")

    def create(self, key: str, content: bytes) -> bool:
        path = self.path(key)
        if os.path.lexists(path):
            return False
        with self._written(path, content) as temporary:
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
            except OSError:  # a file system without links
                if os.path.lexists(path):
                    return False
                temporary.replace(path)
        return True

    def replace(self, key: str, content: bytes) -> None:
        path = self.path(key)
        with self._written(path, content) as temporary:
            temporary.replace(path)

    @contextmanager
    def _written(self, path: Path, content: bytes) -> Iterator[Path]:
        """Context with a temporary file of this content beside `path`, deleted at the end if it still exists."""
        temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
        try:
            with failure_as_error(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                with temporary.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                yield temporary
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def delete(self, key: str) -> None:
        path = self.path(key)
        with failure_as_error(path):
            path.unlink(missing_ok=True)

    def delete_below(self, prefix: str) -> None:
        path = self.path(prefix)
        with failure_as_error(path), suppress(FileNotFoundError):
            shutil.rmtree(path)

    def keys(self, prefix: str) -> list[str]:
        return sorted(_files_below(str(self.path(prefix)), f"{prefix}/"))

    def blocked(self, prefix: str) -> bool:
        path = self.path(prefix)
        return os.path.lexists(path) and (path.is_symlink() or not path.is_dir())

    def set_aside(self, key: str) -> str:
        path, number = self.path(key), 0
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", key.replace("/", "."))
        while os.path.lexists(self.root / (target := f"{SET_ASIDE}/{name}.{number}")):
            number += 1
        with failure_as_error(path):
            (self.root / SET_ASIDE).mkdir(exist_ok=True)
            path.rename(self.root / target)
        return target


def _files_below(folder: str, prefix: str) -> Iterator[str]:
    """Keys of everything below a folder that is no real folder, temporary files aside."""
    try:
        with os.scandir(folder) as listed:
            for item in listed:
                if item.name.startswith("."):
                    continue
                if item.is_dir(follow_symlinks=False):
                    yield from _files_below(item.path, f"{prefix}{item.name}/")
                else:
                    yield f"{prefix}{item.name}"
    except (FileNotFoundError, NotADirectoryError):
        return


@contextmanager
def failure_as_error(path: Path) -> Iterator[None]:
    """Context in which `path` is written: an `OSError` is raised as `StudyFailed` with that path."""
    try:
        yield
    except OSError as error:
        raise StudyFailed(f"the ledger cannot be written: {path} ({error.strerror or error})") from error
