"""Parts of a plan: one run writes them in turn, and a reader gets all of them or a sentence."""

import random
from pathlib import Path

import pytest
from ledger_contents import check_sentence

from studies.errors import DamagedError
from studies.ledger import plan_parts
from studies.ledger.folder_storage import FolderStorage
from studies.ledger.plan_parts import pack_plan, part_key, parts, read_parts, unpack_plan, write_part

FOLDER = "studies/s/plan"
TRIALS = [{"name": f"c-explore-{index}", "address": "a" * index} for index in range(6)]


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path)


def write_run(storage: FolderStorage, run: int) -> None:
    for part in range(3):
        write_part(storage, FOLDER, TRIALS[2 * part : 2 * part + 2], run=run, part=part)


def test_the_parts_of_a_run_are_read_in_their_order(storage: FolderStorage) -> None:
    assert read_parts(storage, FOLDER) == []
    write_run(storage, 1)
    assert parts(storage, FOLDER) == [(1, 0), (1, 1), (1, 2)]
    assert read_parts(storage, FOLDER) == TRIALS


def test_a_later_run_replaces_the_plan(storage: FolderStorage) -> None:
    write_run(storage, 99_999_999)
    write_part(storage, FOLDER, TRIALS[:1], run=100_000_000, part=0)
    assert read_parts(storage, FOLDER) == TRIALS[:1]
    assert parts(storage, FOLDER) == [(100_000_000, 0)]


def test_a_run_that_was_taken_over_does_not_change_the_plan(storage: FolderStorage) -> None:
    write_run(storage, 2)
    write_run(storage, 1)
    assert read_parts(storage, FOLDER) == TRIALS


def test_a_missing_part_is_damage(storage: FolderStorage) -> None:
    write_run(storage, 1)
    storage.delete(part_key(FOLDER, 1, 1))
    with pytest.raises(DamagedError, match=r"00000001-000002\.json\.gz.*the part before it is missing"):
        read_parts(storage, FOLDER)


def test_parts_that_changed_places_are_damage(storage: FolderStorage) -> None:
    write_run(storage, 1)
    first, second = (part_key(FOLDER, 1, part) for part in (0, 1))
    contents = [storage.read(second), storage.read(first)]
    for key, content in zip((first, second), contents, strict=True):
        storage.replace(key, content or b"")
    with pytest.raises(DamagedError, match="it is a part of another plan"):
        read_parts(storage, FOLDER)


@pytest.mark.parametrize("inside", ["", "/x"])
def test_a_folder_in_the_place_of_a_part_is_damage_and_no_obstacle(storage: FolderStorage, inside: str) -> None:
    write_run(storage, 1)
    last = part_key(FOLDER, 1, 2)
    storage.delete(last)
    storage.path(last + inside).mkdir(parents=True)
    (storage.path(last + inside) / "file").touch()
    with pytest.raises(DamagedError, match="it is a folder"):
        read_parts(storage, FOLDER)
    write_run(storage, 2)
    assert read_parts(storage, FOLDER) == TRIALS


def test_other_files_are_no_parts(storage: FolderStorage) -> None:
    write_run(storage, 1)
    for name in ("zzz", "00000009-000000.json", "9-0.json.gz", "x/00000009-000000.json.gz", ".hidden"):
        storage.replace(f"{FOLDER}/{name}", b"x")
    assert read_parts(storage, FOLDER) == TRIALS
    write_run(storage, 2)
    assert read_parts(storage, FOLDER) == TRIALS


def test_a_plan_replaced_while_it_is_read_is_read_again(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(storage, 1)
    replaced: list[int] = []

    def list_then_replace(*arguments: object) -> list[tuple[int, int]]:
        listed = parts(storage, FOLDER)
        if not replaced:
            replaced.append(2)
            write_part(storage, FOLDER, TRIALS, run=2, part=0)
        return listed

    monkeypatch.setattr(plan_parts, "parts", list_then_replace)
    assert read_parts(storage, FOLDER) == TRIALS


def test_equal_plans_give_equal_bytes() -> None:
    assert pack_plan(TRIALS) == pack_plan(list(TRIALS))
    assert unpack_plan(pack_plan(TRIALS), "place") == TRIALS


def test_every_flipped_byte_of_a_plan_is_refused_or_changes_nothing() -> None:
    content, rng = pack_plan(TRIALS, "key"), random.Random(0)
    for offset in range(len(content)):
        damaged = bytearray(content)
        damaged[offset] ^= rng.randrange(1, 256)
        try:
            assert unpack_plan(bytes(damaged), "place", "key") == TRIALS
        except DamagedError as error:
            check_sentence(error)


@pytest.mark.parametrize("content", [b"", b"x", pack_plan(TRIALS)[:-1], pack_plan(TRIALS)[:-20], b"\x1f\x8b"])
def test_what_is_no_plan_is_refused(content: bytes) -> None:
    with pytest.raises(DamagedError):
        unpack_plan(content, "place")


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = pack_plan([{"name": "x" * 10**6}])
    assert len(content) < 3000
    monkeypatch.setattr(plan_parts, "LARGEST_RECORD", 10**5)
    with pytest.raises(DamagedError, match="it is larger than a plan"):
        unpack_plan(content, "place")
