"""Mending: a run sets aside what it could not read or replace, says so, and keeps what is whole."""

from dataclasses import replace
from pathlib import Path

import pytest
from ledger_contents import contents, record_of, row, small_study

from studies.errors import InputError
from studies.ledger.ledger import Ledger
from studies.ledger.mending import foreign_in_running, mend_segments, mend_study
from studies.ledger.segment_index import segment_key
from studies.ledger.segments import to_segment

ROWS = [row(index) for index in range(3)]
KEYS = [each.key for each in ROWS]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def test_a_whole_ledger_needs_no_mending(ledger: Ledger, tmp_path: Path) -> None:
    assert [*mend_study(ledger, "small"), *mend_segments(ledger)] == []
    assert not ledger.root.exists()
    ledger.commit(ROWS)
    ledger.unfinished("k").mark_started("n")
    ledger.write_study("small", record_of(small_study(tmp_path)))
    assert [*mend_study(ledger, "small"), *mend_segments(ledger)] == []
    assert not (ledger.root / "set-aside").exists()


def test_whole_neighbours_of_a_damaged_entry_are_committed_again(ledger: Ledger) -> None:
    ledger.commit(ROWS)
    before = contents(ledger, KEYS)
    ledger.storage.delete(segment_key(to_segment(ROWS)))
    segment = to_segment([ROWS[0], replace(ROWS[1], values=ROWS[0].values), ROWS[2]])
    ledger.add_segment(segment)
    (sentence,) = mend_segments(ledger)
    place = ledger.root / segment_key(segment)
    assert sentence == (
        f"{place}: is damaged or foreign (the checksum of the curves of {KEYS[1]} is wrong) and was set aside as "
        f"set-aside/trials.{place.name}.0; the other entries in it are kept (2)"
    )
    assert contents(ledger, KEYS) == [before[0], before[2]]
    assert list(mend_segments(ledger)) == []


def test_a_renamed_segment_is_set_aside(ledger: Ledger) -> None:
    ledger.commit(ROWS)
    path = ledger.root / segment_key(to_segment(ROWS))
    path.rename(path.with_name("0" * 32 + ".parquet"))
    (sentence,) = mend_segments(ledger)
    assert "its name is not the checksum of its footer" in sentence
    assert (ledger.committed(), ledger.damaged_segments()) == (set(), [])


def test_two_runs_that_mend_at_once_keep_the_same_entries(ledger: Ledger) -> None:
    ledger.add_segment(to_segment([ROWS[0], replace(ROWS[1], values=ROWS[0].values)]))
    first, second = mend_segments(Ledger(ledger.root)), mend_segments(Ledger(ledger.root))
    other = Ledger(ledger.root)
    damaged = other.damaged_segments()
    assert len([*first, *second]) == 1
    assert other.set_aside(damaged[0][0])[0] == []
    assert ledger.committed() == {KEYS[0]}
    assert len(list((ledger.root / "set-aside").iterdir())) == 1


@pytest.mark.parametrize("prefix", ["trials", "running", "studies", "studies/small", "studies/small/plan"])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_no_folder_is_set_aside(ledger: Ledger, tmp_path: Path, prefix: str, kind: str) -> None:
    path = ledger.root / prefix
    path.parent.mkdir(parents=True)
    if kind == "file":
        path.write_text("mine")
    else:
        (tmp_path / "elsewhere").mkdir()
        path.symlink_to(tmp_path / "elsewhere")
    (sentence,) = mend_study(ledger, "small")
    assert sentence == (
        f"{path}: is damaged or foreign (it is no folder) and was set aside as set-aside/{prefix.replace('/', '.')}.0"
    )
    ledger.commit(ROWS)
    ledger.unfinished("k").mark_started("n")
    with ledger.writing("small") as lease:
        ledger.write_study("small", record_of(small_study(tmp_path)))
        ledger.write_plan("small", [], run=lease.number, part=0)


def test_foreign_things_among_unfinished_trials_are_found(ledger: Ledger) -> None:
    for key in ("a", "b"):
        ledger.unfinished(key).mark_started("n")
        ledger.unfinished(key).save_checkpoint({"key": key})
    running = ledger.root / "running"
    (running / "stray").write_text("mine")
    (running / "empty").mkdir()
    (running / "a" / "end" / "deeper").mkdir(parents=True)
    (running / "b" / "end").symlink_to(running / "stray")
    assert foreign_in_running(ledger) == [
        ("running/a/end", "it is a folder"),
        ("running/b/end", "it is a link"),
        ("running/empty", "it belongs to no trial"),
        ("running/stray", "it belongs to no trial"),
    ]
    assert len(list(mend_study(ledger, "small"))) == 4
    assert foreign_in_running(ledger) == []
    assert ledger.started() == {"a", "b"}
    assert [ledger.unfinished(key).checkpoint() for key in ("a", "b")] == [{"key": "a"}, {"key": "b"}]


def test_a_damaged_record_is_set_aside_and_one_of_another_version_is_refused(ledger: Ledger) -> None:
    path = ledger.root / "studies" / "small" / "study.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"format": 3')
    (sentence,) = mend_study(ledger, "small")
    assert sentence == (
        f"{path}: is damaged or foreign (it holds no JSON object) and was set aside as "
        "set-aside/studies.small.study.json.0"
    )
    assert ledger.studies() == []
    path.parent.mkdir()
    path.write_bytes(b'{"format": 2}')
    with pytest.raises(InputError, match=r"another version of gan-studies \(format 2, "):
        list(mend_study(ledger, "small"))
    assert path.exists()
