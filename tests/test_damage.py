"""Damage of every object of a ledger: reading gives the former values or one sentence; mending keeps what is whole."""

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from ledger_contents import check_sentence, contents, explore_trials, record_of, row, row_of, small_study

from studies.errors import InputError
from studies.ledger.examination import examine, mend
from studies.ledger.leases import holder_of, name_of
from studies.ledger.ledger import Ledger
from studies.ledger.mending import mend_segments, mend_study
from studies.ledger.segment_index import segment_key
from studies.ledger.segments import to_segment
from studies.ledger.unfinished import TrialEnd

ALONE, TOGETHER = [row(10)], [row(11), row(12), row(13)]
KEYS = [each.key for each in (*ALONE, *TOGETHER)]
PART = "studies/small/plan/00000001-000000.json.gz"
OBJECTS = {
    "segment of one": segment_key(to_segment(ALONE)),
    "segment of three": segment_key(to_segment(TOGETHER)),
    "record": "studies/small/study.json",
    "first part of the plan": PART,
    "last part of the plan": PART.replace("-000000", "-000001"),
    "lease": name_of("studies/small", 1),
    "checkpoint": "running/k/checkpoint",
    "end": "running/k/end",
    "mark": "running/k/started",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a ledger with each kind of object, and further objects of the same kinds."""
    folder = tmp_path_factory.mktemp("whole")
    ledger = Ledger(folder / "ledger")
    ledger.commit(ALONE)
    ledger.commit(TOGETHER)
    for name in ("small", "other"):
        study = small_study(folder, name)
        plan = [asdict(trial) for trial in explore_trials(study)]
        with ledger.writing(name) as lease:
            ledger.write_study(name, record_of(study))
            ledger.write_plan(name, plan[:2] if name == "small" else plan[:1], run=lease.number, part=0)
            ledger.write_plan(name, plan[2:], run=lease.number, part=1)
    for key in ("k", "other"):
        unfinished = ledger.unfinished(key)
        unfinished.mark_started(f"node of {key}")
        unfinished.save_checkpoint({"key": key, "values": [0.5] * 40})
        unfinished.record_end(TrialEnd(state="lost", reason=key, at=1.0))
    return ledger.root


@pytest.fixture
def root(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "ledger")
    return tmp_path / "ledger"


with TemporaryDirectory() as _folder:
    STUDY = small_study(Path(_folder))
RECORD, PLAN = record_of(STUDY), [asdict(trial) for trial in explore_trials(STUDY)]
READERS: dict[str, Callable[[Ledger], Any]] = {
    "entries": lambda ledger: contents(ledger, KEYS),
    "finished": lambda ledger: sorted(ledger.finished(KEYS)) if ledger.entries(KEYS) else None,
    "record": lambda ledger: ledger.read_study("small"),
    "plan": lambda ledger: ledger.read_plan("small"),
    "end": lambda ledger: ledger.unfinished("k").end(),
    "checkpoint": lambda ledger: ledger.unfinished("k").checkpoint(),
    "studies": lambda ledger: ledger.studies(),
    "started": lambda ledger: sorted(ledger.started() & {"k", "other"}),
}


def read(root: Path) -> dict[str, Any]:
    """Everything that a new process reads; where it is refused, the error."""
    ledger, found = Ledger(root), {}
    for name, reader in READERS.items():
        try:
            found[name] = reader(ledger)
        except InputError as error:
            check_sentence(error)
            found[name] = error
    return found


def check(found: dict[str, Any], former: dict[str, Any]) -> None:
    """Check that everything is as it was or was refused."""
    for name, value in found.items():
        assert isinstance(value, InputError) or value == former[name], name


def mended(root: Path) -> dict[str, Any]:
    """Everything that is read after a run and a search for damaged generators and samples, which no run reads."""
    ledger = Ledger(root)
    sentences = [*mend_study(ledger, "small"), *mend_segments(ledger)]
    sentences += [mend(ledger, finding) for finding in examine(ledger) if finding.kind == "segment"]
    assert all(sentence.isprintable() for sentence in sentences)
    with ledger.writing("small") as lease:
        ledger.write_study("small", RECORD)
        ledger.write_plan("small", PLAN, run=lease.number, part=0)
    unfinished = ledger.unfinished("k")
    for name, reader in (("end", unfinished.end), ("checkpoint", unfinished.checkpoint)):
        try:
            reader()
        except InputError:
            unfinished.set_aside(name)  # type: ignore[arg-type]
    unfinished.mark_started("again")
    unfinished.save_checkpoint({"key": "k", "values": [0.5] * 40})
    unfinished.record_end(TrialEnd(state="lost", reason="k", at=1.0))
    return read(root)


def check_mended(root: Path, former: dict[str, Any], kept: set[str]) -> None:
    """Check that nothing is refused any more, and that the entries in `kept` are among those that are left."""
    found = mended(root)
    for name, value in found.items():
        assert not isinstance(value, InputError), (name, str(value))
    assert all(each in former["entries"] for each in found["entries"])
    assert kept <= {each[0] for each in found["entries"]}
    for name in ("record", "plan", "end", "checkpoint", "started", "studies"):
        assert found[name] == former[name], name
    assert list(mend_segments(Ledger(root))) == []


def neighbours(name: str) -> set[str]:
    """Keys of the entries in other segments."""
    return set(KEYS) - {
        "segment of one": {KEYS[0]},
        "segment of three": set(KEYS[1:]),
    }.get(name, set())


# -- one damage at a time ----------------------------------------------------------------------------------------------


def with_content(content: bytes) -> Callable[[Path], None]:
    def place(path: Path) -> None:
        path.write_bytes(content)

    return place


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.truncate(2**40)  # sparse: it would not fit into the memory


def to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def to_filled_folder(path: Path) -> None:
    to_folder(path)
    (path / "deeper").mkdir()
    (path / "deeper" / path.name).write_bytes(b"{}")


def to_link(path: Path) -> None:
    """A link to a file with the right content."""
    target = path.parents[2 if "plan" not in str(path) else 3] / f"elsewhere-{path.name}"
    path.rename(target)
    path.symlink_to(target)


def to_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def to_file_of_another_user(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(path, 4321, 4321)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "emptied": with_content(b""),
    "cut": cut,
    "grown": grow,
    "no UTF-8": with_content(b"\xff\xfe\x00"),
    "nested": with_content(b"[" * 100_000),
    "nested less": with_content(b'{"format": 3, "checksum": "", "a": ' + b"[" * 700 + b"]" * 700 + b"}"),
    "a list": with_content(b'[{"format": 3}]'),
    "no format": with_content(b"{}"),
    "another format": with_content(b'{"format": 99}'),
    "folder": to_folder,
    "filled folder": to_filled_folder,
    "link": to_link,
    "pipe": to_pipe,
    "another user's": to_file_of_another_user,
}
UNMENDED = {("another format", "record"), ("another format", "lease")}
"""Another version may have written these, or be writing: a run is refused."""


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_object_is_refused_and_mended(whole: Path, root: Path, name: str, damage: str) -> None:
    former = read(whole)
    assert not any(isinstance(value, InputError) for value in former.values())
    DAMAGES[damage](root / OBJECTS[name])
    check(read(root), former)
    if (damage, name) in UNMENDED:
        with pytest.raises(InputError, match="another version"):
            mended(root)
    else:
        check_mended(root, former, neighbours(name))


@pytest.mark.parametrize("name", OBJECTS)
def test_fifty_flipped_bytes_of_an_object_change_nothing_unnoticed(whole: Path, root: Path, name: str) -> None:
    former, path, rng = read(whole), root / OBJECTS[name], random.Random(name)
    content = path.read_bytes()
    for _ in range(50):
        damaged = bytearray(content)
        damaged[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        check(read(root), former)
    check_mended(root, former, neighbours(name))


@pytest.mark.parametrize("name", OBJECTS)
def test_the_content_of_another_object_is_refused(whole: Path, root: Path, name: str) -> None:
    """Copies of every other object of the ledger, those of the same kind included."""
    former, path = read(whole), root / OBJECTS[name]
    others = [other for other in whole.rglob("*") if other.is_file() and other != whole / OBJECTS[name]]
    assert len(others) >= 14
    for other in others:
        path.write_bytes(other.read_bytes())
        check(read(root), former)
        holder_of(Ledger(root).storage, "studies/small", 1)
    check_mended(root, former, neighbours(name))


FOREIGN = ["notes.txt", "deep/er/notes.txt", ".DS_Store", "line\nbreak", "n" * 250, "1.parquet"]
FOLDERS = [
    "",
    "trials",
    "running",
    "running/k",
    "studies",
    "studies/small",
    "studies/small/plan",
    "studies/small/lease",
]


@pytest.mark.parametrize("folder", FOLDERS)
def test_foreign_files_anywhere_change_nothing(whole: Path, root: Path, folder: str) -> None:
    former = read(whole)
    for foreign in FOREIGN:
        path = root / folder / foreign
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"mine")
        check(read(root), former)
    check_mended(root, former, set(KEYS))


@pytest.mark.parametrize("folder", ["trials", "running", "running/k", "studies/small/plan", "studies/small/lease"])
@pytest.mark.parametrize("kind", ["file", "link", "empty"])
def test_a_folder_of_the_ledger_that_is_none_is_refused_or_empty(
    whole: Path, root: Path, folder: str, kind: str
) -> None:
    """Its objects are gone; what is not below it is as it was."""
    former, path = read(whole), root / folder
    path.rename(root.parent / "elsewhere")
    if kind == "file":
        path.write_bytes(b"mine")
    elif kind == "link":
        path.symlink_to(root.parent / "elsewhere")
    else:
        path.mkdir()
    found = read(root)
    below = {"trials": {"entries", "finished"}, "running": {"end", "checkpoint", "started"}}
    below |= {"running/k": below["running"], "studies/small/plan": {"plan"}}
    for name, value in found.items():
        absent = name in below.get(folder, set()) and value in ([], None, ["other"])
        assert absent or isinstance(value, InputError) or value == former[name], name
    if folder == "running":
        shutil.copytree(whole / "running" / "other", root / "again")
    left = mended(root)
    assert not [name for name, value in left.items() if isinstance(value, InputError)]
    assert left["plan"] == former["plan"]
    assert left["end"] == former["end"]
    assert sorted((root.parent / "elsewhere").rglob("*"))  # nothing was deleted through a link


def test_many_damages_at_once_leave_what_is_whole(whole: Path, root: Path) -> None:
    """The entry of `row_of` in a segment of its own stays, whatever happens to everything else."""
    former = read(whole)
    Ledger(root).commit([row_of({"seeds": [1, 2]}, {"split": "test"}, 3)])
    kept = sorted(Ledger(root).committed() - set(KEYS))
    before = contents(Ledger(root), kept)
    for name, damage in zip(OBJECTS.values(), ["cut", "folder", "link", "no UTF-8", "pipe"] * 2, strict=False):
        DAMAGES[damage](root / name)
    check(read(root), former)
    check_mended(root, former, set())
    assert contents(Ledger(root), kept) == before
