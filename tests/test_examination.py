"""Examination: everything in a ledger that is not as it should be is found, and mended where it can be."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_contents import content, row, small_study, write_finished

from studies.design import TrialSpec
from studies.errors import DamagedError
from studies.ledger.examination import Finding, examine, mend
from studies.ledger.ledger import Ledger
from studies.ledger.segment_index import segment_key
from studies.ledger.segments import to_segment


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def trials(ledger: Ledger, tmp_path: Path) -> list[TrialSpec]:
    """The trials of a finished study in the ledger."""
    return write_finished(ledger, small_study(tmp_path))


def found(ledger: Ledger, *, thorough: bool = True) -> list[tuple[str, str, str]]:
    return [(finding.kind, finding.key, finding.reason) for finding in examine(ledger, thorough=thorough)]


def mend_all(ledger: Ledger) -> list[str]:
    sentences = [mend(ledger, finding) for finding in examine(ledger)]
    assert all(sentence.isprintable() for sentence in sentences)
    return sentences


@pytest.mark.usefixtures("trials")
def test_nothing_is_found_in_a_whole_ledger(ledger: Ledger) -> None:
    ledger.unfinished("running-trial").save_checkpoint({"a": 1})
    assert found(ledger) == []
    assert examine(Ledger(ledger.root / "none")) == []


@pytest.mark.usefixtures("trials")
def test_an_entry_that_no_study_holds_is_set_aside(ledger: Ledger) -> None:
    ledger.commit([row(0), row(1)])
    keys = sorted(row(index).key for index in range(2))
    assert found(ledger) == [("orphan", key, "is a trial that no study holds") for key in keys]
    before = content(ledger.entries(keys)[keys[0]])
    assert mend_all(ledger) == [
        f"{ledger.root}: {key}: is a trial that no study holds and was set aside as set-aside/{key}.parquet"
        for key in keys
    ]
    assert found(ledger) == []
    assert len(ledger.committed()) == 3
    again = ledger.storage.read(f"set-aside/{keys[0]}.parquet")
    assert again is not None
    ledger.add_segment(again)  # it can be taken back
    assert content(ledger.entries(keys)[keys[0]]) == before


@pytest.mark.usefixtures("trials")
def test_no_entry_is_an_orphan_while_a_study_runs(ledger: Ledger) -> None:
    ledger.commit([row(0)])
    with ledger.writing("small"):
        assert found(ledger) == []


def test_a_damaged_column_is_found_by_a_thorough_examination_alone(ledger: Ledger, trials: list[TrialSpec]) -> None:
    first, second, third = ledger.rows([trial.key for trial in trials])
    ledger.remove([trial.key for trial in trials])
    segment = to_segment([first, replace(second, samples=first.samples), third])
    ledger.add_segment(segment)
    reason = f"is damaged or foreign (the checksum of the samples of {second.key} is wrong)"
    assert found(ledger, thorough=False) == []
    assert found(ledger) == [("segment", segment_key(segment), reason)]
    assert mend_all(ledger) == [
        f"{ledger.root / segment_key(segment)}: {reason} and was set aside as "
        f"set-aside/{segment_key(segment).replace('/', '.')}.0; 2 of its entries are kept"
    ]
    assert found(ledger) == []
    assert ledger.committed() == {first.key, third.key}


def test_what_killed_writers_left_is_deleted_after_an_hour(ledger: Ledger, trials: list[TrialSpec]) -> None:
    names = [f"trials/.x.{'0' * 32}.tmp", f"running/k/.checkpoint.{'1' * 32}.tmp", f"studies/small/.y.{'2' * 32}.tmp"]
    for name in names:
        path = ledger.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (time.time() - 3700,) * 2)
    young = ledger.root / "trials" / f".x.{'3' * 32}.tmp"
    young.touch()
    reason = "is a temporary file of a writer that was killed"
    assert found(ledger) == [("leftover", name, reason) for name in names]
    assert mend_all(ledger) == [f"{ledger.root / name}: {reason} and was deleted" for name in names]
    assert found(ledger) == []
    assert young.exists()
    assert not (ledger.root / "running" / "k").exists()


def test_what_is_kept_of_a_running_trial_that_is_finished_is_deleted(ledger: Ledger, trials: list[TrialSpec]) -> None:
    key = trials[0].key
    ledger.unfinished(key).save_checkpoint({"a": 1})
    ledger.unfinished("other").save_checkpoint({"a": 1})
    reason = "holds checkpoint and marks of a trial that is finished"
    assert found(ledger) == [("remains", f"running/{key}", reason)]
    assert mend_all(ledger) == [f"{ledger.root / 'running' / key}: {reason} and was deleted"]
    assert ledger.started() == {"other"}
    assert ledger.finished([key]) == {key}


@pytest.mark.usefixtures("trials")
def test_damaged_and_foreign_objects_of_unfinished_trials_are_set_aside(ledger: Ledger) -> None:
    ledger.storage.replace("running/k/checkpoint", b"x")
    ledger.storage.replace("running/k/end", b"")
    ledger.storage.replace("running/l/end/deeper", b"")
    ledger.storage.replace("running/stray", b"")
    assert found(ledger) == [
        ("foreign", "running/l/end", "is damaged or foreign (it is a folder)"),
        ("foreign", "running/stray", "is damaged or foreign (it belongs to no trial)"),
        ("foreign", "running/k/end", "is damaged or foreign (it is empty)"),
        ("foreign", "running/k/checkpoint", "is damaged or foreign (it holds no JSON object)"),
    ]
    assert "running/k/checkpoint" not in [key for _, key, _ in found(ledger, thorough=False)]
    assert len(mend_all(ledger)) == 4
    assert found(ledger) == []


@pytest.mark.parametrize("part", ["study.json", "plan/00000001-000000.json.gz"])
def test_a_damaged_record_or_plan_is_left_for_a_run_and_nothing_is_an_orphan(
    ledger: Ledger, trials: list[TrialSpec], part: str
) -> None:
    path = ledger.study_folder("small") / part
    path.write_bytes(b"")
    ((kind, key, _),) = found(ledger)
    assert (kind, key) == ("record", f"studies/small/{part.partition('/')[0]}")
    (sentence,) = mend_all(ledger)
    assert sentence.endswith("; gan-study run writes it again")
    assert path.exists()
    assert len(found(ledger)) == 1
    assert ledger.committed() == {trial.key for trial in trials}


@pytest.mark.usefixtures("trials")
def test_a_plan_without_a_record_is_found(ledger: Ledger) -> None:
    (ledger.study_folder("small") / "study.json").unlink()
    assert found(ledger) == [("record", "studies/small/study.json", "is missing, while the study has a plan")]


@pytest.mark.usefixtures("trials")
def test_a_record_of_another_version_stays(ledger: Ledger) -> None:
    path = ledger.study_folder("small") / "study.json"
    path.write_bytes(b'{"format": 2}')
    (finding,) = examine(ledger)
    assert finding.kind == "version"
    assert (
        mend(ledger, finding)
        == str(finding)
        == (
            f"{path}: was written by another version of gan-studies (format 2, this version reads 3); "
            "run the study again with another ledger.root"
        )
    )
    assert path.read_bytes() == b'{"format": 2}'


@pytest.mark.parametrize("prefix", ["trials", "running", "studies"])
def test_a_folder_that_is_none_is_set_aside(ledger: Ledger, prefix: str) -> None:
    ledger.root.mkdir()
    (ledger.root / prefix).write_text("mine")
    assert found(ledger) == [("foreign", prefix, "is no folder")]
    mend_all(ledger)
    assert found(ledger) == []


def test_an_orphan_beside_a_damaged_entry_is_mended_after_it(ledger: Ledger) -> None:
    ledger.add_segment(to_segment([row(0), replace(row(1), samples=row(0).samples)]))
    kinds = [finding.kind for finding in examine(ledger)]
    assert kinds == ["segment", "orphan", "orphan"]
    orphan = next(finding for finding in examine(ledger) if finding.key == row(0).key)
    with pytest.raises(DamagedError):
        mend(ledger, orphan)
    mend_all(ledger)
    assert found(ledger) == []
    assert ledger.committed() == set()


def test_a_finding_is_a_sentence_that_opens_with_its_place() -> None:
    assert str(Finding(kind="leftover", key="a", reason="is old", place="/ledger/a")) == "/ledger/a: is old"
