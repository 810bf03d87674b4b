"""Inventory: what studies hold alone and together, and the removal of one that leaves the others whole."""

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from unittest.mock import patch

import pytest
from ledger_contents import contents, explore_trials, record_of, row, row_of, small_study, write_finished

from studies.errors import DamagedError, InputError
from studies.ledger.folder_storage import FolderStorage
from studies.ledger.inventory import holdings, keys_of, remove_study
from studies.ledger.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def write_pair(ledger: Ledger, folder: Path) -> list[str]:
    """Studies `a` with three trials and `b` with the first two of them; returns the keys."""
    trials = write_finished(ledger, small_study(folder, "a"))
    with ledger.writing("b") as lease:
        ledger.write_study("b", record_of(small_study(folder, "b")))
        ledger.write_plan("b", [asdict(trial) for trial in trials[:2]], run=lease.number, part=0)
    return [trial.key for trial in trials]


def files(ledger: Ledger) -> list[str]:
    return sorted(str(path.relative_to(ledger.root)) for path in ledger.root.rglob("*") if path.is_file())


def test_a_ledger_without_studies_holds_nothing(ledger: Ledger) -> None:
    ledger.commit([row(0)])
    assert list(holdings(ledger)) == []


def test_holdings_count_what_a_study_holds_alone_and_with_others(ledger: Ledger, tmp_path: Path) -> None:
    keys = write_pair(ledger, tmp_path)
    ledger.commit([row(0)])  # of no study
    first, second = holdings(ledger)
    size = ledger.sizes()
    assert (first.name, first.planned, first.finished, first.shared, first.running) == ("a", 3, 3, 2, False)
    assert (second.name, second.planned, second.finished, second.shared) == ("b", 2, 2, 2)
    assert first.shared_bytes == second.shared_bytes == size[keys[0]] + size[keys[1]]
    folder = sum(path.stat().st_size for path in ledger.study_folder("a").rglob("*") if path.is_file())
    assert first.own_bytes == size[keys[2]] + folder
    assert first.written == (ledger.study_folder("a") / "study.json").stat().st_mtime
    with ledger.writing("b"):
        assert [holding.running for holding in holdings(ledger)] == [False, True]


def test_the_limit_that_ended_the_last_run_is_known_until_the_next_one(ledger: Ledger, tmp_path: Path) -> None:
    write_pair(ledger, tmp_path)
    with ledger.writing("a") as lease:
        lease.limit = "the run took too long"
        assert [holding.limit for holding in holdings(ledger)] == ["", ""], "the run goes on"
    assert [holding.limit for holding in holdings(ledger)] == ["the run took too long", ""]
    with ledger.writing("a"):
        pass
    assert [holding.limit for holding in holdings(ledger)] == ["", ""]


def test_removing_a_study_leaves_what_others_hold(ledger: Ledger, tmp_path: Path) -> None:
    keys = write_pair(ledger, tmp_path)
    before = contents(ledger, keys)
    ledger.unfinished(keys[2]).mark_started("n")
    remove_study(ledger, "a")
    assert (ledger.studies(), ledger.started()) == (["b"], set())
    assert contents(ledger, keys) == before[:2]
    assert not ledger.study_folder("a").exists()
    remove_study(ledger, "b")
    assert files(ledger) == []


def test_an_unknown_study_cannot_be_removed(ledger: Ledger) -> None:
    with pytest.raises(InputError, match=r"^c: there is no such study in "):
        remove_study(ledger, "c")
    assert not ledger.root.exists()


def test_a_running_study_is_not_removed(ledger: Ledger, tmp_path: Path) -> None:
    keys = write_pair(ledger, tmp_path)
    with ledger.writing("a"), pytest.raises(InputError, match="another run is writing the study 'a'"):
        remove_study(ledger, "a")
    assert ledger.finished(keys) == set(keys)


@pytest.mark.parametrize("damage", ["plan", "record", "record a folder"])
def test_nothing_is_removed_that_a_damaged_study_may_hold(ledger: Ledger, tmp_path: Path, damage: str) -> None:
    keys = write_pair(ledger, tmp_path)
    record = ledger.study_folder("b") / "study.json"
    if damage == "plan":
        next((ledger.study_folder("b") / "plan").iterdir()).write_bytes(b"")
        with pytest.raises(DamagedError):
            remove_study(ledger, "a")
        assert ledger.finished(keys) == set(keys)
        return
    record.unlink()
    if damage == "record a folder":
        (record / "x").mkdir(parents=True)
    remove_study(ledger, "a")
    assert ledger.finished(keys) == set(keys[:2])
    assert keys_of(ledger, "b") == set(keys[:2])


class Killed(BaseException):
    """A process ends here."""


@pytest.mark.parametrize("survived", range(4))
def test_a_removal_killed_at_any_step_can_be_done_again(ledger: Ledger, tmp_path: Path, survived: int) -> None:
    keys = write_pair(ledger, tmp_path)
    before, delete, calls = contents(ledger, keys), FolderStorage.delete, []

    def delete_or_die(storage: FolderStorage, key: str) -> None:
        calls.append(key)
        if "/lease/" not in key and len([each for each in calls if "/lease/" not in each]) > survived:
            raise Killed
        delete(storage, key)

    with patch.object(FolderStorage, "delete", delete_or_die), suppress(Killed):
        remove_study(ledger, "a")
    assert contents(ledger, keys[:2]) == before[:2]
    if "a" in ledger.studies():
        remove_study(ledger, "a")
    assert ledger.studies() == ["b"]
    assert contents(ledger, keys) == before[:2]
    assert not [name for name in files(ledger) if name.startswith("studies/a") and "lease" not in name]


def test_a_trial_that_runs_in_the_removed_study_alone_is_forgotten(ledger: Ledger, tmp_path: Path) -> None:
    study = small_study(tmp_path)
    trials = explore_trials(study)
    with ledger.writing("small") as lease:
        ledger.write_study("small", record_of(study))
        ledger.write_plan("small", [asdict(trial) for trial in trials], run=lease.number, part=0)
    ledger.commit([row_of(trials[0].identity, trials[0].evaluation, 0)])
    ledger.unfinished(trials[1].key).save_checkpoint({"a": 1})
    ledger.unfinished("other").save_checkpoint({"a": 1})
    remove_study(ledger, "small")
    assert ledger.started() == {"other"}
    assert ledger.committed() == set()
