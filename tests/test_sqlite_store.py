"""SQLite stores of MLflow at their first use, by several at once, and after a process that was killed in it."""

import os
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy

from studies.errors import TrackingError
from studies.tracking import sqlite_store
from studies.tracking.connection import client_of, mlflow_module, requests_to


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that was made by three at once, beside what one that was killed has left."""
    mlflow_module()
    folder = tmp_path_factory.mktemp("made") / "a b%20c#d?e=f&'g\"h:i\\j\N{LATIN SMALL LETTER U WITH DIAERESIS}"
    folder.mkdir()
    (folder / ".mlflow.db.0123.tmp").write_bytes(b"half")
    path = folder / "mlflow.db"
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(sqlite_store.prepare, [f"sqlite:///{quote(str(path))}"] * 3))
    return path


@pytest.fixture(autouse=True)
def _nothing_is_known_to_be_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_store, "_complete", set())
    monkeypatch.setattr(sqlite_store, "_REST_SECONDS", 0.0)


def half(path: Path) -> str:
    """Create what MLflow's first step leaves: tables without a version. Returns the address."""
    from mlflow.store.tracking.dbmodels.initial_models import Base

    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    engine.dispose()
    return f"sqlite:///{path}"


def execute(path: Path, command: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as store, store:
        return store.execute(command).fetchall()


def test_one_store_is_made_whatever_was_left_and_nothing_beside_it(made: Path) -> None:
    assert os.listdir(made.parent) == ["mlflow.db"]
    (experiment,) = client_of(f"sqlite:///{quote(str(made))}").search_experiments()
    assert (experiment.name, experiment.artifact_location) == ("Default", str(Path("mlruns/0").absolute()))


def test_stores_in_several_folders_are_made_by_several_threads_at_once(tmp_path: Path) -> None:
    paths = [tmp_path / name / "mlflow.db" for name in "abc"]
    for path in paths:
        path.parent.mkdir()
    with ThreadPoolExecutor(len(paths)) as pool:
        list(pool.map(sqlite_store.prepare, [f"sqlite:///{path}" for path in paths]))
    for path in paths:
        assert execute(path, "SELECT name FROM experiments") == [("Default",)]


def test_a_store_in_mid_migration_that_holds_nothing_is_set_aside(tmp_path: Path, made: Path) -> None:
    path = tmp_path / "mlflow.db"
    sqlite_store.prepare(half(path))
    assert sorted(os.listdir(tmp_path)) == ["mlflow.db", "mlflow.db.incomplete-0"]
    versions = "SELECT version_num FROM alembic_version"
    assert execute(path, versions) == execute(made, versions)


def test_a_store_in_mid_migration_with_runs_stays_and_is_said(tmp_path: Path) -> None:
    uri = half(path := tmp_path / "mlflow.db")
    execute(path, "INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (1, 'mine', 'active')")
    content = path.read_bytes()
    with pytest.raises(
        TrackingError, match=rf"{re.escape(uri)} .* \(it is at no version, this MLflow needs [0-9a-f]+\)"
    ):
        sqlite_store.prepare(uri)
    assert path.read_bytes() == content


def test_a_damaged_store_is_said_with_the_way_out(tmp_path: Path, made: Path) -> None:
    content = bytearray(made.read_bytes())
    content[4096:-4096] = bytes(len(content) - 2 * 4096)
    (tmp_path / "mlflow.db").write_bytes(content)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    with (
        pytest.raises(TrackingError, match=rf"^MLflow at {re.escape(uri)} is damaged \(.*malformed.*\); move the file"),
        requests_to(uri),
    ):
        client_of(uri).search_experiments()
    assert (tmp_path / "mlflow.db").read_bytes() == content


@pytest.mark.parametrize("content", [b"no database, but some text of more than a hundred bytes" * 9, b"\0" * 512])
def test_a_file_of_another_kind_stays(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mlflow.db").write_bytes(content)
    sqlite_store.prepare(f"sqlite:///{tmp_path}/mlflow.db")
    assert (tmp_path / "mlflow.db").read_bytes() == content


def test_a_store_of_a_newer_mlflow_stays(tmp_path: Path) -> None:
    uri = half(path := tmp_path / "mlflow.db")
    execute(path, "CREATE TABLE alembic_version (version_num VARCHAR(32))")
    execute(path, "INSERT INTO alembic_version VALUES ('of the future')")
    sqlite_store.prepare(uri)
    assert os.listdir(tmp_path) == ["mlflow.db"]


@pytest.mark.parametrize("uri", ["http://host:5000", "postgresql://u:p@host/db", "sqlite://", "sqlite:///:memory:", ""])
def test_other_stores_are_left_alone(uri: str) -> None:
    sqlite_store.prepare(uri)


def test_a_missing_folder_is_left_to_mlflow(tmp_path: Path) -> None:
    sqlite_store.prepare(f"sqlite:///{tmp_path}/none/mlflow.db")
    assert os.listdir(tmp_path) == []
