"""The ledger: what was committed is found, by every reader at every moment; damage and foreign things are refused."""

import multiprocessing
import os
import time
from dataclasses import replace
from multiprocessing.synchronize import Event
from pathlib import Path
from unittest.mock import patch

import pytest
from full_disk import files_of_at_most
from ledger_contents import content, contents, record_of, row, small_study, write_finished

from studies.errors import DamagedError, InputError, StudyFailed
from studies.ledger import folder_storage
from studies.ledger.folder_storage import FolderStorage
from studies.ledger.ledger import Ledger
from studies.ledger.segment_index import SegmentIndex, segment_key
from studies.ledger.segments import to_segment
from studies.ledger.unfinished import TrialEnd

ROWS = [row(index) for index in range(4)]
KEYS = [row.key for row in ROWS]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def segments(ledger: Ledger) -> list[Path]:
    return sorted((ledger.root / "trials").iterdir())


# -- finished trials ---------------------------------------------------------------------------------------------------


def test_committed_trials_are_found_in_the_order_of_the_keys(ledger: Ledger) -> None:
    assert ledger.finished(KEYS) == set()
    assert ledger.entries(KEYS) == {}
    assert ledger.entry(KEYS[0]) is None
    ledger.commit(ROWS[:3])
    ledger.commit(ROWS[3:])
    assert ledger.finished([*KEYS, "unknown"]) == ledger.committed() == set(KEYS)
    assert list(ledger.entries([KEYS[3], "unknown", KEYS[0], KEYS[3]])) == [KEYS[3], KEYS[0]]
    assert [entry.key for entry in Ledger(ledger.root).entries(KEYS).values()] == KEYS
    assert [found.facts for found in ledger.rows(KEYS)] == [row.facts for row in ROWS]


def test_a_trial_alone_and_in_company_is_the_same_entry(ledger: Ledger, tmp_path: Path) -> None:
    alone = Ledger(tmp_path / "alone")
    ledger.commit(ROWS)
    for each in ROWS:
        alone.commit([each])
    assert len(segments(ledger)) == 1
    assert len(segments(alone)) == 4
    assert contents(alone, KEYS) == contents(ledger, KEYS)


def test_a_commit_deletes_what_was_kept_of_the_running_trials(ledger: Ledger) -> None:
    for key in KEYS[:2]:
        ledger.unfinished(key).mark_started("n")
        ledger.unfinished(key).record_end(TrialEnd(state="lost", reason="r"))
    assert ledger.started() == set(KEYS[:2])
    ledger.commit(ROWS[:1])
    assert ledger.started() == {KEYS[1]}


def test_a_second_commit_changes_nothing(ledger: Ledger) -> None:
    ledger.commit(ROWS)
    before = segments(ledger)[0].stat()
    ledger.commit(ROWS)
    assert len(segments(ledger)) == 1
    assert segments(ledger)[0].stat().st_ino == before.st_ino


@pytest.mark.parametrize("foreign", ["folder", "cut", "link"])
def test_a_commit_sets_aside_what_has_the_name_of_its_segment(ledger: Ledger, foreign: str) -> None:
    path = ledger.root / segment_key(to_segment(ROWS))
    path.parent.mkdir(parents=True)
    if foreign == "folder":
        path.mkdir()
    elif foreign == "cut":
        path.write_bytes(to_segment(ROWS)[:-1])
    else:
        path.symlink_to(path)
    reader = Ledger(ledger.root)
    with pytest.raises(DamagedError):
        reader.entries(KEYS)
    ledger.commit(ROWS)
    assert ledger.finished(KEYS) == reader.finished(KEYS) == set(KEYS)
    assert len(list((ledger.root / "set-aside").iterdir())) == 1


def test_a_full_disk_leaves_the_checkpoint_and_no_entry(ledger: Ledger) -> None:
    ledger.unfinished(KEYS[0]).save_checkpoint({"iteration": 3})
    with files_of_at_most(1000), pytest.raises(StudyFailed, match=r"\(File too large\)"):
        ledger.commit(ROWS)
    assert segments(ledger) == []
    assert ledger.unfinished(KEYS[0]).checkpoint() == {"iteration": 3}


