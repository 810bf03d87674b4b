"""Files that are written whole or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Context whose value is a path to write to; at the end the file there becomes `path`.

    An error inside leaves `path` as it was, so that a full disk leaves no half of a file. A link keeps its name and its
    target is replaced; a device or a pipe is written directly.

    Errors: `OSError` if the file cannot be replaced.
    """
    target = path.resolve()
    if not target.parent.is_dir():  # else the error would name the temporary file
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(target.parent))
    if os.path.lexists(target) and not target.is_file():
        yield path
        return
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(13, "Permission denied", str(path))
    temporary = target.with_name(f".{uuid4().hex}.tmp")
    try:
        yield temporary
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o7777)
        temporary.replace(target)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all; bytes of a file's name that are no text appear as \\udcff."""
    with whole_file(path) as file:
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
