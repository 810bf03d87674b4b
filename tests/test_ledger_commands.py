"""ls, rm, doctor, archive, import, evaluate: what they print, what they change, how they refuse."""

import json
import shutil
from pathlib import Path

import command_line
import pytest
from command_line import Call, assert_refused

from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.locate import results

call = command_line.call
copied_root = command_line.copied_root


def test_ls_lists_trials_sizes_and_state(call: Call, copied_root: Path, finished_study: Study) -> None:
    answer = call("ls", "--json")
    (held,) = json.loads(answer.out)
    assert (held["name"], held["planned"], held["finished"], held["shared"]) == ("tiny", 10, 10, 0)
    files = [path for path in copied_root.rglob("*") if path.is_file()]
    assert held["own_bytes"] == pytest.approx(sum(path.stat().st_size for path in files), abs=100)
    text = call("ls").out
    assert "10 finished of 10 planned" in text
    assert str(copied_root) in text


def test_ls_of_a_folder_that_is_none_is_refused(call: Call) -> None:
    assert_refused(call("ls", "--root", "nothing"), "--root: must be the folder of a ledger, but there is no folder")


def test_studies_with_the_same_trials_share_them_and_rm_keeps_them(
    call: Call, copied_root: Path, tiny_twin: Study
) -> None:
    held = {study["name"]: study for study in json.loads(call("ls", "--json").out)}
    assert (held["tiny"]["shared"], held["twin"]["shared"]) == (10, 10)
    before = results("tiny", root=copied_root).members
    answer = call("rm", "twin", "--yes")
    assert "0 finished trials that only it holds" in answer.out
    assert "10 trials are held by other studies too and stay" in answer.out
    assert [study["name"] for study in json.loads(call("ls", "--json").out)] == ["tiny"]
    assert results("tiny", root=copied_root).members.equals(before)


@pytest.fixture
def tiny_twin(copied_root: Path, finished_study: Study) -> Study:
    """A study of another name with the same trials, in the copied ledger."""
    from dataclasses import replace

    from tiny import run_without_ray

    ledger = replace(finished_study.ledger, root=str(copied_root))
    twin = replace(finished_study, name="twin", ledger=ledger)
    run_without_ray(twin)
    return twin


def test_rm_shows_what_it_would_delete_and_deletes_nothing_without_yes(call: Call, copied_root: Path) -> None:
    answer = call("rm", "tiny")
    assert answer.code == 2
    assert "tiny in" in answer.out
    assert "10 finished trials that only it holds" in answer.out
    assert answer.err == "gan-study: tiny: nothing was deleted; add --yes to delete it\n"
    assert Ledger(copied_root).studies() == ["tiny"]


def test_rm_deletes_the_study_and_its_trials(call: Call, copied_root: Path) -> None:
    assert call("rm", "tiny", "--yes").code == 0
    assert [path for path in copied_root.rglob("*") if path.is_file()] == []
    assert_refused(call("rm", "tiny", "--yes"), "tiny: there is no such study in")


def test_doctor_finds_nothing_in_a_whole_ledger(call: Call, copied_root: Path) -> None:
    answer = call("doctor")
    assert (answer.code, answer.out) == (0, f"{copied_root}: nothing is wrong\n")


def test_doctor_counts_the_trials_that_a_changed_file_has_left(call: Call, copied_root: Path) -> None:
    trials = len(Ledger(copied_root).committed())
    shutil.rmtree(copied_root / "studies" / "tiny")
    answer = call("doctor", "--root", str(copied_root), "--no-tracking")
    assert answer.code == 1
    counted, last = answer.out.splitlines()
    assert counted.startswith(
        f"{copied_root}: {trials} trials that no study holds, as after a change to a study file: "
    )
    assert last.startswith(f"{copied_root}: {trials} findings; ")


def test_doctor_says_that_runs_in_a_damaged_store_were_not_examined(call: Call, copied_root: Path) -> None:
    Path("mlflow.db").write_text("no database, " * 1000, encoding="utf-8")
    answer = call("doctor", "--tracking", "sqlite:///mlflow.db")
    assert (answer.code, answer.out) == (1, f"{copied_root}: nothing is wrong\n")
    assert "is damaged (file is not a database)" in answer.err
    assert answer.err.endswith("; its runs were not examined\n")


def test_doctor_names_a_damaged_entry_mends_it_and_run_repeats_it(call: Call, copied_root: Path) -> None:
    before = results("tiny", root=copied_root).members
    segment = sorted((copied_root / "trials").iterdir())[3]
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)
    found = call("doctor")
    assert found.code == 1
    assert str(segment) in found.out
    assert "1 finding;" in found.out
    mended = call("doctor", "--mend")
    assert "was set aside as set-aside/" in mended.out
    assert call("doctor").code == 0
    assert len(Ledger(copied_root).committed()) == 9
    from tiny import run_without_ray

    study = results("tiny", root=copied_root).study
    from dataclasses import replace

    run_without_ray(replace(study, ledger=replace(study.ledger, root=str(copied_root))))
    assert results("tiny", root=copied_root).members.equals(before)


def test_an_archive_is_imported_with_equal_tables_and_refused_when_damaged(call: Call, copied_root: Path) -> None:
    assert "tiny.zip holds tiny with 10 finished trials" in call("archive", "tiny").out
    answer = call("import", "tiny.zip", "--root", "elsewhere")
    assert (answer.code, "tiny with 10 finished trials is in" in answer.out) == (0, True)
    for table in ("trials", "members", "curves", "ranking"):
        ours, theirs = (getattr(results("tiny", root=root), table) for root in (copied_root, "elsewhere"))
        assert ours.equals(theirs)
    archive = Path("tiny.zip")
    content = bytearray(archive.read_bytes())
    content[len(content) // 3] ^= 1
    archive.write_bytes(content)
    assert_refused(call("import", "tiny.zip", "--root", "third"), "tiny.zip")
    assert not Path("third/trials").exists()
    assert_refused(call("import", "nothing.zip"), "nothing.zip: must be an archive that gan-study archive wrote")
    assert_refused(call("archive", "unknown"), "unknown: there is no such study in")


def test_evaluate_prints_the_new_ranking_and_names_the_next_command(call: Call, copied_root: Path) -> None:
    assert "tiny has no further evaluations" in call("evaluate", "tiny").out
    answer = call("evaluate", "tiny", "--set", "evaluation.neighbours=3")
    assert answer.code == 0
    identifier = answer.out.partition("further evaluation ")[2].partition(" ")[0]
    assert f"further evaluation {identifier} of tiny: neighbours = 3 (own: 5)" in answer.out
    assert f"gan-study compare tiny --evaluation {identifier}" in answer.out
    assert call("evaluate", "tiny").out == f"{identifier}: neighbours = 3 (own: 5)\n"
    for command in (("compare", "tiny"), ("results", "tiny"), ("report", "tiny", "--no-tracking")):
        assert call(*command, "--evaluation", identifier[:6]).code == 0
    assert "further evaluation" in call("compare", "tiny", "--evaluation", identifier).out
    call("archive", "tiny")
    call("import", "tiny.zip", "--root", "elsewhere")
    ours, theirs = (results("tiny", root=root, evaluation=identifier).curves for root in (copied_root, "elsewhere"))
    assert ours.equals(theirs)
    assert_refused(call("results", "tiny", "--evaluation", "zz"), "evaluation: must be the identifier")
    assert_refused(call("evaluate", "tiny", "--set", "evaluation.neighbours=3", "--phase", "confirmed"), "--phase")