def test_the_same_trial_in_two_segments_is_one_trial(ledger: Ledger) -> None:
    """As after a killed driver, whose worker committed beside the next driver's."""
    ledger.commit(ROWS[:2])
    again = row(0, elapsed_seconds=9.0)
    assert again.key == KEYS[0]
    ledger.commit([again])
    names = [path.name for path in segments(ledger)]
    first = ROWS[0] if names.index(Path(segment_key(to_segment(ROWS[:2]))).name) == 0 else again
    for reader in (ledger, Ledger(ledger.root)):  # both choose the same
        found = reader.entry(KEYS[0])
        assert found is not None
        assert found.facts["elapsed_seconds"] == (0.5 if first is ROWS[0] else 9.0)
    for path in segments(ledger):
        path.rename(path.with_name(f".{path.name}"))
        assert Ledger(ledger.root).finished(KEYS[:1]) == ledger.finished(KEYS[:1]) == {KEYS[0]}
        path.with_name(f".{path.name}").rename(path)


# -- removal, and readers at the same time -----------------------------------------------------------------------------


def test_removed_entries_are_gone_and_their_neighbours_stay(ledger: Ledger) -> None:
    reader = Ledger(ledger.root)
    ledger.commit(ROWS)
    before = contents(reader, KEYS)
    ledger.remove(KEYS[1:3])
    assert ledger.finished(KEYS) == reader.finished(KEYS) == {KEYS[0], KEYS[3]}
    assert contents(reader, KEYS) == [before[0], before[3]]
    ledger.remove(KEYS)
    assert reader.entries(KEYS) == {}
    assert segments(ledger) == []


def test_a_reader_finds_an_entry_at_every_step_of_a_removal(ledger: Ledger) -> None:
    """The neighbours are committed again before their former segment is deleted; a scan may fall between."""
    ledger.commit(ROWS)
    reader = Ledger(ledger.root)
    held = reader.entries(KEYS)
    before = [content(entry) for entry in held.values()]
    ledger.add_segment(to_segment(ROWS[1:]))
    assert contents(reader, KEYS) == before
    ledger.storage.delete(segment_key(to_segment(ROWS)))
    assert reader.finished(KEYS) == set(KEYS[1:])
    assert contents(reader, KEYS) == before[1:]
    assert content(held[KEYS[2]]) == before[2]  # its generators are in another segment now
    with pytest.raises(DamagedError, match="it is gone"):
        held[KEYS[0]].generators()


