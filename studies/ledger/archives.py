"""Archives: one file with a study and its finished trials, for another machine or to accompany a paper.

An archive is a ZIP file without compression: `archive.json` with the checksum of every other file, `study.json`,
`plan.json.gz`, the records of further evaluations, and segments with the entries of the study's finished trials.
"""

import re
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from studies.design import Provenance, trial_key
from studies.errors import DamagedError, InputError
from studies.file.study import Study, fixed_part
from studies.file.trees import differences
from studies.file.validation import check_name
from studies.ledger.entries import checked_row
from studies.ledger.evaluations import parse_evaluation, read_evaluations, write_evaluation
from studies.ledger.inventory import keys_of
from studies.ledger.ledger import Ledger
from studies.ledger.plan_parts import pack_plan, unpack_plan
from studies.ledger.plans import planned_trials
from studies.ledger.sealed import checksum, seal, unseal
from studies.ledger.segment_index import segment_key
from studies.ledger.segments import Row, Segment, to_segment

MANIFEST, RECORD, PLAN = "archive.json", "study.json", "plan.json.gz"
_SEGMENT = re.compile(r"trials/[0-9a-f]{32}\.parquet")
_EVALUATION = re.compile(r"evaluations/[0-9a-f]{12}\.json")
_DATE = (1980, 1, 1, 0, 0, 0)
"""Time of every file in an archive, so that one ledger gives the same bytes each time."""
SEGMENT_BYTES = 2**26
"""Size from which a further segment is begun."""


def write_archive(ledger: Ledger, name: str, file: BinaryIO, *, versions: dict[str, Any]) -> int:
    """Write a study and its finished trials into a file, and return the number of these trials.

    versions  versions of the packages that write the archive

    Errors: `InputError` if there is no such study, and for damaged entries.
    """
    record = ledger.read_study(name)
    if record is None:
        raise InputError(f"{name}: there is no such study in {ledger.root}")
    plan, evaluations = ledger.read_plan(name), read_evaluations(ledger, name)
    keys = [trial_key(trial["address"], trial["evaluation_address"]) for trial in plan]
    keys += sorted(keys_of(ledger, name).difference(keys))
    finished = ledger.finished(keys)
    checksums: dict[str, str] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:

        def add(member: str, content: bytes) -> None:
            archive.writestr(zipfile.ZipInfo(member, _DATE), content)
            checksums[member] = checksum(content)

        add(RECORD, seal(record))
        add(PLAN, pack_plan(plan))
        for identifier, evaluation in sorted(evaluations.items()):
            add(f"evaluations/{identifier}.json", evaluation.record())
        for segment in _segments(ledger.rows(key for key in keys if key in finished)):
            add(segment_key(segment), segment)
        trials = sum(key.count(".") == 1 for key in finished)  # without entries of further evaluations
        manifest = {"study": name, "trials": trials, "versions": versions, "checksums": dict(checksums)}
        archive.writestr(zipfile.ZipInfo(MANIFEST, _DATE), seal(manifest))
    return trials


def _segments(rows: Iterator[Row]) -> Iterator[bytes]:
    held: list[Row] = []
    size = 0
    for row in rows:
        held.append(row)
        size += row.size
        if size > SEGMENT_BYTES:
            yield to_segment(held)
            held, size = [], 0
    if held:
        yield to_segment(held)


