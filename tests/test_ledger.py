"""The ledger: complete and damaged entries, locks, and what an interruption leaves behind."""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from full_disk import files_of_at_most

from studies.errors import InputError, StudyFailed
from studies.ledger.curves import Curves
from studies.ledger.entries import Entry
from studies.ledger.ledger import Ledger
from studies.ledger.storage import FORMAT

FILES = ["curves.parquet", "samples.npz", "generator_best.pt", "generator_last.pt"]


def contents(seed: int = 0, samples: int = 4) -> dict:
    rng = np.random.default_rng(seed)
    return {
        "curves": Curves.from_evaluations([seed], [0, 1], [{"a": rng.random(1).tolist()} for _ in range(2)]),
        "generators": {which: {"w": torch.from_numpy(rng.random((2, 3)))} for which in ("best", "last")},
        "samples": {which: rng.random((2, samples, 3)) for which in ("best", "last")},
        "facts": {"address": "a", "seeds": [seed]},
    }


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def entry(ledger: Ledger) -> Entry:
    return ledger.entry("a")


def committed(entry: Entry, seed: int = 0) -> Entry:
    entry.commit(**contents(seed))
    return entry


def further_files(entry: Entry) -> set[str]:
    return {path.name for path in entry.folder.iterdir()} - {*FILES, "facts.json", "log.txt"}


# -- one entry ---------------------------------------------------------------------------------------------------------


def test_an_entry_returns_what_was_committed(entry: Entry) -> None:
    given = contents(seed=3)
    assert (entry.started, entry.finished) == (False, False)
    entry.commit(**given)
    assert (entry.started, entry.finished) == (True, True)
    pd.testing.assert_frame_equal(entry.curves().frame(), given["curves"].frame(), check_exact=True)
    for which in ("best", "last"):
        assert torch.equal(entry.generator(which)["w"], given["generators"][which]["w"])
        assert np.array_equal(entry.samples()[which], given["samples"][which])
    assert entry.facts()["seeds"] == [3]
    assert set(entry.facts()["checksums"]) == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_facts_are_written_after_every_other_file(entry: Entry, name: str) -> None:
    (entry.folder / name).mkdir(parents=True)  # no file can replace a folder
    with pytest.raises(StudyFailed, match=name):
        committed(entry)
    assert not entry.finished
    (entry.folder / name).rmdir()
    committed(entry)
    assert entry.facts()["checksums"].keys() == set(FILES)
    times = {path.name: path.stat().st_mtime_ns for path in entry.folder.iterdir()}
    assert times["facts.json"] == max(times.values())


def test_a_commit_leaves_no_checkpoint_no_error_and_no_temporary_file(entry: Entry) -> None:
    entry.save_checkpoint({"iteration": 3})
    entry.record_failure("RuntimeError: once")
    assert entry.checkpoint() == {"iteration": 3}
    assert entry.error() == "RuntimeError: once"
    committed(entry)
    assert further_files(entry) == set()
    assert entry.checkpoint() is None
    assert entry.error() is None


def test_a_failed_commit_keeps_the_checkpoint(entry: Entry) -> None:
    entry.save_checkpoint({"iteration": 3})
    (entry.folder / "samples.npz").mkdir()
    with pytest.raises(StudyFailed):
        committed(entry)
    assert entry.checkpoint() == {"iteration": 3}


def test_equal_commits_write_equal_bytes(entry: Entry, ledger: Ledger) -> None:
    """So a killed driver's worker may replace files of an entry whose facts another worker wrote."""
    twin = committed(ledger.entry("b"))
    committed(entry)
    for name in FILES:
        assert (entry.folder / name).read_bytes() == (twin.folder / name).read_bytes(), name


def test_a_second_commit_changes_nothing(entry: Entry) -> None:
    facts = committed(entry).facts()
    assert committed(entry).facts() == facts
    assert further_files(entry) == set()


def test_a_cleared_failure_leaves_no_error(entry: Entry) -> None:
    entry.record_failure("out of luck")
    assert entry.error() == "out of luck"
    entry.clear_failure()
    assert entry.error() is None
    entry.clear_failure()


