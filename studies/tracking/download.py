"""Download of a study's results from a tracking server: its bundle, and the runs of trials that are not in it."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Any, TypeVar, get_args

from studies.design import Provenance
from studies.errors import DamagedError, InputError, TrackingError
from studies.file.messages import escape_control, nearest
from studies.file.study import Study
from studies.ledger.entries import Entry, from_row
from studies.ledger.fact_checks import is_number
from studies.ledger.ledger import Ledger
from studies.ledger.plan_parts import unpack_plan
from studies.ledger.plans import planned_trials
from studies.ledger.sealed import checksum, unseal
from studies.ledger.segments import LightRow, Segment
from studies.ledger.trial_records import TrialRecord, without_collection
from studies.ledger.unfinished import EndState, TrialEnd
from studies.tables.results import Results
from studies.tracking.bundle import FIRST_BUNDLE_TAG, PLAN, SEGMENT, Bundle
from studies.tracking.connection import client_of, default_address, requests_to, shown_address
from studies.tracking.run_content import ENTRY_FOLDER, TRIAL_FILE
from studies.tracking.run_count import RUNS_TAG
from studies.tracking.run_files import RunFiles
from studies.tracking.run_search import KEY_TAG, search

RECORD = "study.json"
"""Artifact of the study's run: its record in the ledger."""
DOWNLOADS = 8
"""Number of trials whose files are downloaded at the same time."""
_KEY = re.compile(r"[0-9a-f]{24}\.[0-9a-f]{12}")
_SEGMENT_FILE = re.compile(r"[0-9a-f]{32}\.parquet")
_Value = TypeVar("_Value")


def fetch(name: str, uri: str | None, *, searched: Ledger | None = None) -> Results:
    """Results of a study on a tracking server; nothing is written to this machine.

    searched  a ledger that was searched without finding the study, to be named in the error message

    Errors: `InputError` if the server has no such study; `TrackingError` if it cannot be reached, refuses, or has a
    damaged file.
    """
    with requests_to(uri):
        client, store = client_of(uri), uri or default_address()
        address = shown_address(store)
        parent = _parent(client, name)
        if parent is None:
            raise _unknown(client, name, address, searched)
        download = _Download(client, RunFiles(store, address), parent, name, address, uri)
        with without_collection():
            return download.checked(download.results)


