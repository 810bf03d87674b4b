"""SQLite stores of MLflow: created whole, and recognised if a killed process has left one in mid-migration."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import Lock
from time import monotonic, sleep, time
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from studies.errors import TrackingError
from studies.file.messages import escape_control

_REST_SECONDS = 15.0
"""Time for which no process has written to a store, after which none is migrating it."""
_MAX_WAIT_SECONDS = 60.0
_CONTENT = {
    "runs": "SELECT 1 FROM runs",
    "experiments": "SELECT 1 FROM experiments WHERE experiment_id > 0",
    "registered_models": "SELECT 1 FROM registered_models",
}
"""Tables, with queries that find something there if somebody has used the store."""
_complete: set[Path] = set()
_migration = Lock()
"""Held by a thread that migrates: Alembic keeps the migration at work in variables of its module, one for a process."""


def prepare(uri: str) -> None:
    """Create the SQLite store at an address if there is none; stores of other kinds are left alone.

    MLflow creates its tables one after the other, and two processes that do so at once, or one that is killed, leave a
    store that no later call can complete. So the tables are created in a temporary file, which is then given the
    store's name. A store in mid-migration that holds nothing is set aside, under the name `NAME.incomplete-NUMBER`.

    Errors: `TrackingError` for a store in mid-migration, or of an older MLflow, that holds something.
    """
    path = _path(uri)
    if path is None or (path in _complete and path.exists()) or not path.parent.is_dir():
        return
    with _alone_in(path.parent) as alone:
        if alone:
            for abandoned in path.parent.glob(f".{path.name}.*.tmp*"):
                abandoned.unlink(missing_ok=True)
        try:
            version = _settled_version(path)
            if version not in _known():
                return  # of a newer MLflow, which says so itself
            if version != _newest() and _holds_something(path):
                raise TrackingError(_half_migrated(uri, version))
        except sqlite3.Error:
            return  # a damaged, locked or foreign file, about which MLflow has a message too
        if version != _newest():
            _create(path)
    _complete.add(path)


def _half_migrated(uri: str, version: str | None) -> str:
    return (
        f"MLflow's store {escape_control(uri)} is of an older MLflow, or was left in the middle of a migration (it is "
        f"at {version or 'no version'}, this MLflow needs {_newest()}); copy the file, then run mlflow db upgrade "
        f"{escape_control(uri)}, or move the file away and record the studies again with gan-study sync"
    )


def _path(uri: str) -> Path | None:
    """File of a SQLite store, None for another store and for one in memory."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    if not uri.startswith("sqlite"):
        return None
    try:
        database = make_url(uri).database
    except ArgumentError:
        return None
    return None if database in (None, "", ":memory:") else Path(database).absolute()


# -- creation ---------------------------------------------------------------------------------------------------------


@contextmanager
def _alone_in(folder: Path) -> Iterator[bool]:
    """Context in which no other process creates a store in a folder; False if the file system has no locks."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield _locked(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    end = monotonic() + _MAX_WAIT_SECONDS
    while monotonic() < end:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            sleep(0.1)
        except OSError:
            return False
    return False


def _create(path: Path) -> None:
    """Create the store in a temporary file and give it its name, unless another process has done so meanwhile."""
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from sqlalchemy.engine import URL

    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    address = URL.create("sqlite", database=str(temporary)).render_as_string()
    try:
        # MLflow writes this folder into an SQL statement as it is: a working folder with a quote or a colon breaks it
        with _migration:
            SqlAlchemyStore(address, "mlflow-artifacts:/").engine.dispose()
        with closing(sqlite3.connect(temporary)) as store, store:
            artifacts = Path(DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH).absolute() / "0"
            store.execute("UPDATE experiments SET artifact_location = ? WHERE experiment_id = 0", (str(artifacts),))
        if path.exists():
            _set_aside(path)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
        except OSError:  # a file system without links
            temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


def _set_aside(path: Path) -> None:
    number = 0
    while (target := path.with_name(f"{path.name}.incomplete-{number}")).exists():
        number += 1
    path.rename(target)
    with suppress(FileNotFoundError):  # else it would be applied to the new store
        path.with_name(f"{path.name}-journal").rename(f"{target}-journal")


# -- state ------------------------------------------------------------------------------------------------------------


def _settled_version(path: Path) -> str | None:
    """Version of a store's tables, None for no version; waits while another program migrates it."""
    end = monotonic() + _MAX_WAIT_SECONDS
    while True:
        version = _version(path)
        if version == _newest() or not path.exists() or monotonic() > end:
            return version
        if abs(time() - path.stat().st_mtime) > _REST_SECONDS:
            return version
        sleep(0.2)


def _version(path: Path) -> str | None:
    """Version of a store's tables; None if there is no store or if it has none."""
    found = _first(path, "alembic_version", "SELECT version_num FROM alembic_version") if path.exists() else None
    return None if found is None else str(found)


def _holds_something(path: Path) -> bool:
    return path.exists() and any(_first(path, table, query) is not None for table, query in _CONTENT.items())


def _first(path: Path, table: str, query: str) -> Any:
    """First value that a query finds in a table; None if it finds nothing or there is no such table."""
    # mode=rw: the journal of a killed process is rolled back, but no file is created
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=20)) as store:
        if store.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is None:
            return None
        row = store.execute(query).fetchone()
        return None if row is None else row[0]


@cache
def _known() -> tuple[str | None, ...]:
    """Versions of the tables that the installed MLflow knows, the newest first, and None for no version."""
    import mlflow.store
    from alembic.script import ScriptDirectory

    (folder,) = mlflow.store.__path__
    revisions = ScriptDirectory(f"{folder}/db_migrations").walk_revisions()
    return (*(revision.revision for revision in revisions), None)


def _newest() -> str | None:
    return _known()[0]
