"""What a submit sends: the resolved study, the study file as it was written, and the user's modules beside it.

The archive is the job's working folder on the cluster. Ray puts that folder before all others on the workers' path,
so a module in it that has the name of one of ours, or of Python's own, would replace it there, and is refused.
"""

import io
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from studies.errors import InputError
from studies.modules import OURS, is_hidden, replaced_by
from studies.source import question
from studies.study import Study

SUBMISSION = "submission.json"
LARGEST = 100 * 2**20
"""Bytes that Ray's Jobs server takes."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time in every entry: the same files give the same archive, so it is sent once."""


def pack(
    study: Study, source: str | Path, *, attempt: int, versions: Mapping[str, str], git: Mapping[str, Any] | None
) -> bytes:
    """The archive for a study that was read from `source`, with what the attempt's driver is to know.

    Errors: `InputError` for a module that would replace another one, and for an archive over the limit.
    """
    file = Path(source)
    beside = dict(_modules(file.parent)) if file.is_file() else {}
    facts = {
        "attempt": attempt,
        "question": question(source),
        "versions": dict(versions),
        "git": git,
    }
    submission = {"study": study.table(), **facts}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        _add(zipped, SUBMISSION, json.dumps(submission, indent=1).encode())
        if file.is_file():
            _add(zipped, "study.toml", _content(file))
        for name, path in sorted(beside.items()):
            _add(zipped, name, _content(path))
    content = archive.getvalue()
    if len(content) > LARGEST:
        largest = max(beside.values(), key=lambda path: path.stat().st_size)
        raise InputError(
            f"{file.parent}: must pack into {LARGEST / 2**20:.0f} MiB, Ray's limit, but the modules beside the study "
            f"make {len(content) / 2**20:.0f} MiB; move data out of them, first {largest}"
        )
    return content


def archive_name(content: bytes) -> str:
    """The name under which Ray keeps an archive: by what is in it."""
    return f"_ray_pkg_{sha256(content).hexdigest()[:16]}.zip"


def _add(zipped: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    zipped.writestr(entry, content)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _modules(folder: Path) -> Iterator[tuple[str, Path]]:
    """The user's modules and packages in a folder: each file under its name in the archive."""
    if _is_our_house(folder):
        return
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py" and path.is_file():
            refuse_shadow(path)
            yield path.name, path
        elif (path / "__init__.py").is_file():
            refuse_shadow(path)
            yield from _package_files(folder, path)


def _is_our_house(folder: Path) -> bool:
    """A study file beside our own packages: they are on the cluster already."""
    return all((folder / name).resolve() == Path(sys.modules[name].__path__[0]).resolve() for name in OURS)


def _package_files(folder: Path, package: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(package.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not is_hidden(name):
            yield name.as_posix(), path


def refuse_shadow(path: Path) -> None:
    """Errors: `InputError` for a module that would replace one of ours or of Python's own."""
    if (other := replaced_by(path)) is not None:
        raise InputError(f"{path}: must have another name, since it would replace {other} on the workers")