class _Download:
    """The download of one study; `parent` is the study's run."""

    def __init__(self, client: Any, files: RunFiles, parent: Any, name: str, address: str, uri: str | None):
        self._client, self._files, self._parent = client, files, parent
        self._name, self._address, self._uri = name, address, uri

    def checked(self, read: Callable[[], _Value]) -> _Value:
        """The value of `read()`, whose errors about damage are raised as `TrackingError`."""
        try:
            return read()
        except DamagedError as error:
            raise TrackingError(
                f"{self._name}: its files in MLflow at {self._address} are damaged ({error.place}: {error.reason}); "
                "gan-study sync writes them again from the ledger"
            ) from None

    def results(self) -> Results:
        """The study's results, everything checked."""
        record, study, provenance = self._record()
        bundle, tables, entries = self._bundle()
        after = [] if self._one_run else self._runs_after(bundle)
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            newer = list(pool.map(self._newer, after))
        for table, entry in (pair for pair in newer if pair is not None):
            tables[_name_in(table)] = table
            if entry is not None:
                entries[entry.key] = entry
        records = _records(list(tables.values()), entries, study, provenance)
        outcome = escape_control(self._parent.data.tags.get("outcome", "not finished"))
        incomplete = "" if outcome.startswith("finished") else outcome.partition(";")[0]
        return Results(record, lambda *_: records, self._address, incomplete=incomplete)

    @property
    def _one_run(self) -> bool:
        """True if the study's run holds all trials; runs of trials are then those of a smaller study."""
        return bool(self._parent.data.tags.get(RUNS_TAG) == "study")

    def _record(self) -> tuple[dict[str, Any], Study, Provenance]:
        """The study's record, and the study and provenance in it."""
        record = unseal(self._required(self._parent, RECORD), RECORD)
        try:
            provenance = Provenance.from_table(record["provenance"])
            study = Study.from_record(record["study"], provenance.sources)
            question, environment = record["question"], record["environment"]
        except Exception as error:  # a forged record can have any shape
            raise DamagedError(RECORD, f"it holds no study: {escape_control(str(error)[:200])}") from None
        if study.name != self._name:
            raise DamagedError(RECORD, f"it is the record of {study.name}")
        readable = isinstance(question, str) and all(letter.isprintable() or letter == "\n" for letter in question)
        if not readable or not isinstance(environment, dict):
            raise DamagedError(RECORD, "its question or its environment cannot be read")
        return record, study, provenance

    def _required(self, run: Any, path: str) -> bytes:
        content = self._files.read(run, path)
        if content is None:
            raise DamagedError(path, "it is missing")
        return content

    # -- the bundle --------------------------------------------------------------------------------------------------

    def _bundle(self) -> tuple[Bundle, dict[str, dict[str, Any]], dict[str, Entry]]:
        """The valid bundle, its tables of trials by name, and its entries by key.

        Downloads the next bundle if this one is overwritten meanwhile.
        """
        tags = self._parent.data.tags
        while (bundle := Bundle.from_tags(tags)).number:
            try:
                return bundle, *self._read_bundle(bundle)
            except DamagedError:
                self._files.forget(self._parent)
                tags = self._client.get_run(self._parent.info.run_id).data.tags
                if Bundle.from_tags(tags) == bundle:
                    raise
        return bundle, {}, {}

    def _read_bundle(self, bundle: Bundle) -> tuple[dict[str, dict[str, Any]], dict[str, Entry]]:
        place = f"{bundle.folder}/{PLAN}"
        plan = self._required(self._parent, place)
        if checksum(plan) != bundle.plan:
            raise DamagedError(place, "its checksum is not the one in the run's tag")
        listed = unpack_plan(plan, place)
        tables = {_name_in(table): table for table in listed}
        if len(tables) < len(listed):
            raise DamagedError(place, "a trial is there twice")
        if not bundle.segment:
            return tables, {}
        place = f"{bundle.folder}/{SEGMENT}"
        segment = Segment(BytesIO(self._required(self._parent, place)), bundle.segment, place)
        rows = segment.light_rows()
        return tables, {row.key: from_row(row, place, partial(self._heavy, row)) for row in rows}

    # -- runs of trials ----------------------------------------------------------------------------------------------

    def _runs_after(self, bundle: Bundle) -> list[Any]:
        """The runs of trials whose latest state is not in the bundle; of all trials if there is no bundle."""
        newer = f"tags.`{FIRST_BUNDLE_TAG}` = '{bundle.next_number}'" if bundle.number else "tags.kind = 'trial'"
        return [run for run in self._runs(newer) if _KEY.fullmatch(run.data.tags.get(KEY_TAG, ""))]

    def _runs(self, condition: str) -> list[Any]:
        own = f"tags.`mlflow.parentRunId` = '{self._parent.info.run_id}' AND {condition}"
        return search(self._client, self._parent.info.experiment_id, own)

    def _newer(self, run: Any) -> tuple[dict[str, Any], Entry | None] | None:
        """The table and the entry of a trial from the artifacts of its run; None if the run has no table yet."""
        content = self._files.read(run, TRIAL_FILE)
        if content is None:
            return None
        table = unseal(content, f"{TRIAL_FILE} of run {escape_control(run.info.run_id)}")
        if run.info.status in ("RUNNING", "KILLED") and table.get("end") is None:
            return {**table, "state": "running" if run.info.status == "RUNNING" else "interrupted"}, None
        if table.get("state") != "finished":
            return table, None
        return table, self._entry(run)

    def _entry(self, run: Any, folder: str = ENTRY_FOLDER) -> Entry:
        """The entry in a folder of the artifacts of a finished trial's run, or of the study's."""
        names = [name for name in self._files.names(run, folder) if _SEGMENT_FILE.fullmatch(name)]
        if len(names) != 1:
            raise DamagedError(
                f"{folder} of run {escape_control(run.info.run_id)}", f"it holds {len(names)} entries, not one"
            )
        place = f"{folder}/{names[0]}"
        content, place = self._required(run, place), f"{place} of run {escape_control(run.info.run_id)}"
        segment = Segment(BytesIO(content), names[0].removesuffix(".parquet"), place)
        rows = segment.light_rows()
        if len(rows) != 1:
            raise DamagedError(place, f"it holds {len(rows)} entries, not one")
        return from_row(rows[0], place, partial(segment.heavy, 0))

    def _heavy(self, row: LightRow, column: str) -> Any:
        """A heavy column of an entry in the bundle, which holds none: it is in the trial's own run, or beside it."""
        with requests_to(self._uri):
            if self._one_run:
                return self.checked(lambda: self._column_beside(row, column))
            runs = self._runs(f"tags.`{KEY_TAG}` = '{row.key}'")
            if not runs:
                raise TrackingError(f"{self._name}: MLflow at {self._address} has no run of the trial {row.key}")
            return self.checked(lambda: self._column(self._entry(runs[0]), row, column))

    def _column_beside(self, row: LightRow, column: str) -> Any:
        """A heavy column of a confirmed trial's entry, which is an artifact of the study's run."""
        folder = f"{ENTRY_FOLDER}/{row.key}"
        if not self._files.names(self._parent, folder):
            raise InputError(
                f"{self._name}: in MLflow at {self._address}, where one run holds all trials, are the generators, "
                "samples and logs of confirm trials alone"
            )
        return self._column(self._entry(self._parent, folder), row, column)

    def _column(self, entry: Entry, row: LightRow, column: str) -> Any:
        if json.dumps(entry.facts) != row.facts:
            raise DamagedError(entry.place, f"it is not the entry of {row.key}")
        content = entry.heavy(column)
        if column == "generators" and not content.size:
            raise InputError(f"{self._name}: in MLflow at {self._address} are the generators of confirm trials alone")
        check = {"generators": entry.generators, "samples": entry.samples, "log": entry.log}[column]
        check()
        return content


