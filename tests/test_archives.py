"""Archives: a study comes back whole in another ledger, and nothing else gets into one."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from io import BytesIO
from pathlib import Path

import pytest
from ledger_contents import check_sentence, contents, record_of, row, row_of, small_study, write_finished

from studies.design import TrialSpec
from studies.errors import DamagedError, InputError
from studies.ledger import archives
from studies.ledger.archives import read_archive, write_archive
from studies.ledger.ledger import Ledger
from studies.ledger.sealed import checksum, seal, unseal
from studies.ledger.segment_index import segment_key
from studies.ledger.segments import to_segment

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ledger, list[TrialSpec], bytes]:
    """A ledger with a finished study, its trials, and their archive."""
    folder = tmp_path_factory.mktemp("source")
    ledger = Ledger(folder / "ledger")
    trials = write_finished(ledger, small_study(folder))
    ledger.commit([row(0)])  # of no study
    file = BytesIO()
    assert write_archive(ledger, "small", file, versions={"torch": "2"}) == 3
    return ledger, trials, file.getvalue()


@pytest.fixture
def target(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "target")


def imported(target: Ledger, content: bytes) -> tuple[str, int]:
    path = target.root.parent / "archive.zip"
    path.write_bytes(content)
    return read_archive(target, path)


def refusal(target: Ledger, content: bytes) -> str:
    """The sentence with which an archive is refused, after checking that nothing was written."""
    with pytest.raises(InputError) as refused:
        imported(target, content)
    assert not isinstance(refused.value, DamagedError)
    assert not target.root.exists()
    message = str(refused.value)
    assert message.startswith(str(target.root.parent / "archive.zip"))
    assert message.isprintable()
    return message.removeprefix(str(target.root.parent))


def members(content: bytes) -> Members:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(contents: Members) -> bytes:
    """An archive of these files, with the right checksums in its list."""
    manifest = unseal(contents["archive.json"], "archive.json")
    manifest["checksums"] = {name: checksum(each) for name, each in contents.items() if name != "archive.json"}
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, each in (contents | {"archive.json": seal(manifest)}).items():
            archive.writestr(name, each)
    return file.getvalue()


def test_an_archived_study_comes_back_whole(source: tuple[Ledger, list[TrialSpec], bytes], target: Ledger) -> None:
    ledger, trials, content = source
    keys = [trial.key for trial in trials]
    assert imported(target, content) == ("small", 3)
    assert contents(target, keys) == contents(ledger, keys)
    assert target.read_study("small") == ledger.read_study("small")
    assert target.read_plan("small") == ledger.read_plan("small")
    assert target.committed() == set(keys)
    assert not target.is_running("small")


def test_importing_twice_changes_nothing(source: tuple[Ledger, list[TrialSpec], bytes], target: Ledger) -> None:
    _, trials, content = source
    imported(target, content)
    before = contents(target, [trial.key for trial in trials])
    assert imported(target, content) == ("small", 3)
    assert contents(target, [trial.key for trial in trials]) == before
    assert len(list((target.root / "trials").iterdir())) == 1


def test_equal_studies_give_equal_archives(source: tuple[Ledger, list[TrialSpec], bytes], target: Ledger) -> None:
    imported(target, source[2])
    again = BytesIO()
    write_archive(target, "small", again, versions={"torch": "2"})
    assert again.getvalue() == source[2]


def test_a_large_study_is_split_into_several_segments(
    source: tuple[Ledger, list[TrialSpec], bytes], target: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "SEGMENT_BYTES", 1)
    file = BytesIO()
    write_archive(source[0], "small", file, versions={})
    assert len([name for name in members(file.getvalue()) if name.startswith("trials/")]) == 3
    assert imported(target, file.getvalue()) == ("small", 3)


def test_an_unknown_study_cannot_be_archived(source: tuple[Ledger, list[TrialSpec], bytes]) -> None:
    with pytest.raises(InputError, match="other: there is no such study in "):
        write_archive(source[0], "other", BytesIO(), versions={})


def test_damaged_entries_are_not_archived(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    trials = write_finished(ledger, small_study(tmp_path))
    first, second = ledger.rows([trial.key for trial in trials[:2]])
    ledger.remove([first.key])
    ledger.add_segment(to_segment([replace(first, generators=second.generators)]))
    with pytest.raises(DamagedError, match="the checksum of the generators"):
        write_archive(ledger, "small", BytesIO(), versions={})


def test_another_study_of_the_name_is_refused(
    source: tuple[Ledger, list[TrialSpec], bytes], tmp_path: Path, target: Ledger
) -> None:
    other = record_of(small_study(tmp_path))
    other["study"]["seeds"] = 5
    target.write_study("small", other)
    with pytest.raises(InputError, match=r"^seeds: the ledger .* holds another study 'small', with 5 here, while the "):
        imported(target, source[2])
    assert target.committed() == set()


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"PK\5\6" + bytes(18)])
def test_a_file_that_is_no_archive_is_refused(target: Ledger, content: bytes) -> None:
    refusal(target, content)


def test_a_missing_file_and_a_folder_are_refused(target: Ledger, tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(InputError, match="must be an archive that gan-study archive wrote"):
            read_archive(target, path)


@pytest.mark.parametrize("part", range(10))
def test_a_flipped_byte_is_refused_or_changes_nothing(
    source: tuple[Ledger, list[TrialSpec], bytes], target: Ledger, part: int
) -> None:
    ledger, trials, content = source
    keys = [trial.key for trial in trials]
    offset = (len(content) - 1) * (2 * part + 1) // 20
    damaged = bytearray(content)
    damaged[offset] ^= 1 << part % 8
    try:
        imported(target, bytes(damaged))
    except InputError as error:
        check_sentence(error)
        assert not target.root.exists()
    else:
        assert contents(target, keys) == contents(ledger, keys)
        assert target.read_plan("small") == ledger.read_plan("small")


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/tmp/evil",
        "trials/../../evil",
        "trials/x.parquet",
        "studies/a/study.json",
        "a\nb",
        "C:\\x",
        "trials/",
    ],
)
def test_a_name_that_belongs_in_no_archive_is_refused(
    source: tuple[Ledger, list[TrialSpec], bytes], target: Ledger, name: str
) -> None:
    assert "which belongs in no archive" in refusal(target, packed(members(source[2]) | {name: b"x"}))


def test_a_name_that_occurs_twice_is_refused(source: tuple[Ledger, list[TrialSpec], bytes], target: Ledger) -> None:
    file = BytesIO(source[2])
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("study.json", b"{}")
    assert "it holds two files of one name" in refusal(target, file.getvalue())


def test_a_compressed_file_is_refused_before_it_is_unpacked(
    source: tuple[Ledger, list[TrialSpec], bytes], target: Ledger
) -> None:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("study.json", bytes(10**7))
    assert "its study.json is compressed" in refusal(target, file.getvalue())


def test_an_encrypted_file_is_refused(source: tuple[Ledger, list[TrialSpec], bytes], target: Ledger) -> None:
    content = bytearray(source[2])
    for mark, position in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = content.find(mark)
        while start >= 0:
            content[start + position] |= 1
            start = content.find(mark, start + 1)
    refusal(target, bytes(content))


def test_a_link_in_an_archive_is_read_as_a_file(source: tuple[Ledger, list[TrialSpec], bytes], target: Ledger) -> None:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, each in members(source[2]).items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o120777 << 16
            archive.writestr(info, each)
    assert imported(target, file.getvalue()) == ("small", 3)
    assert not [path for path in target.root.rglob("*") if path.is_symlink()]


@pytest.mark.parametrize("name", ["archive.json", "study.json", "plan.json.gz"])
def test_a_missing_file_is_refused(source: tuple[Ledger, list[TrialSpec], bytes], target: Ledger, name: str) -> None:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for member, each in members(source[2]).items():
            if member != name:
                archive.writestr(member, each)
    assert f"it holds no {name}" in refusal(target, file.getvalue())


def renamed(record: dict, name: object) -> dict:
    return {**record, "study": {**record["study"], "name": name}}


RECORDS: dict[str, Callable[[dict], object]] = {
    "study a list": lambda record: {**record, "study": []},
    "no provenance": lambda record: {"study": record["study"]},
    "provenance with more": lambda record: {**record, "provenance": {**record["provenance"], "x": 1}},
    "name a path": lambda record: renamed(record, "../../evil"),
    "name a list": lambda record: renamed(record, ["a"]),
    "no conditions": lambda record: {**record, "study": {**record["study"], "conditions": None}},
}


@pytest.mark.parametrize("change", RECORDS)
def test_a_forged_record_is_refused(source: tuple[Ledger, list[TrialSpec], bytes], target: Ledger, change: str) -> None:
    contents = members(source[2])
    record = RECORDS[change](unseal(contents["study.json"], ""))
    with pytest.raises(InputError) as refused:
        imported(target, packed(contents | {"study.json": seal(record)}))  # type: ignore[arg-type]
    assert str(refused.value).isprintable()
    assert not target.root.exists()


def test_a_record_of_a_users_class_imports_no_module(
    source: tuple[Ledger, list[TrialSpec], bytes], target: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evil_module.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    contents = members(source[2])
    record = unseal(contents["study.json"], "")
    record["study"]["data"] = {"kind": "evil_module:Data"}
    record["provenance"]["sources"] = {"evil_module": "0"}
    with pytest.raises(InputError):
        imported(target, packed(contents | {"study.json": seal(record)}))


def test_a_trial_that_is_not_one_of_the_study_is_refused(
    source: tuple[Ledger, list[TrialSpec], bytes], target: Ledger
) -> None:
    segment = to_segment([row(7)])
    message = refusal(target, packed(members(source[2]) | {segment_key(segment): segment}))
    assert f"its trial {row(7).key} is not one of the study's" in message


def test_a_plan_that_the_study_cannot_have_is_refused(
    source: tuple[Ledger, list[TrialSpec], bytes], target: Ledger
) -> None:
    plan = [asdict(source[1][0]) | {"address": "0" * 24}]
    message = refusal(target, packed(members(source[2]) | {"plan.json.gz": archives.pack_plan(plan)}))
    assert "the addresses of its trial wgan-explore-0 are wrong" in message


def test_an_entry_whose_samples_are_another_trials_is_refused(
    source: tuple[Ledger, list[TrialSpec], bytes], target: Ledger
) -> None:
    trials = source[1]
    first, second = (row_of(trial.identity, trial.evaluation, trial.index) for trial in trials[:2])
    segment = to_segment([replace(first, samples=second.samples)])
    kept = {name: each for name, each in members(source[2]).items() if not name.startswith("trials/")}
    message = refusal(target, packed(kept | {segment_key(segment): segment}))
    assert "the checksum of the samples" in message


def test_a_list_of_files_that_is_none_is_refused(source: tuple[Ledger, list[TrialSpec], bytes], target: Ledger) -> None:
    lists: list[object] = [[], {}, {"study.json": 1}, None]
    for checksums in lists:
        file = BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, each in (members(source[2]) | {"archive.json": seal({"checksums": checksums})}).items():
                archive.writestr(name, each)
        assert "its files are not those that archive.json lists" in refusal(target, file.getvalue())


def test_the_list_of_files_says_study_trials_and_versions(source: tuple[Ledger, list[TrialSpec], bytes]) -> None:
    manifest = json.loads(members(source[2])["archive.json"])
    assert (manifest["study"], manifest["trials"], manifest["versions"]) == ("small", 3, {"torch": "2"})