def read_archive(ledger: Ledger, path: Path) -> tuple[str, int]:
    """Verify an archive, write its study into the ledger, and return the study's name and its number of trials.

    Nothing is written unless everything is what the archive says: checksums, addresses, and that each trial is one of
    the study's.

    Errors: `InputError` for a file that is no archive, is damaged, or holds another study than the ledger's of the same
    name.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _import(ledger, archive, str(path))
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: must be an archive that gan-study archive wrote ({error})") from None
    except DamagedError as error:
        raise InputError(f"{error.place}: is damaged ({error.reason}); nothing was imported") from None


def _import(ledger: Ledger, archive: zipfile.ZipFile, place: str) -> tuple[str, int]:
    contents = _checked_contents(archive, place)
    record = unseal(contents[RECORD](), f"{place}: {RECORD}")
    name, study, provenance = _recorded(record, f"{place}: {RECORD}")
    plan = unpack_plan(contents[PLAN](), f"{place}: {PLAN}")
    trials = planned_trials(plan, study, provenance, f"{place}: {PLAN}")
    evaluations = [
        parse_evaluation(content(), member.rpartition("/")[2], f"{place}: {member}")
        for member, content in contents.items()
        if _EVALUATION.fullmatch(member)
    ]
    keys = {trial.key for trial in trials} | {one.key_of(trial) for one in evaluations for trial in trials}
    _refuse_another(ledger, name, study, {trial.key for trial in trials})
    segments = [member for member in contents if _SEGMENT.fullmatch(member)]
    held = [key for member in segments for key in _verified_keys(contents[member](), member, place)]
    if foreign := set(held) - keys:
        raise DamagedError(place, f"its trial {min(foreign)} is not one of the study's")
    with ledger.writing(name) as lease:
        for member in segments:
            ledger.add_segment(contents[member]())
        ledger.write_study(name, record)
        ledger.write_plan(name, plan, run=lease.number, part=0)
        for evaluation in evaluations:
            write_evaluation(ledger, name, evaluation)
    return name, len({key for key in held if key.count(".") == 1})


def _recorded(record: dict[str, Any], place: str) -> tuple[str, Study, Provenance]:
    """Name, study and provenance in a study's record."""
    try:
        name = check_name(record["study"]["name"], ("name",))
        provenance = Provenance.from_table(record["provenance"])
        return name, Study.from_record(record["study"], provenance.sources), provenance
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedError(place, f"it is no record of a study ({error!r})") from None


def _checked_contents(archive: zipfile.ZipFile, place: str) -> dict[str, Callable[[], bytes]]:
    """Functions that read each member of an archive, by name; names, sizes and checksums are checked first."""
    members = {info.filename: info for info in archive.infolist()}
    if len(members) != len(archive.infolist()):
        raise DamagedError(place, "it holds two files of one name")
    for member, info in members.items():
        known = member in (MANIFEST, RECORD, PLAN) or _SEGMENT.fullmatch(member) or _EVALUATION.fullmatch(member)
        if not known:
            raise DamagedError(place, f"it holds {member[:60]!r}, which belongs in no archive")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise DamagedError(place, f"its {member} is compressed")
    if missing := {MANIFEST, RECORD, PLAN} - members.keys():
        raise DamagedError(place, f"it holds no {min(missing)}")
    checksums = unseal(archive.read(MANIFEST), f"{place}: {MANIFEST}").get("checksums")
    if not isinstance(checksums, dict) or checksums.keys() != members.keys() - {MANIFEST}:
        raise DamagedError(place, "its files are not those that archive.json lists")
    for member, expected in checksums.items():
        if checksum(archive.read(member)) != expected:
            raise DamagedError(place, f"the checksum of its {member} is wrong")
    return {member: partial(archive.read, member) for member in checksums}


def _verified_keys(content: bytes, member: str, place: str) -> list[str]:
    """Keys of the entries in a segment, each checked with all of its columns."""
    segment = Segment(BytesIO(content), member.rpartition("/")[2].removesuffix(".parquet"), f"{place}: {member}")
    for row in segment.light_rows():
        checked_row(segment, row)
    return list(segment.keys)


def _refuse_another(ledger: Ledger, name: str, study: Study, keys: set[str]) -> None:
    """Check that a study of this name in the ledger is the archive's, and has no trials beyond the archive's `keys`."""
    former = ledger.read_study(name)
    if former is None:
        return
    recorded = Study.from_record(former["study"], former.get("provenance", {}).get("sources", {}))
    for path, before, after in differences(fixed_part(recorded.table()), fixed_part(study.table())):
        raise InputError(
            f"{path}: the ledger {ledger.root} holds another study {name!r}, with {before!r} here, while the archive "
            f"has {after!r}; import it with --root into another ledger"
        )
    planned = {trial_key(trial["address"], trial["evaluation_address"]) for trial in ledger.read_plan(name)}
    if more := planned - keys:
        raise InputError(
            f"{name}: the ledger {ledger.root} holds it with {len(more)} trials that the archive does not have; import "
            "it with --root into another ledger"
        )