def test_a_segment_deleted_between_scan_and_reading_is_no_damage(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.commit(ROWS)
    before = contents(ledger, KEYS)
    reader, scans = Ledger(ledger.root), 0

    def scan_then_rewrite() -> None:
        nonlocal scans
        scans += 1
        SegmentIndex.scan(reader._index)
        if scans == 1:
            ledger.remove(KEYS[:1])

    monkeypatch.setattr(reader._index, "scan", scan_then_rewrite)
    assert contents(reader, KEYS) == before[1:]
    assert scans == 2


def test_removing_does_not_launder_a_damaged_neighbour(ledger: Ledger) -> None:
    ledger.add_segment(to_segment([ROWS[0], replace(ROWS[1], facts=ROWS[2].facts)]))
    with pytest.raises(DamagedError):
        ledger.remove(KEYS[:1])
    assert len(segments(ledger)) == 1
    ledger.remove([KEYS[1]])
    assert contents(ledger, KEYS[:1]) == contents(committed(ledger.root / "other"), KEYS[:1])


def committed(root: Path) -> Ledger:
    ledger = Ledger(root)
    ledger.commit(ROWS)
    return ledger


def test_the_sizes_of_entries_add_up_to_those_of_the_segments(ledger: Ledger) -> None:
    ledger.commit(ROWS[:3])
    ledger.commit(ROWS[2:])
    sizes = ledger.sizes()
    assert sizes.keys() == set(KEYS)
    assert sum(sizes.values()) == pytest.approx(sum(path.stat().st_size for path in segments(ledger)), abs=5)


def test_an_entry_set_aside_is_kept_below_set_aside(ledger: Ledger) -> None:
    ledger.commit(ROWS)
    target = ledger.set_entry_aside(KEYS[0])
    assert target == f"set-aside/{KEYS[0]}.parquet"
    assert ledger.committed() == set(KEYS[1:])
    assert ledger.storage.read(target) == to_segment(ROWS[:1])
    assert ledger.set_entry_aside(KEYS[0]) is None


# -- damage ------------------------------------------------------------------------------------------------------------


def test_a_damaged_segment_is_refused_for_a_trial_that_it_may_hold(ledger: Ledger) -> None:
    ledger.commit(ROWS[:1])
    ledger.commit(ROWS[1:])
    damaged = ledger.root / segment_key(to_segment(ROWS[1:]))
    damaged.write_bytes(b"")
    for reader in (ledger, Ledger(ledger.root)):
        assert list(reader.entries(KEYS[:1])) == KEYS[:1]
        with pytest.raises(DamagedError, match=f"{damaged}: is damaged or foreign \\(it is empty\\)"):
            reader.entries(KEYS)
    assert [name for name, _ in ledger.damaged_segments()] == [segment_key(to_segment(ROWS[1:]))]


def test_damage_of_a_heavy_column_is_found_by_a_thorough_search_alone(ledger: Ledger) -> None:
    ledger.add_segment(to_segment([ROWS[0], replace(ROWS[1], generators=ROWS[2].generators)]))
    assert ledger.damaged_segments() == []
    ((name, error),) = ledger.damaged_segments(thorough=True)
    assert error.reason == f"the checksum of the generators of {KEYS[1]} is wrong"
    kept, target = ledger.set_aside(name)
    assert [each.key for each in kept] == KEYS[:1]
    assert ledger.storage.size(target) > 0
    assert ledger.committed() == {KEYS[0]}


def test_a_segment_that_is_whole_again_is_not_set_aside(ledger: Ledger) -> None:
    """As when two runs mend the same ledger at once."""
    ledger.commit(ROWS)
    name = segment_key(to_segment(ROWS))
    assert ledger.set_aside(name)[1] == name
    assert ledger.finished(KEYS) == set(KEYS)


# -- studies -----------------------------------------------------------------------------------------------------------


def test_a_ledger_lists_the_studies_that_have_a_record(ledger: Ledger, tmp_path: Path) -> None:
    assert ledger.studies() == []
    assert ledger.read_study("b") is None
    for name in ("b", "a"):
        ledger.write_study(name, record_of(small_study(tmp_path, name)))
    with ledger.writing("opened-and-never-written"):
        pass
    assert ledger.studies() == ["a", "b"]
    assert ledger.read_study("b") == record_of(small_study(tmp_path, "b"))


def test_a_name_too_long_for_a_folder_is_no_study(ledger: Ledger) -> None:
    assert ledger.read_study("a" * 300) is None
    assert ledger.read_plan("a" * 300) == []


def test_a_record_of_another_study_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    ledger.write_study("b", record_of(small_study(tmp_path, "a")))
    with pytest.raises(DamagedError, match="it is not the record of this study"):
        ledger.read_study("b")


def test_a_full_disk_leaves_the_former_study(ledger: Ledger, tmp_path: Path) -> None:
    record = record_of(small_study(tmp_path))
    ledger.write_study("small", record)
    with files_of_at_most(100), pytest.raises(StudyFailed, match="the ledger cannot be written"):
        ledger.write_study("small", {**record, "question": "x" * 1000})
    assert ledger.read_study("small") == record
    assert os.listdir(ledger.study_folder("small")) == ["study.json"]


def test_a_study_is_running_while_it_is_written(ledger: Ledger) -> None:
    assert not ledger.is_running("s")
    with ledger.writing("s"):
        assert Ledger(ledger.root).is_running("s")
        with pytest.raises(InputError, match="another run is writing the study 's'"), ledger.writing("s"):
            pass
    assert not ledger.is_running("s")


def test_reading_writes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    write_finished(ledger, small_study(tmp_path))

    def state() -> list[tuple[str, int]]:
        return sorted((str(path), path.stat().st_mtime_ns) for path in ledger.root.rglob("*"))

    before, reader = state(), Ledger(ledger.root)
    for read in (reader.studies, reader.started, reader.committed, reader.sizes, reader.damaged_segments):
        read()
    reader.read_study("small")
    reader.is_running("small")
    assert len(contents(reader, sorted(reader.committed()))) == len(reader.read_plan("small")) == 3
    assert state() == before
    assert not Ledger(tmp_path / "none").committed()
    assert not (tmp_path / "none").exists()


# -- two writers, and a writer that is killed --------------------------------------------------------------------------


FORK = multiprocessing.get_context("fork")
"""Processes that need not import this package again."""


def write_repeatedly(root: Path, start: Event) -> None:
    ledger, rows = Ledger(root), ROWS[:2]
    start.wait()
    for _ in range(20):
        ledger.unfinished(rows[0].key).mark_started("n")
        ledger.unfinished(rows[0].key).save_checkpoint({"iteration": 1})
        ledger.commit(rows)
        ledger.remove([rows[1].key])


def test_two_processes_that_write_the_same_trials_at_once_always_leave_whole_entries(ledger: Ledger) -> None:
    expected = [content(entry) for entry in committed(ledger.root.parent / "other").entries(KEYS[:2]).values()]
    start, readings = FORK.Event(), 0
    writers = [FORK.Process(target=write_repeatedly, args=[ledger.root, start], daemon=True) for _ in range(2)]
    for writer in writers:
        writer.start()
    start.set()
    while any(writer.is_alive() for writer in writers):
        found = contents(ledger, KEYS[:1])
        assert found in ([], expected[:1])
        assert not (readings and not found)  # there from the first commit on
        readings += bool(found)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert readings > 3
    assert contents(ledger, KEYS[:1]) == expected[:1]
    assert [path.name for path in segments(ledger) if path.name.startswith(".")] == []


def write_half_a_segment(root: Path, half_written: Event) -> None:
    def write_half(path: Path, content: bytes) -> None:
        path.write_bytes(content[: len(content) // 2])
        half_written.set()
        time.sleep(600)

    folder_storage._write_to_disk = write_half
    Ledger(root).commit(ROWS[:1])


def test_a_writer_killed_in_mid_write_leaves_an_unfinished_trial(ledger: Ledger) -> None:
    ledger.unfinished(KEYS[0]).save_checkpoint({"iteration": 3})
    half_written = FORK.Event()
    writer = FORK.Process(target=write_half_a_segment, args=[ledger.root, half_written], daemon=True)
    writer.start()
    assert half_written.wait(timeout=60)
    writer.kill()
    writer.join()
    (half,) = segments(ledger)
    assert half.name.startswith(".")
    assert (ledger.finished(KEYS), ledger.entries(KEYS), ledger.damaged_segments()) == (set(), {}, [])
    assert ledger.unfinished(KEYS[0]).checkpoint() == {"iteration": 3}
    ledger.commit(ROWS[:1])
    assert ledger.finished(KEYS) == {KEYS[0]}
    os.utime(half, (time.time() - 3601,) * 2)
    assert ledger.storage.leftovers("trials") == [f"trials/{half.name}"]


class Killed(BaseException):
    """A process ends here."""


def test_a_removal_killed_before_its_last_step_loses_no_entry(ledger: Ledger) -> None:
    ledger.commit(ROWS)
    before = contents(ledger, KEYS)
    with patch.object(FolderStorage, "delete", side_effect=Killed), pytest.raises(Killed):
        ledger.remove(KEYS[:1])
    assert contents(ledger, KEYS) == contents(Ledger(ledger.root), KEYS) == before
    ledger.remove(KEYS[:1])
    assert contents(Ledger(ledger.root), KEYS) == before[1:]
