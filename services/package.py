"""Archive that `gan-study submit` sends: the resolved study, the study file, and the user's modules beside that file.

The archive becomes the job's working folder on the cluster. Ray puts that folder first on the workers' module path, so
a user's module with the name of a package of gan-studies or of a module of Python's standard library would be imported
in its place; such a module is refused.
"""

import io
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from gan_core.data import Images, Table
from studies.errors import InputError
from studies.file.data_table import is_of_files
from studies.file.modules import OURS, is_hidden, replaced_by
from studies.file.real_samples import load_samples
from studies.file.source import question
from studies.file.study import Study

SUBMISSION = "submission.json"
MAX_BYTES = 100 * 2**20
"""Largest archive that Ray's Jobs server accepts, in bytes."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time stamp of every file in an archive. It is fixed so that equal files give equal archives, which are sent once."""


def pack(
    study: Study,
    source: str | Path,
    *,
    attempt: int,
    versions: Mapping[str, str],
    git: Mapping[str, Any] | None,
    send_data: bool = False,
    processors: int = 0,
) -> bytes:
    """The zip archive of a study, as bytes.

    source    the study file, or the name of a study in the catalog
    attempt   number of the attempt
    versions  result of `preflight.versions` on the machine that submits the study
    git       state of the repository that the study file is in, if any
    send_data True: the archive holds the samples too; False: they must be at `data.path` on every node
    processors number of processor cores that the cluster must have before the study starts

    Errors: `InputError` for a file that cannot be read, a module that `refuse_shadow` refuses, samples that are not
    read from files but are to be sent, and an archive above the size limit.
    """
    file = Path(source)
    modules = dict(_modules(file.parent)) if file.is_file() else {}
    submission = {
        "study": study.table(),
        "attempt": attempt,
        "question": question(source),
        "versions": dict(versions),
        "processors": processors,
        "git": git,
        "data_fingerprint": load_samples(study.data).fingerprint if is_of_files(study.data) else None,
    }
    data = _portable(study) if send_data else None
    if data is not None:
        submission["sent_data"] = data[0]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        _add(zipped, SUBMISSION, json.dumps(submission, indent=1).encode())
        if file.is_file():
            _add(zipped, "study.toml", _content(file))
        for name, path in sorted(modules.items()):
            _add(zipped, name, _content(path))
        if data is not None:
            _add(zipped, *data)
    content = archive.getvalue()
    if len(content) > MAX_BYTES and data is not None:
        raise InputError(
            f"--send-data: must fit into {MAX_BYTES / 2**20:.0f} MiB, Ray's limit, but data and modules take "
            f"{len(content) / 2**20:.0f} MiB; put the data at data.path on every node instead"
        )
    if len(content) > MAX_BYTES:
        largest = max(modules.values(), key=lambda path: path.stat().st_size)
        raise InputError(
            f"{file.parent}: must fit into {MAX_BYTES / 2**20:.0f} MiB, Ray's limit, but the modules beside the study "
            f"take {len(content) / 2**20:.0f} MiB; move data out of them, first {largest}"
        )
    return content


def _portable(study: Study) -> tuple[str, bytes]:
    """Name and content of one file with the samples of a study."""
    if not isinstance(study.data, Images | Table):
        raise InputError(f"--send-data: must be used with data of files, but data.kind is {study.data.kind}")
    return study.data.portable()


def log_name(attempt: int) -> str:
    """Name of the file in a study's folder to which the driver of an attempt copies its log."""
    return f"log-{attempt}.txt"


def archive_name(content: bytes) -> str:
    """Name of an archive on the cluster: a hash of its content."""
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
    """The files of the user's modules and packages in a folder, each with its name in the archive."""
    if _has_our_packages(folder):
        return
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py" and path.is_file():
            refuse_shadow(path)
            yield path.name, path
        elif (path / "__init__.py").is_file():
            refuse_shadow(path)
            yield from _package_files(folder, path)


def _has_our_packages(folder: Path) -> bool:
    """True for the source folder of gan-studies itself, whose packages are on the cluster already."""
    return all((folder / name).resolve() == Path(sys.modules[name].__path__[0]).resolve() for name in OURS)


def _package_files(folder: Path, package: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(package.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not is_hidden(name):
            yield name.as_posix(), path


def refuse_shadow(path: Path) -> None:
    """Check that a user's module does not have the name of a package of gan-studies or of a standard module of Python.

    Errors: `InputError` if it has.
    """
    if (other := replaced_by(path)) is not None:
        raise InputError(f"{path}: must have another name, since it would replace {other} on the workers")