def test_a_log_keeps_every_line(entry: Entry) -> None:
    entry.log("started")
    entry.log("resumed")
    assert (entry.folder / "log.txt").read_text() == "started\nresumed\n"


# -- damage ------------------------------------------------------------------------------------------------------------


READERS: dict[str, Callable[[Entry], object]] = {
    "curves.parquet": lambda entry: entry.curves(),
    "samples.npz": lambda entry: entry.samples(),
    "generator_best.pt": lambda entry: entry.generator("best"),
    "generator_last.pt": lambda entry: entry.generator("last"),
}


@pytest.mark.parametrize("damage", ["one bit", "cut off", "gone", "another trial's"])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_refused_in_one_sentence(ledger: Ledger, name: str, damage: str) -> None:
    entry, other = committed(ledger.entry("a")), committed(ledger.entry("b"), seed=1)
    path = entry.folder / name
    content = bytearray(path.read_bytes())
    match damage:
        case "one bit":
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
        case "cut off":
            path.write_bytes(content[:-1])
        case "gone":
            path.unlink()
        case "another trial's":
            path.write_bytes((other.folder / name).read_bytes())
    with pytest.raises(InputError) as refused:
        READERS[name](entry)
    assert str(refused.value) == (
        f"{path}: is damaged (its checksum is not the one in facts.json); delete the folder {entry.folder} "
        "and run the study again, which repeats this trial alone"
    )
    for undamaged in FILES:
        if undamaged != name:
            READERS[undamaged](entry)


@pytest.mark.parametrize("content", ["", '{"seeds": [0', "[]", "\0"])
def test_damaged_facts_are_refused_in_one_sentence(entry: Entry, content: str) -> None:
    committed(entry)
    (entry.folder / "facts.json").write_text(content)
    for read in (entry.facts, entry.curves):
        with pytest.raises(InputError) as refused:
            read()
        assert str(refused.value) == (
            f"{entry.folder / 'facts.json'}: is damaged (it is no JSON object); delete the folder {entry.folder} "
            "and run the study again, which repeats this trial alone"
        )


def test_a_damaged_study_is_refused_in_one_sentence(ledger: Ledger) -> None:
    ledger.write_study("s", {"study": {}})
    path = ledger.study_folder("s") / "study.json"
    path.write_text('{"study": ')
    with pytest.raises(InputError) as refused:
        ledger.read_study("s")
    assert str(refused.value) == (
        f"{path}: is damaged (it is no JSON object); delete it and run the study again, which repeats no trial"
    )


# -- other formats -----------------------------------------------------------------------------------------------------


OLD = [({}, 1), ({"format": 1}, 1), ({"format": 4}, 4)]


def other_format(path: Path, number: int) -> str:
    return (
        f"{path}: was written by another version of gan-studies (format {number}, this version reads {FORMAT}); "
        "run the study again with another ledger.root"
    )


@pytest.mark.parametrize(("content", "number"), OLD)
def test_a_study_of_another_format_is_refused_in_one_sentence(ledger: Ledger, content: dict, number: int) -> None:
    path = ledger.study_folder("s") / "study.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**content, "study": {"name": "s", "measures": {}, "stability": {}}}))
    with pytest.raises(InputError) as refused:
        ledger.read_study("s")
    assert str(refused.value) == other_format(path, number)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(("content", "number"), OLD)
def test_facts_of_another_format_are_refused_in_one_sentence(entry: Entry, content: dict, number: int) -> None:
    committed(entry)
    path = entry.folder / "facts.json"
    facts = {name: value for name, value in json.loads(path.read_text()).items() if name != "format"}
    path.write_text(json.dumps({**content, **facts, "lines": {"floor": 0.1, "ref": 0.4}}))
    readers: list[Callable[[Entry], object]] = [Entry.facts, *READERS.values()]
    for read in readers:
        with pytest.raises(InputError) as refused:
            read(entry)
        assert str(refused.value) == other_format(path, number)
        assert refused.value.exit_code == 2


