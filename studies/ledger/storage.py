"""Storage of a ledger: named objects of bytes.

The interface is one that an object store can offer too: whole objects, created only if there is none or replaced at
once; no append, no renaming of folders, no lock file. `folder_storage` has the one for a folder.
"""

from abc import ABC, abstractmethod
from typing import BinaryIO

from studies.errors import DamagedError

SET_ASIDE = "set-aside"
"""Prefix of the keys of objects that were moved out of use; nothing reads them."""
LARGEST_RECORD = 2**28
"""Largest number of bytes of an object that is read as a whole, so that a foreign file cannot fill the memory."""


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
        """Sorted keys of everything below `prefix/`, including things that are no objects, such as empty folders."""

    @abstractmethod
    def set_aside(self, key: str) -> str:
        """Move a damaged object to a key below `SET_ASIDE`, and return that key."""

    @abstractmethod
    def blocked(self, prefix: str) -> bool:
        """True if something other than a folder is at `prefix`, so that no object can be stored below it."""

    @abstractmethod
    def place(self, key: str) -> str:
        """Path or URL of the object, for messages."""

    @abstractmethod
    def size(self, key: str) -> int:
        """Number of bytes of the object; 0 if there is none."""

    @abstractmethod
    def leftovers(self, prefix: str) -> list[str]:
        """Paths, relative to the storage, of what killed writers left below `prefix/`, sorted."""

    @abstractmethod
    def delete_leftover(self, path: str) -> None:
        """Delete what `leftovers` returned."""

    def read(self, key: str) -> bytes | None:
        """Content of the object; None if there is none."""
        file = self.opened(key)
        if file is None:
            return None
        with file:
            try:
                if file.seek(0, 2) > LARGEST_RECORD:
                    raise DamagedError(self.place(key), "it is larger than anything that is written there")
                file.seek(0)
                return file.read(LARGEST_RECORD)
            except OSError as error:
                raise DamagedError(self.place(key), f"it cannot be read ({error.strerror})") from None