def _records(
    tables: Sequence[Mapping[str, Any]], entries: Mapping[str, Entry], study: Study, provenance: Provenance
) -> list[TrialRecord]:
    """The records of trials, each held against the study's record."""
    place = "the list of its trials"
    by_name = {_name_in(table): table for table in tables}
    specs = planned_trials([table["spec"] for table in tables], study, provenance, place)
    return [_record(by_name[spec.name], TrialRecord(spec, "finished", entries.get(spec.key)), place) for spec in specs]


def _record(table: Mapping[str, Any], record: TrialRecord, place: str) -> TrialRecord:
    state, end = str(table.get("state")), table.get("end")
    if state == "finished" and record.entry is not None:
        return record
    if state in ("running", "interrupted") and end is None:
        return replace(record, state=state, entry=None)
    if state in get_args(EndState) and isinstance(end, Mapping) and end.get("state") == state:
        return replace(record, state=state, entry=None, end=_end(end, f"{place}: {record.spec.name}"))
    raise DamagedError(place, f"{record.spec.name} is said to be {state[:40]!r}, but that is not what is there")


def _end(table: Mapping[str, Any], place: str) -> TrialEnd:
    """The end of a trial in a table of `bundle.to_table`."""
    try:
        end = TrialEnd(**table)
    except TypeError:
        raise DamagedError(place, "its end cannot be read") from None
    if not isinstance(end.reason, str) or not isinstance(end.detail, str) or not is_number(end.at):
        raise DamagedError(place, "its end cannot be read")
    return end


def _name_in(table: Mapping[str, Any]) -> str:
    """Name of the trial in a table of `bundle.to_table`."""
    try:
        spec = table["spec"]
        return f"{spec['condition']}-{spec['phase']}-{spec['index']}"
    except (KeyError, TypeError):
        raise DamagedError("the list of its trials", "it holds something that is no trial") from None


def _parent(client: Any, name: str) -> Any | None:
    """The run of the study with this name, the newest if there are several; None if there is none."""
    experiment = client.get_experiment_by_name(name)
    parents = search(client, experiment.experiment_id, "tags.kind = 'study'") if experiment else []
    return parents[0] if parents else None


def _unknown(client: Any, name: str, address: str, searched: Ledger | None) -> InputError:
    names = {experiment.name for experiment in client.search_experiments()}
    names |= set(searched.studies() if searched else ())
    near = nearest(name, sorted(names - {name}))
    hint = f"did you mean {escape_control(near)}?" if near else "gan-study sync records it there from its ledger"
    if searched is None:
        return InputError(f"{escape_control(name)}: MLflow at {address} has no such study; {hint}")
    return InputError(
        f"{escape_control(name)}: there is no such study in {searched.root} nor in MLflow at {address}; {hint}"
    )