def test_the_command_refuses_an_old_ledger_and_exits_2(finished_root: Path, tmp_path: Path) -> None:
    from tiny import gan_study  # imports Ray, which the processes that import this file do not need

    root = tmp_path / "gan-studies"
    shutil.copytree(finished_root, root)
    facts = next(root.glob("trials/*/facts.json"))
    for path in (facts, root / "studies" / "tiny" / "study.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 1}))
        done = gan_study("results", "tiny", folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"gan-study: {other_format(path, 1)}\n"


# -- studies -----------------------------------------------------------------------------------------------------------


def test_a_ledger_lists_the_studies_that_have_a_record(ledger: Ledger) -> None:
    assert ledger.studies() == []
    assert ledger.read_study("b") is None
    for name in ("b", "a"):
        ledger.write_study(name, {"name": name})
    with ledger.writing("opened-and-never-written"):
        pass
    assert ledger.studies() == ["a", "b"]
    assert ledger.read_study("b") == {"format": FORMAT, "name": "b"}


def test_a_name_too_long_for_a_folder_is_no_study(ledger: Ledger) -> None:
    assert ledger.read_study("a" * 300) is None


def test_a_root_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Ledger("here").root == tmp_path / "here"
    assert Ledger("~/there").root == tmp_path / "home" / "there"


def test_an_unknown_users_home_is_refused() -> None:
    with pytest.raises(InputError, match=r"^ledger\.root: must be a folder, but is ~no-such-user/x \("):
        Ledger("~no-such-user/x")


# -- locks -------------------------------------------------------------------------------------------------------------


def refusal(ledger: Ledger, name: str = "s") -> str:
    with pytest.raises(InputError) as refused, ledger.writing(name):
        pass
    return str(refused.value)


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_root_that_is_a_file_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("mine")
    root = tmp_path / "file" / below
    assert refusal(Ledger(root)) == f"ledger.root: cannot write below {root} (Not a directory)"
    assert (tmp_path / "file").read_text() == "mine"


def drop_override_of_permissions() -> None:
    """Drop CAP_DAC_OVERRIDE (1): tests may run as root, who may write to read-only folders."""
    ctypes.CDLL(None).prctl(24, 1)  # PR_CAPBSET_DROP, in effect for the program that is executed next


def python(program: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )


def test_a_read_only_ledger_can_be_read_and_refuses_to_be_written(ledger: Ledger) -> None:
    committed(ledger.entry("a"))
    ledger.write_study("s", {"name": "s"})
    folders = [ledger.root, *(path for path in ledger.root.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    program = """if True:
        import sys
        from studies.errors import InputError
        from studies.ledger.ledger import Ledger
        ledger = Ledger(sys.argv[1])
        assert len(ledger.entry("a").curves().frame()) == 2
        assert ledger.read_study("s")["name"] == "s"
        for name in ("s", "t"):
            try:
                with ledger.writing(name):
                    print("written")
            except InputError as refused:
                print(refused)
    """
    process = python(program, ledger.root, preexec_fn=drop_override_of_permissions)
    output, errors = process.communicate(timeout=120)
    for folder in folders:
        folder.chmod(0o755)
    assert process.returncode == 0, errors
    assert output.splitlines() == [
        f"ledger.root: cannot write below {ledger.root / 'studies' / 's'} (Permission denied)",
        f"ledger.root: cannot write below {ledger.root} (Permission denied)",
    ]


HOLDER = """if True:
    import sys, time
    from studies.ledger.ledger import Ledger
    with Ledger(sys.argv[1]).writing("s"):
        print("locked", flush=True)
        time.sleep(600)
"""


def test_a_study_that_another_process_writes_is_refused_until_that_process_ends(ledger: Ledger) -> None:
    holder = python(HOLDER, ledger.root)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        assert refusal(ledger) == (
            f"name: another run is writing the study 's' in {ledger.root} at this moment; "
            "wait for it, stop it, or give this study another name"
        )
        with ledger.writing("another"):
            pass
    finally:
        holder.kill()
        holder.communicate(timeout=60)
    with ledger.writing("s"):
        assert "another run is writing" in refusal(Ledger(ledger.root))
    with ledger.writing("s"):
        pass


# -- two writers, and a writer that is killed --------------------------------------------------------------------------


REPEATER = """if True:
    import sys
    sys.path.insert(0, sys.argv[2])
    from test_ledger import committed
    from studies.ledger.ledger import Ledger
    entry = Ledger(sys.argv[1]).entry("a")
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(40):
        entry.save_checkpoint({"iteration": 1})
        committed(entry)
"""


def test_two_processes_that_commit_the_same_trial_at_once_leave_one_valid_entry(ledger: Ledger, entry: Entry) -> None:
    writers = [python(REPEATER, ledger.root, Path(__file__).parent, stdin=subprocess.PIPE) for _ in range(2)]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
        readings = 0
        while any(writer.poll() is None for writer in writers):
            if entry.finished:  # valid from its first commit on, at every reading
                assert [read(entry) is not None for read in READERS.values()] == [True] * 4
                readings += 1
        assert readings > 3
    finally:
        for writer in writers:
            writer.kill()
        errors = [writer.communicate(timeout=60)[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], errors
    assert further_files(entry) <= {"checkpoint.pt"}
    pd.testing.assert_frame_equal(entry.curves().frame(), contents()["curves"].frame(), check_exact=True)


SLOW_WRITER = """if True:
    import sys
    sys.path.insert(0, sys.argv[2])
    from test_ledger import contents
    from studies.ledger.ledger import Ledger
    given = contents(samples=1_000_000)
    Ledger(sys.argv[1]).entry("a").commit(**given)
"""


def test_a_writer_killed_in_mid_write_leaves_an_unfinished_entry(ledger: Ledger, entry: Entry) -> None:
    writer = python(SLOW_WRITER, ledger.root, Path(__file__).parent)
    try:
        end = time.monotonic() + 60
        while not list(entry.folder.glob(".samples.npz.*.tmp")):
            assert writer.poll() is None, writer.communicate()
            assert time.monotonic() < end
            time.sleep(0.002)
        writer.send_signal(signal.SIGKILL)
    finally:
        writer.kill()
        writer.communicate(timeout=60)
    assert writer.returncode == -signal.SIGKILL
    assert further_files(entry)  # the half-written file, under its temporary name
    assert not entry.finished
    assert entry.error() is None
    assert entry.checkpoint() is None
    committed(entry)
    assert [read(entry) is not None for read in READERS.values()] == [True] * 4


def test_a_full_disk_leaves_the_former_entry(entry: Entry) -> None:
    committed(entry)
    entry.save_checkpoint({"iteration": 3})
    before = {path.name: path.read_bytes() for path in entry.folder.iterdir()}
    larger = contents(seed=1, samples=10_000)
    with files_of_at_most(20_000):
        with pytest.raises(StudyFailed, match=r"the ledger cannot be written: .*samples\.npz \(File too large\)"):
            entry.commit(**{**larger, "curves": contents()["curves"]})
        with pytest.raises((StudyFailed, RuntimeError)):
            entry.save_checkpoint({"flat": torch.zeros(100_000)})
        with pytest.raises(StudyFailed, match=r"error\.json"):
            entry.record_failure("x" * 100_000)
    assert {path.name: path.read_bytes() for path in entry.folder.iterdir()} == before


def test_a_full_disk_leaves_the_former_study(ledger: Ledger) -> None:
    ledger.write_study("s", {"name": "s"})
    with files_of_at_most(100), pytest.raises(StudyFailed, match="the ledger cannot be written"):
        ledger.write_study("s", {"name": "s" * 1000})
    assert ledger.read_study("s") == {"format": FORMAT, "name": "s"}
    assert os.listdir(ledger.study_folder("s")) == ["study.json"]
    assert json.loads((ledger.study_folder("s") / "study.json").read_text()) == {"format": FORMAT, "name": "s"}
